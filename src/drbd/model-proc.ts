/**
 * The model made from a reading of /proc/drbd. The file lists devices, not resources, and 8.4 has
 * one word where 9 has two:
 *
 *     cs:WFConnection    -> link Connecting,   replication Off
 *     cs:WFReportParams  -> link Connected,    replication Off
 *     cs:Connected       -> link Connected,    replication Established
 *     cs:SyncSource      -> link Connected,    replication SyncSource
 *     cs:StandAlone      -> link StandAlone,   replication Off
 *
 * (drbd-utils, drbdsetup_84.c, maps the same way.)
 */
import type { ResourceVolume } from './facts.js';
import {
  emptyConnection,
  emptyPeerVolume,
  emptyProgress,
  emptyResource,
  emptyVolume,
  type DrbdConnection,
  type DrbdModel,
  type DrbdPeerVolume,
  type DrbdProgress,
  type DrbdResource,
  type DrbdVolume,
} from './model.js';
import type { ProcDrbd } from './proc.js';
import type { IoFlags } from './proc-flags.js';
import type { CacheStatistics, ProcMinor } from './proc-minor.js';
import { donePercent } from './proc-progress.js';
import {
  linkWord,
  replicationWord,
  type ConnectionWord,
  type LinkWord,
  type ReplicationWord,
  type RoleWord,
  type Word,
} from './words.js';

/**
 * The model of a reading. `names` tells which minors make up a resource; a device that it does not
 * name is a resource of its own, called after its device (`drbd0`).
 */
export function modelFromProc(proc: ProcDrbd, names: readonly ResourceVolume[] = []): DrbdModel {
  const nameOf = new Map(names.map((entry) => [entry.minor, entry]));
  const resources = new Map<string, DrbdResource>();
  for (const minor of proc.minors) {
    if (minor.connection.word === 'Unconfigured') continue;
    const named = nameOf.get(minor.minor);
    const name = named?.resource ?? `drbd${minor.minor}`;
    const resource = resources.get(name) ?? emptyResource(name);
    resources.set(name, withMinor(resource, minor, named?.volume ?? 0));
  }
  return {
    resources: [...resources.values()],
    problems: proc.warnings,
    problemsOmitted: proc.warningsOmitted,
  };
}

function withMinor(resource: DrbdResource, minor: ProcMinor, number: number): DrbdResource {
  const byNumber = (a: DrbdVolume, b: DrbdVolume): number => a.volume - b.volume;
  return {
    ...resource,
    // Roles belong to the resource; the kernel changes its volumes one after the other.
    role: weightier(resource.role, minor.role),
    suspended: suspensionOf(resource.suspended, minor.flags),
    writeOrdering: resource.writeOrdering ?? minor.counters.writeOrdering,
    volumes: [...resource.volumes, volumeOf(minor, number)].sort(byNumber),
    connections: [connectionOf(resource.connections[0], minor, number)],
  };
}

/** Of two volumes' words for one role: Primary as soon as one is, else what is not plain. */
function weightier(a: Word<RoleWord> | null, b: Word<RoleWord> | null): Word<RoleWord> | null {
  if (a === null || b?.word === 'Primary') return b ?? a;
  return a.word === 'Secondary' ? (b ?? a) : a;
}

/** /proc/drbd does not tell why: a user, fencing, or no data. */
function suspensionOf(
  known: readonly string[] | null,
  flags: IoFlags | null,
): readonly string[] | null {
  if (flags?.ioSuspended === true) return ['io'];
  return known ?? (flags === null ? null : []);
}

function volumeOf(minor: ProcMinor, number: number): DrbdVolume {
  const { counters } = minor;
  return {
    ...emptyVolume(number),
    minor: minor.minor,
    disk: minor.disk,
    readKiB: counters.diskReadKiB,
    writtenKiB: counters.diskWriteKiB,
    activityLogWrites: counters.activityLogUpdates,
    bitmapWrites: counters.bitmapUpdates,
    upperPending: counters.applicationRequests,
    lowerPending: counters.localRequests,
    flags: minor.flags,
    extra: told({
      ...counters.extra,
      // One is usual.
      epochs: counters.epochs === null || counters.epochs === 1 ? null : String(counters.epochs),
      act_log: cacheText(minor.activityLog),
      'blocked on activity log': minor.blockedOnActivityLog?.join('/') ?? null,
    }),
  };
}

/** What is printed with proc_details only, and has no place of its own. */
function told(extra: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(extra).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

/** `used:7/1237 hits:81041094 misses:2038141`, as it was printed. */
function cacheText(cache: CacheStatistics | null): string | null {
  if (cache === null) return null;
  const { used, size, ...rest } = cache;
  const counts = Object.entries(rest).flatMap(([key, value]) => (value === null ? [] : [`${key}:${value}`]));
  return [`used:${used}/${size}`, ...counts].join(' ');
}

function peerExtra(minor: ProcMinor): Readonly<Record<string, string>> {
  return told({
    resync: cacheText(minor.resyncCache),
    sector: positionText(minor),
    'KiB/s just now': textOf(minor.progress?.shortKiBps),
    delay: minor.progress?.delay ?? null,
    // Of 8.2.4 and 8.2.5, as printed: its unit is not told.
    'verify oos': textOf(minor.progress?.verifyOutOfSync),
  });
}

function textOf(value: number | null | undefined): string | null {
  return value == null ? null : String(value);
}

function positionText({ progress }: ProcMinor): string | null {
  if (progress?.sectorPosition == null) return null;
  const stop = progress.stopSector === null ? '' : ` until ${progress.stopSector}`;
  return `${progress.sectorPosition}/${progress.sectorTotal ?? 0}${stop}`;
}

function connectionOf(
  known: DrbdConnection | undefined,
  minor: ProcMinor,
  number: number,
): DrbdConnection {
  const { link, replication } = splitConnection(minor.connection);
  const congestion = minor.flags?.congestion;
  const congested = congestion === 'network' || congestion === 'backing-and-network';
  const volume: DrbdPeerVolume = {
    ...emptyPeerVolume(number),
    replication,
    peerDisk: minor.peerDisk,
    resyncSuspended: resyncSuspension(minor.flags),
    progress: progressOf(minor),
    sentKiB: minor.counters.sentKiB,
    receivedKiB: minor.counters.receivedKiB,
    outOfSyncKiB: minor.counters.outOfSyncKiB,
    pending: minor.counters.peerRequests,
    unacknowledged: minor.counters.unacknowledged,
    extra: peerExtra(minor),
  };
  return {
    ...emptyConnection('peer'),
    link: known === undefined || link?.word !== 'Connected' ? link : known.link,
    peerRole: weightier(known?.peerRole ?? null, minor.peerRole),
    congested: congested || (known?.congested ?? (congestion === undefined ? null : false)),
    protocol: minor.protocol ?? known?.protocol ?? null,
    volumes: [...(known?.volumes ?? []), volume].sort((a, b) => a.volume - b.volume),
  };
}

function resyncSuspension(flags: IoFlags | null): readonly string[] {
  if (flags === null) return [];
  return [
    ...(flags.pausedByUser ? ['user'] : []),
    ...(flags.pausedByPeer ? ['peer'] : []),
    ...(flags.resyncWaits ? ['dependency'] : []),
  ];
}

function progressOf({ progress }: ProcMinor): DrbdProgress | null {
  if (progress === null) return null;
  return {
    ...emptyProgress(progress.kind),
    donePercent: donePercent(progress),
    leftKiB: progress.leftKiB,
    totalKiB: progress.totalKiB,
    finishSeconds: progress.finishSeconds,
    rateKiBps: progress.currentKiBps,
    averageKiBps: progress.averageKiBps,
    wantKiBps: progress.wantKiBps,
    stalled: progress.stalled,
  };
}

/**
 * One word of `cs:` as DRBD 9's two. A word that is not known stays unknown in both; `Off`, which
 * 9's debugfs files print, says nothing of the link.
 */
export function splitConnection(word: Word<ConnectionWord>): {
  readonly link: Word<LinkWord> | null;
  readonly replication: Word<ReplicationWord>;
} {
  if (!word.known) return { link: word, replication: word };
  if (word.word === 'Connected') {
    return { link: linkWord('Connected'), replication: replicationWord('Established') };
  }
  if (word.word === 'WFConnection') {
    return { link: linkWord('Connecting'), replication: replicationWord('Off') };
  }
  if (word.word === 'WFReportParams') {
    return { link: linkWord('Connected'), replication: replicationWord('Off') };
  }
  if (word.word === 'Off') return { link: null, replication: replicationWord('Off') };
  const link = linkWord(word.word);
  if (link.known) return { link, replication: replicationWord('Off') };
  return { link: linkWord('Connected'), replication: replicationWord(word.word) };
}
