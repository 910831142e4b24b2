/** The monotonic clock of one machine: it starts anywhere and runs a little wrong. */
import type { EventQueue } from './queue.js';

export class LocalClock {
  readonly #queue: EventQueue;
  #offsetMs: number;
  #rate = 1;

  constructor(queue: EventQueue, offsetMs: number) {
    this.#queue = queue;
    this.#offsetMs = offsetMs;
  }

  get nowMs(): number {
    return this.at(this.#queue.nowMs);
  }

  /** What it shows at a moment of the world, unless it is set before. */
  at(worldMs: number): number {
    return Math.floor(this.#offsetMs + worldMs * this.#rate);
  }

  /** Shows this time from now on; a machine that was off counts from zero again. */
  set(nowMs: number): void {
    this.#offsetMs = nowMs - this.#queue.nowMs * this.#rate;
  }

  /** Parts per million that it runs fast from now on. It goes on from where it is. */
  setDrift(ppm: number): void {
    const before = this.nowMs;
    this.#rate = 1 + ppm / 1_000_000;
    this.#offsetMs += before - this.nowMs;
  }

  /** Real milliseconds until it shows a time. */
  untilMs(atMs: number): number {
    return (atMs - this.nowMs) / this.#rate;
  }
}
