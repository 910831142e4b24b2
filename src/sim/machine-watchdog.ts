/**
 * The watchdog of one machine (docs/watchdog.md): a timer that resets it unless it is fed. tandemd arms
 * it when it starts, feeds it at the turns of the core while the disk of its state file answers, and
 * disarms it at a clean end only.
 */
import { headStartMs, type ClusterSpec } from '../failover/spec.js';
import { PROVE_EVERY_MS, starvingBecause, watchdogObjection } from '../heartbeat/watchdog.js';
import type { EventQueue } from './queue.js';
import type { StateDisk } from './state-disk.js';

/** What the machine has. */
export interface WatchdogSetup {
  readonly timeoutMs: number;
  /** A timer of the kernel (softdog): it stands still with the machine. Else one of the board. */
  readonly isSoftware: boolean;
}

export class MachineWatchdog {
  readonly #queue: EventQueue;
  readonly #setup: WatchdogSetup;
  readonly #disk: Pick<StateDisk, 'isHanging'>;
  readonly #expired: (isStarving: boolean) => void;
  #isArmed = false;
  #isPlanned = false;
  #isFrozen = false;
  #fedMs = 0;
  #pauseMs = 0;
  #provedMs = 0;
  #diskSinceMs: number | null = null;

  /** `expired` resets the machine; `isStarving`: a write has not come back for too long. */
  constructor(
    queue: EventQueue,
    setup: WatchdogSetup,
    { disk, expired }: { readonly disk: Pick<StateDisk, 'isHanging'>; readonly expired: (isStarving: boolean) => void },
  ) {
    this.#queue = queue;
    this.#setup = setup;
    this.#disk = disk;
    this.#expired = expired;
  }

  /** False: tandemd does not start, because its machine would be reset again and again. */
  fits(spec: ClusterSpec): boolean {
    const { timeoutMs } = this.#setup;
    const timing = { ...spec.heartbeat, headStartMs: headStartMs(spec) };
    return watchdogObjection({ device: 'watchdog', timeoutMs, nowayout: null }, timing) === null;
  }

  /** tandemd opens it. One that was still armed by another is only fed. */
  arm(): void {
    const { nowMs } = this.#queue;
    this.#isArmed = true;
    this.#fedMs = nowMs;
    this.#provedMs = nowMs;
    this.#diskSinceMs = null;
    this.#plan();
  }

  /** A clean end, or the machine itself is off. */
  disarm(): void {
    this.#isArmed = false;
    this.#isFrozen = false;
  }

  /** The configuration that tandemd runs with from here on: it feeds twice a keepalive at most. */
  setPace(keepaliveMs: number): void {
    this.#pauseMs = keepaliveMs / 2;
  }

  /** The core was turned, at this moment. */
  turned(nowMs: number): void {
    if (this.#diskSinceMs !== null && !this.#disk.isHanging) this.#diskSinceMs = null;
    if (this.#diskSinceMs === null && nowMs - this.#provedMs >= PROVE_EVERY_MS) {
      this.#provedMs = nowMs;
      if (this.#disk.isHanging) this.#diskSinceMs = nowMs;
    }
    if (nowMs - this.#fedMs >= this.#pauseMs && !this.#isStarving(nowMs)) this.#fedMs = nowMs;
  }

  #isStarving(nowMs: number): boolean {
    return starvingBecause(nowMs, this.#diskSinceMs) !== null;
  }

  /** The whole machine stands still, or goes on. */
  setFrozen(isFrozen: boolean): void {
    this.#isFrozen = isFrozen;
    if (!isFrozen) this.#check();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#queue.after(this.#fedMs + this.#setup.timeoutMs - this.#queue.nowMs, () => {
      this.#isPlanned = false;
      this.#check();
    });
  }

  #check(): void {
    if (!this.#isArmed || (this.#isFrozen && this.#setup.isSoftware)) return;
    const { nowMs } = this.#queue;
    if (nowMs < this.#fedMs + this.#setup.timeoutMs) this.#plan();
    else this.#expired(this.#isStarving(nowMs));
  }
}
