/** Mutants of rules that have one of their own only: absence, answers, orders of persons, memory. */
import { splitBrainOf } from '../../../src/failover/split-brain.js';
import type { Effect } from '../../../src/failover/effect.js';
import { initialState, type Peer, type SavedFacts, type State } from '../../../src/failover/state.js';
import { step } from '../../../src/failover/step.js';
import { witnessAbsence } from '../witness.js';
import { bent, withPeers, type Mutant } from './bend.js';

/** An order of a person that nobody has given: to use the old copy of every group. */
function ordersOldData(state: State, nowMs: number): State {
  const forces = Object.keys(state.groups).map((group) => [
    group,
    { group, by: 'nobody', reason: null, loss: 'nothing', askedMs: nowMs, end: null },
  ]);
  return { ...state, forces: Object.fromEntries(forces) as State['forces'] };
}

/** An order to fence that never ends. */
function withEndlessOrder(peer: Peer): Partial<Peer> {
  const { fencing } = peer;
  if (fencing.order === null || peer.clearance !== null) return {};
  return { fencing: { ...fencing, order: { ...fencing.order, end: null, failures: 0 } } };
}

/** No absence looks longer than just below deadtime. */
function withShortStalls(state: State, nowMs: number): State {
  const { health, spec } = state;
  const lastTurnMs = Math.max(health.lastTurnMs, nowMs - spec.heartbeat.deadtimeMs + 1);
  return { ...state, health: { ...health, lastTurnMs } };
}

const neverAway = bent({ before: (state, _, nowMs) => withShortStalls(state, nowMs) });

/** Gives up its own half of a split brain under the service. */
function discardsPrimary(state: State): readonly Effect[] {
  return Object.values(state.drbd).flatMap(({ resource, role }): readonly Effect[] => {
    if (role !== 'Primary' || splitBrainOf(state, resource)?.isSplitBrain !== true) return [];
    return [{ kind: 'reconnect', reconnectId: 'rash', resource, step: 'discard', generations: {} }];
  });
}

/** Lets go on whatever DRBD holds back. */
function resumesAll({ drbd }: State): readonly Effect[] {
  return Object.values(drbd).flatMap(({ resource, ioSuspended }): readonly Effect[] =>
    ioSuspended ? [{ kind: 'resumeIo', resumeId: 'rash', resource }] : [],
  );
}

/** Lets it go on when no handler asks any more and the other node is silent. */
function resumesForSilence(state: State): readonly Effect[] {
  if (!Object.values(state.peers).some(({ verdict }) => verdict === 'dead')) return [];
  return resumesAll(state).filter(
    (effect) =>
      effect.kind === 'resumeIo' &&
      state.fencePeers.every(({ resource }) => resource !== effect.resource),
  );
}

function isHold(key: string): boolean {
  return /^(freeze|maintenance)/.test(key);
}

function withoutHolds(state: State): State {
  const orders = Object.entries(state.orders).filter(([key]) => !isHold(key));
  return { ...state, orders: Object.fromEntries(orders) };
}

/** What the state file would hold if holds were not written down. */
function withoutSavedHolds(saved: SavedFacts): SavedFacts {
  return { ...saved, orders: saved.orders.filter(({ key }) => !isHold(key)) };
}

export const MORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'keeps an old clearance over an absence',
    rules: ['S7'],
    nodes: 2,
    operators: ['lastResorts'],
    seedsMax: 60,
    brain: neverAway,
  },
  {
    name: 'would keep an old clearance over an absence, if there were one',
    rules: ['S7'],
    nodes: 2,
    seedsMax: 5,
    brain: { initialState, step: witnessAbsence((...turn) => neverAway.step(...turn)) },
  },
  {
    name: 'obeys an old configuration fingerprint',
    rules: ['S9'],
    nodes: 2,
    upkeep: ['rollingReload'],
    seedsMax: 10,
    brain: bent({
      after: (state, { spec }) => ({ ...state, spec: { ...state.spec, digest: spec.digest } }),
    }),
  },
  {
    name: 'uses old data and nobody has ordered it',
    rules: ['S4'],
    nodes: 2,
    seedsMax: 10,
    brain: bent({ before: (state, _, nowMs) => ordersOldData(state, nowMs) }),
  },
  {
    name: 'names nothing as lost when old data is used by order',
    rules: ['S4'],
    nodes: 2,
    operators: ['lastResorts'],
    seedsMax: 200,
    brain: bent({
      effect: (effect) =>
        effect.kind === 'answer' && effect.answer.state === 'accepted'
          ? { ...effect, answer: { ...effect.answer, message: 'It is done, and nothing is lost' } }
          : effect,
    }),
  },
  {
    name: 'goes on shooting by an order that is over',
    rules: ['S5'],
    nodes: 2,
    operators: ['commands', 'lastResorts'],
    seedsMax: 60,
    brain: bent({ after: (state) => withPeers(state, withEndlessOrder) }),
  },
  {
    name: 'takes every order to fence for one that means a node which is well',
    rules: ['S5'],
    nodes: 2,
    operators: ['commands', 'lastResorts'],
    seedsMax: 60,
    brain: bent({
      event: (event) =>
        event.kind === 'operator' && event.request.kind === 'fence'
          ? { ...event, request: { ...event.request, sure: true } }
          : event,
    }),
  },
  {
    name: 'calls a move done as soon as it is asked for',
    rules: ['I10'],
    nodes: 2,
    operators: ['commands'],
    seedsMax: 60,
    brain: bent({
      effect: (effect) => {
        if (effect.kind !== 'answer' || !effect.answer.message.startsWith('Moving ')) return effect;
        const node = / to (\S+)$/.exec(effect.answer.message)?.[1] ?? '';
        const message = `it runs on ${node}`;
        return { ...effect, answer: { ...effect.answer, state: 'done', message } };
      },
    }),
  },
  {
    name: 'discards a Primary',
    rules: ['I13'],
    nodes: 2,
    operators: ['lastResorts'],
    seedsMax: 100,
    brain: bent({ more: discardsPrimary }),
  },
  {
    name: 'does not tell which writes DRBD holds back',
    rules: ['I19'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    seedsMax: 30,
    brain: bent({
      event: (event) =>
        event.kind === 'drbd'
          ? { ...event, facts: event.facts.map((facts) => ({ ...facts, ioSuspended: false })) }
          : event,
    }),
  },
  {
    name: 'lets held back writes go on at once, whatever became of the other half',
    rules: ['S4'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    seedsMax: 60,
    brain: bent({ more: resumesAll }),
  },
  {
    name: 'takes silence for death when it lets held back writes go on',
    rules: ['S4'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    hasHandlerTroubles: true,
    seedsMax: 60,
    brain: bent({ more: resumesForSilence }),
  },
  {
    name: 'saves nothing',
    rules: ['S1', 'S2', 'S4', 'I11'],
    nodes: 2,
    operators: ['commands'],
    seedsMax: 100,
    brain: bent({ effect: (effect) => (effect.kind === 'save' ? null : effect) }),
  },
  {
    name: 'asks for no wake-up',
    rules: ['liveness'],
    nodes: 2,
    seedsMax: 5,
    brain: bent({ effect: (effect) => (effect.kind === 'wake' ? null : effect) }),
  },
  {
    name: 'sleeps longer than its watchdog waits',
    rules: ['S6'],
    nodes: 2,
    hasWatchdog: true,
    seedsMax: 30,
    brain: bent({
      effect: (effect, { spec }) =>
        effect.kind === 'wake' ? { ...effect, atMs: effect.atMs + 3 * spec.heartbeat.deadtimeMs } : effect,
    }),
  },
  {
    name: 'judges by the wall clock',
    rules: ['liveness', 'S2', 'S5', 'S6'],
    nodes: 2,
    upkeep: ['clockStep'],
    seedsMax: 30,
    brain: {
      initialState,
      step: (state, event, nowMs) => {
        const aheadMs = state.wallAheadMs ?? 0;
        const result = step(state, event, nowMs + aheadMs);
        const effects = result.effects.map((effect) =>
          effect.kind === 'wake' ? { ...effect, atMs: effect.atMs - aheadMs } : effect,
        );
        return { ...result, effects };
      },
    },
  },
  {
    name: 'forgets holds over a restart of the daemon',
    rules: ['I11'],
    nodes: 2,
    operators: ['commands'],
    seedsMax: 100,
    brain: {
      step,
      initialState: (spec, generation, saved, nowMs) =>
        initialState(spec, generation, withoutSavedHolds(saved), nowMs),
    },
  },
  {
    name: 'mends what is frozen',
    rules: ['I11'],
    nodes: 2,
    seedsMax: 200,
    brain: bent({
      before: (state, event) => (event.kind === 'actionResult' ? withoutHolds(state) : state),
      after: (state, { orders }) => ({ ...state, orders: { ...orders, ...state.orders } }),
    }),
  },
];
