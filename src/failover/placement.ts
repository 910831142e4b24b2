/**
 * Where a group should run. A preference only: two nodes that disagree about it are kept apart by
 * clearance (S2), never by this.
 *
 * The order of the candidates: where an operator wants it, where it is or was last, then the
 * configured preference. A node that cannot run the group now is no candidate, and the sentence
 * that says why is kept.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { isOff } from './clearance.js';
import { reachedBy } from './connectivity.js';
import { copyObjection } from './copies.js';
import { discardObjection } from './discard-order.js';
import { forceOf } from './force-order.js';
import { halfOf } from './halves.js';
import { isMember } from './membership.js';
import { moveTarget, restartOf } from './orders.js';
import { outdatingObjection } from './outdate.js';
import { comparisonObjection } from './split-brain.js';
import { standbyObjection } from './standby.js';
import type { Group, Peer, State } from './state.js';

export interface Candidate {
  readonly node: string;
  /** 0 is best; goes into the claim. */
  readonly rank: number;
}

export interface Placement {
  readonly candidates: readonly Candidate[];
  /** Node -> why it cannot run the group now. */
  readonly rejected: Readonly<Record<string, string>>;
}

/** Ranks: an operator's order beats the holder, the holder beats the configured preference. */
const RANK_ORDERED = 0;
const RANK_HOLDER = 1;
/** From here on it is the configured preference. */
export const RANK_PREFERENCE = 2;

/** Every node of the group: candidate or rejected, with the reason. */
export function placement(state: State, group: Group): Placement {
  const candidates: Candidate[] = [];
  const rejected: Record<string, string> = {};
  for (const node of group.spec.prefer) {
    const objection = objectionTo(state, group, node);
    if (objection === null) candidates.push({ node, rank: rankOf(state, group, node) });
    else rejected[node] = objection;
  }
  if ((state.spec.heartbeat.ping ?? []).length > 0) demoteWorse(state, group, candidates);
  const order = state.spec.nodes;
  candidates.sort((a, b) => a.rank - b.rank || order.indexOf(a.node) - order.indexOf(b.node));
  return { candidates, rejected };
}

/** Who reaches less than the best of the candidates comes after all that reach as much. */
function demoteWorse(state: State, group: Group, candidates: Candidate[]): void {
  const reached = candidates.map(({ node }) => reachedBy(state, node));
  const most = Math.max(...reached.map((count) => count ?? 0));
  for (const [index, candidate] of candidates.entries()) {
    const count = reached[index] ?? null;
    if (count === null || count === most || candidate.rank < RANK_PREFERENCE) continue;
    candidates[index] = { ...candidate, rank: candidate.rank + group.spec.prefer.length };
  }
}

function rankOf(state: State, group: Group, node: string): number {
  if (moveTarget(state, group.spec.name) === node) return RANK_ORDERED;
  if (node === state.spec.self && group.epoch > 0 && group.epoch === group.epochSeen) {
    return RANK_HOLDER;
  }
  return RANK_PREFERENCE + group.spec.prefer.indexOf(node);
}

/** Why the node cannot run the group now, or null. */
export function objectionTo(state: State, group: Group, node: string): string | null {
  const { name } = group.spec;
  const objection = unfitness(state, group, node);
  const restart = restartOf(state, name);
  if (objection !== null || restart === null || restart.node === node) return objection;
  // A restart stays where it is, as long as that node can.
  return unfitness(state, group, restart.node) === null
    ? `${name} is being restarted on ${restart.node}`
    : null;
}

function unfitness(state: State, group: Group, node: string): string | null {
  if (!group.spec.prefer.includes(node)) return `${node} is not among the nodes of the group`;
  const standby = standbyObjection(state, group.spec, node);
  if (standby !== null) return standby;
  for (const resource of group.spec.resources) {
    if (resource.kind !== 'drbd') continue;
    const objection = discardObjection(state, resource.resource, node);
    if (objection !== null) return objection;
  }
  if (node === state.spec.self) return objectionToSelf(state, group);
  const peer = state.peers[node];
  return peer === undefined ? `${node} is not a node` : objectionToPeer(peer, group);
}

function objectionToSelf(state: State, group: Group): string | null {
  const { self } = state.spec;
  if (state.phase === 'starting') return `${self} is still starting`;
  if (state.phase !== 'up') return `${self} is leaving`;
  if (group.barred !== null) return group.barred.reason;
  const other = Object.values(state.peers).find((peer) => isHeirlessHolder(peer, group));
  if (other !== undefined) return heirlessSentence(state, other, group);
  const isForced = forceOf(state, group.spec.name) !== null;
  for (const resource of group.spec.resources) {
    if (resource.kind !== 'drbd') continue;
    const facts = state.drbd[resource.resource];
    const objection = isForced
      ? wholenessObjection(self, resource.resource, facts)
      : dataObjection(state, group, resource.resource);
    if (objection !== null) return objection;
  }
  return null;
}

/** S4: why the data on this node is not to be used without an order of a person, or null. */
export function dataObjection(state: State, group: Group, resource: string): string | null {
  const facts = state.drbd[resource];
  return (
    diskObjection(state.spec.self, resource, facts) ??
    copyObjection(state, resource) ??
    comparisonObjection(state, resource) ??
    outdatingObjection(state, resource) ??
    consistentObjection(state, group, facts)
  );
}

/** What no order overrides: a disk that holds no whole copy, or that is not known. */
export function wholenessObjection(
  self: string,
  resource: string,
  facts: DrbdFacts | undefined,
): string | null {
  const isWhole =
    facts?.state === 'configured' && facts.volumes.every(({ disk }) => WHOLE.includes(disk));
  return isWhole ? null : diskObjection(self, resource, facts);
}

/** Disks that hold all data of some moment. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent', 'Outdated'];

/**
 * S4, before there is a clearance: whether the local disk could be promoted once the others are out
 * of the way. The plan of the promotion asks again, with what is then known of the peer.
 */
function diskObjection(
  self: string,
  resource: string,
  facts: DrbdFacts | undefined,
): string | null {
  if (facts === undefined) return `the state of DRBD resource ${resource} on ${self} is not known yet`;
  if (facts.state !== 'configured') {
    return `DRBD resource ${resource} cannot be used on ${self}: ${facts.reason}`;
  }
  for (const { volume, disk } of facts.volumes) {
    if (disk === 'UpToDate' || disk === 'Consistent') continue;
    return `the disk of DRBD resource ${resource}/${String(volume)} on ${self} is ${disk}`;
  }
  return null;
}

/**
 * DRBD promotes a disk that is only Consistent when the other half is confirmed off. One that may
 * still be running, left or heard, has to be connected first.
 */
function consistentObjection(
  state: State,
  group: Group,
  facts: DrbdFacts | undefined,
): string | null {
  if (facts === undefined || !facts.volumes.some(({ disk }) => disk === 'Consistent')) return null;
  for (const peer of Object.values(state.peers)) {
    if (!group.spec.prefer.includes(peer.name)) continue;
    if (isOff(peer) || (peer.clearance === null && peer.verdict === 'dead')) continue;
    return (
      `the disk of DRBD resource ${facts.resource} on ${state.spec.self} is Consistent, and ` +
      `${peer.name} is neither connected nor confirmed off`
    );
  }
  return null;
}

/**
 * S9: it ran the group with another configuration when it was heard last, or is a program whose
 * words this one has never been able to read.
 */
function isHeirlessHolder({ incompatible, clearance, report }: Peer, group: Group): boolean {
  const isVouchedFor = clearance?.kind === 'back' && clearance.was === 'confirmed';
  if (incompatible === null || clearance?.kind === 'confirmed' || isVouchedFor) return false;
  if (report === null) return true;
  const there = report.groups.find(({ name }) => name === group.spec.name);
  return there !== undefined && there.life !== 'stopped' && there.life !== 'unknown';
}

function heirlessSentence(
  { spec }: State,
  { name, incompatible, report }: Peer,
  group: Group,
): string {
  const ran = report === null ? 'may have run' : 'ran';
  return (
    `${spec.self} takes over nothing from ${name}, which ${ran} ${group.spec.name} and is ` +
    `incompatible: ${incompatible ?? ''}`
  );
}

function objectionToPeer(peer: Peer, group: Group): string | null {
  const { name, report } = peer;
  if (peer.clearance?.kind === 'back') return `the tandemd of ${name} is not heard yet`;
  if (peer.clearance !== null) return `${name} is off or has left`;
  if (!isMember(peer) || report === null) {
    if (peer.incompatible !== null) return `${name} is incompatible: ${peer.incompatible}`;
    return report?.phase === 'leaving' ? `${name} is leaving` : `${name} is not up`;
  }
  const there = report.groups.find((entry) => entry.name === group.spec.name);
  if (there === undefined) return `${name} does not know the group`;
  if (there.barred) return `${name} failed to run it and waits for "tandem cleanup"`;
  if (there.life === 'unknown') return `${name} has not found out yet what runs there`;
  if (there.life === 'stopFailed') return `a stop failed on ${name}`;
  for (const resource of group.spec.resources) {
    if (resource.kind !== 'drbd') continue;
    const drbd = halfOf(report, resource.resource);
    if (drbd === undefined) return `${name} does not see DRBD resource ${resource.resource}`;
    if (drbd.disk !== 'UpToDate') {
      return `the disk of DRBD resource ${resource.resource} on ${name} is ${drbd.disk}`;
    }
  }
  return null;
}
