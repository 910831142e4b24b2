/**
 * Why a group that runs or starts here must not go on: what operators ordered, that this node
 * leaves, another node's newer claim (S1), old data (S4). The lifecycle asks; nothing is started or stopped here.
 */
import { oldDataReason } from './copies.js';
import { disableOf, holdSentence, standstillOf } from './holds.js';
import { isHeard } from './membership.js';
import {
  clearOrder,
  moveTarget,
  restartKey,
  restartOf,
} from './orders.js';
import { objectionTo } from './placement.js';
import { standbyObjection, standbyOf, standbyWords } from './standby.js';
import type { Group } from './state.js';
import type { Turn } from './turn.js';

/** A restart is over when the group runs under a newer claim than the one to be restarted. */
export function fulfilRestart(turn: Turn, name: string): void {
  const group = turn.group(name);
  const restart = restartOf(turn.state, name);
  if (group === undefined || restart === null || group.epoch <= restart.epoch) return;
  clearOrder(turn, restartKey(name));
}

/** Why the group must not go on here, or null. */
export function reasonToStop(turn: Turn, group: Group): string | null {
  const { name } = group.spec;
  const oldData = oldDataReason(turn.state, group);
  if (oldData !== null) return oldData;
  if (standstillOf(turn.state, name) !== null) return supersededBy(turn, group);
  if (turn.state.phase === 'leaving') return `${turn.self} is leaving`;
  // Orders may have been given while this node was away: the others are heard first.
  if (turn.peers.some(({ verdict }) => verdict === 'unknown')) return null;
  const disabled = disableOf(turn.state, name);
  if (disabled !== null) return holdSentence(disabled);
  if (standbyObjection(turn.state, group.spec, turn.self) !== null) return standbyReason(turn);
  const usurper = supersededBy(turn, group);
  if (usurper !== null) return usurper;
  const restart = restartOf(turn.state, name);
  if (restart?.node === turn.self && group.life === 'started') {
    return `${name} is restarted on ${turn.self} by order`;
  }
  const target = moveTarget(turn.state, name);
  if (target === null || target === turn.self) return null;
  return objectionTo(turn.state, group, target) === null
    ? `${name} moves to ${target} by order`
    : null;
}

function standbyReason(turn: Turn): string {
  const words = standbyWords(standbyOf(turn.state, turn.self) ?? 'all');
  return `${turn.self} goes to ${words.slice('in '.length)}`;
}

/** S1, S7: somebody runs it under a newer claim, so this node was given up for off. */
function supersededBy(turn: Turn, group: Group): string | null {
  for (const peer of turn.peers) {
    if (!isHeard(peer)) continue;
    const there = peer.report?.groups.find((entry) => entry.name === group.spec.name);
    if (there === undefined || there.life === 'stopped' || there.life === 'unknown') continue;
    const older = there.epoch > group.epoch;
    if (older) return `${peer.name} runs ${group.spec.name} under a newer claim than ${turn.self}`;
  }
  return null;
}
