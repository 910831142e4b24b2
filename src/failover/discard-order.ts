/**
 * The register `discard.RESOURCE`: whose changes are to be lost, in which split brain, and who said
 * so. It carries the fingerprint of both sides' data, so that an order that arrives late, on a node
 * that was away, can never hit data that nobody looked at.
 *
 *     n2/4f0c11ab93d0/kim/n1%20has%20the%20orders%20of%20today
 */
import { discardKey, orderValue, setOrder } from './orders.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

/** What the register says. */
export interface DiscardOrder {
  readonly victim: string;
  readonly fingerprint: string;
  readonly by: string;
  readonly reason: string;
  /** Which order it is: two nodes that do not hear each other may give the same version away. */
  readonly version: number;
  readonly origin: string;
}

/** Every report carries the order, also over a serial line: names and reasons are cut. */
const BY_CHARS_MAX = 32;
const REASON_CHARS_MAX = 80;

/** Sets the register. */
export function setDiscardOrder(
  turn: Turn,
  resource: string,
  order: Omit<DiscardOrder, 'version' | 'origin'>,
): void {
  const { victim, fingerprint, by, reason } = order;
  const words = [by.slice(0, BY_CHARS_MAX), reason.slice(0, REASON_CHARS_MAX)];
  const value = [victim, fingerprint, ...words.map(escaped)].join('/');
  setOrder(turn, discardKey(resource), value);
}

/** A cut may part a pair of surrogates, and encodeURIComponent throws on half of one. */
function escaped(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '?'));
}

/** The order that stands for a resource, or null. */
export function discardOrder(state: State, resource: string): DiscardOrder | null {
  const key = discardKey(resource);
  const value = orderValue(state, key);
  if (value === null) return null;
  const { version = 0, origin = '' } = state.orders[key] ?? {};
  const [victim = '', fingerprint = '', by = '', reason = ''] = value.split('/');
  if (victim === '' || fingerprint === '') return null;
  return { victim, fingerprint, by: unescaped(by), reason: unescaped(reason), version, origin };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Why the node may not start what needs the resource now, or null. */
export function discardObjection(state: State, resource: string, node: string): string | null {
  const order = discardOrder(state, resource);
  if (order?.victim !== node) return null;
  return `what ${node} has of DRBD resource ${resource} is being discarded, by ${order.by}`;
}
