/**
 * S2, S7, S9: whoever starts a group has an account of every other node: a grant of this very
 * claim in the newest report of a node with the same configuration, a last word, or a proof that
 * it is off and was not heard since. After an absence such an account is void (S7). What a node tells
 * others to be its configuration is what it runs with (S9).
 */
import { viewStatus } from '../../../src/failover/view.js';
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';

/** Which rule speaks against a start, and why. */
interface Objection {
  readonly rule: 'S2' | 'S7' | 'S9';
  readonly why: string;
}

export function clearance(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge, timing } = accountOf(world);
  /** `node|group` -> epoch of the claim last sent. */
  const claims = new Map<string, number>();
  const digests = new Map<string, string>();
  /** The truth: node -> the configuration that its daemon runs with. */
  const configured = new Map<string, string>();

  function objection(node: string, group: string, other: string): Objection | null {
    const told = knowledge.of(node, other);
    const why = objectionOf(node, group, other);
    if (why === null) return null;
    if (told.isForgotten) return { rule: 'S7', why: `${why}; what was known before is void` };
    const isOther = told.report !== null && told.report.digest !== digests.get(node);
    return { rule: isOther ? 'S9' : 'S2', why };
  }

  function objectionOf(node: string, group: string, other: string): string | null {
    const told = knowledge.of(node, other);
    if (told.provenOffMs !== null) return null;
    const there = told.report?.groups.find((entry) => entry.name === group);
    // A last word is one of the groups that it names.
    if (knowledge.hasLeft(node, other) && there !== undefined) return null;
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

  /** S7: after an absence its status, as an operator reads it, counts nobody as off. */
  function onAbsence(node: string, atMs: number): void {
    const { state, localMs } = world.machine(node);
    if (state === null) return;
    for (const other of viewStatus(state, [], localMs).nodes) {
      // "left" may be its newest word, shown and not counted on.
      if (other.state !== 'fenced') continue;
      // What a device or a person says in the very turn that ends the absence is news.
      if (state.peers[other.name]?.clearance?.atMs === localMs) continue;
      if (!knowledge.of(node, other.name).isForgotten) continue;
      const sentence = `${node} was away, and still takes ${other.name} for ${other.state}`;
      tell({ rule: 'S7', sentence, atMs });
    }
  }

  /** S9: what is told is what is. */
  function onSent({ node, report }: Extract<Observation, { kind: 'sent' }>, atMs: number): void {
    const truth = configured.get(node);
    if (truth !== undefined && truth !== report.digest) {
      const sentence = `${node} says that it runs with ${report.digest}, and it runs with ${truth}`;
      tell({ rule: 'S9', sentence, atMs });
    }
    for (const { name, claim } of report.groups) {
      if (claim !== null) claims.set(`${node}|${name}`, claim.epoch);
    }
  }

  const kinds = ['configured', 'turned', 'sent', 'actionBegins'] as const;
  return checker('clearance', kinds, (seen, atMs) => {
    if (seen.kind === 'turned') {
      if (timing.isAbsence(seen)) onAbsence(seen.node, atMs);
      // A reload and a start may come out of one turn: what it says of itself holds for both.
      for (const effect of seen.effects) {
        if (effect.kind === 'send') digests.set(seen.node, effect.report.digest);
      }
      return;
    }
    if (seen.kind === 'configured') configured.set(seen.node, seen.digest);
    if (seen.kind === 'sent') onSent(seen, atMs);
    if (seen.kind !== 'actionBegins' || seen.verb !== 'start') return;
    if (seen.truth.some((truth) => truth !== 'off')) return;
    for (const other of world.setup.nodes) {
      if (other === seen.node) continue;
      const found = objection(seen.node, seen.group, other);
      if (found === null) continue;
      const sentence = `${seen.node} starts ${seen.group} although ${found.why}`;
      tell({ rule: found.rule, sentence, atMs });
    }
  });
}
