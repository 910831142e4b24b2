/**
 * What each node was told and how patient it has to be, once for each world: all checkers go by it.
 * It has taken in what happens before any of them is told.
 */
import { checker } from '../../../src/sim/checker.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge } from './knowledge.js';
import { Timing, TIMING_KINDS } from './timing.js';

export interface Account {
  readonly knowledge: Knowledge;
  readonly timing: Timing;
}

/** What each daemon has heard from its kernel: whose half connects is not off any more. */
class Links {
  readonly #world: World;
  /** `node|resource` -> the word of its kernel when it was asked last. */
  readonly #links = new Map<string, boolean>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The nodes whose halves have connected. */
  take(seen: Observation): readonly string[] {
    if (seen.kind === 'daemon') {
      for (const key of this.#links.keys()) if (key.startsWith(`${seen.node}|`)) this.#links.delete(key);
    }
    if (seen.kind !== 'turned' || seen.cause !== 'drbd') return [];
    const { node } = seen;
    return Object.values(this.#world.replicas).flatMap((replica) => {
      if (!replica.has(node)) return [];
      const isTied = TIED.includes(replica.facts(node).connection);
      const wasTied = this.#links.get(`${node}|${replica.resource}`);
      this.#links.set(`${node}|${replica.resource}`, isTied);
      return isTied && wasTied === false ? replica.nodes.filter((name) => name !== node) : [];
    });
  }
}

const TIED: readonly string[] = ['Connected', 'SyncSource', 'SyncTarget'];

const accounts = new WeakMap<World, Account>();

/** Ask for it before the checkers watch. */
export function accountOf(world: World): Account {
  const known = accounts.get(world);
  if (known !== undefined) return known;
  const knowledge = new Knowledge(world);
  const timing = new Timing(world, knowledge);
  const links = new Links(world);
  checker('account', TIMING_KINDS, (seen, atMs) => {
    knowledge.take(seen, atMs);
    for (const about of links.take(seen)) knowledge.disproveOff(seen.node, about);
    timing.take(seen, atMs);
  }).watch(world);
  const account = { knowledge, timing };
  accounts.set(world, account);
  return account;
}
