/**
 * Looks through /proc and /sys for who holds a mount or a device: for the daemon, which ends what
 * keeps a mount from being unmounted, and for commands that name it. What a hold is:
 * resources/holders and resources/device-holders.
 */
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import {
  deviceHolders,
  type DeviceHolder,
  type NamespaceMounts,
} from '../resources/device-holders.js';
import {
  holdersOf,
  type HeldFile,
  type Holder,
  type HoldKind,
  type ProcessFiles,
} from '../resources/holders.js';
import { parseMountinfo } from '../resources/mountinfo.js';
import { within } from './limit.js';

export {
  cureForHolders,
  describeDeviceHolders,
  type DeviceHolder,
} from '../resources/device-holders.js';

/** The processes that hold files on the mount. Needs root to see those of others. */
export async function findHolders(mountPoint: string): Promise<readonly Holder[]> {
  const fileDevice = await stat(mountPoint).then((info) => String(info.dev)).catch(() => null);
  const processes = await filesOfAll(await processIds());
  return holdersOf({ mountPoint, fileDevice }, processes, await ownFamily());
}

/** The block major of DRBD: Documentation/admin-guide/devices.txt. */
const DRBD_MAJOR = 147;

/** A search of thousands of descriptors takes a second; one that meets a dead NFS server hangs. */
const SEARCH_TIMEOUT_MS = 3_000;

/**
 * What keeps a DRBD device open, as far as Linux tells; empty also when the search takes too long.
 * Needs root, too. `device` is its file, `/dev/drbd0`.
 */
export async function findDrbdHolders(
  minor: number,
  device = `/dev/drbd${String(minor)}`,
): Promise<readonly DeviceHolder[]> {
  const search = searchDevice(device, `${String(DRBD_MAJOR)}:${String(minor)}`);
  return (await within(search, SEARCH_TIMEOUT_MS)) ?? [];
}

/** Who has a file or a device open under one of its paths; empty also when the search takes too long. */
export async function findOpeners(paths: readonly string[]): Promise<readonly Opener[]> {
  return (await within(searchOpeners(paths), SEARCH_TIMEOUT_MS)) ?? [];
}

/** A process that has a file open. */
export type Opener = Pick<ProcessFiles, 'pid' | 'comm'>;

async function searchOpeners(paths: readonly string[]): Promise<readonly Opener[]> {
  const openers: Opener[] = [];
  for (const pid of await processIds()) {
    const folder = `/proc/${String(pid)}`;
    const fds = await readdir(`${folder}/fd`).catch(() => []);
    const links = await Promise.all(
      fds.map(async (fd) => readlink(`${folder}/fd/${fd}`).catch(() => '')),
    );
    if (!links.some((link) => paths.includes(link))) continue;
    const comm = await readFile(`${folder}/comm`, 'utf8').catch(() => '');
    openers.push({ pid, comm: comm.trim() });
  }
  return openers;
}

async function searchDevice(
  device: string,
  deviceNumber: string,
): Promise<readonly DeviceHolder[]> {
  const pids = await processIds();
  const statNumber = await stat(device).then((info) => String(info.rdev)).catch(() => null);
  const swaps = await readFile('/proc/swaps', 'utf8').catch(() => '');
  return deviceHolders({
    device,
    deviceNumber,
    statNumber,
    namespaces: await mountNamespaces(pids),
    processes: await filesOfAll(pids),
    stacked: [...(await stackedOn(deviceNumber)), ...(await loopsOn(device))],
    isSwap: swaps.split('\n').some((line) => line.startsWith(`${device} `)),
  });
}

async function processIds(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
}

/** More mount namespaces than this are not searched: a host of containers has hundreds. */
const NAMESPACES_MAX = 1_000;

/** The mounts of each mount namespace, ours first. */
async function mountNamespaces(pids: readonly number[]): Promise<readonly NamespaceMounts[]> {
  const own = await readlink('/proc/self/ns/mnt').catch(() => '');
  const seen = new Set([own]);
  const namespaces: NamespaceMounts[] = [{ pid: null, mounts: await mountsSeenBy('self') }];
  for (const pid of pids) {
    const name = await readlink(`/proc/${String(pid)}/ns/mnt`).catch(() => own);
    if (seen.has(name) || seen.size >= NAMESPACES_MAX) continue;
    seen.add(name);
    namespaces.push({ pid, mounts: await mountsSeenBy(String(pid)) });
  }
  return namespaces;
}

async function mountsSeenBy(process: string): Promise<NamespaceMounts['mounts']> {
  const text = await readFile(`/proc/${process}/mountinfo`, 'utf8').catch(() => '');
  return parseMountinfo(text).mounts;
}

type Stacked = { readonly name: string; readonly title: string | null };

/** Device-mapper, md and bcache devices that have claimed it. */
async function stackedOn(deviceNumber: string): Promise<readonly Stacked[]> {
  const names = await readdir(`/sys/dev/block/${deviceNumber}/holders`).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const title = await readFile(`/sys/block/${name}/dm/name`, 'utf8').catch(() => null);
      return { name, title: title === null ? null : title.trim() };
    }),
  );
}

/** A loop device claims nothing: it only has its backing file open. */
async function loopsOn(device: string): Promise<readonly Stacked[]> {
  const names = (await readdir('/sys/block').catch(() => [])).filter((name) => /^loop/.test(name));
  const found: Stacked[] = [];
  for (const name of names) {
    const backing = await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '');
    if (backing.trim() === device) found.push({ name, title: null });
  }
  return found;
}

async function filesOfAll(pids: readonly number[]): Promise<readonly ProcessFiles[]> {
  const processes: ProcessFiles[] = [];
  for (const pid of pids) processes.push(await filesOf(pid));
  return processes;
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
  const info = await stat(link).catch(() => null);
  const fileDevice = info === null ? null : String(info.dev);
  if (info?.isBlockDevice() !== true) return { how, path, fileDevice };
  return { how, path, fileDevice, blockDevice: String(info.rdev) };
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
