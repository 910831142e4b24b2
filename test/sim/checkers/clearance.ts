/**
 * S2, S7, S9: whoever starts a group has an account of every other node: a grant of this very
 * claim in the newest report of a node with the same configuration, a last word, or a proof that
 * it is off and was not heard since.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge } from './knowledge.js';
import { Timing, TIMING_KINDS } from './timing.js';

export function clearance(world: World, tell: (violation: Violation) => void): Checker {
  const knowledge = new Knowledge();
  /** `node|group` -> epoch of the claim last sent. */
  const claims = new Map<string, number>();
  const timing = new Timing(world, knowledge);
  const digests = new Map<string, string>();

  function objection(node: string, group: string, other: string): string | null {
    const told = knowledge.of(node, other);
    if (told.provenOffMs !== null) return null;
    const there = told.report?.groups.find((entry) => entry.name === group);
    // A last word is one of the groups that it names.
    if (told.report?.phase === 'left' && there !== undefined) return null;
    if (told.report === null || there === undefined) return `${other} was never heard`;
    if (told.report.digest !== digests.get(node)) return `${other} has another configuration`;
    if (there.life !== 'stopped') return `it is ${there.life} on ${other}`;
    const { grant } = there;
    const isGranted =
      grant?.node === node &&
      grant.generation === knowledge.generation(node) &&
      grant.epoch === claims.get(`${node}|${group}`);
    return isGranted ? null : `${other} has not granted this claim`;
  }

  const kinds = [...TIMING_KINDS, 'turned', 'sent', 'actionBegins'] as const;
  return checker('clearance', kinds, (seen, atMs) => {
    knowledge.take(seen, atMs);
    timing.take(seen, atMs);
    if (seen.kind === 'turned') {
      const { deadtimeMs, keepaliveMs } = timing.of(seen.node);
      // Twice over, so that clocks that run wrong and rounding do not matter.
      if (seen.lateMs > 2 * deadtimeMs + keepaliveMs) knowledge.forgetProofs(seen.node, atMs);
      // A reload and a start may come out of one turn: what it says of itself holds for both.
      for (const effect of seen.effects) {
        if (effect.kind === 'send') digests.set(seen.node, effect.report.digest);
      }
      return;
    }
    if (seen.kind === 'sent') {
      for (const { name, claim } of seen.report.groups) {
        if (claim !== null) claims.set(`${seen.node}|${name}`, claim.epoch);
      }
      return;
    }
    if (seen.kind !== 'actionBegins' || seen.verb !== 'start') return;
    if (seen.truth.some((truth) => truth !== 'off')) return;
    for (const other of world.setup.nodes) {
      if (other === seen.node) continue;
      const why = objection(seen.node, seen.group, other);
      if (why === null) continue;
      tell({ rule: 'S2', sentence: `${seen.node} starts ${seen.group} although ${why}`, atMs });
    }
  });
}
