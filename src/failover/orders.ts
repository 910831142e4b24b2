import { orderReplaces, type Order, type Report } from '../heartbeat/report.js';
import { usesDrbd, type ClusterSpec } from './spec.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

/**
 * Orders are registers that an operator sets on any node and that every report carries: the
 * highest version wins everywhere, so they reach a node that was away, and need no answer.
 */
export const NONE = '-';

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

/** Takes in what a peer's report carries; gives back what has another value now. */
export function mergeOrders(turn: Turn, orders: readonly Order[]): readonly Order[] {
  const changed: Order[] = [];
  for (const order of orders) {
    const before = turn.state.orders[order.key];
    if (!isNews(turn.state, order)) continue;
    turn.update({ orders: { ...turn.state.orders, [order.key]: order } });
    if (order.value !== (before?.value ?? NONE)) changed.push(order);
  }
  return changed;
}

function isNews(state: State, order: Order): boolean {
  return orderReplaces(order, state.orders[order.key]) && isKnownKey(state.spec, order.key);
}

/** True when a report carries an order that is not known here, or newer. */
export function bringsOrders(state: State, { orders }: Report): boolean {
  return orders.some((order) => isNews(state, order));
}

/** Registers of one group, and of the cluster: holds.ts and restarts below. */
const GROUP_KEYS: readonly string[] = ['move', 'reach', 'restart', 'freeze', 'disable'];
const CLUSTER_KEYS: readonly string[] = ['maintenance'];

/** The registers of a configuration: of its nodes, groups and DRBD resources, and of the cluster. */
export function isKnownKey({ nodes, groups }: ClusterSpec, key: string): boolean {
  const dot = key.indexOf('.');
  const [kind, name] = [key.slice(0, dot), key.slice(dot + 1)];
  if (dot < 0) return CLUSTER_KEYS.includes(key);
  if (kind === 'mode') return nodes.includes(name);
  if (key === discardKey(name)) return groups.some((group) => usesDrbd(group, name));
  return GROUP_KEYS.includes(kind) && groups.some((group) => group.name === name);
}

/** What a node that was restarted takes up again: the wishes that stand, not the deeds. */
export function outlivesRestart({ key }: Order): boolean {
  return ['mode.', 'freeze.', 'disable.', 'maintenance'].some((prefix) => key.startsWith(prefix));
}

/** The register that settles a split brain; its value is written in discard-order. */
export function discardKey(resource: string): string {
  return `discard.${resource}`;
}

export function moveKey(group: string): string {
  return `move.${group}`;
}

/** Tells every node that a group was moved to a better connected one, and so has to rest. */
export function reachKey(group: string): string {
  return `reach.${group}`;
}

export function restartKey(group: string): string {
  return `restart.${group}`;
}

/** A restart that is not done: where, and which start of the group is the old one. */
export function restartOf(state: State, group: string): { node: string; epoch: number } | null {
  const [node = '', epoch = ''] = orderValue(state, restartKey(group))?.split('/') ?? [];
  return node === '' ? null : { node, epoch: Number(epoch) };
}

/** Orders the restart of a group on the node where it runs under the claim of this epoch. */
export function setRestart(turn: Turn, group: string, node: string, epoch: number): void {
  setOrder(turn, restartKey(group), `${node}/${String(epoch)}`);
}

/** Where an operator wants the group, while that is not fulfilled. */
export function moveTarget(state: State, group: string): string | null {
  return orderValue(state, moveKey(group));
}
