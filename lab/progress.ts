// What a long program shows: on a terminal a live line with the running step, in a pipe plain
// lines, each with the seconds since the start.

import { styleText } from 'node:util';

const REDRAW_MS = 100;

/** Shows steps and their times. One at a time. */
export class Progress {
  readonly #startMs = performance.now();
  readonly #live = process.stdout.isTTY;
  #step: { readonly text: string; readonly sinceMs: number; readonly detail: () => string } | null =
    null;
  #timer: NodeJS.Timeout | null = null;

  /** Begins a step. `detail` is asked again and again on a terminal. */
  begin(text: string, detail: () => string = () => ''): void {
    this.end();
    this.#step = { text, sinceMs: performance.now(), detail };
    if (!this.#live) {
      this.#line(text);
      return;
    }
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
    this.#redraw();
  }

  /** Ends the running step, if any. */
  end(): void {
    const step = this.#step;
    if (step === null) return;
    this.#step = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    if (!this.#live) return;
    process.stdout.write('\r\x1b[K');
    const took = ((performance.now() - step.sinceMs) / 1000).toFixed(1);
    this.#line(`${styleText('green', '✓')} ${step.text} ${styleText('dim', `(${took} s)`)}`);
  }

  /** Prints a line of its own. */
  say(text: string): void {
    if (this.#live) process.stdout.write('\r\x1b[K');
    this.#line(text);
    if (this.#live && this.#step !== null) this.#redraw();
  }

  /** Prints text as it is, after the running step. */
  print(text: string): void {
    this.end();
    process.stdout.write(`${text}\n`);
  }

  #line(text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${this.#live ? styleText('dim', `${seconds} s`) : `${seconds} s`}  ${text}\n`);
  }

  #redraw(): void {
    if (this.#step === null) return;
    const { text, sinceMs, detail } = this.#step;
    const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1);
    const width = process.stdout.columns;
    const line = `          ${text} … ${seconds} s ${detail()}`.slice(0, Math.max(20, width - 1));
    process.stdout.write(`\r\x1b[K${line}`);
  }
}
