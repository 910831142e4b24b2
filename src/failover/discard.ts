/**
 * Settles a split brain by order of a person, never otherwise. Both nodes follow the register; each
 * does only what concerns itself, and looks at everything again before it does it:
 *
 *     victim     disconnect, Secondary, connect with its changes given up ("offers")
 *     survivor   once the victim offers: connect, if it is StandAlone
 *     both       watch the resync, then compare the identifiers; then the register is emptied
 *
 * A wait that is over its limit empties the register, and says what was done and what was not. Until
 * DRBD has connected nothing is thrown away. The same order can always be given again.
 */
import { assertNever } from '../base/assert.js';
import { formatDuration } from '../base/duration.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { haveSameData, isCarrying } from '../drbd/split-brain.js';
import { isMember } from './membership.js';
import { clearOrder, discardKey } from './orders.js';
import { discardOrder, type DiscardOrder } from './discard-order.js';
import type { Discard } from './discard-state.js';
import type { FailoverEvent } from './event.js';
import { groupUsing, otherHalf } from './halves.js';
import { currentOperation } from './history.js';
import { isWholeDisk, ownSide, peerSide, splitBrainOf } from './split-brain.js';
import type { Turn } from './turn.js';

/** From the order to a connection: two programs on either side, and DRBD's own retries of 10 s. */
const CONNECT_LIMIT_MS = 60_000;
/** A resync that does not come further for so long has lost its connection or its disk. */
const RESYNC_IDLE_LIMIT_MS = 600_000;
/** Both nodes read their identifiers within a few seconds after the resync. */
const VERIFY_LIMIT_MS = 30_000;
/** Tries of one step; each has limits of its own. */
const FAILURES_MAX = 3;
const RETRY_MS = 2_000;
/** The progress of a long resync, bounded: one sentence for every tenth. */
const PROGRESS_MAX = 40;

/** Takes what became of a step. */
export function onReconnectResult(
  turn: Turn,
  event: Extract<FailoverEvent, { kind: 'reconnectResult' }>,
): void {
  const entry = Object.values(turn.state.discards).find((one) => one.running === event.reconnectId);
  if (entry === undefined) return;
  const { resource } = entry;
  if (event.outcome === 'ok') {
    amend(turn, resource, { running: null, failures: 0, movedMs: turn.nowMs });
    tell(turn, resource, event.reason);
    return;
  }
  const failures = entry.failures + 1;
  // What did not come to its end has not made the offer, as far as anybody may count on it.
  const offered = entry.victim === turn.self && entry.end === null ? false : entry.offered;
  const notBeforeMs = turn.nowMs + RETRY_MS;
  amend(turn, resource, { running: null, failures, notBeforeMs, offered });
  tell(turn, resource, event.reason, 'warn');
  if (failures >= FAILURES_MAX) giveUp(turn, resource, `it failed ${String(failures)} times`);
}

/** Does what is due for every resource with an order, or with one that was withdrawn. */
export function reconcileDiscards(turn: Turn): void {
  for (const resource of Object.keys(turn.state.drbd)) {
    const order = discardOrder(turn.state, resource);
    const entry = turn.state.discards[resource];
    if (order === null) {
      if (entry !== undefined && entry.end === null) orderIsGone(turn, entry);
      continue;
    }
    // What runs yet belongs to the order before.
    const isNew = entry?.version !== order.version || entry.origin !== order.origin;
    if (isNew && (entry === undefined || entry.running === null)) begin(turn, resource, order);
    advance(turn, resource);
  }
}

function begin(turn: Turn, resource: string, order: DiscardOrder): void {
  const group = groupUsing(turn.state, resource);
  const other = otherHalf(turn.state, resource)?.name ?? '';
  if (group === undefined || ![turn.self, other].includes(order.victim)) return;
  const survivor = order.victim === turn.self ? other : turn.self;
  const { victim, fingerprint, by, reason, version, origin } = order;
  const entry: Discard = {
    resource,
    group: group.name,
    victim,
    survivor,
    fingerprint,
    by,
    reason,
    version,
    origin,
    running: null,
    failures: 0,
    notBeforeMs: turn.nowMs,
    offered: false,
    stage: 'apart',
    movedMs: turn.nowMs,
    leftBytes: null,
    progress: [],
    end: null,
  };
  turn.update({ discards: { ...turn.state.discards, [resource]: entry } });
  const sentence = orderSentence(entry);
  turn.openOperation(group.name, turn.nowMs, sentence);
  turn.phaseBegins(group.name, 'reconnect');
  turn.say('warn', sentence, { group: group.name });
}

function orderSentence({ resource, victim, survivor, by, reason }: Discard): string {
  return (
    `${by} settles the split brain of ${resource}: what only ${victim} has is discarded, ` +
    `${survivor} stays as it is (${reason})`
  );
}

function advance(turn: Turn, resource: string): void {
  const entry = turn.state.discards[resource];
  const facts = turn.state.drbd[resource];
  if (entry === undefined || facts === undefined || entry.end !== null) return;
  const stage = stageOf(facts);
  if (stage !== entry.stage) enterStage(turn, entry, stage);
  switch (stage) {
    case 'apart':
      reconnect(turn, resource);
      return;
    case 'syncing':
      watchResync(turn, resource, facts);
      return;
    case 'connected':
      verify(turn, resource);
      return;
    default:
      assertNever(stage);
  }
}

function stageOf(facts: DrbdFacts): Discard['stage'] {
  if (!facts.volumes.every(({ connection }) => isCarrying(connection))) return 'apart';
  const isDone = facts.volumes.every(
    ({ connection, disk, peerDisk }) =>
      connection === 'Connected' && disk === 'UpToDate' && peerDisk === 'UpToDate',
  );
  return isDone ? 'connected' : 'syncing';
}

const PHASE: Readonly<Record<Discard['stage'], string>> = {
  apart: 'reconnect',
  syncing: 'resync',
  connected: 'verify',
};

function enterStage(turn: Turn, entry: Discard, stage: Discard['stage']): void {
  const { resource, group, victim, survivor } = entry;
  amend(turn, resource, { stage, movedMs: turn.nowMs, leftBytes: null });
  turn.phaseEnds(group, PHASE[entry.stage]);
  turn.phaseBegins(group, PHASE[stage]);
  const sentence = {
    apart: `the connection of ${resource} was lost again`,
    syncing: `DRBD has connected ${resource}: ${victim} receives what differs from ${survivor}`,
    connected: `${resource} is connected and UpToDate on both nodes`,
  }[stage];
  tell(turn, resource, sentence);
}

// --- not connected yet ---------------------------------------------------------------------------

function reconnect(turn: Turn, resource: string): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  if (turn.nowMs - entry.movedMs > CONNECT_LIMIT_MS) {
    giveUp(turn, resource, `DRBD did not connect within ${formatDuration(CONNECT_LIMIT_MS)}`);
    return;
  }
  if (entry.running !== null || turn.nowMs < entry.notBeforeMs) return;
  if (entry.victim === turn.self) offer(turn, entry);
  else joinIn(turn, entry);
}

/** The victim's part: only what a person looked at, and never under a service. */
function offer(turn: Turn, entry: Discard): void {
  if (entry.offered || objectionToDiscard(turn, entry.resource, entry.fingerprint) !== null) return;
  amend(turn, entry.resource, { offered: true });
  run(turn, entry, 'discard');
}

/** Why this node must not give up its changes now, or null. Asked again at every turn. */
export function objectionToDiscard(
  turn: Turn,
  resource: string,
  fingerprint: string,
): string | null {
  const { state, self } = turn;
  const facts = state.drbd[resource];
  const peer = otherHalf(state, resource);
  const found = splitBrainOf(state, resource);
  if (turn.nowMs < state.health.listenUntilMs) return `${self} has just stood still`;
  if (peer?.verdict !== 'up' || !isMember(peer)) return `${peer?.name ?? 'the other node'} is not up`;
  if (found?.fingerprint !== fingerprint) return 'the data on both sides is not what was looked at';
  if (facts?.role !== 'Secondary') return `${self} is not Secondary of ${resource}`;
  if (!isWholeDisk(found.sides.find(({ node }) => node === peer.name)?.disk)) {
    return `the disk of ${peer.name} is neither UpToDate nor Consistent`;
  }
  const group = turn.groups.find(({ spec }) => spec.name === groupUsing(state, resource)?.name);
  const isStill = group?.life === 'stopped' && group.action === null && group.claim === null;
  return isStill ? null : `${group?.spec.name ?? 'its group'} is not stopped on ${self}`;
}

/** The survivor's part: connect, once the other one waits and offers. */
function joinIn(turn: Turn, entry: Discard): void {
  const facts = turn.state.drbd[entry.resource];
  const offers = turn.peer(entry.victim)?.report?.sides?.find(
    ({ resource }) => resource === entry.resource,
  )?.offers;
  if (offers !== entry.fingerprint || facts?.connection !== 'StandAlone') return;
  run(turn, entry, 'connect');
}

function run(turn: Turn, entry: Discard, step: 'discard' | 'connect' | 'withdraw'): void {
  const { resource } = entry;
  const reconnectId = turn.newId('reconnect');
  const volumes = turn.state.sides[resource]?.volumes ?? [];
  const generations = Object.fromEntries(volumes.map((one) => [one.volume, one.generation]));
  amend(turn, resource, { running: reconnectId });
  turn.emit({ kind: 'reconnect', reconnectId, resource, step, generations });
}

// --- connected -----------------------------------------------------------------------------------

function watchResync(turn: Turn, resource: string, facts: DrbdFacts): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  const leftBytes = facts.volumes.reduce((sum, volume) => sum + (volume.outOfSyncBytes ?? 0), 0);
  if (leftBytes !== entry.leftBytes) {
    amend(turn, resource, { leftBytes, movedMs: turn.nowMs });
    const percent = Math.min(...facts.volumes.map(({ syncedPercent }) => syncedPercent ?? 100));
    const tenth = Math.floor(percent / 10) * 10;
    if (percent < 100) note(turn, resource, `${entry.victim} is ${String(tenth)} % in sync`);
    return;
  }
  if (turn.nowMs - entry.movedMs <= RESYNC_IDLE_LIMIT_MS) return;
  const idle = formatDuration(RESYNC_IDLE_LIMIT_MS);
  giveUp(turn, resource, `the resync has not come further for ${idle}`);
}

/** DRBD says that all is well; the identifiers of both sides must say so, too. */
function verify(turn: Turn, resource: string): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  const peer = otherHalf(turn.state, resource);
  const own = ownSide(turn.state, resource);
  const theirs = peer === null ? null : peerSide(peer, resource);
  if (own !== null && theirs !== null && haveSameData(own, theirs)) {
    finish(turn, resource, true, doneSentence(entry));
    return;
  }
  if (turn.nowMs - entry.movedMs <= VERIFY_LIMIT_MS) return;
  const sentence = `${resource} is connected and UpToDate, but the identifiers of both sides could not be compared`;
  giveUp(turn, resource, sentence);
}

function doneSentence({ resource, victim, survivor, by, reason }: Discard): string {
  return (
    `The split brain of ${resource} is settled: ${survivor} and ${victim} have the same data; ` +
    `what only ${victim} had was discarded by ${by} (${reason})`
  );
}

// --- the end -------------------------------------------------------------------------------------

/** The other node has emptied the register: it was done first, or it gave up. */
function orderIsGone(turn: Turn, entry: Discard): void {
  const facts = turn.state.drbd[entry.resource];
  const isDone = facts !== undefined && stageOf(facts) === 'connected';
  if (isDone) finish(turn, entry.resource, true, doneSentence(entry));
  else finish(turn, entry.resource, false, notDone(entry, 'the order was withdrawn'));
}

function giveUp(turn: Turn, resource: string, why: string): void {
  const entry = turn.state.discards[resource];
  if (entry?.end !== null) return;
  finish(turn, resource, false, notDone(entry, why));
}

/** What is done and what is not, for somebody who has to go on from here. */
function notDone({ resource, victim, stage }: Discard, why: string): string {
  const state = {
    apart: `nothing was thrown away, and ${victim} no longer offers to discard its changes`,
    syncing: `${victim} has given up its changes and lacks some of the other side's: leave it alone`,
    connected: 'both nodes have the same data by the word of DRBD',
  }[stage];
  return `Split brain of ${resource} not settled: ${why}; ${state}. See "tandem split-brain inspect ${resource}"`;
}

function finish(turn: Turn, resource: string, ok: boolean, message: string): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  const isOffering = entry.offered && entry.stage === 'apart';
  amend(turn, resource, { end: { ok, message }, running: null, offered: false });
  clearOrder(turn, discardKey(resource));
  turn.say(ok ? 'info' : 'error', message, { group: entry.group });
  turn.phaseEnds(entry.group, PHASE[entry.stage], ok ? 'done' : 'failed');
  // A start or a move of the group may go on beside it: that has an account of its own.
  const account = currentOperation(turn.state.history, entry.group);
  if (account?.trigger === orderSentence(entry)) {
    turn.closeOperation(entry.group, ok ? 'done' : 'failed');
  }
  if (isOffering) run(turn, entry, 'withdraw');
}

function amend(turn: Turn, resource: string, change: Partial<Discard>): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  turn.update({ discards: { ...turn.state.discards, [resource]: { ...entry, ...change } } });
}

/** A sentence for the operator who waits, and for the log. */
function tell(turn: Turn, resource: string, sentence: string, level: 'info' | 'warn' = 'info'): void {
  const entry = turn.state.discards[resource];
  if (entry === undefined) return;
  note(turn, resource, sentence);
  turn.say(level, sentence, { group: entry.group });
}

function note(turn: Turn, resource: string, sentence: string): void {
  const progress = turn.state.discards[resource]?.progress ?? [];
  if (progress.at(-1) === sentence) return;
  amend(turn, resource, { progress: [...progress, sentence].slice(-PROGRESS_MAX) });
}
