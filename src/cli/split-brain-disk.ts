/**
 * Reads how far the database on this node's own disk came while the node is Secondary, and hands it
 * to tandemd, which tells the other nodes. Asked for only: it makes an LVM snapshot and removes it.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePosition, type DatabasePosition } from '../base/database-position.js';
import { parseGenerations } from '../drbd/generation.js';
import { isCarrying } from '../drbd/split-brain.js';
import { readConfiguration } from '../host/configuration.js';
import { databasePlace } from '../host/database-place.js';
import { lookAt, readGenerations } from '../host/drbd-tools.js';
import { positionThroughSnapshot } from '../host/snapshot-position.js';
import { CliFailure } from './cli-failure.js';
import type { Client } from './client.js';
import { volumesOf } from './drbd-target.js';

/** What was read; `position` is null when nothing was, and the notes say why. */
export interface DiskRead {
  readonly position: DatabasePosition | null;
  /** CURRENT of what was read, without bit 0. */
  readonly current: string;
  readonly notes: readonly string[];
}

/** A disk that is whole, even if it is not the newest. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent', 'Outdated'];

/** The daemon reads the identifiers within a second or two after DRBD has come to rest. */
const TELL_TRIES = 10;
const TELL_EVERY_MS = 500;

/** Reads it. Throws a CliFailure only when there is no such resource. */
export async function readOwnDisk(resource: string, folder: string | null): Promise<DiskRead> {
  const self = hostname();
  const nothing = (why: string): DiskRead => ({
    position: null,
    current: '',
    notes: [`The disk of ${self} was not read: ${why}`],
  });
  const volumes = await volumesOf({ resource, volume: null }, self);
  if (!volumes.ok) return nothing(`DRBD's tools do not tell where it is`);
  const { facts } = await lookAt(resource, volumes.value);
  const { role, connection, disk } = facts;
  if (isCarrying(connection)) return nothing(`${resource} is connected`);
  if (role !== 'Secondary') return nothing(`it is ${role}; a Primary is read where it is mounted`);
  if (!WHOLE.includes(disk)) return nothing(`it is ${disk}`);
  const config = readConfiguration(folder, self);
  if (!config.ok) return nothing('there is no configuration that says where the database lies');
  const place = await databasePlace(config.value.groups, resource);
  if (place.kind === 'gap' || place.mount === null) {
    return nothing('the configuration does not say on which file system its database lies');
  }
  const [ids] = parseGenerations((await readGenerations(resource))?.[0] ?? '').generations;
  if (ids === undefined) return nothing('its generation identifiers cannot be read');
  const { datadir, mount } = place;
  const read = await untilPutAway((isStopped) =>
    positionThroughSnapshot({ resource, volumes: volumes.value, datadir, mount, isStopped }),
  );
  if (!read.ok) return nothing(read.error);
  const { position, leftovers } = read.value;
  const notes = leftovers.map((command) => `Left behind, remove it by hand: ${command}`);
  return { position, current: (ids.current & ~1n).toString(16), notes };
}

/** Whoever breaks it off waits the moment that the removal takes. */
async function untilPutAway<T>(work: (isStopped: () => boolean) => Promise<T>): Promise<T> {
  const caught: NodeJS.Signals[] = [];
  const onSignal = (name: NodeJS.Signals): void => void caught.push(name);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const done = await work(() => caught.length > 0);
  for (const name of signals) process.off(name, onSignal);
  const [first] = caught;
  if (first !== undefined) process.kill(process.pid, first);
  return done;
}

/** Hands it to tandemd; what went wrong, or null. A daemon that does not run needs nothing. */
export async function tellPosition(
  client: Client,
  resource: string,
  { position, current }: DiskRead,
): Promise<string | null> {
  if (position === null) return null;
  const request = { kind: 'databasePosition', resource, current, position: encodePosition(position) } as const;
  let said = '';
  for (let tries = 0; tries < TELL_TRIES; tries += 1) {
    if (tries > 0) await sleep(TELL_EVERY_MS);
    try {
      const answer = await client.request({ request, dryRun: false });
      if (answer.state === 'done') return null;
      said = answer.message;
    } catch (error) {
      if (!(error instanceof CliFailure)) throw error;
      if (error.exit === 'daemonDown') return null;
      said = error.message;
    }
  }
  return `The other nodes are not told: ${said}`;
}
