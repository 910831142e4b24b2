/**
 * What one node says about itself, whole, in every heartbeat. There is no conversation beside it:
 * a change is a new report, the newest (generation, sequence) of a node is the truth about it, and
 * loss, duplication and reordering need no extra protocol.
 *
 *     claim   "I want to run this group, or run it": a number that grows with each new claim
 *     grant   "I have stopped it and leave it to that claim": kept until the claimant is done
 *     order   a register that an operator set anywhere; the highest version wins everywhere
 *     outdate an ask "mark your disk Outdated", repeated while DRBD's fence-peer handler waits here,
 *             and the word of the asked node on what became of it, repeated while the ask stands
 */
import { haveSameEntries, isSameData } from '../base/same.js';

import type { Connectivity } from './ping.js';

/** The protocol that this program speaks (S9). Raised when an old node would misread a new one. */
export const PROTOCOL_VERSION = 1;

export type NodePhase = 'starting' | 'up' | 'leaving' | 'left';

export type GroupLife =
  | 'unknown'
  | 'stopped'
  | 'starting'
  | 'started'
  | 'stopping'
  /** A stop failed or timed out (S3): the group may still be active here. */
  | 'stopFailed';

/** A node's wish to run a group. Immutable while it stands; a new wish has a new epoch. */
export interface Claim {
  readonly epoch: number;
  /** 0 is the strongest. See placement. */
  readonly rank: number;
}

/** A promise to one claim not to start the group. */
export interface Grant {
  readonly node: string;
  readonly generation: number;
  readonly epoch: number;
}

export interface GroupReport {
  readonly name: string;
  readonly life: GroupLife;
  /** The epoch of the claim it was last started under here, 0 for never. */
  readonly epoch: number;
  readonly claim: Claim | null;
  readonly grant: Grant | null;
  /** This node does not want the group for now (a failed start, repeated failures). */
  readonly barred: boolean;
}

export interface DrbdReport {
  readonly resource: string;
  readonly role: string;
  /** The worst disk of its volumes. */
  readonly disk: string;
  readonly connection: string;
  /** This node wrote to it alone, and nobody has made up for that: also when its disk is gone since. */
  readonly ahead?: true;
}

/**
 * One half of a DRBD resource that is not connected, as its own node knows it: what both nodes need
 * to tell a split brain from a cut cable. Sent only while it matters: a slow link has little room.
 */
export interface SideReport {
  readonly resource: string;
  /** The kernel's own word; `disk` of DrbdReport is what others may count on. */
  readonly disk: string;
  readonly volumes: readonly SideVolume[];
  /** When the present generation of the data began, seconds since the epoch, and who saw it. */
  readonly began: { readonly seconds: number; readonly source: 'kernel' | 'tandem' } | null;
  /** How far the database came: one word of database-position. */
  readonly database: string;
  /** The split brain in which this node waits to lose its changes, by its fingerprint. */
  readonly offers: string | null;
}

/** One volume of a side. */
export interface SideVolume {
  readonly volume: number;
  /** A line of `drbdadm get-gi`. */
  readonly generation: string;
  readonly outOfSyncBytes: number | null;
}

/** Last writer wins: the higher version, then the origin that sorts first. */
export interface Order {
  /** `move.GROUP`, `mode.NODE` or `discard.RESOURCE`. */
  readonly key: string;
  /** A node name, a mode, or `-` for none. */
  readonly value: string;
  readonly version: number;
  readonly origin: string;
}

/** "Mark your disk Outdated": stands while a fence-peer handler of DRBD waits on the sender. */
export interface OutdateAsk {
  readonly resource: string;
  /** Whose disk. */
  readonly node: string;
  /** Grows with every ask of a run of the sender: an answer belongs to one ask. */
  readonly version: number;
}

/** What the asked node found or made of its disk; `primary`: it is in use there, and stays so. */
export type OutdateOutcome = 'outdated' | 'inconsistent' | 'primary';

/** The answer to an ask, given by the node whose disk it is. Stands as long as the ask does. */
export interface OutdateWord {
  readonly resource: string;
  /** Whose ask it answers: node, generation and version of the ask. */
  readonly asker: string;
  readonly generation: number;
  readonly version: number;
  readonly outcome: OutdateOutcome;
}

export interface Report {
  readonly node: string;
  readonly generation: number;
  readonly sequence: number;
  readonly protocol: number;
  readonly digest: string;
  readonly phase: NodePhase;
  readonly mode: 'online' | 'standby' | 'maintenance';
  readonly health: 'ok' | 'stalled';
  readonly groups: readonly GroupReport[];
  readonly drbd: readonly DrbdReport[];
  readonly sides?: readonly SideReport[];
  readonly orders: readonly Order[];
  /** Node -> the newest generation of it that was heard: what is said is not older than that life. */
  readonly hears?: Readonly<Record<string, number>>;
  /** Absent while it is not known, or when there is nothing to ping. */
  readonly connectivity?: Connectivity;
  readonly outdateAsks: readonly OutdateAsk[];
  readonly outdateWords: readonly OutdateWord[];
}

/** True when two reports say the same: all but which one of its sender it is. */
export function saysTheSame(a: Report, b: Report): boolean {
  return hasSameParts(a, b) || haveSameEntries(a, b, 'sequence');
}

/** What a node says again has the very parts that it had before: no need to look into them. */
function hasSameParts(a: Report, b: Report): boolean {
  return (
    a.groups === b.groups &&
    a.drbd === b.drbd &&
    a.sides === b.sides &&
    a.orders === b.orders &&
    a.outdateAsks === b.outdateAsks &&
    a.outdateWords === b.outdateWords &&
    a.connectivity === b.connectivity &&
    a.hears === b.hears &&
    isSameSender(a, b)
  );
}

function isSameSender(a: Report, b: Report): boolean {
  return (
    a.node === b.node &&
    a.generation === b.generation &&
    a.protocol === b.protocol &&
    a.digest === b.digest &&
    a.phase === b.phase &&
    a.mode === b.mode &&
    a.health === b.health
  );
}

type Mutable = { -readonly [Name in keyof Report]: Report[Name] };

/** The same with another number, field by field: copying with `...` is slow once some fields may lack. */
export function numbered(report: Report, sequence: number): Report {
  const { sides, hears, connectivity } = report;
  const copy: Mutable = {
    node: report.node,
    generation: report.generation,
    sequence,
    protocol: report.protocol,
    digest: report.digest,
    phase: report.phase,
    mode: report.mode,
    health: report.health,
    groups: report.groups,
    drbd: report.drbd,
    orders: report.orders,
    outdateAsks: report.outdateAsks,
    outdateWords: report.outdateWords,
  };
  if (sides !== undefined) copy.sides = sides;
  if (hears !== undefined) copy.hears = hears;
  if (connectivity !== undefined) copy.connectivity = connectivity;
  return copy;
}

/**
 * A report made of the parts of an earlier one of the same sender, as far as they say the same; the
 * earlier one itself when nothing is new. Whoever compares the two later need not look into those.
 */
export function withPartsOf(earlier: Report, report: Report): Report {
  const { sides, hears, connectivity } = report;
  const kept: Mutable = numbered(report, report.sequence);
  kept.groups = partOf(earlier.groups, report.groups);
  kept.drbd = partOf(earlier.drbd, report.drbd);
  kept.orders = partOf(earlier.orders, report.orders);
  kept.outdateAsks = partOf(earlier.outdateAsks, report.outdateAsks);
  kept.outdateWords = partOf(earlier.outdateWords, report.outdateWords);
  if (sides !== undefined) kept.sides = partOf(earlier.sides, sides);
  if (hears !== undefined) kept.hears = partOf(earlier.hears, hears);
  if (connectivity !== undefined) kept.connectivity = partOf(earlier.connectivity, connectivity);
  return hasSameParts(earlier, kept) && earlier.sequence === kept.sequence ? earlier : kept;
}

function partOf<T>(earlier: T | undefined, now: T): T {
  return earlier !== undefined && isSameData(earlier, now) ? earlier : now;
}

/** True when `a` replaces `b`. */
export function orderReplaces(a: Order, b: Order | undefined): boolean {
  if (b === undefined || a.version !== b.version) return a.version > (b?.version ?? 0);
  return a.origin < b.origin;
}

/** Why a message is no report: `foreign` is a Heartbeat, `otherProtocol` a Tandem of other times. */
export interface ReportFault {
  readonly kind: 'notStatus' | 'malformed' | 'foreign' | 'otherProtocol';
  /** The field, or the other protocol version. */
  readonly detail: string;
  readonly node: string | null;
  /**
   * Whose life it was said in, and when in it; null when that cannot be read or, of a Heartbeat,
   * cannot be compared with what a Tandem says.
   */
  readonly stamp: { readonly generation: number; readonly sequence: number } | null;
}
