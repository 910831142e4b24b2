/**
 * I8: nobody cuts off a half that replicates, also one whose daemon has left, but when its node was proven
 * off by the time at which the start was ordered.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge, KNOWLEDGE_KINDS } from './knowledge.js';

export function cutOff(world: World, tell: (violation: Violation) => void): Checker {
  const knowledge = new Knowledge(world);
  /** `node|resource`: the other node was proven off when the start of that was ordered last. */
  const wasOff = new Set<string>();

  function otherHalf(node: string, resource: string): string {
    return world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
  }

  function isOff(node: string, other: string): boolean {
    return knowledge.of(node, other).provenOffMs !== null;
  }

  return checker('cut off', [...KNOWLEDGE_KINDS, 'actionBegins', 'cutOff'], (seen, atMs) => {
    knowledge.take(seen, atMs);
    if (seen.kind === 'actionBegins' && seen.verb === 'start') {
      const group = world.setup.groups.find(({ name }) => name === seen.group);
      const started = group?.resources[seen.index];
      if (started?.kind !== 'drbd') return;
      const key = `${seen.node}|${started.resource}`;
      if (isOff(seen.node, otherHalf(seen.node, started.resource))) wasOff.add(key);
      else wasOff.delete(key);
    }
    if (seen.kind !== 'cutOff') return;
    const { node, resource } = seen;
    const other = otherHalf(node, resource);
    if (isOff(node, other) || wasOff.has(`${node}|${resource}`)) return;
    const sentence = `${node} cuts off ${resource} on ${other}, which replicates and is not proven off`;
    tell({ rule: 'I8', sentence, atMs });
  });
}
