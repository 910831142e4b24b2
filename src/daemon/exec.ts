/**
 * The only place where programs are run. Arguments are arrays, never shell text; every run has a
 * limit, and at its end the whole process group goes, so that a hung agent leaves no children.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { execa } from 'execa';

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
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Why it could not be started, or null. */
  readonly startFailure: string | null;
  readonly durationMs: number;
}

/** Output kept of one run; an agent that writes without end must not fill the memory. */
const OUTPUT_BYTES_MAX = 1_048_576;
/** After the limit: SIGTERM, then this long, then SIGKILL. */
const KILL_AFTER_MS = 500;

/** Runs a program to its end, or to the end of its time. Never rejects. */
export async function runCommand(request: CommandRequest): Promise<CommandResult> {
  const [file = '', ...args] = request.argv;
  const child = execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: OUTPUT_BYTES_MAX,
    detached: true,
    cleanup: false,
    stdin: request.input === undefined ? 'ignore' : 'pipe',
    ...(request.input === undefined ? {} : { input: request.input }),
    env: { LC_ALL: 'C', ...request.env },
  });
  const limit = setTimeout(() => {
    killGroup(child.pid, 'SIGTERM');
    setTimeout(() => killGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
  }, request.timeoutMs);
  const result = await Promise.race([child, settledAfterKill(request.timeoutMs)]);
  clearTimeout(limit);
  if (result === null) return hopeless(request.timeoutMs);
  return {
    exitCode: result.exitCode ?? null,
    stdout: result.stdout,
    stderr: result.stderr,
    timedOut: result.durationMs >= request.timeoutMs,
    startFailure: child.pid === undefined ? startFailureOf(result) : null,
    durationMs: result.durationMs,
  };
}

function startFailureOf(result: { readonly originalMessage?: string | undefined }): string {
  return result.originalMessage ?? 'it could not be started';
}

/** A process in uninterruptible sleep survives SIGKILL: nobody waits for it any longer. */
async function settledAfterKill(timeoutMs: number): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), timeoutMs + 2 * KILL_AFTER_MS).unref();
  });
}

function hopeless(timeoutMs: number): CommandResult {
  const stderr = 'the program does not end, not even when killed (uninterruptible sleep)';
  const durationMs = timeoutMs + 2 * KILL_AFTER_MS;
  return { exitCode: null, stdout: '', stderr, timedOut: true, startFailure: null, durationMs };
}

function killGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** A server to be started that must outlive the daemon. */
export interface ServerRequest {
  readonly argv: readonly string[];
  readonly workingDirectory: string;
  /** Standard output and error are appended to it. */
  readonly outputPath: string;
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
    void child.then(({ exitCode, signal }) => {
      ending =
        signal === undefined
          ? `it ended with exit code ${String(exitCode ?? 'unknown')}`
          : `it was ended by ${signal}`;
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
