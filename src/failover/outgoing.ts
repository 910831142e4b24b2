import { connectivityOf } from './connectivity.js';
import { isSameData } from '../base/same.js';
import {
  numbered,
  PROTOCOL_VERSION,
  saysTheSame,
  withPartsOf,
  type Report,
  type SideReport,
} from '../heartbeat/report.js';
import { reportedDisk } from './copies.js';
import { outdateAsks } from './fence-peer.js';
import { isMember } from './membership.js';
import { holdSentence, maintenanceOf, standstillOf } from './holds.js';
import { outdateWords } from './outdate.js';
import { readsTheSameButLooks } from './settled.js';
import { modeOf } from './standby.js';
import { copyOf, type Group, type Peer, type SavedFacts, type State } from './state.js';
import type { Turn } from './turn.js';

/** This node's whole truth. `known`: a report of an earlier state, for the parts that are still true. */
export function buildReport(
  state: State,
  sequence: number,
  nowMs: number,
  known?: Pick<Truth, 'state' | 'report'>,
): Report {
  const connectivity = connectivityOf(state);
  return {
    node: state.spec.self,
    generation: state.generation,
    sequence,
    protocol: PROTOCOL_VERSION,
    digest: state.spec.digest,
    phase: state.phase,
    mode: maintenanceOf(state) === null ? modeOf(state, state.spec.self) : 'maintenance',
    health: nowMs < state.health.listenUntilMs ? 'stalled' : 'ok',
    groups: known?.state.groups === state.groups ? known.report.groups : groupsToTell(state),
    drbd: Object.values(state.drbd).map((facts) => ({
      resource: facts.resource,
      role: facts.role,
      disk: reportedDisk(state, facts),
      connection: facts.connection,
      ...(state.copies[facts.resource]?.ahead === true ? { ahead: true as const } : {}),
    })),
    ...sidesToTell(state),
    orders: known?.state.orders === state.orders ? known.report.orders : Object.values(state.orders),
    ...(Object.keys(state.hears).length === 0 ? {} : { hears: state.hears }),
    ...(connectivity === null ? {} : { connectivity }),
    outdateAsks: outdateAsks(state),
    outdateWords: outdateWords(state),
  };
}

function groupsToTell({ groups }: State): Report['groups'] {
  return Object.values(groups).map((group) => ({
    name: group.spec.name,
    life: group.life,
    epoch: group.epoch,
    claim: group.claim,
    grant: group.grant,
    barred: group.barred !== null,
  }));
}

/** Halves that are not connected, and the offer to lose one's changes once it is made. */
function sidesToTell(state: State): { readonly sides?: readonly SideReport[] } {
  const sides: SideReport[] = [];
  for (const { resource, disk } of Object.values(state.drbd)) {
    const side = state.sides[resource];
    const discard = state.discards[resource];
    const offers = discard?.offered === true && discard.running === null ? discard.fingerprint : null;
    if (side === undefined && offers === null) continue;
    const bare = { resource, disk, volumes: [], began: null, database: '' };
    sides.push({ ...(side ?? bare), offers });
  }
  return sides.length === 0 ? {} : { sides };
}

interface Truth {
  readonly state: State;
  readonly isStalled: boolean;
  readonly report: Report;
}

/** Most turns change nothing that is said: what was worked out for the same parts is used again. */
const truths = new WeakMap<State['spec'], Truth>();

/** This node's truth, without a number; the same object as long as it is the same. */
function truthOf(state: State, nowMs: number): Report {
  const isStalled = nowMs < state.health.listenUntilMs;
  const known = truths.get(state.spec);
  if (known?.isStalled === isStalled && readsTheSameButLooks(known.state, state)) return known.report;
  const built = buildReport(state, 0, nowMs, known);
  const report = known === undefined ? built : withPartsOf(known.report, built);
  truths.set(state.spec, { state: copyOf(state), isStalled, report });
  return report;
}

function isSaid(truth: Report, lastSent: Report | null): boolean {
  return truth === lastSent || (lastSent !== null && saysTheSame(truth, lastSent));
}

/** Sends the truth when it changed, and at every keepalive. */
export function sendIfDue(turn: Turn): void {
  const { state, nowMs } = turn;
  const truth = truthOf(state, nowMs);
  const due = nowMs - state.lastSentMs >= state.spec.heartbeat.keepaliveMs;
  if (!due && isSaid(truth, state.lastSent)) return;
  saveIfChanged(turn);
  const sequence = state.sequence + 1;
  turn.update({ sequence, lastSent: truth, lastSentMs: nowMs });
  turn.emit({ kind: 'send', report: numbered(truth, sequence) });
}

/** What is said at every keepalive, while nothing else is to be said or saved; null: something is. */
export function repeatedReport(turn: Pick<Turn, 'state' | 'peers'>, nowMs: number): Report | null {
  const { lastSent, lastSaved } = turn.state;
  const truth = truthOf(turn.state, nowMs);
  return isSaid(truth, lastSent) && isSameData(savedOf(turn), lastSaved) ? truth : null;
}

/** Hands over what must survive a restart when it changed. */
function saveIfChanged(turn: Turn): void {
  const facts = savedOf(turn);
  if (isSameData(facts, turn.state.lastSaved)) return;
  turn.update({ lastSaved: facts });
  turn.emit({ kind: 'save', facts });
}

interface Saved {
  readonly state: State;
  readonly peers: readonly Peer[];
  readonly facts: SavedFacts;
}

const saves = new WeakMap<State['spec'], Saved>();

/** What must survive a restart; the same object as long as it is the same. */
function savedOf({ state, peers }: Pick<Turn, 'state' | 'peers'>): SavedFacts {
  const known = saves.get(state.spec);
  if (known !== undefined && isSameToSave(known, state, peers)) return known.facts;
  const built = factsToSave(state);
  const facts = known !== undefined && isSameData(known.facts, built) ? known.facts : built;
  saves.set(state.spec, { state: copyOf(state), peers, facts });
  return facts;
}

function isSameToSave({ state: known, peers }: Saved, state: State, now: readonly Peer[]): boolean {
  const isSameLife = (peer: Peer, at: number): boolean =>
    peer.life.generation === peers[at]?.life.generation;
  return hasSameToSave(known, state) && now.every(isSameLife);
}

/** The parts that `factsToSave` reads. */
function hasSameToSave(a: State, b: State): boolean {
  return (
    a.generation === b.generation &&
    a.groups === b.groups &&
    a.orders === b.orders &&
    a.copies === b.copies &&
    a.behindSince === b.behindSince &&
    a.fenceRecords === b.fenceRecords
  );
}

function factsToSave(state: State): SavedFacts {
  const peers = Object.values(state.peers).map((peer) => [peer.name, peer.life.generation] as const);
  const groups = Object.values(state.groups);
  return {
    generation: state.generation,
    peers: Object.fromEntries(peers),
    epochs: Object.fromEntries(groups.map((group) => [group.spec.name, group.epochSeen])),
    orders: Object.values(state.orders),
    behind: behindToSave(state),
    ahead: Object.keys(state.copies).filter((resource) => state.copies[resource]?.ahead),
    behindSince: state.behindSince,
    fenceRecords: state.fenceRecords,
  };
}

function behindToSave(state: State): Readonly<Record<string, string>> {
  const behind: Record<string, string> = {};
  for (const [resource, copy] of Object.entries(state.copies)) {
    if (copy.kind === 'behind') behind[resource] = copy.than ?? '';
  }
  return behind;
}

/** Leaves `starting` once every group was looked at: from then on this node takes part. */
export function enterUp(turn: Turn): void {
  if (turn.state.phase !== 'starting') return;
  if (turn.groups.some((group) => group.life === 'unknown' && !isLeftAsFound(turn, group))) return;
  turn.update({ phase: 'up' });
  const others = turn.peers.filter(isMember).map((peer) => peer.name);
  const seen = others.length === 0 ? 'nobody else is up yet' : `${others.join(', ')} is up`;
  turn.say('info', `${turn.self} is up (${seen})`);
}

/** Looked at and found half started, and a hold forbids to tidy it up. */
function isLeftAsFound(turn: Turn, group: Group): boolean {
  const isKnown = group.resources.every((resource) => resource.state !== 'unknown');
  return isKnown && standstillOf(turn.state, group.spec.name) !== null;
}

/** How often the last word is said beside the first time: a lost one would get this node shot. */
const LAST_WORD_AGAIN = 2;

/** Leaves for good once everything is confirmed stopped: the last word, repeated, then the end. */
export function leaveIfStopped(turn: Turn): void {
  const { phase, leftMs, spec } = turn.state;
  if (phase === 'left' && leftMs !== null) {
    if (!turn.hasCome(leftMs + LAST_WORD_AGAIN * spec.heartbeat.keepaliveMs)) return;
    sendIfDue(turn);
    turn.update({ leftMs: null });
    turn.emit({ kind: 'exit', clean: true });
    return;
  }
  if (phase !== 'leaving' || leftMs !== null) return;
  const running = turn.groups.filter((group) => group.life !== 'stopped');
  if (turn.groups.some((group) => group.action !== null)) return;
  if (!running.every((group) => isLeftRunning(turn, group))) return;
  if (running.length > 0) {
    endWithoutLastWord(turn, running);
    return;
  }
  turn.update({ phase: 'left', leftMs: turn.nowMs });
  turn.say('info', `${turn.self} leaves: everything is stopped`);
  sendIfDue(turn);
}

/** A hold forbids to stop it, also when this node leaves. */
function isLeftRunning(turn: Turn, group: Group): boolean {
  const isAtRest = group.life !== 'starting' && group.life !== 'stopping';
  return isAtRest && standstillOf(turn.state, group.spec.name) !== null;
}

/** "Left" would say that nothing runs here: silence is the truth, and a hold keeps it harmless. */
function endWithoutLastWord(turn: Turn, running: readonly Group[]): void {
  turn.update({ leftMs: turn.nowMs });
  for (const { spec } of running) {
    const hold = standstillOf(turn.state, spec.name);
    const why = hold === null ? '' : `: ${holdSentence(hold)}`;
    const sentence = `${turn.self} ends and leaves ${spec.name} as it is${why}`;
    turn.say('warn', sentence, { group: spec.name });
  }
  sendIfDue(turn);
  turn.emit({ kind: 'exit', clean: true });
}
