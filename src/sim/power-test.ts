import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import type { Power } from './power.js';
import type { EventQueue } from './queue.js';

/** Asks the first power devices of a node, as a test of fence devices does: nothing is switched. */
export function testPower(
  by: string,
  { testId, node }: Extract<Effect, { kind: 'fenceTest' }>,
  { power, queue }: { readonly power: Power; readonly queue: EventQueue },
  give: (event: FailoverEvent) => void,
): void {
  const beganMs = queue.nowMs;
  power.use({ by, node, step: 'status', attempt: 0 }, ({ outcome, reason }) => {
    const tookMs = queue.nowMs - beganMs;
    const devices = [{ level: 1, device: `power of ${node}`, outcome, reason, tookMs }];
    give({ kind: 'fenceTested', testId, devices });
  });
}
