/**
 * I8: nobody cuts off a half that replicates, also one whose daemon has left, but when its node was proven
 * off by the time at which the start was ordered.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge, KNOWLEDGE_KINDS } from './knowledge.js';

export function cutOff(world: World, tell: (violation: Violation) => void): Checker {
  const knowledge = new Knowledge(world);
  /** `node|other`: proven off when a start was ordered last. */
  const wasOff = new Set<string>();

  function isOff(node: string, other: string): boolean {
    return knowledge.of(node, other).provenOffMs !== null;
  }

  return checker('cut off', [...KNOWLEDGE_KINDS, 'actionBegins', 'cutOff'], (seen, atMs) => {
    knowledge.take(seen, atMs);
    if (seen.kind === 'actionBegins' && seen.verb === 'start') {
      for (const other of world.setup.nodes) {
        if (isOff(seen.node, other)) wasOff.add(`${seen.node}|${other}`);
        else wasOff.delete(`${seen.node}|${other}`);
      }
    }
    if (seen.kind !== 'cutOff') return;
    const { node, resource } = seen;
    const other = world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
    if (isOff(node, other) || wasOff.has(`${node}|${other}`)) return;
    const sentence = `${node} cuts off ${resource} on ${other}, which replicates and is not proven off`;
    tell({ rule: 'I8', sentence, atMs });
  });
}
