/**
 * What operators ask for. A request is checked against what is known, turned into an order or a
 * clearance, and then followed until what it asked for is true, so that its answer is a fact.
 */
import { assertNever } from '../base/assert.js';
import type { OperatorAnswer, OperatorRequest } from '../base/control.js';
import { activeElsewhere } from './claims.js';
import { newestConnection } from './drbd-connections.js';
import * as held from './hold-requests.js';
import { disableOf, holdSentence } from './holds.js';
import * as fence from './fence-request.js';
import * as force from './force-request.js';
import { onFencePeer } from './fence-peer.js';
import { judgeDiscard, type DiscardRequest } from './discard-request.js';
import { cleanup } from './lifecycle.js';
import { isAlive } from './membership.js';
import {
  moveKey,
  moveTarget,
  setOrder,
} from './orders.js';
import { fateOfOrder, insteadSentence, renewOrder } from './order-fate.js';
import { objectionTo, placement } from './placement.js';
import { judgeReload } from './reload.js';
import type { ClusterSpec } from './spec.js';
import * as mode from './standby-request.js';
import type { Group, PendingRequest } from './state.js';
import type { Turn } from './turn.js';
import {
  findGroup,
  holderOf,
  isStartedOn,
  isUnderWay,
  noSuch,
  noSuchGroup,
  refuse,
  refuseHeld,
  stuckWhere,
  tookSince,
  type End,
  type Verdict,
} from './verdict.js';

/** Requests that are remembered after their end, for late questions. */
const REQUESTS_MAX = 50;

/** Takes a request; always answers. A dry run goes through the same checks and changes nothing. */
export function onOperator(turn: Turn, id: string, request: OperatorRequest): void {
  if (request.kind === 'fencePeer') {
    onFencePeer(turn, id, request);
    return;
  }
  conclude(turn, id, judge(turn, request));
}

/** Takes another configuration, or refuses it; answers like a request. */
export function onReload(turn: Turn, id: string, spec: ClusterSpec): void {
  conclude(turn, id, judgeReload(turn, spec));
}

function conclude(turn: Turn, id: string, verdict: Verdict): void {
  const base = { id, progress: [] };
  switch (verdict.kind) {
    case 'refused':
      turn.say('warn', `Refused: ${verdict.message}`);
      answer(turn, { ...base, state: 'refused', message: verdict.message, exit: verdict.exit });
      return;
    case 'done':
      turn.say('info', verdict.message);
      answer(turn, { ...base, state: 'done', message: verdict.message, exit: 'ok' });
      return;
    case 'follow': {
      const pending: PendingRequest = {
        id,
        ...verdict.pending,
        askedMs: turn.nowMs,
        outcome: 'running',
        message: verdict.message,
        progress: [],
      };
      turn.update({ requests: { ...bounded(turn.state.requests), [id]: pending } });
      fence.beginFenceTest(turn, pending);
      turn.say('info', verdict.message, pending.group === null ? {} : { group: pending.group });
      answer(turn, { ...base, state: 'accepted', message: verdict.message, exit: 'ok' });
    }
  }
}

function bounded(
  requests: Readonly<Record<string, PendingRequest>>,
): Readonly<Record<string, PendingRequest>> {
  const entries = Object.entries(requests);
  return entries.length < REQUESTS_MAX ? requests : Object.fromEntries(entries.slice(1 - REQUESTS_MAX));
}

function answer(turn: Turn, content: OperatorAnswer): void {
  turn.emit({ kind: 'answer', answer: content });
}

function judge(turn: Turn, request: Exclude<OperatorRequest, { kind: 'fencePeer' }>): Verdict {
  switch (request.kind) {
    case 'move':
      return judgeMove(turn, request.group, request.to);
    case 'standby':
      return mode.judgeStandby(turn, request);
    case 'online':
      return mode.judgeOnline(turn, request);
    case 'cleanup':
      return judgeCleanup(turn, request.group);
    case 'discard':
      return followDiscard(turn, request);
    case 'forceOldData':
      return force.judgeForce(turn, request);
    case 'fence':
      return fence.judgeFence(turn, request);
    case 'fenceTest':
      return fence.judgeFenceTest(turn, request);
    case 'fenceConfirm':
      return judgeConfirm(turn, request);
    case 'restart':
      return held.judgeRestart(turn, request);
    case 'disable':
      return held.judgeDisable(turn, request);
    case 'enable':
      return held.judgeEnable(turn, request);
    case 'freeze':
      return held.judgeFreeze(turn, request);
    case 'unfreeze':
      return held.judgeUnfreeze(turn, request);
    case 'maintenance':
      return held.judgeMaintenance(turn, request);
    case 'endMaintenance':
      return held.judgeEndMaintenance(turn, request);
    default:
      return assertNever(request);
  }
}

function judgeMove(turn: Turn, word: string, to: string | null): Verdict {
  const group = findGroup(turn, word);
  if (group === null) return noSuchGroup(turn, word);
  const { name } = group.spec;
  if (to !== null && !turn.state.spec.nodes.includes(to)) {
    return noSuch('node', to, turn.state.spec.nodes);
  }
  const unmovable =
    refuseHeld(turn, name, `${name} cannot be moved`) ?? refuseDisabled(turn, name);
  if (unmovable !== null) return unmovable;
  const holder = holderOf(turn, group);
  const differs = holder === null ? null : (turn.peer(holder)?.incompatible ?? null);
  if (differs !== null) {
    return refuse(`${name} cannot be moved: ${holder ?? ''} is incompatible: ${differs}`);
  }
  const { candidates, rejected } = placement(turn.state, group);
  const target = to ?? candidates.find((candidate) => candidate.node !== holder)?.node ?? null;
  if (target === null) {
    const reasons = Object.values(rejected).join('; ');
    return refuse(`${name} can go nowhere else: ${reasons === '' ? 'no other node' : reasons}`);
  }
  if (target === holder && moveTarget(turn.state, name) === null) {
    return { kind: 'done', message: `${name} runs on ${target} already` };
  }
  const objection = objectionTo(turn.state, group, target);
  if (objection !== null) return refuse(`${name} cannot move to ${target}: ${objection}`);
  setOrder(turn, moveKey(name), target);
  const order = turn.state.orders[moveKey(name)];
  const from = holder === null ? '' : ` from ${holder}`;
  return {
    kind: 'follow',
    message: `Moving ${name}${from} to ${target}`,
    pending: { what: 'move', group: name, node: target, mode: null, order },
  };
}

function refuseDisabled(turn: Turn, name: string): Verdict | null {
  const hold = disableOf(turn.state, name);
  if (hold === null) return null;
  return refuse(`${name} cannot be moved: ${holdSentence(hold)}. First: tandem enable ${name}`);
}

function judgeCleanup(turn: Turn, word: string): Verdict {
  const group = findGroup(turn, word);
  if (group === null) return noSuchGroup(turn, word);
  const { name } = group.spec;
  cleanup(turn, name);
  return {
    kind: 'done',
    message: `The failures of ${name} on ${turn.self} are forgotten and its state is looked at again`,
  };
}

function followDiscard(turn: Turn, request: DiscardRequest): Verdict {
  const verdict = judgeDiscard(turn, request);
  if (verdict.kind === 'refused') return verdict;
  const { node, resource } = request;
  const pending = { what: 'discard', group: verdict.group, resource, node, mode: null } as const;
  return { kind: 'follow', message: verdict.message, pending };
}

function judgeConfirm(
  turn: Turn,
  request: Extract<OperatorRequest, { kind: 'fenceConfirm' }>,
): Verdict {
  const peer = turn.peer(request.node);
  if (request.node === turn.self) return refuse(`${turn.self} is this node, and it runs`);
  if (peer === undefined) return noSuch('node', request.node, turn.state.spec.nodes);
  if (isAlive(peer)) {
    return refuse(`${peer.name} was heard a moment ago, so it is not off`);
  }
  const connected = peer.clearance?.kind === 'back' ? newestConnection(turn.state, peer.name) : null;
  if (connected !== null) {
    return refuse(`${peer.name} is not off: its half of DRBD resource ${connected.resource} is connected here`);
  }
  // A person's word also covers what a power device cannot know: who wrote last.
  if (peer.clearance?.kind === 'confirmed') {
    return { kind: 'done', message: `${peer.name} is accounted for already` };
  }
  const { by, reason } = request;
  turn.updatePeer(peer.name, { clearance: { kind: 'confirmed', atMs: turn.nowMs, by, reason } });
  return {
    kind: 'done',
    message: `${by} confirmed that ${peer.name} is off (${reason}): recorded, and acted upon`,
  };
}

/** Follows the pending requests; answers those that are over. */
export function followRequests(turn: Turn): void {
  for (const asked of Object.values(turn.state.requests)) {
    if (asked.outcome !== 'running') continue;
    const request = renewOrder(turn, asked);
    const progress = progressOf(turn, request);
    const end = endOf(turn, request);
    if (end === null && request === asked && progress === request.progress) continue;
    const next: PendingRequest = {
      ...request,
      progress,
      ...(end === null ? {} : { outcome: end.ok ? 'done' : 'failed', message: end.message }),
    };
    turn.update({ requests: { ...turn.state.requests, [request.id]: next } });
    if (end === null) continue;
    turn.say(end.ok ? 'info' : 'error', end.message);
    const { fenceTests } = request;
    answer(turn, {
      id: request.id,
      state: end.ok ? 'done' : 'failed',
      message: end.message,
      progress,
      exit: end.ok ? 'ok' : 'failed',
      ...(fenceTests === undefined ? {} : { fenceTests }),
    });
  }
}

/** Where the group is, one sentence per change. */
function progressOf(turn: Turn, request: PendingRequest): readonly string[] {
  if (request.resource !== undefined) {
    return turn.state.discards[request.resource]?.progress ?? request.progress;
  }
  if (request.group === null) return request.progress;
  const group = turn.group(request.group);
  if (group === undefined) return request.progress;
  const place = activeElsewhere(turn, request.group);
  const there = place?.report?.groups.find((entry) => entry.name === request.group);
  const own = group.life === 'stopped' ? null : `${request.group} is ${group.life} on ${turn.self}`;
  const other =
    place === null || there === undefined
      ? null
      : `${request.group} is ${there.life} on ${place.name}`;
  const sentence = own ?? other ?? `${request.group} is stopped`;
  return request.progress.at(-1) === sentence ? request.progress : [...request.progress, sentence];
}

/** Requests that have an end of their own, whatever becomes of a group. */
const SPECIAL_ENDS: Readonly<
  Partial<Record<PendingRequest['what'], (turn: Turn, request: PendingRequest) => End | null>>
> = {
  force: force.endOfForce,
  fence: fence.endOfFence,
  fenceTest: fence.endOfFenceTest,
  mode: mode.endOfMode,
  hold: held.endOfHold,
  lift: held.endOfLift,
};

function endOf(turn: Turn, request: PendingRequest): End | null {
  const special = SPECIAL_ENDS[request.what];
  if (special !== undefined) return special(turn, request);
  if (request.resource !== undefined) {
    const end = turn.state.discards[request.resource]?.end ?? null;
    return end === null ? null : { ok: end.ok, message: `${end.message} (${tookSince(turn, request)})` };
  }
  const group = request.group === null ? undefined : turn.group(request.group);
  if (group === undefined || request.group === null) return null;
  if (request.what === 'restart') return held.endOfRestart(turn, group, request);
  if (request.what === 'disable') return held.endOfDisable(turn, group, request);
  if (request.what === 'enable') return held.endOfEnable(turn, group, request);
  return endOfMove(turn, group, request);
}

/** Done when it runs there, and no node has another order for it. */
function endOfMove(turn: Turn, group: Group, request: PendingRequest): End | null {
  const { name } = group.spec;
  const target = moveTarget(turn.state, name);
  const isMeant = target === request.node;
  if (isStartedOn(turn, group, request.node)) {
    if (isMeant && fateOfOrder(turn, request) !== 'known') return null;
    if (isMeant || target === null) {
      return { ok: true, message: `${name} runs on ${request.node} (${tookSince(turn, request)})` };
    }
    const message = `${name} does not stay on ${request.node}; ` + insteadSentence(`it moves to ${target}`);
    return { ok: false, message };
  }
  if (isMeant) return null;
  if (isUnderWay(turn, group)) return null;
  const holder = holderOf(turn, group);
  const where = stuckWhere(turn, group) ?? (holder === null ? 'it runs nowhere' : `it is on ${holder}`);
  const message = `${name} did not arrive on ${request.node}; ${where}. See "tandem status"`;
  return { ok: false, message };
}
