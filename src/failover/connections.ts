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

/**
 * Since when each resource is connected, as far as this node has seen. One that cannot be read for a
 * moment has neither connected nor lost its connection by that.
 */
export function connectedAfter(turn: Turn, read: readonly DrbdFacts[]): State['connectedMs'] {
  const before = turn.state.connectedMs;
  const now = read.flatMap(({ resource, connection }) => {
    const sinceMs = before[resource] ?? (connection === 'Unknown' ? undefined : turn.nowMs);
    return APART.includes(connection) || sinceMs === undefined ? [] : [[resource, sinceMs] as const];
  });
  const isSame = now.length === Object.keys(before).length && now.every(([name]) => before[name] !== undefined);
  return isSame ? before : Object.fromEntries(now);
}

/** The resource over which this node is connected to the half of another one, by its kernel; or null. */
export function connectedOver(state: State, node: string): string | null {
  return Object.keys(state.connectedMs).find((name) => otherEnd(state, name)?.name === node) ?? null;
}

/**
 * Whether this node has taken in that a resource is connected. A connection that DRBD shows and that was
 * not taken in yet is younger than every proof that the machine at its other end is off.
 */
export function isConnectionSeen({ connectedMs }: State, resource: string): boolean {
  return connectedMs[resource] !== undefined;
}

/** When the half of another node was last seen to connect, of the connections that stand; or null. */
export function connectedSinceMs(state: State, node: string): number | null {
  const mine = Object.entries(state.connectedMs).filter(([name]) => otherEnd(state, name)?.name === node);
  return mine.length === 0 ? null : Math.max(...mine.map(([, sinceMs]) => sinceMs));
}

/** Takes back that a machine is off when its half has connected since. */
export function reviewProofs(turn: Turn): void {
  for (const { name, clearance } of turn.peers) {
    if (clearance?.kind !== 'fenced' && clearance?.kind !== 'confirmed') continue;
    const sinceMs = connectedSinceMs(turn.state, name);
    if (sinceMs === null || sinceMs < clearance.atMs) continue;
    turn.updatePeer(name, { clearance: { kind: 'back', atMs: turn.nowMs, was: clearance.kind } });
    const resource = connectedOver(turn.state, name) ?? '';
    const sentence = `${name} is on again: its half of DRBD resource ${resource} has connected`;
    turn.say('info', sentence, { node: name });
  }
}
