/**
 * What `tandem status --json` prints and the control socket answers: `tandem.status/1`.
 * Stable: names are added, never renamed. Times are RFC 3339, durations end in `Ms`.
 */
export interface Status {
  readonly schema: 'tandem.status/1';
  readonly cluster: string;
  readonly self: string;
  readonly verdict: { readonly state: VerdictState; readonly summary: string };
  readonly nodes: readonly NodeStatus[];
  readonly links: readonly LinkStatus[];
  /** Absent when no ping node is configured. */
  readonly ping?: readonly PingStatus[];
  readonly groups: readonly GroupStatus[];
  readonly drbd: readonly DrbdStatus[];
  /** How the daemon learns what DRBD does; absent when no resource is DRBD's, and without it. */
  readonly drbdSource?: DrbdSourceStatus;
  readonly fencing: FencingStatus;
  /** The watchdog of this machine; absent when none is configured, and without the daemon. */
  readonly watchdog?: WatchdogStatus;
  /** Set while the whole cluster is in maintenance. */
  readonly maintenance?: HoldStatus;
  /** Set when the daemon did not answer and this was read from the machine itself. */
  readonly daemon?: { readonly running: boolean; readonly reason?: string };
}

export type VerdictState = 'ok' | 'degraded' | 'down' | 'unknown';

export type NodeState =
  | 'up'
  | 'starting'
  | 'leaving'
  | 'left'
  | 'late'
  | 'dead'
  | 'fencing'
  | 'fenced'
  | 'unknown'
  | 'incompatible';

export type NodeMode = 'online' | 'standby' | 'maintenance';

/** Which groups a node in standby gives up: hb_standby's words. */
export type StandbyScope = 'all' | 'foreign' | 'local';

export interface NodeStatus {
  readonly name: string;
  readonly self: boolean;
  readonly state: NodeState;
  readonly mode: NodeMode;
  /** Which groups it does not hold; only in standby. */
  readonly standby?: StandbyScope;
  /** Who put it in standby, why, and until when; only in standby. */
  readonly standbyHold?: OwnerStatus;
  /** Since the last sign of life; null when there was none yet; 0 for this node. */
  readonly lastSeenMs: number | null;
  /** One sentence: why it is in this state. */
  readonly reason: string;
  /** How many ping nodes it reaches; absent when that is not known or none is configured. */
  readonly connectivity?: { readonly reached: number; readonly of: number };
}

/** A ping node, or a group of them of which one that answers is enough, as seen from this node. */
export interface PingStatus {
  readonly name: string;
  readonly state: 'up' | 'silent' | 'unknown';
  readonly reason: string;
}

export interface LinkStatus {
  readonly peer: string;
  /** `bcast eth1`, `serial /dev/ttyS1`. */
  readonly medium: string;
  readonly state: 'up' | 'late' | 'dead';
  readonly lastSeenMs: number | null;
  readonly sent: number;
  readonly received: number;
  readonly badAuth: number;
  readonly malformed: number;
  readonly duplicate: number;
  readonly replayed: number;
}

export type GroupStatusState =
  | 'started'
  | 'starting'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'blocked'
  | 'disabled'
  | 'frozen'
  | 'unknown';

export interface GroupStatus {
  readonly name: string;
  readonly state: GroupStatusState;
  /** Where it runs, starts or stops; null when nowhere. */
  readonly node: string | null;
  readonly reason: string;
  /** What operators laid on it: a freeze, or that it is disabled. */
  readonly holds?: readonly HoldStatus[];
  readonly resources: readonly ResourceStatus[];
}

/** What an operator laid on a group, or on the whole cluster, until it is lifted. */
export interface HoldStatus extends OwnerStatus {
  readonly kind: 'freeze' | 'disable' | 'maintenance';
}

/** Who laid it, why, and until when. */
export interface OwnerStatus {
  readonly by: string;
  readonly reason: string | null;
  /** RFC 3339; null: no end set. */
  readonly until: string | null;
}

export type ResourceState =
  'started' | 'starting' | 'stopping' | 'stopped' | 'failed' | 'unknown';

export interface ResourceStatus {
  readonly id: string;
  readonly kind: string;
  readonly state: ResourceState;
  readonly reason?: string;
}

export interface DrbdStatus {
  readonly resource: string;
  readonly role: string;
  readonly peerRole: string;
  readonly connection: string;
  readonly splitBrain: boolean;
  readonly volumes: readonly DrbdVolumeStatus[];
  /** Set when DRBD could not be read: why. */
  readonly reason?: string;
}

/** `events2`: told of each change; `proc`, `status`: read or asked again and again. */
export interface DrbdSourceStatus {
  readonly kind: 'events2' | 'proc' | 'status';
  /** One sentence: what is used, and why nothing better. */
  readonly reason: string;
}

export interface DrbdVolumeStatus {
  readonly volume: number;
  readonly minor: number;
  readonly disk: string;
  readonly peerDisk: string;
  readonly syncedPercent: number | null;
  readonly outOfSyncBytes: number;
}

export interface FencingStatus {
  readonly configured: boolean;
  /** The oldest of the last tests that passed; null while a node's devices never passed one here. */
  readonly lastTestedAt: string | null;
  /** What this node knows of the fence devices of each other node. */
  readonly nodes?: readonly NodeFencingStatus[];
}

export interface NodeFencingStatus {
  readonly name: string;
  readonly devices: number;
  /** When its devices last answered this node, or confirmed a shot; null: never. */
  readonly lastTestedAt: string | null;
  readonly lastTestedAgoMs: number | null;
  /** When a shot of this node was last confirmed; null: never. */
  readonly lastShotAt: string | null;
  /** What did not work the last time, while nothing has since; null when it did. */
  readonly fault: { readonly at: string; readonly agoMs: number; readonly reason: string } | null;
}

/** The device that resets this machine unless the daemon feeds it (S6). */
export interface WatchdogStatus {
  readonly device: string;
  /** `starving`: it is not fed, and resets this machine if that goes on. */
  readonly state: 'armed' | 'starving';
  /** How long after the last feeding the machine is reset; null when nothing tells. */
  readonly timeoutMs: number | null;
  /** One sentence. */
  readonly reason: string;
  /** What is risky about its settings: one sentence each. */
  readonly warnings: readonly string[];
}
