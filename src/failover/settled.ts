/**
 * A review (step.ts) looks at everything at every turn, and at rest it finds nothing to do. What it
 * would find again is remembered: when a review has changed, done and said nothing, and asked of
 * the time only whether moments had come (`Turn.hasCome`), then it does so again as long as all
 * that it reads is the same and no such moment has come. Until then it is passed over.
 *
 * Of the state a review reads neither what was sent and saved last, nor when a node was heard: that
 * has its say in `judgePeers` and `sendIfDue`, at every turn.
 *
 * What a group does next (`reconcileGroup`) is kept apart from the rest: only that reads which looks
 * at a group that runs are under way and when the next ones are due. While looks come and go and
 * nothing else changes, the groups alone are seen to; if that makes more of a change than a look
 * that begins, it is taken back, and everything is reviewed. A look that begins by its time is aside
 * of that (`Turn.aside`): when it does can be read from the group (looks.ts).
 */
import { nextLookMs } from './looks.js';
import { copyOf, type Group, type Peer, type State } from './state.js';
import type { Turn } from './turn.js';

/** A review, and the part of it that can be had alone. */
export interface Review {
  /** Everything, the groups within `Turn.apart`. Answers when something else is due. */
  readonly all: () => number;
  /** What the groups do next, kept apart as well. */
  readonly groups: () => void;
}

/** A review that found nothing but looks to begin. */
interface Settled {
  readonly state: State;
  readonly peers: readonly Peer[];
  /** Of all but the groups: until when, and what it had to say of the time for what comes next. */
  readonly untilMs: number;
  readonly dueMs: number;
  /** Of the groups: until when they do nothing but begin looks by their time, while none ends. */
  readonly groupsUntilMs: number;
  /** Until when they do nothing else when looks end well, either. */
  readonly looksUntilMs: number;
  readonly groupsDueMs: number;
}

/** The last one of each node: of each configuration, which is one object as long as a node runs. */
const settled = new WeakMap<State['spec'], Settled>();

/** Reviews unless it is known that nothing would come of it. Answers when something is due. */
export function reviewUnlessSettled(turn: Turn, review: Review): number {
  const known = settled.get(turn.state.spec);
  const isKnown =
    known !== undefined && turn.isBefore(known.untilMs) && seesTheSame(known.peers, turn.peers);
  if (!isKnown || !readsTheSameButLooks(known.state, turn.state)) return reviewAll(turn, review);
  const isCalm = turn.isBefore(known.groupsUntilMs) && turn.isBefore(known.groupsDueMs);
  const isAtRest = isCalm && readsTheSame(known.state, turn.state);
  if (isAtRest) return Math.min(known.dueMs, known.groupsDueMs);
  return reviewGroups(turn, review, known);
}

function reviewAll(turn: Turn, review: Review): number {
  const before = copyOf(turn.state);
  const isBusy = isAnyBusy(turn);
  let dueMs = Number.POSITIVE_INFINITY;
  const untilMs = turn.untilWhenSettled(() => {
    dueMs = review.all();
  });
  const groupsDueMs = nextLookMs(turn.groups);
  if (turn.isBefore(untilMs) && readsTheSameButLooks(before, turn.state)) {
    remember(turn, { untilMs, dueMs, ...groupsFound(turn, isBusy), groupsDueMs });
  }
  return Math.min(dueMs, groupsDueMs);
}

function reviewGroups(turn: Turn, review: Review, known: Settled): number {
  const before = copyOf(turn.state);
  const isBusy = isAnyBusy(turn);
  const effects = turn.effects.length;
  turn.untilWhenSettled(review.groups);
  if (!readsTheSameButLooks(before, turn.state)) {
    turn.takeBack(before, effects);
    return reviewAll(turn, review);
  }
  const groupsDueMs = nextLookMs(turn.groups);
  remember(turn, { ...known, ...groupsFound(turn, isBusy), groupsDueMs });
  return Math.min(known.dueMs, groupsDueMs);
}

function remember(turn: Turn, found: Omit<Settled, 'state' | 'peers'>): void {
  const { untilMs, dueMs, groupsUntilMs, looksUntilMs, groupsDueMs } = found;
  const { peers } = turn;
  const state = copyOf(turn.state);
  settled.set(state.spec, { state, peers, untilMs, dueMs, groupsUntilMs, looksUntilMs, groupsDueMs });
}

function isAnyBusy({ groups }: Turn): boolean {
  return groups.some(({ action }) => action !== null);
}

/** `wasBusy`: what a group does while nothing is done to it was not asked of each of them. */
function groupsFound(
  { apartUntilMs }: Turn,
  wasBusy: boolean,
): Pick<Settled, 'groupsUntilMs' | 'looksUntilMs'> {
  const looksUntilMs = wasBusy ? Number.NEGATIVE_INFINITY : apartUntilMs;
  return { groupsUntilMs: apartUntilMs, looksUntilMs };
}

/** What is known of the reviews to come, while they would read the same. */
export interface KnownReview {
  /** Until then they do nothing, but for looks by their time. */
  readonly untilMs: number;
  /** Until then that holds also when looks end well. */
  readonly looksUntilMs: number;
  /** When something is due, looks aside. */
  readonly dueMs: number;
}

/** The last review that found nothing, while one would read the same. */
export function knownReview({ state, peers }: Pick<Turn, 'state' | 'peers'>): KnownReview | null {
  const known = settled.get(state.spec);
  if (known === undefined) return null;
  if (!readsTheSame(known.state, state) || !seesTheSame(known.peers, peers)) return null;
  // A node that leaves waits for the end of every action.
  const looksUntilMs = state.phase === 'up' ? known.looksUntilMs : Number.NEGATIVE_INFINITY;
  return { untilMs: Math.min(known.untilMs, known.groupsUntilMs), looksUntilMs, dueMs: known.dueMs };
}

/** True when a review reads the same in both, other nodes aside. */
export function readsTheSame(a: State, b: State): boolean {
  return a.groups === b.groups && a.nextId === b.nextId && isSameButGroups(a, b);
}

/** The same, but for looks at groups that run: that they began, what they suspect, the next ones. */
export function readsTheSameButLooks(a: State, b: State): boolean {
  if (!isSameButGroups(a, b)) return false;
  if (a.groups === b.groups) return true;
  const groups = Object.values(b.groups);
  return (
    // A node that leaves waits for the end of every action.
    b.phase === 'up' &&
    groups.length === Object.keys(a.groups).length &&
    groups.every((group) => isSameButLooks(a.groups[group.spec.name], group))
  );
}

function isSameButLooks(a: Group | undefined, b: Group): boolean {
  if (a === b) return true;
  return a?.life === 'started' && b.life === 'started' && isSameRunning(a, b);
}

/** Of a group that runs only `reconcileGroup` reads `action`, `monitorDueMs` and `suspects`. */
function isSameRunning(a: Group, b: Group): boolean {
  return (
    a.resources === b.resources &&
    a.claim === b.claim &&
    a.grant === b.grant &&
    a.barred === b.barred &&
    a.epoch === b.epoch &&
    a.epochSeen === b.epochSeen &&
    a.failuresMs === b.failuresMs &&
    a.failbackArmed === b.failbackArmed &&
    a.spec === b.spec &&
    hasSameReasons(a, b)
  );
}

function hasSameReasons(a: Group, b: Group): boolean {
  return (
    a.reason === b.reason &&
    a.blocked === b.blocked &&
    a.stopReason === b.stopReason &&
    a.restartFrom === b.restartFrom &&
    a.keptConfirmed === b.keptConfirmed
  );
}

function isSameButGroups(a: State, b: State): boolean {
  return (
    a.drbd === b.drbd &&
    a.orders === b.orders &&
    a.hears === b.hears &&
    a.copies === b.copies &&
    a.history === b.history &&
    a.requests === b.requests &&
    a.comparisons === b.comparisons &&
    a.pings === b.pings &&
    a.reachMoves === b.reachMoves &&
    a.fenceRecords === b.fenceRecords &&
    a.fenceTrials === b.fenceTrials &&
    isSameDrbd(a, b) &&
    isSameNode(a, b)
  );
}

function isSameDrbd(a: State, b: State): boolean {
  return (
    a.relinks === b.relinks &&
    a.connectedMs === b.connectedMs &&
    a.sides === b.sides &&
    a.splits === b.splits &&
    a.discards === b.discards &&
    a.forces === b.forces &&
    a.behindSince === b.behindSince &&
    a.fencePeers === b.fencePeers &&
    a.outdatings === b.outdatings &&
    a.resumes === b.resumes
  );
}

function isSameNode(a: State, b: State): boolean {
  return (
    a.spec === b.spec &&
    a.timingToCome === b.timingToCome &&
    a.phase === b.phase &&
    a.leftMs === b.leftMs &&
    a.generation === b.generation &&
    a.goneEpoch === b.goneEpoch &&
    a.bootedMs === b.bootedMs &&
    a.wallAheadMs === b.wallAheadMs &&
    a.health.listenUntilMs === b.health.listenUntilMs
  );
}

/** True when a review sees the same in both lists of other nodes. */
export function seesTheSame(before: readonly Peer[], now: readonly Peer[]): boolean {
  return before.length === now.length && now.every((peer, at) => looksTheSame(peer, before[at]));
}

function looksTheSame(a: Peer, b: Peer | undefined): boolean {
  return (
    a === b ||
    (b !== undefined &&
      a.report === b.report &&
      a.verdict === b.verdict &&
      a.clearance === b.clearance &&
      a.fencing === b.fencing &&
      a.incompatible === b.incompatible &&
      a.deadSinceMs === b.deadSinceMs &&
      a.name === b.name)
  );
}
