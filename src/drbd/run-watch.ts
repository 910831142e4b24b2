/**
 * How a resync or an online verify is doing, of all volumes together, from one look at a resource.
 *
 *     running   it goes on; how far, how fast, how long
 *     waiting   nothing moves, but it may by itself (the peer is away, another resync comes first)
 *     broken    it will not end by itself; the reason says why
 *     over      nothing is left to wait for
 */
import type { Connection, DrbdFacts, DrbdVolumeFacts } from './facts.js';
import type { DrbdProgress, DrbdResource } from './model.js';

/** One look at a resource: what it is, and the model that has its progress. */
export interface ResourceLook {
  readonly facts: DrbdFacts;
  /** Null when nothing of it could be read or no volume is up. */
  readonly model: DrbdResource | null;
}

/** What is being waited for. */
export type RunKind = 'verify' | 'resync';

/** All volumes together. Null: not told. */
export interface RunProgress {
  /** 0 to 100. */
  readonly donePercent: number | null;
  readonly leftBytes: number | null;
  readonly totalBytes: number | null;
  readonly bytesPerSecond: number | null;
  readonly finishSeconds: number | null;
}

/** How it is doing. Sentences have no final period. */
export type RunState =
  | { readonly kind: 'running'; readonly progress: RunProgress }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'over' };

/** From one look; `volume` null: all volumes. */
export function runState(kind: RunKind, look: ResourceLook, volume: number | null): RunState {
  const { facts } = look;
  const volumes = facts.volumes.filter((each) => volume === null || each.volume === volume);
  if (facts.state === 'unknown') return { kind: 'waiting', reason: facts.reason };
  const states = volumes.map((each) =>
    kind === 'verify' ? verifyState(facts.resource, each) : resyncState(facts.resource, each),
  );
  const broken = states.find((state) => state.kind === 'broken');
  if (broken !== undefined) return broken;
  if (states.includes(RUNNING)) return { kind: 'running', progress: progressOf(kind, look, volume) };
  return states.find((state) => state.kind === 'waiting') ?? OVER;
}

const RUNNING = { kind: 'running', progress: noProgress() } as const;
const OVER: RunState = { kind: 'over' };

function verifyState(resource: string, volume: DrbdVolumeFacts): RunState {
  const { connection } = volume;
  if (connection === 'VerifyS' || connection === 'VerifyT') return RUNNING;
  if (connection === 'Connected' || RESYNCING.has(connection)) return OVER;
  const name = `${resource}/${volume.volume}`;
  return { kind: 'broken', reason: `the connection of ${name} was lost (${connection}): the verify broke off` };
}

/** Connections in which data flow, or are about to. */
const RESYNCING: ReadonlySet<Connection> = new Set([
  ...(['StartingSyncS', 'StartingSyncT', 'WFBitMapS', 'WFBitMapT', 'WFSyncUUID'] as const),
  ...(['SyncSource', 'SyncTarget'] as const),
]);

const PAUSED: ReadonlySet<Connection> = new Set([
  ...(['PausedSyncS', 'PausedSyncT', 'Ahead', 'Behind'] as const),
]);

const ON_THE_WAY: ReadonlySet<Connection> = new Set([
  ...(['Unconnected', 'Timeout', 'BrokenPipe', 'NetworkFailure', 'ProtocolError'] as const),
  ...(['TearDown', 'Disconnecting', 'WFConnection', 'WFReportParams', 'Unknown'] as const),
]);

function resyncState(resource: string, volume: DrbdVolumeFacts): RunState {
  const { connection, disk, peerDisk } = volume;
  const name = `${resource}/${volume.volume}`;
  if (volume.state === 'down') {
    return { kind: 'broken', reason: `${name} is not up: tandem drbd up ${resource}` };
  }
  if (RESYNCING.has(connection)) return RUNNING;
  if (connection === 'StandAlone') {
    const cure = `tandem drbd connect ${resource}`;
    return { kind: 'broken', reason: `${name} is StandAlone and does not try to connect: ${cure}` };
  }
  if (PAUSED.has(connection)) {
    return { kind: 'waiting', reason: `${name} is ${connection}: its resync is held up` };
  }
  if (ON_THE_WAY.has(connection)) {
    return { kind: 'waiting', reason: `${name} is ${connection}: it waits for the peer` };
  }
  if (disk === 'UpToDate' && peerDisk === 'UpToDate') return OVER;
  if (TRANSIENT_DISKS.has(disk) || TRANSIENT_DISKS.has(peerDisk)) {
    return { kind: 'waiting', reason: `${name} is ${disk}, its peer ${peerDisk}` };
  }
  const reason = `${name} is ${disk}, its peer ${peerDisk}, and no resync runs`;
  return { kind: 'broken', reason };
}

const TRANSIENT_DISKS: ReadonlySet<string> = new Set(['Attaching', 'Negotiating', 'Unknown']);

// --- progress ------------------------------------------------------------------------------------

const BYTES_PER_KIB = 1024;

function noProgress(): RunProgress {
  return {
    donePercent: null,
    leftBytes: null,
    totalBytes: null,
    bytesPerSecond: null,
    finishSeconds: null,
  };
}

/** The amounts and speeds add up; the slowest volume decides when it ends. */
function progressOf(kind: RunKind, { model }: ResourceLook, volume: number | null): RunProgress {
  const runs = (model?.connections ?? [])
    .flatMap((connection) => connection.volumes)
    .filter((entry) => volume === null || entry.volume === volume)
    .flatMap(({ progress }) => (progress?.kind === kind ? [progress] : []));
  if (runs.length === 0) return noProgress();
  const left = summed(runs, 'leftKiB');
  const total = summed(runs, 'totalKiB');
  const rate = summed(runs, 'rateKiBps');
  const finishes = runs.map(({ finishSeconds }) => finishSeconds);
  return {
    donePercent: percentOf(runs, left, total),
    leftBytes: left === null ? null : left * BYTES_PER_KIB,
    totalBytes: total === null ? null : total * BYTES_PER_KIB,
    bytesPerSecond: rate === null ? null : rate * BYTES_PER_KIB,
    finishSeconds: finishes.includes(null) ? null : Math.max(...finishes.map(Number)),
  };
}

/** One run has the kernel's own tenths of a percent; several have only their sums. */
function percentOf(
  runs: readonly DrbdProgress[],
  left: number | null,
  total: number | null,
): number | null {
  if (runs.length === 1) return runs[0]?.donePercent ?? null;
  if (left === null || total === null || total === 0) return null;
  return Math.round((1 - left / total) * 1000) / 10;
}

function summed(
  runs: readonly DrbdProgress[],
  key: 'leftKiB' | 'totalKiB' | 'rateKiBps',
): number | null {
  let sum = 0;
  for (const run of runs) {
    const amount = run[key];
    if (amount === null) return null;
    sum += amount;
  }
  return sum;
}

// --- standing still ------------------------------------------------------------------------------

/** Since when the remaining amount has not changed. */
export interface Standstill {
  readonly leftBytes: number | null;
  readonly sinceMs: number;
}

/**
 * Follows the remaining amount. The kernel says "stalled" minutes to hours late
 * (drbd_proc.c; before 8.4.4 it compares seconds with jiffies), so it is measured here.
 */
export function standstill(
  before: Standstill | null,
  leftBytes: number | null,
  nowMs: number,
): Standstill {
  const same = before !== null && before.leftBytes === leftBytes && leftBytes !== null;
  return same ? before : { leftBytes, sinceMs: nowMs };
}

/** After this long without progress a run counts as stalled. */
export const STALLED_MS = 30_000;
