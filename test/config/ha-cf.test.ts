import { readFileSync } from 'node:fs';
import t from 'tap';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseHaCf } from '../../src/config/ha-cf.js';
import { DIRECTIVES } from '../../src/config/ha-cf-directives.js';
import { parseBoolean, parseHeartbeatTime } from '../../src/config/heartbeat-values.js';
import { isHostName, isIpv4, isIpv6, prefixLengthOf } from '../../src/config/ip-address.js';
import { hasErrors } from '../../src/config/reporter.js';
import { quote } from '../../src/config/source-text.js';

const parse = (text: string, self = 'alpha') =>
  parseHaCf({ path: 'ha.cf', text, modeBits: 0o644 }, self);
const said = (text: string, self?: string) => parse(text, self).diagnostics.map(formatDiagnostic);

/** A valid file, to which one thing is added. */
const BASE = 'node alpha beta\nbcast eth0\nauto_failback on\n';
const saidOfLine = (line: string) => said(`${BASE}${line}\n`);
const valueOf = (text: string) => {
  const { value, diagnostics } = parse(text);
  t.notOk(hasErrors(diagnostics), text);
  return value;
};

t.test('ha.cf times: Heartbeat units, and s and m', (t) => {
  const rows: readonly (readonly [string, number])[] = [
    ['1', 1_000], ['1.5', 1_500], ['.5', 500], ['5.', 5_000], ['500ms', 500], ['500msec', 500],
    ['1500000us', 1_500], ['200000usec', 200], ['0.0004', 0], ['0.0005', 1], ['0', 0],
    ['30s', 30_000], ['2m', 120_000], ['1.5m', 90_000], ['86400', 86_400_000],
  ];
  for (const [text, ms] of rows) t.same(parseHeartbeatTime(text), { ok: true, value: ms }, text);
  const refused = ['', 'ms', '2sec', '1h', '1min', '-1', '+1', '1e3', '1.2.3', '.', '1 s', '1MS'];
  for (const text of refused) t.equal(parseHeartbeatTime(text).ok, false, text);
  t.same(parseHeartbeatTime('86401'), { ok: false, error: 'a time of at most one day' });
  t.end();
});

t.test('ha.cf booleans: the words of Heartbeat in any case', (t) => {
  for (const word of ['true', 'ON', 'Yes', 'y', '1']) t.match(parseBoolean(word), { value: true });
  for (const word of ['FALSE', 'off', 'no', 'N', '0']) t.match(parseBoolean(word), { value: false });
  for (const word of ['', 'legacy', '2', 'onn']) t.equal(parseBoolean(word).ok, false, word);
  t.end();
});

t.test('addresses: checked by form', (t) => {
  for (const text of ['0.0.0.0', '10.9.0.100', '255.255.255.255']) t.ok(isIpv4(text), text);
  for (const text of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.x', '1.2.3.']) {
    t.notOk(isIpv4(text), text);
  }
  for (const text of ['::', '::1', 'fe80::1%eth0', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1']) {
    t.ok(isIpv6(text), text);
  }
  for (const text of ['', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'g::', '::1%']) {
    t.notOk(isIpv6(text), text);
  }
  for (const text of ['db1', 'db1.example.org', 'a_b']) t.ok(isHostName(text), text);
  for (const text of ['', '-a', 'a..b', '1.2.3', 'a b', 'a'.repeat(64)]) t.notOk(isHostName(text), text);
  t.same(
    ['24', '1', '32', '255.255.255.0', '255.255.254.0', '128.0.0.0', '255.255.255.255']
      .map(prefixLengthOf),
    [24, 1, 32, 24, 23, 1, 32],
  );
  t.same(['0', '33', '', '255.0.255.0', '0.0.0.0', '024'].map(prefixLengthOf), Array(6).fill(undefined));
  t.end();
});

t.test('ha.cf: all that is used is read, defaults as Heartbeat has them', (t) => {
  t.same(valueOf(BASE), {
    cluster: 'linux-ha',
    nodes: ['alpha', 'beta'],
    heartbeat: {
      keepaliveMs: 1_000,
      warntimeMs: 15_000,
      deadtimeMs: 30_000,
      initdeadMs: 30_000,
      udpPort: 694,
      links: [{ kind: 'bcast', device: 'eth0' }],
      ping: [],
      deadpingMs: 30_000,
    },
    failback: 'when-synced',
    watchdog: null,
    fencing: {},
  });
  const full = `cluster shop # the name
    keepalive 200ms
    warntime 800ms
    deadtime 1500ms
    initdead 20
    serial /dev/ttyS0,/dev/ttyS1
    baud 115200
    bcast eth1 eth2
    udpport 6940
    ucast eth0 10.0.0.2
    mcast eth3 225.0.0.1 694 1 0
    watchdog /dev/watchdog
    auto_failback off
    ping 10.0.0.254, 10.0.1.254
    ping_group routers 10.0.2.254 10.0.3.254 10.0.2.254
    deadping 4
    node Alpha
    node BETA gamma\r\n`;
  const { value, diagnostics } = parse(full);
  t.same(diagnostics, []);
  t.same(value, {
    cluster: 'shop',
    nodes: ['alpha', 'beta', 'gamma'],
    heartbeat: {
      keepaliveMs: 200,
      warntimeMs: 800,
      deadtimeMs: 1_500,
      initdeadMs: 20_000,
      udpPort: 6_940,
      links: [
        { kind: 'serial', path: '/dev/ttyS0', baud: 115_200 },
        { kind: 'serial', path: '/dev/ttyS1', baud: 115_200 },
        { kind: 'bcast', device: 'eth1' },
        { kind: 'bcast', device: 'eth2' },
        { kind: 'ucast', device: 'eth0', address: '10.0.0.2' },
        { kind: 'mcast', device: 'eth3', group: '225.0.0.1', port: 694, ttl: 1, loop: false },
      ],
      ping: [
        ...['10.0.0.254', '10.0.1.254'].map((address) => ({ name: address, addresses: [address] })),
        { name: 'routers', addresses: ['10.0.2.254', '10.0.3.254'] },
      ],
      deadpingMs: 4_000,
    },
    failback: 'never',
    watchdog: '/dev/watchdog',
    fencing: {},
  });
  t.end();
});

t.test('ha.cf: initdead follows deadtime in three steps when it is not given', (t) => {
  for (const [deadtime, initdeadMs] of [
    ['5999ms', 12_000], ['6', 12_000], ['8', 16_000], ['10', 20_000], ['10001ms', 10_001], ['40', 40_000],
  ] as const) {
    t.equal(valueOf(`${BASE}deadtime ${deadtime}\n`).heartbeat.initdeadMs, initdeadMs, deadtime);
  }
  t.end();
});

t.test('ha.cf: failback by auto_failback, else by nice_failback, else never', (t) => {
  const of = (text: string) => parse(`node alpha beta\nbcast eth0\n${text}`).value.failback;
  t.equal(of('auto_failback on'), 'when-synced');
  t.equal(of('auto_failback no'), 'never');
  t.equal(of('auto_failback LEGACY'), 'never');
  t.equal(of('nice_failback on'), 'never');
  t.equal(of('nice_failback off'), 'never');
  t.equal(of('nice_failback on\nauto_failback on'), 'when-synced');
  t.equal(of('auto_failback on\nnice_failback on'), 'when-synced', 'whatever the order');
  t.equal(of(''), 'never');
  t.end();
});

t.test('ha.cf: what is accepted but has no effect is silent or says so once', (t) => {
  const silent = [
    'logfile /var/log/ha-log', 'debugfile /var/log/ha-debug', 'logfacility local0', 'use_logd yes',
    'hopfudge 1', 'respawn hacluster /usr/lib/heartbeat/ipfail', 'crm off', 'pacemaker false',
    'apiauth ipfail gid=haclient uid=hacluster', 'realtime on', 'rtprio 5', 'memreserve 6500',
    'msgfmt netstring', 'compression bz2', 'autojoin none', 'hbgenmethod time', 'debug 1',
    'deadping 30', 'uuidfrom nodename', 'conn_logd_time 60', 'coredumps true', 'crm',
  ];
  for (const line of silent) t.same(saidOfLine(line), [], line);
  t.same(saidOfLine('udp eth7'), [
    'ha.cf:4:1: warning: Directive "udp" is obsolete; it is read as "bcast"; expected "bcast"',
  ]);
  t.same(saidOfLine('env FOO=bar'), [
    'ha.cf:4:1: warning: Directive "env" is not used; expected the variable in the script itself:' +
      ' scripts get no HA_ variables of your own',
  ]);
  t.same(saidOfLine('respawn root /usr/bin/thing -x'), [
    'ha.cf:4:14: warning: Tandem does not start "/usr/bin/thing";' +
      ' expected a unit of systemd, or a resource of haresources',
  ]);
  t.same(saidOfLine('stonith_host * external/ipmi beta 10.9.9.12 admin geheim lan'), [
    'ha.cf:4:16: warning: STONITH plugin "external/ipmi" is not used: Tandem fences with fence' +
      ' agents; expected "fence NODE fence_ipmilan name=value ...";' +
      ' without it no node is fenced by this line',
  ]);
  t.same(saidOfLine('stonith meatware /etc/ha.d/meat'), [
    'ha.cf:4:9: warning: STONITH plugin "meatware" is not used: Tandem fences with fence agents;' +
      ' expected "fence NODE AGENT name=value ...";' +
      ' without a device, confirm by hand with "tandem fence confirm NODE"',
  ]);
  t.same(said('node alpha beta\nbcast eth0\nnice_failback off'), [
    'ha.cf:3:15: warning: Directive "nice_failback" is obsolete; it is read as "auto_failback off";' +
      ' expected "auto_failback on" or "auto_failback off";' +
      ' write "auto_failback on" if groups shall go back',
  ]);
  t.same(said('node alpha beta\nbcast eth0\nauto_failback legacy'), [
    'ha.cf:3:15: warning: Value "legacy" is obsolete; it is read as "off"; expected on or off',
  ]);
  t.same(said('node alpha beta\nbcast eth0'), [
    'ha.cf: warning: Nothing says whether groups go back to their preferred node; they stay where' +
      ' they are; expected "auto_failback on" or "auto_failback off"',
  ]);
  t.same(saidOfLine('ping gw.example.org'), [
    'ha.cf:4:6: warning: Host name "gw.example.org" has to be resolved while the network may be' +
      ' failing; expected an address, which needs no name service',
  ]);
  const twins =
    'cannot be told apart, so one of them will look dead; expected one link for each interface:' +
    ' two on one cable fail together';
  t.same(saidOfLine('ucast eth0 10.0.0.2'), [
    `ha.cf:4:7: warning: Links "bcast eth0" and "ucast eth0 10.0.0.2" ${twins}`,
  ]);
  t.match(saidOfLine('mcast eth0 225.0.0.1 694 1 0'), [/"mcast eth0 225.0.0.1 694" cannot be told apart/]);
  t.same(saidOfLine('mcast eth0 225.0.0.1 695 1 0'), [], 'a port of its own tells it apart');
  t.same(saidOfLine('ucast eth1 10.0.0.2\nucast eth1 10.0.0.3'), [], 'two peers on one interface');
  t.same(saidOfLine('bcast eth0'), [
    'ha.cf:4:7: warning: Link "bcast eth0" is given twice; expected each link once',
  ]);
  t.same(saidOfLine('node beta'), [
    'ha.cf:4:6: warning: Node "beta" is given twice; expected each node once',
  ]);
  t.same(saidOfLine('keepalive 1 2\nkeepalive 3'), [
    'ha.cf:4:13: warning: Directive "keepalive" has several values; the last one counts;' +
      ' expected one value',
    'ha.cf:5:1: warning: Directive "keepalive" was given on line 4 already; the last one counts;' +
      ' expected one line of it',
  ]);
  t.end();
});

t.test('ha.cf errors: line, column, what was expected, and the cure', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['keepalife 1', '1: error: Unknown directive "keepalife"; expected a directive of ha.cf; did you mean "keepalive"'],
    ['  Deadtime 10', '3: error: Unknown directive "Deadtime"; expected a directive of ha.cf; did you mean "deadtime"'],
    ['flux 88', '1: error: Unknown directive "flux"; expected a directive of ha.cf'],
    ['\u00a0flux', '1: error: Unknown directive "\u00a0flux"; expected a directive of ha.cf; retype the line: it holds characters that are not plain ASCII'],
    ['keepalive', '1: error: Directive "keepalive" has no value; expected "keepalive TIME"'],
    ['keepalive 500 ms', '15: error: A blank separates "500" from its unit "ms"; expected number and unit as one word; write "500ms"'],
    ['keepalive 1h', '11: error: Directive "keepalive" cannot be "1h"; expected a time such as 2, 1.5, 500ms, 200000us, 30s or 2m (no unit means seconds)'],
    ['keepalive 0.0004', '11: error: Directive "keepalive" cannot be "0.0004"; expected a time of 0.5 ms or more'],
    ['deadtime 99999', '10: error: Directive "deadtime" cannot be "99999"; expected a time of at most one day'],
    ['nice_failback 7', '15: error: Directive "nice_failback" cannot be "7"; expected on or off'],
    ['udpport 0', '9: error: Directive "udpport" cannot be "0"; expected a port, 1 to 65535'],
    ['udpport 65536', '9: error: Directive "udpport" cannot be "65536"; expected a port, 1 to 65535'],
    ['baud 1152000', '6: error: Directive "baud" cannot be "1152000"; expected one of 9600, 19200, 38400, 57600, 115200, 230400, 460800; did you mean "115200"'],
    ['serial ttyS0', '8: error: Cannot use "ttyS0" here; expected the path of a serial port, such as /dev/ttyS0'],
    ['serial', '1: error: Directive "serial" has no value; expected "serial /dev/ttyS0"'],
    ['bcast eth/0', '7: error: Cannot use "eth/0" here; expected the name of a network interface, such as eth1'],
    ['ucast eth1', '1: error: Directive "ucast" has too few words; expected "ucast INTERFACE PEER-ADDRESS"'],
    ['ucast eth1 10.0.0.256', '12: error: Cannot use "10.0.0.256" here; expected the address of the peer, such as 10.0.0.2'],
    ['ucast eth1 10.0.0.2 3', '21: error: Directive "ucast" has a word too many: "3"; expected "ucast INTERFACE PEER-ADDRESS"'],
    ['mcast eth0 225.0.0.1 694 1', '1: error: Directive "mcast" has too few words; expected "mcast INTERFACE GROUP PORT TTL LOOP"'],
    ['mcast eth0 10.0.0.1 694 1 0', '12: error: Cannot use "10.0.0.1" here; expected a multicast address, such as 225.0.0.1'],
    ['mcast eth0 225.0.0.1 694 1 2', '28: error: Cannot use "2" here; expected 0 or 1'],
    ['ucast6 eth0 fe80::1', '1: error: Medium "ucast6" is not supported; expected serial, bcast, ucast or mcast; delete the line, or write "ucast INTERFACE PEER-ADDRESS"'],
    ['ping 10.0.0', '6: error: Cannot use "10.0.0" here; expected an address that answers to ping, such as the router 10.0.0.254'],
    ['ping_group a', '1: error: Directive "ping_group" has too few words; expected "ping_group NAME ADDRESS..."'],
    ['ping_group a/b 10.0.0.1', '12: error: Ping group cannot be "a/b"; expected letters, digits, ".", "-" and "_"'],
    ['ping_group a 10.0.0.1 gw..x', '23: error: Cannot use "gw..x" here; expected an address that answers to ping, such as the router 10.0.0.254'],
    ['watchdog dog', '10: error: Directive "watchdog" cannot be "dog"; expected the path of a watchdog device, such as /dev/watchdog'],
    ['cluster a/b', '9: error: Directive "cluster" cannot be "a/b"; expected a name of letters, digits, ".", "-" and "_"'],
    ['node -x', '6: error: Node name cannot be "-x"; expected a node name as "uname -n" prints it, such as db1 or db1.example'],
    ['crm respawn', '5: error: Directive "crm" hands the resources to Pacemaker; expected "crm off"; delete the line and write the groups into haresources'],
    ['autojoin any', '10: error: Nodes cannot join by themselves; expected "autojoin none"; give every node a "node" line'],
    ['stonith_host *', '1: error: Directive "stonith_host" has too few words; expected "stonith_host HOST TYPE PARAMETER..."'],
    ['respawn root', '1: error: Directive "respawn" has too few words; expected "respawn USER /PATH"'],
  ];
  for (const [line, text] of rows) t.same(saidOfLine(line), [`ha.cf:4:${text}`], line);
  t.end();
});

t.test('ha.cf cross-checks: values that do not fit together', (t) => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['keepalive 5\ndeadtime 10', ['5:10: error: Deadtime 10.0 s does not outlast two lost heartbeats; expected more than twice keepalive, 10.0 s']],
    ['keepalive 20', ['4:11: error: Deadtime 30.0 s does not outlast two lost heartbeats; expected more than twice keepalive, 40.0 s']],
    ['deadtime 10\nwarntime 10', ['5:10: error: Warntime 10.0 s could never warn before deadtime; expected less than 10.0 s']],
    ['initdead 29', ['4:10: error: Initdead 29.0 s is shorter than deadtime; expected 30.0 s or more']],
    ['deadtime 4\ninitdead 5', ['5:10: warning: Initdead 5.00 s may be too short for the network to start; expected 10.0 s or more']],
    ['keepalive 1\ndeadtime 4\ndeadping 2100ms', ['6:10: warning: Deadping 2.10 s is read as 3.00 s; expected 3.00 s or more: pings go out once a second']],
    ['ping_group a 10.0.0.1\nping_group a 10.0.0.2', ['5:12: error: Ping group "a" is given twice; expected each group once, with all its addresses']],
    ['deadping 2', ['4:10: error: Deadping 2.00 s does not outlast two lost heartbeats; expected more than twice keepalive, 2.00 s']],
    ['keepalive 500\ndeadtime 1500', ['4:11: warning: Keepalive 8 min 20 s is very long; expected about 1 s; no unit means seconds: write 500ms']],
  ];
  for (const [lines, texts] of rows) {
    t.same(saidOfLine(lines), texts.map((text) => `ha.cf:${text}`), lines);
  }
  t.same(saidOfLine('keepalive 1\ndeadtime 2001ms\nwarntime 2s'), [], 'the smallest that fits');
  t.same(said('auto_failback on'), [
    'ha.cf: error: The cluster has no nodes; expected a "node" line; write "node NAME NAME"',
    'ha.cf: error: The nodes have no link to each other; expected a link;' +
      ' write "bcast eth1", "ucast eth0 10.0.0.2", "serial /dev/ttyS0" or "mcast ..."',
  ]);
  t.same(said(BASE, 'gamma'), [
    'ha.cf:1:6: error: This machine is "gamma", which no "node" line names;' +
      ' expected "alpha" or "beta"; write "node gamma"',
  ]);
  t.same(said(BASE, 'alpha.example.org'), [
    'ha.cf:1:6: error: This machine is "alpha.example.org", which no "node" line names;' +
      ' expected "alpha" or "beta";' +
      ' "alpha" looks like it: write the name exactly as "uname -n" prints it',
  ]);
  t.same(said(BASE, 'ALPHA'), [], 'names are compared in lower case');
  t.same(said('node alpha\nbcast eth0\nauto_failback on'), [
    'ha.cf:1:6: warning: Node "alpha" is alone; expected two nodes or more',
  ]);
  t.end();
});

t.test('ha.cf: all faults are reported in one go, in file order', (t) => {
  t.same(said('keepalife 1\nnode alpha beta\nserial ttyS0\nauto_failback x\nbcast eth0\n'), [
    'ha.cf:1:1: error: Unknown directive "keepalife"; expected a directive of ha.cf;' +
      ' did you mean "keepalive"',
    'ha.cf:3:8: error: Cannot use "ttyS0" here;' +
      ' expected the path of a serial port, such as /dev/ttyS0',
    'ha.cf:4:15: error: Directive "auto_failback" cannot be "x"; expected on, off or legacy',
  ]);
  t.end();
});

t.test('ha.cf: Heartbeat defaults and the limits of the file', (t) => {
  const many = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');
  t.same(said(`${BASE}${many(63, (i) => `bcast net${String(i)}`)}`), []);
  t.match(said(`${BASE}${many(64, (i) => `bcast net${String(i)}`)}`), [/There are too many links/]);
  t.same(said(`${BASE}${many(98, (i) => `node n${String(i)}`)}`), []);
  t.match(said(`${BASE}${many(99, (i) => `node n${String(i)}`)}`), [/There are too many nodes/]);
  t.match(said(`${BASE}${many(17, (i) => `ping 10.0.0.${String(i)}`)}`), [/too many ping/]);
  t.equal(quote('\u001b[31m\u009b'.repeat(30)).includes('\u001b'), false, 'no terminal escapes');
  t.match(said('x'.repeat(100_000)).find((line) => line.includes('Unknown')), /xxx\.\.\."/);
  t.end();
});

t.test('ha.cf fence: devices of each node in file order', (t) => {
  const { value, diagnostics } = parse(`${BASE}
fence alpha fence_ipmilan ip=10.9.9.11 username=admin password_file=/etc/tandem/bmc lanplus=1
fence Beta /opt/agents/fence_x name="a b#c" timeout=45 # the spare
fence * fence_apc ip=10.9.9.20 passwd_file=/etc/tandem/apc identity_file=/root/.ssh/id timeout=30s
`);
  t.same(diagnostics, []);
  const apc = (node: string) => ({
    agent: 'fence_apc',
    params: { ip: '10.9.9.20', identity_file: '/root/.ssh/id', plug: node, port: node },
    paramFiles: { passwd: '/etc/tandem/apc' },
    timeoutMs: 30_000,
  });
  t.same(value.fencing, {
    alpha: [
      {
        agent: 'fence_ipmilan',
        params: { ip: '10.9.9.11', username: 'admin', lanplus: '1' },
        paramFiles: { password: '/etc/tandem/bmc' },
        timeoutMs: 20_000,
      },
      apc('alpha'),
    ],
    beta: [
      { agent: '/opt/agents/fence_x', params: { name: 'a b#c' }, paramFiles: {}, timeoutMs: 45_000 },
      apc('beta'),
    ],
  });
  t.end();
});

t.test('ha.cf fence errors: exact, and without the secret', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['fence', '1: error: Directive "fence" has too few words; expected "fence NODE AGENT name=value ..."'],
    ['fence alpha', '1: error: Directive "fence" has too few words; expected "fence NODE AGENT name=value ..."'],
    ['fence alhpa fence_x', '7: error: Node "alhpa" is not of this cluster; expected "alpha", "beta" or "*"; did you mean "alpha"'],
    ['fence a/b fence_x', '7: error: Cannot fence "a/b"; expected a node name as "uname -n" prints it, such as db1 or db1.example, or *'],
    ['fence alpha ../x', '13: error: Cannot use "../x" as an agent; expected the name of a fence agent, such as fence_ipmilan, or its absolute path'],
    ['fence alpha fence_x ip', '21: error: The parameter has no name; expected name=value; put a value with blanks or # in double quotes: name="a value"'],
    ['fence alpha fence_x n="a b', '23: error: The quoted value has no end; expected a closing " on the same line'],
    ['fence alpha fence_x a=1 a=2', '25: error: Parameter "a" is given twice; expected each parameter once'],
    ['fence alpha fence_x password_file=/x password_file=/y', '38: error: Parameter "password" is given twice; expected each parameter once'],
    ['fence alpha fence_x password_file=x', '35: error: Parameter "password_file" cannot be "x"; expected the absolute path of a file'],
    ['fence alpha fence_x timeout=0', '29: error: The timeout cannot be "0"; expected a time above 0'],
    ['fence alpha fence_x action=reboot', '21: error: Parameter "action" is not yours to give; expected other parameters; delete it: Tandem says itself what the agent shall do'],
    ['fence * fence_apc plug=3', '7: error: Parameter "plug" would be the same for every node; expected one "fence" line for each node'],
    ['fence * fence_ipmilan ip=10.0.0.1', '7: error: Agent "fence_ipmilan" reaches one machine only, so it cannot fence "*"; expected one "fence" line for each node'],
    ['fence alpha fence_x password=geheim', '21: warning: Parameter "password" puts a secret into a file that others may read; expected "password_file=/PATH" with the secret alone in that file, mode 0600'],
  ];
  for (const [line, text] of rows) t.same(saidOfLine(line), [`ha.cf:4:${text}`], line);
  const literal = parse(`${BASE}fence alpha fence_x passwd=geheim snmp_priv_passwd="ge heim"`);
  t.same(literal.value.fencing['alpha']?.[0]?.params, { passwd: 'geheim', snmp_priv_passwd: 'ge heim' });
  const split = said(`${BASE}fence alpha fence_x password=ge heim2`).join('\n');
  t.notMatch(split, 'heim2', 'half a password is not repeated');
  t.end();
});

t.test('ha.cf: every directive has a handler that takes any words', (t) => {
  for (const name of Object.keys(DIRECTIVES)) {
    t.doesNotThrow(() => parse(`${name}\n${name} a b c d e f g\n${name} 1,2,3\n`), name);
  }
  for (const name of ['constructor', '__proto__', 'toString']) {
    t.match(saidOfLine(name), [/Unknown directive/], name);
    t.match(said(`${BASE}node ${name}`).join(), name === 'toString' ? '' : 'Node name cannot be');
  }
  t.end();
});

t.test('ha.cf: the reference page has a row or a word for every directive', (t) => {
  const page = readFileSync(new URL('../../docs/ha-cf.md', import.meta.url), 'utf8');
  for (const name of Object.keys(DIRECTIVES)) t.match(page, new RegExp(`\`${name}[\` ]`), name);
  t.end();
});
