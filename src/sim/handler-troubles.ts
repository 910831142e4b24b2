/**
 * DRBD's fence-peer handlers that are of no use just when they are needed: the program cannot be run,
 * or the daemon that it asks is gone, and at that very moment the other half is lost. Drawn from a
 * stream of its own, so that seeds that were found before keep their meaning.
 */
import { createPrng, type Prng } from '../base/prng.js';
import { between, chance, pickAny } from './draw.js';
import type { Machine } from './machine.js';
import type { Parameters } from './parameters.js';
import { recur } from './recur.js';
import type { Replica } from './replica.js';
import type { World } from './world.js';

/** A handler gives up after five seconds without a daemon (handlers.ts). */
const AWAY_MS = [4_000, 12_000] as const;

/** Makes such trouble as long as `isActive`. */
export function makeHandlersUseless(
  world: World,
  parameters: Parameters,
  isActive: () => boolean,
): void {
  if (!parameters.hasHandlerTroubles || parameters.drbdFencing === 'dont-care') return;
  const prng = createPrng(parameters.seed ^ 0x4a4d);
  recur(world.queue, { prng, meanMs: 2 * parameters.troubleEveryMs, isActive }, () => {
    const replica = pickAny(prng, Object.values(world.replicas));
    const user = replica?.nodes.find((node) => replica.role(node) === 'Primary');
    if (replica === undefined || user === undefined) return;
    fail(world, prng, world.machine(user));
    world.queue.after(between(prng, 0, 1_000), () => lose(world, prng, replica, user));
  });
}

function fail(world: World, prng: Prng, machine: Machine): void {
  const forMs = between(prng, ...AWAY_MS);
  if (chance(prng, 0.5)) {
    world.tell({ kind: 'fault', what: `the fence-peer handler of ${machine.name} cannot be run` });
    machine.handlers.setBroken(true);
    world.queue.after(forMs, () => machine.handlers.setBroken(false));
    return;
  }
  world.tell({ kind: 'fault', what: `the daemon of ${machine.name} is killed before it is asked` });
  machine.crashDaemon();
  world.queue.after(forMs, () => machine.startDaemon());
}

function lose(world: World, prng: Prng, replica: Replica, user: string): void {
  const other = replica.nodes.find((node) => node !== user) ?? user;
  const forMs = between(prng, 1_000, 60_000);
  if (chance(prng, 0.3)) {
    world.tell({ kind: 'fault', what: 'replication is cut' });
    world.setReplication(false);
    world.queue.after(forMs, () => world.setReplication(true));
    return;
  }
  world.tell({ kind: 'fault', what: `the power of ${other} fails` });
  world.machine(other).cutPower();
  world.queue.after(forMs, () => world.machine(other).restorePower());
}
