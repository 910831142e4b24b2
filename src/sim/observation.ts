import type { OperatorAnswer, OperatorRequest } from '../base/control.js';
import type { ResourceState } from '../base/status.js';
import type { Effect } from '../failover/effect.js';
import type { ClusterSpec } from '../failover/spec.js';
import type { Report, ReportFault } from '../heartbeat/report.js';
import type { Content } from './lineage.js';

/**
 * What happens in the world, as somebody with eyes everywhere would see it. Checkers and logs live
 * on this alone: they know nothing of the inside of the core.
 */
export type Observation =
  /** A machine got or lost its power. */
  | { readonly kind: 'power'; readonly node: string; readonly on: boolean }
  /** A watchdog resets its machine, and what kept the daemon from feeding it. */
  | { readonly kind: 'watchdogReset'; readonly node: string; readonly because: WatchdogCause }
  /** The daemon began or ended (`left` is its clean end). */
  | {
      readonly kind: 'daemon';
      readonly node: string;
      readonly what: 'began' | 'crashed' | 'left';
      readonly generation: number;
    }
  /** Something of the group may be active on the node from here on, or no longer. */
  | {
      readonly kind: 'active';
      readonly node: string;
      readonly group: string;
      readonly active: boolean;
    }
  /** All of the group is there: it serves. */
  | {
      readonly kind: 'serving';
      readonly node: string;
      readonly group: string;
      readonly serving: boolean;
    }
  | {
      readonly kind: 'actionBegins';
      readonly node: string;
      readonly group: string;
      readonly index: number;
      readonly verb: 'probe' | 'start' | 'stop' | 'monitor';
      /** The truth about each resource before the action. */
      readonly truth: readonly Truth[];
    }
  | {
      readonly kind: 'actionEnds';
      readonly node: string;
      readonly group: string;
      readonly index: number;
      readonly verb: 'probe' | 'start' | 'stop' | 'monitor';
      readonly outcome: 'ok' | 'failed' | 'timeout';
      /** What the agent found or left. */
      readonly state: ResourceState;
    }
  /** A promotion is tried: what the disk is worth, and whether the kernel let it happen. */
  | {
      readonly kind: 'promotion';
      readonly node: string;
      readonly resource: string;
      readonly disk: string;
      /** For how long the disk had been what it is. */
      readonly diskForMs: number;
      readonly content: Content | null;
      readonly done: boolean;
    }
  /** A promotion begins with the end of a connection that was alive. */
  | { readonly kind: 'cutOff'; readonly node: string; readonly resource: string }
  | { readonly kind: 'demotion'; readonly node: string; readonly resource: string }
  /** A client was told that its write is safe. `alone`: on this disk only. */
  | {
      readonly kind: 'acknowledged';
      readonly node: string;
      readonly resource: string;
      readonly content: Content;
      readonly alone: boolean;
    }
  /** A power device was asked or used; `shoot` says when the order reached it. */
  | {
      readonly kind: 'fence';
      readonly by: string;
      readonly node: string;
      readonly step: 'status' | 'shoot';
    }
  | {
      readonly kind: 'fenceEnds';
      readonly by: string;
      readonly node: string;
      readonly step: 'status' | 'shoot';
      readonly outcome: 'off' | 'on' | 'failed';
      /** When the question was asked. */
      readonly sinceMs: number;
    }
  /** One device of a level has answered. */
  | {
      readonly kind: 'device';
      readonly by: string;
      readonly node: string;
      readonly step: 'status' | 'shoot';
      readonly device: string;
      readonly outcome: 'off' | 'on' | 'failed';
    }
  /** DRBD's fence-peer handler was answered by the daemon: its exit code. */
  | {
      readonly kind: 'handlerEnds';
      readonly node: string;
      readonly resource: string;
      readonly exit: number;
    }
  /** The kernel has learnt from its handler what became of the other disk, and goes by that. */
  | { readonly kind: 'fateKnown'; readonly node: string; readonly resource: string }
  /** Both halves are connected, so that nothing said before of either counts any more. */
  | { readonly kind: 'connected'; readonly resource: string }
  /** `drbdadm resume-io` lets held back writes go on, and by whose order. */
  | {
      readonly kind: 'resumed';
      readonly node: string;
      readonly resource: string;
      readonly by: 'tandemd' | 'person';
    }
  /** `drbdadm outdate` runs: what the disk is used for at that moment. */
  | {
      readonly kind: 'outdating';
      readonly node: string;
      readonly resource: string;
      readonly role: 'Primary' | 'Secondary';
    }
  | { readonly kind: 'sent'; readonly node: string; readonly report: Report }
  | {
      readonly kind: 'heard';
      readonly node: string;
      readonly link: string;
      readonly report: Report;
    }
  /** An authentic message that this node cannot read (S9). */
  | {
      readonly kind: 'heardForeign';
      readonly node: string;
      readonly about: string;
      readonly stamp: NonNullable<ReportFault['stamp']>;
    }
  | {
      readonly kind: 'asked';
      readonly node: string;
      readonly id: string;
      readonly request: OperatorRequest;
    }
  | { readonly kind: 'answered'; readonly node: string; readonly answer: OperatorAnswer }
  /** The core turned: what it wants, and how long its daemon stood still before. */
  | {
      readonly kind: 'turned';
      readonly node: string;
      readonly cause: string;
      readonly effects: readonly Effect[];
      readonly lateMs: number;
    }
  /** A disk of DRBD broke, came back with what it held, or was replaced by an empty one. */
  | {
      readonly kind: 'disk';
      readonly node: string;
      readonly resource: string;
      readonly what: 'failed' | 'reattached' | 'replaced';
    }
  /** A node takes a step to settle a split brain: what its half is used for at that moment. */
  | {
      readonly kind: 'reconnect';
      readonly node: string;
      readonly resource: string;
      readonly step: 'discard' | 'connect' | 'withdraw';
      readonly role: 'Primary' | 'Secondary';
    }
  /** DRBD throws away what only this node has, and takes what the other one has. */
  | {
      readonly kind: 'discarded';
      readonly node: string;
      readonly survivor: string;
      readonly resource: string;
      readonly lost: Content;
      readonly kept: Content;
    }
  | {
      readonly kind: 'synced';
      readonly resource: string;
      readonly from: string;
      readonly to: string;
    }
  /** Somebody sets the wall clock of a node. */
  | { readonly kind: 'clockStep'; readonly node: string; readonly byMs: number }
  /** The configuration that a daemon runs with from here on. */
  | {
      readonly kind: 'configured';
      readonly node: string;
      readonly digest: string;
      readonly heartbeat: ClusterSpec['heartbeat'];
      readonly groups: readonly string[];
    }
  /** The cable to the clients and the ping nodes. */
  | { readonly kind: 'clientNetwork'; readonly node: string; readonly isUp: boolean }
  /** Something went wrong, or was mended, by the hand of the world. */
  | { readonly kind: 'fault'; readonly what: string };

/**
 * Why a watchdog was not fed: no daemon ran, or it stood still, alone or with its machine, or the disk
 * of its state file did not answer; or nothing was wrong but the daemon itself.
 */
export type WatchdogCause = 'noDaemon' | 'standstill' | 'disk' | 'nothing';

/** The truth about a resource; `maybe` while an action is under way or after it went wrong. */
export type Truth = 'on' | 'off' | 'maybe';

/** Which kind of happening. */
export type Kind = Observation['kind'];

/** Watches the world, or happenings of some kinds. */
export type Observer<Seen extends Kind = Kind> = (
  observation: Extract<Observation, { kind: Seen }>,
  nowMs: number,
) => void;
