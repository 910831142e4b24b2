/**
 * How well each node is connected to the world outside the cluster: how many of its ping targets
 * it reaches. The better connected node gets the service, calmly: see relocation.ts.
 *
 * A comparison is worth something only once it has stood for a while: a switch that restarts takes
 * both nodes away, one a moment before the other.
 */
import type { Connectivity, PingAnswer, PingTarget } from '../heartbeat/ping.js';
import { isMember } from './membership.js';
import { orderValue, reachKey } from './orders.js';
import type { Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** Another node against this one, and since when. */
export interface Comparison {
  /** `away`: it takes no part, so there is nothing to compare. */
  readonly verdict: 'better' | 'equal' | 'worse' | 'unknown' | 'away';
  readonly sinceMs: number;
}

/** A node must be the better connected one for so long before anything is done about it. */
export const SETTLING_MS = 5_000;
/** After a move to a better connected node, and each further one, the group rests for so long. */
const REST_MS = [60_000, 120_000, 300_000, 600_000] as const;
/** Moves within this time make the rest longer. */
const REST_WINDOW_MS = 3_600_000;

/** Takes in what the ping targets answer. */
export function onPings(turn: Turn, answers: readonly PingAnswer[]): void {
  turn.update({ pings: Object.fromEntries(answers.map((answer) => [answer.address, answer])) });
}

/** How a target does: one answering address is enough. */
export function targetState(state: State, target: PingTarget): PingAnswer['state'] {
  const states = target.addresses.map((address) => state.pings[address]?.state ?? 'unknown');
  if (states.includes('up')) return 'up';
  return states.includes('unknown') ? 'unknown' : 'silent';
}

/** What this node reaches; null when there is nothing to reach, or when it is not known yet. */
export function connectivityOf(state: State): Connectivity | null {
  const targets = state.spec.heartbeat.ping ?? [];
  const states = targets.map((target) => targetState(state, target));
  if (states.length === 0 || states.includes('unknown')) return null;
  return { reached: states.filter((one) => one === 'up').length, of: states.length };
}

/** Compares every other node with this one; says aloud when this node loses or regains a target. */
export function reviewConnectivity(turn: Turn): void {
  const own = connectivityOf(turn.state);
  for (const peer of turn.peers) {
    const verdict = compare(turn, own, peer);
    const before = turn.state.comparisons[peer.name]?.verdict;
    if (before === verdict) continue;
    const comparison: Comparison = { verdict, sinceMs: turn.nowMs };
    turn.update({ comparisons: { ...turn.state.comparisons, [peer.name]: comparison } });
    if (verdict === 'better' || verdict === 'worse') {
      turn.say('warn', reachSentence(turn.state, peer.name), { node: peer.name });
    } else if (verdict === 'equal' && (before === 'better' || before === 'worse')) {
      turn.say('info', `${peer.name} and ${turn.self} are connected alike again`, {
        node: peer.name,
      });
    }
  }
}

function compare(turn: Turn, own: Connectivity | null, peer: Peer): Comparison['verdict'] {
  if (!isMember(peer)) return 'away';
  const theirs = peer.report?.connectivity;
  // S6: what a node that has just stood still knows of its own network is old.
  const isStalled = !turn.hasCome(turn.state.health.listenUntilMs);
  if (own === null || theirs === undefined || own.of !== theirs.of || isStalled) return 'unknown';
  if (theirs.reached === own.reached) return 'equal';
  return theirs.reached > own.reached ? 'better' : 'worse';
}

/** `n2 reaches 1 of 1 ping nodes, n1 reaches 0 of 1`. */
export function reachSentence(state: State, other: string): string {
  const own = connectivityOf(state);
  const theirs = state.peers[other]?.report?.connectivity;
  if (theirs === undefined) return `nothing is known of what ${other} reaches`;
  const sentence = `${other} reaches ${String(theirs.reached)} of ${String(theirs.of)} ping nodes`;
  if (own === null) return sentence;
  return `${sentence}, ${state.spec.self} reaches ${String(own.reached)} of ${String(own.of)}`;
}

/** True when the node has compared like that with this one for the settling time. */
export function hasBeen(
  turn: Turn,
  node: string,
  verdicts: readonly Comparison['verdict'][],
): boolean {
  const comparison = turn.state.comparisons[node];
  return (
    comparison !== undefined &&
    verdicts.includes(comparison.verdict) &&
    turn.hasCome(comparison.sinceMs + SETTLING_MS)
  );
}

// --- the rest between two moves ------------------------------------------------------------------

/** Notes when a move for connectivity was learnt of, here or from another node. */
export function noteReachMoves(turn: Turn): void {
  for (const { spec } of turn.groups) {
    const order = turn.state.orders[reachKey(spec.name)];
    const known = turn.state.reachMoves[spec.name];
    if (order === undefined || (known?.version ?? 0) >= order.version) continue;
    const since = turn.nowMs - REST_WINDOW_MS;
    const recent = (known?.atMs ?? []).filter((at) => at > since).slice(1 - REST_MS.length);
    const moves = { ...known, version: order.version, atMs: [...recent, turn.nowMs] };
    turn.update({ reachMoves: { ...turn.state.reachMoves, [spec.name]: moves } });
  }
}

/**
 * Notes that an order has brought the group here. Unless it was one for connectivity, an operator
 * knows better: the group stays until connections change.
 */
export function noteArrival(turn: Turn, group: string): void {
  const moves = turn.state.reachMoves[group] ?? { version: 0, atMs: [] };
  const isOwn = orderValue(turn.state, reachKey(group)) === turn.self;
  const lastMs = moves.atMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  if (isOwn && turn.nowMs - lastMs < REST_MS[0]) return;
  turn.update({
    reachMoves: { ...turn.state.reachMoves, [group]: { ...moves, orderedMs: turn.nowMs } },
  });
}

/** True when the comparison with a node is what it was when an order brought the group here. */
export function isAccepted(state: State, group: string, node: string): boolean {
  const orderedMs = state.reachMoves[group]?.orderedMs;
  const comparison = state.comparisons[node];
  return orderedMs !== undefined && comparison !== undefined && comparison.sinceMs <= orderedMs;
}

/** Until when the group is not moved for connectivity again, either way; 0 when it is free. */
export function restsUntilMs(state: State, group: string): number {
  const atMs = state.reachMoves[group]?.atMs ?? [];
  const last = atMs.at(-1);
  if (last === undefined) return 0;
  return last + (REST_MS[Math.min(atMs.length, REST_MS.length) - 1] ?? 0);
}

/** What a target says about itself, for status: `answers`, `no answer for 3.00 s`. */
export function targetReason(state: State, target: PingTarget): string {
  const reasons = target.addresses.map((address) => {
    const reason = state.pings[address]?.reason ?? 'not asked yet';
    return target.addresses.length === 1 ? reason : `${address}: ${reason}`;
  });
  return reasons.join('; ');
}

/** What a node reaches, by its own word; null when it is not known. */
export function reachedBy(state: State, node: string): number | null {
  if (node === state.spec.self) return connectivityOf(state)?.reached ?? null;
  return state.peers[node]?.report?.connectivity?.reached ?? null;
}
