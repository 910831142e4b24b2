/**
 * The watchdog of the simulated machines does what docs/watchdog.md says of a real one, and tells why:
 * resets when nobody feeds it, and never else.
 */
import t, { type Test } from 'tap';
import type { Machine } from '../../src/sim/machine.js';
import { MachineWatchdog, type WatchdogSetup } from '../../src/sim/machine-watchdog.js';
import { EventQueue } from '../../src/sim/queue.js';
import type { World } from '../../src/sim/world.js';
import { smallWorld } from './small-world.js';

const TIMEOUT_MS = 2_000;
const BOARD: WatchdogSetup = { timeoutMs: TIMEOUT_MS, isSoftware: false };
const SOFTWARE: WatchdogSetup = { timeoutMs: TIMEOUT_MS, isSoftware: true };

interface Reset {
  readonly node: string;
  readonly because: string;
  readonly atMs: number;
}

/** Two nodes, mysql on n1; what happens to n1 in a minute and a half from 0 ms on, and its resets. */
function play(watchdog: WatchdogSetup, happens: (n1: Machine, world: World) => void): readonly Reset[] {
  const world = smallWorld({ watchdog });
  for (const machine of Object.values(world.machines)) machine.restorePower();
  world.run(20_000);
  const resets: Reset[] = [];
  const beganMs = world.nowMs;
  world.observe(({ node, because }, nowMs) => {
    resets.push({ node, because, atMs: Math.round(nowMs - beganMs) });
  }, ['watchdogReset']);
  happens(world.machine('n1'), world);
  world.run(beganMs + 90_000);
  return resets;
}

/** Fed last within half a keepalive before, so it resets a timeout after that. */
function isResetOnce(t: Test, resets: readonly Reset[], because: string, window: readonly [number, number]): void {
  t.equal(resets.length, 1, 'one reset');
  const [reset] = resets;
  t.match(reset, { node: 'n1', because });
  const [from, to] = window;
  t.ok(reset !== undefined && reset.atMs >= from && reset.atMs <= to, `after ${String(reset?.atMs)} ms`);
}

const AT_TIMEOUT = [TIMEOUT_MS - 100, TIMEOUT_MS] as const;

t.test('sim watchdog: a daemon that stands still', (t) => {
  t.same(play(BOARD, (n1) => n1.stall(1_500)), [], 'less than the timeout is no reason');
  isResetOnce(t, play(BOARD, (n1) => n1.stall(3_000)), 'standstill', AT_TIMEOUT);
  isResetOnce(t, play(SOFTWARE, (n1) => n1.stall(3_000)), 'standstill', AT_TIMEOUT);
  t.end();
});

t.test('sim watchdog: a machine that stands still', (t) => {
  t.same(play(BOARD, (n1) => n1.freeze(1_500)), []);
  isResetOnce(t, play(BOARD, (n1) => n1.freeze(3_000)), 'standstill', AT_TIMEOUT);
  // A timer of the kernel stands still with it, and is the first to run again.
  isResetOnce(t, play(SOFTWARE, (n1) => n1.freeze(3_000)), 'standstill', [3_000, 3_000]);
  t.end();
});

t.test('sim watchdog: a daemon that dies', (t) => {
  isResetOnce(t, play(BOARD, (n1) => n1.crashDaemon()), 'noDaemon', AT_TIMEOUT);
  const restarted = play(BOARD, (n1, world) => {
    n1.crashDaemon();
    world.queue.after(1_000, () => n1.startDaemon());
  });
  t.same(restarted, [], 'a new one takes over the feeding');
  t.same(play(BOARD, (n1) => n1.leave()), [], 'one that leaves disarms it');
  t.same(play(BOARD, (n1) => n1.cutPower()), [], 'there is nothing to reset without power');
  t.end();
});

t.test('sim watchdog: a disk that hangs', (t) => {
  t.same(play(BOARD, (n1) => n1.stateDisk.hang(25_000)), [], 'less than 30 s is only busy');
  // Proved every 10 s, waited for 30 s, reset 2 s later.
  isResetOnce(t, play(BOARD, (n1) => n1.stateDisk.hang(60_000)), 'disk', [31_900, 42_200]);
  t.end();
});

t.test('sim watchdog: a disk that hangs keeps a daemon from starting', (t) => {
  const began: number[] = [];
  play(BOARD, (n1, world) => {
    world.observe(({ node, what }, nowMs) => {
      if (node === 'n1' && what === 'began') began.push(nowMs);
    }, ['daemon']);
    n1.cutPower();
    n1.stateDisk.hang(30_000);
    n1.restorePower();
  });
  t.same(began, [50_000], 'it starts when the disk answers');
  t.end();
});

t.test('sim watchdog: one that would reset a sound machine keeps tandemd from starting', (t) => {
  let hasDaemon = false;
  play({ timeoutMs: 399, isSoftware: false }, (n1) => {
    hasDaemon = n1.state !== null;
  });
  t.notOk(hasDaemon);
  t.end();
});

t.test('sim watchdog: it is fed twice a keepalive at most, as by the real daemon', (t) => {
  const resetMs = (turnsMs: readonly number[]): number | null => {
    const queue = new EventQueue();
    const expired: number[] = [];
    const disk = { isHanging: false };
    const watchdog = new MachineWatchdog(queue, BOARD, { disk, expired: () => expired.push(queue.nowMs) });
    watchdog.arm();
    watchdog.setPace(200);
    for (const atMs of turnsMs) queue.after(atMs, () => watchdog.turned(queue.nowMs));
    while (queue.runNext(10_000));
    return expired[0] ?? null;
  };
  t.equal(resetMs([99]), TIMEOUT_MS, 'too soon after the last time');
  t.equal(resetMs([99, 100]), TIMEOUT_MS + 100);
  t.equal(resetMs([100, 199]), TIMEOUT_MS + 100);
  t.equal(resetMs([100, 199, 200]), TIMEOUT_MS + 200);
  t.end();
});

t.test('sim watchdog: no daemon runs before the kernel does', (t) => {
  const seen: string[] = [];
  play(BOARD, (n1, world) => {
    world.observe(({ node, what }, nowMs) => {
      if (node === 'n1' && what === 'began') seen.push(`began ${String(nowMs)}`);
    }, ['daemon']);
    n1.cutPower();
    n1.restorePower();
    world.queue.after(1_000, () => n1.startDaemon());
  });
  t.same(seen, ['began 25000'], 'bootMs later, however early somebody wants it');
  t.end();
});
