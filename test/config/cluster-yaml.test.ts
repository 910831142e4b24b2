import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { formatDiagnostic, type Diagnostic } from '../../src/base/diagnostic.js';
import { clusterJsonSchema } from '../../src/config/cluster-schema.js';
import type { Config } from '../../src/config/config.js';
import { parseHaCf } from '../../src/config/ha-cf.js';
import { buildHeartbeatConfig, buildNativeConfig } from '../../src/config/load.js';

const AUTHKEYS = { path: 'authkeys', text: 'auth 1\n1 sha256 kept-secret\n', modeBits: 0o600 };
const yamlFile = (text: string) => ({ path: 'c', text, modeBits: 0o644 });
const lines = (diagnostics: readonly Diagnostic[]) => diagnostics.map(formatDiagnostic);

const native = (text: string, self = 'n1'): Config => {
  const clusterYaml = yamlFile(text);
  const result = buildNativeConfig({ self, directory: '.', clusterYaml, authkeys: AUTHKEYS });
  if (!result.ok) throw new Error(`${text}\n${lines(result.error).join('\n')}`);
  return result.value;
};
const heartbeat = (haCf: string, haresources: string, self = 'n1', scripts: readonly string[] = []) => {
  const file = (path: string, text: string) => ({ path, text, modeBits: 0o644 });
  const result = buildHeartbeatConfig({
    self,
    directory: '.',
    haCf: file('ha.cf', haCf),
    haresources: file('haresources', haresources),
    authkeys: AUTHKEYS,
    existingScripts: scripts,
  });
  if (!result.ok) throw new Error(`${haCf}\n${haresources}\n${lines(result.error).join('\n')}`);
  return result.value;
};

/** The sketch of the design, with the addresses that it lacks, and a key of every kind. */
const FULL = `cluster: shop
nodes: [n1, { name: N2, address: 10.9.0.12 }]
watchdog: /dev/watchdog
heartbeat:
  keepalive: 200ms
  warntime: 800ms
  deadtime: 1500ms
  initdead: 15s
  port: 695
  links:
    - { ucast: eth0, addresses: { n1: 10.9.0.11 } }
    - { bcast: eth1 }
    - { mcast: eth2, group: 225.0.0.1, port: 700, ttl: 2, loop: true }
    - { serial: /dev/ttyS1, baud: 115200 }
  ping: [10.9.0.254]
fencing:
  n1: [{ agent: fence_ipmilan, ip: 10.9.9.11, username: admin, password_file: /etc/tandem/bmc }]
  n2:
    - { agent: fence_ipmilan, ip: 10.9.9.12, lanplus: true, retries: 2, timeout: 30s }
    - { agent: fence_apc, ip: 10.9.9.20, plug: 0x2 }
groups:
  mysql:
    prefer: [n2]
    failback: when-synced
    resources:
      - drbd: r0
      - filesystem: { device: /dev/drbd0, directory: /db, fstype: ext4, options: [noatime, "ro"] }
      - ip: 10.9.0.100/24
      - ip: { address: 10.9.0.101/24, device: eth0, broadcast: 10.9.0.255 }
      - mysql: { datadir: /db/mysql, defaults_file: /etc/my.cnf }
  web:
    nodes: [n2, n1]
    resources:
      - script: MailTo
        args: [root, 0755, true]
      - heartbeat:httpd
      - lsb:nginx::quiet
      - mysql:
`;

t.test('cluster.yaml: a file with every key becomes a Config', (t) => {
  const { digest, groups, keyring, ...rest } = native(FULL, 'N1');
  const device = { agent: 'fence_ipmilan', paramFiles: {}, timeoutMs: 20_000 };
  t.same(rest, {
    source: 'native',
    files: ['c', 'authkeys'],
    cluster: 'shop',
    nodes: ['n1', 'n2'],
    self: 'n1',
    heartbeat: {
      keepaliveMs: 200,
      warntimeMs: 800,
      deadtimeMs: 1_500,
      initdeadMs: 15_000,
      udpPort: 695,
      links: [
        { kind: 'ucast', device: 'eth0', address: '10.9.0.12' },
        { kind: 'bcast', device: 'eth1' },
        { kind: 'mcast', device: 'eth2', group: '225.0.0.1', port: 700, ttl: 2, loop: true },
        { kind: 'serial', path: '/dev/ttyS1', baud: 115_200 },
      ],
      ping: [{ name: '10.9.0.254', addresses: ['10.9.0.254'] }],
      deadpingMs: 3_000,
    },
    watchdog: '/dev/watchdog',
    fencing: {
      n1: [
        {
          ...device,
          params: { ip: '10.9.9.11', username: 'admin' },
          paramFiles: { password: '/etc/tandem/bmc' },
        },
      ],
      n2: [
        { ...device, params: { ip: '10.9.9.12', lanplus: 'true', retries: '2' }, timeoutMs: 30_000 },
        { ...device, agent: 'fence_apc', params: { ip: '10.9.9.20', plug: '0x2' } },
      ],
    },
    warnings: [],
  });
  const common = { prefixLength: 24, device: null, broadcast: null };
  t.same(groups, [
    {
      name: 'mysql',
      aliases: [],
      prefer: ['n2', 'n1'],
      failback: 'when-synced',
      resources: [
        { kind: 'drbd', id: 'drbd:r0', resource: 'r0' },
        {
          kind: 'filesystem',
          id: 'filesystem:/db',
          device: '/dev/drbd0',
          directory: '/db',
          fstype: 'ext4',
          options: ['noatime', 'ro'],
        },
        { kind: 'ip', id: 'ip:10.9.0.100', address: '10.9.0.100', ...common },
        {
          kind: 'ip',
          id: 'ip:10.9.0.101',
          address: '10.9.0.101',
          prefixLength: 24,
          device: 'eth0',
          broadcast: '10.9.0.255',
        },
        { kind: 'mysql', id: 'mysql:/db/mysql', datadir: '/db/mysql', defaultsFile: '/etc/my.cnf' },
      ],
    },
    {
      name: 'web',
      aliases: [],
      prefer: ['n2', 'n1'],
      failback: 'never',
      resources: [
        { kind: 'script', id: 'MailTo::root::0755::true', name: 'MailTo', args: ['root', '0755', 'true'] },
        { kind: 'script', id: 'httpd', name: 'httpd', args: [] },
        { kind: 'script', id: 'nginx::quiet', name: 'nginx', args: ['quiet'] },
        { kind: 'mysql', id: 'mysql', datadir: null, defaultsFile: null },
      ],
    },
  ]);
  t.equal(keyring.signing.key, 'kept-secret');
  t.match(digest, /^[0-9a-f]{16}$/);
  t.equal(digest, native(FULL, 'n2').digest, 'the same on both nodes');
  t.same(
    native(FULL, 'n2').heartbeat.links[0],
    { kind: 'ucast', device: 'eth0', address: '10.9.0.11' },
    'each node sends to the other',
  );
  t.end();
});

const MINIMAL = `nodes: [n1, n2]
heartbeat: { links: [{ bcast: eth1 }, { serial: /dev/ttyS0 }] }
groups: { g: { resources: [mysql] } }
`;

t.test('cluster.yaml: what holds when the file is silent is what the schema says', (t) => {
  const { cluster, heartbeat, fencing, watchdog, groups, warnings } = native(MINIMAL);
  t.equal(cluster, 'linux-ha');
  t.same(heartbeat, {
    keepaliveMs: 200,
    warntimeMs: 750,
    deadtimeMs: 1_500,
    initdeadMs: 12_000,
    udpPort: 694,
    links: [{ kind: 'bcast', device: 'eth1' }, { kind: 'serial', path: '/dev/ttyS0', baud: 19_200 }],
    ping: [],
    deadpingMs: 3_000,
  });
  t.same([fencing, watchdog], [{}, null]);
  t.same(groups.map(({ prefer, failback }) => [prefer, failback]), [[['n1', 'n2'], 'never']]);
  t.same(lines(warnings), [
    'c: warning: Nothing can fence "n1" and "n2": a silent node may still write during a takeover;' +
      ' expected "NODE: [{ agent: AGENT, ... }]" under "fencing" for each node',
  ]);
  const schema = JSON.stringify(clusterJsonSchema());
  for (const value of ['"200ms"', '"1500ms"', '"20s"', '694', '19200', '"never"', '"linux-ha"']) {
    t.ok(schema.includes(`"default":${value}`), `the schema has the default ${value}`);
  }
  t.end();
});

t.test('cluster.yaml: no value is dropped (each change of a word changes the Config)', (t) => {
  const changes: readonly (readonly [string, string])[] = [
    ['shop', 'store'], ['watchdog: /dev/watchdog', 'watchdog: /dev/watchdog1'], ['200ms', '300ms'],
    ['800ms', '900ms'], ['1500ms', '1.6s'], ['15s', '16s'], ['695', '696'], ['ucast: eth0', 'ucast: eth9'],
    ['10.9.0.12', '10.9.0.13'], ['bcast: eth1', 'bcast: eth9'], ['mcast: eth2', 'mcast: eth9'],
    ['225.0.0.1', '225.0.0.2'], ['700', '701'], ['ttl: 2', 'ttl: 3'], ['loop: true', 'loop: false'],
    ['ttyS1', 'ttyS2'], ['115200', '9600'], ['10.9.0.254', '10.9.0.253'], ['10.9.9.11', '10.9.9.13'],
    ['username: admin', 'username: root'], ['password_file', 'passwd_file'], ['/bmc', '/bmc1'],
    ['retries: 2', 'retries: 3'], ['timeout: 30s', 'timeout: 31s'], ['fence_apc', 'fence_wti'],
    ['0x2', '2'], ['prefer: [n2]', 'prefer: [n1]'], ['when-synced', 'never'], ['drbd: r0', 'drbd: r1'],
    ['device: /dev/drbd0', 'device: /dev/drbd1'], ['directory: /db', 'directory: /d'], ['ext4', 'xfs'],
    ['noatime', 'nodev'], ['"ro"', '"rw"'], ['10.9.0.100/24', '10.9.0.100/25'],
    ['10.9.0.101/24', '10.9.0.102/24'], ['device: eth0', 'device: eth9'], ['10.9.0.255', '10.9.0.127'],
    ['/db/mysql', '/db/m'], ['/etc/my.cnf', '/etc/m.cnf'], ['nodes: [n2, n1]', 'nodes: [n1]'],
    ['MailTo', 'Mail'], ['0755', '755'], ['httpd', 'apache'], ['lsb:nginx::quiet', 'lsb:nginx::q'],
    ['  web:', '  site:'], ['      - mysql:\n', ''],
  ];
  const seen = new Set([JSON.stringify(native(FULL))]);
  for (const [from, to] of changes) {
    t.equal(FULL.split(from).length, 2, `${from} stands there once`);
    const text = JSON.stringify(native(FULL.replace(from, () => to)));
    t.notOk(seen.has(text), `${from} -> ${to}`);
    seen.add(text);
  }
  t.end();
});

t.test('cluster.yaml: the page shows files that are valid, and every key (docs/cluster-yaml.md)', (t) => {
  const page = readFileSync('docs/cluster-yaml.md', 'utf8');
  const [whole = '', tuned = '', short = ''] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1] ?? '');
  t.equal(native(whole).groups[0]?.resources.length, 4);
  t.equal(native(tuned).heartbeat.deadtimeMs, 450);
  t.same(native(short).heartbeat.links[0], { kind: 'ucast', device: 'eth0', address: '10.9.0.12' });
  const keys = [...JSON.stringify(clusterJsonSchema()).matchAll(/"properties":\{("[a-z_]+":\{[^]*?)\}\}/g)];
  t.ok(keys.length > 10, 'the schema has objects');
  for (const [, fields = ''] of keys) {
    for (const [, key = ''] of fields.matchAll(/"([a-z_]+)":\{/g)) {
      if (!['properties', 'items', 'additionalProperties'].includes(key)) t.ok(page.includes(key), key);
    }
  }
  t.end();
});

t.test('fencing: levels and reboot, in both formats, with one digest (S9)', (t) => {
  const haCf = `node n1 n2\nbcast eth1\nauto_failback off\ncluster shop
keepalive 200ms\ndeadtime 1500ms
fence n1 fence_ilo ip=10.9.9.11 level=2 reboot=off
fence * fence_apc ip=10.9.9.20 level=1
fence * fence_apc ip=10.9.9.21 level=1\n`;
  const yaml = `cluster: shop\nnodes: [n1, n2]\nheartbeat: { links: [{ bcast: eth1 }] }
fencing:
  n1: [{ agent: fence_ilo, ip: 10.9.9.11, level: 2, reboot: false }]
  "*": [{ agent: fence_apc, ip: 10.9.9.20, level: 1 }, { agent: fence_apc, ip: 10.9.9.21, level: 1 }]
groups: { mysql: { prefer: [n1, n2], resources: [mysql] } }\n`;
  const config = native(yaml);
  t.same(
    config.fencing['n1']?.map(({ params, level, reboot }) => [params['ip'], level, reboot]),
    [['10.9.9.20', 1, undefined], ['10.9.9.21', 1, undefined], ['10.9.9.11', 2, false]],
    'the lowest level first, whatever the order of the file',
  );
  t.same(config.fencing['n2']?.map(({ params }) => params['level'] ?? 'not passed on'), Array(2).fill('not passed on'));
  const old = heartbeat(haCf, 'n1 mysql\n');
  t.same(old.fencing, config.fencing);
  t.equal(old.digest, config.digest);
  t.not(native(yaml.replace('level: 2, reboot: false', 'level: 2')).digest, config.digest);
  for (const [words, expected] of [
    ['level=0', /The level cannot be "0"; expected a number, 1 to 9; the lowest is used first/],
    ['reboot=never', /"reboot" cannot be "never"; expected on or off/],
    ['timeout=9s', /This device of "n1" has no level, and others have; expected a level for each/],
  ] as const) {
    const faulty = haCf.replace('level=2 reboot=off', words);
    const said = parseHaCf({ path: 'ha.cf', text: faulty, modeBits: 0o644 }, 'n1').diagnostics;
    t.match(said.map(formatDiagnostic).join('\n'), expected, words);
  }
  t.not(native(yaml.replace('level: 2', 'level: 3')).digest, config.digest);
  t.end();
});

t.test('cluster.yaml: recovery of a group, and one digest for one meaning', (t) => {
  const yaml = (words: string): string =>
    `nodes: [n1, n2]\nheartbeat: { links: [{ bcast: eth1 }] }\ngroups: { g: { ${words} resources: [mysql] } }\n`;
  const recovery = (words: string): unknown => native(yaml(words)).groups[0]?.recovery;
  t.equal(recovery(''), undefined);
  t.same(recovery('recovery: relocate,'), { onFailure: 'relocate' });
  t.same(recovery('max_restarts: 0, restart_expire_time: 1.5h,'), {
    restartsMax: 0,
    restartExpireMs: 5_400_000,
  });
  const said = 'recovery: restart, max_restarts: 2, restart_expire_time: 10m,';
  t.equal(recovery(said), undefined, 'what holds anyway is not said');
  t.equal(native(yaml(said)).digest, native(yaml('')).digest);
  t.not(native(yaml('max_restarts: 3,')).digest, native(yaml('')).digest);
  t.end();
});

t.test('digest: a cluster.yaml and Heartbeat files that mean the same have one digest (S9)', (t) => {
  const haCf = `cluster shop
node n1
node n2
keepalive 200ms
warntime 800ms
deadtime 1500ms
initdead 15
ucast eth0 10.9.0.11
ucast eth0 10.9.0.12
bcast eth1
serial /dev/ttyS1
baud 115200
ping 10.9.0.254
ping_group routers 10.9.0.252 10.9.0.253
deadping 5
auto_failback off
fence n1 fence_ipmilan ip=10.9.9.11 username=admin password_file=/etc/tandem/bmc
fence n2 fence_ipmilan ip=10.9.9.12 username=admin password_file=/etc/tandem/bmc
fence * fence_apc ip=10.9.9.20 timeout=30
`;
  const haresources = `n1 drbddisk::r0 Filesystem::/dev/drbd0::/db::ext4::noatime,ro \\
  10.9.0.100/24/eth0/10.9.0.255 mysql::/db/mysql\nn2 IPaddr2::10.9.0.101/24 MailTo::root httpd\n`;
  const yaml = `cluster: shop
nodes: [n1, n2]
heartbeat:
  keepalive: 200ms
  warntime: 0.8s
  deadtime: 1.5s
  initdead: 15s
  links: [{ ucast: eth0, addresses: { n1: 10.9.0.11, n2: 10.9.0.12 } }, { serial: /dev/ttyS0 }]
  ping: [10.9.0.254, { name: routers, addresses: [10.9.0.253, 10.9.0.252] }]
  deadping: 5s
fencing:
  n1: [&bmc { agent: fence_ipmilan, ip: 10.9.9.11, username: admin, password_file: /root/bmc }]
  n2: [{ agent: fence_ipmilan, ip: 10.9.9.12, username: admin, password_file: /root/bmc }]
  "*": [{ agent: /usr/sbin/fence_apc, ip: 10.9.9.20, timeout: 0.5m }]
groups:
  httpd:
    prefer: [n2]
    resources: [ip: 10.9.0.101/24, heartbeat:MailTo::root, script: httpd]
  mysql:
    prefer: [n1, n2]
    resources:
      - drbd: r0
      - filesystem: { device: /dev/drbd0, directory: /db/, fstype: ext4, options: "noatime,ro" }
      - ip: { address: 10.9.0.100/255.255.255.0, device: eth0, broadcast: 10.9.0.255 }
      - mysql: { datadir: /db/mysql }
`;
  t.equal(native(yaml).digest, heartbeat(haCf, haresources).digest);
  t.equal(native(yaml, 'n2').digest, heartbeat(haCf, haresources, 'n2').digest);
  t.equal(native(yaml).digest, '8e83472a5dca81b3', 'and it has not changed unawares');
  const scripts = yaml.replace('- mysql: { datadir: /db/mysql }', '- { script: mysql, args: [/db/mysql] }');
  t.equal(native(scripts).digest, heartbeat(haCf, haresources, 'n1', ['mysql']).digest);
  for (const [from, to] of [['0.8s', '0.7s'], ['/24,', '/25,'], ['fence_apc', 'fence_wti']] as const) {
    t.ok(yaml.includes(from));
    t.not(native(yaml.replace(from, to)).digest, heartbeat(haCf, haresources).digest, from);
  }
  t.end();
});

/** A cluster in no format, from which both are written. */
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const address = fc.tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255), fc.nat(255))
  .map((parts) => parts.join('.'));
const timing = fc.record({
  keepalive: fc.integer({ min: 50, max: 2_000 }),
  dead: fc.integer({ min: 3, max: 20 }),
  warn: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  init: fc.integer({ min: 0, max: 60_000 }),
});
const model = fc.record({
  cluster: word,
  nodes: fc.uniqueArray(word, { minLength: 2, maxLength: 4 }),
  timing,
  port: fc.integer({ min: 1, max: 65_535 }),
  pings: fc.uniqueArray(address, { maxLength: 3 }),
  baud: fc.constantFrom(9_600, 19_200, 115_200),
  addresses: fc.uniqueArray(address, { minLength: 4, maxLength: 4 }),
  fences: fc.array(
    fc.record({ node: fc.nat(4), ip: address, timeout: fc.integer({ min: 1, max: 90 }), user: word }),
    { maxLength: 4 },
  ),
  failback: fc.boolean(),
  groups: fc.array(
    fc.record({
      prefer: fc.nat(3),
      fstype: fc.option(fc.constantFrom('ext4', 'xfs', 'auto')),
      options: fc.array(fc.constantFrom('noatime', 'ro', 'nodev'), { maxLength: 2 }),
      prefix: fc.integer({ min: 1, max: 32 }),
      device: fc.option(word),
      script: fc.array(word, { minLength: 1, maxLength: 3 }),
      mysql: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});
type Model = typeof model extends fc.Arbitrary<infer M> ? M : never;

function timesOf({ keepalive, dead, warn, init }: Model['timing']) {
  const deadtime = keepalive * dead;
  const warntime = Math.max(1, Math.floor(deadtime * warn));
  return { keepalive, deadtime, warntime, initdead: deadtime + init };
}

function asHeartbeat(m: Model): { haCf: string; haresources: string } {
  const options = (list: readonly string[]) => (list.length === 0 ? '' : `::${list.join(',')}`);
  const haCf = [
    `cluster ${m.cluster}`,
    `udpport ${String(m.port)}`,
    `baud ${String(m.baud)}`,
    `node ${m.nodes.join(' ')}`,
    ...Object.entries(timesOf(m.timing)).map(([name, ms]) => `${name} ${String(ms)}ms`),
    ...m.pings.map((host) => `ping ${host}`),
    // The lines of this node, the first, are left out: they would do no harm, but be one link more.
    ...m.nodes.slice(1).map((_, index) => `ucast eth0 ${m.addresses[index + 1]!}`),
    'bcast eth1',
    'serial /dev/ttyS0',
    `auto_failback ${m.failback ? 'on' : 'off'}`,
    ...m.fences.map(({ node, ip, timeout, user }) =>
      `fence ${m.nodes[node] ?? '*'} fence_apc ip=${ip} username=${user} timeout=${String(timeout)}`),
  ];
  const haresources = m.groups.map((g, index) => {
    const n = String(index);
    const fs = `Filesystem::/dev/drbd${n}::/d${n}`;
    const type = g.fstype ?? (g.options.length > 0 ? '' : null);
    return [
      m.nodes[g.prefer] ?? m.nodes[0]!,
      `drbddisk::r${n}`,
      `${fs}${type === null ? '' : `::${type}`}${options(g.options)}`,
      `10.${n}.0.1/${String(g.prefix)}${g.device === null ? '' : `/${g.device}`}`,
      ...(g.mysql ? [`mysql::/d${n}/mysql`] : []),
      [`app${n}`, ...g.script].join('::'),
    ].join(' ');
  });
  return { haCf: haCf.join('\n'), haresources: haresources.join('\n') };
}

function asYaml(m: Model): string {
  const fencing: Record<string, object[]> = {};
  for (const { node, ip, timeout, user } of m.fences) {
    const device = { agent: 'fence_apc', ip, username: user, timeout: `${String(timeout)}s` };
    (fencing[m.nodes[node] ?? '*'] ??= []).push(device);
  }
  const groups = m.groups.map((g, index) => {
    const n = String(index);
    const fs = { device: `/dev/drbd${n}`, directory: `/d${n}`, options: g.options };
    const ip = `10.${n}.0.1/${String(g.prefix)}`;
    const resources = [
      { drbd: `r${n}` },
      { filesystem: g.fstype === null ? fs : { ...fs, fstype: g.fstype } },
      { ip: g.device === null ? ip : { address: ip, device: g.device } },
      ...(g.mysql ? [{ mysql: { datadir: `/d${n}/mysql` } }] : []),
      { script: `app${n}`, args: g.script },
    ];
    const prefer = [m.nodes[g.prefer] ?? m.nodes[0]!];
    return [`app${n}`, { prefer, failback: m.failback ? 'when-synced' : 'never', resources }];
  });
  const times = Object.entries(timesOf(m.timing)).map(([name, ms]) => [name, `${String(ms)}ms`]);
  // JSON is YAML.
  return JSON.stringify({
    cluster: m.cluster,
    nodes: m.nodes.map((name, index) => ({ name, address: m.addresses[index] })),
    heartbeat: {
      ...(Object.fromEntries(times) as object),
      port: m.port,
      ping: m.pings,
      links: [{ ucast: 'eth0' }, { bcast: 'eth1' }, { serial: '/dev/ttyS0', baud: m.baud }],
    },
    fencing,
    groups: Object.fromEntries(groups) as object,
  }, null, 1);
}

const RUNS = { numRuns: 150, verbose: 1 } as const;

/** Lines of `*` and of one node may be mixed in ha.cf; a mapping keeps each together. */
const sameOrder = (m: Model) => {
  const starred = m.fences.findLastIndex(({ node }) => m.nodes[node] === undefined);
  return m.fences.slice(0, Math.max(starred, 0)).every(({ node }) => m.nodes[node] === undefined);
};

t.test('digest properties: any cluster is the same Config in both formats (S9)', (t) => {
  fc.assert(
    fc.property(model, (m) => {
      fc.pre(sameOrder(m));
      const { haCf, haresources } = asHeartbeat(m);
      const self = m.nodes[0]!;
      const core = (config: Config) => ({
        ...config,
        source: '',
        files: [],
        warnings: [],
        groups: config.groups.map((group) => ({ ...group, aliases: [] })),
      });
      assert.deepEqual(core(native(asYaml(m), self)), core(heartbeat(haCf, haresources, self)));
    }),
    RUNS,
  );
  t.end();
});
