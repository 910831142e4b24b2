import { orderReplaces, type Order } from '../heartbeat/report.js';
import type { NodeMode } from '../base/status.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

/**
 * Orders are registers that an operator sets on any node and that every report carries: the
 * highest version wins everywhere, so they reach a node that was away, and need no answer.
 */
const NONE = '-';

/** Sets a register here; it spreads with the next report. */
export function setOrder(turn: Turn, key: string, value: string): void {
  const version = (turn.state.orders[key]?.version ?? 0) + 1;
  const order: Order = { key, value, version, origin: turn.self };
  turn.update({ orders: { ...turn.state.orders, [key]: order } });
}

/** Empties a register. */
export function clearOrder(turn: Turn, key: string): void {
  if (orderValue(turn.state, key) !== null) setOrder(turn, key, NONE);
}

/** The value of a register, null when it is empty. */
export function orderValue(state: State, key: string): string | null {
  const value = state.orders[key]?.value ?? NONE;
  return value === NONE ? null : value;
}

/** Takes in what a peer's report carries; says aloud what an operator changed elsewhere. */
export function mergeOrders(turn: Turn, orders: readonly Order[]): void {
  for (const order of orders) {
    if (!isKnownKey(turn.state, order.key)) continue;
    if (!orderReplaces(order, turn.state.orders[order.key])) continue;
    turn.update({ orders: { ...turn.state.orders, [order.key]: order } });
  }
}

function isKnownKey(state: State, key: string): boolean {
  const { nodes, groups } = state.spec;
  return nodes.some((n) => key === modeKey(n)) || groups.some((g) => key === moveKey(g.name) || key === reachKey(g.name));
}

export function moveKey(group: string): string {
  return `move.${group}`;
}

/** Tells every node that a group was moved to a better connected one, and so has to rest. */
export function reachKey(group: string): string {
  return `reach.${group}`;
}

export function modeKey(node: string): string {
  return `mode.${node}`;
}

/** The mode that operators gave a node. */
export function modeOf(state: State, node: string): NodeMode {
  return orderValue(state, modeKey(node)) === 'standby' ? 'standby' : 'online';
}

/** Where an operator wants the group, while that is not fulfilled. */
export function moveTarget(state: State, group: string): string | null {
  return orderValue(state, moveKey(group));
}
