/**
 * DRBD's own fencing, the asking side. DRBD runs a `fence-peer` handler when a Primary loses the
 * other half of a resource, and inside a promotion without it: "what is to become of the other
 * disk?" With `fencing resource-and-stonith` it holds back all writes until the answer.
 *
 *     the other node, heard     is asked to mark its disk Outdated; its own word is the answer
 *     the other node, silent    is fenced for its group as ever (S2, S5); the handler waits for that
 *
 * An answer is a fact that was confirmed, never a guess: a handler whose time is up is told so, and
 * DRBD changes nothing then. The answering side is in outdate.ts.
 */
import type { OperatorAnswer, OperatorRequest, PeerFate } from '../base/control.js';
import { formatDuration } from '../base/duration.js';
import type { OutdateAsk } from '../heartbeat/report.js';
import { APART } from './drbd-connections.js';
import { groupsOf, otherHalves } from './halves.js';
import { holdSentence, standstillOf, type Hold } from './holds.js';
import { isHeard } from './membership.js';
import { isFenceable } from './spec.js';
import type { FencePeer, Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** Handlers that wait at once: one for each resource and peer, and some that DRBD called again. */
const FENCE_PEERS_MAX = 32;
/**
 * A connection that is there this long after the question has come back: DRBD drops the answer. By
 * then what was read of DRBD is newer than the question (it is read at every keepalive).
 */
const LINKED_AGAIN_MS = 3_000;

type FencePeerRequest = Extract<OperatorRequest, { kind: 'fencePeer' }>;

/** Takes the question of a handler; the answer comes when the fate of the other disk is known. */
export function onFencePeer(turn: Turn, requestId: string, request: FencePeerRequest): void {
  const { resource, waitMs } = request;
  const node = askedAbout(turn, request);
  if (!node.ok) {
    turn.say('warn', `Refused: ${node.error}`);
    answer(turn, requestId, { state: 'refused', message: node.error, exit: node.exit });
    return;
  }
  voidOldProof(turn, node.value);
  const version = turn.state.nextId;
  const waitsFor =
    `DRBD resource ${resource} is not connected to ${node.value}, and DRBD asks what becomes of ` +
    'the disk there';
  const asked: FencePeer = {
    requestId,
    resource,
    node: node.value,
    version,
    askedMs: turn.nowMs,
    untilMs: turn.nowMs + waitMs,
    waitsFor,
  };
  turn.update({ nextId: version + 1, fencePeers: [...turn.state.fencePeers, asked] });
  turn.say('warn', waitsFor, { node: node.value });
  answer(turn, requestId, { state: 'accepted', message: waitsFor, exit: 'ok' });
}

/**
 * It was off, came back, and was connected until now: what was proven before says nothing of what becomes
 * of it now. A new proof is needed, as of any node that falls silent.
 */
export function voidOldProof(turn: Turn, node: string): void {
  if (turn.peer(node)?.clearance?.kind !== 'back') return;
  turn.updatePeer(node, { clearance: null });
  turn.say('warn', `${node} was on again and is silent: that it was off once proves nothing now`, { node });
}

type AskedAbout =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: string; readonly exit: 'noSuch' | 'failed' };

/** DRBD names the peer by its host name, or not at all; the groups know who shares the disk. */
function askedAbout(turn: Turn, { resource, peer }: FencePeerRequest): AskedAbout {
  if (turn.state.fencePeers.length >= FENCE_PEERS_MAX) {
    const error = `${String(FENCE_PEERS_MAX)} handlers of DRBD wait already`;
    return { ok: false, error, exit: 'failed' };
  }
  const others = otherHalves(turn.state, resource).map(({ name }) => name);
  if (others.length === 0) {
    const error = `DRBD resource ${resource} belongs to no group of this cluster`;
    return { ok: false, error, exit: 'noSuch' };
  }
  const named = peer === null ? undefined : others.find((name) => isSameHost(name, peer));
  const value = named ?? (others.length === 1 ? others[0] : undefined);
  if (value !== undefined) return { ok: true, value };
  const error = `DRBD resource ${resource} has no half on "${peer ?? ''}"; there is: ${others.join(', ')}`;
  return { ok: false, error, exit: 'noSuch' };
}

function isSameHost(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** What the report asks of other nodes. */
export function outdateAsks({ fencePeers }: State): readonly OutdateAsk[] {
  return fencePeers.map(({ resource, node, version }) => ({ resource, node, version }));
}

/** Answers the handlers whose question is settled. */
export function settleFencePeers(turn: Turn): void {
  const { fencePeers, health } = turn.state;
  // S6: DRBD here may have connected again while this node stood still, and the word be an old one.
  if (fencePeers.length === 0 || !turn.hasCome(health.listenUntilMs)) return;
  for (const asked of fencePeers) {
    const peer = turn.peer(asked.node);
    const end = peer === undefined ? null : endOf(turn, asked, peer);
    if (end === null) {
      explainWait(turn, asked);
      continue;
    }
    const rest = turn.state.fencePeers.filter(({ requestId }) => requestId !== asked.requestId);
    turn.update({ fencePeers: rest });
    if (end.fate === 'outdated') keepAhead(turn, asked.resource);
    conclude(turn, asked, end);
  }
}

function conclude(turn: Turn, { requestId, node, askedMs }: FencePeer, end: End): void {
  if (end.fate === null) {
    turn.say('error', end.message, { node });
    answer(turn, requestId, { state: 'failed', message: end.message, exit: 'failed' });
    return;
  }
  const message = `${end.message} (${formatDuration(turn.nowMs - askedMs)})`;
  turn.say('info', message, { node });
  answer(turn, requestId, { state: 'done', message, exit: 'ok', peerFate: end.fate });
}

interface End {
  /** Null: nothing was found out, and DRBD must change nothing. */
  readonly fate: PeerFate | null;
  readonly message: string;
}

function endOf(turn: Turn, asked: FencePeer, peer: Peer): End | null {
  return (
    fateByClearance(turn, asked, peer) ??
    fateByWord(turn, asked, peer) ??
    hopeless(turn, asked, peer)
  );
}

/** Under `resource-only` DRBD takes 7 for a mistake; 4 tells it the same of the disk. */
function fateByClearance(turn: Turn, { resource }: FencePeer, peer: Peer): End | null {
  const { name, clearance } = peer;
  // Back since this was asked: it is connected, or needs a new proof.
  if (clearance === null || clearance.kind === 'back') return null;
  if (clearance.kind === 'left') {
    const message = `${name} has left and uses nothing of DRBD resource ${resource}`;
    return { fate: 'down', message };
  }
  const fate = turn.state.drbd[resource]?.fencing === 'resource-only' ? 'outdated' : 'fenced';
  return { fate, message: `${name} is confirmed off: it cannot use DRBD resource ${resource}` };
}

const WORDS: Readonly<Record<'outdated' | 'inconsistent' | 'primary', string>> = {
  outdated: 'has marked its disk Outdated',
  inconsistent: 'has a disk that is Inconsistent, and cannot use it',
  primary: 'uses its disk: it does not give it up',
};

/** The word of the node itself, on this very ask or a later one of the same kind. */
function fateByWord(turn: Turn, asked: FencePeer, peer: Peer): End | null {
  if (!isHeard(peer)) return null;
  const word = peer.report?.outdateWords.find(
    (entry) =>
      entry.asker === turn.self &&
      entry.generation === turn.state.generation &&
      entry.resource === asked.resource &&
      entry.version === asked.version,
  );
  if (word === undefined) return null;
  const message = `${peer.name} ${WORDS[word.outcome]} (DRBD resource ${asked.resource})`;
  return { fate: word.outcome, message };
}

function hopeless(turn: Turn, asked: FencePeer, peer: Peer): End | null {
  const { resource } = asked;
  const facts = turn.state.drbd[resource];
  const isLinked = facts !== undefined && !APART.includes(facts.connection);
  if (isLinked && turn.hasCome(asked.askedMs + LINKED_AGAIN_MS)) {
    const message = `DRBD resource ${resource} is connected again: ${peer.name} keeps its disk`;
    return { fate: null, message };
  }
  // Nothing is held back for this answer, and nobody is going to find out more.
  const isFree = facts?.fencing === 'resource-only' && peer.verdict === 'dead';
  if (isFree && !isGoingToBeFenced(turn, resource, peer)) {
    const message = `${peer.name} is silent and not confirmed off: the fate of its disk is not known`;
    return { fate: null, message };
  }
  if (!turn.hasCome(asked.untilMs)) return null;
  const cure =
    facts?.ioSuspended === true
      ? `. Writes to ${resource} are held back; once ${peer.name} is off for certain: ` +
        `tandem fence confirm ${peer.name}, then drbdadm resume-io ${resource}`
      : '';
  const limit = formatDuration(asked.untilMs - asked.askedMs);
  const message = `The fate of the disk of ${resource} on ${peer.name} is not known after ${limit}`;
  return { fate: null, message: message + cure };
}

/** Nobody is shot for what an operator holds, and nobody without a device. */
function isGoingToBeFenced(turn: Turn, resource: string, { name }: Peer): boolean {
  const isHeld = holdOn(turn, resource) !== null;
  return !isHeld && isFenceable(turn.state.spec, name) && isInUse(turn, resource);
}

/** What an operator laid on the groups of the resource: nobody is fenced for it. */
export function holdOn(turn: Turn, resource: string): Hold | null {
  for (const { spec } of groupsOf(turn, resource)) {
    const hold = standstillOf(turn.state, spec.name);
    if (hold !== null) return hold;
  }
  return null;
}

/** A group that runs here or is about to: a silent node in its way is being fenced. */
function isInUse(turn: Turn, resource: string): boolean {
  return groupsOf(turn, resource).some(({ life, claim }) => life !== 'stopped' || claim !== null);
}

function explainWait(turn: Turn, asked: FencePeer): void {
  const peer = turn.peer(asked.node);
  if (peer === undefined) return;
  const waitsFor = isHeard(peer)
    ? `${turn.self} asks ${peer.name} to mark its disk of DRBD resource ${asked.resource} Outdated`
    : `the handler of DRBD resource ${asked.resource} waits until ${peer.name} is confirmed off` +
      needOfAPerson(turn, asked.resource, peer);
  if (waitsFor === asked.waitsFor) return;
  const fencePeers = turn.state.fencePeers.map((entry) =>
    entry.requestId === asked.requestId ? { ...entry, waitsFor } : entry,
  );
  turn.update({ fencePeers });
  turn.say('info', waitsFor, { node: peer.name });
}

/** Why nobody will confirm it but a person, and how; empty when it is being fenced. */
function needOfAPerson(turn: Turn, resource: string, peer: Peer): string {
  const cure = `once it is off for certain: tandem fence confirm ${peer.name}`;
  const hold = holdOn(turn, resource);
  if (hold !== null) return `; ${holdSentence(hold)}, so nobody fences it; ${cure}`;
  if (isFenceable(turn.state.spec, peer.name)) return '';
  return `; it has no fence device; ${cure}`;
}

/**
 * S4: no other node may use its copy any more, so this one is the newest, also after a restart; but not
 * when its disk is gone, and lacks what was written on the other one since.
 */
function keepAhead(turn: Turn, resource: string): void {
  const facts = turn.state.drbd[resource];
  if (facts === undefined || !APART.includes(facts.connection)) return;
  if (turn.state.copies[resource]?.kind === 'behind') return;
  const copies = { ...turn.state.copies, [resource]: AHEAD_COPY };
  turn.update({ copies });
}

const AHEAD_COPY = { kind: 'current', than: null, ahead: true } as const;

function answer(turn: Turn, id: string, content: Omit<OperatorAnswer, 'id' | 'progress'>): void {
  turn.emit({ kind: 'answer', answer: { id, progress: [], ...content } });
}
