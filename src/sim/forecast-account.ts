/** What is worth telling of a forecast: the sentences in their order, and how long a service was gone. */
import { kindOf } from '../resources/kinds.js';
import type { Observation } from './observation.js';
import type { World } from './world.js';

/** One thing that would happen. `node` is null for a hand of the world. */
export interface ForecastLine {
  readonly atMs: number;
  readonly node: string | null;
  readonly kind: 'fault' | 'decision' | 'service' | 'answer';
  readonly sentence: string;
}

/** Sentences that differ in numbers only are shown this often. */
const REPEATS_SHOWN = 2;

/** Follows a world and keeps what is worth telling. */
export class Account {
  readonly lines: ForecastLine[] = [];
  repeated = 0;
  lastNewsMs = 0;
  readonly #times = new Map<string, number>();
  readonly #used = new Set<string>();
  readonly #lostMs = new Map<string, number>();
  readonly #outageMs = new Map<string, number>();

  constructor(world: World) {
    world.observe((seen, nowMs) => this.#take(world, seen, nowMs));
  }

  hasUsed(phase: string): boolean {
    return this.#used.has(phase);
  }

  /** An outage that goes on is counted to the last news: nothing changes after it. */
  outageMs(group: string, serves: boolean): number {
    const lostMs = this.#lostMs.get(group);
    const open = serves || lostMs === undefined ? 0 : this.lastNewsMs - lostMs;
    return (this.#outageMs.get(group) ?? 0) + open;
  }

  #take(world: World, seen: Observation, nowMs: number): void {
    // The rest goes without saying.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'fault':
        this.#tell(nowMs, null, 'fault', seen.what);
        return;
      case 'serving':
        this.#serves(seen.group, seen.serving, nowMs);
        this.#tell(
          nowMs,
          seen.node,
          'service',
          `${seen.group} ${seen.serving ? 'is there' : 'is gone'}`,
        );
        return;
      case 'answered':
        this.#tell(nowMs, seen.node, 'answer', `${seen.answer.state}: ${seen.answer.message}`);
        return;
      case 'turned':
        for (const effect of seen.effects) {
          if (effect.kind !== 'log') continue;
          this.#tell(nowMs, seen.node, 'decision', effect.sentence);
        }
        return;
      case 'actionBegins':
        this.#use(world, seen);
        return;
      case 'fence':
        if (seen.step === 'shoot') this.#used.add('fencing');
        return;
      default:
    }
  }

  #use(world: World, { group, index, verb }: Extract<Observation, { kind: 'actionBegins' }>): void {
    const spec = world.setup.groups.find((entry) => entry.name === group)?.resources[index];
    if (spec === undefined || (verb !== 'start' && verb !== 'stop')) return;
    const { phase } = kindOf(spec);
    this.#used.add(verb === 'stop' ? `stop:${phase}` : phase);
  }

  #serves(group: string, isServing: boolean, nowMs: number): void {
    const lostMs = this.#lostMs.get(group);
    if (!isServing) this.#lostMs.set(group, lostMs ?? nowMs);
    else if (lostMs !== undefined) {
      this.#outageMs.set(group, (this.#outageMs.get(group) ?? 0) + nowMs - lostMs);
      this.#lostMs.delete(group);
    }
  }

  #tell(atMs: number, node: string | null, kind: ForecastLine['kind'], sentence: string): void {
    const key = `${node ?? ''}|${sentence.replace(/(?<![\w.-])\d[\d.]*/g, '#')}`;
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, times);
    if (times > REPEATS_SHOWN) {
      this.repeated += 1;
      return;
    }
    this.lastNewsMs = atMs;
    this.lines.push({ atMs: Math.round(atMs), node, kind, sentence });
  }
}
