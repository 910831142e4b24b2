/**
 * One picture of DRBD for every release, in the shape and words of DRBD 9:
 *
 *     resource r0                 role, suspension
 *       volume 0 (minor 0)        local disk, sizes, counters of the local disk
 *       connection to n2          link, the peer's role
 *         volume 0 there          replication, the peer's disk, progress, out of sync
 *
 * It is read from `drbdsetup events2` (8.4 and 9), `drbdsetup status --json` (9) or /proc/drbd
 * (0.7 to 8.4), which tell different parts of it. Null always means: this source did not say.
 */
import type { IoFlags } from './proc-flags.js';
import type { WriteOrdering } from './proc-counters.js';
import type { DiskWord, LinkWord, ReplicationWord, RoleWord, Word } from './words.js';

/** What a run of resync or verify has done and has to do. */
export interface DrbdProgress {
  readonly kind: 'resync' | 'verify';
  /** 0 to 100. */
  readonly donePercent: number | null;
  readonly leftKiB: number | null;
  readonly totalKiB: number | null;
  /** DRBD's own estimate. */
  readonly finishSeconds: number | null;
  /** Of the last seconds. */
  readonly rateKiBps: number | null;
  /** Since the run began. */
  readonly averageKiBps: number | null;
  /** What the resync controller aims at. */
  readonly wantKiBps: number | null;
  /** DRBD says that nothing moves; old releases say it hours late. */
  readonly stalled: boolean;
}

/** A volume as one peer has it, and what flows between. */
export interface DrbdPeerVolume {
  readonly volume: number;
  readonly replication: Word<ReplicationWord> | null;
  readonly peerDisk: Word<DiskWord> | null;
  /** The peer is diskless by intent. */
  readonly peerClient: boolean | null;
  /** Why a resync waits: `user`, `peer`, `dependency`; empty when nothing holds it. */
  readonly resyncSuspended: readonly string[];
  readonly progress: DrbdProgress | null;
  readonly sentKiB: number | null;
  readonly receivedKiB: number | null;
  /** Marked in this node's bitmap as different from the peer. */
  readonly outOfSyncKiB: number | null;
  /** Requests sent to the peer and not answered. */
  readonly pending: number | null;
  /** Requests received from the peer and not answered here. */
  readonly unacknowledged: number | null;
  /** Keys that this table does not have, as printed. */
  readonly extra: Readonly<Record<string, string>>;
}

/** One pair of addresses (DRBD 9 only). */
export interface DrbdPath {
  /** `ipv4:10.9.1.1:7789`. */
  readonly local: string;
  readonly peer: string;
  readonly established: boolean | null;
}

/** The link to one peer. */
export interface DrbdConnection {
  /** The peer's name; `peer` where the release does not tell it (8.4). */
  readonly name: string;
  readonly peerNodeId: number | null;
  readonly link: Word<LinkWord> | null;
  readonly peerRole: Word<RoleWord> | null;
  readonly congested: boolean | null;
  readonly protocol: 'A' | 'B' | 'C' | null;
  readonly paths: readonly DrbdPath[];
  readonly volumes: readonly DrbdPeerVolume[];
  readonly extra: Readonly<Record<string, string>>;
}

/** A volume on this node. */
export interface DrbdVolume {
  readonly volume: number;
  readonly minor: number | null;
  readonly disk: Word<DiskWord> | null;
  /** Of this node: `/dev/sda7`, `none`. */
  readonly backingDevice: string | null;
  /** Diskless by intent. */
  readonly client: boolean | null;
  readonly quorum: boolean | null;
  readonly open: boolean | null;
  readonly sizeKiB: number | null;
  readonly readKiB: number | null;
  readonly writtenKiB: number | null;
  readonly activityLogWrites: number | null;
  readonly bitmapWrites: number | null;
  /** Application requests not completed. */
  readonly upperPending: number | null;
  /** Requests to the local disk not completed. */
  readonly lowerPending: number | null;
  /** The I/O flags of /proc/drbd, which no other source prints. */
  readonly flags: IoFlags | null;
  readonly extra: Readonly<Record<string, string>>;
}

/** One resource. */
export interface DrbdResource {
  /** Its name; the device's (`drbd0`) where the source knows no resources (/proc/drbd). */
  readonly name: string;
  readonly role: Word<RoleWord> | null;
  /** Why I/O is frozen: `user`, `no-data`, `fencing`, `quorum`, `io`; null when not told. */
  readonly suspended: readonly string[] | null;
  readonly writeOrdering: WriteOrdering | null;
  /** Computed by drbd-utils 9, not by the kernel. */
  readonly mayPromote: boolean | null;
  readonly promotionScore: number | null;
  /** Ascending by number. */
  readonly volumes: readonly DrbdVolume[];
  /** In the order of the source. */
  readonly connections: readonly DrbdConnection[];
  readonly extra: Readonly<Record<string, string>>;
}

/** Something in the text that was not understood; what was understood is in the model. */
export interface ModelProblem {
  /** One-based. */
  readonly line: number;
  /** One-based, in characters. */
  readonly column: number;
  readonly message: string;
}

/** What one source told. */
export interface DrbdModel {
  readonly resources: readonly DrbdResource[];
  readonly problems: readonly ModelProblem[];
  /** How many more problems there were than the list holds. */
  readonly problemsOmitted: number;
}

/** More problems than this tell nothing new. */
export const PROBLEMS_MAX = 100;

const NO_EXTRA: Readonly<Record<string, string>> = {};

/** A resource of which nothing is known but its name. */
export function emptyResource(name: string): DrbdResource {
  return {
    name,
    role: null,
    suspended: null,
    writeOrdering: null,
    mayPromote: null,
    promotionScore: null,
    volumes: [],
    connections: [],
    extra: NO_EXTRA,
  };
}

/** A volume of which nothing is known but its number. */
export function emptyVolume(volume: number): DrbdVolume {
  return {
    volume,
    minor: null,
    disk: null,
    backingDevice: null,
    client: null,
    quorum: null,
    open: null,
    sizeKiB: null,
    readKiB: null,
    writtenKiB: null,
    activityLogWrites: null,
    bitmapWrites: null,
    upperPending: null,
    lowerPending: null,
    flags: null,
    extra: NO_EXTRA,
  };
}

/** A connection of which nothing is known but its name. */
export function emptyConnection(name: string): DrbdConnection {
  return {
    name,
    peerNodeId: null,
    link: null,
    peerRole: null,
    congested: null,
    protocol: null,
    paths: [],
    volumes: [],
    extra: NO_EXTRA,
  };
}

/** A peer's volume of which nothing is known but its number. */
export function emptyPeerVolume(volume: number): DrbdPeerVolume {
  return {
    volume,
    replication: null,
    peerDisk: null,
    peerClient: null,
    resyncSuspended: [],
    progress: null,
    sentKiB: null,
    receivedKiB: null,
    outOfSyncKiB: null,
    pending: null,
    unacknowledged: null,
    extra: NO_EXTRA,
  };
}

/** Progress of which nothing is known but what runs. */
export function emptyProgress(kind: DrbdProgress['kind']): DrbdProgress {
  return {
    kind,
    donePercent: null,
    leftKiB: null,
    totalKiB: null,
    finishSeconds: null,
    rateKiBps: null,
    averageKiBps: null,
    wantKiBps: null,
    stalled: false,
  };
}
