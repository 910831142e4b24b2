// The serial null modem between the first two nodes: a child process that crosses two ptys.

import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { repositoryRoot } from './process.js';

const ANSWER_TIMEOUT_MS = 5000;

/** A running null modem. `ends` are the host's tty paths for the first and the second node. */
export class NullModem {
  readonly ends: readonly [string, string];
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface, ends: readonly [string, string]) {
    this.#child = child;
    this.#lines = lines;
    this.ends = ends;
  }

  /** Starts the null modem, forwarding. */
  static async start(): Promise<NullModem> {
    const script = path.join(repositoryRoot(), 'lab', 'host', 'nullmodem.pl');
    const child = spawn('perl', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const [first, second] = (await nextLine(lines, 'the null modem to start')).split(' ');
    if (first === undefined || second === undefined) throw new Error('null modem: no tty paths');
    return new NullModem(child, lines, [first, second]);
  }

  /** From now on all bytes are lost, both ways. */
  async cut(): Promise<void> {
    await this.#command('cut');
  }

  /** Bytes pass again; what was lost stays lost. */
  async heal(): Promise<void> {
    await this.#command('heal');
  }

  /** Ends the child process. */
  stop(): void {
    this.#lines.close();
    this.#child.kill('SIGKILL');
  }

  async #command(word: string): Promise<void> {
    const answered = nextLine(this.#lines, `the null modem to ${word}`);
    this.#child.stdin?.write(`${word}\n`);
    const answer = await answered;
    if (answer !== 'ok') throw new Error(`null modem: ${answer}`);
  }
}

function nextLine(lines: Interface, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`waited ${ANSWER_TIMEOUT_MS} ms for ${what}`));
    }, ANSWER_TIMEOUT_MS);
    lines.once('line', (line) => {
      clearTimeout(timer);
      resolve(line);
    });
  });
}
