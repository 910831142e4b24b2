/**
 * What is known from experience of the fence devices of each node: when they last answered this
 * node as they should, when a shot was last confirmed, and what did not work since. Kept over
 * restarts, so by the wall clock; without that nothing is kept.
 */
import { formatAge } from '../base/duration.js';
import type { FencingStatus, NodeFencingStatus } from '../base/status.js';
import { formatWallTime } from '../base/wall-time.js';
import { allFenceable } from './spec.js';
import type { FenceRecord, State } from './state.js';
import type { Turn } from './turn.js';

const NO_RECORD: FenceRecord = { testedWallMs: null, shotWallMs: null, fault: null };
/** A device's words are kept in the state file and shown in one line. */
const REASON_CHARS_MAX = 300;

/** Every device of the node answered, and none said what cannot be. */
export function noteTested(turn: Turn, node: string): void {
  const wallMs = wallNowMs(turn.state, turn.nowMs);
  if (wallMs !== null) amend(turn, node, { testedWallMs: wallMs, fault: null });
}

/** A shot was confirmed: no test proves more. */
export function noteShot(turn: Turn, node: string): void {
  const wallMs = wallNowMs(turn.state, turn.nowMs);
  if (wallMs !== null) amend(turn, node, { testedWallMs: wallMs, shotWallMs: wallMs, fault: null });
}

/** A test or a shot did not work. */
export function noteFault(turn: Turn, node: string, reason: string): void {
  const wallMs = wallNowMs(turn.state, turn.nowMs);
  if (wallMs === null) return;
  amend(turn, node, { fault: { wallMs, reason: reason.slice(0, REASON_CHARS_MAX) } });
}

function amend(turn: Turn, node: string, change: Partial<FenceRecord>): void {
  const { fenceRecords } = turn.state;
  const record = { ...NO_RECORD, ...fenceRecords[node], ...change };
  turn.update({ fenceRecords: { ...fenceRecords, [node]: record } });
}

function wallNowMs({ wallAheadMs }: State, nowMs: number): number | null {
  return wallAheadMs === null ? null : Math.round(nowMs + wallAheadMs);
}

/** What only a shot can show, with the age of the last one. */
export function unprovenSentence(state: State, node: string, nowMs: number): string {
  const { self } = state.spec;
  const atMs = state.fenceRecords[node]?.shotWallMs ?? null;
  const ago = atMs === null ? null : agoMs(state, nowMs, atMs);
  const last = ago === null ? `${self} has never made one` : `the last one of ${self} was ${formatAge(ago)}`;
  return `Not proven: that ${node} can be switched off. Only a real shot proves that; ${last}`;
}

/** How fencing is set up and when it was tried, as this node knows it. */
export function fencingStatus(state: State, nowMs: number): FencingStatus {
  const nodes = state.spec.nodes
    .filter((name) => name !== state.spec.self)
    .map((name) => nodeFencing(state, name, nowMs));
  const records = nodes.map(({ name }) => state.fenceRecords[name]?.testedWallMs ?? null);
  const oldest = records.includes(null) ? null : Math.min(...records.map((at) => at ?? 0));
  const lastTestedAt = oldest === null || nodes.length === 0 ? null : formatWallTime(oldest);
  return { configured: allFenceable(state.spec), lastTestedAt, nodes };
}

function nodeFencing(state: State, name: string, nowMs: number): NodeFencingStatus {
  const { testedWallMs, shotWallMs, fault } = state.fenceRecords[name] ?? NO_RECORD;
  return {
    name,
    devices: state.spec.fencing[name]?.length ?? 0,
    lastTestedAt: testedWallMs === null ? null : formatWallTime(testedWallMs),
    lastTestedAgoMs: testedWallMs === null ? null : agoMs(state, nowMs, testedWallMs),
    lastShotAt: shotWallMs === null ? null : formatWallTime(shotWallMs),
    fault:
      fault === null
        ? null
        : {
            at: formatWallTime(fault.wallMs),
            agoMs: agoMs(state, nowMs, fault.wallMs),
            reason: fault.reason,
          },
  };
}

/** A clock that was set back must not make a test lie in the future. */
function agoMs(state: State, nowMs: number, wallMs: number): number {
  return Math.max(0, (wallNowMs(state, nowMs) ?? wallMs) - wallMs);
}

/** Devices that did not work when they were last used: the verdict names them. */
export function fenceFaults(state: State, nowMs: number): readonly string[] {
  return (fencingStatus(state, nowMs).nodes ?? []).flatMap(({ name, devices, fault }) =>
    fault === null || devices === 0
      ? []
      : [`the fence devices of ${name} did not work ${formatAge(fault.agoMs)}: ${fault.reason}`],
  );
}
