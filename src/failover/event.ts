import type { OperatorRequest } from '../base/control.js';
import type { FenceDeviceTest } from '../base/fence-test.js';
import type { ResourceState } from '../base/status.js';
import type { DrbdFacts } from '../drbd/facts.js';
import type { PingAnswer } from '../heartbeat/ping.js';
import type { ClusterSpec } from './spec.js';
import type { OutdateOutcome, Report, ReportFault, SideReport } from '../heartbeat/report.js';

/** What came of an action. */
export interface ActionResult {
  readonly actionId: string;
  readonly outcome: 'ok' | 'failed' | 'timeout';
  readonly state: ResourceState;
  readonly reason: string;
}

/** All that can happen to the core. Plain data, so that a run can be recorded and replayed. */
export type FailoverEvent =
  | { readonly kind: 'tick' }
  /** The wall clock minus this node's own, at the start and when somebody set the clock. */
  | { readonly kind: 'clock'; readonly wallAheadMs: number }
  /** An authentic message with a readable report. */
  | { readonly kind: 'report'; readonly link: string; readonly report: Report }
  /** An authentic message that carries no report this program can use. */
  | { readonly kind: 'foreign'; readonly link: string; readonly fault: ReportFault }
  /** How the ping targets answer, whenever that changes. */
  | { readonly kind: 'pings'; readonly answers: readonly PingAnswer[] }
  | { readonly kind: 'drbd'; readonly facts: readonly DrbdFacts[] }
  | ({ readonly kind: 'actionResult' } & ActionResult)
  /** The server of a resource, started here, has ended by itself or was stopped. */
  | {
      readonly kind: 'ended';
      readonly group: string;
      readonly index: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'fenceResult';
      readonly fenceId: string;
      /** `off` is a confirmed power state; `on` answers a status question; the rest is no proof. */
      readonly outcome: 'off' | 'on' | 'failed';
      readonly reason: string;
    }
  /** Every fence device of a node was asked, and nothing was switched. */
  | {
      readonly kind: 'fenceTested';
      readonly testId: string;
      readonly devices: readonly FenceDeviceTest[];
    }
  | {
      readonly kind: 'outdateResult';
      readonly outdateId: string;
      /** `failed`: DRBD refused for another reason, or nobody knows; worth another try. */
      readonly outcome: OutdateOutcome | 'failed';
      readonly reason: string;
    }
  /** Writes that were held back were let go on, or not. */
  | {
      readonly kind: 'resumeResult';
      readonly resumeId: string;
      readonly outcome: 'ok' | 'failed';
      readonly reason: string;
    }
  /** This node's half of a resource that is not connected; null when it is, or is not known. */
  | {
      readonly kind: 'side';
      readonly resource: string;
      readonly side: Omit<SideReport, 'offers'> | null;
    }
  | {
      readonly kind: 'reconnectResult';
      readonly reconnectId: string;
      readonly outcome: 'ok' | 'failed';
      readonly reason: string;
    }
  | { readonly kind: 'operator'; readonly requestId: string; readonly request: OperatorRequest }
  /** Another configuration, read and found valid. */
  | { readonly kind: 'reload'; readonly requestId: string; readonly spec: ClusterSpec }
  | { readonly kind: 'leave' };
