/**
 * Mutants of finer invariants, most of which break nothing that can be seen in the world: they run with
 * a witness beside them (witness.ts), as the core itself does in the tests of settled and resting.
 */
import { isOtherHalfOff } from '../../../src/failover/clearance.js';
import type { Effect } from '../../../src/failover/effect.js';
import type { FailoverEvent } from '../../../src/failover/event.js';
import { initialState, type Peer, type State } from '../../../src/failover/state.js';
import { step } from '../../../src/failover/step.js';
import type { Brain } from '../../../src/sim/machine-setup.js';
import { Resting, type ShortWay } from '../../../src/sim/resting.js';
import { WitnessedRest, witnessLooks, witnessReviews, witnessSameness } from '../witness.js';
import { bent, type Mutant } from './bend.js';

type Step = Brain['step'];

/** Says nothing that it has just said, and knows that by itself. */
function sayingOnce(): Step {
  let said = '';
  return (state, event, nowMs) => {
    const result = step(state, event, nowMs);
    const effects = result.effects.filter((effect) => {
      if (effect.kind !== 'log') return true;
      const isNew = effect.sentence !== said;
      said = effect.sentence;
      return isNew;
    });
    return { ...result, effects };
  };
}

/** Counts in the very state that it was given. */
const countingInPlace: Step = (state, event, nowMs) => {
  const result = step(state, event, nowMs);
  Object.assign(state, { sequence: result.state.sequence });
  return result;
};

/** After a turn that did nothing, it does nothing for a keepalive. */
function restingTooLong(): Step {
  const restsUntilMs = new WeakMap<State['spec'], number>();
  return (state, event, nowMs) => {
    const atMs = restsUntilMs.get(state.spec) ?? nowMs;
    if (event.kind === 'tick' && nowMs < atMs) return { state, effects: [{ kind: 'wake', atMs }] };
    const result = step(state, event, nowMs);
    const isQuiet = result.effects.every(({ kind }) => kind === 'send' || kind === 'wake');
    const untilMs = nowMs + state.spec.heartbeat.keepaliveMs;
    if (isQuiet) restsUntilMs.set(state.spec, untilMs);
    return result;
  };
}

/** What a look finds counts as if an earlier one had found it, too. */
function suspectingAtOnce(state: State, event: FailoverEvent): State {
  if (event.kind !== 'actionResult') return state;
  const groups = Object.entries(state.groups).map(([name, group]) => {
    const { action, suspects } = group;
    if (action?.verb !== 'monitor' || action.actionId !== event.actionId) return [name, group] as const;
    return [name, { ...group, suspects: { ...suspects, [action.index]: 'it looked bad' } }] as const;
  });
  return { ...state, groups: Object.fromEntries(groups) };
}

/** Wakes up a second later than it has to. */
function sleepingLong(rest: ShortWay): ShortWay {
  const late = (atMs: number): number => atMs + 1_000;
  return {
    get state() {
      return rest.state;
    },
    get calmUntilMs() {
      return rest.calmUntilMs;
    },
    wakeMsAt: (nowMs) => late(rest.wakeMsAt(nowMs)),
    turn: (event, nowMs) => {
      const rested = rest.turn(event, nowMs);
      return rested?.wakeMs == null ? rested : { ...rested, wakeMs: late(rested.wakeMs) };
    },
    isKnown: (words) => rest.isKnown(words),
    read: (link, words, nowMs) => rest.read(link, words, nowMs),
  };
}

/** Marks its own disk Outdated when it has lost the other half, although it is in use. */
function outdatesItself({ drbd }: State): readonly Effect[] {
  return Object.values(drbd).flatMap(({ resource, role, connection }): readonly Effect[] =>
    role === 'Primary' && connection === 'WFConnection'
      ? [{ kind: 'outdate', outdateId: 'rash', resource }]
      : [],
  );
}

/** A claim that stood, and was left for the grant of another one, stands again. */
function standingFirm(state: State, before: State): State {
  const groups = Object.entries(state.groups).map(([name, group]) => {
    const claim = before.groups[name]?.claim ?? null;
    const gaveWay = claim !== null && group.claim === null && group.grant !== null;
    return [name, gaveWay ? { ...group, claim, grant: null } : group] as const;
  });
  return { ...state, groups: Object.fromEntries(groups) };
}

/** Forgets which order a request has given, so that no other one can be found to stand instead. */
function notLookingAround(state: State): State {
  const requests = Object.entries(state.requests).map(
    ([id, request]) => [id, { ...request, order: undefined }] as const,
  );
  return { ...state, requests: Object.fromEntries(requests) };
}

/** And is told as it stands. */
function withClaims(effect: Extract<Effect, { kind: 'send' }>, groups: State['groups']): Effect {
  const told = effect.report.groups.map((entry) => {
    const claim = groups[entry.name]?.claim ?? null;
    const gaveWay = claim !== null && entry.claim === null && entry.grant !== null;
    return gaveWay ? { ...entry, claim, grant: null } : entry;
  });
  return { ...effect, report: { ...effect.report, groups: told } };
}

/** Takes the other half for off when it was so as the last action of the group was ordered. */
function rememberingOrders(): Brain {
  const wasOff = new WeakMap<State['spec'], Record<string, boolean>>();
  return {
    initialState,
    step: (state, event, nowMs) => {
      const result = step(state, event, nowMs);
      const known = { ...wasOff.get(state.spec) };
      for (const effect of result.effects) {
        if (effect.kind === 'run') known[effect.group] = isOtherHalfOff(result.state, effect.group, nowMs);
      }
      wasOff.set(result.state.spec, known);
      return result;
    },
    isOtherHalfOff: ({ spec }, group) => wasOff.get(spec)?.[group] === true,
  };
}

export const FINER_MUTANTS: readonly Mutant[] = [
  {
    name: 'remembers outside of its state what it has said',
    rules: ['I1'],
    nodes: 2,
    seedsMax: 5,
    brain: { initialState, step: witnessSameness(sayingOnce()) },
  },
  {
    name: 'changes the state that it was given',
    rules: ['I1'],
    nodes: 2,
    seedsMax: 5,
    brain: { initialState, step: witnessSameness(countingInPlace) },
  },
  {
    name: 'stops a service for one bad look',
    rules: ['I7'],
    nodes: 2,
    seedsMax: 60,
    brain: {
      initialState,
      step: witnessLooks((state, event, nowMs) => step(suspectingAtOnce(state, event), event, nowMs)),
    },
  },
  {
    name: 'cuts off a node that has only left',
    rules: ['I8'],
    nodes: 2,
    seedsMax: 60,
    brain: {
      initialState,
      step,
      isOtherHalfOff: ({ peers }) => Object.values(peers).some(({ clearance }) => clearance?.kind === 'left'),
    },
  },
  {
    name: 'cuts off by what it knew when the start was ordered',
    rules: ['I8'],
    nodes: 2,
    // A start that hangs, and the other half back and connected before its time is up: rare.
    fromSeed: 150,
    seedsMax: 800,
    brain: rememberingOrders(),
  },
  {
    name: 'takes a machine that is on again for one that is off',
    rules: ['I17', 'I8', 'S4'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    operators: ['lastResorts'],
    seedsMax: 150,
    brain: bent({ before: holdingOnToOff }),
  },
  {
    name: 'calls an order done that the other nodes have not heard of',
    rules: ['I10'],
    nodes: null,
    operators: ['commands', 'worstTime'],
    seedsMax: 60,
    brain: bent({ after: notLookingAround }),
  },
  {
    name: 'marks a disk Outdated that it uses',
    rules: ['I12'],
    nodes: 2,
    drbdFencing: 'resource-only',
    seedsMax: 30,
    brain: bent({ more: outdatesItself }),
  },
  {
    name: 'takes it for settled that nothing is due for a keepalive',
    rules: ['I18'],
    nodes: 2,
    seedsMax: 5,
    brain: { initialState, step: witnessReviews(restingTooLong()) },
  },
  {
    name: 'sleeps too long at rest',
    rules: ['I20'],
    nodes: 2,
    seedsMax: 5,
    brain: {
      initialState,
      step,
      resting: (state, nowMs) => {
        const rest = Resting.of(state, nowMs);
        return rest === null ? null : new WitnessedRest(sleepingLong(rest));
      },
    },
  },
  {
    name: 'does not give way to a stronger claim',
    rules: ['I9'],
    nodes: null,
    seedsMax: 60,
    brain: bent({
      after: standingFirm,
      effect: (effect, { groups }) => (effect.kind === 'send' ? withClaims(effect, groups) : effect),
    }),
  },
];

function holdingOnToOff(state: State): State {
  const peers = Object.entries(state.peers).map(([name, peer]): [string, Peer] => {
    const { clearance } = peer;
    if (clearance?.kind !== 'back') return [name, peer];
    return [name, { ...peer, clearance: { kind: 'fenced', atMs: clearance.atMs, how: 'it was off' } }];
  });
  return { ...state, peers: Object.fromEntries(peers) };
}
