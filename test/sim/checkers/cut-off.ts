/**
 * I8: nobody cuts off a half that replicates, also one whose daemon has left, but when its node is proven
 * off at that moment.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';

export function cutOff(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge } = accountOf(world);

  return checker('cut off', ['cutOff'], ({ node, resource }, atMs) => {
    const other = world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
    if (knowledge.of(node, other).provenOffMs !== null) return;
    const sentence = `${node} cuts off ${resource} on ${other}, which replicates and is not proven off`;
    tell({ rule: 'I8', sentence, atMs });
  });
}
