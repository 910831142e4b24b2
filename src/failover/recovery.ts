/**
 * What follows when a part of a group fails on this node (rgmanager's recovery policies):
 *
 *     restart    in place, as often as max_restarts within restart_expire_time; then elsewhere
 *     relocate   elsewhere at once; in place, as above, while no other node could run it
 *     disable    stopped until an operator enables it, like a group that one has disabled
 *
 * A node that failed is barred: it is not chosen until its failures are old or are cleaned up.
 */
import { formatDuration } from '../base/duration.js';
import { RECOVERY_DEFAULT, type GroupSpec, type Recovery, type ResourceSpec } from '../resources/spec.js';
import { layHold } from './holds.js';
import { clearOrder, moveKey, moveTarget, restartKey, restartOf } from './orders.js';
import { placement } from './placement.js';
import type { Group } from './state.js';
import type { Turn } from './turn.js';

/** The policy of a group, complete. */
export function recoveryOf(spec: GroupSpec): Recovery {
  return { ...RECOVERY_DEFAULT, ...spec.recovery };
}

/**
 * Counts a failure of a resource that ran here and decides what follows. Answers from which resource
 * on the group is restarted here; null: all of it is stopped. The first failure within the time
 * restarts what failed and what stands right of it, which needs it; the next one the whole group.
 */
export function decideRecovery(turn: Turn, name: string, index: number): number | null {
  const group = turn.group(name);
  if (group === undefined) return null;
  const { onFailure, restartsMax, restartExpireMs } = recoveryOf(group.spec);
  const failuresMs = [...recentFailures(turn, group), turn.nowMs];
  turn.updateGroup(name, { failuresMs });
  if (onFailure === 'disable') {
    disable(turn, name);
    return null;
  }
  if (onFailure === 'relocate' && couldRunElsewhere(turn, group)) {
    bar(turn, name, `${name} failed on ${turn.self}, and its recovery is "relocate"`);
    return null;
  }
  const count = failuresMs.length;
  const window = formatDuration(restartExpireMs);
  if (count > restartsMax) {
    const times = count === 1 ? 'once' : `${String(count)} times`;
    bar(turn, name, `${name} failed ${times} in ${window} on ${turn.self}`);
    return null;
  }
  const left = group.resources.slice(0, index);
  const isSound = left.every(({ state }, at) => state === 'started' && !(at in group.suspects));
  const isKept = isSound && group.spec.resources.slice(0, index).every(isWhole(turn));
  const isPartial = count === 1 && index > 0 && isKept;
  const kept = isPartial ? `; what it stands on stays (${left.map(({ id }) => id).join(', ')})` : '';
  const sentence =
    `${name} is restarted on ${turn.self}: restart ${String(count)} of ` +
    `${String(restartsMax)} in ${window}${kept}`;
  turn.say('info', sentence, { group: name });
  return isPartial ? index : null;
}

/** A device without its own good data is not stood on again: what is promoted anew is judged (S4). */
function isWhole(turn: Turn): (resource: ResourceSpec) => boolean {
  return (resource) =>
    resource.kind !== 'drbd' ||
    (turn.state.drbd[resource.resource]?.disk === 'UpToDate' &&
      turn.state.copies[resource.resource]?.kind === 'current');
}

function disable(turn: Turn, name: string): void {
  const reason = 'it failed, and its recovery is "disable"';
  layHold(turn, { kind: 'disable', group: name, by: turn.self, reason, untilWallMs: null });
  const sentence = `${name} is disabled by ${turn.self}: ${reason}; "tandem enable ${name}" ends that`;
  turn.say('error', sentence, { group: name });
}

function recentFailures(turn: Turn, group: Group): readonly number[] {
  const since = turn.nowMs - recoveryOf(group.spec).restartExpireMs;
  return group.failuresMs.filter((at) => at > since);
}

function couldRunElsewhere(turn: Turn, group: Group): boolean {
  return placement(turn.state, group).candidates.some(({ node }) => node !== turn.self);
}

/** This node is not chosen for the group for a while. */
export function bar(turn: Turn, name: string, reason: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  const untilMs = turn.nowMs + recoveryOf(group.spec).restartExpireMs;
  turn.updateGroup(name, { barred: { reason, untilMs } });
  const forMs = formatDuration(untilMs - turn.nowMs);
  const sentence =
    `${name} is not started on ${turn.self} again for ${forMs}, or until ` +
    `"tandem cleanup ${name}": ${reason}`;
  turn.say('warn', sentence, { group: name });
  if (moveTarget(turn.state, name) === turn.self) clearOrder(turn, moveKey(name));
  if (restartOf(turn.state, name)?.node === turn.self) clearOrder(turn, restartKey(name));
}

/** Lifts a bar whose time is over. */
export function liftBars(turn: Turn): void {
  for (const group of turn.groups) {
    if (group.barred === null || !turn.hasCome(group.barred.untilMs)) continue;
    turn.updateGroup(group.spec.name, { barred: null, failuresMs: [] });
    turn.say('info', `${turn.self} may run ${group.spec.name} again: its failures are old`, {
      group: group.spec.name,
    });
  }
}
