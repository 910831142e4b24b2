/** Puts the watch on this node's half of each resource together from the real parts. */
import type { DatabasePosition } from '../base/database-position.js';
import type { Config } from '../config/config.js';
import { usesDrbd } from '../failover/spec.js';
import { readGenerations } from '../host/drbd-tools.js';
import { bootWallMs, readKernelLog } from '../host/kernel-log.js';
import type { Actor } from './actor.js';
import type { Clock } from './clock.js';
import { databasePosition } from '../host/database-position.js';
import type { Engine } from './engine.js';
import { SideWatch } from './side-watch.js';
import { WitnessFile } from './side-witness.js';

/** What it is made of. */
export interface SideParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly actor: Actor;
  readonly folders: { readonly state: string };
}

/** The watch of one daemon. */
export function watchSides({ config, clock, engine, actor, folders }: SideParts): SideWatch {
  return new SideWatch({
    nowMs: clock.monotonicMs,
    wallMs: clock.wallMs,
    isCalm: () => engine.isCalm(),
    isWanted: (resource) => engine.isSettling(resource),
    generations: readGenerations,
    kernelLog: readKernelLog,
    bootWallMs: () => bootWallMs(clock.wallMs()),
    position: async (resource, isPrimary) => positionOf(config, actor, resource, isPrimary),
    witness: new WitnessFile(folders.state),
    post: (resource, side) => engine.post({ kind: 'side', resource, side }),
  });
}

/** A database lies on a device that only a Primary can read. */
async function positionOf(
  config: Config,
  actor: Actor,
  resource: string,
  isPrimary: boolean,
): Promise<DatabasePosition> {
  const group = config.groups.find((each) => usesDrbd(each, resource));
  const mysql = group?.resources.find((one) => one.kind === 'mysql');
  if (mysql?.kind !== 'mysql') return { kind: 'unknown', why: 'noDatabase' };
  if (!isPrimary) return { kind: 'unknown', why: 'notMounted' };
  const datadir = actor.datadirOf(mysql);
  return datadir === null ? { kind: 'unknown', why: 'unreadable' } : databasePosition(datadir);
}
