import type { FenceTest } from './fence-test.js';
import type { StandbyScope, Status } from './status.js';

/**
 * The control socket: HTTP on a Unix socket (`/run/tandem/tandem.sock`, mode 0660, group haclient).
 *
 *     GET  /v1/status              -> 200 Status
 *     GET  /v1/history             -> 200 HistoryAnswer
 *     GET  /v1/why                 -> 200 WhyAnswer (src/base/why.ts)
 *     GET  /v1/dump                -> 200 StateDump (src/base/dump.ts)
 *     GET  /v1/split-brain         -> 200 SplitBrainSides
 *     POST /v1/requests            OperatorRequest -> 200 OperatorAnswer (also for refusals)
 *     GET  /v1/requests/ID         -> 200 OperatorAnswer: how the request is doing
 */
export const CONTROL_PATH = {
  status: '/v1/status',
  history: '/v1/history',
  why: '/v1/why',
  dump: '/v1/dump',
  splitBrain: '/v1/split-brain',
  requests: '/v1/requests',
} as const;

/** Bytes of a request body that the daemon reads at most; requests are a few hundred bytes. */
export const CONTROL_BODY_BYTES_MAX = 65_536;

/** What an operator asks for. */
export type OperatorRequest =
  | { readonly kind: 'move'; readonly group: string; readonly to: string | null }
  | {
      readonly kind: 'standby';
      readonly node: string | null;
      /** Default `all`. */
      readonly scope?: StandbyScope | undefined;
      readonly by?: string | undefined;
      readonly reason?: string | null | undefined;
      readonly forMs?: number | null | undefined;
    }
  | { readonly kind: 'online'; readonly node: string | null; readonly by?: string | undefined }
  | { readonly kind: 'cleanup'; readonly group: string }
  | { readonly kind: 'restart'; readonly group: string; readonly by: string }
  | ({ readonly kind: 'disable'; readonly group: string } & HoldWish)
  | { readonly kind: 'enable'; readonly group: string; readonly by: string }
  | ({ readonly kind: 'freeze'; readonly group: string } & HoldWish)
  | { readonly kind: 'unfreeze'; readonly group: string; readonly by: string }
  | ({ readonly kind: 'maintenance' } & HoldWish)
  | { readonly kind: 'endMaintenance'; readonly by: string }
  /** Of DRBD's fence-peer handler, not of a person: what becomes of the other half of a resource? */
  | {
      readonly kind: 'fencePeer';
      readonly resource: string;
      /** As DRBD names it: a host name, or null when it does not. */
      readonly peer: string | null;
      /** How long the handler waits. */
      readonly waitMs: number;
    }
  | {
      readonly kind: 'discard';
      readonly resource: string;
      /** The node that loses what only it has. */
      readonly node: string;
      /** Of the split brain that the person looked at; null takes the one that there is. */
      readonly fingerprint: string | null;
      readonly by: string;
      readonly reason: string;
    }
  /** Start a group with a copy that is, or may be, older than another node's (S4). */
  | {
      readonly kind: 'forceOldData';
      readonly group: string;
      /** Whose copy; only that node itself takes the request. */
      readonly node: string;
      readonly by: string;
      readonly reason: string | null;
      /** The node whose newer data is lost, if it was named; must be that one. */
      readonly loses: string | null;
    }
  /** Cut the power of a node now. */
  | {
      readonly kind: 'fence';
      readonly node: string;
      readonly by: string;
      readonly reason: string | null;
      /** Also a node that is up and well, with all that runs there. */
      readonly sure: boolean;
    }
  /** Ask the fence devices of a node, or of every other node, for the state of the power. */
  | { readonly kind: 'fenceTest'; readonly node: string | null; readonly by: string }
  | {
      readonly kind: 'fenceConfirm';
      readonly node: string;
      /** Who vouches that the node is off. */
      readonly by: string;
      readonly reason: string;
    };

/** What comes with everything that stays until it is lifted. */
export interface HoldWish {
  /** Who asks. */
  readonly by: string;
  readonly reason: string | null;
  /** For how long; null: until it is lifted. */
  readonly forMs: number | null;
}

/** Read the configuration files again: for the daemon, which may touch files. */
export interface ReloadRequest {
  readonly kind: 'reload';
}

/**
 * How far the database on this node's disk came, read by somebody who may: for the daemon, which
 * tells it to the other nodes as long as the data is the same.
 */
export interface PositionRequest {
  readonly kind: 'databasePosition';
  readonly resource: string;
  /** CURRENT of the data that was read, hexadecimal. */
  readonly current: string;
  /** One word of database-position. */
  readonly position: string;
}

/** A request with what every one may carry. */
export interface OperatorEnvelope {
  readonly request: OperatorRequest | ReloadRequest | PositionRequest;
  /** Answer what would happen and change nothing. */
  readonly dryRun: boolean;
}

/** What became of the peer's disk, in the words of DRBD's fence-peer protocol (exit codes 3 to 7). */
export type PeerFate = 'inconsistent' | 'outdated' | 'down' | 'primary' | 'fenced';

/** How a request stands. `accepted` is followed by `done` or `failed` when asked again by id. */
export interface OperatorAnswer {
  readonly id: string;
  readonly state: 'accepted' | 'done' | 'failed' | 'refused';
  /** One sentence: what was done, what goes on, or why not and what to do. */
  readonly message: string;
  /** What happened so far, in order, one sentence each. */
  readonly progress: readonly string[];
  /** A name of the exit-code catalogue for refusals and failures. */
  readonly exit: 'ok' | 'failed' | 'noSuch' | 'unsafe' | 'timeout' | 'unknown' | 'config';
  /** Of a request of kind `fencePeer` that is done. */
  readonly peerFate?: PeerFate;
  /** Of a request of kind `fenceTest`: what came of it so far, node by node. */
  readonly fenceTests?: readonly FenceTest[];
}

/** One failover, move or recovery as the node that carried it out saw it. */
export interface HistoryEntry {
  readonly id: string;
  readonly group: string;
  readonly node: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: 'running' | 'done' | 'failed';
  /** Why: the sentence of the decision. */
  readonly trigger: string;
  readonly phases: readonly HistoryPhase[];
  /** Every sentence of it, in order, with the time since the start. */
  readonly account: readonly { readonly atMs: number; readonly sentence: string }[];
}

export interface HistoryPhase {
  /** detection, fencing, clearance, promote, mount, address, database, script, stop:promote ... */
  readonly name: string;
  readonly startedAtMs: number;
  readonly durationMs: number | null;
  readonly outcome: 'running' | 'done' | 'failed';
}

export interface HistoryAnswer {
  readonly schema: 'tandem.history/1';
  readonly self: string;
  readonly entries: readonly HistoryEntry[];
}

/** Re-exported so that clients need one import. */
export type { Status };
