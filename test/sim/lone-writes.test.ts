/** The checker of held writes goes by what the kernel knows, and no longer than it does. */
import t from 'tap';
import type { Violation } from '../../src/sim/checker.js';
import type { Observation } from '../../src/sim/observation.js';
import { loneWrites } from './checkers/lone-writes.js';
import { smallWorld } from './small-world.js';

const ABOUT = { node: 'n1', resource: 'r0' } as const;
const ANSWER: Observation = { kind: 'handlerEnds', ...ABOUT, exit: 4 };
const KNOWN: Observation = { kind: 'fateKnown', ...ABOUT };
const CONNECTED: Observation = { kind: 'connected', resource: 'r0' };
const RESUMED: Observation = { kind: 'resumed', ...ABOUT, by: 'person' };

/** What is found when n1 writes alone after all that. */
function found(before: readonly Observation[]): readonly string[] {
  const world = smallWorld({ drbdFencing: 'resource-and-stonith' });
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
