/**
 * One rule broken at a time. Nothing in the core knows of this: a mutant is the real step function
 * with its events, its state or its effects bent on the way in or out.
 */
import type { Disk } from '../../../src/drbd/facts.js';
import type { Effect } from '../../../src/failover/effect.js';
import type { FailoverEvent } from '../../../src/failover/event.js';
import { initialState, type State } from '../../../src/failover/state.js';
import { splitBrainOf } from '../../../src/failover/split-brain.js';
import { step } from '../../../src/failover/step.js';
import type { GroupReport } from '../../../src/heartbeat/report.js';
import { bent, withPeers, withReport, type Mutant } from './bend.js';
import { FINER_MUTANTS } from './finer-mutants.js';
import { MORE_MUTANTS } from './more-mutants.js';

/** A restart in place looks at what it keeps. */
function isLookAtKept(state: State, actionId: string): boolean {
  const group = Object.values(state.groups).find((one) => one.action?.actionId === actionId);
  return group?.life === 'starting' && group.action?.verb === 'probe';
}

/** Says "stopped, and granted" of a group that is still being stopped: Heartbeat's old fault. */
function boast(entry: GroupReport, state: State): GroupReport {
  if (entry.life !== 'stopping') return entry;
  for (const peer of Object.values(state.peers)) {
    const there = peer.report?.groups.find((group) => group.name === entry.name);
    if (there?.claim == null || peer.report === null) continue;
    const { generation } = peer.report;
    const grant = { node: peer.name, generation, epoch: there.claim.epoch };
    return { ...entry, life: 'stopped', claim: null, grant };
  }
  return { ...entry, life: 'stopped', claim: null };
}

function withoutHolds(state: State): State {
  const orders = Object.entries(state.orders).filter(([key]) => !/^(freeze|maintenance)/.test(key));
  return { ...state, orders: Object.fromEntries(orders) };
}

/** What DRBD would say if a broken disk could not be seen. */
function seeingDisks(event: FailoverEvent): FailoverEvent {
  if (event.kind !== 'drbd') return event;
  const whole = <T extends { readonly disk: Disk }>(facts: T): T =>
    facts.disk === 'Diskless' || facts.disk === 'Failed' ? { ...facts, disk: 'UpToDate' } : facts;
  const facts = event.facts.map((one) => ({ ...whole(one), volumes: one.volumes.map(whole) }));
  return { ...event, facts };
}

/** A split brain is settled as soon as it is found, in favour of the second half. */
function settlingAlone(state: State): State {
  const orders = { ...state.orders };
  for (const resource of Object.keys(state.drbd)) {
    const found = splitBrainOf(state, resource);
    const key = `discard.${resource}`;
    if (found?.fingerprint == null || (orders[key]?.value ?? '-') !== '-') continue;
    const [victim = ''] = found.sides.map(({ node }) => node).sort();
    const value = `${victim}/${found.fingerprint}/nobody/-`;
    orders[key] = { key, value, version: (orders[key]?.version ?? 0) + 1, origin: state.spec.self };
  }
  return { ...state, orders };
}

const NO_WAIT = { asked: true, notBeforeMs: 0 } as const;

/** Every mutant, with the number of seeds that is enough to catch it. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'needs no clearance',
    rules: ['S1', 'S2'],
    nodes: 2,
    seedsMax: 5,
    brain: bent({
      before: (state, _, atMs) => withPeers(state, () => ({ clearance: { kind: 'left', atMs } })),
    }),
  },
  {
    name: 'takes silence for death',
    rules: ['S1', 'S2'],
    nodes: 2,
    seedsMax: 10,
    brain: bent({
      before: (state, _, atMs) =>
        withPeers(state, (peer) =>
          peer.verdict === 'dead' ? { clearance: { kind: 'fenced', atMs, how: 'silent' } } : {},
        ),
    }),
  },
  {
    name: 'takes a failed stop for a stop',
    rules: ['S1', 'S3'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      event: (event, state) => {
        if (event.kind !== 'actionResult') return event;
        const isStop = Object.values(state.groups).some(
          ({ action }) => action?.actionId === event.actionId && action.verb === 'stop',
        );
        return isStop ? { ...event, outcome: 'ok', state: 'stopped' } : event;
      },
    }),
  },
  {
    name: 'takes a blind probe for stopped',
    rules: ['S1', 'S2', 'S10'],
    nodes: 2,
    seedsMax: 100,
    brain: bent({
      event: (event) =>
        event.kind === 'actionResult' && event.state === 'unknown' && event.outcome === 'failed'
          ? { ...event, outcome: 'ok', state: 'stopped' }
          : event,
    }),
  },
  {
    name: 'starts afresh as if nothing ran',
    rules: ['S1', 'S2', 'S10'],
    nodes: 2,
    seedsMax: 60,
    brain: {
      step,
      initialState: (spec, generation, saved, nowMs) => {
        const state = initialState(spec, generation, saved, nowMs);
        const groups = Object.values(state.groups).map((group) => [
          group.spec.name,
          {
            ...group,
            life: 'stopped',
            resources: group.resources.map((resource) => ({ ...resource, state: 'stopped' })),
          },
        ]);
        return { ...state, groups: Object.fromEntries(groups) as State['groups'] };
      },
    },
  },
  {
    name: 'promotes any disk',
    rules: ['S4'],
    nodes: 2,
    seedsMax: 30,
    brain: bent({
      event: (event) =>
        event.kind === 'drbd'
          ? {
              ...event,
              facts: event.facts.map((facts) => ({
                ...facts,
                disk: 'UpToDate',
                connection: 'Connected',
                volumes: facts.volumes.map((volume) => ({ ...volume, disk: 'UpToDate' })),
              })),
            }
          : event,
    }),
  },
  {
    name: 'holds its copy for the newest',
    rules: ['S4', 'S1'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      before: (state) => ({
        ...state,
        copies: Object.fromEntries(
          Object.keys(state.drbd).map((name) => [name, { kind: 'current', than: null, ahead: false }]),
        ),
      }),
      event: (event) =>
        withReport(event, (report) => ({
          ...report,
          drbd: report.drbd.map((entry) => ({ ...entry, role: 'Secondary' })),
        })),
    }),
  },
  {
    name: 'forgets the epoch of a claim',
    rules: ['S2'],
    nodes: null,
    seedsMax: 100,
    brain: bent({
      event: (event, state) =>
        withReport(event, (report) => ({
          ...report,
          groups: report.groups.map((entry) => {
            const epoch = state.groups[entry.name]?.claim?.epoch;
            const isOurs = entry.grant?.node === state.spec.self && epoch !== undefined;
            if (!isOurs) return entry;
            const { generation } = state;
            return { ...entry, grant: { node: state.spec.self, generation, epoch } };
          }),
        })),
    }),
  },
  {
    name: 'says stopped before it has stopped',
    rules: ['S1'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      effect: (effect, state) =>
        effect.kind === 'send'
          ? {
              ...effect,
              report: {
                ...effect.report,
                groups: effect.report.groups.map((entry) => boast(entry, state)),
              },
            }
          : effect,
    }),
  },
  {
    name: 'holds on to a clearance when the node is heard again',
    rules: ['S1', 'S2'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      after: (state, before, event) =>
        event.kind === 'report'
          ? withPeers(state, (peer) => ({
              clearance: peer.clearance ?? before.peers[peer.name]?.clearance ?? null,
            }))
          : state,
    }),
  },
  {
    name: 'believes a power reading older than the last word',
    rules: ['S2', 'S1'],
    nodes: null,
    fromSeed: 200,
    seedsMax: 300,
    brain: bent({
      before: (state, event) =>
        event.kind === 'fenceResult'
          ? withPeers(state, (peer) => {
              const { running } = peer.fencing;
              if (running === null) return {};
              const startedMs = Number.POSITIVE_INFINITY;
              return { fencing: { ...peer.fencing, running: { ...running, startedMs } } };
            })
          : state,
    }),
  },
  {
    name: 'shoots without asking and without a head start',
    rules: ['S5'],
    nodes: 2,
    seedsMax: 40,
    brain: bent({
      before: (state) =>
        withPeers(state, (peer) =>
          peer.verdict === 'dead'
            ? { deadSinceMs: -1e9, fencing: { ...peer.fencing, ...NO_WAIT } }
            : {},
        ),
    }),
  },
  {
    name: 'gives no head start',
    rules: ['S5'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      before: (state) =>
        withPeers(state, (peer) => (peer.verdict === 'dead' ? { deadSinceMs: -1e9 } : {})),
    }),
  },
  {
    name: 'shoots a node that it never heard',
    rules: ['S5'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      before: (state) =>
        withPeers(state, (peer) =>
          peer.verdict === 'dead' && peer.life.lastHeardMs === null
            ? { life: { ...peer.life, lastHeardMs: peer.life.sinceMs } }
            : {},
        ),
    }),
  },
  {
    name: 'never tires of a broken power device',
    rules: ['S5'],
    nodes: 2,
    // Nine shots within a minute need a device that is out of order for most of it: one seed in 130.
    seedsMax: 600,
    brain: bent({
      before: (state) =>
        withPeers(state, ({ fencing }) => ({ fencing: { ...fencing, notBeforeMs: 0, shotsMs: [] } })),
    }),
  },
  {
    name: 'shoots without a majority',
    rules: ['S5'],
    nodes: 3,
    seedsMax: 60,
    brain: bent({
      before: (state) => {
        const nodes = [state.spec.self, Object.keys(state.peers)[0] ?? ''];
        return { ...state, spec: { ...state.spec, nodes } };
      },
      after: (state, before) => ({ ...state, spec: before.spec }),
    }),
  },
  {
    name: 'does not notice that it stood still',
    rules: ['S6', 'S2'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      before: (state, _, nowMs) => ({
        ...state,
        health: { ...state.health, lastTurnMs: nowMs, listenUntilMs: 0 },
      }),
    }),
  },
  {
    name: 'decides without a word',
    rules: ['S8'],
    nodes: 2,
    seedsMax: 2,
    brain: bent({ effect: (effect) => (effect.kind === 'log' ? null : effect) }),
  },
  {
    name: 'plays with another configuration',
    rules: ['S9'],
    nodes: 2,
    seedsMax: 60,
    brain: bent({
      event: (event, state) =>
        withReport(event, (report) => ({ ...report, digest: state.spec.digest })),
    }),
  },
  {
    name: 'calls the disk of a peer Outdated before the peer has said so',
    rules: ['I17', 'S4'],
    nodes: 2,
    drbdFencing: 'resource-only',
    seedsMax: 10,
    brain: bent({
      effect: (effect, state) => {
        if (effect.kind !== 'answer' || effect.answer.state !== 'accepted') return effect;
        const { id } = effect.answer;
        if (!state.fencePeers.some(({ requestId }) => requestId === id)) return effect;
        return { ...effect, answer: { ...effect.answer, state: 'done', peerFate: 'outdated' } };
      },
    }),
  },
  {
    name: 'calls a silent peer fenced before it is off',
    rules: ['I17', 'S4'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    seedsMax: 60,
    brain: {
      initialState,
      step: (state, event, nowMs) => {
        const result = step(state, event, nowMs);
        const lies = result.state.fencePeers
          .filter(({ node }) => result.state.peers[node]?.verdict === 'dead')
          .map(({ requestId: id }): Effect => {
            const words = { message: 'it is silent', progress: [], exit: 'ok' } as const;
            return { kind: 'answer', answer: { id, state: 'done', peerFate: 'fenced', ...words } };
          });
        return { ...result, effects: [...result.effects, ...lies] };
      },
    },
  },
  {
    name: 'answers that its disk is Outdated and leaves it as it is',
    rules: ['I17', 'S4'],
    nodes: 2,
    drbdFencing: 'resource-and-stonith',
    seedsMax: 10,
    brain: bent({
      after: (state) => ({
        ...state,
        outdatings: state.outdatings.map((entry) => ({ ...entry, outcome: 'outdated' })),
      }),
      effect: (effect) => (effect.kind === 'outdate' ? null : effect),
    }),
  },
  {
    name: 'restarts in place on what did not show that it runs',
    rules: ['S10'],
    nodes: 2,
    fromSeed: 100,
    seedsMax: 200,
    brain: bent({
      event: (event, state) =>
        event.kind === 'actionResult' && isLookAtKept(state, event.actionId)
          ? { ...event, outcome: 'ok', state: 'started' }
          : event,
    }),
  },
  {
    name: 'starts from the right',
    rules: ['S10'],
    nodes: 2,
    seedsMax: 2,
    brain: bent({
      effect: (effect) =>
        effect.kind === 'run' && effect.verb === 'start'
          ? { ...effect, index: 3 - effect.index }
          : effect,
    }),
  },
  {
    name: 'moves to the better connected node at once',
    rules: ['P1'],
    nodes: 2,
    seedsMax: 30,
    brain: bent({
      before: (state) => ({
        ...state,
        comparisons: Object.fromEntries(
          Object.entries(state.comparisons).map(([node, comparison]) => [
            node,
            { ...comparison, sinceMs: Number.NEGATIVE_INFINITY },
          ]),
        ),
      }),
    }),
  },
  {
    name: 'follows the better connected node without rest',
    rules: ['P1'],
    nodes: 2,
    seedsMax: 30,
    brain: bent({
      before: (state) => ({
        ...state,
        reachMoves: Object.fromEntries(
          Object.entries(state.reachMoves).map(([group, moves]) => [group, { ...moves, atMs: [] }]),
        ),
      }),
    }),
  },
  {
    name: 'does not see that a disk is gone',
    rules: ['S4', 'liveness'],
    nodes: 2,
    upkeep: ['disk'],
    seedsMax: 10,
    brain: bent({ event: seeingDisks }),
  },
  {
    name: 'believes one device of a level',
    rules: ['I14', 'S1', 'S2'],
    nodes: 2,
    upkeep: ['outlet'],
    powerDevices: 'outlets',
    seedsMax: 60,
    brain: {
      initialState,
      step,
      judgeLevel: (order, results) => {
        const outcome = results.some((one) => one.outcome === 'off') ? 'off' : 'failed';
        return { fenceId: order.fenceId, outcome, reason: 'one of them said so' };
      },
    },
  },
  {
    name: 'takes the shorter patience at once while nodes are reloaded',
    rules: ['S5'],
    nodes: 2,
    upkeep: ['rollingReload'],
    seedsMax: 10,
    brain: bent({
      after: (state) => {
        const { timingToCome, spec } = state;
        if (timingToCome === null) return state;
        return { ...state, spec: { ...spec, heartbeat: timingToCome }, timingToCome: null };
      },
    }),
  },
  {
    name: 'takes half a reload: the digest, and not the timing',
    rules: ['S5'],
    nodes: 2,
    upkeep: ['rollingReload'],
    seedsMax: 10,
    brain: bent({
      after: (state, { spec }) => ({
        ...state,
        spec: { ...state.spec, heartbeat: spec.heartbeat },
        timingToCome: null,
      }),
    }),
  },
  {
    name: 'settles a split brain without a person',
    rules: ['I13'],
    nodes: 2,
    upkeep: ['clockStep'],
    // Two that wrote alone and meet again are rare.
    seedsMax: 60,
    brain: bent({ before: settlingAlone }),
  },
  {
    name: 'takes over what is frozen when its node falls silent',
    rules: ['I11'],
    nodes: 2,
    seedsMax: 150,
    brain: bent({
      before: (state) =>
        Object.values(state.peers).some((peer) => peer.verdict === 'dead')
          ? withoutHolds(state)
          : state,
    }),
  },
  ...MORE_MUTANTS,
  ...FINER_MUTANTS,
];
