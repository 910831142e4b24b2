/**
 * What each node was told and how patient it has to be, once for each world: all checkers go by it.
 * It has taken in what happens before any of them is told.
 */
import { checker } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge } from './knowledge.js';
import { Timing, TIMING_KINDS } from './timing.js';

export interface Account {
  readonly knowledge: Knowledge;
  readonly timing: Timing;
}

const accounts = new WeakMap<World, Account>();

/** Ask for it before the checkers watch. */
export function accountOf(world: World): Account {
  const known = accounts.get(world);
  if (known !== undefined) return known;
  const knowledge = new Knowledge(world);
  const timing = new Timing(world, knowledge);
  checker('account', TIMING_KINDS, (seen, atMs) => {
    knowledge.take(seen, atMs);
    timing.take(seen, atMs);
  }).watch(world);
  const account = { knowledge, timing };
  accounts.set(world, account);
  return account;
}
