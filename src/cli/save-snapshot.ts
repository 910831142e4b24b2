/**
 * Saves what a node is about to lose as LVM snapshots of its backing devices: at once, whatever their
 * size, and read-only. Made on all volumes of the resource or on none.
 */
import { hostname } from 'node:os';
import { err, ok, type Result } from '../base/result.js';
import { configuredVolumes } from '../host/drbd-tools.js';
import {
  createSnapshot,
  logicalVolumeOf,
  removeSnapshot,
  roomFor,
  SNAPSHOT_PREFIX,
  wholeRoom,
  type LogicalVolume,
} from '../host/logical-volume.js';
import { CliFailure } from './cli-failure.js';
import { formatBytes } from './render-status.js';

/** What to save. */
export interface SaveSnapshot {
  readonly resource: string;
  /** What the resync will overwrite at most; null when not known. */
  readonly overwrittenBytes: number | null;
  /** Room for each snapshot; null: so much that it cannot become full. */
  readonly roomBytes: number | null;
  readonly dryRun: boolean;
  readonly tell: (sentence: string) => void;
}

/** One volume of the resource, and the snapshot that is to be made of it. */
interface Planned {
  readonly volume: LogicalVolume;
  readonly device: string;
  readonly name: string;
  readonly roomBytes: number;
}

/** Throws a CliFailure when not every volume can be saved; nothing is left behind then. */
export async function saveSnapshots(job: SaveSnapshot): Promise<void> {
  const plans = await planAll(job);
  if (job.dryRun) {
    for (const { device, volume } of plans) {
      job.tell(`Dry run: would make a snapshot of ${device} in volume group ${volume.volumeGroup}`);
    }
    return;
  }
  const made: Planned[] = [];
  for (const plan of plans) {
    const created = await createSnapshot(plan.volume, plan.name, plan.roomBytes);
    if (!created.ok) {
      const left = await undo(made);
      const sentence = `Nothing was discarded, because ${plan.device} was not saved: ${created.error}`;
      throw new CliFailure('failed', [sentence, ...left].join('; '));
    }
    made.push(plan);
  }
  for (const plan of made) job.tell(howTo(job.resource, plan));
}

async function undo(made: readonly Planned[]): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { volume, name } of made) {
    const why = await removeSnapshot(volume, name);
    if (why !== null) left.push(`${volume.volumeGroup}/${name} is still there (${why})`);
  }
  return left;
}

async function planAll(job: SaveSnapshot): Promise<readonly Planned[]> {
  const asked = await configuredVolumes(job.resource, hostname());
  if (!asked.ok) throw unsafe(job.resource, 'its backing devices are not known here');
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const plans: Planned[] = [];
  for (const { disk, volume } of asked.value) {
    const found = await logicalVolumeOf(disk);
    if (!found.ok) throw unsafe(disk, found.error);
    const room = snapshotRoom(found.value, job);
    if (!room.ok) throw unsafe(disk, room.error);
    const name = `${SNAPSHOT_PREFIX}${job.resource}-${volume}-${stamp}`;
    plans.push({ volume: found.value, device: disk, name, roomBytes: room.value });
  }
  return plans;
}

function unsafe(device: string, why: string): CliFailure {
  const sentence = `No snapshot of ${device}: ${why}. Nothing was discarded; --save-to copies any device`;
  return new CliFailure('unsafe', sentence);
}

/** How much room a snapshot gets, or why there is not enough. */
export function snapshotRoom(
  volume: LogicalVolume,
  wish: Pick<SaveSnapshot, 'overwrittenBytes' | 'roomBytes'>,
): Result<number, string> {
  const whole = wholeRoom(volume);
  const least = Math.min(whole, roomFor(wish.overwrittenBytes ?? 0, volume));
  const { volumeGroup, thinPool, freeBytes, extentBytes } = volume;
  const place = thinPool === null ? `volume group ${volumeGroup}` : `thin pool ${volumeGroup}/${thinPool}`;
  const has = `${place} has ${formatBytes(freeBytes)} free`;
  const resync = `the resync alone may overwrite ${formatBytes(wish.overwrittenBytes ?? 0)}`;
  if (thinPool !== null) {
    return freeBytes >= least ? ok(0) : err(`${has}, but ${resync}`);
  }
  if (wish.roomBytes === null) {
    if (freeBytes >= whole) return ok(whole);
    const cure = `say less with --snapshot-size, at least ${formatBytes(least)}`;
    return err(`${has}, and one that can never become full takes ${formatBytes(whole)}: ${cure}`);
  }
  const rounded = Math.min(whole, Math.ceil(wish.roomBytes / extentBytes) * extentBytes);
  if (rounded > freeBytes) return err(`${has}, but it was to take ${formatBytes(rounded)}`);
  if (rounded < least) {
    return err(`${formatBytes(rounded)} are too few: ${resync}, so say ${formatBytes(least)} or more`);
  }
  return ok(rounded);
}

function howTo(resource: string, { volume, device, name, roomBytes }: Planned): string {
  const { volumeGroup, thinPool } = volume;
  const path = `/dev/${volumeGroup}/${name}`;
  const lasts =
    thinPool !== null
      ? `takes room of thin pool ${thinPool} as ${device} changes`
      : roomBytes >= wholeRoom(volume)
        ? 'cannot become full'
        : `is lost when ${formatBytes(roomBytes)} of ${device} have changed; see lvs`;
  return `Saved ${device} as snapshot ${path} (read-only; ${lasts})
  look into it:   mount -t ext4 -o ro,noload ${path} /mnt    (xfs: -t xfs -o ro,norecovery,nouuid)
  go back to it:  drbdadm down ${resource} && lvconvert --merge ${volumeGroup}/${name} && drbdadm up ${resource}
  remove it:      lvremove ${volumeGroup}/${name}`;
}
