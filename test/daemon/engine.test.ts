import t from 'tap';
import type { LogFields } from '../../src/daemon/log.js';
import { Engine, type EngineWorld } from '../../src/daemon/engine.js';
import type { ActionResult } from '../../src/failover/event.js';
import { initialState, NOTHING_SAVED } from '../../src/failover/state.js';
import type { ClusterSpec } from '../../src/failover/spec.js';
import { soon } from '../support/temporary.js';

const SPEC: ClusterSpec = {
  cluster: 'shop',
  self: 'n1',
  nodes: ['n1', 'n2'],
  digest: '0123456789abcdef',
  heartbeat: { keepaliveMs: 20, warntimeMs: 80, deadtimeMs: 150, initdeadMs: 200 },
  fencing: {},
  groups: [
    {
      name: 'web',
      aliases: [],
      prefer: ['n1', 'n2'],
      failback: 'never',
      resources: [{ kind: 'script', id: 'web', name: 'web', args: [] }],
    },
  ],
};

interface Bench {
  readonly engine: Engine;
  readonly done: string[];
  readonly clock: { nowMs: number };
}

/** An engine on a clock of its own; `change` replaces a hand of it. */
function bench(
  change: (
    engine: () => Engine,
    done: string[],
    clock: { nowMs: number },
  ) => Partial<EngineWorld> = () => ({}),
): Bench {
  const done: string[] = [];
  const clock = { nowMs: 1_000 };
  const said = (_sentence: string, fields?: LogFields): void => void done.push(`log ${String(fields?.['event'])}`);
  const engine: Engine = new Engine(initialState(SPEC, 5, NOTHING_SAVED, clock.nowMs), {
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => clock.nowMs + 1_700_000_000_000 },
    log: { debug: said, info: said, warn: said, error: said },
    send: ({ sequence }) => void done.push(`send ${String(sequence)}`),
    counters: () => [{ name: 'ucast eth0', sent: 1, badAuth: 2, malformed: 3, toOne: null }],
    run: async ({ actionId, verb }): Promise<ActionResult> => {
      done.push(`run ${verb}`);
      return Promise.resolve({ actionId, outcome: 'ok', state: 'stopped', reason: 'as asked' });
    },
    fence: async ({ fenceId }) => Promise.resolve({ fenceId, outcome: 'failed', reason: 'none' }),
    fenceTest: async () => Promise.resolve([]),
    outdate: async ({ outdateId }) =>
      Promise.resolve({ outdateId, outcome: 'failed', reason: 'none' }),
    resumeIo: async ({ resumeId }) =>
      Promise.resolve({ resumeId, outcome: 'ok', reason: 'as asked' }),
    reconnect: async ({ reconnectId }) =>
      Promise.resolve({ reconnectId, outcome: 'ok', reason: 'as asked' }),
    save: () => void done.push('save'),
    exit: (clean) => void done.push(`exit ${String(clean)}`),
    ...change(() => engine, done, clock),
  });
  return { engine, done, clock };
}

t.test('engine: an event posted from an effect waits for the end of the one before', (t) => {
  let depth = 0;
  let deepest = 0;
  let times = 0;
  const { engine, done } = bench((self, done, clock) => ({
    send: () => {
      // A keepalive later there is something to send again.
      clock.nowMs += 30;
      depth += 1;
      deepest = Math.max(deepest, depth);
      done.push('begin');
      if (times++ < 3) self().post({ kind: 'tick' });
      done.push('end');
      depth -= 1;
    },
  }));
  engine.post({ kind: 'tick' });
  engine.stop();
  t.ok(times > 1);
  t.equal(deepest, 1);
  t.match(done.filter((what) => what === 'begin' || what === 'end').join(' '), /^(begin end ?)+$/);
  t.end();
});

t.test('engine: what was started reports back, and the wake turns it again', async (t) => {
  const { engine, done, clock } = bench();
  engine.post({ kind: 'tick' });
  t.ok(done.includes('run probe'), done.join());
  await soon('the state of the group', () => engine.status().groups[0]?.resources[0]?.state === 'stopped');
  const sends = (): number => done.filter((what) => what.startsWith('send')).length;
  const before = sends();
  await soon('more heartbeats', () => {
    clock.nowMs += 10;
    return sends() > before + 2;
  });
  engine.stop();
  const after = done.length;
  engine.post({ kind: 'tick' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.equal(done.length, after, 'nothing is carried out after the stop');
});

t.test('engine: a dry run leaves no trace', (t) => {
  const { engine, done } = bench();
  engine.post({ kind: 'tick' });
  const before = { done: done.length, status: engine.status(), history: engine.history() };
  const request = { kind: 'standby', node: null } as const;
  const dry = engine.request({ request, dryRun: true });
  t.match(dry, { state: 'done', message: /^Would be done: / });
  t.equal(engine.answer(dry.id), null);
  t.strictSame({ done: done.length, status: engine.status(), history: engine.history() }, before);
  const unknown = { kind: 'move', group: 'nothing', to: null } as const;
  for (const dryRun of [true, false]) {
    const refused = engine.request({ request: unknown, dryRun });
    t.match(refused, { state: 'refused', exit: 'noSuch' });
    t.notMatch(refused.message, /Would be done/);
  }
  const real = engine.request({ request, dryRun: false });
  t.match(real.state, /accepted|done/);
  t.strictSame(engine.answer(real.id)?.id, real.id);
  t.equal(engine.status().nodes[0]?.mode, 'standby');
  engine.stop();
  t.end();
});

t.test('engine: answers are kept for late questions, the oldest go first', (t) => {
  const { engine } = bench();
  const request = { kind: 'move', group: 'nothing', to: null } as const;
  const ids = Array.from({ length: 130 }, () => engine.request({ request, dryRun: false }).id);
  t.equal(new Set(ids).size, 130);
  const kept = ids.filter((id) => engine.answer(id) !== null);
  t.strictSame(kept, ids.slice(-100));
  engine.stop();
  t.end();
});

t.test('engine: a defect in an effect reaches the caller, and does not wedge the engine', (t) => {
  let broken = true;
  const { engine, done } = bench((_engine, done) => ({
    send: () => {
      if (broken) throw new Error('no such link');
      done.push('send');
    },
  }));
  t.throws(() => engine.post({ kind: 'tick' }), /no such link/);
  broken = false;
  engine.post({ kind: 'leave' });
  t.ok(done.includes('send'), 'the next event is taken');
  engine.stop();
  t.end();
});

t.test('engine: leaving ends with a clean exit and the last word before it', async (t) => {
  const { engine, done, clock } = bench();
  engine.post({ kind: 'tick' });
  engine.post({ kind: 'leave' });
  await soon('the exit', () => {
    clock.nowMs += 10;
    return done.some((what) => what.startsWith('exit'));
  });
  engine.stop();
  const exit = done.indexOf('exit true');
  t.ok(exit > 0, done.slice(-5).join());
  t.ok(done.slice(0, exit).some((what) => what.startsWith('send')));
  t.equal(engine.status().nodes[0]?.state, 'left');
});

t.test('engine: status says how DRBD is watched, where it is', (t) => {
  t.notOk('drbdSource' in bench().engine.status());
  const source = { kind: 'events2', reason: 'it is told' } as const;
  const { engine } = bench(() => ({ drbdSource: () => source }));
  t.same(engine.status().drbdSource, source);
  t.notOk('drbdSource' in bench(() => ({ drbdSource: () => null })).engine.status());
  t.end();
});

t.test('engine: the watchdog is told of every turn, and shown in status and why', (t) => {
  const turns: number[] = [];
  const reason = 'this machine is reset 2.00 s after it was fed last';
  const shown = { device: '/dev/watchdog', state: 'armed', timeoutMs: 2_000, reason, warnings: ['too long'] } as const;
  const watchdog = { turned: (nowMs: number) => void turns.push(nowMs), status: () => shown };
  const { engine, clock } = bench(() => ({ watchdog: () => watchdog }));
  engine.post({ kind: 'tick' });
  clock.nowMs += 5;
  engine.post({ kind: 'tick' });
  t.same(turns.slice(-2), [1_000, 1_005]);
  const before = turns.length;
  engine.request({ request: { kind: 'cleanup', group: 'web' }, dryRun: true });
  engine.status();
  t.equal(turns.length, before, 'what is only asked is no turn');
  engine.stop();
  engine.post({ kind: 'tick' });
  t.equal(turns.length, before, 'nor is anything after the end');
  t.same(engine.status().watchdog, shown);
  const [self, other] = engine.why().nodes;
  t.match(self?.evidence, [/never stood still/, `watchdog /dev/watchdog is armed: ${reason}`, 'too long']);
  t.notMatch(other?.evidence.join(), 'watchdog');
  t.notOk('watchdog' in bench(() => ({ watchdog: () => null })).engine.status());
  t.end();
});

t.test('engine: an operation is handed over when it begins and when it ends, after the past', async (t) => {
  const told: string[] = [];
  const { engine, clock } = bench(() => ({
    history: {
      past: [
        {
          id: 'op-0',
          group: 'web',
          node: 'n1',
          startedAt: '2023-01-01T00:00:00.000Z',
          endedAt: null,
          outcome: 'failed',
          trigger: 'long ago',
          phases: [],
          account: [],
        },
      ],
      record: ({ group, outcome, startedAt }) =>
        void told.push(`${group} ${outcome} ${startedAt.slice(0, 4)}`),
    },
    run: async ({ actionId, verb }): Promise<ActionResult> =>
      Promise.resolve({
        actionId,
        outcome: 'ok',
        state: verb === 'probe' ? 'stopped' : 'started',
        reason: 'as asked',
      }),
  }));
  engine.post({ kind: 'tick' });
  await soon('this node is up', () => engine.status().nodes.some(({ self, state }) => self && state === 'up'));
  // Beyond initdead, in steps: a jump would be a stall of this node.
  for (let step = 0; step < 20; step += 1) {
    clock.nowMs += 20;
    engine.post({ kind: 'tick' });
  }
  engine.post({ kind: 'operator', requestId: 'r', request: CONFIRMED });
  await soon('web runs', () => engine.status().groups[0]?.state === 'started');
  engine.stop();
  t.same(told, ['web running 2023', 'web done 2023']);
  t.match(engine.history().entries, [{ id: 'op-0' }, { group: 'web', outcome: 'done' }]);
});

const CONFIRMED = { kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'it is off' } as const;
