/**
 * Shells that were started beforehand, to start small programs without forking the daemon.
 *
 *     daemon --argv, a line for each word--> sh --forks--> drbdsetup, mount, ip ...
 *            <--- output (1, 2), exit code (3) ---
 *
 * A fork copies the page tables of the process that forks, stops it meanwhile, and leaves it with a
 * page fault for each page that it writes next; a daemon with a heap and ten threads pays several
 * times what a shell does (bench/takeover.ts), at the worst moment. The script is constant; the
 * words are data to it, read one a line and never evaluated.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOPELESS, type CommandRequest, type CommandResult } from './exec.js';
import { within } from './limit.js';

/**
 * `read -r` with an empty IFS takes a line as it is (POSIX, "read"). The program runs in the
 * foreground: its process group is that of its shell, and both end together when the time is up.
 */
const SCRIPT = `
while IFS= read -r count; do
  set --
  while [ "$count" -gt 0 ]; do
    IFS= read -r word || exit
    set -- "$@" "$word"
    count=$((count - 1))
  done
  "$@" </dev/null 3>&-
  echo "$?" >&3
done
`;

/** Output kept of one run; who says more than this goes to a run of its own. */
const OUTPUT_CHARS_MAX = 65_536;
/** After the limit: SIGTERM, then this long, then SIGKILL, then as long again. */
const KILL_AFTER_MS = 500;
/** POSIX, "Exit Status for Commands": 126 and 127 = not started, above 128 = ended by a signal. */
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_SIGNAL_MIN = 129;
/** How often the end of a killed program is looked for. */
const LOOK_EVERY_MS = 20;

/** Runs a program, to its end or to the end of its time. Never rejects. */
export type RunCommand = (request: CommandRequest) => Promise<CommandResult>;

/** Some shells that wait for work. A busy or broken one is passed over: see `run`. */
export class Hands {
  readonly #otherwise: RunCommand;
  readonly #hands: (Hand | null)[];
  #closed = false;

  /** `count`: programs at the same time. `otherwise`: runs what the hands cannot. */
  constructor(count: number, otherwise: RunCommand) {
    this.#otherwise = otherwise;
    this.#hands = Array.from({ length: count }, () => Hand.start());
  }

  /** Runs a program by a free hand; by `otherwise` where there is none or it cannot carry it. */
  readonly run: RunCommand = async (request) => {
    const index = this.#hands.findIndex((hand) => hand?.isFree === true);
    const hand = this.#hands[index];
    if (hand == null || !canCarry(request)) return this.#otherwise(request);
    const result = await hand.run(request);
    if (!hand.isFree) this.#hands[index] = this.#closed ? null : Hand.start();
    return translated(result);
  };

  /** Lets the shells end; a program that still runs goes on to its end. */
  close(): void {
    this.#closed = true;
    for (const hand of this.#hands) hand?.close();
  }
}

/** What a shell tells by its exit code, told as a start without one tells it. */
function translated(result: CommandResult): CommandResult {
  const { exitCode, stderr } = result;
  if (exitCode === null || exitCode < EXIT_NOT_EXECUTABLE) return result;
  if (exitCode >= EXIT_SIGNAL_MIN) return { ...result, exitCode: null };
  return { ...result, exitCode: null, startFailure: stderr.trim() };
}

/** A word with a line feed cannot be told in a line; input and environment are not passed on. */
function canCarry({ argv, input, env }: CommandRequest): boolean {
  const isPlain = argv.length > 0 && argv.every((word) => !/[\n\0]/.test(word));
  return isPlain && input === undefined && env === undefined;
}

/** The exit code that the shell tells, or that it can tell none. */
type Exit = number | 'shellDied';

/** One shell. */
class Hand {
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #busy = false;
  #dead = false;
  #onExit: (exit: Exit) => void = () => undefined;

  static start(): Hand | null {
    try {
      return new Hand();
    } catch {
      return null;
    }
  }

  private constructor() {
    this.#child = spawn('/bin/sh', ['-c', SCRIPT], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C' },
    });
    const over = (): void => {
      this.#dead = true;
      this.#onExit('shellDied');
    };
    this.#child.once('error', over);
    this.#child.once('exit', over);
    this.#child.stdin?.on('error', over);
    this.#listen(1, (text) => (this.#stdout = joined(this.#stdout, text)));
    this.#listen(2, (text) => (this.#stderr = joined(this.#stderr, text)));
    this.#listen(3, (text) => this.#onExit(Number.parseInt(text, 10)));
    this.#child.unref();
  }

  #listen(fd: 1 | 2 | 3, take: (text: string) => void): void {
    const stream = this.#child.stdio[fd] as Readable & { unref?: () => void };
    stream.setEncoding('utf8');
    stream.on('data', take);
    stream.on('error', () => undefined);
    stream.unref?.();
  }

  get isFree(): boolean {
    return !this.#busy && !this.#dead && this.#child.pid !== undefined;
  }

  async run({ argv, timeoutMs }: CommandRequest): Promise<CommandResult> {
    const startedMs = performance.now();
    this.#busy = true;
    this.#stdout = '';
    this.#stderr = '';
    const exit = new Promise<Exit>((resolve) => (this.#onExit = resolve));
    this.#child.stdin?.write(`${String(argv.length)}\n${argv.join('\n')}\n`);
    const inTime = await within(exit, timeoutMs);
    if (inTime === null && !(await this.#endAll())) this.#stderr = HOPELESS;
    // What it wrote before its end is in the pipes already: one turn of the loop reads it.
    await new Promise((resolve) => setImmediate(resolve));
    this.#busy = false;
    return {
      exitCode: inTime === 'shellDied' ? null : inTime,
      stdout: this.#stdout,
      stderr: inTime === 'shellDied' ? 'the shell that ran it was killed' : this.#stderr,
      timedOut: inTime === null,
      startFailure: null,
      durationMs: performance.now() - startedMs,
    };
  }

  /** Ends the program, its children and the shell; false when something of it does not end. */
  async #endAll(): Promise<boolean> {
    this.#dead = true;
    const { pid } = this.#child;
    if (pid === undefined) return true;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const untilMs = performance.now() + KILL_AFTER_MS;
      let lives = signalGroup(pid, signal);
      while (lives && performance.now() < untilMs) {
        await sleep(LOOK_EVERY_MS);
        lives = signalGroup(pid, 0);
      }
      if (!lives) return true;
    }
    return false;
  }

  /** The shell ends at the end of its input, after the program that it runs. */
  close(): void {
    this.#dead = true;
    this.#child.stdin?.end();
  }
}

/** False when no process of the group is left. */
function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function joined(text: string, more: string): string {
  return `${text}${more}`.slice(0, OUTPUT_CHARS_MAX);
}
