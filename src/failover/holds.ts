/**
 * What operators lay on the cluster until they lift it, or until its time is over:
 *
 *     freeze.GROUP    nothing of the group is started, stopped, moved or fenced for
 *     maintenance     the same for all groups; daemons that end leave the groups running
 *     disable.GROUP   the group is stopped and not started
 *
 * Each is an order (a register): it reaches every node, outlives restarts, and leaves nothing
 * behind. It carries who asked, why, and until when, in wall-clock time: "until 14:00" stays true
 * through restarts and blackouts, which a remaining time would not. Clocks of nodes differ, so one
 * node ends it, by the clock that set the end: the one on which it was asked for. Only while that
 * node is away do the others end it by theirs. A hold that comes back from the state file of a
 * node that slept through its end is ended in the same way.
 *
 * An operation under way when a hold arrives comes to its rest first: half started is no rest. The
 * one thing that is stopped in spite of a hold is a group that another node runs under a newer
 * claim (S1).
 */
import type { Order } from '../heartbeat/report.js';
import { clearOrder, NONE, setOrder } from './orders.js';
import { decodeOwner, encodeOwner, ownerWords, type Owner } from './owner.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

export type HoldKind = 'freeze' | 'disable' | 'maintenance';

/** A hold as it lies. */
export interface Hold extends Owner {
  readonly kind: HoldKind;
  /** Null for maintenance: it is on everything. */
  readonly group: string | null;
}

/** The account of what concerns no group alone is kept under this name. */
export const CLUSTER_ACCOUNT = '*';

const MAINTENANCE_KEY = 'maintenance';

/** The register of a hold. */
export function holdKey(kind: HoldKind, group: string | null): string {
  return kind === 'maintenance' ? MAINTENANCE_KEY : `${kind}.${group ?? ''}`;
}

/** The hold that a register is for, as kind and group; null for any other register. */
export function holdOfKey(key: string): { kind: HoldKind; group: string | null } | null {
  if (key === MAINTENANCE_KEY) return { kind: 'maintenance', group: null };
  const dot = key.indexOf('.');
  const kind = key.slice(0, dot);
  if (kind !== 'freeze' && kind !== 'disable') return null;
  return { kind, group: key.slice(dot + 1) };
}

/** The holds that lie: kind -> group, or null -> the hold. */
type Holds = Readonly<Record<HoldKind, Map<string | null, Hold>>>;

/** The orders are asked for holds many times a turn, and seldom change: read once. */
const holdsRead = new WeakMap<State['orders'], Holds>();

function holdsOf({ orders }: State): Holds {
  const known = holdsRead.get(orders);
  if (known !== undefined) return known;
  const holds: Holds = { freeze: new Map(), disable: new Map(), maintenance: new Map() };
  for (const { key, value } of Object.values(orders)) {
    const about = value === NONE ? null : holdOfKey(key);
    if (about === null) continue;
    holds[about.kind].set(about.group, { ...about, ...decodeOwner(value) });
  }
  holdsRead.set(orders, holds);
  return holds;
}

/** The hold in a register, null when it is empty. */
export function holdAt(state: State, kind: HoldKind, group: string | null): Hold | null {
  return holdsOf(state)[kind].get(group) ?? null;
}

/** The maintenance of the cluster, null when it is off. */
export function maintenanceOf(state: State): Hold | null {
  return holdAt(state, 'maintenance', null);
}

/** The freeze of one group itself. */
export function freezeOf(state: State, group: string): Hold | null {
  return holdAt(state, 'freeze', group);
}

/** Why the group is to be stopped everywhere. */
export function disableOf(state: State, group: string): Hold | null {
  return holdAt(state, 'disable', group);
}

/** Why nothing of the group may be started, stopped or moved; maintenance goes before a freeze. */
export function standstillOf(state: State, group: string): Hold | null {
  return maintenanceOf(state) ?? freezeOf(state, group);
}

/** `mysql is frozen by kim: swap the disk (until 2026-11-21T09:00:00Z)`. */
export function holdSentence(hold: Hold): string {
  const what = {
    freeze: `${hold.group ?? ''} is frozen`,
    disable: `${hold.group ?? ''} is disabled`,
    maintenance: 'the cluster is in maintenance',
  }[hold.kind];
  return `${what} ${ownerWords(hold)}`;
}

/** Lays a hold, here; it spreads with the next report. */
export function layHold(turn: Turn, hold: Hold): void {
  setOrder(turn, holdKey(hold.kind, hold.group), encodeOwner(hold));
}

/** Lifts a hold; false when there was none. */
export function liftHold(turn: Turn, kind: HoldKind, group: string | null): boolean {
  if (holdAt(turn.state, kind, group) === null) return false;
  clearOrder(turn, holdKey(kind, group));
  return true;
}

/** Keeps a sentence about holds in the account of its group, also while nothing goes on there. */
export function account(turn: Turn, group: string | null, sentence: string): void {
  const name = group ?? CLUSTER_ACCOUNT;
  const isOpen = turn.state.history.some((o) => o.group === name && o.endedMs === null);
  if (isOpen) return;
  turn.openOperation(name, turn.nowMs, sentence);
  turn.closeOperation(name, 'done');
}

/** Says aloud what operators laid or lifted on another node. */
export function announceHolds(turn: Turn, changed: readonly Order[]): void {
  for (const { key, origin } of changed) {
    const about = holdOfKey(key);
    if (about === null) continue;
    const hold = holdAt(turn.state, about.kind, about.group);
    const sentence =
      hold === null
        ? `The ${holdName(about.kind, about.group)} is over, says ${origin}`
        : holdSentence(hold);
    account(turn, about.group, sentence);
    turn.say('info', sentence, about.group === null ? {} : { group: about.group });
  }
}

/** `freeze of mysql`, `maintenance`. */
export function holdName(kind: HoldKind, group: string | null): string {
  return kind === 'maintenance' ? 'maintenance' : `${kind} of ${group ?? ''}`;
}
