/** One side of a replicated disk, and what /proc/drbd says of it there. */
import type { Connection, Disk, DrbdVolumeFacts } from '../drbd/facts.js';
import { relate, type Content } from './lineage.js';

/** What the kernel on this side knows of the other disk while they are not connected. */
type PeerDisk = 'DUnknown' | 'Outdated' | 'Inconsistent';

/** One side, as it really is. */
export interface Side {
  readonly node: string;
  isUp: boolean;
  role: 'Primary' | 'Secondary';
  disk: Disk;
  diskSinceMs: number;
  link: 'WFConnection' | 'StandAlone' | 'Connected' | 'SyncSource' | 'SyncTarget';
  /** What is on the disk, also while the disk does not answer. */
  content: Content;
  /** The disk is broken, or its cable is out. */
  isDead: boolean;
  /** What the disk itself says that it is worth, while it does not answer. */
  held: Disk;
  /** While this node is off: what the other kernel has heard of it last, and believes until it misses it. */
  lastWord: { readonly role: Side['role']; readonly disk: Disk };
  /** A Primary without a disk: what its users have seen last, on the other node's disk. */
  exposed: Content | null;
  /** It connects with its own changes given up. */
  discards: boolean;
  /** It was Primary without a connection, and has not been connected since. */
  wasAlone: boolean;
  /** Told by the handler; on the disk, and void with the next connection. */
  peerDisk: PeerDisk;
  /** `resource-and-stonith`: writes wait for the handler. */
  isHeldBack: boolean;
  /** Numbers resyncs, as below. */
  syncs: number;
  /** Numbers connections and waits, so that a late timer finds out that it is late. */
  turn: number;
}

/** A side before its node is switched on: a good disk. */
export function newSide(node: string, content: Content): Side {
  return {
    node,
    isUp: false,
    role: 'Secondary',
    disk: 'UpToDate',
    diskSinceMs: 0,
    link: 'WFConnection',
    content,
    isDead: false,
    lastWord: { role: 'Secondary', disk: 'UpToDate' },
    held: 'UpToDate',
    exposed: null,
    discards: false,
    wasAlone: false,
    peerDisk: 'DUnknown',
    isHeldBack: false,
    syncs: 0,
    turn: 0,
  };
}

/** The one volume of the resource, as this side sees it. */
export function volumeFacts(side: Side, peer: Side, isLinked: boolean): DrbdVolumeFacts {
  const heard = peer.isUp ? peer : peer.lastWord;
  return {
    volume: 0,
    minor: 0,
    state: side.isUp ? 'configured' : 'down',
    role: side.role,
    peerRole: isLinked ? heard.role : 'Unknown',
    connection: connectionWord(side),
    disk: side.disk,
    peerDisk: isLinked ? heard.disk : side.peerDisk,
    syncedPercent: side.link === 'SyncTarget' || side.link === 'SyncSource' ? 50 : null,
    verifiedPercent: null,
    finishSeconds: null,
    // The bitmap of a side marks what was written here, not what the other one wrote.
    outOfSyncBytes: (!isLinked || isDiskless(heard)) && hasOwnWrites(side, peer) ? 4096 : 0,
    ioSuspended: side.isHeldBack,
  };
}

/** True when there is no disk below this half, or it has just broken. */
export function isDiskless({ disk }: Pick<Side, 'disk'>): boolean {
  return disk === 'Diskless' || disk === 'Failed';
}

function hasOwnWrites(side: Side, peer: Side): boolean {
  const relation = relate(side.content, peer.content);
  return relation === 'newer' || relation === 'diverged';
}

function connectionWord(side: Side): Connection {
  return side.isUp ? side.link : 'StandAlone';
}
