/**
 * How long things take in a forecast: as long as they took in this node's history, by the median;
 * what was never measured counts with its time-out, which is said.
 */
import type { State } from '../failover/state.js';
import { kindOf } from '../resources/kinds.js';
import type { ResourceSpec } from '../resources/spec.js';
import type { AgentTiming } from './agents.js';
import { QUICK_AGENTS } from './household.js';

/** One time and where it comes from. */
export interface ExpectedTime {
  /** A phase of the history (`promote`, `stop:mount`, `fencing`). */
  readonly phase: string;
  readonly ms: number;
  readonly basis: 'measured' | 'timeout';
  /** How often it was measured. */
  readonly samples: number;
}

/** A power device that does not tell its time-out: the daemon gives agents this long. */
const FENCE_TIMEOUT_MS_DEFAULT = 60_000;

/** All times that a forecast for this state needs. */
export class ExpectedTimes {
  readonly used: readonly ExpectedTime[];
  readonly #byPhase: ReadonlyMap<string, ExpectedTime>;
  readonly #kinds: ReadonlyMap<ResourceSpec['kind'], string>;

  constructor(state: State) {
    const measured = measuredPhases(state);
    const resources = state.spec.groups.flatMap((group) => group.resources);
    const limits = new Map<string, number>([['fencing', fenceTimeoutMs(state)]]);
    this.#kinds = new Map(resources.map((spec) => [spec.kind, kindOf(spec).phase]));
    for (const spec of resources) {
      const { phase, startTimeoutMs, stopTimeoutMs } = kindOf(spec);
      limits.set(phase, startTimeoutMs);
      limits.set(`stop:${phase}`, stopTimeoutMs);
    }
    this.used = [...limits].map(([phase, limitMs]) => timeOf(phase, measured.get(phase), limitMs));
    this.#byPhase = new Map(this.used.map((time) => [time.phase, time]));
  }

  get longestMs(): number {
    return Math.max(...this.used.map((time) => time.ms));
  }

  get fencingMs(): number {
    return this.#ms('fencing');
  }

  /** The same as times of agents. */
  agents(): AgentTiming {
    const startMs = { ...QUICK_AGENTS.startMs };
    const stopMs = { ...QUICK_AGENTS.stopMs };
    for (const [kind, phase] of this.#kinds) {
      startMs[kind] = this.#ms(phase);
      stopMs[kind] = this.#ms(`stop:${phase}`);
    }
    return { startMs, stopMs, probeMs: QUICK_AGENTS.probeMs };
  }

  #ms(phase: string): number {
    return this.#byPhase.get(phase)?.ms ?? 0;
  }
}

function timeOf(phase: string, durations: readonly number[] = [], limitMs: number): ExpectedTime {
  const sorted = [...durations].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return { phase, ms: limitMs, basis: 'timeout', samples: 0 };
  return { phase, ms: median, basis: 'measured', samples: sorted.length };
}

function measuredPhases(state: State): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { name, startedMs, endedMs, outcome } of state.history.flatMap((o) => o.phases)) {
    if (endedMs === null || outcome !== 'done') continue;
    found.set(name, [...(found.get(name) ?? []), endedMs - startedMs]);
  }
  return found;
}

function fenceTimeoutMs(state: State): number {
  const devices = Object.values(state.spec.fencing).flat(2);
  const limits = devices.flatMap((device) => {
    const isObject = typeof device === 'object' && device !== null;
    const limit = isObject && 'timeoutMs' in device ? device.timeoutMs : null;
    return typeof limit === 'number' ? [limit] : [];
  });
  return Math.max(0, ...limits) || FENCE_TIMEOUT_MS_DEFAULT;
}
