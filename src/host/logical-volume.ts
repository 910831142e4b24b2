/**
 * LVM's logical volumes, as far as snapshots of one need them. A snapshot is always read-only and
 * always has a name that begins with `tandem-`; nothing else is ever removed.
 *
 *     thick   room is set aside in the volume group; a snapshot whose room is full is lost
 *     thin    it takes room of its pool as blocks change
 */
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { assert } from '../base/assert.js';
import { err, ok, type Result } from '../base/result.js';
import { majorMinor } from './device-number.js';
import { runCommand, type CommandRequest, type CommandResult } from './exec.js';

/** The volume that a device is, and the room for a snapshot of it. */
export interface LogicalVolume {
  readonly volumeGroup: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Of the volume group, or of the thin pool. */
  readonly freeBytes: number;
  /** Sizes are multiples of it. */
  readonly extentBytes: number;
  readonly thinPool: string | null;
}

/** How LVM's programs are run. */
export type RunLvm = (request: CommandRequest) => Promise<CommandResult>;

/** What a name of ours begins with. */
export const SNAPSHOT_PREFIX = 'tandem-';

const QUERY_TIMEOUT_MS = 10_000;
/** Waits for writes that are under way; several seconds on a busy disk. */
const CHANGE_TIMEOUT_MS = 60_000;
/** LVM's tools are for root; users and cron have a PATH without them. */
const SYSTEM_PATHS = ['/usr/sbin', '/sbin'] as const;

const COLUMNS = [
  ...['lv_name', 'vg_name', 'lv_size', 'segtype', 'pool_lv', 'vg_free', 'vg_extent_size'],
  ...['lv_kernel_major', 'lv_kernel_minor', 'data_percent'],
] as const;

const ROW = z.object({
  lv_name: z.string(),
  vg_name: z.string(),
  lv_size: z.string(),
  segtype: z.string(),
  pool_lv: z.string(),
  vg_free: z.string(),
  vg_extent_size: z.string(),
  lv_kernel_major: z.string(),
  lv_kernel_minor: z.string(),
  data_percent: z.string(),
});
const REPORT = z.object({ report: z.array(z.object({ lv: z.array(ROW) })) });
type Row = z.infer<typeof ROW>;

/** The volume that a device is; the error says why there is none. Never rejects. */
export async function logicalVolumeOf(
  device: string,
  run: RunLvm = runLvm,
): Promise<Result<LogicalVolume, string>> {
  const number = await stat(device).then(
    (info) => (info.isBlockDevice() ? majorMinor(info.rdev) : null),
    () => null,
  );
  if (number === null) return err(`${device} is no block device`);
  const argv = [
    ...['lvs', '--reportformat', 'json', '--units', 'b', '--nosuffix'],
    ...['--options', COLUMNS.join(',')],
  ];
  const result = await run({ argv, timeoutMs: QUERY_TIMEOUT_MS });
  const failure = failureOf('lvs', result);
  return failure === null ? volumeNumbered(result.stdout, number, device) : err(failure);
}

/** Finds `254:0` in what `lvs` reported. */
export function volumeNumbered(
  report: string,
  number: string,
  device: string,
): Result<LogicalVolume, string> {
  const rows = rowsOf(report);
  if (rows === null) return err('lvs printed something else than its report');
  const row = rows.find((one) => `${one.lv_kernel_major}:${one.lv_kernel_minor}` === number);
  if (row === undefined) return err(`${device} is no LVM logical volume`);
  const thinPool = row.segtype === 'thin' ? row.pool_lv : null;
  const pool = rows.find((one) => one.vg_name === row.vg_name && one.lv_name === thinPool);
  return ok({
    volumeGroup: row.vg_name,
    name: row.lv_name,
    sizeBytes: Number(row.lv_size),
    freeBytes: thinPool === null ? Number(row.vg_free) : poolFreeBytes(pool),
    extentBytes: Number(row.vg_extent_size),
    thinPool,
  });
}

function rowsOf(report: string): readonly Row[] | null {
  try {
    return REPORT.parse(JSON.parse(report)).report.flatMap(({ lv }) => lv);
  } catch {
    return null;
  }
}

function poolFreeBytes(pool: Row | undefined): number {
  if (pool === undefined || pool.data_percent === '') return 0;
  return Math.floor(Number(pool.lv_size) * (1 - Number(pool.data_percent) / 100));
}

// --- sizes ---------------------------------------------------------------------------------------

/** 16 bytes for each chunk of 4 KiB that was copied, and a header (dm-snap-persistent.c). */
const BYTES_PER_MAP_BYTE = 256;
const HEADER_BYTES = 65_536;

/** The room in which a snapshot can keep so many changed bytes. */
export function roomFor(changedBytes: number, { extentBytes }: LogicalVolume): number {
  const bytes = changedBytes + changedBytes / BYTES_PER_MAP_BYTE + HEADER_BYTES;
  return Math.ceil(bytes / extentBytes) * extentBytes;
}

/** The room in which a snapshot can never become full. */
export function wholeRoom(volume: LogicalVolume): number {
  return roomFor(volume.sizeBytes, volume);
}

// --- changes -------------------------------------------------------------------------------------

/** Makes a snapshot; its device file. `roomBytes` is not used for a thin one. Never rejects. */
export async function createSnapshot(
  volume: LogicalVolume,
  name: string,
  roomBytes: number,
  run: RunLvm = runLvm,
): Promise<Result<string, string>> {
  assert(name.startsWith(SNAPSHOT_PREFIX), 'a snapshot has a name of ours');
  const room =
    volume.thinPool === null
      ? ['--size', `${String(roomBytes)}b`]
      : ['--setactivationskip', 'n'];
  const argv = [
    ...['lvcreate', '--yes', '--quiet', '--snapshot', '--permission', 'r', ...room],
    ...['--name', name, `${volume.volumeGroup}/${volume.name}`],
  ];
  const failure = failureOf('lvcreate', await run({ argv, timeoutMs: CHANGE_TIMEOUT_MS }));
  return failure === null ? ok(`/dev/${volume.volumeGroup}/${name}`) : err(failure);
}

/** Removes a snapshot of ours; why it is still there, or null. Never rejects. */
export async function removeSnapshot(
  { volumeGroup }: LogicalVolume,
  name: string,
  run: RunLvm = runLvm,
): Promise<string | null> {
  assert(name.startsWith(SNAPSHOT_PREFIX), 'only what has a name of ours is removed');
  const argv = ['lvremove', '--yes', '--quiet', `${volumeGroup}/${name}`];
  return failureOf('lvremove', await run({ argv, timeoutMs: CHANGE_TIMEOUT_MS }));
}

async function runLvm(request: CommandRequest): Promise<CommandResult> {
  const path = [process.env['PATH'] ?? '/usr/bin:/bin', ...SYSTEM_PATHS].join(':');
  return runCommand({ ...request, env: { PATH: path } });
}

function failureOf(program: string, result: CommandResult): string | null {
  if (result.exitCode === 0) return null;
  if (result.startFailure !== null) return `${program} cannot be run: install lvm2`;
  if (result.timedOut) return `${program} did not end in time`;
  const said = result.stderr.split('\n').map((line) => line.trim());
  const word = said.find((line) => line !== '' && !line.startsWith('WARNING'));
  return `${program}: ${word ?? `exit code ${String(result.exitCode)}`}`;
}
