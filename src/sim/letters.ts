/** Reports on their way. */
import type { Report } from '../heartbeat/report.js';

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
    this.#report ??= body.sequence === sequence ? body : { ...body, sequence };
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

  put(letter: Letter): void {
    const letters = this.#letters;
    let at = letters.length;
    for (; at > 0; at -= 1) {
      const before = letters[at - 1];
      if (before === undefined || comesFirst(before, letter)) break;
      letters[at] = before;
    }
    letters[at] = letter;
  }

  /** When the first one comes; never while there is none. */
  get firstMs(): number {
    return this.#letters[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out the first ones, as long as this holds. */
  takeWhile(holds: (letter: Letter) => boolean): readonly Letter[] {
    const end = this.#letters.findIndex((letter) => !holds(letter));
    return end === 0 ? [] : this.#letters.splice(0, end < 0 ? this.#letters.length : end);
  }

  /** Takes out all for which this holds. */
  takeIf(holds: (letter: Letter) => boolean): readonly Letter[] {
    const taken: Letter[] = [];
    let kept = 0;
    for (const letter of this.#letters) {
      if (holds(letter)) taken.push(letter);
      else this.#letters[kept++] = letter;
    }
    this.#letters.length = kept;
    return taken;
  }
}

function comesFirst(a: Letter, b: Letter): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
