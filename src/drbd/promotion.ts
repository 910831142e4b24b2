/**
 * Whether a resource's data may be used here (safety rule S4). Three answers, each with its
 * sentence: `unknown` means ask again, never go ahead.
 */
import type { DrbdFacts, DrbdVolumeFacts } from './facts.js';

/** An answer and the sentence that explains it, without a final period. */
export interface Promotable {
  readonly verdict: 'yes' | 'no' | 'unknown';
  readonly reason: string;
}

/** What the cluster knows of the peer, beyond what DRBD shows. */
export interface PromotionContext {
  /** Fenced, or confirmed off by the operator. Silence is not enough. */
  readonly peerConfirmedDown: boolean;
  /**
   * The peer's last own report of the resource, if any. A peer that wrote while DRBD was not
   * connected has data that this disk lacks, although it still calls itself UpToDate.
   */
  readonly peerLast?: DrbdFacts;
  /** A person ordered to use data that is, or may be, old. Only with the peer confirmed down. */
  readonly forced?: boolean;
}

/**
 * Rule S4 over every volume: UpToDate, or Consistent with the peer confirmed down or Outdated; no
 * target of a resync; the peer not Primary on a live connection; no newer data known elsewhere.
 * It is about data: that no other node is active (S2) is for the caller to know.
 */
export function promotable(facts: DrbdFacts, context: PromotionContext): Promotable {
  if (facts.state === 'unknown') {
    return { verdict: 'unknown', reason: `${facts.resource}: ${facts.reason}` };
  }
  if (facts.state === 'down') {
    return { verdict: 'no', reason: `${facts.resource} is not up: ${facts.reason}` };
  }
  const answers = [
    ...(isForced(context) ? [] : [newerElsewhere(facts, context)]),
    ...facts.volumes.map((volume) => volumeAnswer(facts.resource, volume, context)),
  ];
  const no = answers.find((answer) => answer.verdict === 'no');
  if (no !== undefined) return no;
  const unknown = answers.find((answer) => answer.verdict === 'unknown');
  return unknown ?? { verdict: 'yes', reason: yesReason(facts, context) };
}

function isForced({ forced, peerConfirmedDown }: PromotionContext): boolean {
  return forced === true && peerConfirmedDown;
}

function yesReason(facts: DrbdFacts, context: PromotionContext): string {
  const disks = facts.disk === 'UpToDate' ? 'every disk is UpToDate' : 'every disk is usable';
  const peer = context.peerConfirmedDown
    ? 'the peer is confirmed down'
    : isLinked(facts.volumes)
      ? `the peer is connected and ${facts.peerRole}`
      : 'the peer is not connected';
  return `${facts.resource}: ${disks}, ${peer}`;
}

function isLinked(volumes: readonly DrbdVolumeFacts[]): boolean {
  return volumes.every((volume) => LINKED.has(volume.connection));
}

/** Connections over which the peer's state is seen as it is now. */
const LINKED: ReadonlySet<DrbdVolumeFacts['connection']> = new Set([
  ...(['Connected', 'StartingSyncS', 'StartingSyncT', 'WFBitMapS', 'WFBitMapT'] as const),
  ...(['WFSyncUUID', 'SyncSource', 'SyncTarget', 'PausedSyncS', 'PausedSyncT'] as const),
  ...(['VerifyS', 'VerifyT', 'Ahead', 'Behind'] as const),
]);

/** Connections in which this node receives, or waits for, data that it does not have. */
const RECEIVING: ReadonlySet<DrbdVolumeFacts['connection']> = new Set([
  ...(['StartingSyncT', 'WFBitMapT', 'WFSyncUUID', 'SyncTarget', 'PausedSyncT'] as const),
  ...(['Behind', 'SkippedSyncT', 'DiskLessClient'] as const),
]);

/** A handshake in which the kernel answers -18, "in transient state", to any change of role. */
const HANDSHAKE: ReadonlySet<DrbdVolumeFacts['connection']> = new Set([
  ...(['WFReportParams', 'StartingSyncS', 'WFBitMapS'] as const),
]);

function volumeAnswer(
  resource: string,
  volume: DrbdVolumeFacts,
  context: PromotionContext,
): Promotable {
  const name = `${resource}/${volume.volume}`;
  const disk = diskAnswer(name, volume, context);
  if (disk.verdict === 'no') return disk;
  if (RECEIVING.has(volume.connection)) {
    const reason = `${name} is ${volume.connection}: it still lacks data that the peer has`;
    return { verdict: 'no', reason };
  }
  if (volume.peerRole === 'Primary' && volume.role !== 'Primary' && !context.peerConfirmedDown) {
    return { verdict: 'no', reason: `${name}: the peer is Primary` };
  }
  if (disk.verdict === 'unknown') return disk;
  if (volume.connection === 'Unknown') {
    return { verdict: 'unknown', reason: `${name}: the connection state is not known` };
  }
  if (HANDSHAKE.has(volume.connection)) {
    return { verdict: 'unknown', reason: `${name} is ${volume.connection}: a handshake goes on` };
  }
  return disk;
}

function diskAnswer(name: string, volume: DrbdVolumeFacts, context: PromotionContext): Promotable {
  const { disk, peerDisk } = volume;
  switch (disk) {
    case 'UpToDate':
      return { verdict: 'yes', reason: `${name} is UpToDate` };
    case 'Consistent':
      if (context.peerConfirmedDown) {
        return { verdict: 'yes', reason: `${name} is Consistent and the peer is confirmed down` };
      }
      if (peerDisk === 'Outdated') {
        return { verdict: 'yes', reason: `${name} is Consistent and the peer is Outdated` };
      }
      return {
        verdict: 'no',
        reason: `${name} is Consistent only: the peer, not confirmed down, may have newer data`,
      };
    case 'Attaching':
    case 'Negotiating':
      return { verdict: 'unknown', reason: `${name} is ${disk}: its state is being found out` };
    case 'Unknown':
      return { verdict: 'unknown', reason: `${name}: the disk state is not known` };
    case 'Outdated':
      if (isForced(context)) {
        return { verdict: 'yes', reason: `${name} is Outdated, and used by order of a person` };
      }
      return { verdict: 'no', reason: `${name} is Outdated: the peer has newer data` };
    case 'Inconsistent':
      return { verdict: 'no', reason: `${name} is Inconsistent: it is no usable copy` };
    case 'Diskless':
    case 'Detaching':
    case 'Failed':
    case 'DUnknown':
      return { verdict: 'no', reason: `${name} is ${disk}: there is no local copy` };
  }
}

/** Whether the peer's last report shows writes that never reached this disk. */
function newerElsewhere(facts: DrbdFacts, context: PromotionContext): Promotable {
  const fine: Promotable = { verdict: 'yes', reason: 'no newer data is known elsewhere' };
  const { peerLast } = context;
  if (peerLast === undefined || facts.role === 'Primary' || isLinked(facts.volumes)) return fine;
  for (const volume of peerLast.volumes) {
    const apart = volume.state === 'configured' && !LINKED.has(volume.connection);
    const wrote = volume.outOfSyncBytes !== null && volume.outOfSyncBytes > 0;
    if (apart && wrote && volume.disk === 'UpToDate') {
      const bytes = volume.outOfSyncBytes;
      const reason =
        `${facts.resource}/${volume.volume}: the peer wrote while DRBD was not ` +
        `connected (${bytes} bytes that this node lacks)`;
      return { verdict: 'no', reason };
    }
  }
  return fine;
}

/** How good a node's copy is; higher is better. For placement, not for safety. */
export interface DataQuality {
  readonly rank: number;
  readonly reason: string;
}

/** Ranks of the worst disk of a resource: 0 is no usable copy, 4 the best. */
const QUALITY_RANK: Readonly<Record<DrbdFacts['disk'], number>> = {
  Unknown: 0,
  Diskless: 0,
  Failed: 0,
  Detaching: 0,
  DUnknown: 0,
  Attaching: 0,
  Negotiating: 0,
  Inconsistent: 1,
  Outdated: 2,
  Consistent: 3,
  UpToDate: 4,
};

/** The rank of the worst volume; a resource that is down or not known has rank 0. */
export function dataQuality(facts: DrbdFacts): DataQuality {
  if (facts.state !== 'configured') {
    return { rank: 0, reason: `${facts.resource} is ${facts.state}: ${facts.reason}` };
  }
  const many = facts.volumes.length > 1 ? ', the worst of its volumes' : '';
  return { rank: QUALITY_RANK[facts.disk], reason: `${facts.resource} is ${facts.disk}${many}` };
}
