/**
 * A person asks to settle a split brain: everything that speaks against it, in words, before an
 * order goes out. The node that carries it out asks again (discard, objectionToDiscard).
 */
import type { OperatorAnswer, OperatorRequest } from '../base/control.js';
import type { ResourceInspection } from '../drbd/split-brain.js';
import { setDiscardOrder, discardOrder } from './discard-order.js';
import { isMember } from './membership.js';
import { groupUsing, halfOf, otherHalf } from './halves.js';
import { isWholeDisk, splitBrainOf } from './split-brain.js';
import type { Peer } from './state.js';
import type { Turn } from './turn.js';

/** What an operator asks for. */
export type DiscardRequest = Extract<OperatorRequest, { kind: 'discard' }>;

/** Refused, or under way. */
export type DiscardVerdict =
  | { readonly kind: 'refused'; readonly exit: OperatorAnswer['exit']; readonly message: string }
  | { readonly kind: 'follow'; readonly message: string; readonly group: string };

/** Checks a request and sets the order. */
export function judgeDiscard(turn: Turn, request: DiscardRequest): DiscardVerdict {
  const { resource, node: victim, by, reason } = request;
  const group = groupUsing(turn.state, resource);
  const standing = discardOrder(turn.state, resource);
  const peer = otherHalf(turn.state, resource);
  if (group === undefined) return noSuch('DRBD resource', resource, resourcesOf(turn));
  if (!group.prefer.includes(turn.self) || peer === null) {
    return unsafe(`${turn.self} has no half of ${resource}: ask on one of ${group.prefer.join(', ')}`);
  }
  if (victim !== turn.self && victim !== peer.name) {
    return noSuch('half of that resource on node', victim, [turn.self, peer.name]);
  }
  const message = `Discarding what only ${victim} has of ${resource}`;
  if (standing?.victim === victim) return { kind: 'follow', message, group: group.name };
  if (standing !== null) {
    return unsafe(`${standing.by} is discarding what ${standing.victim} has of ${resource} already`);
  }
  const found = splitBrainOf(turn.state, resource);
  const objection =
    objectionToView(turn, peer) ??
    objectionToVerdict(found, resource, request.fingerprint) ??
    objectionToVictim(turn, { victim, peer, resource, group: group.name }) ??
    objectionToSurvivor(found, victim);
  if (objection !== null) return objection;
  const fingerprint = found?.fingerprint ?? '';
  setDiscardOrder(turn, resource, { victim, fingerprint, by, reason });
  return { kind: 'follow', message, group: group.name };
}

function unsafe(message: string): DiscardVerdict {
  return { kind: 'refused', exit: 'unsafe', message };
}

/** What is not known yet, and will be in seconds. */
function notNow(message: string): DiscardVerdict {
  return { kind: 'refused', exit: 'unknown', message };
}

function noSuch(what: string, word: string, known: readonly string[]): DiscardVerdict {
  const message = `There is no ${what} "${word}"; there is: ${known.join(', ')}`;
  return { kind: 'refused', exit: 'noSuch', message };
}

function resourcesOf(turn: Turn): readonly string[] {
  return turn.groups.flatMap(({ spec }) =>
    spec.resources.flatMap((entry) => (entry.kind === 'drbd' ? [entry.resource] : [])),
  );
}

/** What is known must be of now: both daemons up, and neither has just stood still. */
function objectionToView(turn: Turn, peer: Peer): DiscardVerdict | null {
  if (turn.nowMs < turn.state.health.listenUntilMs) {
    return notNow(`${turn.self} has just stood still: ask again when it has listened`);
  }
  if (peer.verdict === 'up' && isMember(peer)) return null;
  return unsafe(
    `${peer.name} is not heard now, so what it has is not known; both daemons must run and hear ` +
      'each other',
  );
}

function objectionToVerdict(
  found: ResourceInspection | null,
  resource: string,
  fingerprint: string | null,
): DiscardVerdict | null {
  if (found === null || found.verdict === 'unknown') {
    const why = found?.sentence ?? 'one side has not told its state';
    return notNow(`It is not known whether ${resource} is split: ${why}; ask again in a few seconds`);
  }
  if (!found.isSplitBrain) {
    const cure = found.advice.length === 0 ? '' : `; see "tandem split-brain inspect ${resource}"`;
    return unsafe(`${resource} is not split: ${found.sentence}${cure}`);
  }
  if (found.verdict === 'split-brain-ambiguous') {
    return unsafe(
      `The sides of ${resource} share old history only, so everything must be copied: that is done ` +
        `by hand, as "tandem split-brain inspect ${resource}" says`,
    );
  }
  if (fingerprint === null || fingerprint === found.fingerprint) return null;
  return unsafe(`The data of ${resource} has changed since you looked: look again`);
}

interface Victim {
  readonly victim: string;
  readonly peer: Peer;
  readonly resource: string;
  readonly group: string;
}

/** Never under a service: neither Tandem's own nor one that somebody started by hand. */
function objectionToVictim(turn: Turn, { victim, peer, resource, group }: Victim): DiscardVerdict | null {
  const isSelf = victim === turn.self;
  const own = turn.group(group);
  const there = peer.report?.groups.find((entry) => entry.name === group);
  const life = isSelf ? own?.life : there?.life;
  const claim = isSelf ? own?.claim : there?.claim;
  if (life !== 'stopped' || claim != null) {
    const state = life === 'stopped' ? 'about to start' : (life ?? 'unknown');
    return unsafe(`${group} is ${state} on ${victim}: stop it there, or keep what ${victim} has`);
  }
  const role = isSelf
    ? turn.state.drbd[resource]?.role
    : halfOf(peer.report, resource)?.role;
  if (role === 'Secondary') return null;
  return unsafe(
    `${victim} is ${role ?? 'Unknown'} of ${resource}: stop what uses it there, and then ` +
      `"drbdadm secondary ${resource}" on ${victim}`,
  );
}

function objectionToSurvivor(
  found: ResourceInspection | null,
  victim: string,
): DiscardVerdict | null {
  const survivor = found?.sides.find(({ node }) => node !== victim);
  if (isWholeDisk(survivor?.disk)) return null;
  return unsafe(
    `The disk of ${survivor?.node ?? 'the other node'} is ${survivor?.disk ?? 'Unknown'}, neither ` +
      `UpToDate nor Consistent: nobody would have all the data then`,
  );
}
