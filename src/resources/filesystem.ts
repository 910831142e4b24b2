/**
 * A mounted file system. What is mounted is read from /proc/self/mountinfo, never from mount's
 * exit code: a mount that another file system hides, that the kernel turned read-only, or that
 * somebody made elsewhere counts as what it is.
 */
import { isAtOrBelow, parseMountinfo, type MountEntry } from './mountinfo.js';
import type {
  ExecStep,
  MkdirStep,
  PathReading,
  Plan,
  PlanContext,
  Probe,
  Readings,
  ResourceAction,
  ResourceFacts,
  ResourceKindLogic,
} from './plan.js';
import { programPath } from './programs.js';
import type { FilesystemSpec } from './spec.js';

/** Replaying the journal of a large file system takes its time; fsck is never run. */
const MOUNT_TIMEOUT_MS = 100_000;
/** An umount writes all dirty pages: gigabytes on a slow disk. */
const UMOUNT_TIMEOUT_MS = 100_000;
/** A database that is asked to end by TERM needs seconds to flush. */
const TERM_GRACE_MS = 10_000;
/** After KILL only the kernel's own work is left. */
const KILL_GRACE_MS = 5_000;
const EVICT_EVERY_MS = 50;
/** udev and monitoring open a device for an instant: 8 tries in 2 s see them gone. */
const UMOUNT_RETRY = { times: 8, pauseMs: 250 } as const;
/** umount(8) of util-linux says 32 when the target is busy, that of BusyBox says 1. */
const UMOUNT_FAILED_EXITS = [1, 32] as const;
/** Mounted by the kernel alone: mount(8) runs no helper that could stay (mount.fuse does). */
const KERNEL_FSTYPES: readonly (string | null)[] = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'jfs'];

/** What a plan for a file system depends on. */
export interface FilesystemDetail {
  /** Where the directory stands; null when it must be made. */
  readonly directory: string | null;
  /** What has to be unmounted for a stop, in this order. */
  readonly toUnmount: readonly { readonly mountPoint: string; readonly evict: boolean }[];
  /** Why a start cannot succeed as things are; null when it can. */
  readonly obstacle: string | null;
}

/** The logic of kind `filesystem`. */
export const FILESYSTEM: ResourceKindLogic<FilesystemSpec, FilesystemDetail> = {
  phase: 'mount',
  startTimeoutMs: 120_000,
  stopTimeoutMs: 240_000,
  monitorEveryMs: 5_000,
  isOneLookEnough: false,
  confirmedBy: 'probe',
  describe: ({ device, directory, fstype }) =>
    `file system ${device} on ${directory}${fstype === null ? '' : ` (${fstype})`}`,
  discovery: () => [],
  probes,
  interpret,
  plan,
};

function probes(spec: FilesystemSpec): readonly Probe[] {
  const device = deviceNode(spec.device);
  return [
    { kind: 'file', name: 'mountinfo', path: '/proc/self/mountinfo' },
    { kind: 'path', name: 'directory', path: spec.directory },
    ...(device === null ? [] : [{ kind: 'path', name: 'device', path: device } as const]),
  ];
}

/** The path of a block device, also of one named by tag (fstab(5)); null for nfs, tmpfs, ... */
function deviceNode(device: string): string | null {
  if (device.startsWith('/')) return device;
  const tag = /^(LABEL|UUID|PARTLABEL|PARTUUID)="?([^"]*)"?$/.exec(device);
  return tag === null ? null : `/dev/disk/by-${(tag[1] ?? '').toLowerCase()}/${tag[2] ?? ''}`;
}

/** Everything known about the spec's device and directory, resolved once. */
interface Target {
  readonly spec: FilesystemSpec;
  readonly directory: string;
  readonly deviceNumber: string | null;
  readonly deviceNames: readonly string[];
  /** True when a mount of this device could not be recognised as such. */
  readonly anonymous: boolean;
}

function interpret(spec: FilesystemSpec, readings: Readings): ResourceFacts<FilesystemDetail> {
  const mountinfo = readings['mountinfo'];
  const directory = pathReading(readings, 'directory');
  const detail = { directory: directory?.realPath ?? null, toUnmount: [], obstacle: null };
  if (mountinfo?.kind !== 'text') {
    const why = mountinfo?.kind === 'unreadable' ? `: ${mountinfo.reason}` : '';
    return { state: 'unknown', reason: `Cannot read /proc/self/mountinfo${why}`, detail };
  }
  const { mounts, badLines } = parseMountinfo(mountinfo.text);
  if (badLines.length > 0) {
    const reason = `Cannot understand /proc/self/mountinfo: "${badLines[0] ?? ''}"`;
    return { state: 'unknown', reason, detail };
  }
  const target = targetOf(spec, directory, pathReading(readings, 'device'));
  const { obstacle, ...verdict } = judge(target, mounts, directory);
  return { ...verdict, detail: { ...detail, toUnmount: unmountsOf(target, mounts), obstacle } };
}

function pathReading(readings: Readings, name: string): PathReading | null {
  const reading = readings[name];
  return reading?.kind === 'path' ? reading : null;
}

function targetOf(
  spec: FilesystemSpec,
  directory: PathReading | null,
  device: PathReading | null,
): Target {
  const node = deviceNode(spec.device);
  return {
    spec,
    directory: directory?.realPath ?? withoutTrailingSlash(spec.directory),
    deviceNumber: device?.type === 'block' ? device.deviceNumber : null,
    deviceNames: [spec.device, ...(device === null ? [] : [device.realPath])],
    anonymous: node !== null && node !== spec.device && device === null,
  };
}

function withoutTrailingSlash(path: string): string {
  return path.replace(/(?<=.)\/{1,64}$/, '');
}

function isOurs(target: Target, mount: MountEntry): boolean {
  if (target.deviceNames.includes(mount.source)) return true;
  return target.deviceNumber !== null && mount.deviceNumber === target.deviceNumber;
}

/** Mounts of the block device at other places. A mere name, such as `tmpfs`, is not enough here. */
function elsewhere(target: Target, mounts: readonly MountEntry[]): readonly MountEntry[] {
  return mounts.filter(
    (mount) =>
      target.deviceNumber !== null &&
      mount.deviceNumber === target.deviceNumber &&
      mount.mountPoint !== target.directory,
  );
}

interface Verdict extends Pick<ResourceFacts, 'state' | 'reason'> {
  readonly obstacle: string | null;
}

function judge(
  target: Target,
  mounts: readonly MountEntry[],
  directory: PathReading | null,
): Verdict {
  const here = mounts.filter((mount) => mount.mountPoint === target.directory);
  const top = here.at(-1);
  if (top !== undefined && isOurs(target, top)) return judgeMounted(target, top);
  if (here.some((mount) => isOurs(target, mount))) {
    const reason = `${target.directory} is hidden by ${top?.source ?? ''}, mounted over it`;
    return { state: 'failed', reason, obstacle: reason };
  }
  const other = elsewhere(target, mounts)[0];
  if (other !== undefined) {
    const reason = `${target.spec.device} is on ${other.mountPoint}, not on ${target.directory}`;
    return { state: 'failed', reason, obstacle: reason };
  }
  if (top !== undefined && target.anonymous) {
    const { directory: place, spec } = target;
    const reason = `Cannot tell whether ${top.source} on ${place} is ${spec.device}`;
    return { state: 'unknown', reason, obstacle: reason };
  }
  return judgeUnmounted(target, top, directory);
}

function judgeMounted({ spec, directory }: Target, mount: MountEntry): Verdict {
  if (mount.readOnly && !spec.options.includes('ro')) {
    const reason = `${spec.device} on ${directory} is read-only: see the kernel log for I/O errors`;
    return { state: 'failed', reason, obstacle: reason };
  }
  const reason = `${spec.device} is mounted on ${directory} (${mount.fstype})`;
  return { state: 'started', reason, obstacle: null };
}

/**
 * A stranger on our directory does not make the resource active here: it is stopped, and another
 * node may have it. Only a start on this node is impossible.
 */
function judgeUnmounted(
  { spec, directory }: Target,
  stranger: MountEntry | undefined,
  reading: PathReading | null,
): Verdict {
  const obstacle =
    stranger !== undefined
      ? `${directory} is taken by ${stranger.source} (${stranger.fstype})`
      : reading !== null && reading.type !== 'directory'
        ? `${directory} is not a directory`
        : null;
  const reason = `${spec.device} is not mounted${obstacle === null ? '' : `; ${obstacle}`}`;
  return { state: 'stopped', reason, obstacle };
}

/**
 * All that must go, newest first: every mount of our device, and whatever was mounted on or below
 * one of them since. Processes are ended only where the resource itself is mounted.
 */
function unmountsOf(
  target: Target,
  mounts: readonly MountEntry[],
): readonly { mountPoint: string; evict: boolean }[] {
  const { directory } = target;
  const others = new Set(elsewhere(target, mounts));
  const mine = (mount: MountEntry): boolean =>
    others.has(mount) || (mount.mountPoint === directory && isOurs(target, mount));
  return mounts
    .flatMap(({ mountPoint }, index) => {
      const under = mounts
        .slice(0, index + 1)
        .filter((mount) => mine(mount) && isAtOrBelow(mountPoint, mount.mountPoint));
      if (under.length === 0) return [];
      return [{ mountPoint, evict: under.some((mount) => mount.mountPoint === directory) }];
    })
    .reverse();
}

function plan(
  spec: FilesystemSpec,
  action: ResourceAction,
  facts: ResourceFacts<FilesystemDetail>,
  context: PlanContext,
): Plan {
  if (facts.state === 'unknown') return { kind: 'refused', reason: facts.reason };
  return action === 'start' ? planStart(spec, facts, context) : planStop(facts.detail, context);
}

function planStart(
  spec: FilesystemSpec,
  facts: ResourceFacts<FilesystemDetail>,
  context: PlanContext,
): Plan {
  if (facts.state === 'started') return { kind: 'steps', steps: [] };
  const { obstacle, directory } = facts.detail;
  if (obstacle !== null) return { kind: 'refused', reason: obstacle };
  const mkdir: MkdirStep = {
    kind: 'mkdir',
    label: `make ${spec.directory}`,
    path: spec.directory,
    mode: 0o755,
    owner: null,
  };
  const mount: ExecStep = {
    kind: 'exec',
    label: `mount ${spec.device}`,
    argv: [
      programPath(context, 'mount'),
      ...(spec.fstype === null ? [] : ['-t', spec.fstype]),
      ...(spec.options.length === 0 ? [] : ['-o', spec.options.join(',')]),
      spec.device,
      spec.directory,
    ],
    timeoutMs: MOUNT_TIMEOUT_MS,
    okExits: [0],
    run: 'wait',
    ...(KERNEL_FSTYPES.includes(spec.fstype) ? { plain: true } : {}),
  };
  return { kind: 'steps', steps: directory === null ? [mkdir, mount] : [mount] };
}

function planStop({ toUnmount }: FilesystemDetail, context: PlanContext): Plan {
  if (toUnmount.some(({ mountPoint }) => mountPoint === '/')) {
    return { kind: 'refused', reason: 'Refuse to unmount the root of this machine' };
  }
  const steps = toUnmount.map(({ mountPoint, evict }) => umountStep(mountPoint, evict, context));
  return { kind: 'steps', steps };
}

function umountStep(mountPoint: string, evict: boolean, context: PlanContext): ExecStep {
  return {
    kind: 'exec',
    label: `unmount ${mountPoint}`,
    argv: [programPath(context, 'umount'), mountPoint],
    timeoutMs: UMOUNT_TIMEOUT_MS,
    okExits: [0],
    run: 'wait',
    plain: true,
    retry: { ...UMOUNT_RETRY, onExits: UMOUNT_FAILED_EXITS },
    ...(evict ? { recovery: evictRecovery(mountPoint) } : {}),
  };
}

function evictRecovery(mountPoint: string): NonNullable<ExecStep['recovery']> {
  return {
    onExits: UMOUNT_FAILED_EXITS,
    steps: [
      {
        kind: 'evict',
        label: `end the processes that use ${mountPoint}`,
        mountPoint,
        signals: [
          { signal: 'SIGTERM', graceMs: TERM_GRACE_MS },
          { signal: 'SIGKILL', graceMs: KILL_GRACE_MS },
        ],
        everyMs: EVICT_EVERY_MS,
      },
    ],
  };
}
