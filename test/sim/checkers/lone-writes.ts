/**
 * S4 under DRBD's policy `resource-and-stonith`: no client is told that its write is safe while it is on
 * one disk only and nobody has found out what became of the other one. Found out: the handler was told
 * so (whether that is true is for I17), the other node is proven off, or its disk holds no whole copy.
 * tandemd lets held back writes go on only when the other node is proven off; a person may do so.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import { contains } from '../../../src/sim/lineage.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge, KNOWLEDGE_KINDS } from './knowledge.js';

/** Exit codes of a handler that found out: Inconsistent, Outdated, down, fenced. */
const FOUND_OUT: readonly number[] = [3, 4, 5, 7];
/** Disks that could be used without the other one. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent'];

export function loneWrites(world: World, tell: (violation: Violation) => void): Checker {
  const knowledge = new Knowledge(world);
  /** `node|resource`: the fate of the other disk was found out since both were last written. */
  const settled = new Set<string>();
  const isHolding = world.setup.drbdFencing === 'resource-and-stonith';

  function otherOf(resource: string, node: string): string {
    return world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
  }

  function onResumed({ node, resource, by }: Of<'resumed'>, atMs: number): void {
    settled.add(`${node}|${resource}`);
    const other = otherOf(resource, node);
    if (by === 'person' || knowledge.of(node, other).provenOffMs !== null) return;
    const sentence = `${node} lets the writes to ${resource} go on although ${other} is not proven off`;
    tell({ rule: 'S4', sentence, atMs });
  }

  function onAcknowledged({ node, resource, content, alone }: Of<'acknowledged'>, atMs: number): void {
    const replica = world.replicas[resource];
    if (replica === undefined) return;
    if (!alone) {
      for (const name of replica.nodes) settled.delete(`${name}|${resource}`);
      return;
    }
    const other = otherOf(resource, node);
    // A half without a disk writes on that of the other node.
    const isElsewhere = !contains(replica.content(node), content);
    const isUseless = !WHOLE.includes(replica.disk(other).disk);
    if (isElsewhere || isUseless || settled.has(`${node}|${resource}`)) return;
    const sentence =
      `${node} acknowledges a write to ${resource} alone, and nobody has found out what became of ` +
      `the disk of ${other}`;
    tell({ rule: 'S4', sentence, atMs });
  }

  const kinds = [...KNOWLEDGE_KINDS, ...(['handlerEnds', 'resumed', 'acknowledged'] as const)] as const;
  return checker('lone writes', kinds, (seen, atMs) => {
    if (!isHolding) return;
    knowledge.take(seen, atMs);
    if (seen.kind === 'resumed') onResumed(seen, atMs);
    if (seen.kind === 'acknowledged') onAcknowledged(seen, atMs);
    if (seen.kind === 'handlerEnds' && FOUND_OUT.includes(seen.exit)) {
      settled.add(`${seen.node}|${seen.resource}`);
    }
  });
}

type Of<Kind extends Observation['kind']> = Extract<Observation, { kind: Kind }>;
