/**
 * The state as people and programs are shown it: `tandem.status/1`. The verdict comes first and is
 * worth reading at three in the morning.
 */
import type {
  DrbdStatus,
  GroupStatus,
  HoldStatus,
  LinkStatus,
  NodeStatus,
  OwnerStatus,
  PingStatus,
  Status,
  VerdictState,
} from '../base/status.js';
import { formatDuration } from '../base/duration.js';
import { formatWallTime } from '../base/wall-time.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { linkVerdict, silenceMs } from '../heartbeat/liveness.js';
import { activeElsewhere } from './claims.js';
import { connectivityOf, reachSentence, targetReason, targetState } from './connectivity.js';
import { standingOrder } from './fence-order.js';
import { fenceFaults, fencingStatus } from './fence-record.js';
import { heldWrites } from './held-writes.js';
import * as holds from './holds.js';
import { isAlive, isHeard, isMember } from './membership.js';
import { modeOf, standbyOf, standbyOwner, standbySentence } from './standby.js';
import type { Owner } from './owner.js';
import { objectionTo, placement } from './placement.js';
import { isFenceable, majority } from './spec.js';
import type { Clearance, Group, Peer, State } from './state.js';
import { Turn } from './turn.js';

/** What only the owner of the sockets knows of a link. */
export interface LinkCounters {
  readonly name: string;
  readonly sent: number;
  readonly badAuth: number;
  readonly malformed: number;
  /** What a link to one node alone leaves by, such as vec0; null when it reaches everybody. */
  readonly toOne: string | null;
}

/** Renders the state at `nowMs`. */
export function viewStatus(state: State, links: readonly LinkCounters[], nowMs: number): Status {
  const turn = new Turn(state, nowMs);
  const groups = turn.groups.map((group) => groupStatus(turn, group));
  const ping = pingStatus(state);
  return {
    schema: 'tandem.status/1',
    cluster: state.spec.cluster,
    self: state.spec.self,
    verdict: verdict(turn, groups),
    nodes: nodeStatuses(state, nowMs),
    links: turn.peers.flatMap((peer) =>
      linksTo(turn, peer, links).map((link) => linkStatus(state, peer, link, nowMs)),
    ),
    ...(ping.length === 0 ? {} : { ping }),
    groups,
    drbd: Object.values(state.drbd).map(drbdStatus),
    fencing: fencingStatus(state, nowMs),
    ...maintenanceStatus(state),
  };
}

/** Every configured node as it counts at `nowMs`, in configured order. */
export function nodeStatuses(state: State, nowMs: number): readonly NodeStatus[] {
  return state.spec.nodes.map((name) => {
    const peer = state.peers[name];
    return peer === undefined ? selfStatus(state) : peerStatus(state, peer, nowMs);
  });
}

function maintenanceStatus(state: State): Pick<Status, 'maintenance'> {
  const hold = holds.maintenanceOf(state);
  return hold === null ? {} : { maintenance: holdStatus(hold) };
}

function holdStatus(hold: holds.Hold): HoldStatus {
  return { kind: hold.kind, ...ownerStatus(hold) };
}

function ownerStatus({ by, reason, untilWallMs }: Owner): OwnerStatus {
  return { by, reason, until: untilWallMs === null ? null : formatWallTime(untilWallMs) };
}

/** Mode of a node; operators' words go before what else there is to say of a node that is up. */
function modeStatus(
  state: State,
  node: string,
): Pick<NodeStatus, 'mode' | 'standby' | 'standbyHold'> {
  const standby = standbyOf(state, node);
  const mode = holds.maintenanceOf(state) === null ? modeOf(state, node) : 'maintenance';
  if (standby === null) return { mode };
  const owner = standbyOwner(state, node);
  return { mode, standby, ...(owner === null ? {} : { standbyHold: ownerStatus(owner) }) };
}

function standbyReason(state: State, node: string): string | null {
  const words = standbySentence(state, node);
  return words === null ? null : `${words}; "tandem online ${node}" ends it`;
}

function selfStatus(state: State): NodeStatus {
  const { self } = state.spec;
  const reason = {
    starting: 'finding out what runs here',
    up: standbyReason(state, self) ?? 'this node',
    leaving: 'stopping what it runs, to leave',
    left: 'it has left',
  }[state.phase];
  const mode = modeStatus(state, self);
  const connectivity = connectivityOf(state);
  const reach = connectivity === null ? {} : { connectivity };
  return { name: self, self: true, state: state.phase, ...mode, lastSeenMs: 0, reason, ...reach };
}

function pingStatus(state: State): readonly PingStatus[] {
  return (state.spec.heartbeat.ping ?? []).map((target) => ({
    name: target.name,
    state: targetState(state, target),
    reason: targetReason(state, target),
  }));
}

function peerStatus(state: State, peer: Peer, nowMs: number): NodeStatus {
  const seen = peer.life.lastHeardMs;
  const connectivity = isHeard(peer) ? peer.report?.connectivity : undefined;
  return {
    name: peer.name,
    self: false,
    ...peerState(state, peer, nowMs),
    ...modeStatus(state, peer.name),
    lastSeenMs: seen === null ? null : Math.round(nowMs - seen),
    ...(connectivity === undefined ? {} : { connectivity }),
  };
}

function clearedState(clearance: Clearance): Pick<NodeStatus, 'state' | 'reason'> {
  switch (clearance.kind) {
    case 'left':
      return { state: 'left', reason: 'it stopped everything and left' };
    case 'fenced':
      return { state: 'fenced', reason: `off: ${clearance.how}` };
    case 'confirmed':
      return { state: 'fenced', reason: `confirmed off by ${clearance.by}: ${clearance.reason}` };
    case 'back':
      return { state: 'fenced', reason: 'was off; its DRBD has connected since, its tandemd is not heard yet' };
  }
}

function peerState(
  state: State,
  peer: Peer,
  nowMs: number,
): Pick<NodeStatus, 'state' | 'reason'> {
  const { clearance, fencing, incompatible, verdict: light } = peer;
  const silent = formatDuration(silenceMs(peer.life, nowMs));
  if (clearance !== null) return clearedState(clearance);
  if (fencing.running !== null) {
    const doing = fencing.running.step === 'status' ? 'asking its power device' : 'being fenced';
    const why = standingOrder(peer) === null ? `silent for ${silent}` : 'by order';
    return { state: 'fencing', reason: `${why}; ${doing}` };
  }
  if (light === 'dead') {
    const failed = fencing.lastFailure === null ? '' : `; fencing: ${fencing.lastFailure}`;
    return { state: 'dead', reason: `silent on every link for ${silent}${failed}` };
  }
  if (light === 'unknown') return { state: 'unknown', reason: 'not heard yet' };
  if (incompatible !== null) return { state: 'incompatible', reason: incompatible };
  if (light === 'late') return { state: 'late', reason: `nothing heard for ${silent}` };
  const phase = peer.report?.phase ?? 'starting';
  const heard = standbyReason(state, peer.name) ?? 'heard';
  return { state: phase, reason: phase === 'up' ? heard : `it is ${phase}` };
}

/**
 * The links that may lead to the peer. Which node a link to one node alone leads to is known by
 * who was heard over it; the others of the same interface then lead to other nodes.
 */
function linksTo(turn: Turn, peer: Peer, links: readonly LinkCounters[]): readonly LinkCounters[] {
  const isHeardOver = ({ life }: Peer, link: LinkCounters): boolean =>
    life.links[link.name]?.lastHeardMs != null;
  return links.filter((link) => {
    if (link.toOne === null || isHeardOver(peer, link)) return true;
    const isOfAnother = turn.peers.some((other) => isHeardOver(other, link));
    const hasOwn = links.some((own) => own.toOne === link.toOne && isHeardOver(peer, own));
    return !isOfAnother && !hasOwn;
  });
}

function linkStatus(state: State, peer: Peer, link: LinkCounters, nowMs: number): LinkStatus {
  const life = peer.life.links[link.name];
  return {
    peer: peer.name,
    medium: link.name,
    state: linkVerdict(life, state.spec.heartbeat, nowMs),
    lastSeenMs: life?.lastHeardMs == null ? null : Math.round(nowMs - life.lastHeardMs),
    sent: link.sent,
    received: life?.received ?? 0,
    badAuth: link.badAuth,
    malformed: link.malformed,
    duplicate: life?.duplicate ?? 0,
    replayed: life?.replayed ?? 0,
  };
}

function groupStatus(turn: Turn, group: Group): GroupStatus {
  const { name } = group.spec;
  const place = whereIs(turn, group);
  const resources = group.spec.resources.map((spec, index) => {
    const local = group.resources[index];
    const here = place.node === turn.self || place.node === null;
    const state = here
      ? (local?.state ?? 'unknown')
      : place.state === 'started'
        ? 'started'
        : 'unknown';
    const reason = here && local !== undefined ? { reason: local.reason } : {};
    return { id: spec.id, kind: spec.kind, state, ...reason } as const;
  });
  return { name, ...place, ...groupHolds(turn.state, name), resources };
}

function groupHolds(state: State, name: string): Pick<GroupStatus, 'holds'> {
  const found = [holds.freezeOf(state, name), holds.disableOf(state, name)];
  const laid = found.filter((hold) => hold !== null).map(holdStatus);
  return laid.length === 0 ? {} : { holds: laid };
}

/** Where a group is as far as this node knows, and the sentence that says why. */
export function whereIs(turn: Turn, group: Group): Pick<GroupStatus, 'state' | 'node' | 'reason'> {
  const { name } = group.spec;
  if (group.life === 'stopFailed') return { state: 'failed', node: turn.self, reason: group.reason };
  const failed = group.resources.find(({ state }) => state === 'failed');
  if (group.life === 'started' && failed !== undefined) {
    return { state: 'failed', node: turn.self, reason: heldReason(turn.state, name, failed.reason) };
  }
  if (group.life !== 'stopped' && group.life !== 'unknown') {
    return { state: group.life, node: turn.self, reason: group.reason };
  }
  const holder = activeElsewhere(turn, name);
  const there = holder?.report?.groups.find((entry) => entry.name === name);
  if (holder !== null && there !== undefined && there.life !== 'unknown') {
    if (there.life === 'stopFailed' || there.life === 'stopped') {
      return { state: 'failed', node: holder.name, reason: `a stop failed on ${holder.name}` };
    }
    return { state: there.life, node: holder.name, reason: `${holder.name} says so` };
  }
  const stuck = turn.peers.find(
    (peer) =>
      peer.clearance === null &&
      peer.report?.groups.some((entry) => entry.name === name && entry.life === 'stopFailed'),
  );
  if (stuck !== undefined) {
    return { state: 'failed', node: stuck.name, reason: `a stop failed on ${stuck.name}` };
  }
  if (group.life === 'unknown') return { state: 'unknown', node: null, reason: group.reason };
  const hold = holds.standstillOf(turn.state, name);
  const disabled = holds.disableOf(turn.state, name);
  if (disabled !== null) {
    return { state: 'disabled', node: null, reason: holds.holdSentence(disabled) };
  }
  if (hold !== null) {
    return { state: 'frozen', node: null, reason: group.blocked ?? holds.holdSentence(hold) };
  }
  if (group.blocked !== null) return { state: 'blocked', node: null, reason: group.blocked };
  return { state: 'stopped', node: null, reason: group.reason };
}

/** A failure that a hold keeps from being mended. */
function heldReason(state: State, name: string, reason: string): string {
  const hold = holds.standstillOf(state, name);
  return hold === null ? reason : `${reason}; ${holds.holdSentence(hold)}`;
}

function drbdStatus(facts: DrbdFacts): DrbdStatus {
  return {
    resource: facts.resource,
    role: facts.role,
    peerRole: facts.peerRole,
    connection: facts.connection,
    splitBrain: facts.splitBrainSuspected,
    volumes: facts.volumes.map((volume) => ({
      volume: volume.volume,
      minor: volume.minor,
      disk: volume.disk,
      peerDisk: volume.peerDisk,
      syncedPercent: volume.syncedPercent,
      outOfSyncBytes: volume.outOfSyncBytes ?? 0,
    })),
    ...(facts.state === 'configured' ? {} : { reason: facts.reason }),
  };
}

function verdict(turn: Turn, groups: readonly GroupStatus[]): Status['verdict'] {
  const worst = groups.find(({ state }) => state !== 'started' && state !== 'disabled');
  // A service that stands still is told of in any case.
  const held = heldWrites(turn);
  if (turn.state.phase === 'starting') {
    const sentence = `${turn.self} is still finding out what runs where`;
    return { state: 'unknown', summary: [sentence, ...held].join('; ') };
  }
  if (worst !== undefined) {
    if (worst.state === 'frozen') {
      const sentence = `${worst.name} does not run: ${worst.reason}`;
      return { state: 'down', summary: [sentence, ...held].join('; ') };
    }
    const place = worst.node === null ? '' : ` on ${worst.node}`;
    const state: VerdictState = worst.state === 'unknown' ? 'unknown' : 'down';
    const sentence = `${worst.name} is ${worst.state}${place}: ${worst.reason}`;
    return { state, summary: [sentence, ...held].join('; ') };
  }
  const runs = groups.map(whereItRuns).join(', ');
  const shortcomings = [
    ...held,
    ...turn.groups.flatMap((group) => shortcomingsOf(turn, group)),
  ];
  const bare = turn.state.spec.nodes.filter((node) => !isFenceable(turn.state.spec, node));
  if (bare.length > 0) {
    shortcomings.push(
      `no fencing is configured for ${bare.join(', ')}, so a silent node is never replaced by itself`,
    );
  }
  shortcomings.push(...absences(turn, shortcomings), ...fenceFaults(turn.state, turn.nowMs));
  shortcomings.push(...connectivityShortcomings(turn));
  if (shortcomings.length > 0) {
    return { state: 'degraded', summary: `${runs}; ${[...new Set(shortcomings)].join('; ')}` };
  }
  return { state: 'ok', summary: `${runs}${heirs(turn, groups)}` };
}

/** Who could take over something: a witness is no heir. */
function heirs(turn: Turn, groups: readonly GroupStatus[]): string {
  const holders = groups.map((group) => group.node);
  const able = turn.groups.flatMap((group) => placement(turn.state, group).candidates);
  const ready = turn.state.spec.nodes.filter(
    (node) => !holders.includes(node) && able.some((candidate) => candidate.node === node),
  );
  if (ready.length === 0) return '';
  return `; ${ready.join(', ')} ${ready.length === 1 ? 'is' : 'are'} ready to take over`;
}

const ABSENCE_WORDS: Partial<Record<NodeStatus['state'], string>> = {
  left: 'away',
  fencing: 'missing',
  dead: 'missing',
};

/** Nodes that are no members now, unless it was told, and what that means for a majority. */
function absences(turn: Turn, told: readonly string[]): string[] {
  const { spec } = turn.state;
  const absent = turn.peers.filter((peer) => !isMember(peer) && peer.incompatible === null);
  const untold = absent.filter(({ name }) => !told.some((words) => words.includes(name)));
  const found = untold.map((peer) => {
    const { state, reason } = peerState(turn.state, peer, turn.nowMs);
    return `${peer.name} is ${ABSENCE_WORDS[state] ?? state}: ${reason}`;
  });
  const members = 1 + turn.peers.filter(isMember).length;
  const spare = members - majority(spec);
  if (spec.nodes.length < 3 || absent.length === 0 || spare > 0) return found;
  const counted = `${String(members)} of ${String(spec.nodes.length)} nodes are members`;
  const means =
    spare === 0 ? 'without one more of them nobody may be fenced' : 'too few to fence anybody';
  return [...found, `${counted}: ${means}`];
}

/** What this node and the others do not reach of the world. */
function connectivityShortcomings(turn: Turn): string[] {
  const silent = pingStatus(turn.state).filter((target) => target.state !== 'up');
  const found = silent.map((target) =>
    target.state === 'silent'
      ? `${turn.self} does not reach ping node ${target.name}: ${target.reason}`
      : `it is not known whether ${turn.self} reaches ping node ${target.name}: ${target.reason}`,
  );
  for (const peer of turn.peers) {
    const reach = isHeard(peer) ? peer.report?.connectivity : undefined;
    if (reach !== undefined && reach.reached < reach.of) found.push(reachSentence(turn.state, peer.name));
  }
  return found;
}

function whereItRuns({ name, node, state, reason }: GroupStatus): string {
  return state === 'disabled' ? reason : `${name} runs on ${node ?? 'nowhere'}`;
}

/** Why a group that runs could not be taken over at this moment. */
function shortcomingsOf(turn: Turn, group: Group): string[] {
  const holder = whereIs(turn, group).node;
  const { candidates } = placement(turn.state, group);
  const found: string[] = [];
  if (holds.disableOf(turn.state, group.spec.name) !== null) return ['nobody starts it'];
  const hold = holds.standstillOf(turn.state, group.spec.name);
  if (hold !== null) found.push(`${holds.holdSentence(hold)}: nothing is started, stopped or moved`);
  else if (!candidates.some((candidate) => candidate.node !== holder)) {
    const others = group.spec.prefer.filter((node) => node !== holder);
    const why = others.map((node) => objectionTo(turn.state, group, node) ?? '').join('; ');
    found.push(`no other node could take over ${group.spec.name}: ${why}`);
  }
  for (const asked of turn.state.fencePeers) {
    // With writes held back it is told there.
    if (turn.state.drbd[asked.resource]?.ioSuspended !== true) found.push(asked.waitsFor);
  }
  for (const peer of turn.peers) {
    if (isAlive(peer) && peer.incompatible !== null && !found.join().includes('incompatible')) {
      const cure = 'neither takes anything over from the other until they have the same';
      found.push(`${peer.name} is incompatible: ${peer.incompatible}; ${cure}`);
    }
    if (!isHeard(peer)) continue;
    for (const [name, link] of Object.entries(peer.life.links)) {
      if (linkVerdict(link, turn.state.spec.heartbeat, turn.nowMs) !== 'dead') continue;
      found.push(`link ${name} to ${peer.name} is dead`);
    }
  }
  return found;
}
