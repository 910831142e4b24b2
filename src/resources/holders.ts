/**
 * Who keeps a file system from being unmounted. The daemon walks over /proc and reports which
 * files each process holds; this file says which of them lie on the mount and who may be ended.
 *
 *     a file on the mount = same device number (st_dev) as the mount point;
 *                           by its path only when that number could not be read
 *
 * The path alone would be wrong in both directions: a directory hidden below the mount has the
 * same path, and a process in another mount namespace sees the same file under another one.
 */
import { isAtOrBelow } from './mountinfo.js';

/** How a process holds a file: working directory, root, program, descriptor or mapping. */
export type HoldKind = 'cwd' | 'root' | 'exe' | 'fd' | 'map';

/** One file that a process holds. */
export interface HeldFile {
  readonly how: HoldKind;
  /** The target of the link in /proc/PID. */
  readonly path: string;
  /** st_dev of the file, as text; null when it could not be read. */
  readonly fileDevice: string | null;
  /** st_rdev, as text, when the file is a block device. */
  readonly blockDevice?: string;
}

/** One process with its files. */
export interface ProcessFiles {
  readonly pid: number;
  readonly comm: string;
  readonly files: readonly HeldFile[];
}

/** A process that holds the mount, and one file of it as evidence. */
export interface Holder {
  readonly pid: number;
  readonly comm: string;
  readonly how: HoldKind;
  readonly path: string;
  /** False for process 1, the daemon and its ancestors: they are named but never signalled. */
  readonly mayEvict: boolean;
}

/** The mount to be freed. */
export interface HeldMount {
  readonly mountPoint: string;
  /** st_dev of the mount point, as text; null when it could not be read. */
  readonly fileDevice: string | null;
}

/** The processes that hold files on the mount. `protectedPids`: the daemon and its ancestors. */
export function holdersOf(
  mount: HeldMount,
  processes: readonly ProcessFiles[],
  protectedPids: ReadonlySet<number>,
): readonly Holder[] {
  return processes.flatMap(({ pid, comm, files }) => {
    const held = files.find((file) => isOnMount(file, mount));
    if (held === undefined) return [];
    const mayEvict = pid > 1 && !protectedPids.has(pid);
    return [{ pid, comm, how: held.how, path: held.path, mayEvict }];
  });
}

function isOnMount(file: HeldFile, mount: HeldMount): boolean {
  if (file.fileDevice !== null && mount.fileDevice !== null) {
    return file.fileDevice === mount.fileDevice;
  }
  return isAtOrBelow(file.path, mount.mountPoint);
}

/** How many holders a sentence names before it only counts them. */
const HOLDERS_NAMED_MAX = 5;

/** Names the holders: `mysqld (pid 812, /db/mysql/ibdata1), bash (pid 900, cwd /db)`. */
export function describeHolders(holders: readonly Holder[]): string {
  const named = holders.slice(0, HOLDERS_NAMED_MAX).map(({ pid, comm, how, path }) => {
    const file = how === 'fd' ? path : `${how} ${path}`;
    return `${comm} (pid ${pid}, ${file})`;
  });
  const rest = holders.length - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}
