import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { z } from 'zod';
import { formatDiagnostic, type Diagnostic } from '../../src/base/diagnostic.js';
import { CLUSTER_SCHEMA, clusterJsonSchema } from '../../src/config/cluster-schema.js';
import { readShape } from '../../src/config/cluster-yaml-shape.js';
import { readYaml, type YamlNode } from '../../src/config/cluster-yaml-source.js';
import { parseClusterYaml } from '../../src/config/cluster-yaml.js';
import { buildNativeConfig } from '../../src/config/load.js';
import { createReporter } from '../../src/config/reporter.js';
import { readConfiguration } from '../../src/host/configuration.js';
import { folder } from '../support/temporary.js';

const file = (text: string) => ({ path: 'c', text, modeBits: 0o644 });
const lines = (diagnostics: readonly Diagnostic[]) => diagnostics.map(formatDiagnostic);
const said = (text: string, self = 'n1') => lines(parseClusterYaml(file(text), self).diagnostics);

/** A valid file, on lines 1 to 3, in which one thing is changed, or to which one is added. */
const BASE = `nodes: [n1, n2]
heartbeat: { links: [{ bcast: eth1 }] }
groups: { g: { resources: [mysql] } }
`;
const withNodes = (text: string) => BASE.replace('[n1, n2]', text);
const withBeat = (text: string) => BASE.replace('{ links', `{ ${text}, links`);
const withLink = (text: string) => BASE.replace('{ bcast: eth1 }', text);
const withGroup = (text: string) => BASE.replace('{ resources: [mysql] }', text);
const withResource = (text: string) => BASE.replace('[mysql]', `[${text}]`);
const withDevice = (text: string) => `${BASE}fencing: { n1: [${text}] }\n`;

type Row = readonly [text: string, ...expected: string[]];

function golden(t: { same: (a: unknown, b: unknown, m: string) => boolean }, rows: readonly Row[]) {
  for (const [text, ...expected] of rows) {
    t.same(said(text), expected.map((line) => `c${line}`), text);
  }
}

t.test('cluster.yaml faults: the base of the rows below has none', (t) => {
  golden(t, [[BASE], ['# comment\n---\n' + BASE], [withNodes('\n  - n1\n  - n2')]]);
  t.end();
});

t.test('cluster.yaml faults: what is no YAML, in our words', (t) => {
  const quotes = 'put text that begins with a special character in quotes';
  const noTags = `error: Tags (!) are not used here; expected the value alone; ${quotes}`;
  const noEnd = 'error: The list or mapping has no end; expected a closing ] or }';
  golden(t, [
    ['', ': error: The file is empty; expected a mapping with "nodes", "heartbeat" and "groups"'],
    ['# n\n', ': error: The file is empty; expected a mapping with "nodes", "heartbeat" and "groups"'],
    ['a', ':1:1: error: The file cannot be "a"; expected a mapping with "nodes", "heartbeat" and "groups"'],
    ['- a', ':1:1: error: The file cannot be a list; expected a mapping with "nodes", "heartbeat" and "groups"'],
    [`${BASE}cluster: "x`, ':4:12: error: The quoted text has no end; expected a closing quote'],
    [`${BASE}\tcluster: x`, ':4:1: error: The line is indented with a tab; expected blanks'],
    [`${BASE}cluster: x: y`,
      ':4:10: error: A list or a second key begins on the line of a key;' +
        ' expected it on the next line, indented; put text that holds ": " in quotes'],
    [`${BASE}cluster x`, ':4:1: error: A colon with a blank is missing; expected "key: value"'],
    [`${BASE}fencing: { *: [] }`,
      `:4:13: error: An alias (*) or anchor (&) has no name; expected a name; ${quotes}`],
    [`${BASE}cluster: @x`, ':4:10: error: Text cannot begin with this character; expected text in quotes'],
    [`${BASE}cluster: "a\\q"`,
      ':4:12: error: Unknown escape after a backslash in double quotes;' +
        ' expected "\\\\" for a backslash; use single quotes, where a backslash is one'],
    [`${BASE}fencing: { n1: [ { agent: x ] }`, `:4:29: ${noEnd}`],
    [`${BASE}fencing:\n  n1:\n   - agent: x\n    ip: 1`,
      ':7:1: error: This line has no "- "; expected "- value";' +
        ' to continue the entry above, indent it as far as the text after its "- "'],
    [`${BASE}cluster: !foo x`, `:4:10: ${noTags}`],
    [`${BASE}cluster: !!binary aGk=`, `:4:10: ${noTags}`],
    [`${BASE}---\na: b`, ':4:1: error: A second document begins here; expected one document, no "---"'],
    [`%YAML 1.1\n---\n${BASE}`,
      ':1:1: error: YAML 1.1 is too old; expected 1.2; delete the line "%YAML"'],
    [`%X y\n---\n${BASE}`, ':1:1: error: A line that begins with % is a directive; expected none'],
    [`${BASE}cluster: *a`,
      ':4:10: error: Alias "*a" stands for nothing; expected "&a" at a value above it;' +
        ' put text that begins with * in quotes'],
    [`${BASE}fencing: &f { n1: [{ agent: x, ip: *f }] }`,
      ':4:36: error: Alias "*f" stands for nothing; expected "&f" at a value above it;' +
        ' put text that begins with * in quotes'],
    [`${BASE}? [a]\n: b`, ':4:3: error: A key is missing, or is no plain word; expected "key: value"'],
    [`${BASE}fencing: {}\nnodes: [n3]\nfencing: {}`,
      ':5:1: error: Key "nodes" is given twice; the first time on line 1, column 1; expected each key once',
      ':6:1: error: Key "fencing" is given twice; the first time on line 4, column 1; expected each key once'],
    [`${BASE}watchdog: "a\ncluster: x`, ':5:11: error: The quoted text has no end; expected a closing quote'],
    [`cluster: [a b\nnodes: x`, `:2:1: ${noEnd}`],
  ]);
  t.end();
});

t.test('cluster.yaml faults: keys and kinds of values', (t) => {
  const root = '"cluster", "nodes", "heartbeat", "watchdog", "fencing" or "groups"';
  const beat = '"keepalive", "warntime", "deadtime", "initdead", "port", "links", "ping" or "deadping"';
  const kinds = '"drbd", "filesystem", "ip", "mysql" or "script"';
  const duration = 'a duration with its unit, such as 200ms, 1.5s, 2m or 1h';
  golden(t, [
    [`${BASE}watchdgo: x`, `:4:1: error: Unknown key "watchdgo"; expected ${root}; did you mean "watchdog"`],
    [`${BASE}<<: {}\n__proto__: x\n"": y`,
      `:4:1: error: Unknown key "<<"; expected ${root}`,
      `:5:1: error: Unknown key "__proto__"; expected ${root}`,
      `:6:1: error: Unknown key ""; expected ${root}`],
    [withBeat('keepalife: 1s'),
      `:2:14: error: Unknown key "keepalife"; expected ${beat}; did you mean "keepalive"`],
    [withBeat('deadtime: 15'), `:2:24: error: Key "deadtime" cannot be "15"; expected ${duration}`],
    [withBeat('deadtime: "15"'), `:2:24: error: Key "deadtime" cannot be "15"; expected ${duration}`],
    [withBeat('deadtime:'), `:2:14: error: Key "deadtime" has no value; expected ${duration}`],
    [withBeat('deadtime: 0ms'),
      ':2:24: error: Key "deadtime" cannot be "0ms"; expected a time of 0.5 ms or more'],
    [withBeat('deadtime: 8d'),
      ':2:24: error: Key "deadtime" cannot be "8d"; expected a time of at most one day'],
    [withBeat('port: "694"'),
      ':2:20: error: Key "port" cannot be "694"; expected a port, 1 to 65535; write it without quotes'],
    [withBeat('port: 65536'), ':2:20: error: Key "port" cannot be "65536"; expected a port, 1 to 65535'],
    [withBeat('ping: 10.9.0.254'),
      ':2:20: error: Key "ping" cannot be "10.9.0.254"; expected a list of addresses'],
    [withBeat('ping: [[a]]'),
      ':2:21: error: An entry of key "ping" cannot be a list; expected an address such as 10.9.0.11,' +
        ' or { name: routers, addresses: [10.9.0.253, 10.9.0.254] }'],
    [withBeat('ping: [{ name: a }]'),
      ':2:21: error: Key "addresses" is missing; expected a list of addresses'],
    [withBeat('ping: [{ name: a, addresses: [] }]'),
      ':2:43: error: Key "addresses" is empty; expected one address or more'],
    [`${BASE}cluster: 2024`,
      ':4:10: error: Key "cluster" cannot be "2024"; expected the name of the cluster;' +
        ' write it in quotes: "2024"'],
    [`${BASE}cluster: "a b"`,
      ':4:10: error: Key "cluster" cannot be "a b"; expected a name of letters, digits, ".", "-" and "_"'],
    [`${BASE}watchdog: watchdog0`,
      ':4:11: error: Key "watchdog" cannot be "watchdog0";' +
        ' expected the path of a watchdog device, such as /dev/watchdog'],
    [withGroup('{ resources: [mysql], failback: when-sync }'),
      ':3:46: error: Key "failback" cannot be "when-sync"; expected "never" or "when-synced";' +
        ' did you mean "when-synced"'],
    [withGroup('{ resource: [mysql] }'),
      ':3:14: error: Key "resources" is missing; expected a list of resources',
      ':3:16: error: Unknown key "resource"; expected "prefer", "nodes", "failback", "recovery", "max_restarts",' +
        ' "restart_expire_time" or "resources"; did you mean "resources"'],
    [withGroup('{ resources: [] }'),
      ':3:27: error: Key "resources" is empty; expected one resource or more'],
    [withGroup('{ resources: [mysql], recovery: restrat, max_restarts: -1, restart_expire_time: 5 }'),
      ':3:46: error: Key "recovery" cannot be "restrat"; expected "restart", "relocate" or "disable"; did you mean "restart"',
      ':3:69: error: Key "max_restarts" cannot be "-1"; expected a number, 0 to 100',
      ':3:94: error: Key "restart_expire_time" cannot be "5"; expected a duration with its unit, such as 200ms, 1.5s, 2m or 1h'],
    [withGroup(''), ':3:11: error: Key "g" has no value; expected a mapping with "resources"'],
    [withResource('{ drdbd: r0 }'),
      `:3:30: error: Unknown key "drdbd"; expected ${kinds}; did you mean "drbd"`],
    [withResource('heartbeat: x'),
      `:3:28: error: Unknown key "heartbeat"; expected ${kinds};` +
        ' write a resource, such as "drbd: r0" or "heartbeat:NAME"'],
    [withResource('{}'),
      `:3:28: error: The mapping is empty; expected ${kinds};` +
        ' write a resource, such as "drbd: r0" or "heartbeat:NAME"'],
    [withResource('{ drbd: r0, ip: 10.9.0.1 }'),
      ':3:40: error: Unknown key "ip"; expected "drbd"; begin an entry of its own with "- ip:"'],
    [withResource('mysql: /db'),
      ':3:35: error: Key "mysql" cannot be "/db"; expected nothing,' +
        ' or a mapping such as { datadir: /db/mysql }'],
    ['nodes: n1\nheartbeat: none\ngroups: [g]',
      ':1:8: error: Key "nodes" cannot be "n1"; expected a list of nodes, such as [n1, n2]',
      ':2:12: error: Key "heartbeat" cannot be "none"; expected a mapping with "links"',
      ':3:9: error: Key "groups" cannot be a list; expected a mapping from name to group'],
  ]);
  t.end();
});

t.test('cluster.yaml faults: nodes, times and links', (t) => {
  const names = 'a node name as "uname -n" prints it, such as db1 or db1.example';
  const nic = 'the name of a network interface, such as eth1';
  const ucast = (rest: string) => withLink(`{ ucast: eth0, addresses: { ${rest} } }`);
  golden(t, [
    ['groups: { g: { resources: [mysql] } }',
      ': error: The cluster has no nodes; expected a "nodes" list; write "nodes: [NAME, NAME]"',
      ': error: The nodes have no link to each other; expected a link;' +
        ' write "links: [{ bcast: eth1 }, { serial: /dev/ttyS0 }]" under "heartbeat"'],
    [BASE.split('\n').slice(0, 2).join('\n'), ': warning: There is no group; expected "groups" with resources'],
    [withNodes('[db1, n2]'),
      ':1:9: error: This machine is "n1", which "nodes" does not name; expected "db1" or "n2";' +
        ' did you mean "n2"'],
    [withNodes('[alpha, beta]'),
      ':1:9: error: This machine is "n1", which "nodes" does not name; expected "alpha" or "beta";' +
        ' write "n1" into "nodes"'],
    [withNodes('[n1]'), ':1:9: warning: Node "n1" is alone; expected two nodes or more'],
    [withNodes('[n1, n2, N1]'), ':1:17: warning: Node "n1" is given twice; expected each node once'],
    [withNodes('[n1, n2, a/b, "-x"]'),
      `:1:17: error: Node name cannot be "a/b"; expected ${names}`,
      `:1:22: error: Node name cannot be "-x"; expected ${names}`],
    [withNodes('[n1, n2, { nam: n3 }]'),
      ':1:17: error: Key "name" is missing; expected the name of a node, such as n1',
      ':1:19: error: Unknown key "nam"; expected "name" or "address"; did you mean "name"'],
    [withBeat('deadtime: 300ms'),
      ':2:24: error: Deadtime 300 ms does not outlast two lost heartbeats;' +
        ' expected more than twice keepalive, 400 ms'],
    [withBeat('keepalive: 1s'),
      ':2:25: error: Deadtime 1.50 s does not outlast two lost heartbeats;' +
        ' expected more than twice keepalive, 2.00 s'],
    [withBeat('warntime: 2s, initdead: 1s'),
      ':2:24: error: Warntime 2.00 s could never warn before deadtime; expected less than 1.50 s',
      ':2:38: error: Initdead 1.00 s is shorter than deadtime; expected 1.50 s or more'],
    [withBeat('initdead: 5s'),
      ':2:24: warning: Initdead 5.00 s may be too short for the network to start; expected 10.0 s or more'],
    [withBeat('keepalive: 40s, deadtime: 2m'),
      ':2:25: warning: Keepalive 40.0 s is very long; expected about 1 s'],
    [withBeat('ping: [10.0.0.300, gw]'),
      ':2:21: error: Cannot use "10.0.0.300" here; expected an address that answers to ping,' +
        ' such as the router 10.0.0.254',
      ':2:33: warning: Host name "gw" has to be resolved while the network may be failing;' +
        ' expected an address, which needs no name service'],
    [withLink('{ bcast: eth/1 }'), `:2:31: error: Cannot use "eth/1" here; expected ${nic}`],
    [withLink('{ bcast: eth1, baud: 9600 }'), ':2:37: error: Unknown key "baud"; expected "bcast"'],
    [withLink('{ bcast: eth1 }, { bcast: eth1 }'),
      ':2:48: warning: Link "bcast eth1" is given twice; expected each link once'],
    [withLink('{ serial: ttyS0 }'),
      ':2:32: error: Cannot use "ttyS0" here; expected the path of a serial port, such as /dev/ttyS0'],
    [withLink('{ serial: /dev/ttyS0, baud: 11520 }'),
      ':2:50: error: Key "baud" cannot be "11520"; expected one of 9600, 19200, 38400, 57600, 115200,' +
        ' 230400, 460800; did you mean "115200"'],
    [withLink('{ mcast: eth0, group: 10.0.0.1, ttl: 256 }'),
      ':2:44: error: Cannot use "10.0.0.1" here; expected a multicast address, such as 225.0.0.1',
      ':2:59: error: Key "ttl" cannot be "256"; expected a time to live, 0 to 255'],
    [withLink('{ mcast: eth0 }'),
      ':2:22: error: Key "group" is missing; expected a multicast address, such as 225.0.0.1'],
    [withLink('eth0'),
      ':2:22: error: An entry of key "links" cannot be "eth0"; expected a link,' +
        ' such as { bcast: eth1 } or { serial: /dev/ttyS0 }'],
    [withLink('{ ucst: eth0 }'),
      ':2:24: error: Unknown key "ucst"; expected "ucast", "bcast", "mcast" or "serial"; did you mean "ucast"'],
    [withLink('{ ucast: eth0 }'),
      ':2:31: error: Link "ucast eth0" has no address of "n1" or "n2";' +
        ' expected "addresses: { n1: ADDRESS, n2: ADDRESS }"; or write "address" at each node'],
    [ucast('n1: 10.9.0.11, n3: 10.9.0.13'),
      ':2:31: error: Link "ucast eth0" has no address of "n2"; expected "addresses: { n2: ADDRESS }";' +
        ' or write "address" at each node',
      ':2:65: error: Node "n3" is not in "nodes"; expected "n1" or "n2"; did you mean "n1"'],
    [ucast('n1: 10.9.0.11, n2: 10.9.0.11'),
      ':2:69: error: Address "10.9.0.11" is that of "n1" already; expected one address for each node'],
    [ucast('n1: 10.9.0.256, n2: db2'),
      ':2:54: error: Cannot use "10.9.0.256" here; expected the address of the peer, such as 10.0.0.2',
      ':2:70: warning: Host name "db2" has to be resolved while the network may be failing;' +
        ' expected an address, which needs no name service'],
    [ucast('n1: 10.9.0.11, n2: 10.9.0.12, n3: 10.9.0.13, n4: 10.9.0.14').replace('[n1, n2]',
      '[n1, n2, n3, n4]').replace('eth0', 'eth/0'),
      `:2:31: error: Cannot use "eth/0" here; expected ${nic}`],
  ]);
  t.end();
});

t.test('cluster.yaml faults: fencing', (t) => {
  const agent = 'the name of a fence agent, such as fence_ipmilan, or its absolute path';
  golden(t, [
    [withDevice('{ agent: fence_x, password: hunter2 }'),
      ':4:35: error: Parameter "password" puts a secret into a file that others may read;' +
        ' expected "password_file: /PATH" with the secret alone in that file, mode 0600'],
    [withDevice('{ agent: fence_x, password_file: bmc }'),
      ':4:50: error: Parameter "password_file" cannot be "bmc"; expected the absolute path of a file'],
    [withDevice('{ agent: fence_x, action: off }'),
      ':4:35: error: Parameter "action" is not yours to give; expected other parameters;' +
        ' delete it: Tandem says itself what the agent shall do'],
    [withDevice('{ agent: fence_x, timeout: 20, ip: [a], 0x: b }'),
      ':4:44: error: Key "timeout" cannot be "20"; expected a duration with its unit,' +
        ' such as 200ms, 1.5s, 2m or 1h',
      ':4:52: error: Key "ip" cannot be a list; expected text, a number, true or false'],
    [withDevice('{ agent: fence_x, 0x: b, ip: "a\\nplug=1" }'),
      ':4:35: error: Parameter name cannot be "0x"; expected a parameter of the agent, such as ip or username',
      ':4:46: error: Parameter "ip" cannot be "a\\nplug=1"; expected one line without control characters'],
    [withDevice('{ ip: 10.9.9.1 }'), `:4:17: error: Key "agent" is missing; expected ${agent}`],
    [withDevice('{ agent: fence_x password=hunter2 }'),
      `:4:26: error: Cannot use "fence_x" as an agent; expected ${agent}`],
    [withDevice('fence_x password=hunter2'),
      ':4:17: error: An entry of key "n1" cannot be this text;' +
        ' expected a mapping such as { agent: fence_ipmilan, ip: 10.9.9.11 }'],
    [`${BASE}fencing: { n3: [{ agent: x }, { agent: y }] }`,
      ':4:12: error: Node "n3" is not of this cluster; expected "n1", "n2" or "*"; did you mean "n1"'],
    [`${BASE}fencing: { "*": [{ agent: fence_ipmilan }, { agent: fence_apc, plug: 1 }] }`,
      ':4:12: error: Agent "fence_ipmilan" reaches one machine only, so it cannot fence "*";' +
        ' expected an entry for each node',
      ':4:12: error: Parameter "plug" would be the same for every node; expected an entry for each node'],
  ]);
  t.end();
});

t.test('cluster.yaml faults: groups and resources', (t) => {
  const script = 'the name of a script in resource.d or init.d';
  const filesystem = (rest: string) => withResource(`filesystem: { ${rest} }`);
  golden(t, [
    [withGroup('{ prefer: [n3, n1, N1], resources: [mysql] }'),
      ':3:25: error: Node "n3" is not in "nodes"; expected "n1" or "n2"; did you mean "n1"',
      ':3:33: warning: Node "n1" is given twice; expected each node once'],
    [withGroup('{ prefer: [n1], nodes: [n2], resources: [mysql] }'),
      ':3:25: error: Node "n1" may not run this group; expected "n2"'],
    [withGroup('{ nodes: [], resources: [mysql] }'),
      ':3:23: error: No node may run this group; expected one node or more'],
    [BASE.replace('g:', '"a b":'),
      ':3:11: error: Group name cannot be "a b"; expected letters, digits, ".", "-" and "_"'],
    [withResource('drbd: r/0'),
      ':3:34: error: DRBD resource cannot be "r/0"; expected the name of a DRBD resource, such as r0'],
    [withResource('drbd: 0'),
      ':3:34: error: Key "drbd" cannot be "0"; expected the name of a DRBD resource, such as r0;' +
        ' write it in quotes: "0"'],
    [filesystem('device: drbd0, directory: db'),
      ':3:50: error: Device cannot be "drbd0"; expected an absolute path, LABEL=NAME, UUID=ID or HOST:/PATH',
      ':3:68: error: Mount point cannot be "db"; expected an absolute path'],
    [filesystem('device: /dev/sda, directory: /db, fstype: a/b'),
      ':3:84: error: File system type cannot be "a/b"; expected a type such as ext4'],
    [filesystem('device: /dev/sda, directory: /db, options: [ro, "a b"]'),
      ':3:90: error: Mount option cannot be "a b"; expected words without blanks, such as noatime'],
    [filesystem('device: /dev/drbd0, directory: /db'),
      ':3:28: warning: Nothing in this group makes "/dev/drbd0" Primary before it is mounted;' +
        ' expected "drbd: RESOURCE" above it'],
    [withResource('ip: 10.9.0'), ':3:32: error: Service address cannot be "10.9.0"; expected an address such as 10.9.0.100'],
    [withResource('ip: 10.9.0.1/33'),
      ':3:41: error: Prefix length cannot be "33"; expected 1 to 32, or a netmask such as 255.255.255.0'],
    [withResource('ip: 10.9.0.1/24/eth0/10.9.0.255/1'),
      ':3:60: error: A further part cannot be "1"; expected "ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]]"'],
    [withResource('ip: { address: 10.9.0.1/24/eth0 }'),
      ':3:55: error: A further part cannot be "eth0"; expected "ADDRESS/PREFIX";' +
        ' give "device" and "broadcast" as keys'],
    [withResource('ip: { address: 10.9.0.1, device: eth0:1 }'),
      ':3:61: warning: Label "eth0:1" is not used; expected the device, "eth0"'],
    [withResource('mysql: { datadir: db, defaults_file: my.cnf }'),
      ':3:46: error: Data directory cannot be "db"; expected an absolute path',
      ':3:65: error: Option file cannot be "my.cnf"; expected an absolute path'],
    [withResource('script: a/b'), `:3:36: error: Resource cannot be "a/b"; expected ${script}`],
    [withResource('{ script: a, args: [""] }'),
      ':3:48: error: Argument cannot be ""; expected text of one line that is not empty'],
    [withResource('"heartbeat:"'), `:3:38: error: Resource cannot be ""; expected ${script}`],
    [withResource('ocf:heartbeat:IPaddr2, ocf:heartbeat:redis, systemd:nginx.service'),
      ':3:28: error: OCF agents are not supported yet: "ocf:heartbeat:IPaddr2"; expected "ip: ADDRESS/PREFIX"',
      ':3:51: error: OCF agents are not supported yet: "ocf:heartbeat:redis";' +
        ' expected a script of resource.d, as "heartbeat:NAME"',
      ':3:72: error: Units of systemd are not supported yet: "systemd:nginx.service";' +
        ' expected a script that calls systemctl'],
    [withResource('heartbeet:httpd, httpd'),
      ':3:28: error: Resource cannot be "heartbeet:httpd"; expected "heartbeat:NAME", "lsb:NAME",' +
        ' or a mapping such as "drbd: r0"; did you mean "heartbeat:"',
      ':3:45: error: Resource cannot be "httpd"; expected "heartbeat:NAME", "lsb:NAME",' +
        ' or a mapping such as "drbd: r0"'],
    [withGroup('{ resources: [mysql, drbd: r0] }, h: { resources: [drbd: r0, script: mysql] }'),
      ':3:65: error: Resource "drbd:r0" is used twice; the first time on line 3, column 35;' +
        ' expected each resource once',
      ':3:75: error: Resource "mysql" is used twice; the first time on line 3, column 28;' +
        ' expected each resource once'],
  ]);
  t.end();
});

t.test('cluster.yaml faults: the list ends, and keys missing beside it are told as well', (t) => {
  const many = BASE + Array.from({ length: 300 }, (_, i) => `x${String(i)}: 1`).join('\n');
  const shown = said(many);
  t.equal(shown.length, 201);
  t.match(shown.at(-1), /There are too many faults/);
  const clusterYaml = file('nodes: [n1, n2]');
  const result = buildNativeConfig({ self: 'n1', directory: '/etc/tandem', clusterYaml, authkeys: null });
  t.same(result.ok ? [] : lines(result.error), [
    'c: error: The nodes have no link to each other; expected a link;' +
      ' write "links: [{ bcast: eth1 }, { serial: /dev/ttyS0 }]" under "heartbeat"',
    '/etc/tandem/authkeys: error: The file is missing; expected the file that signs the heartbeats;' +
      ' write "auth 1" and "1 sha256 SECRET" with a long random word, mode 0600',
  ]);
  t.end();
});

t.test('cluster.yaml: hostile text is refused', (t) => {
  const size = 1_000_000;
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i += 1) {
    const below = `*a${String(i - 1)}, `.repeat(10);
    bomb.push(`a${String(i)}: &a${String(i)} [${below}]`);
  }
  const texts = [
    '[', '{a: ', '- ', '? ', '&a ', '!!str ', '"', '"\\q" ', ': ', 'a: ', '#\n', '%a\n', '---\n', '\t', '\n',
    '*a ', '- [', '- - - -\n ', 'a', '\u0000', '\ud800', '- a\n', '[a, b, ', '{ a: b }, ', 'x: &x *x\n',
  ];
  for (const text of texts) {
    t.match(said(text.repeat(size / text.length)), [/c: error: The file is too large, /], text);
    const shown = said(text.repeat(20_000 / text.length));
    t.ok(shown.length > 0 && shown.length <= 201, `20,000 characters of ${JSON.stringify(text)}`);
  }
  t.match(said(`${BASE}${bomb.join('\n')}`).filter((line) => line.includes('too many')), [
    /^c:\d+:\d+: error: There are too many values; expected at most 20000$/,
  ]);
  const deep = Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
  t.same(said(deep), ['c:18:18: error: Lists or mappings are nested too deep; expected at most 16 levels']);
  const wide = `${BASE}fencing:\n${Array.from({ length: 6_000 }, (_, i) => `  k${String(i)}: []`).join('\n')}`;
  t.same(said(wide), [], 'many keys are compared quickly, and empty lists mean nothing');
  t.end();
});

/** Words that lead far into the reader, glued by what separates or breaks them. */
const piece = fc.oneof(
  fc.constantFrom(...BASE.split(/[ \n]+/), 'fencing:', 'cluster:', 'watchdog:', 'prefer:', 'failback:'),
  fc.constantFrom('keepalive:', 'deadtime:', '1s', '200ms', 'ping:', 'port:', '694', 'ucast:', 'addresses:'),
  fc.constantFrom('agent:', 'password:', 'ip:', '10.9.0.1/24', 'drbd:', 'r0', 'filesystem:', 'script:', 'args:'),
  fc.constantFrom('[', ']', '{', '}', ',', '- ', '? ', ': ', '&a', '*a', '!t', '|', '>', "'", '"', '#', '%YAML'),
  fc.constantFrom('~', 'null', 'true', '0x1', '1e3', '.inf', '<<:', '__proto__:', 'constructor:', 'ocf:x', '---'),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const glue = fc.constantFrom(' ', ' ', ' ', '\n', '\n  ', '\n    ', '', '\r\n', ', ', '\t');
const anyText = fc.array(fc.tuple(piece, glue), { maxLength: 50 }).map((pairs) => pairs.flat().join(''));
/** A valid file with a few cuts and insertions, which keeps most of its structure. */
const mutated = fc
  .array(fc.tuple(fc.nat(), fc.nat(6), fc.oneof(piece, fc.constant(''))), { minLength: 1, maxLength: 4 })
  .map((cuts) => cuts.reduce((text, [at, length, insert]) => {
    const start = at % text.length;
    return `${text.slice(0, start)}${insert}${text.slice(start + length)}` || ' ';
  }, `${BASE}fencing: { n1: [{ agent: fence_x, ip: 10.0.0.1, port: 1, timeout: 20s }] }\n`));

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
    if (/Invalid (input|option)|cannot be read as YAML/.test(message + expected)) throw new Error(message);
  }
}

const RUNS = { numRuns: 600, verbose: 1 } as const;

t.test('cluster.yaml properties: it never throws, points into the file, and refuses in our words', (t) => {
  fc.assert(
    fc.property(fc.oneof(anyText, mutated), (text) => {
      const authkeys = { path: 'a', text: 'auth 1\n1 crc\n', modeBits: 0o600 };
      const files = { self: 'n1', directory: '.', clusterYaml: file(text), authkeys };
      const result = buildNativeConfig(files);
      const all = result.ok ? result.value.warnings : result.error;
      if (!result.ok && all.length === 0) throw new Error('refused without a word');
      assertInside(text, all.filter((fault) => fault.file === 'c'));
    }),
    RUNS,
  );
  t.end();
});

/** The tree without its places, as zod would get it from any other reader of YAML. */
function plain(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  const entries = node.entries.map(({ key, node: inner }) => [key.text, plain(inner)] as const);
  return Object.fromEntries(entries);
}

t.test('cluster.yaml properties: our walk along the schema finds a fault where zod finds one', (t) => {
  const value = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>('n1', '1s', 'x', 1, 694, 9_600, 70_000, true, null, 'never', -1, 1.5),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom('ucast', 'addresses', 'bcast', 'name', 'address', 'agent', 'timeout', 'drbd', 'ip', 'x',
          'script', 'args', 'mysql', 'resources', 'prefer', 'failback', 'links', 'port', 'baud', 'serial'),
        tie('tree'),
        { maxKeys: 3 },
      ),
    ),
  })).tree;
  // Of the many ways to be wrong, most files take one or none.
  const or = (...good: readonly unknown[]) =>
    fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: value });
  const some = (one: fc.Arbitrary<unknown>) => fc.array(one, { maxLength: 3 });
  const links = some(or({ bcast: 'e' }, { serial: '/dev/x', baud: 9_600 }, { mcast: 'e', group: 'x', ttl: 1 },
    { ucast: 'e', addresses: { n1: '1.2.3.4' } }));
  const resources = some(or('mysql', { drbd: 'r0' }, { mysql: null }, { mysql: {} }, { ip: 'x' },
    { ip: { address: 'x' } }, { script: 'x', args: [1, true, 'x'] }, { filesystem: { device: 'x', directory: 'y' } },
    { filesystem: { device: 'x', directory: 'y', options: ['ro'] } }));
  const optional = { requiredKeys: [] };
  const part = fc.record({
    nodes: some(or('n1', { name: 'n2' }, { name: 'n3', address: 'x' })),
    heartbeat: fc.record({ links, keepalive: or('1s', '1.5 m'), port: or(1, 65_535), ping: some(or('x')) }, optional),
    fencing: fc.dictionary(fc.constantFrom('n1', '*'), some(or({ agent: 'x', timeout: '1s', ip: 1, lanplus: true }))),
    groups: fc.dictionary(fc.constantFrom('g', 'h'), fc.record({
      resources: resources.filter((list) => list.length > 0),
      failback: or('never', 'when-synced'),
      prefer: some(or('n1')),
      nodes: some(or('n1')),
    }, { requiredKeys: ['resources'] })),
    cluster: or('x'),
    watchdog: or('x'),
  }, optional);
  let fit = 0;
  fc.assert(
    fc.property(part, (document) => {
      const report = createReporter('c');
      const root = readYaml(file(JSON.stringify(document)), report);
      if (root === null) throw new Error(lines(report.diagnostics).join('\n'));
      readShape(CLUSTER_SCHEMA, root, report);
      const result = CLUSTER_SCHEMA.safeParse(plain(root));
      fit += Number(result.success);
      return result.success === (report.diagnostics.length === 0);
    }),
    { ...RUNS, numRuns: 800 },
  );
  t.ok(fit > 80 && fit < 720, `a good part without a fault, and with one (${String(fit)} of 800)`);
  t.end();
});

t.test('cluster.yaml properties: no diagnostic holds a password', (t) => {
  const secret = fc.stringMatching(/^[A-Z][A-Za-z0-9!?]{11,20}$/);
  const around = fc.constantFrom(
    'password: ', 'passwd: a: ', 'secret: [', '{ password: ', 'password: "', 'password: !', 'password: |\n        ',
    'agent: fence_x password=', 'api_key: >\n ', '- password: ', 'password: { a: b } ', "password: '", 'password:   \t',
  );
  fc.assert(
    fc.property(around, secret, fc.boolean(), (before, key, flow) => {
      const text = flow
        ? `${BASE}fencing: { n1: [ { agent: x, ${before}${key} } ] }`
        : `${BASE}fencing:\n  n1:\n    - agent: x\n      ${before}${key}\n`;
      const shown = said(text);
      return shown.length > 0 && !shown.join('\n').includes(key);
    }),
    { ...RUNS, numRuns: 200 },
  );
  t.end();
});

t.test('cluster.schema.json: the published schema is that of the code', (t) => {
  const published = JSON.parse(readFileSync('docs/cluster.schema.json', 'utf8')) as object;
  const cure = 'regenerate it: npm run build && node scripts/write-schema.mjs';
  t.same(published, JSON.parse(JSON.stringify(clusterJsonSchema())), cure);
  const schema = z.fromJSONSchema(published as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (value: unknown) => schema.safeParse(value).success;
  const base = { nodes: ['n1', 'n2'], heartbeat: { links: [{ bcast: 'eth1' }] } };
  t.ok(accepts(base), 'a small file fits');
  t.ok(accepts({ ...base, heartbeat: { ...base.heartbeat, keepalive: '1.5 s' } }));
  t.notOk(accepts({ ...base, heartbeat: { ...base.heartbeat, keepalive: '2' } }), 'no unit');
  t.notOk(accepts({ ...base, heartbeat: { ...base.heartbeat, keepalife: '2s' } }), 'unknown key');
  t.notOk(accepts({ nodes: ['n1'] }), 'no heartbeat');
  t.notOk(accepts({ ...base, heartbeat: {} }), 'no links');
  t.end();
});

t.test('configuration: cluster.yaml or ha.cf, the first folder that has one, never both', (t) => {
  const root = folder(t);
  const at = (name: string) => join(root, name);
  const put = (name: string, files: Readonly<Record<string, string>>) => {
    mkdirSync(at(name));
    for (const [path, text] of Object.entries(files)) {
      writeFileSync(join(at(name), path), text, { mode: 0o600 });
    }
  };
  const authkeys = 'auth 1\n1 sha256 kept-secret\n';
  const haCf = 'node n1 n2\nbcast eth1\nauto_failback off\n';
  put('native', { 'cluster.yaml': BASE, authkeys });
  put('heartbeat', { 'ha.cf': haCf, haresources: 'n1 mysql\n', authkeys });
  put('both', { 'cluster.yaml': BASE, 'ha.cf': haCf, authkeys });
  put('empty', {});
  put('half', { haresources: 'n1 mysql\n', authkeys });
  mkdirSync(join(at('empty'), 'sub'));
  put('folder', { authkeys });
  mkdirSync(join(at('folder'), 'cluster.yaml'));
  const outcome = (name: string | null, defaults: readonly string[] = []) => {
    const folders = defaults.map(at);
    const result = readConfiguration(name === null ? null : at(name), 'n1', folders);
    if (result.ok) return [result.value.source, ...result.value.files].map((path) => path.replace(root, ''));
    return lines(result.error).map((line) => line.replaceAll(root, ''));
  };
  t.same(outcome('native'), ['native', '/native/cluster.yaml', '/native/authkeys']);
  const three = ['heartbeat', '/heartbeat/ha.cf', '/heartbeat/haresources', '/heartbeat/authkeys'];
  t.same(outcome('heartbeat'), three);
  t.same(outcome(null, ['empty', 'heartbeat', 'native']), three);
  t.same(outcome(null, ['native', 'heartbeat'])[0], 'native');
  t.same(outcome('both'), [
    '/both/cluster.yaml: error: There are two configurations: /both/cluster.yaml and /both/ha.cf;' +
      ' expected one of them in a folder; move the one that is not in force to another folder',
  ]);
  const either = 'expected cluster.yaml and authkeys, or ha.cf, haresources and authkeys;' +
    ' name another folder with --config';
  t.same(outcome('empty'), [`/empty: error: There is no configuration; ${either}`]);
  t.same(outcome(null, ['empty', 'no']), [`/empty or /no: error: There is no configuration; ${either}`]);
  t.same(outcome('half'), [
    '/half/ha.cf: error: The file is missing; expected the file that tells the nodes and their links',
  ]);
  t.match(outcome('folder'), [/^\/folder\/cluster.yaml: error: The file cannot be read: EISDIR/]);
  t.end();
});
