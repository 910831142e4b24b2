/**
 * What would happen: a world is built from what one node knows, its core's own state and the
 * newest reports of the others; something is made to fail in it, and the very same core decides.
 * Nothing real is touched: there is nothing here that could.
 */
import { assertNever } from '../base/assert.js';
import type { OperatorRequest } from '../base/control.js';
import type { Disk } from '../drbd/facts.js';
import { initialState, type State } from '../failover/state.js';
import { step } from '../failover/step.js';
import { viewStatus } from '../failover/view.js';
import { ExpectedTimes, type ExpectedTime } from './expected-times.js';
import { LAN_REPLICA } from './household.js';
import { GOOD_LAN } from './network.js';
import { Account, type ForecastLine } from './forecast-account.js';
import type { Truth } from './observation.js';
import type { KnownSide } from './replica.js';
import { isThere, resumedPeer, resumedSelf, type KnownState } from './resume.js';
import { World } from './world.js';

/** What is made to happen, all at once, in this order. Names are valid: the caller checks them. */
export type Injection =
  | { readonly kind: 'nodeFails'; readonly node: string }
  /** Between all nodes. `replication` is the link of DRBD. */
  | { readonly kind: 'linkFails'; readonly link: string }
  | { readonly kind: 'resourceFails'; readonly group: string; readonly index: number }
  | { readonly kind: 'fencingFails'; readonly node: string }
  /** `words` as the operator typed them. */
  | { readonly kind: 'operator'; readonly request: OperatorRequest; readonly words: string };

/** How a group would come out of it. */
export interface ForecastGroup {
  readonly name: string;
  readonly node: string | null;
  readonly state: string;
  readonly reason: string;
  /** Time without the service, from the first failure to the end of the forecast. */
  readonly outageMs: number;
}

/** What would happen. */
export interface Forecast {
  readonly lines: readonly ForecastLine[];
  /** Sentences that came again and again and are not in `lines`. */
  readonly repeated: number;
  readonly groups: readonly ForecastGroup[];
  readonly times: readonly ExpectedTime[];
  /** What had to be assumed. */
  readonly assumptions: readonly string[];
  /** How much time was looked at. */
  readonly untilMs: number;
  /** False when something new still happened at the end of that time. */
  readonly isAtRest: boolean;
}

/** Nothing new for this long, beyond the longest time-out: it stays like that. */
const QUIET_MS = 60_000;
/** A forecast looks ahead this far at most. */
const LIMIT_MS = 3_600_000;
/** A question to a power device. */
const STATUS_MS = 50;

/** Looks ahead from a state. Throws only on a state that no core can have got into. */
export function forecast(
  { state, links, nowMs }: KnownState,
  injections: readonly Injection[],
): Forecast {
  const times = new ExpectedTimes(state);
  const world = worldOf(state, links, times);
  resumeAll(world, state, nowMs);
  const account = new Account(world);
  for (const injection of injections) inject(world, state, injection);
  const quietMs = QUIET_MS + times.longestMs;
  world.run(LIMIT_MS, () => world.nowMs - account.lastNewsMs > quietMs);
  return {
    lines: account.lines,
    repeated: account.repeated,
    groups: state.spec.groups.map(({ name }) => outcomeOf(world, state, name, account)),
    times: times.used.filter(({ phase }) => account.hasUsed(phase)),
    assumptions: assumptionsOf(state),
    untilMs: Math.round(account.lastNewsMs),
    isAtRest: world.nowMs - account.lastNewsMs > quietMs,
  };
}

function worldOf(state: State, links: readonly string[], times: ExpectedTimes): World {
  const { spec } = state;
  return new World({
    seed: 1,
    nodes: spec.nodes,
    groups: spec.groups,
    heartbeat: spec.heartbeat,
    fenceable: spec.nodes.filter((node) => (spec.fencing[node] ?? []).length > 0),
    media: links.map((name) => ({ name, quality: GOOD_LAN })),
    powerTiming: {
      statusMs: STATUS_MS,
      offMs: STATUS_MS,
      confirmMs: Math.max(0, times.fencingMs - 2 * STATUS_MS),
      timeoutMs: times.fencingMs,
      onAgainMs: null,
    },
    agentTiming: times.agents(),
    replicaTiming: LAN_REPLICA,
    bootDisk: 'UpToDate',
    bootMs: 0,
    writeEveryMs: 1_000,
    brain: { initialState, step },
  });
}

function resumeAll(world: World, state: State, nowMs: number): void {
  const { self, nodes } = state.spec;
  const there = nodes.filter((node) => {
    const peer = state.peers[node];
    return node === self || (peer !== undefined && isThere(peer));
  });
  for (const replica of Object.values(world.replicas)) {
    replica.adopt((node) => (there.includes(node) ? sideOf(state, node, replica.resource) : null));
  }
  for (const node of there) {
    const resumed = node === self ? resumedSelf(state) : resumedPeer(state, node, nowMs);
    if (resumed === null) continue;
    const machine = world.machine(node);
    for (const group of Object.values(resumed.groups)) {
      machine.agents.adopt(group.spec.name, group.resources.map((r) => truthOf(r.state)));
    }
    machine.resume(resumed, nowMs);
  }
}

function truthOf(state: string): Truth {
  if (state === 'started') return 'on';
  return state === 'stopped' ? 'off' : 'maybe';
}

function sideOf(state: State, node: string, resource: string): KnownSide | null {
  const own = state.drbd[resource];
  if (node === state.spec.self) {
    if (own === undefined || own.disk === 'Unknown') return null;
    const role = own.role === 'Primary' ? 'Primary' : 'Secondary';
    const wroteAlone = state.copies[resource]?.ahead === true;
    return { role, disk: own.disk, connection: own.connection, wroteAlone };
  }
  const said = state.peers[node]?.report?.drbd.find((entry) => entry.resource === resource);
  if (said === undefined) return null;
  const role = said.role === 'Primary' ? 'Primary' : 'Secondary';
  const wroteAlone = role === 'Primary' && said.connection !== 'Connected';
  return { role, disk: said.disk as Disk, connection: said.connection, wroteAlone };
}

function inject(world: World, state: State, injection: Injection): void {
  const tell = (what: string): void => world.tell({ kind: 'fault', what });
  switch (injection.kind) {
    case 'nodeFails':
      tell(`the power of ${injection.node} fails`);
      world.machine(injection.node).cutPower();
      return;
    case 'linkFails':
      cutLink(world, injection.link);
      return;
    case 'resourceFails':
      failResource(world, injection.group, injection.index);
      return;
    case 'fencingFails':
      tell(`the power device of ${injection.node} refuses every order`);
      world.power.setMood(injection.node, 'fails');
      return;
    case 'operator':
      tell(`an operator on ${state.spec.self} types: tandem ${injection.words}`);
      world.operator(state.spec.self, injection.request);
      return;
    default:
      assertNever(injection);
  }
}

function cutLink(world: World, link: string): void {
  world.tell({ kind: 'fault', what: `link ${link} fails between all nodes` });
  if (link === 'replication') {
    world.setReplication(false);
    return;
  }
  const { nodes } = world.setup;
  nodes.forEach((a, at) => {
    for (const b of nodes.slice(at + 1)) world.network.setPair(link, a, b, false);
  });
}

function failResource(world: World, group: string, index: number): void {
  const spec = world.setup.groups.find((entry) => entry.name === group);
  const id = spec?.resources[index]?.id ?? '';
  for (const machine of Object.values(world.machines)) {
    if (machine.agents.truth(group)[index] !== 'on') continue;
    world.tell({ kind: 'fault', what: `${id} of ${group} dies on ${machine.name}` });
    machine.agents.kill(group, index);
    return;
  }
  world.tell({ kind: 'fault', what: `${id} of ${group} runs nowhere, so it cannot fail` });
}

function outcomeOf(world: World, state: State, name: string, account: Account): ForecastGroup {
  const { self, nodes } = state.spec;
  const serving = nodes.find((node) => world.machine(node).agents.isServing(name)) ?? null;
  const views = [self, ...nodes].flatMap((node) => {
    const machine = world.machine(node);
    return machine.state === null ? [] : [viewStatus(machine.state, [], machine.localMs)];
  });
  const seen = views
    .map((view) => view.groups.find((group) => group.name === name))
    .find((group) => group !== undefined);
  const outageMs = Math.round(account.outageMs(name, serving !== null));
  const reason = seen?.reason ?? 'no node is left that could say';
  return { name, node: serving, state: seen?.state ?? 'unknown', reason, outageMs };
}

function assumptionsOf(state: State): readonly string[] {
  const found: string[] = [];
  for (const peer of Object.values(state.peers)) {
    if (isThere(peer)) {
      found.push(
        `${peer.name} is as its newest report says; failures that only it counts are not known here`,
      );
    } else found.push(`${peer.name} is not heard, so it is taken to be off, and to stay off`);
  }
  if (state.spec.groups.some((group) => group.resources.some((r) => r.kind === 'drbd'))) {
    found.push('DRBD notices a dead peer after 6 s, its default');
  }
  found.push('a node that is switched off stays off');
  return found;
}
