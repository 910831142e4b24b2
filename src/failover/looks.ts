/**
 * Looks at a group that runs (monitors): which one is due, and what becomes of the group when one
 * begins, and when it finds what it should. All that is not so is for lifecycle.ts.
 */
import { kindOf } from '../resources/kinds.js';
import type { Effect } from './effect.js';
import type { ActionResult } from './event.js';
import type { Group, RunningAction } from './state.js';

/** The resource to look at, -1 for none. `isHeld`: nothing is done about what has failed. */
export function dueLook(
  { resources, monitorDueMs }: Group,
  isHeld: boolean,
  hasCome: (atMs: number) => boolean,
): number {
  return resources.findIndex(
    ({ state }, at) => hasCome(monitorDueMs[at] ?? 0) || (state === 'failed' && !isHeld),
  );
}

/** When the next look at one of these is due by its time; never at one to which something is done. */
export function nextLookMs(groups: readonly Group[]): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const { life, action, resources, monitorDueMs } of groups) {
    if (life !== 'started' || action !== null) continue;
    for (let at = 0; at < resources.length; at += 1) atMs = Math.min(atMs, monitorDueMs[at] ?? 0);
  }
  return atMs;
}

/** The order that begins an action. */
export function orderTo(
  { spec }: Group,
  { actionId, index, verb }: RunningAction,
): Extract<Effect, { kind: 'run' }> {
  return { kind: 'run', actionId, group: spec.name, index, verb };
}

/** True when the look that runs ends well, and nobody had a doubt. */
export function isGoodLook({ life, action, resources, suspects }: Group, result: ActionResult): boolean {
  if (life !== 'started' || action?.verb !== 'monitor') return false;
  const isDoubted = suspects[action.index] !== undefined || resources[action.index]?.state === 'failed';
  return result.outcome === 'ok' && result.state === 'started' && !isDoubted;
}

/** When each resource is looked at again, after a look at one of them. */
export function looksAfter(group: Group, index: number, nowMs: number): Group['monitorDueMs'] {
  const resource = group.spec.resources[index];
  if (resource === undefined) return group.monitorDueMs;
  return { ...group.monitorDueMs, [index]: nowMs + kindOf(resource).monitorEveryMs };
}
