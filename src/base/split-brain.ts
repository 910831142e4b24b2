/**
 * What the daemon answers to `tandem split-brain`: both halves of each DRBD resource as it knows
 * them, without a judgement. Names are added, never renamed.
 */
export interface SplitBrainSides {
  readonly schema: 'tandem.split-brain-sides/1';
  readonly self: string;
  readonly resources: readonly ResourceSides[];
}

/** One resource. */
export interface ResourceSides {
  readonly resource: string;
  readonly group: string;
  /** This node's half first. */
  readonly sides: readonly ToldSide[];
}

/** One half, as its own node tells it. */
export interface ToldSide {
  readonly node: string;
  readonly role: string;
  readonly connection: string;
  readonly disk: string;
  readonly volumes: readonly {
    readonly volume: number;
    /** A line of `drbdadm get-gi`. */
    readonly generation: string;
    readonly outOfSyncBytes: number | null;
  }[];
  /** When its present generation began, seconds since the epoch; null when nobody saw it. */
  readonly began: { readonly seconds: number; readonly source: 'kernel' | 'tandem' } | null;
  /** One word of database-position; empty when it was not told. */
  readonly database: string;
  /** Since the node told it; 0 for this node. */
  readonly ageMs: number;
  /** Why `volumes` is empty, or null. */
  readonly missing: string | null;
}
