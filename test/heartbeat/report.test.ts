/** Orders are registers: the highest version wins on every node, in whatever order they arrive. */
import fc from 'fast-check';
import t from 'tap';
import { decodeReport, encodeReport } from '../../src/heartbeat/report-codec.js';
import {
  orderReplaces,
  PROTOCOL_VERSION,
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
};

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
