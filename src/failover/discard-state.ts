/** How an order to settle a split brain is doing on this node. Plain data; see discard. */
export interface Discard {
  readonly resource: string;
  /** The group that uses the resource: its account tells of it. */
  readonly group: string;
  readonly victim: string;
  readonly survivor: string;
  /** Of both sides' data when a person decided. */
  readonly fingerprint: string;
  readonly by: string;
  readonly reason: string;
  /** Of the order: another one begins anew. */
  readonly version: number;
  readonly origin: string;
  /** What is done here now, by its id, or null. */
  readonly running: string | null;
  readonly failures: number;
  readonly notBeforeMs: number;
  /** This node connects, or has connected, with its changes given up. */
  readonly offered: boolean;
  readonly stage: 'apart' | 'syncing' | 'connected';
  /** When it last came further: every stage has a limit from here. */
  readonly movedMs: number;
  readonly leftBytes: number | null;
  readonly progress: readonly string[];
  readonly end: { readonly ok: boolean; readonly message: string } | null;
}
