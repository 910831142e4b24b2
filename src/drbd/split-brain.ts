/**
 * Both sides of a resource put beside each other: is it a split brain, what does each side have
 * that the other lacks, and what can be done. Every volume is compared for itself, as DRBD does; a
 * resource is as bad as its worst volume.
 *
 *     connected         nothing to settle: DRBD compares for itself
 *     in-sync           the same data on both sides
 *     one-newer         one side went on, the other did not: a connection brings it up to date
 *     split-brain       both went on from data they shared
 *     unrelated         no common past that is known: DRBD never connects them
 *     unknown           one side could not be read
 */
import { createHash } from 'node:crypto';
import type { Connection, Disk } from './facts.js';
import type { Generation } from './generation.js';
import {
  compareGenerations,
  inspectSplitBrain,
  type GenerationSide,
  type Loss,
  type SplitBrainInspection,
} from './generation-compare.js';
import type { RoleWord } from './words.js';

/** One volume of one side. */
export interface VolumeEvidence {
  readonly volume: number;
  readonly ids: Generation;
  /** What its bitmap marks; null when not known. */
  readonly outOfSyncBytes: number | null;
}

/** What is known of one side. `Unknown` and null mean not known. */
export interface SideEvidence {
  readonly node: string;
  readonly role: RoleWord;
  readonly connection: Connection;
  readonly disk: Disk;
  readonly volumes: readonly VolumeEvidence[];
}

/** What the two sides are to each other. */
export type SplitBrainVerdict =
  | 'connected'
  | 'in-sync'
  | 'one-newer'
  | 'split-brain'
  | 'split-brain-ambiguous'
  | 'unrelated'
  | 'unknown';

/** One volume, compared. */
export interface VolumeInspection extends SplitBrainInspection {
  readonly volume: number;
}

/** A resource, compared. `sides` has the two nodes in the order in which they were given. */
export interface ResourceInspection {
  readonly resource: string;
  readonly verdict: SplitBrainVerdict;
  readonly isSplitBrain: boolean;
  /** What it is, in one sentence without a final period. */
  readonly sentence: string;
  /** What to do when it is no split brain; empty when nothing. */
  readonly advice: readonly string[];
  readonly sides: readonly [SideEvidence, SideEvidence];
  readonly volumes: readonly VolumeInspection[];
  /** Names exactly this state of both sides; null unless it is a split brain. */
  readonly fingerprint: string | null;
}

/** Connections over which DRBD carries data; both kernels have compared for themselves. */
const CARRYING: readonly Connection[] = [
  ...(['Connected', 'SyncSource', 'SyncTarget', 'PausedSyncS', 'PausedSyncT'] as const),
  ...(['VerifyS', 'VerifyT', 'Ahead', 'Behind', 'StartingSyncS', 'StartingSyncT'] as const),
  ...(['WFBitMapS', 'WFBitMapT', 'WFSyncUUID'] as const),
];

/** True when DRBD has a connection and has agreed on who is newer. */
export function isCarrying(connection: Connection): boolean {
  return CARRYING.includes(connection);
}

/** Puts both sides beside each other. */
export function inspectResource(
  resource: string,
  first: SideEvidence,
  second: SideEvidence,
): ResourceInspection {
  const sides = [first, second] as const;
  const base = { resource, sides, isSplitBrain: false, fingerprint: null };
  if (isCarrying(first.connection) && isCarrying(second.connection)) {
    const sentence = `${first.node} and ${second.node} are connected: there is nothing to settle`;
    return { ...base, verdict: 'connected', sentence, advice: [], volumes: [] };
  }
  const gap = gapBetween(first, second);
  if (gap !== null) return { ...base, verdict: 'unknown', sentence: gap, advice: [], volumes: [] };
  const volumes = first.volumes.map((mine): VolumeInspection => {
    const theirs = second.volumes.find(({ volume }) => volume === mine.volume) ?? mine;
    const inspection = inspectSplitBrain(sideOf(first, mine), sideOf(second, theirs));
    return { volume: mine.volume, ...inspection };
  });
  const verdict = worstVerdict(volumes);
  const isSplitBrain = verdict === 'split-brain' || verdict === 'split-brain-ambiguous';
  return {
    ...base,
    verdict,
    isSplitBrain,
    sentence: sentenceOf(volumes, verdict),
    advice: isSplitBrain ? [] : adviceFor({ resource, verdict, sides, volumes }),
    volumes,
    fingerprint: isSplitBrain ? fingerprintOf(sides) : null,
  };
}

function gapBetween(first: SideEvidence, second: SideEvidence): string | null {
  for (const side of [first, second]) {
    if (side.volumes.length === 0) {
      return `the generation identifiers of ${side.node} are not known`;
    }
  }
  const [mine, theirs] = [volumeNames(first), volumeNames(second)];
  if (mine === theirs) return null;
  return `${first.node} tells of volumes ${mine}, ${second.node} of volumes ${theirs}`;
}

function volumeNames(side: SideEvidence): string {
  return side.volumes.map(({ volume }) => String(volume)).join(', ');
}

/** One volume of one side, as the comparison takes it. */
export function sideOf(side: SideEvidence, volume: VolumeEvidence): GenerationSide {
  return {
    node: side.node,
    ids: volume.ids,
    crashedPrimary: volume.ids.crashedPrimary,
    role: side.role === 'Primary' ? 'Primary' : 'Secondary',
    consistent: volume.ids.consistent,
    outOfSyncBytes: volume.outOfSyncBytes,
  };
}

/** From the worst to the best. */
const WORST_FIRST = [
  ...(['unrelated', 'split-brain-ambiguous', 'split-brain', 'one-newer', 'in-sync'] as const),
] as const;

function worstVerdict(volumes: readonly VolumeInspection[]): SplitBrainVerdict {
  const verdicts = volumes.map(({ comparison: { verdict } }): SplitBrainVerdict =>
    verdict === 'self-newer' || verdict === 'peer-newer' ? 'one-newer' : verdict,
  );
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'unknown';
}

function sentenceOf(volumes: readonly VolumeInspection[], verdict: SplitBrainVerdict): string {
  const [only] = volumes;
  if (volumes.length === 1 && only !== undefined) return only.comparison.sentence;
  const sentences = volumes.map(({ volume, comparison }) => `volume ${volume}: ${comparison.sentence}`);
  const prefix = verdict.startsWith('split-brain') ? 'split brain: ' : '';
  return `${prefix}${sentences.join('; ')}`;
}

// --- when it is no split brain -------------------------------------------------------------------

type Advised = Pick<ResourceInspection, 'resource' | 'verdict' | 'sides' | 'volumes'>;

function adviceFor({ resource, verdict, sides, volumes }: Advised): readonly string[] {
  if (verdict === 'unrelated') return unrelatedAdvice(resource, sides);
  const newerPrimary = targetThatIsPrimary(sides, volumes);
  if (newerPrimary !== null) {
    return [
      `${newerPrimary} would receive the data, but is Primary, and DRBD refuses that: stop what uses ` +
        `${resource} there and make it Secondary first`,
    ];
  }
  const alone = sides.filter(({ connection }) => connection === 'StandAlone');
  const half = verdict === 'one-newer' ? 'DRBD then brings the older side up to date by itself' : null;
  if (alone.length > 0) {
    return [
      'somebody disconnected it, or DRBD gave up: connect it again',
      ...alone.map(({ node }) => `${node}# drbdadm connect ${resource}`),
      ...(half === null ? [] : [half]),
    ];
  }
  return [
    'both wait for a connection: look at the replication network (cable, address, firewall, port)',
    ...(half === null ? [] : [half]),
  ];
}

function unrelatedAdvice(
  resource: string,
  sides: readonly [SideEvidence, SideEvidence],
): readonly string[] {
  const [first, second] = sides;
  return [
    'they share no past, so DRBD will not connect them: a disk was replaced, or restored from ' +
      'elsewhere. Find out which side has the data; on the other one, and only there, begin anew ' +
      '(everything on it is lost, and copied in full)',
    `NODE# drbdadm down ${resource} && drbdadm create-md ${resource} && drbdadm up ${resource}`,
    `NODE is ${first.node} or ${second.node}; on the side that stays: drbdadm connect ${resource}`,
  ];
}

function targetThatIsPrimary(
  [first, second]: readonly [SideEvidence, SideEvidence],
  volumes: readonly VolumeInspection[],
): string | null {
  const is = (verdict: string): boolean => volumes.some((v) => v.comparison.verdict === verdict);
  if (is('self-newer') && second.role === 'Primary') return second.node;
  if (is('peer-newer') && first.role === 'Primary') return first.node;
  return null;
}

// --- losses --------------------------------------------------------------------------------------

/** What discarding one node would throw away, over all volumes; bytes null when one is not known. */
export function lossOf(inspection: ResourceInspection, victim: string): Loss {
  const isFirst = inspection.sides[0].node === victim;
  const losses = inspection.volumes
    .filter(({ comparison }) => comparison.verdict.startsWith('split-brain'))
    .map((one) => (isFirst ? one.lossIfSelfDiscards : one.lossIfPeerDiscards));
  const isKnown = losses.every(({ bytes }) => bytes !== null);
  return {
    bytes: isKnown ? losses.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : null,
    upTo: losses.some(({ upTo }) => upTo),
  };
}

/** Whether a side was Primary when the link broke (bit 0 of BITMAP); null without a split brain. */
export function wasPrimaryAtBreak(inspection: ResourceInspection, node: string): boolean | null {
  const split = inspection.volumes.find(({ isSplitBrain }) => isSplitBrain);
  if (split === undefined) return null;
  return inspection.sides[0].node === node
    ? split.selfWasPrimaryAtBreak
    : split.peerWasPrimaryAtBreak;
}

/** Long enough that two states never share it, short enough for a field of a slow link. */
const FINGERPRINT_CHARS = 12;

/** Without bit 0, which changes with the role only. */
const ROLE_BIT = 1n;

/**
 * A name for the data that both sides have now: as long as neither side begins a new generation it
 * is the same on every node. An order to discard carries it, so that it can never hit other data.
 */
function fingerprintOf(sides: readonly [SideEvidence, SideEvidence]): string {
  const lines = sides.flatMap(({ node, volumes }) =>
    volumes.map(({ volume, ids }) => `${node} ${volume} ${(ids.current & ~ROLE_BIT).toString(16)}`),
  );
  const text = lines.toSorted().join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, FINGERPRINT_CHARS);
}

/** True when both name the same data on every volume: what a finished resync must look like. */
export function haveSameData(first: SideEvidence, second: SideEvidence): boolean {
  if (gapBetween(first, second) !== null) return false;
  return first.volumes.every((mine) => {
    const theirs = second.volumes.find(({ volume }) => volume === mine.volume);
    if (theirs === undefined) return false;
    return compareGenerations(sideOf(first, mine), sideOf(second, theirs)).verdict === 'in-sync';
  });
}
