/**
 * Standby of a node: the register `mode.NODE`, with who laid it, why, and until when. It stays until
 * it is lifted or its time is over, like a hold.
 *
 *     standby-foreign;kim;1795223335;swap+the+disk
 */
import type { NodeMode, StandbyScope } from '../base/status.js';
import type { Order } from '../heartbeat/report.js';
import type { GroupSpec } from '../resources/spec.js';
import { account } from './holds.js';
import { NONE, setOrder } from './orders.js';
import { decodeOwner, encodeOwner, ownerWords, type Owner } from './owner.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

const MODE_PREFIX = 'mode.';

export function modeKey(node: string): string {
  return `${MODE_PREFIX}${node}`;
}

/** The node that a register is about, null for any other register. */
export function nodeOfModeKey(key: string): string | null {
  return key.startsWith(MODE_PREFIX) ? key.slice(MODE_PREFIX.length) : null;
}

/** The mode that operators gave a node. */
export function modeOf(state: State, node: string): NodeMode {
  return standbyOf(state, node) === null ? 'online' : 'standby';
}

/** The value of `mode.NODE` for each standby. */
const STANDBY_VALUES: Readonly<Record<StandbyScope, string>> = {
  all: 'standby',
  foreign: 'standby-foreign',
  local: 'standby-local',
};
const SCOPES = ['all', 'foreign', 'local'] as const;

/** Puts a node in standby. */
export function setStandby(turn: Turn, node: string, scope: StandbyScope, owner: Owner): void {
  setOrder(turn, modeKey(node), `${STANDBY_VALUES[scope]};${encodeOwner(owner)}`);
}

/** What the register of a node says. */
interface Standby {
  readonly scope: StandbyScope | null;
  /** Null when nobody said who. */
  readonly owner: Owner | null;
}

/** Node -> what its register says. Asked for many times a turn, and seldom changed: read once. */
const standbysRead = new WeakMap<State['orders'], ReadonlyMap<string, Standby>>();

function standbysOf({ orders }: State): ReadonlyMap<string, Standby> {
  const known = standbysRead.get(orders);
  if (known !== undefined) return known;
  const standbys = new Map<string, Standby>();
  for (const { key, value } of Object.values(orders)) {
    const node = value === NONE ? null : nodeOfModeKey(key);
    if (node !== null) standbys.set(node, decodeStandby(value));
  }
  standbysRead.set(orders, standbys);
  return standbys;
}

function decodeStandby(value: string): Standby {
  const [mode, ...words] = value.split(';');
  return {
    scope: SCOPES.find((scope) => STANDBY_VALUES[scope] === mode) ?? null,
    owner: words.length === 0 ? null : decodeOwner(words.join(';')),
  };
}

/** Which groups a node in standby does not hold; null when it is online. */
export function standbyOf(state: State, node: string): StandbyScope | null {
  return standbysOf(state).get(node)?.scope ?? null;
}

/** As hb_standby has it: local groups are those whose first preference is the node. */
export function isInScope(scope: StandbyScope, group: GroupSpec, node: string): boolean {
  return scope === 'all' || (group.prefer[0] === node) === (scope === 'local');
}

/** `in standby`, `in standby for foreign groups`. */
export function standbyWords(scope: StandbyScope): string {
  return scope === 'all' ? 'in standby' : `in standby for ${scope} groups`;
}

/** Why the node must not hold the group, or null. */
export function standbyObjection(state: State, group: GroupSpec, node: string): string | null {
  const scope = standbyOf(state, node);
  if (scope === null || !isInScope(scope, group, node)) return null;
  return `${node} is ${standbyWords(scope)}`;
}

/** Who put the node in standby; null when it is online, or when nobody said who. */
export function standbyOwner(state: State, node: string): Owner | null {
  return standbysOf(state).get(node)?.owner ?? null;
}

/** `in standby by kim: swap the disk (no end set)`; null when it is online. */
export function standbySentence(state: State, node: string): string | null {
  const scope = standbyOf(state, node);
  if (scope === null) return null;
  const owner = standbyOwner(state, node);
  return owner === null ? standbyWords(scope) : `${standbyWords(scope)} ${ownerWords(owner)}`;
}

/** Says aloud what operators did to the mode of a node, on another node. */
export function announceStandby(turn: Turn, changed: readonly Order[]): void {
  for (const { key, origin } of changed) {
    const node = nodeOfModeKey(key);
    if (node === null) continue;
    const words = standbySentence(turn.state, node);
    const sentence =
      words === null ? `${node} is online again, says ${origin}` : `${node} is ${words}`;
    account(turn, null, sentence);
    turn.say('info', sentence, { node });
  }
}
