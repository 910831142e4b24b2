/**
 * Disks of state files that hang: for moments, and for so long that a watchdog is fed no more. Drawn
 * from a stream of its own, so that seeds that were found before keep their meaning.
 */
import { createPrng } from '../base/prng.js';
import { between, pick, pickAny } from './draw.js';
import type { Parameters } from './parameters.js';
import { recur } from './recur.js';
import type { World } from './world.js';

/** A busy moment, or well beyond the limit of a watchdog (heartbeat/watchdog.ts). */
const HANGS_MS = [
  [500, 5_000],
  [20_000, 90_000],
] as const;

/** Lets them hang as long as `isActive`. */
export function makeDisksHang(world: World, parameters: Parameters, isActive: () => boolean): void {
  if (!parameters.hasHangingDisks) return;
  const prng = createPrng(parameters.seed ^ 0x4a96);
  const meanMs = 2 * parameters.troubleEveryMs;
  recur(world.queue, { prng, meanMs, isActive }, () => {
    const [shortest, longest] = pick<readonly [number, number]>(prng, [...HANGS_MS]);
    const forMs = Math.round(between(prng, shortest, longest));
    const node = pickAny(prng, world.setup.nodes) ?? '';
    const what = `the disk of the state file of ${node} hangs for ${String(forMs)} ms`;
    world.tell({ kind: 'fault', what });
    world.machine(node).stateDisk.hang(forMs);
  });
}
