import fc from 'fast-check';
import t from 'tap';
import {
  hostSection,
  parseDumpXml,
  parseResourceList,
  resourceMap,
} from '../../src/drbd/config-query.js';
import { parseEvents2Line, type Events2Line } from '../../src/drbd/events2.js';
import { samplesIn, skipWithoutSamples } from './samples.js';

const host = (name: string, last: number, offset = 0): string => `
    <host name="${name}">
        <volume vnr="0">
            <device minor="${offset}">/dev/drbd${offset}</device>
            <disk>/dev/vda</disk>
            <meta-disk>internal</meta-disk>
        </volume>
        <volume vnr="1">
            <device minor="${offset + 1}">/dev/drbd${offset + 1}</device>
            <disk>/dev/mapper/a&amp;b</disk>
            <meta-disk index="0">/dev/vdz</meta-disk>
        </volume>
        <address family="ipv4" port="7789">10.9.1.${last}</address>
    </host>`;

const XML = `<config file="/etc/drbd.conf">
  <common><section name="disk"><option name="al-extents" value="1237"/></section></common>
  <resource name="r0" conf-file-line="/etc/drbd.d/r0.res:1">${host('n1', 1)}${host('n2', 2, 10)}
    <section name="net"><option name="protocol" value="C"/>
      <option name="allow-two-primaries"/></section>
  </resource>
  <resource name="r1" conf-file-line="/etc/drbd.d/r1.res:1">
    <host name="n1 n1.example.org">
      <volume vnr="0"><device minor="7">/dev/drbd7</device><disk>/dev/vdc</disk></volume>
      <address family="ipv6" port="7790">fe80::1</address>
    </host>
    <connection><host name="n1"><address family="ipv4" port="7790">10.9.2.1</address></host>
      <volume vnr="0"><section name="disk"></section></volume></connection>
    <template file="x">
  </resource>
</config>
`;

t.test('config query: the fencing policy, of the resource or of section common', (t) => {
  const policies = (xml: string): unknown =>
    parseDumpXml(xml).resources.map(({ fencing }) => fencing ?? 'not said');
  t.same(policies(XML), ['not said', 'not said']);
  const option = (value: string): string => `<option name="fencing" value="${value}"/>`;
  const own = XML.replace('<section name="net">', `<section name="net">${option('resource-only')}`);
  t.same(policies(own), ['resource-only', 'not said']);
  const all = own.replace('<section name="disk">', `<section name="disk">${option('resource-and-stonith')}`);
  t.same(policies(all), ['resource-only', 'resource-and-stonith']);
  const odd = XML.replace('<section name="net">', `<section name="net">${option('yes')}`);
  t.same(parseDumpXml(odd).problems, ['fencing "yes" is not known']);
  t.end();
});

t.test('config query: volumes, minors and addresses of each host', (t) => {
  const query = parseDumpXml(XML);
  t.same(query.problems, []);
  t.same(resourceMap(query, 'n1'), [
    { resource: 'r0', volume: 0, minor: 0 },
    { resource: 'r0', volume: 1, minor: 1 },
    { resource: 'r1', volume: 0, minor: 7 },
  ]);
  t.same(resourceMap(query, 'n2'), [
    { resource: 'r0', volume: 0, minor: 10 },
    { resource: 'r0', volume: 1, minor: 11 },
  ]);
  t.same(resourceMap(query, 'n3'), []);
  const [r0, r1] = query.resources;
  if (r0 === undefined || r1 === undefined) throw new Error('two resources');
  t.match(hostSection(r0, 'n1'), {
    address: 'ipv4:10.9.1.1:7789',
    volumes: [
      { device: '/dev/drbd0', disk: '/dev/vda' },
      { device: '/dev/drbd1', disk: '/dev/mapper/a&b' },
    ],
  });
  t.equal(hostSection(r1, 'n1.example.org')?.address, 'ipv4:10.9.2.1:7790');
  const six = parseDumpXml(XML.slice(0, XML.indexOf('<connection>'))).resources[1];
  t.equal(six && hostSection(six, 'n1')?.address, 'ipv6:[fe80::1]:7790', 'as drbdsetup takes it');
  const unnamed = parseDumpXml(XML.replace('>/dev/drbd1<', '><')).resources[0]!;
  t.equal(hostSection(unnamed, 'n1')?.volumes[1]?.device, '/dev/drbd1', 'device minor 1;');
  const bare = XML.slice(XML.indexOf('<resource name="r1"'), XML.indexOf('</config>'));
  t.equal(parseDumpXml(bare).resources.length, 1, 'dump-xml of one resource has no <config>');
  t.same(parseResourceList('r0 r1\n'), ['r0', 'r1']);
  t.same(parseResourceList(''), []);
  t.end();
});

t.test('config query: damaged text gives problems, never an exception', (t) => {
  t.same(parseDumpXml('').problems, ['no <resource> was found']);
  t.match(parseDumpXml(XML.slice(0, XML.indexOf('</disk>'))).problems, [/inside a resource/]);
  t.match(parseDumpXml(XML.slice(0, XML.indexOf('vnr='))).problems, [/inside a tag/]);
  t.match(parseDumpXml(XML.replace('vnr="0"', 'vnr="x"')).problems, [/has no number/]);
  t.match(parseDumpXml(XML.replace('minor="0"', 'minor=""')).problems, [/has no minor/]);
  const mutation = fc.tuple(fc.nat(XML.length), fc.string({ maxLength: 6 }), fc.nat(40));
  fc.assert(
    fc.property(mutation, ([at, insert, remove]) => {
      const query = parseDumpXml(`${XML.slice(0, at)}${insert}${XML.slice(at + remove)}`);
      return resourceMap(query, 'n1').every(({ minor, volume }) => minor >= 0 && volume >= 0);
    }),
    { numRuns: 2000 },
  );
  const before = process.hrtime.bigint();
  for (const unit of ['<', '<a b="', '<host name="a">', '<resource ', 'x="', '&amp;']) {
    parseDumpXml(`<resource name="r">${unit.repeat(Math.ceil(300_000 / unit.length))}`);
  }
  t.ok(Number(process.hrtime.bigint() - before) / 1e6 < 3_000, 'linear in a 300 kB text');
  t.end();
});

function event(line: string): Extract<Events2Line, { readonly kind: 'event' }> {
  const parsed = parseEvents2Line(line);
  if (parsed.kind !== 'event') throw new Error(`not an event: ${line}`);
  return parsed;
}

t.test('events2: the forms of a line', (t) => {
  const plain = event('exists resource name:r0 role:Secondary suspended:no');
  t.match(plain, { action: 'exists', object: 'resource', timestamp: null, strange: [] });
  t.same(
    [...plain.values],
    [
      ['name', 'r0'],
      ['role', 'Secondary'],
      ['suspended', 'no'],
    ],
  );
  const stamped = event(
    '2026-11-21T04:10:49.123456+00:00 change path name:r0 local:ipv6:[fe80::1]:7789',
  );
  t.equal(stamped.timestamp, '2026-11-21T04:10:49.123456+00:00');
  t.equal(stamped.values.get('local'), 'ipv6:[fe80::1]:7789', 'a value may contain colons');
  const diff = event('change resource name:r0 role:Secondary->Primary promotion_score:0->10101');
  t.equal(diff.values.get('role'), 'Primary');
  t.equal(diff.previous.get('role'), 'Secondary');
  t.equal(diff.values.get('name'), 'r0');
  const colour = event('change device name:r0 volume:0 disk:\u001b[1;32mUpToDate\u001b[0m');
  t.equal(colour.values.get('disk'), 'UpToDate');
  t.same(parseEvents2Line('exists -'), { kind: 'snapshotEnd', timestamp: null });
  t.match(parseEvents2Line('2026-11-21T04:10:49.123456+00:00 exists -'), { kind: 'snapshotEnd' });
  t.same(parseEvents2Line('- skipped 12'), { kind: 'lost', messages: 12 });
  t.same(parseEvents2Line('  \r'), { kind: 'blank' });
  t.match(parseEvents2Line('module unloaded'), { kind: 'unknown', reason: /module unloaded/ });
  t.match(event('call helper name:r0 helper:fence-peer').values.get('helper'), 'fence-peer');
  t.same(event('change device odd name:r0').strange, ['odd']);
  t.end();
});

t.test('events2: any line gives a value', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (line) => parseEvents2Line(line).kind.length > 0),
    { numRuns: 1000 },
  );
  const before = process.hrtime.bigint();
  for (const unit of ['a:', 'a b:c ', '\u001b[', '2026-', '->', ' ']) {
    parseEvents2Line(`change device ${unit.repeat(Math.ceil(1_000_000 / unit.length))}`);
  }
  t.ok(Number(process.hrtime.bigint() - before) / 1e6 < 3_000, 'linear in a 1 MB line');
  t.end();
});

t.test('events2: the expectations of drbd-utils', { skip: skipWithoutSamples }, (t) => {
  let events = 0;
  for (const [path, text] of samplesIn('userland')) {
    if (!path.includes('events2')) continue;
    for (const line of text.split('\n')) {
      if (
        !/^(?:TIME |[\dT:.-]+ )?(?:exists|create|change|destroy|call|response|rename) /.test(line)
      )
        continue;
      const parsed = parseEvents2Line(line.replace(/^TIME /, ''));
      if (parsed.kind === 'snapshotEnd') continue;
      t.match(parsed, { kind: 'event', strange: [] }, `${path}: ${line}`);
      if (parsed.kind === 'event') t.ok(parsed.values.has('name'));
      events += 1;
    }
  }
  t.ok(events > 100, `${events} events`);
  t.end();
});
