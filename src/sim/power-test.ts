import type { FenceDeviceTest } from '../base/fence-test.js';
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import type { Power } from './power.js';
import type { EventQueue } from './queue.js';

/** Asks every power device of a node, one level beside the other: nothing is switched. */
export function testPower(
  by: string,
  { testId, node }: Extract<Effect, { kind: 'fenceTest' }>,
  { power, queue }: { readonly power: Power; readonly queue: EventQueue },
  give: (event: FailoverEvent) => void,
): void {
  const beganMs = queue.nowMs;
  const asked = power.levels.flatMap((devices, at) => devices.map((device) => ({ level: at + 1, device })));
  const answers = new Map<(typeof asked)[number], FenceDeviceTest>();
  for (const one of asked) {
    power.ask(by, node, one.device, ({ outcome, reason }) => {
      const device = `${one.device === 'board' ? 'power' : one.device} of ${node}`;
      const tookMs = queue.nowMs - beganMs;
      answers.set(one, { level: one.level, device, outcome, reason, tookMs });
      if (answers.size < asked.length) return;
      const devices = asked.flatMap((each) => answers.get(each) ?? []);
      give({ kind: 'fenceTested', testId, devices });
    });
  }
}
