import { assertNever } from '../base/assert.js';
import { settleClaims } from './claims.js';
import { reviewProofs } from './drbd-connections.js';
import { noteReachMoves, onPings, reviewConnectivity } from './connectivity.js';
import { onDrbd, reviewCopies } from './copies.js';
import { onReconnectResult, reconcileDiscards } from './discard.js';
import type { Effect } from './effect.js';
import type { FailoverEvent } from './event.js';
import { settleFencePeers } from './fence-peer.js';
import { onFenceTested } from './fence-request.js';
import { onFenceResult, reconcileFencing } from './fencing.js';
import { reviewForces } from './force-order.js';
import { endHolds } from './hold-ends.js';
import { standstillOf } from './holds.js';
import { onActionResult, onEnded, reconcileGroup } from './lifecycle.js';
import { accountForStall, judgePeers, nextTurnMs, onForeign, onReport } from './membership.js';
import { enterUp, leaveIfStopped, sendIfDue } from './outgoing.js';
import { heedAsks, onOutdateResult } from './outdate.js';
import { liftBars } from './recovery.js';
import { adoptTiming } from './reload.js';
import { onResumeResult, resumeWrites } from './resume-io.js';
import { followRequests, onOperator, onReload } from './requests.js';
import { onSide, reviewSplitBrains } from './split-brain.js';
import { reviewUnlessSettled } from './settled.js';
import type { State } from './state.js';
import { Turn } from './turn.js';

/** What one step brings about. */
export interface StepResult {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/**
 * The heart: one event in, the new state and what to do about it out. Pure: the same state, event
 * and time give the same answer, in the daemon, in a simulation and in a test. `nowMs` is
 * monotonic and never runs backwards.
 */
export function step(state: State, event: FailoverEvent, nowMs: number): StepResult {
  const turn = new Turn(state, nowMs);
  accountForStall(turn);
  if (takeIn(turn, event)) decide(turn);
  return { state: turn.state, effects: turn.effects };
}

/** Takes in one event. False when it said nothing new: there is nothing to decide then. */
function takeIn(turn: Turn, event: FailoverEvent): boolean {
  switch (event.kind) {
    case 'tick':
      return true;
    case 'clock':
      turn.update({ wallAheadMs: event.wallAheadMs });
      return true;
    case 'report':
      return onReport(turn, event.link, event.report);
    case 'foreign':
      return onForeign(turn, event.link, event.fault);
    case 'drbd':
      onDrbd(turn, event.facts);
      return true;
    case 'pings':
      onPings(turn, event.answers);
      return true;
    case 'actionResult':
      onActionResult(turn, event);
      return true;
    case 'ended':
      onEnded(turn, event);
      return true;
    case 'fenceResult':
      onFenceResult(turn, event);
      return true;
    case 'fenceTested':
      onFenceTested(turn, event);
      return true;
    case 'outdateResult':
      onOutdateResult(turn, event);
      return true;
    case 'resumeResult':
      onResumeResult(turn, event);
      return true;
    case 'side':
      onSide(turn, event.resource, event.side);
      return true;
    case 'reconnectResult':
      onReconnectResult(turn, event);
      return true;
    case 'operator':
      onOperator(turn, event.requestId, event.request);
      return true;
    case 'reload':
      onReload(turn, event.requestId, event.spec);
      return true;
    case 'leave':
      onLeave(turn);
      return true;
    default:
      return assertNever(event);
  }
}

function onLeave(turn: Turn): void {
  if (turn.state.phase === 'leaving' || turn.state.phase === 'left') return;
  turn.update({ phase: 'leaving' });
  const isHeld = turn.groups.some(({ spec }) => standstillOf(turn.state, spec.name) !== null);
  const first = isHeld ? 'it leaves what operators hold as it is' : 'it stops what it runs first';
  turn.say('info', `${turn.self} is asked to leave: ${first}`);
  for (const group of turn.groups) {
    if (group.life === 'stopped') turn.updateGroup(group.spec.name, { claim: null });
  }
}

/** Level-triggered: looks at everything and does what is due, whatever the event was. */
function decide(turn: Turn): void {
  judgePeers(turn);
  const dueMs = reviewUnlessSettled(turn, {
    all: () => review(turn),
    groups: () => seeToGroups(turn),
  });
  sendIfDue(turn);
  const wantedMs = Math.min(dueMs, nextTurnMs(turn.state, turn.peers, turn.nowMs));
  turn.emit({ kind: 'wake', atMs: Math.max(turn.nowMs + 1, wantedMs) });
}

/** Everything that is not judged or sent at every turn. Answers when something of it is due. */
function review(turn: Turn): number {
  reviewProofs(turn);
  reviewCopies(turn);
  reviewConnectivity(turn);
  noteReachMoves(turn);
  heedAsks(turn);
  adoptTiming(turn);
  reviewSplitBrains(turn);
  liftBars(turn);
  endHolds(turn);
  enterUp(turn);
  for (const group of turn.groups) {
    const { name } = group.spec;
    settleClaims(turn, name);
    turn.apart(() => reconcileGroup(turn, name));
  }
  let fencingMs = Number.POSITIVE_INFINITY;
  for (const peer of turn.peers) {
    fencingMs = Math.min(fencingMs, reconcileFencing(turn, peer) ?? fencingMs);
  }
  reviewForces(turn);
  settleFencePeers(turn);
  resumeWrites(turn);
  reconcileDiscards(turn);
  followRequests(turn);
  leaveIfStopped(turn);
  return fencingMs;
}

function seeToGroups(turn: Turn): void {
  for (const { spec } of turn.groups) turn.apart(() => reconcileGroup(turn, spec.name));
}
