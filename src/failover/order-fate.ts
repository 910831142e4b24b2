/**
 * What has become of the order that a request has given. Operators ask on nodes that have not heard of
 * each other's orders yet: two orders then have the same version, and one of them stands everywhere in
 * the end. Nobody is told that it is done before that is known.
 *
 * Two such orders may also say the same. The one that stands proves nothing for who lost then: it may be
 * older, and be lifted already where it was given. So the loser gives its order once more, above it.
 */
import type { Order } from '../heartbeat/report.js';
import { isHeard } from './membership.js';
import { setOrder } from './orders.js';
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
  return ({ key, value, version, origin }) =>
    key === own.key && value === own.value && version === own.version && origin === own.origin;
}

/**
 * Gives the order of a request once more when another node's order of the same words stands in its
 * place. Bounded: once for each request. Answers with the request as it goes on.
 */
export function renewOrder(turn: Turn, request: PendingRequest): PendingRequest {
  const { order, isRenewed = false } = request;
  if (order === undefined || isRenewed) return request;
  const standing = turn.state.orders[order.key];
  if (standing?.value !== order.value || isSame(order)(standing)) return request;
  if (standing.origin !== turn.self) setOrder(turn, order.key, order.value);
  return { ...request, order: turn.state.orders[order.key], isRenewed: true };
}

/** The answer to who asked for something else: the sentence of what stands. */
export function insteadSentence(standing: string): string {
  return `${standing}: that was asked for meanwhile, and stands instead`;
}
