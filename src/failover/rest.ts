/**
 * A node at rest. What its turns do until a known moment is known beforehand: they take place, hear
 * again what was heard before, and say again what was said before. A daemon takes each of them all
 * the same; a simulator that plays through years may take them a shorter way (sim/resting.ts).
 */
import type { Report } from '../heartbeat/report.js';
import { repeatedReport } from './outgoing.js';
import { knownReview, type KnownReview } from './settled.js';
import type { State } from './state.js';

/** By the node's own clock. */
export interface Rest extends KnownReview {
  /** What it says at every keepalive, but for the number. */
  readonly report: Report;
}

/**
 * The rest of a node, null while it is not at rest. It ends early with any event but a tick, a report
 * that is old news (`isOldNews`) and a look that ends well (`isGoodLook`), with a late turn, and when
 * the light of a peer changes.
 */
export function restOf(state: State, nowMs: number): Rest | null {
  const seen = { state, peers: Object.values(state.peers) };
  const review = knownReview(seen);
  if (review === null || nowMs >= review.untilMs || nowMs < state.health.listenUntilMs) return null;
  const report = repeatedReport(seen, nowMs);
  return report === null ? null : { ...review, report };
}
