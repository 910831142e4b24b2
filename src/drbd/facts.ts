/**
 * What the rest of the program knows of DRBD: one small model a resource, whatever it was read
 * from. Null and `Unknown` mean not known; they never mean zero, absent or fine.
 */
import type { FencingPolicy } from './config-query.js';
import type { ProcDrbd } from './proc.js';
import type { ProcMinor } from './proc-minor.js';
import { donePercent } from './proc-progress.js';
import type { ConnectionWord, DiskWord, RoleWord, Word } from './words.js';

/** A connection as DRBD 8.4 names it; 9's words are mapped to these. */
export type Connection =
  Exclude<ConnectionWord, 'Unconfigured' | 'Connecting' | 'Established' | 'Off'> | 'Unknown';

/** A disk state; `Unknown` is a word we do not know, `DUnknown` is DRBD's own for the peer. */
export type Disk = DiskWord | 'Unknown';

/** Which minors a resource has: from its configuration (see config-query). */
export interface ResourceVolume {
  readonly resource: string;
  readonly volume: number;
  readonly minor: number;
}

/** One volume of a resource. */
export interface DrbdVolumeFacts {
  readonly volume: number;
  readonly minor: number;
  /** `down`: not listed, or listed as Unconfigured. */
  readonly state: 'configured' | 'down' | 'unknown';
  readonly role: RoleWord;
  readonly peerRole: RoleWord;
  readonly connection: Connection;
  readonly disk: Disk;
  readonly peerDisk: Disk;
  /** Of a running resync, 0 to 100; null when none runs. */
  readonly syncedPercent: number | null;
  /** Of a running online verify, 0 to 100; null when none runs. */
  readonly verifiedPercent: number | null;
  /** The kernel's estimate for what runs; null when it gives none that can be believed. */
  readonly finishSeconds: number | null;
  /** What this node's bitmap marks as different from the peer. */
  readonly outOfSyncBytes: number | null;
  readonly ioSuspended: boolean;
}

/** One resource on this node. */
export interface DrbdFacts {
  readonly resource: string;
  /**
   * `configured`: every volume is up. `down`: at least one is not, so that the resource cannot be
   * promoted. `unknown`: it could not be read.
   */
  readonly state: 'configured' | 'down' | 'unknown';
  /** The sentence for `state`, without a final period. */
  readonly reason: string;
  /** Primary as soon as one volume is; Unknown as soon as one cannot be told. */
  readonly role: RoleWord;
  readonly peerRole: RoleWord;
  /** The one that needs most attention of all volumes. */
  readonly connection: Connection;
  /** The worst of all volumes. */
  readonly disk: Disk;
  readonly volumes: readonly DrbdVolumeFacts[];
  /** What this node alone can tell: it is StandAlone with changes of its own. */
  readonly splitBrainSuspected: boolean;
  /** Application I/O is frozen on some volume. */
  readonly ioSuspended: boolean;
  /** What for, in DRBD's words: `fencing`, `no-data`, `user`, `quorum`; absent where it does not tell. */
  readonly suspensions?: readonly string[];
  /** From the configuration; absent when it was not asked for. */
  readonly fencing?: FencingPolicy;
}

const BYTES_PER_KIB = 1024;

/** Facts of a resource that could not be read, with the reason in words. */
export function unknownFacts(resource: string, reason: string): DrbdFacts {
  return {
    resource,
    state: 'unknown',
    reason,
    role: 'Unknown',
    peerRole: 'Unknown',
    connection: 'Unknown',
    disk: 'Unknown',
    volumes: [],
    splitBrainSuspected: false,
    ioSuspended: false,
  };
}

/** A reading, or why there is none (`/proc/drbd does not exist: the module is not loaded`). */
export type ProcReading =
  | { readonly kind: 'read'; readonly proc: ProcDrbd }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * The facts of every resource that the map names, in the order in which it names them. Read the
 * file in one go: before 8.4.5 a line caught in a transition may mix two states.
 */
export function factsFromProc(
  reading: ProcReading,
  resourceMap: readonly ResourceVolume[],
): readonly DrbdFacts[] {
  const volumesOf = new Map<string, ResourceVolume[]>();
  for (const entry of resourceMap) {
    const volumes = volumesOf.get(entry.resource);
    if (volumes === undefined) volumesOf.set(entry.resource, [entry]);
    else volumes.push(entry);
  }
  const blind = reading.kind === 'unreadable' ? reading.reason : blindness(reading.proc);
  if (reading.kind === 'unreadable' || blind !== null) {
    const reason = blind ?? 'not read';
    return [...volumesOf.keys()].map((resource) => unknownFacts(resource, reason));
  }
  const minors = new Map(reading.proc.minors.map((minor) => [minor.minor, minor]));
  const cut = reading.proc.truncated ? reading.proc.minors.at(-1) : undefined;
  return [...volumesOf].map(([resource, volumes]) =>
    resourceFacts(
      resource,
      volumes.map((entry) => {
        const minor = minors.get(entry.minor);
        if (minor !== undefined && minor === cut) return blankVolume(entry, 'unknown');
        return minor === undefined ? blankVolume(entry, 'down') : volumeFacts(entry, minor);
      }),
    ),
  );
}

/** Facts of a resource that the kernel does not know. */
export function downFacts(
  resource: string,
  volumes: readonly Omit<ResourceVolume, 'resource'>[],
): DrbdFacts {
  return resourceFacts(
    resource,
    volumes.map((entry) => blankVolume({ ...entry, resource }, 'down')),
  );
}

/** Why a reading says nothing of the devices, or null when it does. */
function blindness(proc: ProcDrbd): string | null {
  if (proc.header === null) {
    return proc.minors.length > 0 ? null : '/proc/drbd was read without a version line';
  }
  const major = proc.header.release[0];
  if (major !== undefined && major >= 9 && proc.minors.length === 0) {
    return `DRBD ${proc.header.version} does not list its devices in /proc/drbd; ask drbdsetup`;
  }
  return null;
}

/** A volume that is not configured in the kernel, or of which nothing can be said. */
export function blankVolume(entry: ResourceVolume, state: 'down' | 'unknown'): DrbdVolumeFacts {
  return {
    volume: entry.volume,
    minor: entry.minor,
    state,
    // What is not configured cannot be written through: it is as good as Secondary.
    role: state === 'down' ? 'Secondary' : 'Unknown',
    peerRole: 'Unknown',
    connection: state === 'down' ? 'StandAlone' : 'Unknown',
    disk: state === 'down' ? 'Diskless' : 'Unknown',
    peerDisk: state === 'down' ? 'DUnknown' : 'Unknown',
    syncedPercent: null,
    verifiedPercent: null,
    finishSeconds: null,
    outOfSyncBytes: null,
    ioSuspended: false,
  };
}

function volumeFacts(entry: ResourceVolume, minor: ProcMinor): DrbdVolumeFacts {
  if (minor.connection.word === 'Unconfigured') return blankVolume(entry, 'down');
  const { progress } = minor;
  const percent = progress === null ? null : donePercent(progress);
  const { outOfSyncKiB } = minor.counters;
  return {
    volume: entry.volume,
    minor: entry.minor,
    state: 'configured',
    role: knownOr(minor.role, 'Unknown'),
    peerRole: knownOr(minor.peerRole, 'Unknown'),
    connection: connectionOf(minor.connection),
    disk: knownOr<DiskWord, 'Unknown'>(minor.disk, 'Unknown'),
    peerDisk: knownOr<DiskWord, 'Unknown'>(minor.peerDisk, 'Unknown'),
    syncedPercent: progress?.kind === 'resync' ? percent : null,
    verifiedPercent: progress?.kind === 'verify' ? percent : null,
    finishSeconds: progress?.finishSeconds ?? null,
    outOfSyncBytes: outOfSyncKiB === null ? null : outOfSyncKiB * BYTES_PER_KIB,
    ioSuspended: minor.flags?.ioSuspended ?? false,
  };
}

/** The word when it is one of DRBD's own, else `otherwise`. */
export function knownOr<T extends string, U extends string>(word: Word<T> | null, otherwise: U): T | U {
  return word?.known === true ? word.word : otherwise;
}

/** A word of `cs:` as 8.4 names it. */
export function connectionOf({ known, word }: Word<ConnectionWord>): Connection {
  if (!known || word === 'Off' || word === 'Unconfigured') return 'Unknown';
  if (word === 'Established') return 'Connected';
  return word === 'Connecting' ? 'WFConnection' : word;
}

/** One resource of its volumes: the role that matters and the worst of the rest. */
export function resourceFacts(resource: string, volumes: readonly DrbdVolumeFacts[]): DrbdFacts {
  if (volumes.length === 0) return unknownFacts(resource, 'the resource has no volume');
  const state = stateOf(volumes);
  return {
    resource,
    state,
    reason: reasonOf(volumes, state),
    role: roleOf(volumes.map((volume) => volume.role)),
    peerRole: roleOf(volumes.map((volume) => volume.peerRole)),
    connection: worst(
      volumes.map((volume) => volume.connection),
      CONNECTION_ATTENTION,
    ),
    disk: worst(
      volumes.map((volume) => volume.disk),
      DISK_ATTENTION,
    ),
    volumes,
    splitBrainSuspected: volumes.some(looksSplit),
    ioSuspended: volumes.some((volume) => volume.ioSuspended),
  };
}

function stateOf(volumes: readonly DrbdVolumeFacts[]): DrbdFacts['state'] {
  if (volumes.some((volume) => volume.state === 'unknown')) return 'unknown';
  return volumes.some((volume) => volume.state === 'down') ? 'down' : 'configured';
}

function reasonOf(volumes: readonly DrbdVolumeFacts[], state: DrbdFacts['state']): string {
  const list = (wanted: DrbdVolumeFacts['state']): string =>
    volumes
      .filter((volume) => volume.state === wanted)
      .map((volume) => `volume ${volume.volume} (minor ${volume.minor})`)
      .join(', ');
  switch (state) {
    case 'configured':
      return 'every volume is configured';
    case 'down':
      return `not configured in the kernel: ${list('down')}`;
    case 'unknown':
      return `the reading of /proc/drbd breaks off at ${list('unknown')}`;
  }
}

/** Primary as soon as one is; Unknown as soon as one cannot be told. */
export function roleOf(roles: readonly RoleWord[]): RoleWord {
  if (roles.includes('Primary')) return 'Primary';
  return roles.includes('Unknown') ? 'Unknown' : 'Secondary';
}

/** The first word of `order` that occurs. */
export function worst<T extends string>(words: readonly T[], order: readonly T[]): T | 'Unknown' {
  return order.find((word) => words.includes(word)) ?? 'Unknown';
}

/** Connections from the one that needs most attention to the one that needs none. */
export const CONNECTION_ATTENTION: readonly Connection[] = [
  ...(['Unknown', 'StandAlone', 'ProtocolError', 'Disconnecting', 'Unconnected'] as const),
  ...(['Timeout', 'BrokenPipe', 'NetworkFailure', 'TearDown', 'WFConnection'] as const),
  ...(['WFReportParams', 'SkippedSyncT', 'SkippedSyncS', 'DiskLessClient'] as const),
  ...(['ServerForDLess', 'Behind', 'StartingSyncT', 'WFBitMapT', 'WFSyncUUID'] as const),
  ...(['PausedSyncT', 'SyncTarget', 'Ahead', 'StartingSyncS', 'WFBitMapS'] as const),
  ...(['PausedSyncS', 'SyncSource', 'VerifyT', 'VerifyS', 'Connected'] as const),
];

/** Disks from worst to best. */
export const DISK_ATTENTION: readonly Disk[] = [
  ...(['Unknown', 'Diskless', 'Failed', 'Detaching', 'Attaching', 'Negotiating'] as const),
  ...(['Inconsistent', 'Outdated', 'DUnknown', 'Consistent', 'UpToDate'] as const),
];

/**
 * StandAlone with data of its own: DRBD refused the peer's data, or was told to disconnect. A
 * Primary, or a bitmap that is not known to be empty, means that this side went its own way.
 */
function looksSplit(volume: DrbdVolumeFacts): boolean {
  if (volume.state !== 'configured' || volume.connection !== 'StandAlone') return false;
  const hasData = ['UpToDate', 'Consistent', 'Outdated'].includes(volume.disk);
  return hasData && (volume.role === 'Primary' || volume.outOfSyncBytes !== 0);
}

/** A suspicion and the sentence that explains it. */
export interface SplitBrainSuspicion {
  readonly suspected: boolean;
  readonly reason: string;
}

/**
 * Split brain as two nodes' reports show it together (each may be out of date by a heartbeat).
 * Certainty needs the generation identifiers: see generation.
 */
export function splitBrainBetween(self: DrbdFacts, peer: DrbdFacts): SplitBrainSuspicion {
  const alone = (facts: DrbdFacts): boolean => facts.connection === 'StandAlone';
  if (self.state !== 'configured' || peer.state !== 'configured') {
    return { suspected: false, reason: 'the resource is not configured on both nodes' };
  }
  if (self.role === 'Primary' && peer.role === 'Primary' && self.connection !== 'Connected') {
    return { suspected: true, reason: 'both nodes are Primary and not connected to each other' };
  }
  if (alone(self) && alone(peer)) {
    return {
      suspected: self.splitBrainSuspected || peer.splitBrainSuspected,
      reason: 'both nodes are StandAlone: they refused each other, or both were disconnected',
    };
  }
  if (alone(self) || alone(peer)) {
    return {
      suspected: self.splitBrainSuspected || peer.splitBrainSuspected,
      reason: 'one node is StandAlone while the other waits: one refused, or was disconnected',
    };
  }
  return { suspected: false, reason: 'neither node is StandAlone' };
}
