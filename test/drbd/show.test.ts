import fc from 'fast-check';
import t from 'tap';
import { isSameValue } from '../../src/drbd/config-options.js';
import { parseDumpXml, type ConfiguredResource } from '../../src/drbd/config-query.js';
import { parseConfigText } from '../../src/drbd/config-text.js';
import { compareConfig, describeDifference } from '../../src/drbd/running-config.js';
import { parseShow, type Options, type RunningResource } from '../../src/drbd/show.js';
import { samplesIn, skipWithoutSamples } from './samples.js';

function values(options: Options): Record<string, string> {
  return Object.fromEntries([...options].map(([name, { value }]) => [name, value]));
}

const SHOW = `resource r0 {
    options {
        cpu-mask        	""; # default
    }
    net {
        protocol        	C; # default
        timeout         	20; # 1/10 seconds
        ping-int        	10; # seconds, default
        shared-secret   	"a;}b\\"c";
        sndbuf-size     	2097152; # bytes
    }
    _remote_host {
        address			ipv4 10.9.1.12:7788;
    }
    _this_host {
        address			ipv4 10.9.1.11:7788;
        volume 0 {
            device			minor 0;
            disk			"/dev/mapper/a";
            meta-disk			internal;
            disk {
                fencing         	dont-care; # default
                resync-rate     	2048k; # bytes/second
            }
        }
    }
}
`;

t.test('show of 8.4: every part, and what is a default', (t) => {
  const { resources, problems } = parseShow(SHOW);
  t.same(problems, []);
  const [r0] = resources;
  if (r0 === undefined) throw new Error('no resource');
  t.equal(r0.name, 'r0');
  const [connection] = r0.connections;
  t.match(connection, { local: 'ipv4:10.9.1.11:7788', remote: 'ipv4:10.9.1.12:7788' });
  t.equal(connection?.netOptions.get('shared-secret')?.value, 'a;}b"c');
  t.same(connection?.netOptions.get('timeout'), { value: '20', isDefault: false });
  t.same(connection?.netOptions.get('ping-int'), { value: '10', isDefault: true });
  t.match(r0.volumes, [{ volume: 0, minor: 0, disk: '/dev/mapper/a', metaDisk: 'internal' }]);
  t.same(r0.volumes[0]?.diskOptions.get('resync-rate'), { value: '2048k', isDefault: false });
  t.end();
});

t.test('show of 9, as text: peers, paths and their volumes', (t) => {
  const text = `resource "r0" {
    options { quorum majority; }
    _this_host {
        node-id 0;
        volume 0 { device minor 7; disk "/dev/sda7"; meta-disk internal; disk { } }
    }
    connection {
        _peer_node_id 1;
        path { _this_host ipv4 10.1.1.1:7789; _remote_host ipv4 10.1.1.2:7789; }
        _cstate Connected;
        net { allow-two-primaries yes; _name "n2"; }
        volume 0 { disk { resync-rate 500k; } }
    }
}`;
  const { resources, problems } = parseShow(text);
  t.same(problems, []);
  t.match(resources[0]?.connections, [
    { peer: 'n2', local: 'ipv4:10.1.1.1:7789', remote: 'ipv4:10.1.1.2:7789' },
  ]);
  const [connection] = resources[0]?.connections ?? [];
  t.same(values(connection?.netOptions ?? new Map()), { 'allow-two-primaries': 'yes' });
  t.same(values(connection?.peerVolumes[0]?.diskOptions ?? new Map()), { 'resync-rate': '500k' });
  t.end();
});

t.test('show: real texts of 8.0 to 9.34 are understood whole', { skip: skipWithoutSamples }, (t) => {
  const texts = [...samplesIn('userland')]
    .filter(([name]) => /show-|ganeti-bdev/.test(name))
    .map(([name, text]) => [name, text.slice(Math.max(text.search(/^\[/m), 0))] as const);
  t.equal(texts.length, 10);
  for (const [name, text] of texts) {
    const { resources, problems } = parseShow(text);
    t.same(problems, [], name);
    t.equal(resources.length, 1, name);
    const told = JSON.stringify(resources.map(flat));
    for (const [word] of text.matchAll(/\/dev\/[\w./]+|\b\d+\.\d+\.\d+\.\d+:\d+/g)) {
      if (!/^\/dev\/drbd/.test(word)) t.match(told, word, `${name} tells ${word}`);
    }
  }
  t.end();
});

function flat({ volumes, connections }: RunningResource): unknown {
  return { volumes, connections };
}

t.test('show: what is not known is told with its place, and the rest stands', (t) => {
  const text = 'resource r0 {\n  net {\n    tiemout 20;\n  }\n  gadget { x; }\n  _this_host { volume 0 { device minor 3; } }\n}\n}\n';
  const { resources, problems } = parseShow(text);
  t.same(
    problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
    [
      '8:1 a closing brace without a block',
      '3:5 unknown word in section net: "tiemout"',
      '5:3 unknown word in a resource: "gadget"',
    ],
  );
  t.equal(resources[0]?.volumes[0]?.minor, 3);
  t.equal(resources[0]?.connections[0]?.netOptions.get('tiemout')?.value, '20', 'kept');
  const json = '[ { "resource": "r0", "colour": 1, "_this_host": { "volumes": [ { "volume_nr": 0, "device_minor": 3, "disk": { "fancy": true } } ] } } ]';
  t.match(parseShow(json).problems, [{ message: /"colour"/ }, { message: /"fancy"/ }]);
  t.end();
});

t.test('show: any text gives a value, and places that are in it', (t) => {
  const bits = ['{', '}', ';', '"', '#', '\\', '\n', 'net', 'resource', 'r0', 'disk', 'volume', ' ', '0', '[', 'é'];
  const noise = fc.array(fc.constantFrom(...bits), { maxLength: 40 }).map((parts) => parts.join(''));
  const spoilt = fc
    .tuple(fc.nat(SHOW.length), fc.nat(9), noise)
    .map(([at, cut, text]) => SHOW.slice(0, at) + text + SHOW.slice(at + cut));
  fc.assert(
    fc.property(fc.oneof(noise, spoilt, fc.string()), (text) => {
      const lines = text.split('\n');
      return parseShow(text).problems.every(
        ({ line, column }) =>
          line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1,
      );
    }),
    { numRuns: 2_000 },
  );
  t.end();
});

t.test('show: what is printed is read back', (t) => {
  const value = fc.stringMatching(/^[\w.:;{}"\\# -]{1,12}$/);
  const options = fc.dictionary(fc.constantFrom('timeout', 'ping-int', 'verify-alg', 'shared-secret'), value);
  fc.assert(
    fc.property(options, (net) => {
      const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
      const lines = Object.entries(net).map(([name, text]) => `  ${name}\t${quoted(text)}; # seconds`);
      const text = `resource r0 {\n net {\n${lines.join('\n')}\n }\n _remote_host { address ipv4 1.2.3.4:5; }\n}\n`;
      const { resources, problems } = parseShow(text);
      const read = values(resources[0]?.connections[0]?.netOptions ?? new Map<string, never>());
      return problems.length === 0 && JSON.stringify(read) === JSON.stringify(net);
    }),
  );
  t.end();
});

t.test('show: hostile texts are read once, and no deeper than drbdsetup nests', (t) => {
  for (const bit of ['{', '}', '"', '"\\', 'a ', 'a;', '#', 'net{', '\n{', '"a" ']) {
    const text = bit.repeat(Math.ceil(400_000 / bit.length));
    t.ok(parseConfigText(text).problems.length <= 100, JSON.stringify(bit));
  }
  t.match(parseConfigText('a{'.repeat(30)).problems[0], { message: /more than 20 deep/ });
  t.end();
});

// --- against the files ---------------------------------------------------------------------------

const XML = `<config file="/etc/drbd.conf">
<common><section name="net"><option name="timeout" value="60"/></section></common>
<resource name="r0" conf-file-line="/etc/drbd.d/r0.res:1">
  <host name="n1">
    <volume vnr="0"><device minor="0">/dev/drbd0</device><disk>/dev/mapper/a</disk><meta-disk>internal</meta-disk></volume>
    <address family="ipv4" port="7788">10.9.1.11</address>
  </host>
  <host name="n2">
    <volume vnr="0"><device minor="0">/dev/drbd0</device><disk>/dev/mapper/a</disk><meta-disk>internal</meta-disk></volume>
    <address family="ipv4" port="7788">10.9.1.12</address>
  </host>
  <section name="net">
    <option name="timeout" value="20"/>
    <option name="shared-secret" value="a;}b&quot;c"/>
    <option name="sndbuf-size" value="2M"/>
  </section>
  <section name="disk"><option name="resync-rate" value="2M"/></section>
</resource>
</config>`;

function told(show: string, xml: string): readonly string[] {
  const [running] = parseShow(show).resources;
  const [configured] = parseDumpXml(xml).resources as [ConfiguredResource];
  if (running === undefined) throw new Error('no resource');
  return compareConfig(running, configured, 'n1').map(describeDifference);
}

t.test('the kernel against the files: the same in other units is the same', (t) => {
  t.same(told(SHOW, XML), []);
  t.ok(isSameValue('resync-rate', '2048', '2M'));
  t.ok(isSameValue('congestion-fill', '128s', '64k'));
  t.ok(isSameValue('allow-two-primaries', 'yes', 'true'));
  t.notOk(isSameValue('timeout', '20', '20k'));
  t.end();
});

t.test('the kernel against the files: each difference has its sentence', (t) => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['port="7788">10.9.1.12', 'port="7790">10.9.1.12', 'address of n2 is ipv4:10.9.1.12:7788, the files say ipv4:10.9.1.12:7790'],
    ['value="20"', 'value="30"', 'net timeout is 20, the files say 30'],
    ['name="timeout" value="20"', 'name="ping-int" value="10"', 'net timeout is 20, the files say 60'],
    ['value="a;}b&quot;c"', 'value="other"', 'net shared-secret is another one, the files say one'],
    ['<disk>/dev/mapper/a', '<disk>/dev/mapper/b', 'volume 0 disk is /dev/mapper/a, the files say /dev/mapper/b'],
    ['<device minor="0">', '<device minor="4">', 'volume 0 minor is 0, the files say 4'],
    ['<volume vnr="0">', '<volume vnr="1">', 'volume 1 is not there, the files say minor 0'],
    ['value="2M"/></section>\n</res', 'value="4M"/></section>\n</res', 'volume 0 disk resync-rate is 2048k, the files say 4M'],
    ['</resource>', '<section name="disk"><option name="fencing" value="resource-only"/></section></resource>', 'volume 0 disk fencing is dont-care, the files say resource-only'],
  ];
  for (const [from, to, sentence] of rows) {
    const xml = XML.replace(from, to);
    t.not(xml, XML, `${from} is there`);
    t.ok(told(SHOW, xml).includes(sentence), `${sentence}: ${told(SHOW, xml).join(' | ')}`);
  }
  const gone = XML.replace('<option name="timeout" value="20"/>', '').replace(/<common>.*<\/common>/, '');
  t.same(told(SHOW, gone), ['net timeout is 20, the files do not set it']);
  t.end();
});

t.test('dump-xml: sections of the resource, of common and of a volume', (t) => {
  const [resource] = parseDumpXml(XML).resources;
  t.same(Object.fromEntries(resource?.sections.net ?? []), {
    timeout: '20',
    'shared-secret': 'a;}b"c',
    'sndbuf-size': '2M',
  });
  const own = XML.replace('</meta-disk></volume>', '</meta-disk><section name="disk"><option name="disk-barrier"/></section></volume>');
  const [host] = parseDumpXml(own).resources[0]?.hosts ?? [];
  t.same(Object.fromEntries(host?.volumes[0]?.diskOptions ?? []), { 'disk-barrier': 'yes' });
  t.end();
});
