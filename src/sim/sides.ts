/** Split brain in the world: what a daemon reads of its half. */
import { isSameData } from '../base/same.js';
import { isCarrying } from '../drbd/split-brain.js';
import { discardOrder } from '../failover/discard-order.js';
import type { FailoverEvent } from '../failover/event.js';
import type { State } from '../failover/state.js';
import type { Replica } from './replica.js';

/** What the core has to be told of a half; null when it knows. */
export function sideNews(
  replica: Replica,
  node: string,
  state: State | undefined,
): FailoverEvent | null {
  const { resource } = replica;
  const { connection, disk, state: phase, volumes } = replica.facts(node);
  const isWanted = state !== undefined && discardOrder(state, resource) !== null;
  const isTold = phase === 'configured' && (!isCarrying(connection) || isWanted);
  const known = state?.sides[resource];
  if (!isTold) return known === undefined ? null : { kind: 'side', resource, side: null };
  const generation = replica.generation(node);
  const outOfSyncBytes = volumes[0]?.outOfSyncBytes ?? null;
  const told = generation === null ? [] : [{ volume: 0, generation, outOfSyncBytes }];
  const side = { resource, disk, volumes: told, began: null, database: '-notTold' };
  if (isSameData(side, known)) return null;
  return { kind: 'side', resource, side };
}
