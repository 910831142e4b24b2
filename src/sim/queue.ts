/** Virtual time: what is to happen, in order of time, and at one time in order of asking. */
interface Entry {
  readonly atMs: number;
  readonly number: number;
  readonly run: () => void;
  readonly isOwn: boolean;
}

/** Entries that may wait: a world that plans without end is a defect of the simulator. */
const LENGTH_MAX = 200_000;

/** A binary heap of things to do. */
export class EventQueue {
  #nowMs = 0;
  #number = 0;
  /** Of what happens now. */
  #current = 0;
  readonly #heap: Entry[] = [];
  readonly #beforeOthers: () => void;

  /** `beforeOthers` comes before everything but what was planned by `ownAt`. */
  constructor(beforeOthers: () => void = () => undefined) {
    this.#beforeOthers = beforeOthers;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** Plans `run` in `delayMs` from now; less than nothing is now. */
  after(delayMs: number, run: () => void): void {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    this.#rise({ atMs, number: this.takeNumber(), run, isOwn: false });
  }

  /** Plans what looks at nothing but one node, which brings itself up to date. */
  ownAt(atMs: number, number: number, run: () => void): void {
    this.#rise({ atMs, number, run, isOwn: true });
  }

  /** The next place in the order of asking. */
  takeNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  /** True when this would have been done by now. */
  hasPassed(atMs: number, number: number): boolean {
    return atMs < this.#nowMs || (atMs === this.#nowMs && number < this.#current);
  }

  /** Does the next thing, if it is due by `untilMs`. False when there is none. */
  runNext(untilMs: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      this.#current = Number.POSITIVE_INFINITY;
      this.#beforeOthers();
      return false;
    }
    this.#sink();
    this.#nowMs = next.atMs;
    this.#current = next.number;
    if (!next.isOwn) this.#beforeOthers();
    next.run();
    return true;
  }

  #rise(entry: Entry): void {
    const heap = this.#heap;
    if (heap.length >= LENGTH_MAX) throw new RangeError('the event queue is full');
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  #sink(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt += 1;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
