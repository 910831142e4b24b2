/**
 * What `tandem drbd status --json` prints: `tandem.drbd/1`. Stable: names are added, never renamed.
 * Null: the source did not tell. Amounts are bytes, whatever unit the source has.
 */
import type { DrbdConnection, DrbdPeerVolume, DrbdResource, DrbdVolume } from '../drbd/model.js';
import { factsFromModel } from '../drbd/model-facts.js';
import type { DrbdReading } from '../drbd/model-text.js';
import { explainFlags } from '../drbd/proc-flags.js';

/** The whole answer. */
export interface DrbdView {
  readonly schema: 'tandem.drbd/1';
  readonly source: {
    readonly kind: 'live' | 'file';
    /** `/proc/drbd`, `drbdsetup status --json`, or the name of the file. */
    readonly name: string;
    readonly format: DrbdReading['format'];
  };
  /** Of the module. */
  readonly version: string | null;
  readonly resources: readonly DrbdResourceView[];
  /** Sentences about the reading as a whole. */
  readonly remarks: readonly string[];
}

/** One resource. */
export interface DrbdResourceView {
  readonly resource: string;
  readonly role: string | null;
  /** Why I/O is frozen; `io` where the source does not tell the reason. */
  readonly suspended: readonly string[];
  /** `none`, `drain`, `flush` or `barrier`. */
  readonly writeOrdering: string | null;
  readonly mayPromote: boolean | null;
  readonly splitBrainSuspected: boolean;
  /** What an operator should know, one sentence each. */
  readonly remarks: readonly string[];
  readonly volumes: readonly DrbdVolumeView[];
  readonly connections: readonly DrbdConnectionView[];
}

/** One volume on this node. */
export interface DrbdVolumeView {
  readonly volume: number;
  readonly minor: number | null;
  readonly disk: string | null;
  readonly backingDevice: string | null;
  readonly quorum: boolean | null;
  readonly open: boolean | null;
  readonly sizeBytes: number | null;
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
  readonly activityLogWrites: number | null;
  readonly bitmapWrites: number | null;
  readonly upperPending: number | null;
  readonly lowerPending: number | null;
  /** As printed (`r-----`); null where the source has none. */
  readonly flags: string | null;
  readonly flagMeanings: readonly string[];
  readonly extra: Readonly<Record<string, string>>;
}

/** The link to one peer. */
export interface DrbdConnectionView {
  readonly peer: string;
  readonly peerNodeId: number | null;
  readonly connection: string | null;
  readonly peerRole: string | null;
  readonly congested: boolean | null;
  readonly protocol: string | null;
  readonly paths: DrbdConnection['paths'];
  readonly volumes: readonly DrbdPeerVolumeView[];
  readonly extra: Readonly<Record<string, string>>;
}

/** A volume as the peer has it. */
export interface DrbdPeerVolumeView {
  readonly volume: number;
  readonly replication: string | null;
  readonly peerDisk: string | null;
  readonly resyncSuspended: readonly string[];
  readonly progress: {
    readonly kind: 'resync' | 'verify';
    readonly donePercent: number | null;
    readonly leftBytes: number | null;
    readonly totalBytes: number | null;
    readonly bytesPerSecond: number | null;
    readonly averageBytesPerSecond: number | null;
    readonly wantedBytesPerSecond: number | null;
    readonly finishMs: number | null;
    readonly stalled: boolean;
  } | null;
  readonly sentBytes: number | null;
  readonly receivedBytes: number | null;
  readonly outOfSyncBytes: number | null;
  readonly pending: number | null;
  readonly unacknowledged: number | null;
  readonly extra: Readonly<Record<string, string>>;
}

const MS_PER_SECOND = 1_000;
const BYTES_PER_KIB = 1_024;

function bytes(kib: number | null): number | null {
  return kib === null ? null : kib * BYTES_PER_KIB;
}

/** The answer for a reading. */
export function drbdView(
  { format, version, model, remarks }: DrbdReading,
  source: { readonly kind: 'live' | 'file'; readonly name: string },
): DrbdView {
  return {
    schema: 'tandem.drbd/1',
    source: { ...source, format },
    version,
    resources: model.resources.map(resourceView),
    remarks,
  };
}

function resourceView(resource: DrbdResource): DrbdResourceView {
  const { splitBrainSuspected } = factsFromModel(resource);
  return {
    resource: resource.name,
    role: resource.role?.word ?? null,
    suspended: resource.suspended ?? [],
    writeOrdering: resource.writeOrdering,
    mayPromote: resource.mayPromote,
    splitBrainSuspected,
    remarks: [
      ...(splitBrainSuspected ? [SPLIT_BRAIN] : []),
      ...resource.connections.flatMap(connectionRemarks),
      ...resource.volumes.flatMap(volumeRemarks),
    ],
    volumes: resource.volumes.map(volumeView),
    connections: resource.connections.map(connectionView),
  };
}

const SPLIT_BRAIN =
  'split brain is possible: this node is StandAlone with data of its own; compare both sides ' +
  'before anything is connected';

const LINK_REMARK: Readonly<Record<string, string>> = {
  StandAlone:
    'StandAlone: it does not try to connect; it was disconnected by hand, or refused the peer',
  Connecting: 'Connecting: it waits for the peer, which is down, unreachable or StandAlone',
};

function connectionRemarks({ name, link }: DrbdConnection): string[] {
  const remark = LINK_REMARK[link?.word ?? ''];
  return remark === undefined ? [] : [name === 'peer' ? remark : `${name}: ${remark}`];
}

const DISK_REMARK: Readonly<Record<string, string>> = {
  Diskless: 'has no disk: detached by hand, after an I/O error, or not attached yet',
  Failed: 'its disk failed and is being detached',
  Inconsistent: 'its data is not whole: a resync has to finish first',
  Outdated: 'its data is older than the peer had; it must not be used before a resync',
  Consistent: 'its data is whole, but whether it is the newest is not known without the peer',
};

function volumeRemarks({ volume, disk, client }: DrbdVolume): string[] {
  const remark = client === true ? undefined : DISK_REMARK[disk?.word ?? ''];
  return remark === undefined ? [] : [`volume ${volume} is ${disk?.word ?? ''}: ${remark}`];
}

function volumeView(volume: DrbdVolume): DrbdVolumeView {
  return {
    volume: volume.volume,
    minor: volume.minor,
    disk: volume.disk?.word ?? null,
    backingDevice: volume.backingDevice,
    quorum: volume.quorum,
    open: volume.open,
    sizeBytes: bytes(volume.sizeKiB),
    readBytes: bytes(volume.readKiB),
    writtenBytes: bytes(volume.writtenKiB),
    activityLogWrites: volume.activityLogWrites,
    bitmapWrites: volume.bitmapWrites,
    upperPending: volume.upperPending,
    lowerPending: volume.lowerPending,
    flags: volume.flags?.raw ?? null,
    flagMeanings: volume.flags === null ? [] : explainFlags(volume.flags),
    extra: volume.extra,
  };
}

function connectionView(connection: DrbdConnection): DrbdConnectionView {
  return {
    peer: connection.name,
    peerNodeId: connection.peerNodeId,
    connection: connection.link?.word ?? null,
    peerRole: connection.peerRole?.word ?? null,
    congested: connection.congested,
    protocol: connection.protocol,
    paths: connection.paths,
    volumes: connection.volumes.map(peerVolumeView),
    extra: connection.extra,
  };
}

function peerVolumeView(peer: DrbdPeerVolume): DrbdPeerVolumeView {
  const { progress } = peer;
  return {
    volume: peer.volume,
    replication: peer.replication?.word ?? null,
    peerDisk: peer.peerDisk?.word ?? null,
    resyncSuspended: peer.resyncSuspended,
    progress:
      progress === null
        ? null
        : {
            kind: progress.kind,
            donePercent: progress.donePercent,
            leftBytes: bytes(progress.leftKiB),
            totalBytes: bytes(progress.totalKiB),
            bytesPerSecond: bytes(progress.rateKiBps),
            averageBytesPerSecond: bytes(progress.averageKiBps),
            wantedBytesPerSecond: bytes(progress.wantKiBps),
            finishMs:
              progress.finishSeconds === null ? null : progress.finishSeconds * MS_PER_SECOND,
            stalled: progress.stalled,
          },
    sentBytes: bytes(peer.sentKiB),
    receivedBytes: bytes(peer.receivedKiB),
    outOfSyncBytes: bytes(peer.outOfSyncKiB),
    pending: peer.pending,
    unacknowledged: peer.unacknowledged,
    extra: peer.extra,
  };
}
