import type { Prng } from '../base/prng.js';

/** True with this probability. */
export function chance(prng: Prng, probability: number): boolean {
  return probability > 0 && prng.next() < probability;
}

/** A number in [low, high). */
export function between(prng: Prng, low: number, high: number): number {
  return low + prng.next() * (high - low);
}

/** One of several; the list is not empty. */
export function pick<T>(prng: Prng, list: readonly [T, ...T[]]): T {
  return list[prng.below(list.length)] ?? list[0];
}

/** One of several, undefined of none. */
export function pickAny<T>(prng: Prng, list: readonly T[]): T | undefined {
  return list[prng.below(Math.max(1, list.length))];
}
