/**
 * I13: a split brain is settled by a person only. Nothing is given up that nobody ordered to be,
 * for exactly that data; never on a node that uses it; and afterwards both copies are equal, with
 * every write of the side that was kept.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import { contains, describe, relate, type Content } from '../../../src/sim/lineage.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';

/** What a person has ordered: the data on both sides at that moment. */
interface Wish {
  readonly victim: string;
  readonly lost: Content;
  readonly fingerprint: string | null;
}

export function discarding(world: World, tell: (violation: Violation) => void): Checker {
  /** `node|resource|victim` that was asked last there, until the answer. */
  let asked: (Wish & { readonly at: string; readonly resource: string }) | null = null;
  /** resource -> orders that were accepted. */
  const wishes = new Map<string, Wish[]>();
  const active = new Set<string>();
  /** resource -> what the resync that follows has to bring. */
  const owed = new Map<string, { readonly kept: Content; readonly victim: string }>();
  const say = (sentence: string, atMs: number): void => tell({ rule: 'I13', sentence, atMs });

  function onAsked(seen: Extract<Observation, { kind: 'asked' }>): void {
    const { request, node: at } = seen;
    asked = null;
    if (request.kind !== 'discard') return;
    const { resource, node: victim, fingerprint } = request;
    const replica = world.replicas[resource];
    if (replica?.has(victim) !== true) return;
    asked = { at, resource, victim, lost: replica.content(victim), fingerprint };
  }

  function onDiscarded(seen: Extract<Observation, { kind: 'discarded' }>, atMs: number): void {
    const { resource, node, lost, kept } = seen;
    const ordered = (wishes.get(resource) ?? []).filter(({ victim }) => victim === node);
    owed.set(resource, { kept, victim: node });
    if (ordered.length === 0) {
      say(`${node} gives up its data of ${resource}, and nobody has ordered it`, atMs);
      return;
    }
    if (ordered.some((wish) => relate(wish.lost, lost) === 'same')) return;
    const looked = ordered.map((wish) => describe(wish.lost)).join(', ');
    say(`${node} gives up ${describe(lost)} of ${resource}; a person looked at ${looked}`, atMs);
  }

  function onSynced(seen: Extract<Observation, { kind: 'synced' }>, atMs: number): void {
    const debt = owed.get(seen.resource);
    const replica = world.replicas[seen.resource];
    if (debt === undefined || replica === undefined || seen.to !== debt.victim) return;
    owed.delete(seen.resource);
    const [a, b] = [replica.content(seen.from), replica.content(seen.to)];
    if (relate(a, b) !== 'same') say(`${seen.resource} differs after it was settled`, atMs);
    if (!contains(b, debt.kept)) say(`${seen.to} lacks what was kept of ${seen.resource}`, atMs);
  }

  const kinds = ['asked', 'answered', 'active', 'reconnect', 'discarded', 'synced'] as const;
  return checker('discarding', kinds, (seen, atMs) => {
    switch (seen.kind) {
      case 'asked':
        onAsked(seen);
        return;
      case 'answered':
        if (asked?.at === seen.node && seen.answer.state === 'accepted') {
          wishes.set(asked.resource, [...(wishes.get(asked.resource) ?? []), asked]);
        }
        return;
      case 'active':
        if (seen.active) active.add(`${seen.node}|${seen.group}`);
        else active.delete(`${seen.node}|${seen.group}`);
        return;
      case 'reconnect': {
        if (seen.step !== 'discard') return;
        const group = world.setup.groups.find(({ resources }) =>
          resources.some((one) => one.kind === 'drbd' && one.resource === seen.resource),
        );
        const isUsed = active.has(`${seen.node}|${group?.name ?? ''}`);
        if (seen.role === 'Secondary' && !isUsed) return;
        say(`${seen.node} offers to give up its data of ${seen.resource}, which it uses`, atMs);
        return;
      }
      case 'discarded':
        onDiscarded(seen, atMs);
        return;
      case 'synced':
        onSynced(seen, atMs);
        return;
    }
  });
}
