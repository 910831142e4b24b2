/**
 * The state file of one machine, written behind as the daemon does it (daemon/state-file.ts): only
 * the newest facts wait while a write runs, and what was not written yet is gone with the power or
 * with the daemon. The generation alone is made durable before the first word. A disk that hangs
 * takes nothing, and ends no write that is under way.
 */
import { NOTHING_SAVED, type SavedFacts } from '../failover/state.js';
import type { EventQueue } from './queue.js';

/** A sound disk; now and then it is busy with the database of the same machine. */
const WRITE_MS = 7;
const BUSY_MS = 1_900;
/** From here on what was saved is on the disk: the write before it, and its own, were busy ones. */
const KEPT_MS = 2 * BUSY_MS;
/** Which writes meet a busy disk: by their count, so that no random number is drawn for it. */
const BUSY_EVERY = 5;

export class StateDisk {
  readonly #queue: EventQueue;
  #facts: SavedFacts = NOTHING_SAVED;
  #waiting: SavedFacts | null = null;
  #writing: SavedFacts | null = null;
  #writes = 0;
  /** Writes of an earlier life never end. */
  #life = 0;
  #hangsFromMs = Number.NEGATIVE_INFINITY;
  #hangsUntilMs = Number.NEGATIVE_INFINITY;
  /** What waits for a disk that hangs. */
  #onceItAnswers: (() => void)[] = [];

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  get isHanging(): boolean {
    return this.#queue.nowMs < this.#hangsUntilMs;
  }

  /** What was saved before this moment is on the disk for certain. */
  get keptUntilMs(): number {
    const { nowMs } = this.#queue;
    const isBehind = nowMs - this.#hangsUntilMs < KEPT_MS;
    return (isBehind ? Math.min(nowMs, this.#hangsFromMs) : nowMs) - KEPT_MS;
  }

  /** Nothing comes back from it for a while. */
  hang(forMs: number): void {
    const { nowMs } = this.#queue;
    if (nowMs - this.#hangsUntilMs >= KEPT_MS) this.#hangsFromMs = nowMs;
    this.#hangsUntilMs = Math.max(this.#hangsUntilMs, nowMs + forMs);
    this.#queue.after(forMs, () => this.#answer());
  }

  heal(): void {
    this.#hangsUntilMs = Math.min(this.#hangsUntilMs, this.#queue.nowMs);
    this.#answer();
  }

  /** Runs it now, or when the disk answers; what asks for it has to see whether it is still wanted. */
  whenItAnswers(run: () => void): void {
    if (this.isHanging) this.#onceItAnswers.push(run);
    else run();
  }

  #answer(): void {
    if (this.isHanging) return;
    for (const run of this.#onceItAnswers.splice(0)) run();
  }

  /** What a daemon that starts now reads; its generation is written before it speaks. */
  begin(lastGeneration: number): { readonly saved: SavedFacts; readonly generation: number } {
    const saved = this.#facts;
    const generation = Math.max(saved.generation, lastGeneration) + 1;
    this.#facts = { ...saved, generation };
    return { saved, generation };
  }

  save(facts: SavedFacts): void {
    this.#waiting = facts;
    if (this.#writing === null) this.#write();
  }

  /** The power fails, or the daemon is killed. */
  lose(): void {
    this.#life += 1;
    this.#waiting = null;
    this.#writing = null;
  }

  /** A daemon that leaves waits for its disk, but not for one that hangs: else all is kept. */
  finish(): void {
    if (!this.isHanging) this.#facts = this.#waiting ?? this.#writing ?? this.#facts;
    this.lose();
  }

  #write(): void {
    const facts = this.#waiting;
    this.#waiting = null;
    this.#writing = facts;
    if (facts === null) return;
    this.#writes += 1;
    const life = this.#life;
    const end = (): void => {
      if (life !== this.#life) return;
      this.#facts = facts;
      this.#write();
    };
    const takesMs = this.#writes % BUSY_EVERY === 0 ? BUSY_MS : WRITE_MS;
    this.#queue.after(takesMs, () => this.whenItAnswers(end));
  }
}
