/**
 * The life of a group on this node. One action at a time, in order (S10):
 *
 *     unknown --probes--> stopped --cleared claim--> starting --> started
 *        ^                  ^  ^                        |            |
 *        |                  |  +------ stopping <-------+------------+
 *     cleanup               +---------- | (all confirmed stopped)
 *        +--- stopFailed <--------------+ (a stop failed or timed out: S3)
 */
import { formatDuration } from '../base/duration.js';
import type { ResourceState } from '../base/status.js';
import type { GroupLife } from '../heartbeat/report.js';
import { nextToStart, nextToStop } from '../resources/group-plan.js';
import { kindOf } from '../resources/kinds.js';
import { isCleared } from './claims.js';
import type { ActionResult } from './event.js';
import { forceOf } from './force-order.js';
import { account, holdSentence, standstillOf } from './holds.js';
import { dueLook, looksAfter, orderTo } from './looks.js';
import { clearOrder, moveKey, restartKey, restartOf } from './orders.js';
import { bar, decideRecovery } from './recovery.js';
import { considerMoves } from './relocation.js';
import { isFenceable } from './spec.js';
import type { Group, LocalResource, RunningAction } from './state.js';
import type { Turn } from './turn.js';
import { fulfilRestart, reasonToStop } from './stop-reasons.js';

/** A look at a resource that told nothing is repeated after this long. */
const PROBE_AGAIN_MS = 2_000;
/** What a hold forbids to tidy up is looked at this often. */
const LOOK_AGAIN_MS = 5_000;

/** Takes the next step in the life of one group, if there is one to take now. */
export function reconcileGroup(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined || group.action !== null) return;
  NEXT[group.life](turn, group);
}

/** What is done next in each life; a life that is forgotten here does not compile. */
const NEXT: Readonly<Record<GroupLife, (turn: Turn, group: Group) => void>> = {
  unknown: probeNext,
  stopped: (turn, group) => {
    if (isCleared(turn, group.spec.name)) beginStart(turn, group);
  },
  starting: continueStart,
  started: keepRunning,
  stopping: continueStop,
  // Nothing until "tandem cleanup": the end of the stop is not known (S3).
  stopFailed: () => undefined,
};

// --- finding out ---------------------------------------------------------------------------------

function probeNext(turn: Turn, before: Group): void {
  lookAgainIfDue(turn, before);
  const group = turn.group(before.spec.name) ?? before;
  const index = group.resources.findIndex(
    (resource, at) =>
      resource.state === 'unknown' && turn.hasCome(group.monitorDueMs[at] ?? 0),
  );
  if (index >= 0) run(turn, group, index, 'probe');
}

/** Every resource was looked at: adopt what runs, tidy up what half runs (S1, S7). */
function concludeProbes(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  const states = group.resources.map((resource) => resource.state);
  if (states.includes('unknown')) return;
  if (states.every((state) => state === 'stopped')) {
    settle(turn, name, 'stopped', `${name} is stopped on ${turn.self}`);
    return;
  }
  if (states.every((state) => state === 'started')) {
    const claim = { epoch: group.epochSeen, rank: 0 };
    turn.updateGroup(name, { epoch: group.epochSeen, claim });
    settle(turn, name, 'started', `${name} was already running on ${turn.self} and was adopted`);
    dueForMonitor(turn, name);
    return;
  }
  const odd = group.resources.filter((resource) => resource.state !== 'stopped');
  const sentence = `${name} was found half started on ${turn.self} (${odd.map((r) => r.id).join(', ')})`;
  const hold = standstillOf(turn.state, name);
  if (hold === null) beginStop(turn, name, sentence);
  else leaveAsFound(turn, group, `${sentence}; ${holdSentence(hold)}, so it stays as it is`);
}

/** A hold forbids to tidy up: it is looked at again until the hold is over. */
function leaveAsFound(turn: Turn, group: Group, sentence: string): void {
  const { name } = group.spec;
  if (group.reason !== sentence) turn.say('warn', sentence, { group: name });
  const lookAgainMs = turn.nowMs + LOOK_AGAIN_MS;
  turn.updateGroup(name, { reason: sentence, monitorDueMs: { 0: lookAgainMs } });
}

/** Old looks prove nothing: the whole group is looked at again, at once when the hold is over. */
function lookAgainIfDue(turn: Turn, group: Group): void {
  const { name } = group.spec;
  if (group.resources.some((resource) => resource.state === 'unknown')) return;
  const isDue = turn.hasCome(group.monitorDueMs[0] ?? 0);
  if (isDue || standstillOf(turn.state, name) === null) forgetLooks(turn, group);
}

function forgetLooks(turn: Turn, group: Group): void {
  turn.updateGroup(group.spec.name, {
    resources: group.resources.map((r) => ({ ...r, state: 'unknown', reason: 'to be looked at' })),
    monitorDueMs: {},
  });
}

function settle(turn: Turn, name: string, life: 'stopped' | 'started', sentence: string): void {
  turn.updateGroup(name, { life, reason: sentence, stopReason: null, restartFrom: null });
  turn.say('info', sentence, { group: name });
}

// --- starting ------------------------------------------------------------------------------------

function beginStart(turn: Turn, group: Group): void {
  const { name } = group.spec;
  if (group.claim === null || group.grant !== null) return;
  const sentence = `${turn.self} starts ${name}: every other node is accounted for`;
  turn.updateGroup(name, {
    life: 'starting',
    epoch: group.claim.epoch,
    reason: sentence,
    blocked: null,
    stopReason: null,
    suspects: {},
  });
  turn.phaseEnds(name, 'fencing');
  turn.say('info', sentence, { group: name });
  reconcileGroup(turn, name);
}

function continueStart(turn: Turn, group: Group): void {
  const { name } = group.spec;
  const stop = group.stopReason ?? reasonToStop(turn, group);
  if (stop !== null) {
    beginStop(turn, name, stop);
    return;
  }
  if (group.keptConfirmed < (group.restartFrom ?? 0)) {
    run(turn, group, group.keptConfirmed, 'probe');
    return;
  }
  const index = nextToStart(group.resources.map((resource) => resource.state));
  if (index !== null) {
    run(turn, group, index, 'start');
    return;
  }
  const began = turn.state.history.findLast((o) => o.group === name && o.endedMs === null);
  const took = began === undefined ? '' : ` after ${formatDuration(turn.nowMs - began.startedMs)}`;
  settle(turn, name, 'started', `${name} runs on ${turn.self}${took}`);
  turn.closeOperation(name, 'done');
  turn.updateGroup(name, { failbackArmed: false });
  dueForMonitor(turn, name);
  fulfilRestart(turn, name);
}

// --- running -------------------------------------------------------------------------------------

function keepRunning(turn: Turn, group: Group): void {
  const { name } = group.spec;
  if (standstillOf(turn.state, name) === null) {
    considerMoves(turn, name);
    fulfilRestart(turn, name);
  }
  const stop = reasonToStop(turn, group);
  if (stop !== null) {
    beginStop(turn, name, stop);
    return;
  }
  const isHeld = standstillOf(turn.state, name) !== null;
  turn.aside(() => {
    const due = dueLook(group, isHeld, (atMs) => turn.hasCome(atMs));
    if (due >= 0) run(turn, group, due, 'monitor');
  });
}

// --- stopping ------------------------------------------------------------------------------------

/** Begins to stop the group on this node. */
export function beginStop(
  turn: Turn,
  name: string,
  why: string,
  restartFrom: number | null = null,
): void {
  turn.openOperation(name, turn.nowMs, `${name} stops on ${turn.self}: ${why}`);
  const change = { life: 'stopping', reason: why, stopReason: why, suspects: {} } as const;
  turn.updateGroup(name, { ...change, restartFrom });
  turn.say('info', `${name} stops on ${turn.self}: ${why}`, { group: name });
  const group = turn.group(name);
  if (group?.action === null) continueStop(turn, group);
}

function continueStop(turn: Turn, group: Group): void {
  const { name } = group.spec;
  const index = nextToStop(group.resources.map((resource) => resource.state));
  if (group.restartFrom !== null && (index ?? -1) < group.restartFrom) {
    const stop = reasonToStop(turn, group);
    if (stop === null) startAgain(turn, group);
    else beginStop(turn, name, stop);
    return;
  }
  if (index !== null) {
    run(turn, group, index, 'stop');
    return;
  }
  const sentence = `${name} is stopped on ${turn.self}: ${group.stopReason ?? 'as asked'}`;
  turn.updateGroup(name, { claim: null });
  settle(turn, name, 'stopped', sentence);
  turn.closeOperation(name, group.barred === null ? 'done' : 'failed');
}

/**
 * What failed is stopped, with what stands right of it: under the same claim it starts again, when
 * each part that was kept has been looked at again (S10: old successes confirm nothing).
 */
function startAgain(turn: Turn, group: Group): void {
  const { name } = group.spec;
  turn.updateGroup(name, { life: 'starting', stopReason: null, keptConfirmed: 0 });
  reconcileGroup(turn, name);
}

// --- actions and their results -------------------------------------------------------------------

const SHOWN_WHILE: Readonly<Record<RunningAction['verb'], ResourceState | null>> = {
  probe: null,
  monitor: null,
  start: 'starting',
  stop: 'stopping',
};

function run(turn: Turn, group: Group, index: number, verb: RunningAction['verb']): void {
  const { name, resources } = group.spec;
  const resource = resources[index];
  if (resource === undefined) return;
  const action = { actionId: turn.newId('action'), index, verb, startedMs: turn.nowMs };
  const shown = SHOWN_WHILE[verb];
  turn.updateGroup(name, {
    action,
    ...(shown === null ? {} : { resources: withResource(group, index, shown, `${verb} runs`) }),
  });
  if (shown !== null) turn.phaseBegins(name, phaseName(group, index, verb));
  const forced = verb === 'start' && forceOf(turn.state, name) !== null ? { forced: true as const } : {};
  turn.emit({ ...orderTo(group, action), ...forced });
}

function phaseName(group: Group, index: number, verb: RunningAction['verb']): string {
  const resource = group.spec.resources[index];
  const phase = resource === undefined ? 'unknown' : kindOf(resource).phase;
  return verb === 'stop' ? `stop:${phase}` : phase;
}

function withResource(
  group: Group,
  index: number,
  state: ResourceState,
  reason: string,
): readonly LocalResource[] {
  return group.resources.map((r, at) => (at === index ? { ...r, state, reason } : r));
}

/** Takes in the result of an action; a result that nobody waits for is dropped. */
export function onActionResult(turn: Turn, result: ActionResult): void {
  const group = turn.groups.find((entry) => entry.action?.actionId === result.actionId);
  if (group?.action == null) return;
  const { index, verb } = group.action;
  turn.updateGroup(group.spec.name, { action: null });
  ON_RESULT[verb](turn, group, index, result);
}

type OnResult = (turn: Turn, group: Group, index: number, result: ActionResult) => void;

const ON_RESULT: Readonly<Record<RunningAction['verb'], OnResult>> = {
  probe: onProbed,
  monitor: onMonitored,
  start: onStarted,
  stop: onStopped,
};

function onProbed(turn: Turn, group: Group, index: number, result: ActionResult): void {
  if (group.life === 'starting') {
    onKeptProbed(turn, group, index, result);
    return;
  }
  const { name } = group.spec;
  const state = result.outcome === 'ok' ? result.state : 'unknown';
  const before = group.resources[index];
  turn.updateGroup(name, { resources: withResource(group, index, state, result.reason) });
  if (state !== 'unknown') {
    concludeProbes(turn, name);
    return;
  }
  const id = before?.id ?? '';
  if (before?.reason !== result.reason) {
    turn.say('warn', `The state of ${id} on ${turn.self} is unknown: ${result.reason}`, {
      group: name,
    });
  }
  turn.updateGroup(name, {
    monitorDueMs: { ...group.monitorDueMs, [index]: turn.nowMs + PROBE_AGAIN_MS },
    reason: `the state of ${id} is unknown: ${result.reason}`,
  });
}

/** A part that was kept over a restart in place: what failed may stand on it, or all is restarted. */
function onKeptProbed(turn: Turn, group: Group, index: number, result: ActionResult): void {
  const { name } = group.spec;
  const id = group.resources[index]?.id ?? '';
  if (result.outcome === 'ok' && result.state === 'started') {
    turn.updateGroup(name, { keptConfirmed: index + 1 });
    turn.say('info', `${id} stays: ${result.reason}`, { group: name });
    return;
  }
  const sentence = `${id}, which was to stay, is not sound on ${turn.self}: ${result.reason}`;
  turn.updateGroup(name, { resources: withResource(group, index, 'failed', result.reason) });
  beginStop(turn, name, sentence);
}

function onStarted(turn: Turn, group: Group, index: number, result: ActionResult): void {
  const { name } = group.spec;
  const id = group.resources[index]?.id ?? '';
  const phase = phaseName(group, index, 'start');
  if (result.outcome === 'ok') {
    turn.updateGroup(name, { resources: withResource(group, index, 'started', result.reason) });
    turn.phaseEnds(name, phase);
    turn.say('info', `${id} is started: ${result.reason}`, { group: name });
    return;
  }
  turn.updateGroup(name, { resources: withResource(group, index, 'failed', result.reason) });
  turn.phaseEnds(name, phase, 'failed');
  const sentence = `the start of ${id} failed on ${turn.self}: ${result.reason}`;
  turn.say('error', capital(sentence), { group: name });
  // What it stands on may be what is broken: the whole group is restarted before it goes elsewhere.
  if (group.restartFrom === null) bar(turn, name, sentence);
  else decideRecovery(turn, name, 0);
  beginStop(turn, name, sentence);
}

function onStopped(turn: Turn, group: Group, index: number, result: ActionResult): void {
  const { name } = group.spec;
  const id = group.resources[index]?.id ?? '';
  const phase = phaseName(group, index, 'stop');
  if (result.outcome === 'ok') {
    turn.updateGroup(name, { resources: withResource(group, index, 'stopped', result.reason) });
    turn.phaseEnds(name, phase);
    turn.say('info', `${id} is stopped: ${result.reason}`, { group: name });
    return;
  }
  const sentence =
    `The stop of ${id} failed on ${turn.self}: ${result.reason}. It may still be active, so no ` +
    `node starts ${name} until ${turn.self} is fenced or "tandem cleanup ${name}" finds it stopped`;
  turn.updateGroup(name, {
    resources: withResource(group, index, 'failed', result.reason),
    life: 'stopFailed',
    reason: sentence,
    claim: null,
  });
  turn.phaseEnds(name, phase, 'failed');
  turn.say('error', sentence, { group: name });
  // Nobody can end this but a person, who may not think of the old order any more.
  if (!isFenceable(turn.state.spec, turn.self)) clearOrder(turn, moveKey(name));
  if (restartOf(turn.state, name)?.node === turn.self) clearOrder(turn, restartKey(name));
  turn.closeOperation(name, 'failed');
}

// --- monitoring ----------------------------------------------------------------------------------

function dueForMonitor(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  const due = group.spec.resources.map((resource, at): readonly [number, number] => [
    at,
    turn.nowMs + kindOf(resource).monitorEveryMs,
  ]);
  turn.updateGroup(name, { monitorDueMs: Object.fromEntries(due), suspects: {} });
}

function onMonitored(turn: Turn, group: Group, index: number, result: ActionResult): void {
  const { name } = group.spec;
  const resource = group.spec.resources[index];
  if (resource === undefined || group.life !== 'started') return;
  const { [index]: suspected, ...suspects } = group.suspects;
  const next = looksAfter(group, index, turn.nowMs);
  if (result.outcome === 'ok' && result.state === 'started') {
    // It may have been read just before it failed: a suspicion is looked into once more.
    const again = { ...next, [index]: turn.nowMs + turn.state.spec.heartbeat.keepaliveMs };
    turn.updateGroup(name, { monitorDueMs: suspected === undefined ? next : again, suspects });
    if (group.resources[index]?.state === 'failed') {
      turn.updateGroup(name, { resources: withResource(group, index, 'started', result.reason) });
      turn.say('info', `${resource.id} runs again on ${turn.self}`, { group: name });
    }
    return;
  }
  const isCertain =
    kindOf(resource).isOneLookEnough && result.outcome === 'ok' && result.state === 'stopped';
  if (suspected === undefined && !isCertain) {
    // Slow is not dead: a second look confirms before anything is done.
    const soon = turn.nowMs + turn.state.spec.heartbeat.keepaliveMs;
    turn.updateGroup(name, {
      monitorDueMs: { ...group.monitorDueMs, [index]: soon },
      suspects: { ...suspects, [index]: result.reason },
    });
    turn.say('warn', `${resource.id} looks ${result.state}: ${result.reason}; looking again`, {
      group: name,
    });
    return;
  }
  const sentence = `${resource.id} failed on ${turn.self}: ${result.reason}`;
  const hold = standstillOf(turn.state, name);
  if (hold === null) {
    onFailure(turn, group, index, sentence);
    return;
  }
  turn.updateGroup(name, {
    monitorDueMs: next,
    resources: withResource(group, index, 'failed', sentence),
  });
  if (group.resources[index]?.state === 'failed') return;
  const held = `${sentence}; ${holdSentence(hold)}, so nothing is done about it`;
  turn.say('error', held, { group: name });
  account(turn, name, held);
}

function onFailure(turn: Turn, group: Group, index: number, sentence: string): void {
  const { name } = group.spec;
  turn.updateGroup(name, { resources: withResource(group, index, 'failed', sentence) });
  turn.openOperation(name, turn.nowMs, sentence);
  turn.say('error', sentence, { group: name });
  const restartFrom = decideRecovery(turn, name, index);
  beginStop(turn, name, sentence, restartFrom);
}

/** A server that was started here has ended: that counts as the first look, the second is now. */
export function onEnded(
  turn: Turn,
  { group: name, index, reason }: { group: string; index: number; reason: string },
): void {
  const group = turn.group(name);
  const id = group?.resources[index]?.id;
  if (group?.life !== 'started' || id === undefined) return;
  turn.updateGroup(name, {
    suspects: { ...group.suspects, [index]: reason },
    monitorDueMs: { ...group.monitorDueMs, [index]: turn.nowMs },
  });
  turn.say('warn', `${id} has ended: ${reason}; looking at once`, { group: name });
}

/** An operator says that the cause is mended: forget failures and look again (S3). */
export function cleanup(turn: Turn, name: string): void {
  const group = turn.group(name);
  if (group === undefined) return;
  turn.updateGroup(name, { barred: null, failuresMs: [] });
  if (group.life !== 'stopFailed') return;
  turn.updateGroup(name, { life: 'unknown' });
  forgetLooks(turn, group);
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
