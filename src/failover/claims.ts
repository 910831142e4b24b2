/**
 * Claims and grants (design 3). Each node decides for itself whether it wants a group; whoever
 * wants it says so in a claim, and starts when all others have granted it.
 *
 * - Of several claims the best is decided by the claims alone, the same way on every node:
 *   lower rank, then lower epoch (the older wish), then node order.
 * - A node grants the best claim that is not its own, and withdraws its own weaker one first.
 * - A grant stands until the claimant is done with that claim, or is cleared (S2). While it
 *   stands, the granting node does not start, and it claims only when the claimant is silent or
 *   could not stop: its clearance is then what both the claim and the end of the grant wait for.
 *   Two nodes can therefore never both hold all grants.
 */
import type { Claim, Grant } from '../heartbeat/report.js';
import { blockers } from './clearance.js';
import { disableOf, holdSentence, standstillOf } from './holds.js';
import { isHeard, isSeen } from './membership.js';
import { moveTarget } from './orders.js';
import { placement, RANK_PREFERENCE } from './placement.js';
import { standbyObjection } from './standby.js';
import type { Group, Peer } from './state.js';
import type { Turn } from './turn.js';

interface Contender {
  readonly node: string;
  readonly generation: number;
  readonly claim: Claim;
}

/** Brings claim and grant of one group up to date. */
export function settleClaims(turn: Turn, name: string): void {
  learnEpochs(turn, name);
  releaseGrant(turn, name);
  const group = turn.group(name);
  if (group === undefined) return;
  if (group.life !== 'stopped' || group.action !== null) {
    if (group.life === 'unknown' || group.life === 'stopFailed') withdraw(turn, name);
    return;
  }
  const held = heldBack(turn, name);
  if (held !== null) {
    withdraw(turn, name);
    noteHeldBack(turn, group, held);
    grantBest(turn, name);
    return;
  }
  if (group.grant !== null && !isHelpless(turn.peer(group.grant.node), name)) {
    // Claimed while the other was silent: it is back, and third nodes must not have to choose.
    withdraw(turn, name);
    return;
  }
  wantOrNot(turn, name);
  grantBest(turn, name);
}

/**
 * The claimant is silent, or sits on a stop that failed (S3): it will not end its claim by itself.
 * The clearance that a claim of our own then needs is what ends the grant, too.
 */
function isHelpless(holder: Peer | undefined, name: string): boolean {
  if (holder?.verdict === 'dead') return true;
  const there = holder?.report?.groups.find((entry) => entry.name === name);
  return there?.life === 'stopFailed';
}

/** Epochs only grow: a claim made after hearing of another is newer than it. */
function learnEpochs(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  let { epochSeen } = group;
  for (const peer of turn.peers) {
    const there = peer.report?.groups.find((entry) => entry.name === name);
    if (there === undefined) continue;
    epochSeen = Math.max(epochSeen, there.epoch, there.claim?.epoch ?? 0);
  }
  if (epochSeen !== group.epochSeen) turn.updateGroup(name, { epochSeen });
}

/** Lets go of a grant when the claim that it was given to is over. */
function releaseGrant(turn: Turn, name: string): void {
  const grant = turn.group(name)?.grant;
  if (grant == null) return;
  const holder = turn.peer(grant.node);
  if (holder !== undefined && stillStands(holder, name, grant)) return;
  turn.updateGroup(name, { grant: null });
}

function stillStands(holder: Peer, name: string, grant: Grant): boolean {
  if (holder.clearance !== null) return false;
  const { report } = holder;
  // Nothing newer than the claim was heard: the promise is kept.
  if (report === null) return true;
  const there = report.groups.find((entry) => entry.name === name);
  if (there === undefined) return false;
  if (there.life !== 'stopped') return true;
  return report.generation === grant.generation && there.claim?.epoch === grant.epoch;
}

/** Sets or withdraws this node's own claim. */
function wantOrNot(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  const unheard = turn.peers.find((peer) => peer.verdict === 'unknown' && peer.clearance === null);
  if (unheard !== undefined) {
    withdraw(turn, name);
    const blocked = `${turn.self} waits to hear of ${unheard.name} first (initdead)`;
    if (group.blocked !== blocked) turn.updateGroup(name, { blocked });
    return;
  }
  const { candidates, rejected } = placement(turn.state, group);
  const best = candidates[0];
  if (best?.node !== turn.self || activeElsewhere(turn, name) !== null) {
    withdraw(turn, name);
    if (best === undefined) explainNoCandidate(turn, group, rejected);
    else if (group.blocked !== null) turn.updateGroup(name, { blocked: null });
    return;
  }
  if (group.claim !== null) return;
  const first = best.rank < RANK_PREFERENCE ? undefined : stillStarting(turn, group);
  if (first !== undefined) {
    const blocked = `${turn.self} waits for ${first.name}, which comes first and is still starting`;
    if (group.blocked !== blocked) turn.updateGroup(name, { blocked });
    return;
  }
  const claim: Claim = { epoch: group.epochSeen + 1, rank: best.rank };
  const rival = contenders(turn, name)[0];
  const own = { node: turn.self, generation: turn.state.generation, claim };
  if (rival !== undefined && compare(turn, rival, own) < 0) return;
  turn.updateGroup(name, { claim, epochSeen: claim.epoch });
  openTakeover(turn, group);
}

/**
 * Machines that were switched on together are ready one after the other: the one that comes first
 * in the configuration is waited for, initdead at most, while it looks at what runs there.
 */
function stillStarting(turn: Turn, { spec }: Group): Peer | undefined {
  const before = spec.prefer.slice(0, spec.prefer.indexOf(turn.self));
  const { initdeadMs } = turn.state.spec.heartbeat;
  return turn.peers.find(
    (peer) =>
      before.includes(peer.name) &&
      isHeard(peer) &&
      peer.report?.phase === 'starting' &&
      turn.nowMs < peer.life.sinceMs + initdeadMs &&
      standbyObjection(turn.state, spec, peer.name) === null,
  );
}

/** The sentence that says why operators do not want the group to be started at all. */
function heldBack(turn: Turn, name: string): string | null {
  const hold = standstillOf(turn.state, name) ?? disableOf(turn.state, name);
  return hold === null ? null : holdSentence(hold);
}

/** A takeover that an operator's hold prevents is said aloud once, with the node that fell out. */
function noteHeldBack(turn: Turn, group: Group, held: string): void {
  const { name } = group.spec;
  const lost = turn.peers.find(
    (peer) =>
      peer.verdict === 'dead' &&
      peer.clearance?.kind !== 'left' &&
      peer.report?.groups.some((entry) => entry.name === name && entry.life === 'started'),
  );
  const blocked =
    lost === undefined ? held : `${held}, so nobody takes it over from ${lost.name}, which is silent`;
  if (group.blocked === blocked) return;
  turn.updateGroup(name, { blocked });
  if (lost !== undefined) turn.say('warn', `${name} is not started: ${blocked}`, { group: name });
}

function withdraw(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group?.claim == null) return;
  turn.updateGroup(name, { claim: null });
  turn.closeOperation(name, 'failed');
}

function explainNoCandidate(
  turn: Turn,
  group: Group,
  rejected: Readonly<Record<string, string>>,
): void {
  if (activeElsewhere(turn, group.spec.name) !== null) return;
  const reasons = Object.values(rejected).join('; ');
  const blocked = `no node can run it: ${reasons}`;
  if (group.blocked === blocked) return;
  turn.updateGroup(group.spec.name, { blocked });
  if (turn.state.phase === 'up') {
    turn.say('warn', `${group.spec.name} is down: ${blocked}`, { group: group.spec.name });
  }
}

/** The member that has the group active, as far as this node knows. */
export function activeElsewhere(turn: Turn, name: string): Peer | null {
  for (const peer of turn.peers) {
    if (!isSeen(peer) || peer.clearance !== null) continue;
    const there = peer.report?.groups.find((entry) => entry.name === name);
    if (there !== undefined && there.life !== 'stopped' && there.life !== 'stopFailed') return peer;
  }
  return null;
}

/** Begins the account of a takeover with the evidence that led to it. */
function openTakeover(turn: Turn, group: Group): void {
  const { name } = group.spec;
  const dead = turn.peers.find((peer) => peer.verdict === 'dead' && peer.clearance === null);
  const left = turn.peers.find((peer) => peer.clearance?.kind === 'left');
  if (dead?.life.lastHeardMs != null) {
    const heardMs = dead.life.lastHeardMs;
    const sentence = `${turn.self} takes over ${name}: ${dead.name} is silent on every link`;
    turn.openOperation(name, heardMs, sentence);
    turn.phaseBegins(name, 'detection', heardMs);
    turn.phaseEnds(name, 'detection');
    turn.say('warn', sentence, { group: name });
    return;
  }
  const ordered = moveTarget(turn.state, name) === turn.self;
  const fenced = turn.peers.find((peer) => peer.clearance?.kind === 'fenced' && peer.verdict !== 'dead');
  const because = ordered
    ? 'it was ordered here'
    : fenced !== undefined
      ? `${fenced.name} was fenced by order`
    : left !== undefined
      ? `${left.name} has left`
      : 'it runs nowhere and this is the best node for it';
  const sentence = `${turn.self} claims ${name}: ${because}`;
  turn.openOperation(name, turn.nowMs, sentence);
  turn.say('info', sentence, { group: name });
}

/**
 * Grants the best claim of the others, withdrawing a weaker one of our own. A grant to a node that
 * is helpless passes on: the new claimant needs that node's clearance as much as we do.
 */
function grantBest(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  const others = contenders(turn, name);
  const best = others[0];
  if (best === undefined || best.node === group.grant?.node) return;
  const own: Contender | null =
    group.claim === null
      ? null
      : { node: turn.self, generation: turn.state.generation, claim: group.claim };
  if (own !== null && compare(turn, own, best) < 0) return;
  if (own !== null) {
    turn.say('info', `${turn.self} leaves ${name} to the stronger claim of ${best.node}`, {
      group: name,
    });
    withdraw(turn, name);
  }
  const { node, generation, claim } = best;
  turn.updateGroup(name, { grant: { node, generation, epoch: claim.epoch } });
}

function contenders(turn: Turn, name: string): readonly Contender[] {
  const found: Contender[] = [];
  for (const peer of turn.peers) {
    // One that was fenced a moment ago still seems to be there, and its claim died with it.
    if (!isHeard(peer) || peer.report === null || peer.clearance !== null) continue;
    const there = peer.report.groups.find((entry) => entry.name === name);
    if (there?.claim == null) continue;
    found.push({ node: peer.name, generation: peer.report.generation, claim: there.claim });
  }
  return found.sort((a, b) => compare(turn, a, b));
}

function compare(turn: Turn, a: Contender, b: Contender): number {
  const { nodes } = turn.state.spec;
  return (
    a.claim.rank - b.claim.rank ||
    a.claim.epoch - b.claim.epoch ||
    nodes.indexOf(a.node) - nodes.indexOf(b.node)
  );
}

/** True when the claim may be acted upon now; keeps the sentence that says what it waits for. */
export function isCleared(turn: Turn, name: string): boolean {
  const group = turn.group(name);
  if (group?.claim == null) return false;
  const inTheWay = blockers(turn.state, group);
  const isDeaf = !turn.hasCome(turn.state.health.listenUntilMs);
  if (inTheWay.length === 0 && !isDeaf) {
    if (group.blocked !== null) turn.updateGroup(name, { blocked: null });
    return true;
  }
  const blocked = isDeaf
    ? 'this node stood still and listens again first'
    : inTheWay.map((entry) => entry.standing.because).join('; ');
  if (blocked !== group.blocked) {
    turn.updateGroup(name, { blocked });
    turn.say('info', `${name} is not started on ${turn.self} yet: ${blocked}`, { group: name });
  }
  return false;
}
