/** Reports on their way. */
import { numbered, type Report } from '../heartbeat/report.js';

/** What a node said once, to everybody on every line: what it says again, and which time this was. */
export class Words {
  readonly body: Report;
  readonly sequence: number;
  #report: Report | null = null;

  constructor(body: Report, sequence = body.sequence) {
    this.body = body;
    this.sequence = sequence;
  }

  get generation(): number {
    return this.body.generation;
  }

  get report(): Report {
    const { body, sequence } = this;
    this.#report ??= body.sequence === sequence ? body : numbered(body, sequence);
    return this.#report;
  }
}

/** One of them, on one line to one node. */
export interface Letter {
  readonly link: string;
  readonly words: Words;
  /** When it comes, and its place in the order of asking of the queue. */
  readonly atMs: number;
  readonly number: number;
}

/** Letters in the order in which they come. */
export class Letters {
  readonly #letters: Letter[] = [];
  /** So many of these are gone. */
  #gone = 0;

  put(letter: Letter): void {
    const letters = this.#letters;
    let at = letters.length;
    for (; at > this.#gone; at -= 1) {
      const before = letters[at - 1];
      if (before === undefined || comesFirst(before, letter)) break;
      letters[at] = before;
    }
    letters[at] = letter;
  }

  get first(): Letter | undefined {
    return this.#letters[this.#gone];
  }

  /** When the first one comes; never while there is none. */
  get firstMs(): number {
    return this.first?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out the first one. */
  takeFirst(): void {
    this.#gone += 1;
    if (this.#gone < this.#letters.length) return;
    this.#letters.length = 0;
    this.#gone = 0;
  }

  /** Takes out all. */
  takeAll(): readonly Letter[] {
    const all = this.#letters.slice(this.#gone);
    this.#letters.length = 0;
    this.#gone = 0;
    return all;
  }

  /** Takes out all for which this holds. */
  takeIf(holds: (letter: Letter) => boolean): readonly Letter[] {
    const taken: Letter[] = [];
    if (!this.#has(holds)) return taken;
    for (const letter of this.takeAll()) (holds(letter) ? taken : this.#letters).push(letter);
    return taken;
  }

  #has(holds: (letter: Letter) => boolean): boolean {
    const letters = this.#letters;
    for (let at = this.#gone; at < letters.length; at += 1) {
      const letter = letters[at];
      if (letter !== undefined && holds(letter)) return true;
    }
    return false;
  }
}

function comesFirst(a: Letter, b: Letter): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
