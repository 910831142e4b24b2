/**
 * The same turn taken a second time beside the core, where no checker can see the world go wrong: a
 * difference is an error that begins with the number of the invariant, and ends the run.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Effect } from '../../src/failover/effect.js';
import type { FailoverEvent } from '../../src/failover/event.js';
import { turnEveryMs } from '../../src/failover/spec.js';
import type { State } from '../../src/failover/state.js';
import { step, type StepResult } from '../../src/failover/step.js';
import type { Hearing } from '../../src/heartbeat/liveness.js';
import { kindOf } from '../../src/resources/kinds.js';
import type { Words } from '../../src/sim/letters.js';
import type { Brain } from '../../src/sim/machine-setup.js';
import type { Rested, ShortWay } from '../../src/sim/resting.js';

type Step = Brain['step'];

/** I1: the very same turn gives the very same, and leaves what it was given as it was. */
export function witnessSameness(inner: Step): Step {
  return (state, event, nowMs) => {
    const given = structuredClone({ state, event });
    const result = inner(state, event, nowMs);
    if (!isDeepStrictEqual({ state, event }, given)) {
      throw new Error(`I1: ${event.kind}: what a turn was given is not what it was`);
    }
    compare('I1', event.kind, inner(state, event, nowMs), result);
    return result;
  };
}

/**
 * I18: a review that is passed over would have come to nothing. What is remembered belongs to one object
 * of the configuration, so a copy of that remembers nothing.
 */
export function witnessReviews(inner: Step): Step {
  return (state, event, nowMs) => {
    const result = inner(state, event, nowMs);
    const anew: State = { ...state, spec: { ...state.spec } };
    compare('I18', event.kind, result, inner(anew, event, nowMs));
    return result;
  };
}

/** I7: a service that is stopped for the first bad look at a part of it would run on after a good one. */
export function witnessLooks(inner: Step): Step {
  /** `node|group|index` of parts whose last look was bad, or whose server was seen to end. */
  const suspected = new Set<string>();
  return (state, event, nowMs) => {
    const result = inner(state, event, nowMs);
    const { self } = state.spec;
    if (event.kind === 'ended') suspected.add(`${self}|${event.group}|${String(event.index)}`);
    if (event.kind !== 'actionResult') return result;
    const group = Object.values(state.groups).find(({ action }) => action?.actionId === event.actionId);
    if (group?.action?.verb !== 'monitor') return result;
    const { name, resources } = group.spec;
    const { index } = group.action;
    const spec = resources[index];
    const key = `${self}|${name}|${String(index)}`;
    const isGood = event.outcome === 'ok' && event.state === 'started';
    const isFirst = !isGood && !suspected.has(key);
    if (isGood) suspected.delete(key);
    else suspected.add(key);
    const isSure = spec !== undefined && kindOf(spec).isOneLookEnough;
    const stops = ({ groups }: State): boolean =>
      group.life === 'started' && groups[name]?.life === 'stopping';
    if (!isFirst || isSure || !stops(result.state)) return result;
    const good = { ...event, outcome: 'ok', state: 'started' } as const;
    if (stops(inner(state, good, nowMs).state)) return result;
    throw new Error(`I7: ${self} stops ${name} for one look at its part ${String(index)}`);
  };
}

/**
 * S7: whenever another node is accounted for, the same turn at the end of an absence of deadtime would leave
 * no account from before. So it need not happen that a node is away just then.
 */
export function witnessAbsence(inner: Step): Step {
  return (state, event, nowMs) => {
    const { spec, health, peers } = state;
    if (event.kind === 'tick' && Object.values(peers).some(({ clearance }) => clearance !== null)) {
      const lastTurnMs = nowMs - turnEveryMs(spec) - spec.heartbeat.deadtimeMs;
      const away: State = { ...state, spec: { ...spec }, health: { ...health, lastTurnMs } };
      const after = Object.values(inner(away, event, nowMs).state.peers);
      const old = after.find(({ clearance }) => (clearance?.atMs ?? nowMs) !== nowMs);
      if (old !== undefined) {
        throw new Error(`S7: away for deadtime, ${spec.self} would count ${old.name} as ${String(old.clearance?.kind)}`);
      }
    }
    return inner(state, event, nowMs);
  };
}

/** I20: the short way through turns at rest, with the core beside it. */
export class WitnessedRest implements ShortWay {
  readonly inner: ShortWay;
  readonly #count: (what: 'rested' | 'lain') => void;

  /** `count`: a turn at rest when something came, or for a letter that had lain there. */
  constructor(resting: ShortWay, count: (what: 'rested' | 'lain') => void = () => undefined) {
    this.inner = resting;
    this.#count = count;
  }

  get state(): State {
    return this.inner.state;
  }

  get calmUntilMs(): number {
    return this.inner.calmUntilMs;
  }

  wakeMsAt(nowMs: number): number {
    return this.inner.wakeMsAt(nowMs);
  }

  isKnown(words: Words): boolean {
    return this.inner.isKnown(words);
  }

  turn(event: FailoverEvent, nowMs: number): Rested | null {
    const full = step(this.state, event, nowMs);
    const result = this.inner.turn(event, nowMs);
    if (result === null) return null;
    const { runs, says, wakeMs } = result;
    const effects: Effect[] = [...runs];
    if (says !== null) effects.push({ kind: 'send', report: says.report });
    if (wakeMs !== null) effects.push({ kind: 'wake', atMs: wakeMs });
    compare('I20', event.kind, { state: this.state, effects }, full);
    this.#count('rested');
    return result;
  }

  read(link: string, words: Words, nowMs: number): Hearing {
    const full = step(this.state, { kind: 'report', link, report: words.report }, nowMs);
    const hearing = this.inner.read(link, words, nowMs);
    const wake = { kind: 'wake', atMs: this.wakeMsAt(nowMs) } as const;
    compare('I20', 'a letter', { state: this.state, effects: hearing === 'new' ? [wake] : [] }, full);
    this.#count('lain');
    return hearing;
  }
}

function compare(rule: string, what: string, result: StepResult, other: StepResult): void {
  if (isDeepStrictEqual(result, other)) return;
  const parts = Object.keys(other.state) as (keyof State)[];
  const differ = parts.filter((name) => !isDeepStrictEqual(result.state[name], other.state[name]));
  const [was, is] = [result, other].map(({ effects }) => effects.map(({ kind }) => kind).join(' '));
  const effects = was === is ? '' : `; effects: ${was ?? ''} / ${is ?? ''}`;
  throw new Error(`${rule}: ${what}: ${differ.join(', ')} differ${effects}`);
}
