/**
 * How patient each node has to be: by the configuration that it runs with. While nodes are reloaded
 * one after the other, the longer patience and the faster pace of the old and the new one hold,
 * until every node that is not accounted for has told the same digest.
 */
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { KNOWLEDGE_KINDS, type Knowledge } from './knowledge.js';

/** What it has to be told of, the knowledge included. */
export const TIMING_KINDS = [...KNOWLEDGE_KINDS, 'configured'] as const;

export interface Pace {
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
}

/** While nodes are reloaded: how early a node may have been called dead. */
export interface Patience extends Pace {
  readonly earliestDeadtimeMs: number;
}

interface Entry {
  before: Pace;
  now: Pace;
  digest: string;
}

export class Timing {
  readonly #world: World;
  readonly #knowledge: Knowledge;
  readonly #entries = new Map<string, Entry>();

  constructor(world: World, knowledge: Knowledge) {
    this.#world = world;
    this.#knowledge = knowledge;
  }

  /** What a node has to go by now. */
  of(node: string): Patience {
    const entry = this.#entries.get(node);
    if (entry === undefined) {
      const { heartbeat } = this.#world.setup;
      return { ...heartbeat, earliestDeadtimeMs: heartbeat.deadtimeMs };
    }
    const { before, now } = entry;
    return {
      keepaliveMs: Math.min(before.keepaliveMs, now.keepaliveMs),
      deadtimeMs: Math.max(before.deadtimeMs, now.deadtimeMs),
      earliestDeadtimeMs: Math.min(before.deadtimeMs, now.deadtimeMs),
    };
  }

  /** Call it after the knowledge has taken the same observation. */
  take(seen: Observation): void {
    // The rest changes nothing about it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'configured': {
        const before = this.#entries.has(seen.node) ? this.of(seen.node) : seen.heartbeat;
        this.#entries.set(seen.node, { before, now: seen.heartbeat, digest: seen.digest });
        return;
      }
      case 'daemon': {
        const entry = this.#entries.get(seen.node);
        if (seen.what === 'began' && entry !== undefined) entry.before = entry.now;
        return;
      }
      case 'heard':
      case 'fenceEnds':
      case 'answered':
        this.#settle(seen.kind === 'fenceEnds' ? seen.by : seen.node);
        return;
      default:
    }
  }

  #settle(node: string): void {
    const entry = this.#entries.get(node);
    if (entry === undefined || entry.before === entry.now) return;
    const isEveryone = this.#world.setup.nodes.every((other) => {
      const { report, provenOffMs } = this.#knowledge.of(node, other);
      const isAway = provenOffMs !== null || report?.phase === 'left';
      return other === node || isAway || report?.digest === entry.digest;
    });
    if (isEveryone) entry.before = entry.now;
  }
}
