// A lab lives inside namespaces of its own, so that the kernel cleans up whatever happens.
//
// The program runs itself again under `unshare`: own network, mounts and process numbers. When
// the outer program ends, even by SIGKILL, process 1 of those namespaces is killed, and with it
// every process, tap, bridge, mount and temporary disk inside. Two ways lead there: the parent
// death signal (setpriv, then --kill-child) and, where a user namespace resets that signal, a
// pipe whose end the inner program watches.

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import net from 'node:net';
import { ensureImage, imageAt, type Image } from './image.js';
import { missingTools } from './packages.js';

const IMAGE_VARIABLE = 'TANDEM_LAB_IMAGE';
const INSIDE_VARIABLE = 'TANDEM_LAB_INSIDE';
const LIFELINE_FD = 3;
const PROBE_TIMEOUT_MS = 5000;

/** Process 1 of the lab: waits for the program, reaps orphans, ends when the program ends. */
const REAPER = '"$@"; exit "$?"';

/** How a sandboxed program is started. */
export type SandboxOptions = { readonly log?: (line: string) => void };

/** True in a program started by `runInSandbox`. */
export function insideSandbox(): boolean {
  return process.env[INSIDE_VARIABLE] === 'yes';
}

/** The image that the outer program prepared. Throws outside a sandbox. */
export function sandboxImage(): Image {
  const folder = process.env[IMAGE_VARIABLE];
  if (!insideSandbox() || folder === undefined) {
    throw new Error('a lab runs only inside its sandbox: start it with runInSandbox');
  }
  return imageAt(folder);
}

/** Why a lab cannot run on this host, as one sentence; null when it can. */
export function labProblem(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `a lab needs Linux on x86-64, this is ${process.platform} on ${process.arch}`;
  }
  const tun = deviceProblem('/dev/net/tun');
  if (tun !== null) return tun;
  const missing = missingTools().map((tool) => tool.package);
  if (missing.length > 0 && process.getuid?.() !== 0) {
    return `a lab needs the Debian packages ${missing.join(', ')}: install them as root`;
  }
  if (missing.length > 0 && !existsSync('/usr/bin/apt-get')) {
    return `a lab needs ${missing.join(', ')}, and this host has no apt-get`;
  }
  const [program, ...args] = [...namespaceArgv(), 'true'] as const;
  const probe = spawnSync(program, args, { encoding: 'utf8', timeout: PROBE_TIMEOUT_MS });
  if (probe.status === 0) return null;
  const words = probe.error?.message ?? probe.stderr.trim();
  return `a lab needs namespaces of its own, and this host refuses them: ${words}`;
}

function deviceProblem(file: string): string | null {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return null;
  } catch (error) {
    return `a lab needs to read and write ${file}: ${(error as Error).message}`;
  }
}

function namespaceArgv(): readonly [string, ...string[]] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return [
    'setpriv', '--pdeathsig', 'KILL',
    'unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL',
    '--mount-proc',
  ];
}

/**
 * Prepares packages and image, then runs `node entryFile ...args` inside a new sandbox with this
 * program's standard streams. Resolves with its exit code (128 + n when a signal ended it).
 * An interrupt (Ctrl-C), SIGTERM or SIGHUP ends everything inside at once.
 */
export async function runInSandbox(
  entryFile: string,
  args: readonly string[],
  options: SandboxOptions = {},
): Promise<number> {
  const image = await ensureImage(options.log ?? ((line) => process.stderr.write(`${line}\n`)));
  const [program, ...rest] = [
    ...namespaceArgv(), 'bash', '-c', REAPER, 'tandem-lab', process.execPath, entryFile, ...args,
  ] as const;
  const child = spawn(program, rest, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [INSIDE_VARIABLE]: 'yes', [IMAGE_VARIABLE]: image.folder },
  });
  const end = (): void => void child.kill('SIGKILL');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  process.on('exit', end);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 137)));
    });
  } finally {
    for (const signal of signals) process.off(signal, end);
    process.off('exit', end);
  }
}

let watching = false;

/** Inside: ends this program when the outer one is gone. Called by `Lab.create`. */
export function watchLifeline(): void {
  if (watching) return;
  watching = true;
  const lifeline = new net.Socket({ fd: LIFELINE_FD, readable: true, writable: false });
  const end = (): void => process.exit(137);
  lifeline.once('close', end).once('error', end).resume();
  lifeline.unref();
}
