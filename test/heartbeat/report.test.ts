/** Orders are registers: the highest version wins on every node, in whatever order they arrive. */
import fc from 'fast-check';
import t from 'tap';
import { decodeReport, encodeReport } from '../../src/heartbeat/report-codec.js';
import {
  numbered,
  orderReplaces,
  PROTOCOL_VERSION,
  saysTheSame,
  withPartsOf,
  type Order,
  type Report,
} from '../../src/heartbeat/report.js';

t.test('report: orders converge whatever way they travel', (t) => {
  const order: fc.Arbitrary<Order> = fc.record({
    key: fc.constant('move.mysql'),
    value: fc.constantFrom('n1', 'n2', '-'),
    version: fc.integer({ min: 1, max: 4 }),
    origin: fc.constantFrom('n1', 'n2', 'n3'),
  });
  const winner = (orders: readonly Order[]): Order | undefined =>
    orders.reduce<Order | undefined>((best, o) => (orderReplaces(o, best) ? o : best), undefined);
  fc.assert(
    fc.property(fc.uniqueArray(order, { selector: (o) => `${String(o.version)}${o.origin}` }), (orders) => {
      const there = winner([...orders].reverse());
      const here = winner(orders);
      return here?.version === there?.version && here?.origin === there?.origin;
    }),
  );
  t.end();
});

t.test('report: which order replaces which', (t) => {
  const order = (version: number, origin: string): Order => ({
    key: 'mode.n1',
    value: 'standby',
    version,
    origin,
  });
  const rows = [
    [order(1, 'n1'), undefined, true],
    [order(2, 'n2'), order(1, 'n1'), true],
    [order(1, 'n1'), order(2, 'n2'), false],
    [order(2, 'n1'), order(2, 'n2'), true],
    [order(2, 'n2'), order(2, 'n1'), false],
    [order(2, 'n1'), order(2, 'n1'), false],
  ] as const;
  for (const [a, b, expected] of rows) t.equal(orderReplaces(a, b), expected);
  t.end();
});

const HEADER = { deadtimeMs: 1_500, wallSeconds: 1_700_000_000, ttl: 3 };
const QUIET: Report = {
  node: 'n1',
  generation: 7,
  sequence: 300,
  protocol: PROTOCOL_VERSION,
  digest: 'd1',
  phase: 'up',
  mode: 'online',
  health: 'ok',
  groups: [],
  drbd: [],
  orders: [],
  outdateAsks: [],
  outdateWords: [],
};

/** Every part that a report can have, and a second value of each. */
const FULL: Required<Report> = {
  ...QUIET,
  groups: [{ name: 'g', life: 'started', epoch: 1, claim: null, grant: null, barred: false }],
  drbd: [{ resource: 'r0', role: 'Primary', disk: 'UpToDate', connection: 'Connected' }],
  sides: [{ resource: 'r0', disk: 'UpToDate', volumes: [], began: null, database: '', offers: null }],
  orders: [{ key: 'move.g', value: 'n1', version: 1, origin: 'n1' }],
  hears: { n2: 4 },
  connectivity: { reached: 1, of: 2 },
  outdateAsks: [{ resource: 'r0', node: 'n2', version: 1 }],
  outdateWords: [{ resource: 'r0', asker: 'n2', generation: 1, version: 1, outcome: 'outdated' }],
};
const OTHER: Required<Report> = {
  ...{ node: 'n2', generation: 8, sequence: 301, protocol: 2, digest: 'd2', phase: 'leaving' as const },
  ...{ mode: 'standby' as const, health: 'stalled' as const, groups: [], drbd: [], sides: [] },
  ...{ orders: [], hears: {}, connectivity: { reached: 2, of: 2 }, outdateAsks: [], outdateWords: [] },
};
const PARTS = Object.keys(FULL) as (keyof Report)[];

t.test('report: a number more is the same report', (t) => {
  for (const report of [FULL, OTHER, QUIET]) t.strictSame(numbered(report, 9), { ...report, sequence: 9 });
  for (const part of ['sides', 'hears', 'connectivity'] as const) {
    const less: Report = { ...QUIET, [part]: FULL[part] };
    t.strictSame(numbered(less, 9), { ...less, sequence: 9 }, `of those that may lack only ${part}`);
  }
  t.end();
});

t.test('report: parts that say the same are kept, and nothing else', (t) => {
  t.equal(withPartsOf(FULL, structuredClone(FULL)), FULL, 'nothing new: the report itself');
  for (const part of PARTS) {
    const changed = { ...structuredClone(FULL), [part]: OTHER[part] };
    const kept = withPartsOf(FULL, changed);
    t.strictSame(kept, changed, `another ${part}`);
    const parts = PARTS.filter((name) => typeof FULL[name] === 'object');
    t.strictSame(parts.filter((name) => kept[name] !== FULL[name]), parts.filter((name) => name === part));
    t.equal(saysTheSame(FULL, kept), part === 'sequence', `says the same: ${part}`);
  }
  t.end();
});

t.test('report: what a node reaches goes over the wire (connectivity)', (t) => {
  const reports: Report[] = [
    QUIET,
    { ...QUIET, connectivity: { reached: 0, of: 1 } },
    { ...QUIET, connectivity: { reached: 16, of: 16 } },
  ];
  for (const report of reports) {
    const read = decodeReport(new Map(encodeReport(report, HEADER)));
    t.same(read.ok && read.value, report);
  }
  for (const word of ['', '1', '2/1', 'a/b', '1/', '-1/1', '1/2/x'.repeat(9)]) {
    const fields = new Map([...encodeReport(QUIET, HEADER), ['tp', word] as const]);
    const read = decodeReport(fields);
    t.match(read, { ok: false, error: { kind: 'malformed', detail: 'tp', node: 'n1' } }, word);
  }
  t.end();
});

const REPORT: Report = {
  node: 'n1',
  generation: 1_795_223_335,
  sequence: 17,
  protocol: PROTOCOL_VERSION,
  digest: '4f0c',
  phase: 'up',
  mode: 'online',
  health: 'ok',
  groups: [
    {
      name: 'mysql',
      life: 'started',
      epoch: 3,
      claim: { epoch: 3, rank: 1 },
      grant: { node: 'n1', generation: 7, epoch: 2 },
      barred: true,
    },
  ],
  drbd: [{ resource: 'r0', role: 'Primary', disk: 'UpToDate', connection: 'WFConnection', ahead: true }],
  orders: [{ key: 'move.mysql', value: 'n1', version: 4, origin: 'n2.example.org' }],
  outdateAsks: [
    { resource: 'r0', node: 'n2', version: 17 },
    { resource: 'r0', node: 'n3.example.org', version: 18 },
  ],
  outdateWords: [
    { resource: 'r0', asker: 'n2', generation: 7, version: 5, outcome: 'outdated' },
    { resource: 'r1', asker: 'n3.example.org', generation: 8, version: 5, outcome: 'primary' },
  ],
};

t.test('report: what is written is read again', (t) => {
  const fields = encodeReport(REPORT, HEADER);
  t.equal(new Map(fields).size, fields.length, 'no name comes twice');
  t.same(decodeReport(new Map(fields)), { ok: true, value: REPORT });
  t.end();
});

t.test('report: a field that makes no sense is named', (t) => {
  const rows = [
    ['ta.x', 'r0 n2'],
    ['tw.5', 'r0 7 outdated'],
    ['tw.5.n2', 'r0 7 fine'],
    ['tw.5.n2', 'r0 seven outdated'],
    ['to.move.mysql', 'n1 4'],
    ['tg.mysql', 'runs 3'],
  ] as const;
  for (const [name, value] of rows) {
    const read = decodeReport(new Map([...encodeReport(REPORT, HEADER), [name, value]]));
    t.match(read, { ok: false, error: { kind: 'malformed', detail: name } }, `${name}=${value}`);
  }
  t.end();
});
