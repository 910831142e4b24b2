/**
 * A review (step.ts) looks at everything at every turn, and at rest it finds nothing to do. What it
 * would find again is remembered: when a review has changed, done and said nothing, and asked of
 * the time only whether moments had come (`Turn.hasCome`), then it does so again as long as all
 * that it reads is the same and no such moment has come. Until then it is passed over.
 *
 * Of the state a review reads neither what was sent and saved last, nor when a node was heard: that
 * has its say in `judgePeers` and `sendIfDue`, at every turn.
 */
import { copyOf, type Peer, type State } from './state.js';
import type { Turn } from './turn.js';

interface Settled {
  readonly state: State;
  readonly peers: readonly Peer[];
  readonly untilMs: number;
  /** What the review had to say of the time for what comes next. */
  readonly dueMs: number;
}

/** The last one of each node: of each configuration, which is one object as long as a node runs. */
const settled = new WeakMap<State['spec'], Settled>();

/** Reviews unless it is known that nothing would come of it. Answers what the review answers. */
export function reviewUnlessSettled(turn: Turn, review: () => number): number {
  const known = knownReview(turn);
  if (known !== null && turn.isBefore(known.untilMs)) return known.dueMs;
  let dueMs = Number.POSITIVE_INFINITY;
  const untilMs = turn.untilWhenSettled(() => {
    dueMs = review();
  });
  if (turn.isBefore(untilMs)) {
    const state = copyOf(turn.state);
    settled.set(state.spec, { state, peers: turn.peers, untilMs, dueMs });
  }
  return dueMs;
}

/** The last review that found nothing, while one would read the same: until when, and what is due. */
export function knownReview({
  state,
  peers,
}: Pick<Turn, 'state' | 'peers'>): Pick<Settled, 'untilMs' | 'dueMs'> | null {
  const known = settled.get(state.spec);
  if (known === undefined) return null;
  return readsTheSame(known.state, state) && seesTheSame(known.peers, peers) ? known : null;
}

/** True when a review reads the same in both, other nodes aside. */
export function readsTheSame(a: State, b: State): boolean {
  return (
    a.groups === b.groups &&
    a.drbd === b.drbd &&
    a.orders === b.orders &&
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
    a.sides === b.sides &&
    a.splits === b.splits &&
    a.discards === b.discards &&
    a.forces === b.forces &&
    a.behindSince === b.behindSince &&
    a.fencePeers === b.fencePeers &&
    a.outdatings === b.outdatings
  );
}

function isSameNode(a: State, b: State): boolean {
  return (
    a.spec === b.spec &&
    a.timingToCome === b.timingToCome &&
    a.phase === b.phase &&
    a.leftMs === b.leftMs &&
    a.nextId === b.nextId &&
    a.generation === b.generation &&
    a.bootedMs === b.bootedMs &&
    a.wallAheadMs === b.wallAheadMs &&
    a.health.listenUntilMs === b.health.listenUntilMs &&
    a.health.awayUntilMs === b.health.awayUntilMs
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
