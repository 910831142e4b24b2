import fc from 'fast-check';
import t from 'tap';
import { formatDiagnostic, type Diagnostic } from '../../src/base/diagnostic.js';
import { parseAuthkeys } from '../../src/config/authkeys.js';
import { DIRECTIVES } from '../../src/config/ha-cf-directives.js';
import { parseHaCf } from '../../src/config/ha-cf.js';
import { parseHaresources } from '../../src/config/haresources.js';
import { buildHeartbeatConfig } from '../../src/config/load.js';

interface Texts {
  readonly haCf?: string | null;
  readonly haresources?: string | null;
  readonly authkeys?: string | null;
  readonly self?: string;
  readonly scripts?: readonly string[];
}

const HA_CF = `keepalive 1
deadtime 10
warntime 4
ucast eth0 10.9.0.2
serial /dev/ttyS1
ping 10.9.0.254
auto_failback off
node n1 n2
fence n1 fence_ipmilan ip=10.9.9.11 username=admin password_file=/etc/tandem/bmc
fence n2 fence_ipmilan ip=10.9.9.12 username=admin password_file=/etc/tandem/bmc
`;
const HARESOURCES = `n1 drbddisk::r0 Filesystem::/dev/drbd0::/db::ext4::noatime 10.9.0.100/24 mysql
n2 10.9.0.101/24 httpd
`;
const AUTHKEYS = 'auth 1\n1 sha256 kept-secret\n';

const build = (texts: Texts = {}) => {
  const { haCf = HA_CF, haresources = HARESOURCES, authkeys = AUTHKEYS } = texts;
  const file = (path: string, text: string | null, modeBits: number) =>
    text === null ? null : { path, text, modeBits };
  return buildHeartbeatConfig({
    directory: '/etc/ha.d',
    self: texts.self ?? 'n1',
    haCf: file('ha.cf', haCf, 0o644),
    haresources: file('haresources', haresources, 0o644),
    authkeys: file('authkeys', authkeys, 0o600),
    existingScripts: texts.scripts ?? [],
  });
};
const lines = (diagnostics: readonly Diagnostic[]) => diagnostics.map(formatDiagnostic);
const digest = (texts: Texts = {}) => {
  const result = build(texts);
  return result.ok ? result.value.digest : lines(result.error).join('\n');
};
const replaced = (text: string, from: string, to: string) => {
  t.ok(text.includes(from), `the text holds ${from}`);
  return text.replace(from, to);
};

t.test('load: three files become one Config', (t) => {
  const result = build({ self: 'N1' });
  if (!result.ok) throw new Error(lines(result.error).join('\n'));
  const { groups, digest: hex, ...rest } = result.value;
  const device = (ip: string) => ({
    agent: 'fence_ipmilan',
    params: { ip, username: 'admin' },
    paramFiles: { password: '/etc/tandem/bmc' },
    timeoutMs: 20_000,
  });
  const key = { index: 1, method: 'sha256', key: 'kept-secret' };
  t.same(rest, {
    source: 'heartbeat',
    files: ['ha.cf', 'haresources', 'authkeys'],
    cluster: 'linux-ha',
    nodes: ['n1', 'n2'],
    self: 'n1',
    heartbeat: {
      keepaliveMs: 1_000,
      warntimeMs: 4_000,
      deadtimeMs: 10_000,
      initdeadMs: 20_000,
      udpPort: 694,
      links: [
        { kind: 'ucast', device: 'eth0', address: '10.9.0.2' },
        { kind: 'serial', path: '/dev/ttyS1', baud: 19_200 },
      ],
      ping: [{ name: '10.9.0.254', addresses: ['10.9.0.254'] }],
      deadpingMs: 10_000,
    },
    keyring: { signing: key, accepted: [key] },
    watchdog: null,
    fencing: { n1: [device('10.9.9.11')], n2: [device('10.9.9.12')] },
    warnings: [],
  });
  t.same(groups.map((group) => [group.name, group.aliases, group.prefer, group.failback]), [
    ['mysql', ['drbddisk::r0'], ['n1', 'n2'], 'never'],
    ['httpd', ['10.9.0.101/24'], ['n2', 'n1'], 'never'],
  ]);
  t.match(hex, /^[0-9a-f]{16}$/);
  t.equal(hex, 'd4b697972bcec17c', 'the rule of the digest has not changed unawares');
  t.end();
});

t.test('load: faults of all files in one go', (t) => {
  const result = build({
    haCf: 'node n1 n2\nbcats eth0\nbcast eth1\nauto_failback on\n',
    haresources: 'n3 httpd\n',
    authkeys: '1 sha256 x\n',
  });
  t.same(result.ok ? [] : lines(result.error), [
    'ha.cf:2:1: error: Unknown directive "bcats"; expected a directive of ha.cf;' +
      ' did you mean "bcast"',
    'haresources:1:1: error: Node "n3" is not in ha.cf; expected "n1" or "n2"; did you mean "n1"',
    'authkeys: error: No auth line says which key signs; expected "auth 1"',
  ]);
  const missing = build({ haCf: null, haresources: null, authkeys: null });
  t.same(missing.ok ? [] : lines(missing.error), [
    '/etc/ha.d/ha.cf: error: The file is missing;' +
      ' expected the file that tells the nodes and their links',
    '/etc/ha.d/haresources: error: The file is missing; expected the file that tells the groups',
    '/etc/ha.d/authkeys: error: The file is missing;' +
      ' expected the file that signs the heartbeats; write "auth 1" and ' +
        '"1 sha256 SECRET" with a long random word, mode 0600',
  ]);
  const onlyHaCf = build({ haCf: null });
  t.equal(onlyHaCf.ok ? 0 : onlyHaCf.error.length, 1, 'unknown nodes are no second fault then');
  t.end();
});

t.test('load: nodes that nothing can fence are named in the warnings', (t) => {
  const warningsOf = (haCf: string) => {
    const result = build({ haCf });
    return result.ok ? lines(result.value.warnings) : lines(result.error);
  };
  const tail = ': a silent node may still write during a takeover;' +
    ' expected "fence NODE AGENT name=value ..." for each node';
  const none = HA_CF.split('\n').filter((line) => !line.startsWith('fence')).join('\n');
  t.same(warningsOf(none), [`ha.cf: warning: Nothing can fence "n1" and "n2"${tail}`]);
  t.same(warningsOf(HA_CF.replace('fence n2', '#')), [
    `ha.cf: warning: Nothing can fence "n2"${tail}`,
  ]);
  t.end();
});

t.test('load: files as people have had them since 1999', (t) => {
  // Heartbeat 0.4 with LVS, 1.0 with a null modem, 2.x with DRBD: the words of their tutorials.
  const rows: readonly (readonly [string, string, string])[] = [
    [
      `debugfile /var/log/ha-debug\nlogfile\t/var/log/ha-log\nlogfacility\tlocal0\nkeepalive 2
deadtime 10\n#initdead 120\n#hopfudge 1\nserial\t/dev/ttyS0\nbaud\t19200\nudpport\t694\nudp\teth0
mcast eth0 225.0.0.1 694 1 1\nwatchdog /dev/watchdog
#stonith_host *     baytech 10.0.0.3 mylogin mysecretpassword\nnode\tdirector\nnode\tdirector2\n`,
      'director 192.168.7.45 director\n',
      '#auth 1\n#1 crc\n#2 sha1 HI!\n#3 md5 Hello!\nauth 1\n1 crc\n',
    ],
    [
      `serial /dev/ttyS0\nwatchdog /dev/watchdog\nbcast eth1\nkeepalive 2\nwarntime 10
deadtime 30\ninitdead 120\nhopfudge 1\nbaud 19200\nudpport 694\nnice_failback on
node director.example.org\nnode standby.example.org
respawn hacluster /usr/lib/heartbeat/ipfail\nping gw1.example.org gw2.example.org\n`,
      '# node1 10.0.0.170 Filesystem::/dev/sda1::/data1::ext2\ndirector.example.org 192.168.2.50 mail\n',
      'auth 1\n1 sha1 key-for-sha1\n',
    ],
    [
      `logfile /var/log/ha-log\nlogfacility local0\nkeepalive 2\ndeadtime 30\nwarntime 10
initdead 120\nudpport 694\nbcast eth1 # Linux\nauto_failback on\nnode Director\nnode standby
ping 192.168.10.1\nrespawn hacluster /usr/lib64/heartbeat/ipfail
apiauth ipfail gid=haclient uid=hacluster\ncrm no\n`,
      `director IPaddr::192.168.10.30/24/eth0 drbddisk::r0 \\
  Filesystem::/dev/drbd0::/db::ext3 mysqld\n`,
      'auth 3\n3 md5 Hello!\n',
    ],
  ];
  for (const [haCf, haresources, authkeys] of rows) {
    const self = haCf.includes('director.example.org') ? 'director.example.org' : 'director';
    const result = build({ haCf, haresources, authkeys, self });
    t.same(result.ok ? [] : lines(result.error), [], haCf);
    t.match(result, { value: { groups: [{ prefer: [self] }] } });
  }
  const noPeer = build({ haCf: replaced(HA_CF, 'ucast eth0 10.9.0.2', 'ucast eth1') });
  t.match(noPeer.ok ? [] : lines(noPeer.error), [/ha.cf:4:1: .* "ucast" has too few words/]);
  t.end();
});

t.test('digest: equal for equal meaning (S9)', (t) => {
  const same: readonly Texts[] = [
    { haCf: replaced(HA_CF, 'node n1 n2', '# members\nnode\tN1\nnode n2 # two') },
    { haCf: replaced(HA_CF, 'deadtime 10', 'deadtime 10000ms\nlogfile /var/log/ha-log') },
    { haCf: replaced(HA_CF, 'ucast eth0 10.9.0.2', 'ucast ens3 10.9.0.1') },
    { haCf: replaced(HA_CF, '/dev/ttyS1', '/dev/ttyS0\nbaud 9600\nbcast eth7') },
    { haCf: `watchdog /dev/watchdog1\n${HA_CF}` },
    { haCf: HA_CF.replaceAll('password_file=/etc/tandem/bmc', 'password=other') },
    { haCf: replaced(HA_CF, 'ip=10.9.9.11 username=admin', 'username="admin" ip=10.9.9.11') },
    { haCf: replaced(HA_CF, 'fence n1 fence_ipmilan', 'fence n1 /usr/sbin/fence_ipmilan') },
    { haCf: HA_CF.split('\n').toReversed().join('\r\n') },
    { haresources: HARESOURCES.split('\n').toReversed().join('\n') },
    { haresources: replaced(HARESOURCES, 'Filesystem', '\\ # disk\n  Filesystem') },
    { haresources: replaced(HARESOURCES, '10.9.0.101/24', 'IPaddr2::10.9.0.101/255.255.255.0') },
    { authkeys: 'auth 2\n2 sha1 another\n' },
    { self: 'n2' },
  ];
  for (const texts of same) t.equal(digest(texts), digest(), JSON.stringify(texts));
  t.end();
});

t.test('digest: different when anything that must agree differs (S9)', (t) => {
  const different: readonly Texts[] = [
    { haCf: `cluster shop\n${HA_CF}` },
    { haCf: replaced(HA_CF, 'node n1 n2', 'node n2 n1') },
    { haCf: replaced(HA_CF, 'node n1 n2', 'node n1 n2 n3') },
    { haCf: replaced(HA_CF, 'keepalive 1', 'keepalive 2') },
    { haCf: replaced(HA_CF, 'deadtime 10', 'deadtime 9') },
    { haCf: replaced(HA_CF, 'warntime 4', 'warntime 5') },
    { haCf: `initdead 30\n${HA_CF}` },
    { haCf: `udpport 695\n${HA_CF}` },
    { haCf: replaced(HA_CF, 'ping 10.9.0.254', 'ping 10.9.0.253') },
    { haCf: replaced(HA_CF, 'auto_failback off', 'auto_failback on') },
    { haCf: replaced(HA_CF, 'ip=10.9.9.11', 'ip=10.9.9.13') },
    { haCf: replaced(HA_CF, 'fence n1 fence_ipmilan', 'fence n1 fence_idrac') },
    { haCf: replaced(HA_CF, 'username=admin', 'username=admin timeout=30') },
    { haresources: replaced(HARESOURCES, 'n1 drbd', 'n2 drbd') },
    { haresources: replaced(HARESOURCES, '/24 mysql', '/25 mysql') },
    { haresources: replaced(HARESOURCES, 'httpd', 'httpd nginx') },
    { haresources: replaced(HARESOURCES, 'mysql', 'mysql::/db/mysql') },
    { haresources: replaced(HARESOURCES, 'n2 10.9.0.101/24 httpd', '') },
    { scripts: ['mysql'] },
  ];
  const seen = new Set([digest()]);
  for (const texts of different) {
    const hex = digest(texts);
    t.match(hex, /^[0-9a-f]{16}$/);
    t.notOk(seen.has(hex), JSON.stringify(texts));
    seen.add(hex);
  }
  t.end();
});

/** Words that lead far into the parsers, glued by what separates or breaks them. */
const piece = fc.oneof(
  fc.constantFrom(...Object.keys(DIRECTIVES)),
  fc.constantFrom('n1', 'n2', '*', 'alpha', '10.0.0.1', '225.0.0.1', '/dev/ttyS0', 'eth0', '500ms'),
  fc.constantFrom('on', 'off', 'legacy', '1', '694', '115200', 'fence_apc', 'ip=1', 'password=x', '"'),
  fc.constantFrom('drbddisk::r0', 'Filesystem::/dev/drbd0::/db', 'mysql::/x', '::', '\\', 'IPaddr::'),
  fc.constantFrom('auth', 'crc', 'sha256', '#', '=', '/', '::/', '__proto__', 'constructor'),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const glue = fc.constantFrom(' ', ' ', ' ', '\n', '\n', '\t', ',', '', '\r\n', ' \\\n', '\ufeff');
const anyText = fc
  .array(fc.tuple(piece, glue), { maxLength: 60 })
  .map((pairs) => pairs.flat().join(''));

function assertInside(text: string, diagnostics: readonly Diagnostic[]): void {
  const physical = text.split('\n');
  for (const { line, column, message, expected } of diagnostics) {
    const whole = line === 0 && column === 0;
    const length = physical[line - 1]?.length ?? -1;
    if (!whole && !(line >= 1 && column >= 1 && column <= length + 1)) {
      throw new Error(`${message}: ${String(line)}:${String(column)} is outside`);
    }
    if (message === '' || expected === '' || message.endsWith('.')) throw new Error(message);
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f-\u009f]/.test(message + expected)) throw new Error('control character');
  }
}

const RUNS = { numRuns: 500, verbose: 1 } as const;

t.test('load properties: parsers never throw, and point into the file', (t) => {
  const nodes = ['n1', 'n2'];
  fc.assert(
    fc.property(anyText, (text) => {
      const file = { path: 'file', text, modeBits: 0o600 };
      assertInside(text, parseHaCf(file, 'n1').diagnostics);
      assertInside(text, parseAuthkeys(file).diagnostics);
      for (const known of [nodes, null]) {
        const context = { nodes: known, failback: 'never', existingScripts: [] } as const;
        assertInside(text, parseHaresources(file, context).diagnostics);
      }
      const built = buildHeartbeatConfig({
        directory: '/etc/ha.d',
        self: 'n1', haCf: file, haresources: file, authkeys: file, existingScripts: [],
      });
      if (!built.ok && built.error.length === 0) throw new Error('refused without a word');
    }),
    RUNS,
  );
  t.end();
});

t.test('load properties: every line of ha.cf is understood, reported or a comment', (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z_]{1,12}$/), (word) => {
      const text = `node n1 n2\nbcast eth0\nauto_failback on\n${word}\n`;
      const { diagnostics } = parseHaCf({ path: 'ha.cf', text, modeBits: 0o644 }, 'n1');
      return Object.hasOwn(DIRECTIVES, word) || diagnostics.some(({ line }) => line === 4);
    }),
    RUNS,
  );
  t.end();
});

t.test('load properties: no diagnostic of authkeys holds a word of the file', (t) => {
  const secret = fc.stringMatching(/^[A-Z][A-Za-z0-9!?]{11,20}$/);
  const around = fc.constantFrom('', '1 ', '1 sha1 ', '2 crc ', 'auth ', 'auth 1 ', '1 sha256 a ', '99 ');
  fc.assert(
    fc.property(fc.array(fc.tuple(around, secret, fc.constantFrom(' ', '\n')), { minLength: 1 }), (rows) => {
      const text = rows.flat().join('');
      const shown = lines(parseAuthkeys({ path: 'a', text, modeBits: 0o644 }).diagnostics).join('\n');
      return rows.every(([, key]) => !shown.includes(key));
    }),
    RUNS,
  );
  t.end();
});

t.test('load properties: large files are read in linear time', (t) => {
  // The work is counted by size alone: a quadratic parser would exhaust the time limit of the run.
  const words = 'x '.repeat(20_000);
  const manyGroups = Array.from({ length: 5_000 }, (_, i) => `n1 a::${String(i)}`).join('\n');
  for (const text of [words, `fence ${words}`, `n1 ${words}`, `auth ${words}`, 'n1 a\\\n'.repeat(20_000), manyGroups]) {
    const file = { path: 'file', text, modeBits: 0o600 };
    parseHaCf(file, 'n1');
    parseAuthkeys(file);
    parseHaresources(file, { nodes: ['n1'], failback: 'never', existingScripts: [] });
  }
  t.pass('read');
  const faulty = { path: 'ha.cf', text: 'keepalife 1\n'.repeat(5_000), modeBits: 0o644 };
  const { diagnostics } = parseHaCf(faulty, 'n1');
  t.equal(diagnostics.length, 201, 'and the list of faults ends');
  t.equal(formatDiagnostic(diagnostics[200]!),
    'ha.cf:201:1: error: There are too many faults; what follows is not shown;' +
      ' expected at most 200 faults');
  const harmless = { ...faulty, text: `${HA_CF}${'bcast eth1\n'.repeat(300)}` };
  t.ok(parseHaCf(harmless, 'n1').diagnostics.some(({ severity }) => severity === 'error'));
  t.end();
});
