import type { PingTarget } from '../heartbeat/ping.js';
import type { GroupSpec } from '../resources/spec.js';

/** The part of the configuration that decisions depend on. A `Config` satisfies it. */
export interface ClusterSpec {
  readonly cluster: string;
  readonly self: string;
  readonly nodes: readonly string[];
  readonly digest: string;
  readonly heartbeat: {
    readonly keepaliveMs: number;
    readonly warntimeMs: number;
    readonly deadtimeMs: number;
    readonly initdeadMs: number;
    /** What shows that a node's own network works; without any, connectivity does not count. */
    readonly ping?: readonly PingTarget[];
  };
  /** Only whether a node can be fenced matters here; how is the daemon's business. */
  readonly fencing: Readonly<Record<string, readonly unknown[]>>;
  readonly groups: readonly GroupSpec[];
}

/** True when a group stands on this DRBD resource. */
export function usesDrbd({ resources }: Pick<GroupSpec, 'resources'>, resource: string): boolean {
  return resources.some((entry) => entry.kind === 'drbd' && entry.resource === resource);
}

/** The core is turned at least this often: twice a keepalive, so that a late turn is noticed. */
export function turnEveryMs(spec: ClusterSpec): number {
  return Math.max(25, Math.floor(spec.heartbeat.keepaliveMs / 2));
}

/**
 * S5: how long the node without the service holds its fire after it sees the other one dead. Both
 * see a cut within one keepalive of each other; the holder's order must reach the power device
 * first, so the start covers that difference twice and the agent's own start.
 */
export function headStartMs(spec: {
  readonly heartbeat: Pick<ClusterSpec['heartbeat'], 'keepaliveMs'>;
}): number {
  return Math.max(500, 2 * spec.heartbeat.keepaliveMs);
}

/** True when the node has at least one fence device. */
export function isFenceable(spec: ClusterSpec, node: string): boolean {
  return (spec.fencing[node] ?? []).length > 0;
}

/** True when every other node can be fenced. */
export function allFenceable(spec: ClusterSpec): boolean {
  return spec.nodes.every((node) => isFenceable(spec, node));
}

/** S5: with three or more nodes only a majority may shoot; two nodes have the head start instead. */
export function majority(spec: ClusterSpec): number {
  return Math.floor(spec.nodes.length / 2) + 1;
}
