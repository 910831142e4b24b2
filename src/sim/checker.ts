import type { Kind, Observer } from './observation.js';
import type { World } from './world.js';

/** A broken promise: the rule by its name, and what was seen. */
export interface Violation {
  readonly rule: string;
  readonly sentence: string;
  readonly atMs: number;
}

/** Watches for one kind of broken promise. */
export interface Checker {
  readonly name: string;
  /** Lets it watch a world. */
  readonly watch: (world: World) => void;
}

/** A checker that has to see happenings of these kinds, and of no other. */
export function checker<Seen extends Kind>(
  name: string,
  kinds: readonly Seen[],
  observe: Observer<Seen>,
): Checker {
  return { name, watch: (world) => world.observe(observe, kinds) };
}
