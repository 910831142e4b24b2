/**
 * Looks through /proc for the processes that hold files: for the daemon, which ends those that keep
 * a mount from being unmounted, and for commands that name them. What a hold is: resources/holders.
 */
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import {
  holdersOf,
  type HeldFile,
  type Holder,
  type HoldKind,
  type ProcessFiles,
} from '../resources/holders.js';

/** The processes that hold files on the mount. Needs root to see those of others. */
export async function findHolders(mountPoint: string): Promise<readonly Holder[]> {
  const fileDevice = await stat(mountPoint).then((info) => String(info.dev)).catch(() => null);
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const processes: ProcessFiles[] = [];
  for (const pid of pids) processes.push(await filesOf(Number(pid)));
  return holdersOf({ mountPoint, fileDevice }, processes, await ownFamily());
}

async function filesOf(pid: number): Promise<ProcessFiles> {
  const base = `/proc/${String(pid)}`;
  const comm = await readFile(`${base}/comm`, 'utf8').catch(() => '');
  const fds = await readdir(`${base}/fd`).catch(() => []);
  const maps = await readdir(`${base}/map_files`).catch(() => []);
  const links: readonly (readonly [HoldKind, string])[] = [
    ['cwd', `${base}/cwd`],
    ['root', `${base}/root`],
    ['exe', `${base}/exe`],
    ...fds.map((fd) => ['fd', `${base}/fd/${fd}`] as const),
    ...maps.map((range) => ['map', `${base}/map_files/${range}`] as const),
  ];
  const files = await Promise.all(links.map(async ([how, link]) => heldFile(how, link)));
  return { pid, comm: comm.trim(), files: files.filter((file) => file !== null) };
}

async function heldFile(how: HoldKind, link: string): Promise<HeldFile | null> {
  const path = await readlink(link).catch(() => null);
  if (path === null) return null;
  const fileDevice = await stat(link).then((info) => String(info.dev)).catch(() => null);
  return { how, path, fileDevice };
}

/** This process and its ancestors: ending one of them would end the stop itself. */
async function ownFamily(): Promise<ReadonlySet<number>> {
  const family = new Set<number>();
  let pid = process.pid;
  while (pid > 1 && !family.has(pid)) {
    family.add(pid);
    const status = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
    pid = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1] ?? '0');
  }
  return family;
}
