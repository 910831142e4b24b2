// Feeding the watchdog, and the only way in which it is disarmed.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { armWatchdog, findWatchdog, Watchdog, type WatchdogDevice } from '../../src/daemon/watchdog.js';
import { DISK_LIMIT_MS } from '../../src/heartbeat/watchdog.js';
import { lookAtWatchdog, wdctlTimeoutS } from '../../src/host/watchdog-device.js';
import { folder } from '../support/temporary.js';

const TIMING = { keepaliveMs: 200, deadtimeMs: 1_500, headStartMs: 500 };
const SETTINGS = { device: '/dev/watchdog', timeoutMs: 2_000, nowayout: false };

interface Bench {
  readonly watchdog: Watchdog;
  /** What the device was given, as one string; `X` is the close. */
  readonly eaten: () => string;
  readonly said: string[];
  /** Ends of the writes that prove the disk. */
  readonly writes: ((good: boolean) => void)[];
  readonly timing: { keepaliveMs: number; deadtimeMs: number; headStartMs: number };
  /** The device refuses from now on, or takes again. */
  refuse: (refuses: boolean) => void;
}

function bench(settings = SETTINGS): Bench {
  let eaten = '';
  let refuses = false;
  const device: WatchdogDevice = {
    write: (text) => {
      if (refuses) throw new Error('EIO');
      eaten += text === '\0' ? '.' : text;
    },
    close: () => void (eaten += 'X'),
  };
  const said: string[] = [];
  const say = (sentence: string): void => void said.push(sentence);
  const writes: ((good: boolean) => void)[] = [];
  const proveDisk = async (): Promise<void> =>
    new Promise((resolve, reject) => {
      writes.push((good) => (good ? resolve() : reject(new Error('ENOSPC'))));
    });
  const timing = { ...TIMING };
  const log = { info: say, warn: say, error: say };
  const watchdog = new Watchdog({ device, settings, timing: () => timing, disk: { proveDisk }, log });
  return { watchdog, eaten: () => eaten, said, writes, timing, refuse: (to) => void (refuses = to) };
}

/** Lets the promises that were settled tell. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

t.test('watchdog: fed twice a keepalive, by turns of the core and by nothing else', (t) => {
  const { watchdog, eaten, said } = bench();
  t.equal(eaten(), '', 'opening alone is no sign of life');
  for (const nowMs of [1_000, 1_050, 1_099, 1_100, 1_150, 1_200]) watchdog.turned(nowMs);
  t.equal(eaten(), '...');
  t.strictSame(said, ['Watchdog /dev/watchdog is armed: this machine is reset 2.00 s after it was fed last']);
  t.match(watchdog.status(), { state: 'armed', timeoutMs: 2_000, warnings: [] });
  watchdog.turned(9_000);
  t.equal(eaten(), '....', 'after a standstill that it survived it goes on');
  t.end();
});

t.test('watchdog: starves while a write does not come back, and is fed again when it does', async (t) => {
  const { watchdog, eaten, said, writes } = bench();
  watchdog.turned(0);
  watchdog.turned(DISK_LIMIT_MS);
  t.equal(eaten(), '..', 'a busy disk is fed through');
  watchdog.turned(DISK_LIMIT_MS + 200);
  watchdog.turned(DISK_LIMIT_MS + 400);
  t.equal(eaten(), '..');
  t.match(said.slice(1), [/is not fed: a write to the disk .* 30.2 s .*; this machine is reset 2.00 s/]);
  t.match(watchdog.status(), { state: 'starving', reason: /^it is not fed: a write/ });
  t.equal(writes.length, 1, 'one write at a time');
  writes[0]!(true);
  await settled();
  watchdog.turned(DISK_LIMIT_MS + 600);
  t.equal(eaten(), '...');
  t.match(said.slice(2), ['Watchdog /dev/watchdog is fed again']);
});

t.test('watchdog: a disk that refuses at once answers; it is asked again every 10 s', async (t) => {
  const { watchdog, eaten, writes } = bench();
  watchdog.turned(0);
  writes[0]!(false);
  await settled();
  watchdog.turned(9_999);
  t.equal(writes.length, 1);
  watchdog.turned(10_000);
  t.equal(writes.length, 2);
  watchdog.turned(39_999);
  t.equal(eaten(), '...');
});

t.test('watchdog: a reload to a pace at which it would reset a sound machine is objected to', (t) => {
  const { watchdog } = bench({ ...SETTINGS, timeoutMs: 2_000 });
  t.equal(watchdog.objectionTo({ ...TIMING, keepaliveMs: 1_000 }), null);
  t.match(watchdog.objectionTo({ ...TIMING, keepaliveMs: 1_001 }), /less than two heartbeats/);
  t.end();
});

t.test('watchdog: a clean end closes it with V, once, and nothing is written afterwards', (t) => {
  const { watchdog, eaten, said } = bench();
  watchdog.turned(0);
  watchdog.disarm();
  watchdog.disarm();
  watchdog.abandon();
  watchdog.turned(1_000);
  t.equal(eaten(), '.VX');
  t.match(said.slice(1), ['Watchdog /dev/watchdog was told to stop']);
  t.end();
});

t.test('watchdog: any other end leaves it armed and open', (t) => {
  const { watchdog, eaten, said } = bench();
  watchdog.turned(0);
  watchdog.abandon();
  watchdog.disarm();
  watchdog.turned(1_000);
  t.equal(eaten(), '.');
  t.match(said.slice(1), [/stays armed: .*unless tandemd runs again by then$/]);
  t.end();
});

t.test('watchdog: a device that refuses is told of once, and when it takes again', (t) => {
  const { watchdog, said, refuse, eaten } = bench();
  refuse(true);
  for (const nowMs of [0, 100, 200]) watchdog.turned(nowMs);
  t.match(said.slice(1), [/is not fed: the device does not take it: EIO/]);
  t.equal(said.length, 2);
  watchdog.disarm();
  t.match(said.at(-1), /could not be disarmed and resets this machine: EIO/);
  t.equal(eaten(), '');
  t.end();
});

t.test('watchdog: risks are said at the start, and those that a reload brings', (t) => {
  const { watchdog, said, timing } = bench({ ...SETTINGS, nowayout: true });
  t.match(said.slice(1), [/^Watchdog: .*nowayout/]);
  timing.deadtimeMs = 500;
  watchdog.tellRisks();
  watchdog.tellRisks();
  t.match(said.slice(2), [/^Watchdog: .*for 1.00 s only their fencing/]);
  t.equal(said.length, 3);
  watchdog.disarm();
  t.match(said.at(-1), /was told to stop, which it does not heed \(nowayout\)/);
  t.end();
});

/** A folder like /sys, with one watchdog of a number that this machine has: that of /dev/null. */
function sysOf(t: Test, files: Readonly<Record<string, string>>): string {
  const sys = folder(t);
  const device = join(sys, 'devices/platform/dog/watchdog/watchdog0');
  mkdirSync(device, { recursive: true });
  mkdirSync(join(sys, 'dev/char'), { recursive: true });
  symlinkSync(device, join(sys, 'dev/char/1:3'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(device, name), text);
  return sys;
}

t.test('watchdog: what /sys tells of a device', async (t) => {
  const look = async (files: Readonly<Record<string, string>>): ReturnType<typeof lookAtWatchdog> =>
    lookAtWatchdog('/dev/null', sysOf(t, files));
  t.same(await look({ timeout: '30\n', nowayout: '1\n' }), { ok: true, value: { timeoutMs: 30_000, nowayout: true } });
  t.same(await look({ timeout: '2\n', nowayout: '0\n' }), { ok: true, value: { timeoutMs: 2_000, nowayout: false } });
  t.match(await look({ timeout: 'soon\n' }), { ok: true, value: { timeoutMs: null, nowayout: null } });
});

t.test('watchdog: the timeout as wdctl prints it', (t) => {
  const text = 'Device:        /dev/watchdog1\nIdentity:      Software Watchdog [version 0]\nTimeout:       60 seconds\nPre-timeout:    0 seconds\n';
  t.equal(wdctlTimeoutS(text), 60);
  t.equal(wdctlTimeoutS('Timeout:       1 second\n'), 1);
  t.equal(wdctlTimeoutS(text.replace('60', 'many')), null);
  t.equal(wdctlTimeoutS(''), null);
  t.end();
});

t.test('watchdog: what is not there or is none is refused before anything is opened', async (t) => {
  const path = join(folder(t), 'dog');
  t.match(await findWatchdog(path, TIMING), { ok: false, error: /^watchdog .*dog cannot be used: ENOENT.*"modprobe softdog"/ });
  writeFileSync(path, '');
  t.match(await findWatchdog(path, TIMING), { ok: false, error: /is no watchdog device; expected/ });
  t.match(await findWatchdog('/dev/null', TIMING), { ok: false, error: /is no watchdog device/ });
  t.same(await findWatchdog(null, TIMING), { ok: true, value: null });
});

t.test('watchdog: a device that cannot be opened ends the start with what to do', async (t) => {
  const world = { timing: () => TIMING, disk: { proveDisk: async () => Promise.resolve() } };
  const say = (): void => undefined;
  const log = { info: say, warn: say, error: say };
  const device = join(folder(t), 'absent');
  const refused = await armWatchdog({ ...SETTINGS, device }, { ...world, log });
  t.match(refused, { ok: false, error: /cannot be opened: ENOENT.*does not start without it.*take "watchdog" out/ });
  t.same(await armWatchdog(null, { ...world, log }), { ok: true, value: null });
});
