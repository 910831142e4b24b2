/**
 * A person's order to fence a node now. It goes through the same state as every fencing does: the
 * status first, one level after the other, growing pauses. What it leaves out is what protects
 * machines from each other: silence, the head start, having heard the node since the own start.
 * It is over when the node is confirmed off, or after a few shots that proved nothing; and when the
 * node is heard again and nobody has said that one that is well is meant, too.
 */
import { isOff } from './clearance.js';
import { withSentence } from './history.js';
import { holdSentence, maintenanceOf, standstillOf, CLUSTER_ACCOUNT } from './holds.js';
import { isAlive, isSeen } from './membership.js';
import { isFenceable } from './spec.js';
import type { FenceOrder, Peer } from './state.js';
import type { Turn } from './turn.js';
import type { End } from './verdict.js';

/** Shots until an order is given up: every device of the node, and three in any case. */
const SHOTS_MIN = 3;

/** The order that is not carried out yet, or null. */
export function standingOrder({ fencing }: Peer): FenceOrder | null {
  return fencing.order?.end === null ? fencing.order : null;
}

/** Gives the order; the policy of fencing acts on it. */
export function beginOrder(
  turn: Turn,
  node: string,
  order: Pick<FenceOrder, 'by' | 'reason' | 'sure'>,
  sentence: string,
): void {
  const peer = turn.peer(node);
  if (peer === undefined) return;
  const begun: FenceOrder = { ...order, askedMs: turn.nowMs, failures: 0, end: null };
  // What failed before need not be waited for: a person is there.
  const fencing = { ...peer.fencing, order: begun, asked: false, notBeforeMs: turn.nowMs };
  turn.updatePeer(node, { fencing });
  turn.openOperation(CLUSTER_ACCOUNT, turn.nowMs, sentence);
}

/** A second person says that a node which is well is meant, too. */
export function makeSure(turn: Turn, { name, fencing }: Peer, order: FenceOrder): void {
  turn.updatePeer(name, { fencing: { ...fencing, order: { ...order, sure: true } } });
}

/** Ends the order, if one stands; the person is told by the request that follows it. */
export function endOrder(turn: Turn, node: string, ok: boolean, message: string): void {
  const peer = turn.peer(node);
  const order = peer === undefined ? null : standingOrder(peer);
  if (peer === undefined || order === null) return;
  const end: End = { ok, message };
  turn.updatePeer(node, { fencing: { ...peer.fencing, order: { ...order, end } } });
  turn.amend(CLUSTER_ACCOUNT, (operation) => withSentence(operation, turn.nowMs, message));
  turn.closeOperation(CLUSTER_ACCOUNT, ok ? 'done' : 'failed');
}

/** Ends an order that nothing can come of any more. */
export function endIdleOrder(turn: Turn, node: string): void {
  const peer = turn.peer(node);
  const order = peer === undefined ? null : standingOrder(peer);
  if (peer === undefined || order === null) return;
  const { running } = peer.fencing;
  const isHeard = isAlive(peer) && peer.clearance === null;
  const isBack = !order.sure && (isHeard || order.wasHeard === true);
  // The node may be back and leave again before it ends: a question does not keep the order, and a shot,
  // which cannot be called back, is the last one.
  if (isBack && running?.step === 'shoot' && order.wasHeard !== true) {
    turn.updatePeer(node, { fencing: { ...peer.fencing, order: { ...order, wasHeard: true } } });
  }
  if (running !== null && !(isBack && running.step === 'status')) return;
  const what =
    order.wasHeard === true
      ? 'was heard while it was shot, and is not shot again'
      : 'is heard again and is not shot';
  const back = `${node} ${what}: to cut its power all the same, repeat with --yes`;
  const objection = isBack ? back : peer.clearance === null ? orderObjection(turn, peer) : null;
  if (isOff(peer)) endOrder(turn, node, true, `${node} is confirmed off`);
  else if (objection !== null) endOrder(turn, node, false, objection);
}

/** Counts a shot that proved nothing. */
export function noteOrderFailed(turn: Turn, node: string, reason: string): void {
  const peer = turn.peer(node);
  const order = peer === undefined ? null : standingOrder(peer);
  if (peer === undefined || order === null) return;
  const failures = order.failures + 1;
  turn.updatePeer(node, { fencing: { ...peer.fencing, order: { ...order, failures } } });
  const most = Math.max(SHOTS_MIN, turn.state.spec.fencing[node]?.length ?? 0);
  if (failures < most) return;
  const count = `${String(failures)} shots proved nothing, the last: ${reason}`;
  const cure = `switch it off by hand, and then: tandem fence confirm ${node}`;
  endOrder(turn, node, false, `${node} is not confirmed off: ${count}; ${cure}`);
}

/** Why nobody may be ordered to fence the node now, or null. */
export function orderObjection(turn: Turn, peer: Peer): string | null {
  const { name } = peer;
  if (!isFenceable(turn.state.spec, name)) {
    return `${name} has no fence device; once you have switched it off: tandem fence confirm ${name}`;
  }
  const maintenance = maintenanceOf(turn.state);
  if (maintenance !== null) {
    return `${name} cannot be fenced: ${holdSentence(maintenance)}. First: tandem maintenance off`;
  }
  for (const group of groupsOn(turn, peer)) {
    const hold = standstillOf(turn.state, group);
    if (hold === null) continue;
    return `${name} cannot be fenced: it runs ${group}, and ${holdSentence(hold)}. First: tandem unfreeze ${group}`;
  }
  return null;
}

/** What runs on the node by its own word, while it is heard. */
export function groupsOn(turn: Turn, peer: Peer): readonly string[] {
  if (!isSeen(peer) || peer.clearance !== null) return [];
  const lives = peer.report?.groups ?? [];
  return lives
    .filter(({ name, life }) => turn.group(name) !== undefined && life !== 'stopped' && life !== 'unknown')
    .map(({ name }) => name);
}
