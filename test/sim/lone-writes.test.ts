/** The checker of held writes goes by what the kernel knows, and no longer than it does. */
import t from 'tap';
import type { Violation } from '../../src/sim/checker.js';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { databaseGroup, LAN_REPLICA, QUICK_AGENTS, QUICK_POWER } from '../../src/sim/household.js';
import { GOOD_LAN } from '../../src/sim/network.js';
import type { Observation } from '../../src/sim/observation.js';
import { World } from '../../src/sim/world.js';
import { loneWrites } from './checkers/lone-writes.js';

const ABOUT = { node: 'n1', resource: 'r0' } as const;
const ANSWER: Observation = { kind: 'handlerEnds', ...ABOUT, exit: 4 };
const KNOWN: Observation = { kind: 'fateKnown', ...ABOUT };
const CONNECTED: Observation = { kind: 'connected', resource: 'r0' };
const RESUMED: Observation = { kind: 'resumed', ...ABOUT, by: 'person' };

/** What is found when n1 writes alone after all that. */
function found(before: readonly Observation[]): readonly string[] {
  const world = new World({
    seed: 1,
    nodes: ['n1', 'n2'],
    groups: [databaseGroup('mysql', ['n1', 'n2'])],
    heartbeat: { keepaliveMs: 200, warntimeMs: 800, deadtimeMs: 1_500, initdeadMs: 5_000 },
    fenceable: [],
    media: [{ name: 'eth0', quality: GOOD_LAN }],
    powerTiming: QUICK_POWER,
    agentTiming: QUICK_AGENTS,
    replicaTiming: LAN_REPLICA,
    bootDisk: 'UpToDate',
    drbdFencing: 'resource-and-stonith',
    bootMs: 5_000,
    writeEveryMs: 1_000,
    brain: { initialState, step },
  });
  const violations: Violation[] = [];
  loneWrites(world, (violation) => violations.push(violation)).watch(world);
  for (const seen of before) world.tell(seen);
  const content = world.replicas['r0']?.content('n1');
  if (content === undefined) throw new Error('there is no r0');
  world.tell({ kind: 'acknowledged', ...ABOUT, content, alone: true });
  return violations.map(({ rule }) => rule);
}

t.test('lone writes: an answer that the kernel does not go by finds out nothing', (t) => {
  t.same(found([]), ['S4']);
  t.same(found([ANSWER]), ['S4'], 'the connection came before the handler had ended');
  t.same(found([ANSWER, KNOWN]), []);
  t.same(found([RESUMED]), []);
  t.end();
});

t.test('lone writes: what was found out is over with a connection, written or not', (t) => {
  t.same(found([ANSWER, KNOWN, CONNECTED]), ['S4']);
  t.same(found([RESUMED, CONNECTED]), ['S4']);
  t.same(found([KNOWN, CONNECTED, KNOWN]), []);
  t.end();
});
