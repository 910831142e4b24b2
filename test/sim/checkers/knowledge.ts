/**
 * What each node was told by the world, kept apart from what its core makes of it: the newest
 * report of every other node, and every proof that a node is off.
 */
import type { Report } from '../../../src/heartbeat/report.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';

export interface Told {
  /** The newest report, by (generation, sequence). */
  report: Report | null;
  /** Of the newest message, whether this node could read it or not. */
  generation: number;
  sequence: number;
  heardMs: number | null;
  /** When anything at all was heard of it, in whatever protocol. */
  signMs: number | null;
  /** When power state or operator proved it off; null when it was heard since, or never proven. */
  provenOffMs: number | null;
  /** An account of it was void after an absence of the node that had it, and nothing came since. */
  isForgotten: boolean;
  /** The generation that ran when the shot under way began. */
  shotGeneration: number | null;
}

const NOTHING: Told = {
  report: null,
  generation: 0,
  sequence: 0,
  heardMs: null,
  signMs: null,
  provenOffMs: null,
  isForgotten: false,
  shotGeneration: null,
};

/** The kinds of happenings that `take` takes in. */
export const KNOWLEDGE_KINDS = [
  ...(['daemon', 'heard', 'heardForeign', 'fence', 'fenceEnds', 'asked', 'answered'] as const),
];

/** What every node was told about every other one since its daemon began. */
export class Knowledge {
  readonly #told = new Map<string, Map<string, Told>>();
  /** Id of a confirmation that is not answered -> the node that it is about. */
  readonly #asked = new Map<string, string>();
  readonly #generation = new Map<string, number>();
  readonly #world: World | null;

  /** Null: no disk keeps anything. */
  constructor(world: World | null) {
    this.#world = world;
  }

  of(node: string, about: string): Told {
    const row = this.#told.get(node);
    const known = row?.get(about);
    if (known !== undefined) return known;
    const told: Told = { ...NOTHING };
    if (row === undefined) this.#told.set(node, new Map<string, Told>([[about, told]]));
    else row.set(about, told);
    return told;
  }

  generation(node: string): number {
    return this.#generation.get(node) ?? 0;
  }

  /**
   * True when the newest word of a node, readable or not, is its last one, and was said to this very
   * life of the other one: an older last word may come late.
   */
  hasLeft(node: string, about: string): boolean {
    const { report, generation, sequence } = this.of(node, about);
    const isNewest = report?.generation === generation && report.sequence === sequence;
    return isNewest && report.phase === 'left' && report.hears?.[node] === this.generation(node);
  }

  /** A node that was away this long must not rely on anything old (S7). */
  forgetProofs(node: string, nowMs: number): void {
    for (const told of this.#told.get(node)?.values() ?? []) {
      if (told.provenOffMs !== null && told.provenOffMs !== nowMs) {
        told.provenOffMs = null;
        told.isForgotten = true;
      }
      const isOld = told.heardMs !== nowMs;
      if (!isOld || told.report?.phase !== 'left') continue;
      told.report = { ...told.report, phase: 'up' };
      told.isForgotten = true;
    }
  }

  take(seen: Observation, nowMs: number): void {
    // Most of what happens is no knowledge.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'daemon':
        this.#begin(seen.node, seen.generation);
        return;
      case 'heard': {
        const told = this.of(seen.node, seen.report.node);
        if (!isNews(told, seen.report, nowMs)) return;
        told.report = seen.report;
        told.heardMs = nowMs;
        return;
      }
      case 'heardForeign':
        isNews(this.of(seen.node, seen.about), seen.stamp, nowMs);
        return;
      case 'fence':
        if (seen.step === 'shoot') {
          const told = this.of(seen.by, seen.node);
          told.shotGeneration = this.generation(seen.node);
        }
        return;
      case 'fenceEnds':
        this.#fenceEnded(seen, nowMs);
        return;
      case 'asked':
        if (seen.request.kind === 'fenceConfirm') this.#asked.set(seen.id, seen.request.node);
        return;
      case 'answered': {
        const about = this.#asked.get(seen.answer.id);
        this.#asked.delete(seen.answer.id);
        if (about !== undefined && about !== seen.node && seen.answer.state === 'done') {
          this.#proveOff(seen.node, about, nowMs);
        }
        return;
      }
      default:
    }
  }

  #proveOff(node: string, about: string, nowMs: number): void {
    const told = this.of(node, about);
    told.provenOffMs = nowMs;
    told.isForgotten = false;
  }

  /** What others said is gone with a daemon; which life of theirs was the newest is on its disk. */
  #begin(node: string, generation: number): void {
    for (const [about, told] of this.#told.get(node) ?? []) {
      const life = this.#world?.machine(node).state?.peers[about]?.life;
      Object.assign(told, { ...NOTHING, generation: life?.generation ?? 0 });
    }
    this.#generation.set(node, generation);
  }

  #fenceEnded(seen: Extract<Observation, { kind: 'fenceEnds' }>, nowMs: number): void {
    if (seen.outcome !== 'off') return;
    const told = this.of(seen.by, seen.node);
    const spokeSince = told.signMs !== null && told.signMs > seen.sinceMs;
    // What the life that was shot has said, or one before it, was said before it was off.
    const isOldWord = told.generation <= (told.shotGeneration ?? 0);
    if (spokeSince && (seen.step !== 'shoot' || !isOldWord)) return;
    this.#proveOff(seen.by, seen.node, nowMs);
  }
}

/** Takes in that a node was heard; false when something newer was known. It is not off, then. */
function isNews(told: Told, stamp: Pick<Report, 'generation' | 'sequence'>, nowMs: number): boolean {
  const { generation, sequence } = stamp;
  if (generation < told.generation) return false;
  if (generation === told.generation && sequence <= told.sequence) return false;
  Object.assign(told, { generation, sequence, signMs: nowMs, provenOffMs: null, isForgotten: false });
  return true;
}

/** A daemon ends before all that it knew is on its disk: it is killed, or does not wait for a disk that hangs. */
export function endsInHaste(world: World, seen: Extract<Observation, { kind: 'daemon' }>): boolean {
  const { isHanging } = world.machine(seen.node).stateDisk;
  return seen.what === 'crashed' || (seen.what === 'left' && isHanging);
}
