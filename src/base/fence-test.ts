/** What a test of the fence devices of one node found: they were asked, and nobody was shot. */
export interface FenceTest {
  readonly node: string;
  /**
   * `ready`: every device answered, and none said what cannot be. `partial`: all devices of one
   * level did. `broken`: this node could not be fenced from here.
   */
  readonly grade: 'ready' | 'partial' | 'broken';
  /** One sentence for the node. */
  readonly summary: string;
  readonly devices: readonly FenceDeviceTest[];
  /** One sentence: what no test can tell. */
  readonly unproven: string;
}

/** What one device answered to `status`. */
export interface FenceDeviceTest {
  /** 1 for the level that is tried first. */
  readonly level: number;
  /** The agent and what tells the device from others: `fence_apc 10.9.9.254 plug 3`. */
  readonly device: string;
  readonly outcome: 'on' | 'off' | 'failed';
  /** What it said, or why it did not. */
  readonly reason: string;
  readonly tookMs: number;
}
