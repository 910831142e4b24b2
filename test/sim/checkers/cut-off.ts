/**
 * I8: nobody cuts off a half that replicates, also one whose daemon has left, but when its node is proven
 * off at that moment.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge, KNOWLEDGE_KINDS } from './knowledge.js';

export function cutOff(world: World, tell: (violation: Violation) => void): Checker {
  const knowledge = new Knowledge(world);

  return checker('cut off', [...KNOWLEDGE_KINDS, 'cutOff'], (seen, atMs) => {
    knowledge.take(seen, atMs);
    if (seen.kind !== 'cutOff') return;
    const { node, resource } = seen;
    const other = world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
    if (knowledge.of(node, other).provenOffMs !== null) return;
    const sentence = `${node} cuts off ${resource} on ${other}, which replicates and is not proven off`;
    tell({ rule: 'I8', sentence, atMs });
  });
}
