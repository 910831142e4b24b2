/**
 * Requests that stay until they are lifted (freeze, maintenance, disable), and the restart. Their
 * answers are facts: a freeze is done when every node that is heard has it, a disabled group when
 * it is stopped, a restarted one when it runs again under a newer claim.
 */
import type { HoldWish, OperatorRequest } from '../base/control.js';
import type { Order } from '../heartbeat/report.js';
import * as holds from './holds.js';
import { isHeard } from './membership.js';
import { fateOfOrder, insteadSentence } from './order-fate.js';
import { clearOrder, moveKey, restartKey, restartOf, setRestart } from './orders.js';
import type { Owner } from './owner.js';
import { objectionTo } from './placement.js';
import { isFenceable } from './spec.js';
import type { Group, PendingRequest, State } from './state.js';
import type { Turn } from './turn.js';
import * as verdicts from './verdict.js';
import type { End, Verdict } from './verdict.js';

type Request<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

/** How often deadtime may pass until an enabled group must be on its way somewhere. */
const ENABLED_DEADTIMES = 2;

// --- freeze and maintenance ----------------------------------------------------------------------

/** Freezes a group. */
export function judgeFreeze(turn: Turn, request: Request<'freeze'>): Verdict {
  const group = verdicts.findGroup(turn, request.group);
  if (group === null) return verdicts.noSuchGroup(turn, request.group);
  return lay(turn, { kind: 'freeze', group: group.spec.name, wish: request }, [group]);
}

/** Puts the whole cluster in maintenance. */
export function judgeMaintenance(turn: Turn, request: Request<'maintenance'>): Verdict {
  return lay(turn, { kind: 'maintenance', group: null, wish: request }, turn.groups);
}

interface Laying {
  readonly kind: holds.HoldKind;
  readonly group: string | null;
  readonly wish: HoldWish;
}

function lay(turn: Turn, laying: Laying, groups: readonly Group[]): Verdict {
  const hold = holdFrom(turn, laying);
  if (hold === null) return verdicts.refuse('The time of day is not known yet: ask again');
  for (const group of groups) {
    const { name } = group.spec;
    const isMeant = holds.disableOf(turn.state, name) !== null;
    if (isMeant || !verdicts.lives(turn, group).includes('stopping')) continue;
    return verdicts.refuse(
      `${name} is stopping just now, and would stay stopped: ask again when it has come to rest`,
    );
  }
  for (const { spec } of groups) dropErrands(turn, spec.name);
  holds.layHold(turn, hold);
  const sentence = holds.holdSentence(hold);
  holds.account(turn, laying.group, sentence);
  return followHold(laying, sentence, orderOf(turn, laying.kind, laying.group));
}

function followHold({ group }: Laying, message: string, order: Order | undefined): Verdict {
  return { kind: 'follow', message, pending: { what: 'hold', group, node: '', mode: null, order } };
}

/** What stands in the register of a hold. */
function orderOf({ state }: Turn, kind: holds.HoldKind, group: string | null): Order | undefined {
  return state.orders[holds.holdKey(kind, group)];
}

/** Null when an end was asked for and the time of day is not known. */
function holdFrom(turn: Turn, { kind, group, wish }: Laying): holds.Hold | null {
  const owner = ownerFrom(turn, wish);
  return owner === null ? null : { kind, group, ...owner };
}

/** The same, of anything that an operator lays. */
export function ownerFrom(turn: Turn, { by, reason, forMs }: HoldWish): Owner | null {
  const { wallAheadMs } = turn.state;
  if (forMs === null) return { by, reason, untilWallMs: null };
  if (wallAheadMs === null) return null;
  const untilWallMs = Math.ceil((turn.nowMs + wallAheadMs + forMs) / 1_000) * 1_000;
  return { by, reason, untilWallMs };
}

/** Nobody thinks of an old errand any more when the hold is over. */
function dropErrands(turn: Turn, name: string): void {
  clearOrder(turn, moveKey(name));
  clearOrder(turn, restartKey(name));
}

/** Done when every node that is heard says the same, and what was under way has come to rest. */
export function endOfHold(turn: Turn, request: PendingRequest): End | null {
  const { group, message } = request;
  const fate = fateOfOrder(turn, request);
  if (fate === 'replaced') {
    const standing = standingHold(turn, request);
    if (standing === null) return { ok: false, message: `${message}; it was lifted meanwhile` };
    return { ok: false, message: insteadSentence(standing) };
  }
  const concerned = turn.groups.filter(({ spec }) => group === null || spec.name === group);
  if (fate === 'spreading' || concerned.some((entry) => verdicts.isUnderWay(turn, entry))) return null;
  return { ok: true, message: `${message}; ${knownWhere(turn)}` };
}

/** The sentence of the hold that lies in the register of a request; null when it is empty. */
function standingHold(turn: Turn, { order }: PendingRequest): string | null {
  const about = order === undefined ? null : holds.holdOfKey(order.key);
  const hold = about === null ? null : holds.holdAt(turn.state, about.kind, about.group);
  return hold === null ? null : holds.holdSentence(hold);
}

function knownWhere(turn: Turn): string {
  const deaf = turn.peers.filter((peer) => !isHeard(peer) || peer.clearance !== null);
  if (deaf.length === 0) return 'every node knows';
  const names = deaf.map(({ name }) => name).join(', ');
  return `${names} cannot be told before it is heard, and may act as if it were not so`;
}

/** Ends a freeze. */
export function judgeUnfreeze(turn: Turn, request: Request<'unfreeze'>): Verdict {
  const group = verdicts.findGroup(turn, request.group);
  if (group === null) return verdicts.noSuchGroup(turn, request.group);
  const { name } = group.spec;
  return lift(turn, { kind: 'freeze', group: name, by: request.by }, [group]);
}

/** Ends the maintenance. */
export function judgeEndMaintenance(turn: Turn, { by }: Request<'endMaintenance'>): Verdict {
  return lift(turn, { kind: 'maintenance', group: null, by }, turn.groups);
}

interface Lifting {
  readonly kind: holds.HoldKind;
  readonly group: string | null;
  readonly by: string;
}

function lift(turn: Turn, { kind, group, by }: Lifting, groups: readonly Group[]): Verdict {
  const name = holds.holdName(kind, group);
  if (!holds.liftHold(turn, kind, group)) {
    return { kind: 'done', message: `There is no ${name}` };
  }
  const sentences = [`${by} lifts the ${name}`, ...groups.flatMap((one) => nextFor(turn, one))];
  const message = [...new Set(sentences)].join('; ');
  holds.account(turn, group, message);
  return followLift(message, group, orderOf(turn, kind, group));
}

function followLift(message: string, group: string | null, order: Order | undefined): Verdict {
  return { kind: 'follow', message, pending: { what: 'lift', group, node: '', mode: null, order } };
}

/** Done when every node that is heard has it: until then another hold may be found to stand. */
export function endOfLift(turn: Turn, request: PendingRequest): End | null {
  const fate = fateOfOrder(turn, request);
  const standing = standingHold(turn, request);
  if (standing !== null) return { ok: false, message: insteadSentence(standing) };
  return fate === 'spreading' ? null : { ok: true, message: `${request.message}; ${knownWhere(turn)}` };
}

/** What comes next for a group that is free again, as far as it is known here. */
function nextFor(turn: Turn, { spec, life, resources }: Group): readonly string[] {
  const hold = holds.standstillOf(turn.state, spec.name) ?? holds.disableOf(turn.state, spec.name);
  if (hold !== null) return [holds.holdSentence(hold)];
  const next: string[] = [];
  const failed = resources.filter(({ state }) => state === 'failed').map(({ id }) => id);
  if (life === 'started' && failed.length > 0) {
    next.push(`${spec.name} is recovered on ${turn.self}: ${failed.join(', ')} failed meanwhile`);
  }
  for (const peer of turn.peers) {
    if (peer.verdict !== 'dead' || peer.clearance !== null) continue;
    const cure = isFenceable(turn.state.spec, peer.name) ? 'is fenced' : 'has to be confirmed off';
    next.push(`${peer.name} is silent: it ${cure} before anything is taken over from it`);
  }
  return next;
}

// --- disable and enable --------------------------------------------------------------------------

/** Stops a group everywhere and keeps it stopped. */
export function judgeDisable(turn: Turn, request: Request<'disable'>): Verdict {
  const group = verdicts.findGroup(turn, request.group);
  if (group === null) return verdicts.noSuchGroup(turn, request.group);
  const { name } = group.spec;
  const held = verdicts.refuseHeld(turn, name, `${name} cannot be disabled`);
  if (held !== null) return held;
  const hold = holdFrom(turn, { kind: 'disable', group: name, wish: request });
  if (hold === null) return verdicts.refuse('The time of day is not known yet: ask again');
  dropErrands(turn, name);
  holds.layHold(turn, hold);
  const message = holds.holdSentence(hold);
  holds.account(turn, name, message);
  const order = orderOf(turn, 'disable', name);
  return { kind: 'follow', message, pending: { what: 'disable', group: name, node: '', mode: null, order } };
}

/** Done when every node that is heard has it, and it is stopped here and there. */
export function endOfDisable(turn: Turn, group: Group, request: PendingRequest): End | null {
  const { name } = group.spec;
  const fate = fateOfOrder(turn, request);
  if (fate === 'replaced') {
    const standing = standingHold(turn, request);
    if (standing === null) return { ok: false, message: `${name} was enabled again meanwhile` };
    return { ok: false, message: insteadSentence(standing) };
  }
  const stuck = verdicts.stuckWhere(turn, group);
  if (stuck !== null) return { ok: false, message: `${name} is disabled, but ${stuck}` };
  if (group.life !== 'stopped' || verdicts.holderOf(turn, group) !== null) return null;
  if (fate === 'spreading') return null;
  const took = verdicts.tookSince(turn, request);
  const silent = turn.peers.filter((peer) => !isHeard(peer) && peer.clearance === null);
  const names = silent.map((peer) => peer.name).join(', ');
  const caveat = names === '' ? '' : `; ${names} is silent, so what runs there is not known`;
  return { ok: true, message: `${name} is disabled and stopped (${took})${caveat}` };
}

/** Lets a group be started again. */
export function judgeEnable(turn: Turn, request: Request<'enable'>): Verdict {
  const group = verdicts.findGroup(turn, request.group);
  if (group === null) return verdicts.noSuchGroup(turn, request.group);
  const { name } = group.spec;
  if (!holds.liftHold(turn, 'disable', name)) {
    return { kind: 'done', message: `${name} is not disabled` };
  }
  const message = `${request.by} enables ${name}`;
  holds.account(turn, name, message);
  const order = orderOf(turn, 'disable', name);
  const held = holds.standstillOf(turn.state, name);
  if (held !== null) {
    return followLift(`${message}; not started yet: ${holds.holdSentence(held)}`, name, order);
  }
  return { kind: 'follow', message, pending: { what: 'enable', group: name, node: '', mode: null, order } };
}

/** Done when it runs; failed when it is disabled again, or nothing is on the way to that. */
export function endOfEnable(turn: Turn, group: Group, request: PendingRequest): End | null {
  const { name } = group.spec;
  const standing = standingHold(turn, request);
  if (standing !== null) return { ok: false, message: insteadSentence(standing) };
  if (fateOfOrder(turn, request) === 'spreading') return null;
  const holder = verdicts.holderOf(turn, group);
  if (holder !== null && verdicts.isStartedOn(turn, group, holder)) {
    const took = verdicts.tookSince(turn, request);
    return { ok: true, message: `${name} is enabled and runs on ${holder} (${took})` };
  }
  const patienceMs = ENABLED_DEADTIMES * turn.state.spec.heartbeat.deadtimeMs;
  if (!turn.hasCome(request.askedMs + patienceMs)) return null;
  if (verdicts.isUnderWay(turn, group)) return null;
  return { ok: false, message: `${name} is enabled and does not run: ${group.blocked ?? group.reason}` };
}

// --- restart -------------------------------------------------------------------------------------

/** Stops a group and starts it again on the node where it runs. */
export function judgeRestart(turn: Turn, { group: word, by }: Request<'restart'>): Verdict {
  const group = verdicts.findGroup(turn, word);
  if (group === null) return verdicts.noSuchGroup(turn, word);
  const { name } = group.spec;
  const held = verdicts.refuseHeld(turn, name, `${name} cannot be restarted`);
  if (held !== null) return held;
  const node = verdicts.holderOf(turn, group);
  if (node === null || !verdicts.isStartedOn(turn, group, node)) {
    const where = node === null ? 'it runs nowhere' : `it is on its way on ${node}`;
    return verdicts.refuse(`${name} cannot be restarted: ${where}`);
  }
  const objection = objectionTo(turn.state, group, node);
  if (objection !== null) {
    return verdicts.refuse(`${name} could not be started again on ${node}: ${objection}`);
  }
  const epoch = epochOn(turn.state, group, node);
  setRestart(turn, name, node, epoch);
  const message = `${by} restarts ${name} on ${node}`;
  return { kind: 'follow', message, pending: { what: 'restart', group: name, node, mode: null, epoch } };
}

/** Done when it runs on the same node under a newer claim. */
export function endOfRestart(turn: Turn, group: Group, request: PendingRequest): End | null {
  const { name } = group.spec;
  const { node, epoch = 0 } = request;
  if (verdicts.isStartedOn(turn, group, node) && epochOn(turn.state, group, node) > epoch) {
    const took = verdicts.tookSince(turn, request);
    return { ok: true, message: `${name} was restarted and runs on ${node} (${took})` };
  }
  if (restartOf(turn.state, name) !== null || verdicts.isUnderWay(turn, group)) return null;
  const holder = verdicts.holderOf(turn, group);
  const where =
    verdicts.stuckWhere(turn, group) ?? (holder === null ? 'it runs nowhere' : `it is on ${holder}`);
  const message = `${name} was not restarted on ${node}; ${where}. See "tandem status"`;
  return { ok: false, message };
}

function epochOn({ spec, peers }: State, group: Group, node: string): number {
  if (node === spec.self) return group.epoch;
  const report = peers[node]?.report;
  return report?.groups.find(({ name }) => name === group.spec.name)?.epoch ?? 0;
}
