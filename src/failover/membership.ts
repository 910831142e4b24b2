import { formatDuration } from '../base/duration.js';
import { hear, hearSign, livenessVerdict, nextVerdictMs, silenceMs, stretch } from '../heartbeat/liveness.js';
import {
  PROTOCOL_VERSION,
  saysTheSame,
  type Report,
  type ReportFault,
} from '../heartbeat/report.js';
import { turn as turnHealth } from '../heartbeat/self-health.js';
import { doubtCopies, isMarked } from './copies.js';
import { announceHolds } from './holds.js';
import { bringsOrders, mergeOrders } from './orders.js';
import { turnEveryMs } from './spec.js';
import { announceStandby } from './standby.js';
import { IDLE_FENCING, type Peer, type State } from './state.js';
import type { Turn } from './turn.js';

/** S6: accounts for this node's own lateness before anything is judged. */
export function accountForStall(turn: Turn): void {
  const { spec, health, peers } = turn.state;
  const timing = {
    keepaliveMs: spec.heartbeat.keepaliveMs,
    turnEveryMs: turnEveryMs(spec),
  };
  const { health: next, stalledMs } = turnHealth(health, turn.nowMs, timing);
  turn.update({ health: next });
  if (stalledMs === 0) return;
  for (const name of Object.keys(peers)) {
    const peer = turn.peer(name);
    if (peer !== undefined) turn.updatePeer(name, { life: stretch(peer.life, stalledMs) });
  }
  const away = stalledMs >= spec.heartbeat.deadtimeMs;
  turn.say(
    'warn',
    `This node stood still for ${formatDuration(stalledMs)}: it listens again before it judges ` +
      `anybody${away ? ', and holds no old clearance' : ''}`,
  );
  if (away) forgetClearances(turn);
}

/** S7: what was known before an absence longer than deadtime may be over. */
function forgetClearances(turn: Turn): void {
  for (const peer of turn.peers) {
    turn.updatePeer(peer.name, { clearance: null });
  }
}

/** When the core is turned again at the latest: for its own pace, its next word, or the next verdict. */
export function nextTurnMs(
  { spec, lastSentMs }: Pick<State, 'spec' | 'lastSentMs'>,
  peers: readonly Pick<Peer, 'life'>[],
  nowMs: number,
): number {
  let atMs = Math.min(nowMs + turnEveryMs(spec), lastSentMs + spec.heartbeat.keepaliveMs);
  for (const { life } of peers) {
    atMs = Math.min(atMs, nextVerdictMs(life, spec.heartbeat, nowMs) ?? atMs);
  }
  return atMs;
}

/** Takes in an authentic report of a peer. False when it was heard before, over another link. */
export function onReport(turn: Turn, link: string, report: Report): boolean {
  const peer = turn.peer(report.node);
  if (peer === undefined) return false;
  const { hearing, life } = hear(peer.life, link, report, turn.nowMs);
  turn.updateLife(peer, life);
  if (hearing !== 'new') return false;
  const incompatible = incompatibility(turn.state, report);
  if (isKnown(turn.state, peer, report) && peer.incompatible === incompatible) {
    if (incompatible === null) announceHolds(turn, mergeOrders(turn, report.orders));
    return true;
  }
  if (incompatible !== null && incompatible !== peer.incompatible) {
    turn.say('error', `${peer.name} is incompatible: ${incompatible}`, { node: peer.name });
  }
  noteLife(turn, peer, report);
  const left = isLastWord(turn, peer, report);
  if (left && peer.clearance?.kind !== 'left') {
    turn.say('info', `${peer.name} has left: it stopped everything and said so`, {
      node: peer.name,
    });
  }
  turn.updatePeer(peer.name, {
    report,
    incompatible,
    clearance: left ? { kind: 'left', atMs: turn.nowMs } : null,
  });
  if (incompatible !== null) return true;
  const changed = mergeOrders(turn, report.orders);
  announceHolds(turn, changed);
  announceStandby(turn, changed);
  return true;
}

/** What is heard for the first time in this run: a life of the peer, or of its half of the data. */
function noteLife(turn: Turn, { name, report: before }: Peer, report: Report): void {
  doubtCopies(turn, before, report);
  if (report.generation === before?.generation) return;
  turn.update({ hears: { ...turn.state.hears, [name]: report.generation } });
  if (before === null) return;
  const sentence = `${name} was restarted: it speaks with a new generation`;
  turn.say('info', sentence, { node: name });
}

/**
 * A last word counts only from a life that this run has met, and that has heard this life of ours:
 * all else was said before, and may come late.
 */
function isLastWord(turn: Turn, { report: before }: Peer, report: Report): boolean {
  const isSameLife = before?.generation === report.generation;
  const isFresh = report.hears?.[turn.self] === turn.state.generation;
  return report.phase === 'left' && isSameLife && isFresh && namesAll(turn, report);
}

/** A node that says what it said before: the report that said it first is kept. */
function isKnown(state: State, { name, report, clearance, life }: Peer, next: Report): boolean {
  if (report === null || clearance !== null || next.phase === 'left') return false;
  return saysTheSame(report, next) && !isMarked(state, name, life);
}

/** True when a new report of a peer tells this node nothing but that it was heard. */
export function isOldNews(state: State, peer: Peer, report: Report): boolean {
  const isSame = isKnown(state, peer, report);
  return isSame && peer.incompatible === incompatibility(state, report) && !bringsOrders(state, report);
}

/** "Everything is stopped" is said of the groups that are named: its configuration may lack one. */
function namesAll(turn: Turn, { groups }: Report): boolean {
  return turn.groups.every(({ spec }) =>
    groups.some(({ name, life }) => name === spec.name && life === 'stopped'),
  );
}

/** S9: what differs, with both values, or null. */
export function incompatibility({ spec }: State, report: Report): string | null {
  if (report.protocol !== PROTOCOL_VERSION) return protocolDiffers(String(report.protocol));
  const mine = spec.digest;
  if (report.digest === mine) return null;
  return `its configuration has digest ${report.digest}, ours has ${mine}`;
}

function protocolDiffers(theirs: string): string {
  return `it speaks protocol ${theirs}, we speak ${String(PROTOCOL_VERSION)}`;
}

/**
 * Takes in an authentic message of a program that is not this Tandem (S9). It shows that the node
 * lives: nobody is shot, and nothing is taken over, because its words cannot be read. False when it
 * was heard before, over another link, or is late.
 */
export function onForeign(turn: Turn, link: string, fault: ReportFault): boolean {
  const peer = fault.node === null ? undefined : turn.peer(fault.node);
  if (peer === undefined) return false;
  const { hearing, life } =
    fault.stamp === null
      ? ({ hearing: 'new', life: hearSign(peer.life, link, turn.nowMs) } as const)
      : hear(peer.life, link, fault.stamp, turn.nowMs);
  turn.updateLife(peer, life);
  if (hearing !== 'new') return false;
  const incompatible = foreignWords(fault);
  if (incompatible !== peer.incompatible) {
    turn.say('error', `${peer.name} is incompatible: ${incompatible}`, { node: peer.name });
  }
  // It is alive, whatever it is: nobody who was heard counts as cleared.
  turn.updatePeer(peer.name, { incompatible, clearance: null });
  return true;
}

/** True when a new message of that kind tells this node nothing but that its sender was heard. */
export function isOldForeignNews({ incompatible, clearance }: Peer, fault: ReportFault): boolean {
  return clearance === null && incompatible === foreignWords(fault);
}

function foreignWords({ kind, detail }: ReportFault): string {
  if (kind === 'foreign') return 'it runs Heartbeat, not Tandem';
  if (kind === 'otherProtocol') return protocolDiffers(detail);
  return `its message has an unreadable field "${detail}"`;
}

/** Re-reads the light of every peer and says aloud what changed. */
export function judgePeers(turn: Turn): void {
  for (const peer of turn.peers) {
    const verdict = verdictOf(turn, peer);
    if (verdict === peer.verdict) continue;
    const deadSinceMs = verdict === 'dead' ? turn.nowMs : null;
    const { running, shotsMs, order } = peer.fencing;
    const fencing = { ...IDLE_FENCING, running, shotsMs, order };
    turn.updatePeer(peer.name, { verdict, deadSinceMs, fencing });
    announce(turn, peer, verdict);
  }
}

function verdictOf(turn: Turn, peer: Peer): Peer['verdict'] {
  const verdict = livenessVerdict(peer.life, turn.state.spec.heartbeat, turn.nowMs);
  // S6: a node that has just stalled passes no death sentence.
  if (verdict === 'dead' && turn.nowMs < turn.state.health.listenUntilMs) {
    return peer.verdict === 'dead' ? 'dead' : peer.life.lastHeardMs === null ? 'unknown' : 'late';
  }
  return verdict;
}

function announce(turn: Turn, peer: Peer, verdict: Peer['verdict']): void {
  const words = NEWS[verdict](peer, formatDuration(silenceMs(peer.life, turn.nowMs)));
  if (words === null) return;
  turn.say(words.level, words.sentence, { node: peer.name });
}

interface News {
  readonly level: 'info' | 'warn';
  readonly sentence: string;
}

/** What is said when the light of a node changes; the silence of one that has left is no news. */
const NEWS: Readonly<Record<Peer['verdict'], (peer: Peer, silent: string) => News | null>> = {
  up: ({ name, verdict }) => ({
    level: 'info',
    sentence: `${name} is up${verdict === 'late' ? ' again' : ''}`,
  }),
  late: (peer, silent) => newsOfSilence(peer, `is late: nothing heard for ${silent}`),
  dead: (peer, silent) =>
    newsOfSilence(peer, `is silent on every link for ${silent}: taken for dead`),
  unknown: ({ name }) => ({ level: 'info', sentence: `Listening for ${name}` }),
};

function newsOfSilence({ name, clearance }: Peer, words: string): News | null {
  return clearance?.kind === 'left' ? null : { level: 'warn', sentence: `${name} ${words}` };
}

/** True while a node is heard, in whatever protocol: it is not off. */
export function isAlive({ verdict }: Pick<Peer, 'verdict'>): boolean {
  return verdict === 'up' || verdict === 'late';
}

/**
 * True while a node is alive and tells what runs there, whatever its configuration: enough to leave
 * a group to it, never enough to start anything (S9).
 */
export function isSeen(peer: Peer): boolean {
  return isAlive(peer) && peer.report !== null;
}

/** True while the newest report of a peer can be relied upon. */
export function isHeard(peer: Peer): boolean {
  return (
    isAlive(peer) &&
    peer.incompatible === null &&
    peer.report !== null
  );
}

/** Up, compatible and taking part: what it says counts for placement. */
export function isMember(peer: Peer): boolean {
  return isHeard(peer) && peer.report?.phase === 'up';
}
