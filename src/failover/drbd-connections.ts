/**
 * What a connection of DRBD means, and who is at its other end. A machine whose half connects is on,
 * whatever was proven of it before: it is not off any more, though its tandemd may not be heard. The
 * other way round is no such news: the kernel believes in the connection to a dead machine for seconds.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { otherEnd } from './halves.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

/** Connections over which DRBD itself keeps this disk as new as the other. */
export const LINKED: readonly string[] = ['Connected', 'SyncSource', 'VerifyS', 'VerifyT', 'PausedSyncS'];

/** Connections over which every write goes to both disks; a verify only reads. */
export const MIRRORED: readonly string[] = ['Connected', 'VerifyS', 'VerifyT'];

/** Connections in which the two sides do not hear each other (8.4: all below Connected). */
export const APART: readonly string[] = [
  ...['StandAlone', 'Disconnecting', 'Unconnected', 'Timeout', 'BrokenPipe', 'NetworkFailure'],
  ...['ProtocolError', 'TearDown', 'WFConnection', 'WFReportParams'],
];

/** Connections over which the other node's disk has all that a Primary here writes. */
export const SERVED: readonly string[] = [
  ...LINKED,
  ...['StartingSyncT', 'WFBitMapT', 'WFSyncUUID', 'SyncTarget', 'PausedSyncT'],
];

/** The two sides hear each other. Null: what cannot be read tells neither. */
function isConnected({ connection }: DrbdFacts): boolean | null {
  return connection === 'Unknown' ? null : !APART.includes(connection);
}

/**
 * Since when each resource is connected, as far as this node has seen. One that cannot be read for a
 * moment has neither connected nor lost its connection by that.
 */
export function connectedAfter(turn: Turn, read: readonly DrbdFacts[]): State['connectedMs'] {
  const before = turn.state.connectedMs;
  const now = read.flatMap((facts) => {
    const sinceMs = before[facts.resource];
    const isNow = isConnected(facts) ?? sinceMs !== undefined;
    return isNow ? [[facts.resource, sinceMs ?? turn.nowMs] as const] : [];
  });
  const isSame = now.length === Object.keys(before).length && now.every(([name]) => before[name] !== undefined);
  return isSame ? before : Object.fromEntries(now);
}

/**
 * Whether DRBD shows a connection that the core has not taken in yet: it is younger than every proof
 * that the machine at its other end is off. To be asked at the moment of a deed, with a look of that moment.
 */
export function hasJustConnected({ connectedMs }: State, facts: DrbdFacts): boolean {
  return isConnected(facts) === true && connectedMs[facts.resource] === undefined;
}

/** A connection of DRBD to the half of another node, as this node's kernel has it. */
export interface Connection {
  readonly resource: string;
  /** When this run saw it come up. */
  readonly sinceMs: number;
}

/** The newest connection to a node, of those that stand; or null. */
export function newestConnection(state: State, node: string): Connection | null {
  const mine = Object.entries(state.connectedMs)
    .filter(([name]) => otherEnd(state, name)?.name === node)
    .map(([resource, sinceMs]) => ({ resource, sinceMs }));
  return mine.reduce<Connection | null>(
    (newest, one) => (newest === null || one.sinceMs > newest.sinceMs ? one : newest),
    null,
  );
}

/** Takes back that a machine is off when its half has connected since. */
export function reviewProofs(turn: Turn): void {
  for (const { name, clearance } of turn.peers) {
    if (clearance?.kind !== 'fenced' && clearance?.kind !== 'confirmed') continue;
    const newest = newestConnection(turn.state, name);
    if (newest === null || newest.sinceMs < clearance.atMs) continue;
    turn.updatePeer(name, { clearance: { kind: 'back', atMs: turn.nowMs, was: clearance.kind } });
    const sentence = `${name} is on again: its half of DRBD resource ${newest.resource} has connected`;
    turn.say('info', sentence, { node: name });
  }
}
