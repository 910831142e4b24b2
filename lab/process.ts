// Host programs and bounded waits: the only file of the lab that starts processes.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** What a finished program left behind. `exitCode`: 124 after a timeout, 137 after a signal. */
export type RunResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Limits and surroundings of one host program. */
export type RunOptions = {
  readonly timeoutMs: number;
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Runs a host program from an argv array (no shell) and returns its result, whatever it is. */
export async function tryRun(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const [file = '', ...args] = argv;
  const done = await execa(file, args, {
    reject: false,
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const exitCode = done.timedOut ? 124 : (done.exitCode ?? (done.signal === undefined ? 127 : 137));
  return { exitCode, stdout: done.stdout, stderr: done.stderr };
}

/** Runs a host program and returns its standard output; throws with its words when it fails. */
export async function run(argv: readonly string[], options: RunOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await tryRun(argv, options);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split('\n').slice(-8).join('\n');
  const reason = exitCode === 124 ? `did not end in ${options.timeoutMs} ms` : `exit ${exitCode}`;
  throw new Error(`${argv.join(' ')}: ${reason}${words === '' ? '' : `\n${words}`}`);
}

/** How long and how often `waitFor` looks. */
export type WaitOptions = { readonly timeoutMs: number; readonly everyMs?: number };

/**
 * Looks until `check` gives a value other than false and undefined, and returns that value.
 * Throws `waited N ms for WHAT` at the limit.
 */
export async function waitFor<T>(
  what: string,
  check: () => T | false | undefined | Promise<T | false | undefined>,
  { timeoutMs, everyMs = 20 }: WaitOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== false && value !== undefined) return value;
    if (performance.now() >= endMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(everyMs);
  }
}

/** The live (not zombie) processes of a process group, as `/proc` shows them. */
export function groupMembers(groupId: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => isLiveMember(name, groupId))
    .map(Number);
}

function isLiveMember(pid: string, groupId: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(group) === groupId && state !== 'Z' && state !== 'X';
  } catch {
    return false; // it ended while we looked
  }
}

/**
 * The members of a group that no other process traces, its first process first. For a UML node
 * these are the kernel and its helpers: guest programs run traced, only when the kernel lets them.
 */
export function untracedMembers(groupId: number): readonly number[] {
  const others = groupMembers(groupId).filter((pid) => pid !== groupId && !isTraced(pid));
  return [groupId, ...others];
}

function isTraced(pid: number): boolean {
  try {
    return !/^TracerPid:\s*0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true; // it ended while we looked
  }
}

/** Sends a signal to a whole process group; a group that is gone is no error. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  signalProcess(-groupId, signal);
}

/** Sends a signal to a process (a group when negative); one that is gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The repository's root: the nearest folder above this file with a package.json. */
export function repositoryRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('no package.json above the lab');
    folder = parent;
  }
  return folder;
}
