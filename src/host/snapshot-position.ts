/**
 * Reads how far the database of a Secondary came, without touching its disk: an LVM snapshot of the
 * backing device is mounted read-only, without a replay of its journal, read, and removed again.
 * The device itself is never mounted. Every step has a limit; what an earlier run left behind (the
 * machine died halfway) is removed first.
 */
import { mkdtemp, readFile, rmdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { DatabasePosition } from '../base/database-position.js';
import { err, ok, type Result } from '../base/result.js';
import type { ConfiguredVolume } from '../drbd/config-query.js';
import { parseMountinfo } from '../resources/mountinfo.js';
import type { FilesystemSpec } from '../resources/spec.js';
import { databasePosition } from './database-position.js';
import { runCommand } from './exec.js';
import { within } from './limit.js';
import {
  createSnapshot,
  logicalVolumeOf,
  removeSnapshot,
  roomFor,
  SNAPSHOT_PREFIX,
  wholeRoom,
  type LogicalVolume,
} from './logical-volume.js';

/** What is read. */
export interface SnapshotReading {
  readonly resource: string;
  readonly volumes: readonly ConfiguredVolume[];
  /** Where the database lies when it runs. */
  readonly datadir: string;
  readonly mount: FilesystemSpec;
  /** Asked between the steps: true goes straight to the removal. */
  readonly isStopped: () => boolean;
}

/** What was read, and what could not be put away again. */
export interface SnapshotRead {
  readonly position: DatabasePosition;
  readonly leftovers: readonly string[];
}

const MOUNT_TIMEOUT_MS = 20_000;
const READ_TIMEOUT_MS = 30_000;
/** Nothing writes to a Secondary that is apart; this is for the seconds that the reading takes. */
const CHANGES_BYTES = 67_108_864;

/** Mounted so, neither file system writes; XFS would refuse the number of its twin otherwise. */
const READ_ONLY: Readonly<Record<string, string>> = {
  ext2: 'ro',
  ext3: 'ro,noload',
  ext4: 'ro,noload',
  xfs: 'ro,norecovery,nouuid',
};
const HARMLESS = 'nosuid,nodev,noexec';

/** Reads it. The error says why nothing was read. Never rejects. */
export async function positionThroughSnapshot(
  reading: SnapshotReading,
): Promise<Result<SnapshotRead, string>> {
  const { mount, resource } = reading;
  const types = mount.fstype === null ? ['ext4', 'xfs'] : [mount.fstype];
  const [strange] = types.filter((type) => READ_ONLY[type] === undefined);
  if (strange !== undefined) return err(`a snapshot of ${strange} is not mounted: only ext2, ext3, ext4 and xfs are`);
  const backing = backingOf(reading);
  if (backing === null) return err(`no volume of ${resource} is ${mount.device}`);
  const found = await logicalVolumeOf(backing);
  if (!found.ok) return found;
  const volume = found.value;
  const name = `${SNAPSHOT_PREFIX}read-${resource}`;
  const path = `/dev/${volume.volumeGroup}/${name}`;
  await removeOld(volume, name);
  const room = Math.min(roomFor(CHANGES_BYTES, volume), wholeRoom(volume), wholeExtents(volume));
  if (room === 0) return err(`there is no room for a snapshot of ${backing}`);
  const made = await createSnapshot(volume, name, room);
  if (!made.ok) return made;
  const position = await readMounted(path, types, reading).catch(failure);
  const left = await removeSnapshot(volume, name);
  const leftovers = left === null ? [] : [`lvremove ${volume.volumeGroup}/${name}    (${left})`];
  return position.ok ? ok({ position: position.value, leftovers }) : err([position.error, ...leftovers].join('; '));
}

function wholeExtents({ freeBytes, extentBytes }: LogicalVolume): number {
  return Math.floor(freeBytes / extentBytes) * extentBytes;
}

function failure(error: unknown): Result<never, string> {
  return err(error instanceof Error ? error.message : String(error));
}

/** The backing device of the volume that is mounted, or null. */
function backingOf({ volumes, mount }: SnapshotReading): string | null {
  const [only, ...more] = volumes;
  const found = volumes.find(({ device }) => device === mount.device);
  if (found !== undefined) return found.disk;
  return more.length === 0 ? (only?.disk ?? null) : null;
}

/** What a run left behind that was ended halfway. */
async function removeOld(volume: LogicalVolume, name: string): Promise<void> {
  const { mounts } = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
  const mapped = `/dev/mapper/${[volume.volumeGroup, name].map((part) => part.replaceAll('-', '--')).join('-')}`;
  for (const { source, mountPoint } of mounts) {
    if (source === mapped || source === `/dev/${volume.volumeGroup}/${name}`) await unmount(mountPoint);
  }
  // It fails when there is none, which is the rule.
  await removeSnapshot(volume, name);
}

async function unmount(mountPoint: string): Promise<void> {
  await runCommand({ argv: ['umount', mountPoint], timeoutMs: MOUNT_TIMEOUT_MS });
}

async function readMounted(
  path: string,
  types: readonly string[],
  { mount, datadir, isStopped }: SnapshotReading,
): Promise<Result<DatabasePosition, string>> {
  const directory = await mkdtemp('/run/tandem-read-');
  try {
    let said = 'it was broken off';
    for (const type of types) {
      if (isStopped()) break;
      const options = `${READ_ONLY[type] ?? 'ro'},${HARMLESS}`;
      const argv = ['mount', '-t', type, '-o', options, path, directory];
      const result = await runCommand({ argv, timeoutMs: MOUNT_TIMEOUT_MS });
      if (result.exitCode !== 0) {
        said = `its snapshot cannot be mounted: ${result.startFailure ?? result.stderr.trim().split('\n')[0] ?? ''}`;
        continue;
      }
      const there = join(directory, relative(mount.directory, datadir));
      const elsewhere = { from: mount.directory, to: directory };
      const position = await within(databasePosition(there, elsewhere), READ_TIMEOUT_MS);
      return position === null ? err('its snapshot could not be read in time') : ok(position);
    }
    return err(said);
  } finally {
    await unmount(directory);
    await rmdir(directory).catch(() => undefined);
  }
}
