import type { OperatorAnswer } from '../base/control.js';
import type { Report } from '../heartbeat/report.js';
import type { SavedFacts } from './state.js';

/** All that the core can ask of the world. Plain data; the daemon carries it out and reports back. */
export type Effect =
  /** Send on every link at once. */
  | { readonly kind: 'send'; readonly report: Report }
  /** Do something to one resource; answered by `actionResult` with the same id. */
  | {
      readonly kind: 'run';
      readonly actionId: string;
      readonly group: string;
      readonly index: number;
      readonly verb: 'probe' | 'start' | 'stop' | 'monitor';
      /** A person ordered to use a disk that is Consistent or Outdated (S4); never set otherwise. */
      readonly forced?: true;
    }
  /** Ask or use the power device of a node; answered by `fenceResult` with the same id. */
  | {
      readonly kind: 'fence';
      readonly fenceId: string;
      readonly node: string;
      readonly step: 'status' | 'shoot';
      /** 0 for the first attempt: chooses the device. */
      readonly attempt: number;
    }
  /** Ask every fence device of a node for `status`; answered by `fenceTested` with the same id. */
  | { readonly kind: 'fenceTest'; readonly testId: string; readonly node: string }
  /** Mark the disk of this node Outdated (`drbdadm outdate`); answered by `outdateResult`. */
  | { readonly kind: 'outdate'; readonly outdateId: string; readonly resource: string }
  /** Let held back writes go on (`drbdadm resume-io`); answered by `resumeResult`. */
  | { readonly kind: 'resumeIo'; readonly resumeId: string; readonly resource: string }
  /**
   * One step of settling a split brain, answered by `reconnectResult` with the same id. `discard`:
   * disconnect, and connect with this node's changes given up; refused unless this node is Secondary
   * and still holds `generations`. `connect`: connect again. `withdraw`: disconnect, so that an offer
   * to discard is over.
   */
  | {
      readonly kind: 'reconnect';
      readonly reconnectId: string;
      readonly resource: string;
      readonly step: 'discard' | 'connect' | 'withdraw';
      /** Volume -> the line of `drbdadm get-gi` that the order was given for. */
      readonly generations: Readonly<Record<number, string>>;
    }
  /**
   * Make these facts survive a restart, soon: a slow disk must not hold up a heartbeat. What must be
   * durable before the first word, the generation, is taken before the core is made.
   */
  | { readonly kind: 'save'; readonly facts: SavedFacts }
  | { readonly kind: 'answer'; readonly answer: OperatorAnswer }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly sentence: string;
      readonly group?: string;
      readonly node?: string;
    }
  /** Turn the core again at this moment, if nothing happens before. */
  | { readonly kind: 'wake'; readonly atMs: number }
  /** The node has left; the process may end. */
  | { readonly kind: 'exit'; readonly clean: boolean };
