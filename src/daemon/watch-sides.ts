/** Puts the watch on this node's half of each resource together from the real parts. */
import type { DatabasePosition } from '../base/database-position.js';
import type { Config } from '../config/config.js';
import { runCommand } from '../host/exec.js';
import type { Actor } from './actor.js';
import type { Clock } from './clock.js';
import { databasePosition } from './database-position.js';
import type { Engine } from './engine.js';
import { readGenerations } from './reconnect.js';
import { SideWatch } from './side-watch.js';
import { WitnessFile } from './side-witness.js';

/** dmesg copies a ring of memory. */
const KERNEL_LOG_TIMEOUT_MS = 5_000;

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
    kernelLog: async () => {
      const { stdout } = await runCommand({ argv: ['dmesg'], timeoutMs: KERNEL_LOG_TIMEOUT_MS });
      return stdout;
    },
    // The kernel's own clock since the boot (CLOCK_MONOTONIC), which stamps its log.
    bootWallMs: () => clock.wallMs() - Number(process.hrtime.bigint() / 1_000_000n),
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
  const group = config.groups.find(({ resources }) =>
    resources.some((one) => one.kind === 'drbd' && one.resource === resource),
  );
  const mysql = group?.resources.find((one) => one.kind === 'mysql');
  if (mysql?.kind !== 'mysql') return { kind: 'unknown', why: 'noDatabase' };
  if (!isPrimary) return { kind: 'unknown', why: 'notMounted' };
  const datadir = actor.datadirOf(mysql);
  return datadir === null ? { kind: 'unknown', why: 'unreadable' } : databasePosition(datadir);
}
