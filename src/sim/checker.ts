import type { Observer } from './observation.js';

/** A broken promise: the rule by its name, and what was seen. */
export interface Violation {
  readonly rule: string;
  readonly sentence: string;
  readonly atMs: number;
}

/** Watches for one kind of broken promise. */
export interface Checker {
  readonly name: string;
  readonly observe: Observer;
}
