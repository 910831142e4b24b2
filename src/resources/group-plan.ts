/**
 * The order within a group (S10): started left to right, each after its predecessor's confirmed
 * success; stopped right to left, each before its predecessor. States are given in configured
 * order. Whoever works on one resource at a time and asks again after each result keeps the order.
 */
import type { ResourceState } from './plan.js';

/** The state of a resource as its group sees it: as last confirmed, or what is being done to it. */
export type MemberState = ResourceState | 'starting' | 'stopping';

/**
 * The index of the resource to be started next: the leftmost that is not started. Null when all
 * are. Everything left of it is confirmed started; whether it can be started is for its plan.
 */
export function nextToStart(states: readonly MemberState[]): number | null {
  const index = states.findIndex((state) => state !== 'started');
  return index < 0 ? null : index;
}

/**
 * The index of the resource to be stopped next: the rightmost that is not confirmed stopped, so
 * also one that is unknown or failed (S3). Null when all are stopped.
 */
export function nextToStop(states: readonly MemberState[]): number | null {
  const index = states.findLastIndex((state) => state !== 'stopped');
  return index < 0 ? null : index;
}

/** True when anything in the group is not confirmed stopped: it may be active here (S1). */
export function isActive(states: readonly MemberState[]): boolean {
  return nextToStop(states) !== null;
}

/** From the worst down: a group is as bad as its worst member. */
const WORST_FIRST = ['failed', 'unknown', 'stopping', 'starting', 'partial'] as const;

/** The state of the whole group: `started` and `stopped` only if all are; `partial` if mixed. */
export function groupState(states: readonly MemberState[]): MemberState {
  if (!isActive(states)) return 'stopped';
  if (nextToStart(states) === null) return 'started';
  return WORST_FIRST.find((state) => states.includes(state)) ?? 'partial';
}
