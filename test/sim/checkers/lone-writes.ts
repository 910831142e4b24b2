/**
 * S4 under DRBD's policy `resource-and-stonith`: no client is told that its write is safe while it is on
 * one disk only and nobody has found out what became of the other one. Found out: the kernel was told so by
 * its handler and goes by it (whether that is true is for I17), somebody let the writes go on, or the other
 * disk holds no whole copy. With the next connection that is over.
 * tandemd lets held back writes go on only when the other node is proven off as it decides that; a person
 * may do so. (One that is switched on again meanwhile was off since the connection was lost.)
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import { contains } from '../../../src/sim/lineage.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';

/** Disks that could be used without the other one. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent'];

export function loneWrites(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge } = accountOf(world);
  /** `node|resource`: the other node was proven off when the core had its writes let go on. */
  const ordered = new Set<string>();
  /** `node|resource`: the fate of the other disk was found out since both were connected. */
  const settled = new Set<string>();
  const isHolding = world.setup.drbdFencing === 'resource-and-stonith';

  function otherOf(resource: string, node: string): string {
    return world.replicas[resource]?.nodes.find((name) => name !== node) ?? '';
  }

  function onResumed({ node, resource, by }: Of<'resumed'>, atMs: number): void {
    settled.add(`${node}|${resource}`);
    const other = otherOf(resource, node);
    if (by === 'person' || ordered.delete(`${node}|${resource}`)) return;
    const sentence = `${node} lets the writes to ${resource} go on although ${other} is not proven off`;
    tell({ rule: 'S4', sentence, atMs });
  }

  function onAcknowledged({ node, resource, content, alone }: Of<'acknowledged'>, atMs: number): void {
    const replica = world.replicas[resource];
    if (replica === undefined) return;
    if (!alone) return;
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

  function onConnected(resource: string): void {
    for (const name of world.replicas[resource]?.nodes ?? []) settled.delete(`${name}|${resource}`);
  }

  function onTurned({ node, effects }: Of<'turned'>): void {
    for (const effect of effects) {
      if (effect.kind !== 'resumeIo') continue;
      const { resource } = effect;
      const isOff = knowledge.of(node, otherOf(resource, node)).provenOffMs !== null;
      if (isOff) ordered.add(`${node}|${resource}`);
      else ordered.delete(`${node}|${resource}`);
    }
  }

  const kinds = ['fateKnown', 'connected', 'resumed', 'acknowledged', 'turned'] as const;
  return checker('lone writes', kinds, (seen, atMs) => {
    if (!isHolding) return;
    if (seen.kind === 'fateKnown') settled.add(`${seen.node}|${seen.resource}`);
    if (seen.kind === 'turned') onTurned(seen);
    if (seen.kind === 'connected') onConnected(seen.resource);
    if (seen.kind === 'resumed') onResumed(seen, atMs);
    if (seen.kind === 'acknowledged') onAcknowledged(seen, atMs);
  });
}

type Of<Kind extends Observation['kind']> = Extract<Observation, { kind: Kind }>;
