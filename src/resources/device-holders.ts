/**
 * Who keeps a block device open, so that DRBD will not make it Secondary (-12). The 8.4 driver
 * does not tell; these are the places where Linux does:
 *
 *     mount          /proc/PID/mountinfo of every mount namespace, and who uses the file system
 *     process        a descriptor whose st_rdev is the device's number
 *     stacked        /sys/dev/block/M:N/holders: device-mapper (LVM, crypt, multipath), md, bcache
 *     loop           /sys/block/loopN/loop/backing_file
 *     swap           /proc/swaps
 *
 * A program of the kernel (an iSCSI or NFS target) appears in none of them.
 */
import type { ProcessFiles } from './holders.js';
import type { MountEntry } from './mountinfo.js';

/** Something that keeps the device open. */
export type DeviceHolder =
  | {
      readonly kind: 'mount';
      readonly mountPoint: string;
      readonly fstype: string;
      /** A process that sees it, when this mount namespace does not; null when it does. */
      readonly seenByPid: number | null;
    }
  /** `uses`: the process holds a file of the file system; otherwise the device itself. */
  | {
      readonly kind: 'process';
      readonly pid: number;
      readonly comm: string;
      readonly path: string;
      readonly uses: 'fileSystem' | 'device';
    }
  /** `title`: what device-mapper calls it (`vg0-data`); null when it has no name. */
  | { readonly kind: 'stacked'; readonly name: string; readonly title: string | null }
  | { readonly kind: 'swap' };

/** The mounts of one mount namespace. */
export interface NamespaceMounts {
  /** A process in it; null for our own namespace. */
  readonly pid: number | null;
  readonly mounts: readonly MountEntry[];
}

/** What was found on the machine. */
export interface DeviceFindings {
  /** `147:0`, as mountinfo prints it. */
  readonly deviceNumber: string;
  /** The same as stat(2) counts it, as text: `st_rdev` of the device, `st_dev` of its files. */
  readonly statNumber: string | null;
  /** `/dev/drbd0`; btrfs and the like do not show the number of their device. */
  readonly device: string;
  /** Our own namespace first. */
  readonly namespaces: readonly NamespaceMounts[];
  readonly processes: readonly ProcessFiles[];
  readonly stacked: readonly { readonly name: string; readonly title: string | null }[];
  readonly isSwap: boolean;
}

/** Every holder: mounts first, then what is stacked on it, then processes. */
export function deviceHolders(findings: DeviceFindings): readonly DeviceHolder[] {
  const stacked = findings.stacked.map((entry) => ({ kind: 'stacked', ...entry }) as const);
  const swap: readonly DeviceHolder[] = findings.isSwap ? [{ kind: 'swap' }] : [];
  return [...mountsOf(findings), ...stacked, ...swap, ...processesOf(findings)];
}

/** A mount that our own namespace shows is not repeated for the others that inherited it. */
function mountsOf(findings: DeviceFindings): readonly DeviceHolder[] {
  const seen = new Set<string>();
  const holders: DeviceHolder[] = [];
  for (const { pid, mounts } of findings.namespaces) {
    for (const { deviceNumber, source, mountPoint, fstype } of mounts) {
      const same = deviceNumber === findings.deviceNumber || source === findings.device;
      if (!same || seen.has(mountPoint)) continue;
      seen.add(mountPoint);
      holders.push({ kind: 'mount', mountPoint, fstype, seenByPid: pid });
    }
  }
  return holders;
}

function processesOf({ processes, statNumber }: DeviceFindings): readonly DeviceHolder[] {
  if (statNumber === null) return [];
  return processes.flatMap(({ pid, comm, files }): readonly DeviceHolder[] => {
    const opened = files.find(({ blockDevice }) => blockDevice === statNumber);
    if (opened !== undefined) {
      return [{ kind: 'process', pid, comm, path: opened.path, uses: 'device' }];
    }
    const used = files.find(({ fileDevice }) => fileDevice === statNumber);
    if (used === undefined) return [];
    return [{ kind: 'process', pid, comm, path: used.path, uses: 'fileSystem' }];
  });
}

/** How many holders a sentence names before it only counts them. */
const HOLDERS_NAMED_MAX = 6;

/** `mounted on /db (ext4), used by mysqld (pid 812, /db/mysql/ibdata1)`; empty for none. */
export function describeDeviceHolders(holders: readonly DeviceHolder[]): string {
  const named = holders.slice(0, HOLDERS_NAMED_MAX).map(describeOne);
  const rest = holders.length - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

function describeOne(holder: DeviceHolder): string {
  switch (holder.kind) {
    case 'mount': {
      const { seenByPid } = holder;
      const where = seenByPid === null ? '' : ` in the mount namespace of process ${seenByPid}`;
      return `mounted on ${holder.mountPoint} (${holder.fstype})${where}`;
    }
    case 'process': {
      const verb = holder.uses === 'device' ? 'opened' : 'used';
      return `${verb} by ${holder.comm} (pid ${holder.pid}, ${holder.path})`;
    }
    case 'stacked': {
      const title = holder.title === null ? '' : ` "${holder.title}"`;
      return `under ${stackKind(holder.name)} ${holder.name}${title}`;
    }
    case 'swap':
      return 'in use as swap space';
  }
}

function stackKind(name: string): string {
  if (name.startsWith('dm-')) return 'the device-mapper device';
  if (name.startsWith('md')) return 'the software RAID';
  return name.startsWith('loop') ? 'the loop device' : 'the device';
}

/** What to do about the holders, without a final period. */
export function cureForHolders(holders: readonly DeviceHolder[]): string {
  const cures = new Set(holders.map(cureForOne));
  return `${[...cures].join(', ')}, then repeat`;
}

function cureForOne(holder: DeviceHolder): string {
  switch (holder.kind) {
    case 'mount':
      return holder.seenByPid === null
        ? `umount ${holder.mountPoint}`
        : `end the container or service of process ${holder.seenByPid}`;
    case 'process':
      return 'end what uses it';
    case 'stacked':
      return holder.name.startsWith('loop')
        ? `losetup -d /dev/${holder.name}`
        : `deactivate ${holder.title ?? holder.name} (vgchange -an, dmsetup remove)`;
    case 'swap':
      return 'swapoff the device';
  }
}
