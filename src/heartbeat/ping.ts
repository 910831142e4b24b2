/**
 * Ping nodes: hosts outside the cluster whose answer shows that a node's own network works. Each
 * node asks them by itself and says in its report how many it reaches.
 */

/** One host, or a group of hosts of which one that answers is enough. */
export interface PingTarget {
  /** The address of a single host, else the name of the group. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** How one address does, as seen from this node. */
export interface PingAnswer {
  readonly address: string;
  /** `unknown`: it was not asked for long enough, or cannot be asked at all. */
  readonly state: 'up' | 'silent' | 'unknown';
  /** Why it is so, as a clause: `no answer for 3.00 s`. */
  readonly reason: string;
}

/** How many of its ping targets a node reaches. */
export interface Connectivity {
  readonly reached: number;
  readonly of: number;
}
