// The hardware of one node: the UML process with its processor, disks and cables.

import { spawn, type ChildProcess } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Image } from './image.js';
import { hostNumber, networkWords } from './network.js';
import { groupMembers, repositoryRoot, signalGroup, waitFor } from './process.js';

/** Everything fixed about one node's hardware. Sizes in MiB; `serial` is a tty path or null. */
export type MachineOptions = {
  readonly name: string;
  readonly index: number;
  readonly image: Image;
  readonly folder: string;
  readonly memoryMiB: number;
  readonly dataDiskMiB: number;
  readonly serial: string | null;
};

const CONSOLE_CHARS_MAX = 65_536;
const READY_MARK = 'tandem-lab: ready';
const KILL_TIMEOUT_MS = 5000;

/** One power-on of a machine, from the start of its process to its end. */
export class PowerOn {
  readonly groupId: number;
  /** Aborted when the process has ended, for whatever reason. */
  readonly ended: AbortSignal;
  readonly #ended = new AbortController();
  #console = '';

  constructor(child: ChildProcess, groupId: number) {
    this.groupId = groupId;
    this.ended = this.#ended.signal;
    setMaxListeners(0, this.ended); // one for each command that is running
    const collect = (chunk: Buffer): void => {
      this.#console = (this.#console + chunk.toString('latin1')).slice(-CONSOLE_CHARS_MAX);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const end = (): void => this.#ended.abort();
    // A process that cannot be killed keeps the machine 'on': then `cut` fails, and so does fencing.
    child.once('exit', () => void this.#sweep().then(end, () => undefined));
  }

  /** The last 64 K characters that kernel and init wrote to the console. */
  get console(): string {
    return this.#console;
  }

  /** True once the guest's agent has said that it listens. */
  get ready(): boolean {
    return this.#console.includes(READY_MARK);
  }

  /** Cuts the power: SIGKILL to the whole process group; resolves when no process is left. */
  async cut(): Promise<void> {
    signalGroup(this.groupId, 'SIGKILL');
    const what = `the first process of group ${this.groupId} to be gone`;
    await waitFor(what, () => this.ended.aborted, { timeoutMs: KILL_TIMEOUT_MS, everyMs: 2 });
  }

  /** Kills what a dead kernel left behind, and waits until no process of the group is left. */
  async #sweep(): Promise<void> {
    signalGroup(this.groupId, 'SIGKILL');
    const what = `the processes of group ${this.groupId} to be gone`;
    const gone = (): boolean => groupMembers(this.groupId).length === 0;
    await waitFor(what, gone, { timeoutMs: KILL_TIMEOUT_MS, everyMs: 2 });
  }
}

/** Makes the node's own disks: sparse files that outlive a power cut. */
export async function createDisks(options: MachineOptions): Promise<void> {
  const file: FileHandle = await open(dataDisk(options), 'w');
  try {
    await file.truncate(options.dataDiskMiB * 1024 * 1024);
  } finally {
    await file.close();
  }
}

function dataDisk({ folder }: MachineOptions): string {
  return path.join(folder, 'data.img');
}

/** Switches a machine on. Its process group has the same number as its first process. */
export async function powerOn(options: MachineOptions): Promise<PowerOn> {
  const cpus = allowedCpus();
  const cpu = cpus[options.index % cpus.length] ?? 0;
  const argv = ['--core=0:0', 'taskset', '-c', String(cpu), 'linux.uml', ...kernelWords(options)];
  const child = spawn('prlimit', argv, {
    cwd: options.folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: options.folder,
      TMPDIR: options.folder,
      LD_PRELOAD: options.image.shim,
    },
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  if (child.pid === undefined) throw new Error(`${options.name}: the process has no number`);
  return new PowerOn(child, child.pid);
}

function kernelWords(options: MachineOptions): readonly string[] {
  const { name, index, image, folder, memoryMiB, serial } = options;
  return [
    `mem=${memoryMiB}M`,
    `ubd0=${path.join(folder, 'root.cow')},${image.baseDisk}`,
    `ubd1=${dataDisk(options)}`,
    'root=/dev/ubda', 'rw', 'rootfstype=ext4', 'init=/lab-init',
    'con=null', 'con0=null,fd:1', 'ssl=null',
    ...(serial === null ? [] : [`ssl1=tty:${serial}`]),
    ...networkWords(index),
    `umid=${name}`, `uml_dir=${folder}/`, 'quiet', 'panic=-1', 'noreboot',
    `LAB_NODE=${name}`, `LAB_HOST=${hostNumber(index)}`, `LAB_ROOT=${repositoryRoot()}`,
    `LAB_SERIAL=${serial === null ? 'no' : 'yes'}`,
    ...programWords(),
  ];
}

/** `LAB_BIN_tandem=dist/...` for each program that package.json names. */
function programWords(): readonly string[] {
  const text = readFileSync(path.join(repositoryRoot(), 'package.json'), 'utf8');
  const { bin = {} } = JSON.parse(text) as { bin?: Record<string, string> };
  return Object.entries(bin).map(([name, file]) => `LAB_BIN_${name}=${file}`);
}

/** The processors this process may use, from the kernel's list such as `0-3,6`. */
function allowedCpus(): readonly number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}
