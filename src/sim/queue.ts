/** Virtual time: what is to happen, in order of time, and at one time in order of asking. */
interface Entry {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** Entries that may wait: a world that plans without end is a defect of the simulator. */
const LENGTH_MAX = 200_000;

/** A binary heap of things to do. */
export class EventQueue {
  #nowMs = 0;
  #sequence = 0;
  readonly #heap: Entry[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** Plans `run` in `delayMs` from now; less than nothing is now. */
  after(delayMs: number, run: () => void): void {
    if (this.#heap.length >= LENGTH_MAX) throw new RangeError('the event queue is full');
    this.#sequence += 1;
    this.#rise({ atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence, run });
  }

  /** Does the next thing, if it is due by `untilMs`. False when there is none. */
  runNext(untilMs: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#sink();
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }

  #rise(entry: Entry): void {
    const heap = this.#heap;
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
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
