/**
 * The only place where programs are run. Arguments are arrays, never shell text, and every run has
 * a limit.
 *
 *     exit in time       -> its exit code; what it left running (a server's script does) lives on
 *     limit              -> SIGTERM to the process group, then SIGKILL: a hung agent leaves no children
 *     no exit even then  -> given up: uninterruptible sleep
 *
 * A program that is followed (`followProgram`) has no limit of time: it ends with us, or when told.
 *
 * The end of a run is the exit of the program, not the end of its output: a server that a script
 * starts keeps the pipe open for as long as it lives.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { execa as Execa } from 'execa';
import { within } from './limit.js';

/** What to run. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  /** Written to standard input, which is then closed; secrets go here, never into `argv`. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How it ended. */
export interface CommandResult {
  /** Null when it was ended by a signal, timed out or could not be started. */
  readonly exitCode: number | null;
  /** The first OUTPUT_BYTES_MAX bytes; the rest is read and forgotten. */
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Why it could not be started, or null. */
  readonly startFailure: string | null;
  readonly durationMs: number;
}

/** Output kept of one run; an agent that writes without end must not fill the memory. */
const OUTPUT_BYTES_MAX = 1_048_576;
/** After the limit: SIGTERM, then this long, then SIGKILL, then as long again. */
const KILL_AFTER_MS = 500;
/** The library comes from the system disk, which may hang. */
const LOAD_LIMIT_MS = 5_000;
/** What was written before the exit is in the pipe; later words are those of others. */
const DRAIN_MS = 100;

let loading: Promise<typeof Execa> | null = null;

/**
 * The library, from the first program on: most commands of the operator run none, and loading it takes
 * longer than they do. A process that must not stand still later loads it when it begins. Rejects when
 * it cannot be loaded, or not in time.
 */
export async function loadRunner(): Promise<typeof Execa> {
  loading ??= import('execa').then(({ execa }) => execa);
  const execa = await within(loading, LOAD_LIMIT_MS);
  if (execa === null) throw new Error('what starts programs cannot be loaded: the disk hangs');
  return execa;
}

/** Runs a program to its end, or to the end of its time. Never rejects. */
export async function runCommand(request: CommandRequest): Promise<CommandResult> {
  const startedMs = performance.now();
  const run = await runToEnd(request).catch((error: unknown) => ({
    startFailure: error instanceof Error ? error.message : String(error),
  }));
  return { ...NOTHING, ...run, durationMs: performance.now() - startedMs };
}

const NOTHING = { exitCode: null, stdout: '', stderr: '', timedOut: false, startFailure: null };

/** Rejects when it could not be started. */
async function runToEnd(request: CommandRequest): Promise<Partial<CommandResult>> {
  const [file = '', ...args] = request.argv;
  const execa = await loadRunner();
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    detached: true,
    cleanup: false,
    ...(request.input === undefined ? { stdin: 'ignore' } : { input: request.input }),
    env: { LC_ALL: 'C', ...request.env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(startFailureOf(await child));
  const outputs = [collect(child.stdout), collect(child.stderr)] as const;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode) => resolve({ exitCode }));
  });
  const { timedOut, exit } = await waitForEnd(exited, pid, request.timeoutMs);
  if (exit !== null) await within(Promise.all(outputs.map(ended)), DRAIN_MS);
  if (request.input !== undefined) child.stdin.destroy();
  for (const { stream } of outputs) stream.destroy();
  child.unref();
  const [stdout, stderr] = [textOf(outputs[0]), textOf(outputs[1])];
  if (exit === null) return { stdout, stderr: HOPELESS, timedOut };
  return { exitCode: timedOut ? null : exit.exitCode, stdout, stderr, timedOut };
}

/** The sentence for a program that cannot even be killed. */
export const HOPELESS =
  'the program does not end, not even when killed (uninterruptible sleep)';

function startFailureOf(result: { readonly originalMessage?: string | undefined }): string {
  return result.originalMessage ?? 'it could not be started';
}

// --- the end of a run ----------------------------------------------------------------------------

/** The code is null when a signal ended it. */
interface Exit {
  readonly exitCode: number | null;
}

/** `exit` is null when it does not end, not even when killed. */
interface End {
  readonly timedOut: boolean;
  readonly exit: Exit | null;
}

async function waitForEnd(
  exited: Promise<Exit>,
  pid: number,
  timeoutMs: number,
): Promise<End> {
  const inTime = await within(exited, timeoutMs);
  if (inTime !== null) return { timedOut: false, exit: inTime };
  killGroup(pid, 'SIGTERM');
  const obedient = await within(exited, KILL_AFTER_MS);
  killGroup(pid, 'SIGKILL');
  return { timedOut: true, exit: obedient ?? (await within(exited, KILL_AFTER_MS)) };
}

function killGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

// --- output --------------------------------------------------------------------------------------

interface Output {
  readonly stream: Readable;
  readonly chunks: Buffer[];
  bytes: number;
}

function collect(stream: Readable): Output {
  const output: Output = { stream, chunks: [], bytes: 0 };
  stream.on('data', (chunk: Buffer) => {
    const kept = chunk.subarray(0, OUTPUT_BYTES_MAX - output.bytes);
    output.bytes += kept.length;
    if (kept.length > 0) output.chunks.push(kept);
  });
  stream.on('error', () => undefined);
  return output;
}

async function ended({ stream }: Output): Promise<void> {
  if (stream.closed) return;
  await new Promise((resolve) => stream.once('close', resolve));
}

function textOf({ chunks }: Output): string {
  return Buffer.concat(chunks).toString('utf8');
}

// --- servers -------------------------------------------------------------------------------------

/** A server to be started that must outlive the daemon. */
export interface ServerRequest {
  readonly argv: readonly string[];
  readonly workingDirectory: string;
  /** Standard output and error are appended to it. */
  readonly outputPath: string;
  /** Told how it ended, whenever that is. */
  readonly onEnd?: (ending: string) => void;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that was started. */
export interface StartedServer {
  readonly pid: number;
  /** Null while it runs. */
  readonly ended: () => string | null;
}

/** Starts a server in a session of its own. Rejects when it cannot be started at all. */
export async function startServer(request: ServerRequest): Promise<StartedServer> {
  const [file = '', ...args] = request.argv;
  const execa = await loadRunner();
  const output = createWriteStream(request.outputPath, { flags: 'a', mode: 0o640 });
  await once(output, 'open');
  try {
    const child = execa(file, args, {
      reject: false,
      detached: true,
      cleanup: false,
      cwd: request.workingDirectory,
      stdin: 'ignore',
      stdout: output,
      stderr: output,
      buffer: false,
      env: { ...request.env },
    });
    let ending: string | null = null;
    child.once('exit', (exitCode, signal) => {
      ending =
        signal === null
          ? `it ended with exit code ${String(exitCode ?? 'unknown')}`
          : `it was ended by ${signal}`;
      request.onEnd?.(ending);
    });
    child.unref();
    const { pid } = child;
    if (pid === undefined) {
      throw new Error(startFailureOf(await child));
    }
    return { pid, ended: () => ending };
  } finally {
    output.end();
  }
}

// --- programs that talk on -----------------------------------------------------------------------

/** A program that runs on and whose lines are read as they come. */
export interface FollowRequest {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whole lines without their breaks: all that came together. */
  readonly onLines: (lines: readonly string[]) => void;
  /** Told once, when it has ended by itself; not after it was ended by the function returned. */
  readonly onEnd: (end: FollowEnd) => void;
}

export interface FollowEnd {
  /** Null when it was ended by a signal or could not be started. */
  readonly exitCode: number | null;
  /** The first words of its standard error, or why it was ended. */
  readonly said: string;
}

/** No line of a program that we follow is near this; without a bound it could fill the memory. */
const LINE_CHARS_MAX = 65_536;
/** Kept of its standard error. */
const SAID_CHARS_MAX = 1_024;

/**
 * Starts a program to be followed; gives the function that ends it. Never throws. The program ends
 * with this process.
 */
export function followProgram(request: FollowRequest): () => void {
  let isStopped = false;
  let stop: (() => void) | null = null;
  const fail = (error: unknown): void => {
    if (!isStopped) request.onEnd({ exitCode: null, said: String(error) });
  };
  void loadRunner().then((execa) => {
    if (!isStopped) stop = follow(execa, request);
  }, fail);
  return () => {
    isStopped = true;
    stop?.();
  };
}

function follow(execa: typeof Execa, request: FollowRequest): () => void {
  const [file = '', ...args] = request.argv;
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    cleanup: true,
    stdin: 'ignore',
    forceKillAfterDelay: KILL_AFTER_MS,
    env: { LC_ALL: 'C', ...request.env },
  });
  let over = false;
  let rest = '';
  let said = '';
  const stop = (): void => {
    over = true;
    child.kill();
    // What it left running may hold the pipes for ever.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const end = (exitCode: number | null, words: string): void => {
    if (over) return;
    stop();
    request.onEnd({ exitCode, said: words.trim() });
  };
  void child.then((result) => {
    if (child.pid === undefined) end(null, startFailureOf(result));
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (over) return;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) end(null, 'it prints lines without end');
    else if (lines.length > 0) request.onLines(lines);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, SAID_CHARS_MAX);
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('error', () => undefined);
  child.once('close', (exitCode) => end(exitCode, said));
  return stop;
}
