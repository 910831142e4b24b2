/** S6: lateness of the own turns, told apart from noise. */
import t from 'tap';
import { newSelfHealth, turn } from '../../src/heartbeat/self-health.js';

const TIMING = { keepaliveMs: 200, turnEveryMs: 100 };

t.test('self-health: lateness by the clock (turn every 100 ms, keepalive 200 ms)', (t) => {
  const rows = [
    // now, stalled, listens for
    [100, 0, 0],
    [300, 0, 0],
    [301, 201, 201],
    [700, 600, 400],
    [1_599, 1_499, 400],
    [1_600, 1_500, 400],
    [60_000, 59_900, 400],
  ] as const;
  for (const [nowMs, stalledMs, listenMs] of rows) {
    const result = turn(newSelfHealth(0), nowMs, TIMING);
    t.equal(result.stalledMs, stalledMs, `a turn at ${String(nowMs)} ms`);
    t.equal(Math.max(0, result.health.listenUntilMs - nowMs), listenMs);
    t.equal(result.health.lastTurnMs, nowMs);
  }
  t.end();
});

t.test('self-health: the worst stall is kept, and their number', (t) => {
  let health = newSelfHealth(0);
  for (const nowMs of [100, 900, 1_000, 1_400]) ({ health } = turn(health, nowMs, TIMING));
  t.match(health, { stalls: 2, worstStallMs: 700 });
  t.end();
});
