/**
 * Why a group that runs well here should run elsewhere: an order of an operator, the return of the
 * preferred node, a node that reaches more of the world. All of them are carried out as an order,
 * so that they keep to the same path: stopped here first, then claimed there.
 */
import { formatDuration } from '../base/duration.js';
import {
  hasBeen,
  isAccepted,
  noteArrival,
  reachSentence,
  restsUntilMs,
  SETTLING_MS,
} from './connectivity.js';
import { NO_DATA } from './copies.js';
import { clearOrder, moveKey, moveTarget, reachKey, setOrder } from './orders.js';
import { objectionTo, placement } from './placement.js';
import type { Group } from './state.js';
import type { Turn } from './turn.js';

/** Brings the orders about a group that runs here up to date. */
export function considerMoves(turn: Turn, name: string): void {
  fulfilMove(turn, name);
  const group = turn.group(name);
  if (group === undefined || moveTarget(turn.state, name) !== null) return;
  leaveDiskless(turn, group);
  goBack(turn, group);
  followConnectivity(turn, group);
}

/** A move is over when the group runs where it was ordered to, or when it cannot run there. */
function fulfilMove(turn: Turn, name: string): void {
  const group = turn.group(name);
  const target = moveTarget(turn.state, name);
  if (group === undefined || target === null) return;
  if (target === turn.self) {
    clearOrder(turn, moveKey(name));
    noteArrival(turn, name);
    return;
  }
  const objection = objectionTo(turn.state, group, target);
  if (objection === null) return;
  clearOrder(turn, moveKey(name));
  turn.say('warn', `The move of ${name} to ${target} is given up: ${objection}`, { group: name });
}

/**
 * DRBD goes on without a local disk, over the network: one more failure and the data is gone from
 * view. A node with a good copy takes over while there is still something to stop in order.
 */
function leaveDiskless(turn: Turn, group: Group): void {
  const { name, resources } = group.spec;
  for (const resource of resources) {
    if (resource.kind !== 'drbd') continue;
    const facts = turn.state.drbd[resource.resource];
    if (facts?.role !== 'Primary' || !NO_DATA.includes(facts.disk)) continue;
    const heir = placement(turn.state, group).candidates.find(({ node }) => node !== turn.self);
    if (heir === undefined) continue;
    const sentence =
      `${name} moves to ${heir.node}: the disk of DRBD resource ${resource.resource} on ` +
      `${turn.self} is ${facts.disk}, and ${heir.node} has a good copy`;
    order(turn, name, heir.node, sentence);
    return;
  }
}

function order(turn: Turn, name: string, node: string, sentence: string): void {
  turn.openOperation(name, turn.nowMs, sentence);
  turn.say('warn', sentence, { group: name });
  setOrder(turn, moveKey(name), node);
}

/** auto_failback: the order goes back to the preferred node once, when that node is fit again. */
function goBack(turn: Turn, group: Group): void {
  const { name, prefer, failback } = group.spec;
  if (moveTarget(turn.state, name) !== null) return;
  const [first] = prefer;
  if (failback !== 'when-synced' || first === undefined || first === turn.self) return;
  const fit = objectionTo(turn.state, group, first) === null && isConnectedWell(turn, name, first);
  if (fit && group.failbackArmed) {
    turn.updateGroup(name, { failbackArmed: false });
    turn.say('info', `${name} goes back to ${first}: it is preferred, up and in sync`, {
      group: name,
    });
    setOrder(turn, moveKey(name), first);
    return;
  }
  if (!fit && !group.failbackArmed) turn.updateGroup(name, { failbackArmed: true });
}

/** Nothing goes back to a node that reaches less, or that has only just begun to reach as much. */
function isConnectedWell(turn: Turn, group: string, node: string): boolean {
  if ((turn.state.spec.heartbeat.ping ?? []).length === 0) return true;
  if (!turn.hasCome(restsUntilMs(turn.state, group))) return false;
  return hasBeen(turn, node, ['equal', 'better', 'unknown']);
}

/** The better connected node gets the group; with nobody better it stays, however bad it is. */
function followConnectivity(turn: Turn, group: Group): void {
  const { name } = group.spec;
  const better = turn.peers.filter(
    (peer) => hasBeen(turn, peer.name, ['better']) && !isAccepted(turn.state, name, peer.name),
  );
  if (better.length === 0 || !turn.hasCome(restsUntilMs(turn.state, name))) return;
  const reached = (node: string): number =>
    turn.peer(node)?.report?.connectivity?.reached ?? 0;
  const { candidates } = placement(turn.state, group);
  const [best] = candidates
    .map(({ node }) => node)
    .filter((node) => better.some((peer) => peer.name === node))
    .sort((a, b) => reached(b) - reached(a));
  if (best === undefined || moveTarget(turn.state, name) !== null) return;
  const sentence =
    `${name} moves to ${best}: ${reachSentence(turn.state, best)}, ` +
    `for ${formatDuration(SETTLING_MS)} or more`;
  setOrder(turn, reachKey(name), best);
  order(turn, name, best, sentence);
}
