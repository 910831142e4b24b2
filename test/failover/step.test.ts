/** The step itself: pure, total over strange input, always awake again in time. */
import fc from 'fast-check';
import t from 'tap';
import type { OutdateWord } from '../../src/heartbeat/report.js';
import type { FailoverEvent } from '../../src/failover/event.js';
import { step } from '../../src/failover/step.js';
import { viewStatus } from '../../src/failover/view.js';
import { drbd, Driver, SPEC } from './driver.js';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

const anyEvent: fc.Arbitrary<FailoverEvent> = fc.oneof(
  fc.constant<FailoverEvent>({ kind: 'tick' }),
  fc.constant<FailoverEvent>({ kind: 'leave' }),
  fc.constantFrom<FailoverEvent>(
    { kind: 'drbd', facts: [] },
    { kind: 'drbd', facts: [drbd()] },
    { kind: 'drbd', facts: [drbd({ connection: 'WFConnection' })] },
    { kind: 'drbd', facts: [drbd({ disk: 'Inconsistent', connection: 'SyncTarget' })] },
    { kind: 'foreign', link: 'eth0', fault: { kind: 'foreign', detail: '', node: 'n2', stamp: null } },
    { kind: 'foreign', link: 'eth0', fault: { kind: 'malformed', detail: 'g', node: null, stamp: null } },
  ),
  fc.record({
    kind: fc.constant('actionResult' as const),
    actionId: fc.integer({ min: 0, max: 12 }).map((id) => `action-${String(id)}`),
    outcome: fc.constantFrom('ok' as const, 'failed' as const, 'timeout' as const),
    state: fc.constantFrom('started' as const, 'stopped' as const, 'unknown' as const),
    reason: fc.string(),
  }),
  fc.record({
    kind: fc.constant('fenceResult' as const),
    fenceId: fc.integer({ min: 0, max: 12 }).map((id) => `fence-${String(id)}`),
    outcome: fc.constantFrom('off' as const, 'on' as const, 'failed' as const),
    reason: fc.string(),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    link: fc.constantFrom('eth0', 'serial'),
    report: fc.record({
      node: fc.constantFrom('n2', 'n1', 'stranger'),
      generation: fc.integer({ min: 1, max: 3 }),
      sequence: fc.integer({ min: 1, max: 50 }),
      protocol: fc.constantFrom(1, 2),
      digest: fc.constantFrom('d1', 'd2'),
      phase: fc.constantFrom('starting' as const, 'up' as const, 'leaving' as const, 'left' as const),
      mode: fc.constant('online' as const),
      health: fc.constant('ok' as const),
      groups: fc.constantFrom(
        [],
        [{ name: 'mysql', life: 'stopped', epoch: 0, claim: null, grant: null, barred: false }],
        [{ name: 'mysql', life: 'started', epoch: 9, claim: { epoch: 9, rank: 0 }, grant: null, barred: false }],
        [{ name: 'other', life: 'unknown', epoch: 0, claim: null, grant: null, barred: true }],
      ) as fc.Arbitrary<never[]>,
      drbd: fc.constant([]),
      orders: fc.constantFrom([], [{ key: 'move.mysql', value: 'n2', version: 3, origin: 'n2' }]),
      outdateAsks: fc.constantFrom([], [{ resource: 'r0', node: 'n1', version: 4 }]),
      outdateWords: fc.constantFrom<OutdateWord[]>(
        [],
        [{ resource: 'r0', asker: 'n1', generation: 7, version: 3, outcome: 'outdated' }],
      ),
    }),
  }),
  fc.constantFrom<FailoverEvent>(
    { kind: 'operator', requestId: 'a', request: { kind: 'move', group: 'mysql', to: null } },
    { kind: 'operator', requestId: 'b', request: { kind: 'standby', node: null } },
    { kind: 'operator', requestId: 'c', request: { kind: 'cleanup', group: 'mysql' } },
    {
      kind: 'operator',
      requestId: 'd',
      request: { kind: 'fencePeer', resource: 'r0', peer: null, waitMs: 5_000 },
    },
    { kind: 'outdateResult', outdateId: 'outdate-5', outcome: 'outdated', reason: '' },
  ),
);

t.test('step: any events in any order: pure, awake in time, something to show', (t) => {
  const events = fc.array(fc.tuple(anyEvent, fc.integer({ min: 0, max: 3_000 })), { maxLength: 60 });
  fc.assert(
    fc.property(events, (sequence) => {
      let { state } = new Driver();
      let nowMs = 1_000;
      let wakeMs = 0;
      for (const [event, laterMs] of sequence) {
        nowMs += laterMs;
        frozen(state);
        const first = step(state, event, nowMs);
        const second = step(state, event, nowMs);
        if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error('not pure');
        const wakes = first.effects.filter((effect) => effect.kind === 'wake');
        const [wake] = wakes;
        // What was heard before decides nothing: the wake-up asked for before stands.
        const isHeard = event.kind === 'report' || event.kind === 'foreign';
        const isNews = !isHeard || wakes.length > 0;
        if (wakes.length !== (isNews ? 1 : 0)) throw new Error('one wake-up a decision');
        if (wake !== undefined && wake.atMs <= nowMs) throw new Error('wakes later');
        wakeMs = wake?.atMs ?? wakeMs;
        if (wakeMs > nowMs + 100) throw new Error('wakes in time');
        const { summary } = viewStatus(first.state, [], nowMs).verdict;
        if (summary.length < 10) throw new Error('the verdict is a sentence');
        ({ state } = first);
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('step: heard before over another link, it decides nothing and turns nobody', (t) => {
  const driver = new Driver().probed().hear();
  const { report } = driver.state.peers['n2'] ?? {};
  if (report == null) throw new Error('n2 was heard');
  const again = step(driver.state, { kind: 'report', link: 'eth1', report }, driver.nowMs + 1);
  t.same(again.effects, []);
  t.equal(again.state.peers['n2']?.life.links['eth1']?.duplicate, 1, 'the link is seen to live');
  t.end();
});

t.test('step: a look at a resource that takes its time does not turn the core all the time', (t) => {
  const driver = new Driver().running();
  while (driver.group.action === null) driver.hear().pass(150);
  t.equal(driver.group.action.verb, 'monitor');
  driver.pass(1);
  const wake = driver.of('wake').at(-1);
  t.ok((wake?.atMs ?? 0) > driver.nowMs + 10, 'the others that are due wait for its end');
  t.end();
});

t.test('step: saved before it is said', (t) => {
  const driver = new Driver().probed();
  const kinds = driver.hear().effects.map((effect) => effect.kind);
  t.ok(kinds.indexOf('save') >= 0 && kinds.indexOf('save') < kinds.indexOf('send'), kinds.join());
  t.same(driver.of('save').at(-1)?.facts.epochs, { mysql: 1 });
  t.same(SPEC.nodes, ['n1', 'n2']);
  t.end();
});
