import { performance } from 'node:perf_hooks';
import { assert } from '../base/assert.js';

/** The two clocks of a machine. Decisions use the first, people read the second. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never runs backwards, stands still in suspend. */
  readonly monotonicMs: () => number;
  /** Milliseconds since the epoch; may jump. */
  readonly wallMs: () => number;
}

/** The machine's own clocks. A monotonic clock that runs backwards ends the program. */
export function systemClock(): Clock {
  let last = 0;
  return {
    monotonicMs: () => {
      const nowMs = performance.now();
      assert(nowMs >= last, 'the monotonic clock never runs backwards');
      last = nowMs;
      return nowMs;
    },
    wallMs: () => Date.now(),
  };
}
