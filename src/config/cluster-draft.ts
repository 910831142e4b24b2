/**
 * A configuration while it is being read. ha.cf and cluster.yaml both fill such a draft, word by
 * word with the place of each, so that whatever comes later is checked and said once for both.
 */
import type { LinkSpec } from '../heartbeat/link-spec.js';
import type { PingTarget } from '../heartbeat/ping.js';
import type { FenceDevice } from './config.js';
import type { Dialect } from './dialect.js';
import { isNodeName, NODE_NAME_EXPECTED } from './heartbeat-values.js';
import type { Reporter } from './reporter.js';
import { quote, type Token } from './source-text.js';

/** The times of the heartbeat, as both formats call them. */
export type TimeName = 'keepalive' | 'warntime' | 'deadtime' | 'initdead' | 'deadping';

/** A way to fence a node; the node is looked up when all nodes are known. */
export interface DraftFence {
  /** A node name in lower case, or `*`. */
  readonly node: Token;
  readonly agent: Token;
  readonly device: FenceDevice;
}

/** A serial link of ha.cf has no speed before the end of the file. */
export type DraftLink = LinkSpec | { readonly kind: 'serial'; readonly path: string };

/** What has been read so far. Lives only while one file is being parsed. */
export interface Draft {
  readonly dialect: Dialect;
  readonly report: Reporter;
  /**
   * What was tried, well or badly, so that nothing is called missing that is only faulty:
   * directive of ha.cf, or list of cluster.yaml -> the line that gave it first.
   */
  readonly seen: Map<string, number>;
  readonly nodes: Token[];
  readonly times: Map<TimeName, { readonly ms: number; readonly at: Token }>;
  readonly links: DraftLink[];
  readonly ping: PingTarget[];
  readonly fences: DraftFence[];
  cluster: string;
  udpPort: number;
  baud: number;
  watchdog: string | null;
  failback: { readonly by: 'auto_failback' | 'nice_failback'; readonly value: Failback } | null;
}

/** The two answers to "does a group go back when its preferred node returns". */
export type Failback = 'never' | 'when-synced';

/** What holds when the file is silent (Heartbeat 3.0.6, `heartbeat -D`). */
export function createDraft(dialect: Dialect, report: Reporter): Draft {
  return {
    dialect,
    report,
    seen: new Map(),
    nodes: [],
    times: new Map(),
    links: [],
    ping: [],
    fences: [],
    cluster: 'linux-ha',
    udpPort: 694,
    baud: 19_200,
    watchdog: null,
    failback: null,
  };
}

/** Heartbeat's limit (MAXNODE). */
const NODES_MAX = 100;

/** Takes a member of the cluster; their order breaks ties. */
export function addNode(draft: Draft, at: Token): void {
  const name = at.text.toLowerCase();
  if (!isNodeName(name)) {
    draft.report.error(at, `Node name cannot be ${quote(at.text)}`, NODE_NAME_EXPECTED);
  } else if (draft.nodes.some((known) => known.text === name)) {
    draft.report.warning(at, `Node ${quote(name)} is given twice`, 'each node once');
  } else if (draft.nodes.length === NODES_MAX) {
    draft.report.error(at, 'There are too many nodes', `at most ${String(NODES_MAX)}`);
  } else {
    draft.nodes.push({ ...at, text: name });
  }
}
