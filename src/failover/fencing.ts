/**
 * Who may shoot, when, and how often (S5).
 *
 * A node is fenced for a reason only: somebody needs its clearance, or it is silent while this
 * node holds the service and would be shot by it otherwise. The power device is asked first: a
 * node that is off already is cleared and nobody is shot. The node without the service then holds
 * its fire for the head start; a node that never heard the other one since its own start asks and
 * does not shoot, so that two nodes cannot fence each other in turns.
 */
import { formatDuration } from '../base/duration.js';
import { isOff, standing } from './clearance.js';
import { newestConnection } from './drbd-connections.js';
import { endIdleOrder, endOrder, noteOrderFailed, standingOrder } from './fence-order.js';
import { noteFault, noteShot } from './fence-record.js';
import { CLUSTER_ACCOUNT, standstillOf } from './holds.js';
import { isMember } from './membership.js';
import { headStartMs, isFenceable, majority } from './spec.js';
import { IDLE_FENCING, type Group, type Peer } from './state.js';
import type { Turn } from './turn.js';

/** Pauses after a failed attempt: a broken device is asked at most twice a minute in the end. */
const RETRY_PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
/** Shots within this time make the next one wait, by the pauses above. */
const SHOT_WINDOW_MS = 600_000;
/** How often a node that may not shoot asks whether the other one has been switched off. */
const ASK_AGAIN_MS = 5_000;

/** Why a node must be fenced now, and whether this node holds the service meanwhile. */
interface Need {
  readonly groups: readonly string[];
  readonly holder: boolean;
  /** A stop failed there: it is alive and cannot help (S3). */
  readonly stuck: boolean;
  /** A person ordered it, whatever the node does. */
  readonly ordered: boolean;
}

/** Starts what fencing is due for one peer; says when there is more to do, null for never. */
export function reconcileFencing(turn: Turn, { name: peerName }: Peer): number | null {
  endIdleOrder(turn, peerName);
  const peer = turn.peer(peerName);
  if (peer === undefined || peer.fencing.running !== null || isAccountedFor(peer)) return null;
  const need = needFor(turn, peer);
  if (need === null || !isFenceable(turn.state.spec, peer.name)) return null;
  if (turn.hasCome(turn.state.health.listenUntilMs)) takeAim(turn, peer, need);
  const { fencing } = turn.peer(peer.name) ?? peer;
  if (fencing.running !== null) return null;
  const shotMs = fencing.asked ? shootFromMs(turn, peer, need) : 0;
  return Math.max(fencing.notBeforeMs, shotMs, turn.state.health.listenUntilMs);
}

/** Nothing is to be found out; a person may have a machine switched off whose daemon is not there. */
function isAccountedFor(peer: Peer): boolean {
  return isOff(peer) || (peer.clearance !== null && standingOrder(peer) === null);
}

/** The next step towards a confirmed death: the question, or the shot. */
function takeAim(turn: Turn, peer: Peer, need: Need): void {
  const { name } = peer;
  for (const group of need.groups) turn.phaseBegins(group, 'fencing');
  if (!turn.hasCome(peer.fencing.notBeforeMs)) return;
  if (!peer.fencing.asked) {
    attempt(turn, peer, 'status');
    return;
  }
  const veto = objectionToShooting(turn, peer, need);
  if (veto !== null && need.ordered) {
    endOrder(turn, name, false, veto);
    return;
  }
  if (veto !== null) {
    if (peer.fencing.lastFailure !== veto) turn.say('warn', veto, { node: name });
    const notBeforeMs = turn.nowMs + ASK_AGAIN_MS;
    turn.updatePeer(name, {
      fencing: { ...peer.fencing, asked: false, lastFailure: veto, notBeforeMs },
    });
    return;
  }
  if (turn.hasCome(shootFromMs(turn, peer, need))) attempt(turn, peer, 'shoot');
}

function shootFromMs(turn: Turn, peer: Peer, need: Need): number {
  const restedMs = restedFromMs(turn, peer);
  const isOnDuty = need.holder || need.stuck || need.ordered;
  if (isOnDuty || peer.deadSinceMs === null) return restedMs;
  return Math.max(restedMs, peer.deadSinceMs + headStartMs(turn.state.spec));
}

/**
 * A node that is switched on again by its shot may be shot anew just as it comes up, for ever: so
 * every shot makes the next one wait longer, also when it worked.
 */
function restedFromMs(turn: Turn, peer: Peer): number {
  const recent = peer.fencing.shotsMs.filter((at) => !turn.hasCome(at + SHOT_WINDOW_MS));
  const last = recent.at(-1);
  return last === undefined ? 0 : last + pauseMs(recent.length);
}

function pauseMs(attempts: number): number {
  return RETRY_PAUSES_MS[Math.min(attempts, RETRY_PAUSES_MS.length) - 1] ?? 30_000;
}

function needFor(turn: Turn, peer: Peer): Need | null {
  const silent: string[] = [];
  const stuck: string[] = [];
  let holder = false;
  for (const group of turn.groups) {
    // What operators froze is not to be disturbed, and nobody else will start it.
    if (standstillOf(turn.state, group.spec.name) !== null) continue;
    const relation = standing(turn.state, group, peer).kind;
    if (relation === 'silent' && isActive(group)) holder = true;
    if (relation === 'silent' && (isActive(group) || wants(group))) silent.push(group.spec.name);
    if (relation === 'stuck' && wants(group)) stuck.push(group.spec.name);
  }
  const ordered = standingOrder(peer) !== null;
  if (silent.length + stuck.length === 0 && !ordered) return null;
  const groups = [...silent, ...stuck, ...(ordered ? [CLUSTER_ACCOUNT] : [])];
  return { groups, holder, stuck: stuck.length > 0, ordered };
}

function isActive(group: Group): boolean {
  return group.life === 'started' || group.life === 'starting';
}

function wants(group: Group): boolean {
  return group.life === 'stopped' && group.claim !== null;
}

function objectionToShooting(turn: Turn, peer: Peer, need: Need): string | null {
  if (turn.state.spec.nodes.length > 2) return minorityObjection(turn, peer.name);
  if (need.stuck || need.ordered || peer.life.lastHeardMs !== null) return null;
  return (
    `${turn.self} does not shoot ${peer.name}: it has not heard it since its own start, so it ` +
    `waits for it, for its power device to say off, or for "tandem fence confirm ${peer.name}"`
  );
}

/** S5: why this node may not shoot in a cluster of three and more, or null. */
export function minorityObjection(turn: Turn, node: string): string | null {
  const { spec } = turn.state;
  const members = 1 + turn.peers.filter((other) => isMember(other) && wasHeard(turn, other)).length;
  if (spec.nodes.length <= 2 || members >= majority(spec)) return null;
  return (
    `${turn.self} does not shoot ${node}: it sees ${String(members)} of ` +
    `${String(spec.nodes.length)} nodes, and ${String(majority(spec))} are needed`
  );
}

/** Heard within deadtime by the clock: time that this node stood still counts here. */
function wasHeard(turn: Turn, peer: Peer): boolean {
  const { lastHeardMs } = peer.life;
  return lastHeardMs !== null && turn.nowMs - lastHeardMs <= turn.state.spec.heartbeat.deadtimeMs;
}

function attempt(turn: Turn, peer: Peer, step: 'status' | 'shoot'): void {
  const fenceId = turn.newId('fence');
  const { generation } = peer.life;
  const { shotsMs } = peer.fencing;
  turn.updatePeer(peer.name, {
    fencing: {
      ...peer.fencing,
      running: { fenceId, step, startedMs: turn.nowMs, generation },
      shotsMs: step === 'shoot' ? [...shotsMs, turn.nowMs].slice(-RETRY_PAUSES_MS.length) : shotsMs,
    },
  });
  const sentence =
    step === 'status'
      ? `${turn.self} asks the power device of ${peer.name} whether it is off`
      : `${turn.self} fences ${peer.name}`;
  turn.say(step === 'status' ? 'info' : 'warn', sentence, { node: peer.name });
  const attemptNumber = peer.fencing.failures;
  turn.emit({ kind: 'fence', fenceId, node: peer.name, step, attempt: attemptNumber });
}

/** Takes in what the power device said. */
export function onFenceResult(
  turn: Turn,
  result: {
    readonly fenceId: string;
    readonly outcome: 'off' | 'on' | 'failed';
    readonly reason: string;
  },
): void {
  const peer = turn.peers.find((entry) => entry.fencing.running?.fenceId === result.fenceId);
  const running = peer?.fencing.running;
  if (peer === undefined || running == null) return;
  const rested = { ...peer.fencing, running: null };
  turn.updatePeer(peer.name, { fencing: rested });
  if (result.outcome === 'off') {
    onConfirmedOff(turn, peer, running, result.reason);
    return;
  }
  if (running.step === 'status') {
    // "On", or a device that cannot say: the shot is next, and says the rest.
    turn.updatePeer(peer.name, { fencing: { ...rested, asked: true } });
    turn.say('info', `The power device of ${peer.name}: ${result.reason}`, { node: peer.name });
    return;
  }
  onShotFailed(turn, peer, rested, result.reason);
}

function onShotFailed(turn: Turn, peer: Peer, rested: Peer['fencing'], reason: string): void {
  noteFault(turn, peer.name, reason);
  const failures = peer.fencing.failures + 1;
  const restMs = pauseMs(failures);
  const sentence =
    `Fencing ${peer.name} failed (${String(failures)} so far): ${reason}. Nothing is ` +
    `started until it is confirmed off; next attempt in ${formatDuration(restMs)}`;
  const notBeforeMs = turn.nowMs + restMs;
  turn.updatePeer(peer.name, {
    fencing: { ...rested, asked: false, failures, lastFailure: reason, notBeforeMs },
  });
  turn.say('error', sentence, { node: peer.name });
  noteOrderFailed(turn, peer.name, reason);
}

function onConfirmedOff(
  turn: Turn,
  peer: Peer,
  running: NonNullable<Peer['fencing']['running']>,
  how: string,
): void {
  const heardMs = peer.life.lastHeardMs ?? Number.NEGATIVE_INFINITY;
  // In the same millisecond is not before.
  const spokeSince = heardMs >= running.startedMs;
  // A power state read before the node's last word proves nothing; a new generation speaks itself.
  const stale =
    spokeSince && (running.step === 'status' || peer.life.generation !== running.generation);
  if (stale) {
    const sentence = `${peer.name} was heard while its power device said off: no clearance`;
    turn.say('warn', sentence, { node: peer.name });
    endOrder(turn, peer.name, false, `${sentence}. Is it the device of another machine?`);
    return;
  }
  // A shot comes after what DRBD heard; it is switched on again only after the verdict. Each question
  // that is asked again needs another connection before.
  const connectedMs = newestConnection(turn.state, peer.name)?.sinceMs ?? Number.NEGATIVE_INFINITY;
  if (running.step === 'status' && connectedMs >= running.startedMs) {
    const sentence = `DRBD connected to ${peer.name} while its power device was asked: it is asked again`;
    turn.say('warn', sentence, { node: peer.name });
    return;
  }
  const { shotsMs, order } = peer.fencing;
  turn.updatePeer(peer.name, {
    fencing: { ...IDLE_FENCING, shotsMs, order },
    clearance: { kind: 'fenced', atMs: turn.nowMs, how },
  });
  if (running.step === 'shoot') noteShot(turn, peer.name);
  turn.say('info', `${peer.name} is confirmed off: ${how}`, { node: peer.name });
  endOrder(turn, peer.name, true, `${peer.name} is confirmed off: ${how}`);
}
