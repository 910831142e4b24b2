/**
 * The states of all nodes as one node knows them. Its own state is taken as it is; that of another
 * node is put together from its newest report, which is its whole truth (design 3): what it did
 * not say (its failures, its history) is taken to be empty.
 */
import { buildReport } from '../failover/outgoing.js';
import { initialState, NOTHING_SAVED, type Copy, type Group, type Peer } from '../failover/state.js';
import type { State } from '../failover/state.js';
import type { GroupReport, Report } from '../heartbeat/report.js';

/** What a forecast begins with: the state of one node's core, its clock, the names of its links. */
export interface KnownState {
  /** RFC 3339. */
  readonly savedAt: string;
  readonly nowMs: number;
  readonly links: readonly string[];
  readonly state: State;
}

/** A bar that another node only mentioned is taken to last this long. */
const BARRED_MS = 600_000;

/** True when a node is taken to be on: heard, and not known to be off. */
export function isThere(peer: Peer): boolean {
  const isHeard = peer.verdict === 'up' || peer.verdict === 'late';
  return isHeard && peer.report !== null && peer.clearance === null;
}

/** Why this state cannot be gone on from, or null: something is under way that only time can end. */
export function unrest(state: State): string | null {
  const { self } = state.spec;
  if (state.phase !== 'up') return `${self} is ${state.phase}`;
  const lives: (readonly [string, string, string])[] = Object.values(state.groups).map((group) => [
    group.spec.name,
    group.life,
    self,
  ]);
  for (const peer of Object.values(state.peers).filter(isThere)) {
    for (const { name, life } of peer.report?.groups ?? []) lives.push([name, life, peer.name]);
  }
  const moving = lives.find(([, life]) => life === 'starting' || life === 'stopping');
  return moving === undefined ? null : `${moving[0]} is ${moving[1]} on ${moving[2]}`;
}

/** The state of the node that was asked, without what was under way outside of it. */
export function resumedSelf(state: State): State {
  const groups = Object.entries(state.groups).map(([name, group]): [string, Group] => [
    name,
    { ...group, action: null },
  ]);
  const peers = Object.entries(state.peers).map(([name, peer]): [string, Peer] => [
    name,
    { ...peer, fencing: { ...peer.fencing, running: null } },
  ]);
  return {
    ...state,
    groups: Object.fromEntries(groups),
    peers: Object.fromEntries(peers),
    lastSaved: null,
  };
}

/** The state of another node, as `self` heard of it. */
export function resumedPeer(self: State, name: string, nowMs: number): State | null {
  const { report = null, life } = self.peers[name] ?? {};
  if (report === null || life === undefined) return null;
  const spec = { ...self.spec, self: name, digest: report.digest };
  const fresh = initialState(spec, report.generation, NOTHING_SAVED, nowMs);
  const groups = Object.entries(fresh.groups).map(([group, state]): [string, Group] => [
    group,
    resumedGroup(self, state, report.groups.find((entry) => entry.name === group), nowMs),
  ]);
  return {
    ...fresh,
    wallAheadMs: self.wallAheadMs,
    sequence: life.sequence,
    phase: report.phase,
    groups: Object.fromEntries(groups),
    copies: copiesOf(report, self.spec.self),
    orders: Object.fromEntries(report.orders.map((order) => [order.key, order])),
    peers: Object.fromEntries(
      Object.keys(fresh.peers).map((other) => [other, resumedView(self, fresh, other, nowMs)]),
    ),
  };
}

function resumedGroup(
  self: State,
  group: Group,
  said: GroupReport | undefined,
  nowMs: number,
): Group {
  if (said === undefined) return group;
  const { life, epoch, claim, grant } = said;
  const isOn = life === 'started';
  const state = isOn ? 'started' : life === 'stopFailed' ? 'failed' : 'stopped';
  return {
    ...group,
    life,
    epoch,
    epochSeen: self.groups[group.spec.name]?.epochSeen ?? epoch,
    claim,
    grant,
    barred: said.barred ? { reason: 'it failed before', untilMs: nowMs + BARRED_MS } : null,
    reason: 'as it said',
    resources: group.resources.map((resource) => ({ ...resource, state, reason: 'as it said' })),
    monitorDueMs: isOn ? Object.fromEntries(group.resources.map((_, at) => [at, nowMs])) : {},
  };
}

/** What others count on is what a node says of its disk (`reportedDisk`), read backwards. */
function copiesOf(report: Report, asked: string): Readonly<Record<string, Copy>> {
  return Object.fromEntries(
    report.drbd.map(({ resource, disk, role, connection }): [string, Copy] => {
      const ahead = role === 'Primary' && connection !== 'Connected';
      if (disk === 'Outdated') return [resource, { kind: 'behind', than: asked, ahead: false }];
      const kind = disk === 'Consistent' ? 'unknown' : 'current';
      return [resource, { kind, than: null, ahead }];
    }),
  );
}

/** How a node sees a third one: as the node that was asked sees it, or hears itself. */
function resumedView(self: State, fresh: State, other: string, nowMs: number): Peer {
  const blank = fresh.peers[other];
  const seen = self.peers[other];
  if (blank === undefined) throw new RangeError(`${other} is no node`);
  if (other !== self.spec.self) return { ...blank, ...seen, life: seen?.life ?? blank.life };
  const { generation, sequence } = self;
  const life = { ...blank.life, lastHeardMs: nowMs, generation, sequence };
  return { ...blank, life, verdict: 'up', report: buildReport(self, sequence, nowMs) };
}
