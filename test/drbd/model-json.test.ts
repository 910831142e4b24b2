import fc from 'fast-check';
import t from 'tap';
import { readJson, type JsonNode } from '../../src/drbd/json-text.js';
import { factsFromModel } from '../../src/drbd/model-facts.js';
import { modelFromJson } from '../../src/drbd/model-json.js';
import { readDrbdText } from '../../src/drbd/model-text.js';
import { samplesIn } from './samples.js';

/** Three nodes, a resync to one peer; keys of drbd-utils 9.28 and a few that nobody has. */
const STATUS = `[
{
  "name": "r0",
  "node-id": 0,
  "role": "Primary",
  "suspended": true,
  "suspended-user": false,
  "suspended-quorum": true,
  "write-ordering": "flush",
  "devices": [
    { "volume": 0, "minor": 7, "disk-state": "UpToDate", "client": false, "quorum": false,
      "size": 18446744073709551615, "read": 1, "written": 2, "al-writes": 3, "colour": "blue" } ],
  "connections": [
    { "peer-node-id": 1, "name": "n2", "connection-state": "Connected", "congested": false,
      "peer-role": "Secondary",
      "paths": [ { "this_host": { "address": "fe80::1", "port": 7789, "family": "ipv6" },
                   "remote_host": { "address": "10.0.0.2", "port": 7789, "family": "ipv4" },
                   "established": true } ],
      "peer_devices": [
        { "volume": 0, "replication-state": "SyncSource", "peer-disk-state": "Inconsistent",
          "resync-suspended": "no", "sent": 5, "received": 6, "out-of-sync": 2048,
          "percent-resync-done": 37.50, "rs-total": 8192, "estimated-seconds-to-finish": 10,
          "db1/dt1 [MiB/s]": 0.25, "db/dt [MiB/s]": -nan, "want": 100 } ] },
    { "peer-node-id": 2, "name": "n3", "connection-state": "Connecting", "peer-role": "Unknown",
      "peer_devices": [
        { "volume": 0, "replication-state": "Off", "peer-disk-state": "DUnknown",
          "resync-suspended": "user,peer", "estimated-seconds-to-finish": 987654321 } ] }
  ]
}
]
`;

t.test('status --json: several peers, progress, numbers that are none', (t) => {
  const { resources, problems } = modelFromJson(STATUS);
  t.same(problems, []);
  t.match(resources, [
    {
      name: 'r0',
      role: { word: 'Primary' },
      suspended: ['quorum'],
      writeOrdering: 'flush',
      extra: { 'node-id': '0' },
      volumes: [{ minor: 7, quorum: false, sizeKiB: null, readKiB: 1, extra: { colour: 'blue' } }],
      connections: [
        {
          name: 'n2',
          peerNodeId: 1,
          link: { word: 'Connected' },
          paths: [{ local: 'ipv6:[fe80::1]:7789', peer: 'ipv4:10.0.0.2:7789', established: true }],
          volumes: [
            {
              outOfSyncKiB: 2048,
              progress: {
                kind: 'resync',
                donePercent: 37.5,
                leftKiB: 2048,
                totalKiB: 4096,
                finishSeconds: 10,
                rateKiBps: 256,
                averageKiBps: null,
                wantKiBps: 100,
              },
            },
          ],
        },
        { name: 'n3', volumes: [{ progress: null, resyncSuspended: ['user', 'peer'] }] },
      ],
    },
  ]);
  t.match(factsFromModel(resources[0]!), {
    role: 'Primary',
    connection: 'WFConnection',
    ioSuspended: true,
    volumes: [{ syncedPercent: 37.5, peerDisk: 'Inconsistent', outOfSyncBytes: null }],
  });
  t.end();
});

t.test('status --json: real output of drbdsetup 9', (t) => {
  const texts = [...samplesIn('userland')].filter(([name]) => name.endsWith('.json'));
  for (const [name, text] of texts) {
    const reading = readDrbdText(text);
    t.match(reading, { format: 'status-json', model: { problems: [], resources: { length: 2 } } }, name);
    const facts = reading?.model.resources.map(factsFromModel);
    t.match(facts, [{ resource: '1-single-0', role: 'Secondary', connection: 'Connected' }, {}], name);
  }
  t.match(readDrbdText('[\n]\n'), { model: { resources: [] } }, 'nothing configured is an answer');
  t.end();
});

t.test('status --json: faults are told with line and column, the rest stands', (t) => {
  const cut = STATUS.slice(0, STATUS.indexOf('"peer-role": "Secondary"'));
  const { resources, problems } = modelFromJson(cut);
  t.match(resources, [{ name: 'r0', connections: [{ name: 'n2', link: { word: 'Connected' } }] }]);
  t.match(problems, [{ line: 15, column: 7, message: /but the text ends/ }]);
  const rows: readonly (readonly [string, string, number, number, RegExp])[] = [
    ['"Primary"', '"Emperor"', 5, 11, /unknown state: "Emperor"/],
    ['"minor": 7', '"minor": "7"', 11, 29, /"minor" is not a number/],
    ['"Primary"', 'Primary', 5, 18, /not a value: "Primary"/],
    ['"devices": [', '"devices": 3, "x": [', 10, 14, /expected "devices", found number/],
    ['"role"', 'role', 5, 3, /expected a name in quotes, found "r"/],
  ];
  for (const [word, wrong, line, column, message] of rows) {
    t.match(modelFromJson(STATUS.replace(word, wrong)).problems[0], { line, column, message }, wrong);
  }
  t.equal(readDrbdText('[core]\n'), null, 'an ini file is not JSON of DRBD');
  t.match(readJson('['.repeat(100_000)).fault, { message: /nested deeper/ });
  t.end();
});

function plain(node: JsonNode | null): unknown {
  switch (node?.kind) {
    case 'object':
      return Object.fromEntries([...node.entries].map(([key, value]) => [key, plain(value)]));
    case 'array':
      return node.items.map(plain);
    case 'string':
      return node.text;
    case 'number':
    case 'boolean':
      return node.value;
    case 'null':
    case undefined:
      return null;
  }
}

t.test('json text: reads what JSON.parse reads, never throws, is linear', (t) => {
  const leaf = fc.oneof(
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.stringMatching(/^[a-zA-Z0-9 _.-]{0,12}$/),
  );
  const key = fc.stringMatching(/^[a-z][a-z-]{0,6}$/);
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('any')), fc.dictionary(key, tie('any'))),
  })).any;
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (wanted, indent) => {
      const { node, fault } = readJson(JSON.stringify(wanted, null, indent));
      t.equal(fault, null);
      t.strictSame(JSON.stringify(plain(node)), JSON.stringify(wanted));
      return t.passing();
    }),
    { numRuns: 300 },
  );
  const mutation = fc.tuple(fc.nat(STATUS.length), fc.string({ maxLength: 6 }), fc.nat(40));
  fc.assert(
    fc.property(mutation, ([at, insert, remove]) => {
      const { resources } = modelFromJson(`${STATUS.slice(0, at)}${insert}${STATUS.slice(at + remove)}`);
      resources.map(factsFromModel);
      return true;
    }),
    { numRuns: 2000 },
  );
  const before = process.hrtime.bigint();
  for (const unit of ['[', '{"a":', '"a', '[1,', '\\', '-', '[\n']) {
    modelFromJson(`[${unit.repeat(Math.ceil(300_000 / unit.length))}`);
  }
  t.ok(Number(process.hrtime.bigint() - before) / 1e6 < 3_000, 'linear in a 300 kB text');
  t.end();
});
