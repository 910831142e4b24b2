/**
 * What has become of the order that a request has given. Operators ask on nodes that have not heard of
 * each other's orders yet: two orders then have the same version, and one of them stands everywhere in
 * the end. Nobody is told that it is done before that is known.
 */
import type { Order } from '../heartbeat/report.js';
import { isHeard } from './membership.js';
import type { PendingRequest } from './state.js';
import type { Turn } from './turn.js';

/**
 * `replaced`: something else stands in the register by now; `spreading`: a node that is heard does not
 * say it yet; `known`: every node that is heard does.
 */
export type OrderFate = 'replaced' | 'spreading' | 'known';

/** What has become of the order of a request; one that has given none has nothing to wait for. */
export function fateOfOrder({ state, peers }: Turn, { order }: PendingRequest): OrderFate {
  if (order === undefined) return 'known';
  const standing = state.orders[order.key];
  if (standing === undefined || standing.value !== order.value) return 'replaced';
  const isKnown = peers.filter(isHeard).every(({ report }) => report?.orders.some(isSame(standing)));
  return isKnown ? 'known' : 'spreading';
}

function isSame(own: Order): (order: Order) => boolean {
  return ({ key, value, version }) => key === own.key && value === own.value && version === own.version;
}

/** The answer to who asked for something else: the sentence of what stands. */
export function insteadSentence(standing: string): string {
  return `${standing}: that was asked for meanwhile, and stands instead`;
}
