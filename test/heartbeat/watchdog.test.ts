// S6: when the watchdog may be fed, and what is said of its settings.

import t from 'tap';
import {
  DISK_LIMIT_MS,
  starvingBecause,
  watchdogObjection,
  watchdogRisks,
  type WatchdogSettings,
} from '../../src/heartbeat/watchdog.js';

const TIMING = { keepaliveMs: 200, deadtimeMs: 1_500, headStartMs: 500 };

function settings(timeoutMs: number | null, nowayout: boolean | null = false): WatchdogSettings {
  return { device: '/dev/watchdog', timeoutMs, nowayout };
}

t.test('watchdog: fed unless a write has not come back within the limit', (t) => {
  t.equal(starvingBecause(100_000, null), null);
  t.equal(starvingBecause(100_000, 100_000), null);
  t.equal(starvingBecause(100_000 + DISK_LIMIT_MS, 100_000), null, 'a busy disk');
  t.equal(
    starvingBecause(100_001 + DISK_LIMIT_MS, 100_000),
    'a write to the disk of the state file has not come back for 30.0 s (limit 30.0 s)',
  );
  t.end();
});

t.test('watchdog: a timeout between two heartbeats is refused, it would reset without end', (t) => {
  t.match(watchdogObjection(settings(1_000), { ...TIMING, keepaliveMs: 600 }), /less than two heartbeats/);
  t.equal(watchdogObjection(settings(1_000), { ...TIMING, keepaliveMs: 500 }), null);
  t.equal(watchdogObjection(settings(null), { ...TIMING, keepaliveMs: 60_000 }), null);
  t.end();
});

t.test('watchdog: the timeout fits between deadtime and the first act of another node', (t) => {
  for (const fits of [1_500, 2_000]) t.strictSame(watchdogRisks(settings(fits), TIMING), [], String(fits));
  const late = watchdogRisks(settings(60_000), TIMING);
  t.match(late, [/^watchdog \/dev\/watchdog resets this machine 1 min 00 s after it was fed last, but/]);
  t.match(late, [/take it for dead after 1.50 s and may act 500 ms later: for 58.0 s only their fencing/]);
  t.match(watchdogRisks(settings(2_001), TIMING), [/may act/]);
  t.match(watchdogRisks(settings(1_000), TIMING), [/1.00 s after .*, sooner than .*deadtime 1.50 s/]);
  t.end();
});

t.test('watchdog: what nothing tells is said, and a device that cannot be disarmed', (t) => {
  t.match(watchdogRisks(settings(null, null), TIMING), [/nothing tells after how long/]);
  t.match(watchdogRisks(settings(2_000, true), TIMING), [/nowayout.*even cleanly.* 2.00 s later/]);
  t.match(watchdogRisks(settings(null, true), TIMING), [/nothing tells/, /soon after/]);
  t.end();
});
