/**
 * The comparison that two nodes make when they connect (drbd_uuid_compare of DRBD 8.4.11, protocol
 * 96 and later), as a pure function: so that `tandem` knows what a connect would do before it
 * does it, and can say which side has what. First match wins; the rule numbers are the kernel's.
 */
import type { GenerationIds } from './generation.js';

/** One node's side of the comparison. */
export interface GenerationSide {
  /** For the sentences. */
  readonly node: string;
  readonly ids: GenerationIds;
  readonly crashedPrimary: boolean;
  readonly role: 'Primary' | 'Secondary';
  /** The local disk is better than Inconsistent. */
  readonly consistent: boolean;
  /** What its bitmap marks; null when not known. */
  readonly outOfSyncBytes: number | null;
}

/** What would happen on connect. */
export type GenerationVerdict =
  'in-sync' | 'self-newer' | 'peer-newer' | 'split-brain' | 'split-brain-ambiguous' | 'unrelated';

/** The kernel's answer and ours. */
export interface GenerationComparison {
  readonly verdict: GenerationVerdict;
  /** A resync would copy everything, not only what the bitmap marks. */
  readonly fullSync: boolean;
  /** The kernel's: 0, +-1, +-2, 100, -100, -1000. */
  readonly result: number;
  readonly rule: number;
  /** Without a final period; cites the rule. */
  readonly sentence: string;
}

const JUST_CREATED = 4n;

/** What a source adds to its old BITMAP when a resync starts. */
const NEW_BITMAP_OFFSET = 0x0001_0000_0000_0000n;
const MASK_64 = 0xffff_ffff_ffff_ffffn;

/** Without bit 0, "was Primary". */
function bare(id: bigint): bigint {
  return id & ~1n;
}

interface Ids {
  readonly current: bigint;
  readonly bitmap: bigint;
  readonly history: readonly bigint[];
}

function bareIds({ current, bitmap, history }: GenerationIds): Ids {
  return { current: bare(current), bitmap: bare(bitmap), history: history.map(bare) };
}

interface Answer {
  readonly result: number;
  readonly rule: number;
}

/**
 * Compares two nodes' identifiers. `selfResolvesConflicts` breaks the tie of two crashed
 * Primaries; the kernel gives it to one side of the connection.
 */
export function compareGenerations(
  self: GenerationSide,
  peer: GenerationSide,
  selfResolvesConflicts = false,
): GenerationComparison {
  const [mine, theirs] = [bareIds(self.ids), bareIds(peer.ids)];
  const answer =
    freshAnswer(mine, theirs) ??
    (mine.current === theirs.current
      ? sameDataAnswer(self, peer, selfResolvesConflicts)
      : (ancestryAnswer(mine, theirs) ?? divergenceAnswer(mine, theirs)));
  const result = withConsistency(answer.result, self, peer);
  const accidental = answer.result === -100 && !sharesRealHistory(mine, theirs);
  const verdict = accidental && result === -100 ? 'unrelated' : verdictOf(result);
  return {
    verdict,
    fullSync: Math.abs(result) === 2,
    result,
    rule: answer.rule,
    sentence: `${sentenceOf(verdict, result, self, peer)} (rule ${answer.rule})`,
  };
}

/** Rules 10 to 30: a disk without history yet. */
function freshAnswer(mine: Ids, theirs: Ids): Answer | null {
  const isNew = (id: bigint): boolean => id === JUST_CREATED;
  const isBlank = (id: bigint): boolean => isNew(id) || id === 0n;
  if (isNew(mine.current) && isNew(theirs.current)) return { result: 0, rule: 10 };
  if (isBlank(mine.current) && !isNew(theirs.current)) return { result: -2, rule: 20 };
  if (!isNew(mine.current) && isBlank(theirs.current)) return { result: 2, rule: 30 };
  return null;
}

/** Rules 34 to 41: both name the same data. A BITMAP left over is a resync's unfinished end. */
function sameDataAnswer(self: GenerationSide, peer: GenerationSide, tie: boolean): Answer {
  const [mine, theirs] = [bareIds(self.ids), bareIds(peer.ids)];
  if (peer.ids.bitmap === 0n && self.ids.bitmap !== 0n) {
    return { result: 1, rule: endedAs(mine, theirs) ? 34 : 36 };
  }
  if (self.ids.bitmap === 0n && peer.ids.bitmap !== 0n) {
    return { result: -1, rule: endedAs(theirs, mine) ? 35 : 37 };
  }
  if (!self.crashedPrimary && !peer.crashedPrimary) return { result: 0, rule: 40 };
  if (self.role === 'Primary' || peer.role === 'Primary') {
    if (self.role === peer.role) return { result: -100, rule: 41 };
    return { result: self.role === 'Primary' ? 1 : -1, rule: 41 };
  }
  if (self.crashedPrimary !== peer.crashedPrimary) {
    return { result: self.crashedPrimary ? 1 : -1, rule: 40 };
  }
  return { result: tie ? -1 : 1, rule: 40 };
}

/** The target recorded the end of the resync, the source did not hear of it. */
function endedAs(source: Ids, target: Ids): boolean {
  return source.bitmap === target.history[0] && source.history[0] === target.history[1];
}

/** Rules 50 to 80: one side's data descends from the other's. */
function ancestryAnswer(mine: Ids, theirs: Ids): Answer | null {
  if (mine.current === theirs.bitmap) return { result: -1, rule: 50 };
  if (undoneStart(theirs, mine.current)) return { result: -1, rule: 51 };
  if (theirs.history.includes(mine.current)) return { result: -2, rule: 60 };
  if (mine.bitmap === theirs.current) return { result: 1, rule: 70 };
  if (undoneStart(mine, theirs.current)) return { result: 1, rule: 71 };
  if (mine.history.includes(theirs.current)) return { result: 2, rule: 80 };
  return null;
}

/** The source started a resync that the other side never heard of. */
function undoneStart(source: Ids, otherCurrent: bigint): boolean {
  const [last = 0n] = source.history;
  return last === otherCurrent && ((last + NEW_BITMAP_OFFSET) & MASK_64) === source.bitmap;
}

/** Rules 90 and 100: both wrote alone, or they have nothing in common. */
function divergenceAnswer(mine: Ids, theirs: Ids): Answer {
  if (mine.bitmap === theirs.bitmap && mine.bitmap !== 0n) return { result: 100, rule: 90 };
  const common = mine.history.some((id) => theirs.history.includes(id));
  return { result: common ? -100 : -1000, rule: 100 };
}

/** 8.4 takes two unused, zero history slots for a common past; DRBD 9 does not. */
function sharesRealHistory(mine: Ids, theirs: Ids): boolean {
  if (mine.current === theirs.current) return true;
  return mine.history.some((id) => id !== 0n && theirs.history.includes(id));
}

/** When exactly one disk is Inconsistent the other is the source, unless they are unrelated. */
function withConsistency(result: number, self: GenerationSide, peer: GenerationSide): number {
  if (result === -1000 || self.consistent === peer.consistent) return result;
  const full = result === -100 || Math.abs(result) === 2 ? 2 : 1;
  return self.consistent ? full : -full;
}

function verdictOf(result: number): GenerationVerdict {
  if (result === 0) return 'in-sync';
  if (result === 100) return 'split-brain';
  if (result === -100) return 'split-brain-ambiguous';
  if (result === -1000) return 'unrelated';
  return result > 0 ? 'self-newer' : 'peer-newer';
}

function sentenceOf(
  verdict: GenerationVerdict,
  result: number,
  self: GenerationSide,
  peer: GenerationSide,
): string {
  const how = Math.abs(result) === 2 ? 'in full' : 'what the bitmap marks';
  const both = `${self.node} and ${peer.node}`;
  switch (verdict) {
    case 'in-sync':
      return `${both} have the same data`;
    case 'self-newer':
      return `${self.node} has the newer data; ${peer.node} would receive it, ${how}`;
    case 'peer-newer':
      return `${peer.node} has the newer data; ${self.node} would receive it, ${how}`;
    case 'split-brain':
      return `split brain: ${both} each changed data since they last shared it`;
    case 'split-brain-ambiguous':
      return `split brain: ${both} share old history only, so changes cannot be told apart`;
    case 'unrelated':
      return `${both} have unrelated data`;
  }
}

/** What one side would lose. */
export interface Loss {
  /** Null when its bitmap is not known. */
  readonly bytes: number | null;
  /** After a crash the bitmap also marks extents that were merely hot: the number is a bound. */
  readonly upTo: boolean;
}

/** A split brain from both sides. */
export interface SplitBrainInspection {
  readonly comparison: GenerationComparison;
  readonly isSplitBrain: boolean;
  /** Bit 0 of BITMAP: Primary when the link broke, or promoted later, apart from the peer. */
  readonly selfWasPrimaryAtBreak: boolean;
  readonly peerWasPrimaryAtBreak: boolean;
  readonly lossIfSelfDiscards: Loss;
  readonly lossIfPeerDiscards: Loss;
  /** The node that changed nothing and can be the victim without loss, or null. */
  readonly harmlessVictim: string | null;
}

/** An activity log extent, 4 MiB: after a crash whole extents are marked. */
const EXTENT_BYTES = 4 * 1024 * 1024;

/** Compares, and weighs what each side has that the other lacks. */
export function inspectSplitBrain(
  self: GenerationSide,
  peer: GenerationSide,
): SplitBrainInspection {
  const comparison = compareGenerations(self, peer);
  const isSplitBrain = comparison.verdict.startsWith('split-brain');
  const harmless = [self, peer].filter(({ outOfSyncBytes }) => outOfSyncBytes === 0);
  return {
    comparison,
    isSplitBrain,
    selfWasPrimaryAtBreak: (self.ids.bitmap & 1n) === 1n,
    peerWasPrimaryAtBreak: (peer.ids.bitmap & 1n) === 1n,
    lossIfSelfDiscards: lossOf(self),
    lossIfPeerDiscards: lossOf(peer),
    harmlessVictim: comparison.verdict === 'split-brain' ? (harmless[0]?.node ?? null) : null,
  };
}

function lossOf({ outOfSyncBytes: bytes, crashedPrimary }: GenerationSide): Loss {
  const wholeExtents = bytes !== null && bytes > 0 && bytes % EXTENT_BYTES === 0;
  return { bytes, upTo: crashedPrimary && wholeExtents };
}
