/**
 * What `tandem why --json` prints and the control socket answers at /v1/why: `tandem.why/1`. The
 * core's own sentences for what is and what is not: the decision, what it rests on, what else was
 * possible, and what stands in the way. Names are added, never renamed.
 */
import type { GroupStatusState, NodeMode, NodeState } from './status.js';

/** The answer for all groups and nodes, as one node sees them. */
export interface WhyAnswer {
  readonly schema: 'tandem.why/1';
  readonly self: string;
  readonly groups: readonly GroupWhy[];
  readonly nodes: readonly NodeWhy[];
}

/** Why a group is where it is. */
export interface GroupWhy {
  readonly name: string;
  readonly state: GroupStatusState;
  readonly node: string | null;
  /** The sentence of the decision. */
  readonly decision: string;
  /** What it rests on: one sentence each. */
  readonly evidence: readonly string[];
  /** Every node of the group: it runs there, it could, or it was rejected, and why. */
  readonly options: readonly GroupOption[];
  /** What has to happen before it starts on this node; empty when nothing does. */
  readonly blockers: readonly { readonly node: string; readonly why: string }[];
  /** The newest entry of this node's history about it. */
  readonly latest: {
    readonly id: string;
    readonly trigger: string;
    readonly outcome: 'running' | 'done' | 'failed';
  } | null;
}

/** One node as a place for a group. */
export interface GroupOption {
  readonly node: string;
  readonly verdict: 'runs' | 'possible' | 'rejected';
  readonly why: string;
}

/** Why a node counts as it does. */
export interface NodeWhy {
  readonly name: string;
  readonly state: NodeState;
  readonly mode: NodeMode;
  /** The sentence of the decision. */
  readonly decision: string;
  readonly evidence: readonly string[];
  /** For each group: what the node is to it. */
  readonly groups: readonly { readonly group: string; readonly why: string }[];
}
