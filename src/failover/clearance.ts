/**
 * S2, the rule that everything else serves: a node starts a group only when every other configured
 * node is accounted for, and silence is no account.
 */
import { isHeard } from './membership.js';
import { isFenceable } from './spec.js';
import type { Group, Peer, State } from './state.js';

/** How one other node stands to this node's claim. */
export type Standing =
  | { readonly kind: 'cleared'; readonly because: string }
  /** Alive: its next report may grant. */
  | { readonly kind: 'waiting'; readonly because: string }
  /** Silent: only a fence, the operator or its return can help. */
  | { readonly kind: 'silent'; readonly because: string }
  /** Alive, but it cannot confirm that the group is stopped there (S3). */
  | { readonly kind: 'stuck'; readonly because: string };

/** The standing of one node. */
export function standing(state: State, group: Group, peer: Peer): Standing {
  const { name, clearance } = peer;
  if (clearance?.kind === 'left' && !isNamed(peer, group)) {
    return { kind: 'silent', because: unsaidSentence(name, group.spec.name) };
  }
  if (clearance !== null) return { kind: 'cleared', because: clearanceSentence(name, clearance) };
  if (peer.incompatible !== null && peer.verdict !== 'dead') {
    return { kind: 'waiting', because: `${name} is incompatible: ${peer.incompatible}` };
  }
  if (!isHeard(peer)) {
    if (peer.verdict === 'dead') return { kind: 'silent', because: silentSentence(state, peer) };
    return { kind: 'waiting', because: `${name} was not heard yet` };
  }
  const there = peer.report?.groups.find((entry) => entry.name === group.spec.name);
  if (there?.life === 'stopFailed') {
    return { kind: 'stuck', because: `a stop failed on ${name}, so it may still be active there` };
  }
  if (there === undefined || there.life === 'unknown') {
    return { kind: 'waiting', because: `${name} has not found out yet what runs there` };
  }
  if (there.life !== 'stopped') {
    return { kind: 'waiting', because: `it is ${there.life} on ${name}` };
  }
  const { grant } = there;
  const granted =
    group.claim !== null &&
    grant?.node === state.spec.self &&
    grant.generation === state.generation &&
    grant.epoch === group.claim.epoch;
  if (granted) return { kind: 'cleared', because: `${name} has it stopped and granted the claim` };
  return { kind: 'waiting', because: `${name} has not granted the claim yet` };
}

/** "Everything is stopped" was said of the groups of the configuration that it had then. */
function isNamed({ report }: Peer, { spec }: Group): boolean {
  return report?.groups.some(({ name }) => name === spec.name) === true;
}

function unsaidSentence(name: string, group: string): string {
  return (
    `${name} has left with a configuration without ${group}, so it may still be active there; ` +
    `start its tandemd, or, once you have made sure that it is off: tandem fence confirm ${name}`
  );
}

function silentSentence(state: State, peer: Peer): string {
  const { name, fencing } = peer;
  const cure = `once you have made sure that it is off: tandem fence confirm ${name}`;
  if (!isFenceable(state.spec, name)) {
    return `${name} is silent, which does not mean stopped, and has no fence device; ${cure}`;
  }
  if (fencing.lastFailure === null) return `${name} is silent and not confirmed off yet`;
  return `${name} is silent and fencing it has not worked (${fencing.lastFailure}); ${cure}`;
}

function clearanceSentence(name: string, clearance: NonNullable<Peer['clearance']>): string {
  switch (clearance.kind) {
    case 'left':
      return `${name} has left and said so`;
    case 'fenced':
      return `${name} is confirmed off (${clearance.how})`;
    case 'back':
      return `${name} was off, and is on again without a tandemd that is heard`;
    case 'confirmed':
      return `${clearance.by} confirmed that ${name} is off (${clearance.reason})`;
  }
}

/** The nodes that stand in the way of a claim. Empty means: start. */
export function blockers(
  state: State,
  group: Group,
): readonly { readonly peer: Peer; readonly standing: Standing }[] {
  return Object.values(state.peers)
    .map((peer) => ({ peer, standing: standing(state, group, peer) }))
    .filter((entry) => entry.standing.kind !== 'cleared');
}

/** Confirmed off. One that has left, or is on again by the word of DRBD, may well use its disk. */
export function isOff({ clearance }: Pick<Peer, 'clearance'>): boolean {
  return clearance?.kind === 'fenced' || clearance?.kind === 'confirmed';
}

/**
 * True when every other node of a group is confirmed off, so that none can be on the DRBD link: the other
 * half may be cut off, and its word is not waited for (I8). One that has left, or that was off and is on
 * again, replicates. To be asked at the moment of the deed: a start can be old by then, and the other node
 * back. A core that was not turned for deadtime does not know (S7). `nowMs` is this node's own monotonic clock.
 */
export function isOtherHalfOff(state: State, name: string, nowMs: number): boolean {
  const { health, spec, groups } = state;
  const group = groups[name];
  if (group === undefined || nowMs - health.lastTurnMs >= spec.heartbeat.deadtimeMs) return false;
  return Object.values(state.peers).every((peer) => !group.spec.prefer.includes(peer.name) || isOff(peer));
}
