/** What a person asks about fencing: shoot this node now, or find out whether it could be shot. */
import type { FenceDeviceTest, FenceTest } from '../base/fence-test.js';
import type { OperatorRequest } from '../base/control.js';
import { formatDuration } from '../base/duration.js';
import { beginOrder, groupsOn, makeSure, orderObjection, standingOrder } from './fence-order.js';
import { noteFault, noteTested, unprovenSentence } from './fence-record.js';
import { minorityObjection } from './fencing.js';
import { isAlive } from './membership.js';
import { placement } from './placement.js';
import { isFenceable } from './spec.js';
import type { FenceTrial, Peer, PendingRequest } from './state.js';
import type { Turn } from './turn.js';
import { noSuch, refuse, tookSince, type End, type Verdict } from './verdict.js';

type Request<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

/** A device has 5 s to tell its state, and its secrets 2 s to be read; the rest is for a slow machine. */
const TEST_LIMIT_MS = 30_000;

// --- fence NODE ----------------------------------------------------------------------------------

/** Orders a node to be fenced now. */
export function judgeFence(turn: Turn, { node, by, reason, sure }: Request<'fence'>): Verdict {
  if (node === turn.self) {
    return refuse(`${node} is this node, and it does not fence itself: ask on another one`);
  }
  const peer = turn.peer(node);
  if (peer === undefined) return noSuch('node', node, turn.state.spec.nodes);
  const { clearance } = peer;
  if (clearance?.kind === 'fenced' || clearance?.kind === 'confirmed') {
    const how = clearance.kind === 'fenced' ? clearance.how : `${clearance.by} said so`;
    return { kind: 'done', message: `${node} is confirmed off already (${how}): nobody was shot` };
  }
  const pending = { what: 'fence', group: null, node, mode: null } as const;
  const standing = standingOrder(peer);
  if (standing !== null) {
    if (sure) makeSure(turn, peer, standing);
    return { kind: 'follow', message: `${standing.by} is fencing ${node} already`, pending };
  }
  const objection = orderObjection(turn, peer) ?? minorityObjection(turn, node);
  if (objection !== null) return refuse(objection);
  if (!sure && isAlive(peer)) return refuse(dangerSentence(turn, peer));
  const message = `${by} fences ${node}: ${reason ?? 'no reason given'}${consequences(turn, peer)}`;
  beginOrder(turn, node, { by, reason, sure }, message);
  return { kind: 'follow', message, pending };
}

function dangerSentence(turn: Turn, peer: Peer): string {
  const groups = groupsOn(turn, peer);
  if (peer.report === null) {
    return (
      `${peer.name} is heard, and what runs there cannot be read: to cut its power all the same, ` +
      `repeat with --yes`
    );
  }
  if (groups.length === 0) return `${peer.name} is up: to cut its power all the same, repeat with --yes`;
  const names = groups.join(', ');
  const first = groups[0] ?? '';
  return (
    `${peer.name} is up and runs ${names}: first "tandem move ${first}", or, to cut its power with ` +
    `all that runs there, repeat with --yes`
  );
}

/** What becomes of the groups that run there, in words. */
function consequences(turn: Turn, peer: Peer): string {
  const found = groupsOn(turn, peer).map((name) => {
    const group = turn.group(name);
    if (group === undefined) return '';
    const { candidates, rejected } = placement(turn.state, group);
    const heir = candidates.find(({ node }) => node !== peer.name);
    if (heir !== undefined) return `; ${name} dies there and is taken over by ${heir.node}`;
    const others = group.spec.prefer.filter((node) => node !== peer.name);
    const why = others.map((node) => rejected[node] ?? '').join('; ');
    return `; ${name} dies there and nobody can take it over: ${why === '' ? 'no other node' : why}`;
  });
  return found.join('');
}

/** Done when the node is confirmed off; failed when the order was given up. */
export function endOfFence(turn: Turn, request: PendingRequest): End | null {
  const { node } = request;
  const order = turn.peer(node)?.fencing.order ?? null;
  if (order === null) return { ok: false, message: `The order to fence ${node} is gone` };
  if (order.end === null) return null;
  return { ok: order.end.ok, message: `${order.end.message} (${tookSince(turn, request)})` };
}

// --- fence test ----------------------------------------------------------------------------------

/** Asks the devices of one node, or of every other one. Nobody is shot. */
export function judgeFenceTest(turn: Turn, { node, by }: Request<'fenceTest'>): Verdict {
  if (node === turn.self) {
    return refuse(`${node} is this node, and others fence it: test its devices on another one`);
  }
  const asked = node === null ? turn.peers : turn.peers.filter(({ name }) => name === node);
  if (node !== null && asked.length === 0) return noSuch('node', node, turn.state.spec.nodes);
  const bare = asked.filter(({ name }) => !isFenceable(turn.state.spec, name));
  const nodes = asked.filter((peer) => !bare.includes(peer)).map(({ name }) => name);
  if (nodes.length === 0) {
    const names = bare.map(({ name }) => name).join(', ');
    return refuse(`There is nothing to test: no fence device is configured for ${names}`);
  }
  const busy = asked.find(({ fencing }) => fencing.running !== null || fencing.order?.end === null);
  if (busy !== undefined) {
    return refuse(`${busy.name} is being fenced just now: its devices are left to that`);
  }
  const without = bare.map(({ name }) => name).join(', ');
  const note = without === '' ? '' : ` (${without} has none)`;
  const message = `${by} tests the fence devices of ${nodes.join(', ')}${note}`;
  return {
    kind: 'follow',
    message,
    pending: { what: 'fenceTest', group: null, node: '', mode: null, nodes, fenceTests: [] },
  };
}

/** Sends out the questions of a test that was accepted. */
export function beginFenceTest(turn: Turn, request: PendingRequest): void {
  for (const node of request.nodes ?? []) {
    const testId = turn.newId('test');
    const trial: FenceTrial = { testId, requestId: request.id, node };
    turn.update({ fenceTrials: [...turn.state.fenceTrials, trial] });
    turn.emit({ kind: 'fenceTest', testId, node });
  }
}

/** Takes what the devices of one node answered. */
export function onFenceTested(
  turn: Turn,
  { testId, devices }: { readonly testId: string; readonly devices: readonly FenceDeviceTest[] },
): void {
  const trial = turn.state.fenceTrials.find((one) => one.testId === testId);
  if (trial === undefined) return;
  turn.update({ fenceTrials: turn.state.fenceTrials.filter((one) => one !== trial) });
  const test = judgeTest(turn, trial.node, devices);
  if (test.grade === 'ready') noteTested(turn, trial.node);
  else noteFault(turn, trial.node, faultsOf(test.devices));
  const request = turn.state.requests[trial.requestId];
  if (request?.fenceTests === undefined) return;
  const fenceTests = [...request.fenceTests, test];
  turn.update({
    requests: { ...turn.state.requests, [request.id]: { ...request, fenceTests } },
  });
}

function judgeTest(turn: Turn, node: string, answers: readonly FenceDeviceTest[]): FenceTest {
  const peer = turn.peer(node);
  const isUp = peer !== undefined && isAlive(peer) && peer.clearance === null;
  const devices = answers.map((device) => contradicted(device, node, isUp));
  const levels = [...new Set(devices.map(({ level }) => level))];
  const isSound = (level: number): boolean =>
    devices.every((device) => device.level !== level || device.outcome !== 'failed');
  const sound = levels.filter(isSound);
  const grade = devices.length === 0 || sound.length === 0
    ? 'broken'
    : sound.length === levels.length ? 'ready' : 'partial';
  const unproven = unprovenSentence(turn.state, node, turn.nowMs);
  return { node, grade, summary: summaryOf(node, grade, devices, sound), devices, unproven };
}

/** A device that calls a node off which is heard is the device of another machine. */
function contradicted(device: FenceDeviceTest, node: string, isUp: boolean): FenceDeviceTest {
  if (device.outcome !== 'off' || !isUp) return device;
  const reason = `it says off, and ${node} is heard: is it the device of another machine?`;
  return { ...device, outcome: 'failed', reason };
}

function summaryOf(
  node: string,
  grade: FenceTest['grade'],
  devices: readonly FenceDeviceTest[],
  sound: readonly number[],
): string {
  const count = devices.length === 1 ? 'The fence device' : `All ${String(devices.length)} fence devices`;
  if (grade === 'ready') return `${count} of ${node} answered`;
  const which = faultsOf(devices);
  if (grade === 'broken') return `${node} could not be fenced from here now: ${which}`;
  return `${node} could be fenced by level ${sound.join(', ')} only: ${which}`;
}

function faultsOf(devices: readonly FenceDeviceTest[]): string {
  const bad = devices.filter(({ outcome }) => outcome === 'failed');
  return bad.map(({ device, reason }) => `${device}: ${reason}`).join('; ');
}

/** Done when every device of every node answered as it should. */
export function endOfFenceTest(turn: Turn, request: PendingRequest): End | null {
  const { nodes = [], fenceTests = [] } = request;
  const missing = nodes.filter((node) => !fenceTests.some((test) => test.node === node));
  if (missing.length > 0 && !turn.hasCome(request.askedMs + TEST_LIMIT_MS)) return null;
  const bad = fenceTests.filter(({ grade }) => grade !== 'ready');
  const late = missing.map((node) => `nothing was heard of those of ${node} in ${formatDuration(TEST_LIMIT_MS)}`);
  const faults = [...bad.map(({ summary }) => summary), ...late];
  const took = tookSince(turn, request);
  if (faults.length > 0) return { ok: false, message: `${faults.join('; ')} (${took})` };
  return { ok: true, message: `${fenceTests.map(({ summary }) => summary).join('; ')} (${took})` };
}
