/**
 * Who has a half of a DRBD resource. The groups that use it say which nodes share it. DRBD 8 replicates
 * between two of them: where a group names more, only what nodes tell of their DRBD says which.
 */
import type { DrbdReport, Report } from '../heartbeat/report.js';
import { usesDrbd, type ClusterSpec } from './spec.js';
import type { Group, Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** The group that uses a resource, as it is configured, or undefined. */
export function groupUsing({ spec }: State, resource: string): ClusterSpec['groups'][number] | undefined {
  return spec.groups.find((group) => usesDrbd(group, resource));
}

/** The groups that use a resource, as they are on this node. */
export function groupsOf(turn: Turn, resource: string): readonly Group[] {
  return turn.groups.filter(({ spec }) => usesDrbd(spec, resource));
}

/**
 * True for a node of the groups that use a resource. A witness, outside of them, may have it in its
 * DRBD configuration as well, and never writes to it.
 */
export function isHalf({ spec }: State, node: string, resource: string): boolean {
  return spec.groups.some((group) => group.prefer.includes(node) && usesDrbd(group, resource));
}

/** The other nodes that share a resource, the preferred one first; none when no group uses it. */
export function otherHalves(state: State, resource: string): readonly Peer[] {
  const names = state.spec.groups.flatMap((group) => (usesDrbd(group, resource) ? group.prefer : []));
  return [...new Set(names)].flatMap((name) => state.peers[name] ?? []);
}

/** The node that has the other half, as far as reports tell; null when no group uses the resource. */
export function otherHalf(state: State, resource: string): Peer | null {
  const peers = otherHalves(state, resource);
  const known = peers.find((peer) => tells(peer, resource));
  return known ?? peers.find((peer) => mayHaveHalf(peer, resource)) ?? peers[0] ?? null;
}

/**
 * The node at the other end of a connection that this node sees: it has told of its half, or nobody
 * else can have it. Of a resource that no group uses (any more) that may be any node.
 */
export function otherEnd(state: State, resource: string): Peer | null {
  const isUsed = groupUsing(state, resource) !== undefined;
  const peers = isUsed ? otherHalves(state, resource) : Object.values(state.peers);
  const only = peers.length === 1 ? peers[0] : undefined;
  return peers.find((peer) => tells(peer, resource)) ?? only ?? null;
}

/** "n1 and n2": how sentences name them. */
export function namesOf(peers: readonly Peer[]): string {
  return peers.map(({ name }) => name).join(' and ');
}

/** What a node says of its half of a resource. */
export function halfOf(report: Report | null | undefined, resource: string): DrbdReport | undefined {
  return report?.drbd.find((entry) => entry.resource === resource);
}

/** One that has not told of its DRBD yet may well have a half. */
export function mayHaveHalf({ report }: Peer, resource: string): boolean {
  return report === null || halfOf(report, resource) !== undefined;
}

function tells({ report }: Peer, resource: string): boolean {
  const half = halfOf(report, resource);
  return half !== undefined && half.role !== 'Unknown';
}
