/**
 * Saves what a node is about to lose: the whole backing device of each volume as a sparse file, with
 * a note that says what it is and how to look into it. Done on the node itself, while its device is
 * Secondary and not connected, so that it stands still.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { dumpXml, isResourceName, QUERY_TIMEOUT_MS } from '../drbd/command.js';
import { hostSection, parseDumpXml, type ConfiguredVolume } from '../drbd/config-query.js';
import { copyDevice, deviceBytes, freeBytes, usedBytes } from '../host/copy-device.js';
import { runCommand } from '../host/exec.js';
import { CliFailure } from './cli-failure.js';
import { formatBytes } from './render-status.js';

/** What to save, and where. */
export interface SaveBlocks {
  readonly resource: string;
  readonly node: string;
  readonly directory: string;
  readonly dryRun: boolean;
  readonly tell: (sentence: string) => void;
}

/** Left free beside the copy: a full file system harms others. */
const SPARE_BYTES = 16_777_216;

/** Saves every volume; throws a CliFailure when one cannot be saved whole. */
export async function saveBlocks(job: SaveBlocks): Promise<void> {
  const volumes = await backingDevices(job.resource);
  if (job.dryRun) {
    for (const { disk, volume } of volumes) {
      job.tell(`Dry run: would save ${disk} to ${fileOf(job, volume)}`);
    }
    return;
  }
  try {
    await mkdir(job.directory, { recursive: true, mode: 0o700 });
    for (const volume of volumes) await saveOne(job, volume);
    await writeFile(join(job.directory, 'README.txt'), noteOf(job, volumes), { mode: 0o600 });
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('failed', `Nothing was discarded, because the blocks were not saved: ${reason}`);
  }
}

function fileOf({ resource, node, directory }: SaveBlocks, volume: number): string {
  return join(directory, `${resource}-${volume}-${node}.img`);
}

async function saveOne(job: SaveBlocks, { disk, volume }: ConfiguredVolume): Promise<void> {
  const path = fileOf(job, volume);
  const total = await deviceBytes(disk);
  const free = (await freeBytes(job.directory)) - SPARE_BYTES;
  // Looking first costs a pass over the disk, and is needed only when the whole does not fit.
  const needed = total <= free ? total : await usedBytes(disk);
  if (needed > free) {
    throw new CliFailure(
      'unsafe',
      `${disk} has ${formatBytes(needed)} of data, but ${job.directory} has room for ` +
        `${formatBytes(Math.max(0, free))}: nothing was saved or discarded`,
    );
  }
  job.tell(`Saving ${disk} (${formatBytes(total)}) to ${path}`);
  const copy = await copyDevice(disk, path);
  job.tell(`Saved ${disk}: ${formatBytes(copy.usedBytes)} of ${formatBytes(copy.totalBytes)} are not empty`);
}

/** `drbdadm dump-xml` names the backing device of each volume on this host. */
async function backingDevices(resource: string): Promise<readonly ConfiguredVolume[]> {
  if (!isResourceName(resource)) throw new CliFailure('usage', `"${resource}" is no resource name`);
  const { argv, timeoutMs } = dumpXml(resource);
  const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
  const { resources } = parseDumpXml(result.stdout);
  const found = resources.find((one) => one.resource === resource);
  const volumes = found === undefined ? [] : (hostSection(found, hostname())?.volumes ?? []);
  if (result.exitCode !== 0 || volumes.length === 0) {
    const said = result.startFailure ?? result.stderr.trim().split('\n')[0] ?? '';
    throw new CliFailure('failed', `The backing device of ${resource} is not known here: ${said}`);
  }
  return volumes;
}

function noteOf({ resource, node }: SaveBlocks, volumes: readonly ConfiguredVolume[]): string {
  const names = volumes.map(({ disk, volume }) => `  ${resource}-${volume}-${node}.img  ${disk}`);
  return `What ${node} had of DRBD resource ${resource} before its changes were discarded.

${names.join('\n')}

Each file is the whole backing device, with DRBD's meta data. To look into it without changing it:

  mount -t ext4 -o ro,loop,noload ${resource}-0-${node}.img /mnt      (xfs: -t xfs -o ro,loop,norecovery)
`;
}
