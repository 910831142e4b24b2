/**
 * How patient each node has to be: by the configuration that it runs with. While nodes are reloaded
 * one after the other, the longer patience and the faster pace of the old and the new one hold,
 * until every node that is not accounted for has told the same digest.
 */
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { KNOWLEDGE_KINDS, type Knowledge } from './knowledge.js';

/** What it has to be told of, the knowledge included. */
export const TIMING_KINDS = [...KNOWLEDGE_KINDS, 'configured', 'turned'] as const;

/** Clocks may run wrong by this much. */
const CLOCK_SLACK = 1.02;

export interface Pace {
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
}

interface Entry {
  before: Pace;
  now: Pace;
  digest: string;
  readonly groups: readonly string[];
  /** Patience that does not hold any more, and until when it did. */
  readonly past: { readonly deadtimeMs: number; readonly untilMs: number }[];
}

export class Timing {
  readonly #world: World;
  readonly #knowledge: Knowledge;
  readonly #entries = new Map<string, Entry>();
  /** `node|other`: a last word to this life, which named every group of the configuration of then. */
  readonly #left = new Set<string>();

  constructor(world: World, knowledge: Knowledge) {
    this.#world = world;
    this.#knowledge = knowledge;
  }

  /** What a node has to go by now. */
  of(node: string): Pace {
    const entry = this.#entries.get(node);
    if (entry === undefined) return this.#world.setup.heartbeat;
    const { before, now } = entry;
    return {
      keepaliveMs: Math.min(before.keepaliveMs, now.keepaliveMs),
      deadtimeMs: Math.max(before.deadtimeMs, now.deadtimeMs),
    };
  }

  /** S7: the node stood still for so long that what it knew before is void. */
  isAbsence({ node, lateMs }: Extract<Observation, { kind: 'turned' }>): boolean {
    const { deadtimeMs, keepaliveMs } = this.of(node);
    // A turn is due every half keepalive; the rest is for clocks that run wrong.
    return lateMs > CLOCK_SLACK * deadtimeMs + keepaliveMs;
  }

  /** When a node silent since then was called dead at the earliest: by the patience of that time. */
  calledDeadMs(node: string, silentSinceMs: number): number {
    const past = this.#entries.get(node)?.past ?? [];
    const then = past
      .map(({ deadtimeMs, untilMs }) => ({ atMs: silentSinceMs + deadtimeMs, untilMs }))
      .filter(({ atMs, untilMs }) => atMs <= untilMs)
      .map(({ atMs }) => atMs);
    return Math.min(silentSinceMs + this.of(node).deadtimeMs, ...then);
  }

  /** Call it after the knowledge has taken the same observation. */
  take(seen: Observation, nowMs: number): void {
    // The rest changes nothing about it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'configured': {
        const before = this.#entries.has(seen.node) ? this.of(seen.node) : seen.heartbeat;
        this.#rest(seen.node, nowMs);
        const past = this.#entries.get(seen.node)?.past ?? [];
        const { digest, groups, heartbeat: now } = seen;
        this.#entries.set(seen.node, { before, now, digest, groups, past });
        return;
      }
      case 'daemon': {
        const entry = this.#entries.get(seen.node);
        if (seen.what !== 'began' || entry === undefined) return;
        // A last word to an earlier life is none to this one.
        this.#forgetLeft(seen.node);
        entry.past.length = 0;
        entry.before = entry.now;
        return;
      }
      case 'turned':
        if (this.isAbsence(seen)) this.#forget(seen.node, nowMs);
        return;
      case 'heard':
        this.#noteLeft(seen.node, seen.report.node);
        this.#settle(seen.node, nowMs);
        return;
      case 'heardForeign':
        this.#noteLeft(seen.node, seen.about);
        return;
      case 'fenceEnds':
      case 'answered':
        this.#settle(seen.kind === 'fenceEnds' ? seen.by : seen.node, nowMs);
        return;
      default:
    }
  }

  #forget(node: string, nowMs: number): void {
    this.#knowledge.forgetProofs(node, nowMs);
    this.#forgetLeft(node);
  }

  #forgetLeft(node: string): void {
    for (const key of this.#left) if (key.startsWith(`${node}|`)) this.#left.delete(key);
  }

  /** What held until now is remembered. */
  #rest(node: string, nowMs: number): void {
    const { deadtimeMs } = this.of(node);
    this.#entries.get(node)?.past.push({ deadtimeMs, untilMs: nowMs });
  }

  /** "Everything is stopped" is said of the groups that are named. */
  #noteLeft(node: string, other: string): void {
    const { report } = this.#knowledge.of(node, other);
    if (report === null || !this.#knowledge.hasLeft(node, other)) {
      if (this.#left.size > 0) this.#left.delete(`${node}|${other}`);
      return;
    }
    const entry = this.#entries.get(node);
    const groups = entry?.groups ?? this.#world.setup.groups.map(({ name }) => name);
    const isNamed = (group: string): boolean => report.groups.some(({ name }) => name === group);
    if (groups.every(isNamed)) this.#left.add(`${node}|${other}`);
  }

  #settle(node: string, nowMs: number): void {
    const entry = this.#entries.get(node);
    if (entry === undefined || entry.before === entry.now) return;
    const isEveryone = this.#world.setup.nodes.every((other) => {
      const { report, provenOffMs } = this.#knowledge.of(node, other);
      const isAway = provenOffMs !== null || this.#left.has(`${node}|${other}`);
      return other === node || isAway || report?.digest === entry.digest;
    });
    if (!isEveryone) return;
    this.#rest(node, nowMs);
    entry.before = entry.now;
  }
}
