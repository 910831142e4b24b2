/**
 * The account of a split brain: what each side has, which one is newer and by what evidence, what
 * DRBD would do, and what to type for either choice. Made of facts only; what is not known says so.
 * This is what `--json` prints: `tandem.split-brain/1`.
 */
import { POSITION_GAP, type DatabasePosition } from '../base/database-position.js';
import { policyOutcome, type SplitBrainPolicies } from '../drbd/after-split-brain.js';
import type { Loss } from '../drbd/generation-compare.js';
import {
  inspectResource,
  isCarrying,
  lossOf,
  sideOf,
  wasPrimaryAtBreak,
  type ResourceInspection,
  type SideEvidence,
  type SplitBrainVerdict,
} from '../drbd/split-brain.js';
import { formatBytes } from './render-status.js';
import { adviceForMissing, momentOf } from './split-brain-text.js';

/** When the present generation of a side began, and who saw it. */
export interface GenerationBegin {
  /** RFC 3339. */
  readonly at: string;
  readonly source: 'kernel' | 'tandem';
}

/** One side, as it was asked or as its files tell. */
export interface AccountInput {
  readonly evidence: SideEvidence;
  readonly began: GenerationBegin | null;
  readonly database: DatabasePosition;
  /** Where its identifiers come from: `asked 0.3 s ago`, a file. */
  readonly source: string;
  /** Why its identifiers are not known; null when they are. */
  readonly missing: string | null;
}

/** One side in the account. */
export interface AccountSide {
  readonly node: string;
  readonly role: string;
  readonly connection: string;
  readonly disk: string;
  readonly source: string;
  /** Since when it went its own way; null when nobody saw it. */
  readonly aloneSince: GenerationBegin | null;
  readonly aloneSentence: string;
  readonly primaryWhenLinkBroke: boolean | null;
  /** What it has that the other lacks; null when not known. */
  readonly changedBytes: number | null;
  readonly changedBytesIsBound: boolean;
  readonly changedSentence: string;
  readonly database: DatabasePosition;
  readonly databaseSentence: string;
}

/** One thing that can be chosen. */
export interface AccountChoice {
  readonly keep: string;
  readonly discard: string;
  readonly loses: string;
  /** Null when Tandem does not do it: by hand only. */
  readonly command: string | null;
  readonly byHand: readonly { readonly node: string; readonly command: string }[];
}

/** The whole account. */
export interface SplitBrainAccount {
  readonly schema: 'tandem.split-brain/1';
  readonly resource: string;
  readonly verdict: SplitBrainVerdict;
  readonly isSplitBrain: boolean;
  readonly sentence: string;
  readonly advice: readonly string[];
  readonly sides: readonly AccountSide[];
  /** `node` is null when no evidence decides. */
  readonly newer: { readonly node: string | null; readonly evidence: readonly string[] };
  readonly policies: (SplitBrainPolicies & { readonly sentence: string }) | null;
  readonly choices: readonly AccountChoice[];
  /** Names exactly this state of both sides. */
  readonly fingerprint: string | null;
}

/**
 * Makes the account of one resource. `policies` is null when the configuration is not known, `self`
 * when this machine has neither half.
 */
export function accountOf(
  resource: string,
  inputs: readonly [AccountInput, AccountInput],
  policies: SplitBrainPolicies | null,
  self: string | null = null,
): SplitBrainAccount {
  const [first, second] = inputs;
  const inspection = inspectResource(resource, first.evidence, second.evidence);
  const { verdict, isSplitBrain, fingerprint } = inspection;
  const { sentence, advice } = verdict === 'unknown' ? gapsOf(inspection, inputs, self) : inspection;
  return {
    schema: 'tandem.split-brain/1',
    resource,
    verdict,
    isSplitBrain,
    sentence,
    advice,
    sides: inputs.map((input) => sideAccount(inspection, input)),
    newer: newerOf(inspection, inputs),
    policies: policies === null ? null : { ...policies, sentence: policySentence(inspection, policies) },
    choices: isSplitBrain
      ? [choiceOf(inspection, second.evidence.node), choiceOf(inspection, first.evidence.node)]
      : [],
    fingerprint,
  };
}

/** "Not known" with the reasons, and how to find out. */
function gapsOf(
  { resource, sentence, advice }: ResourceInspection,
  inputs: readonly AccountInput[],
  self: string | null,
): Pick<ResourceInspection, 'sentence' | 'advice'> {
  const gaps = inputs.flatMap(({ evidence: { node }, missing }) =>
    missing === null ? [] : [{ node, missing }],
  );
  if (gaps.length === 0) return { sentence, advice };
  return {
    sentence: [sentence, ...gaps.map(({ node, missing }) => `${node}: ${missing}`)].join('; '),
    advice: adviceForMissing(resource, self, gaps.map(({ node }) => node)),
  };
}

function sideAccount(inspection: ResourceInspection, input: AccountInput): AccountSide {
  const { evidence, began, database, source } = input;
  const loss = inspection.isSplitBrain ? lossOf(inspection, evidence.node) : ownChanges(inspection, evidence);
  const atBreak = wasPrimaryAtBreak(inspection, evidence.node);
  return {
    node: evidence.node,
    role: evidence.role,
    connection: evidence.connection,
    disk: evidence.disk,
    source,
    aloneSince: began,
    aloneSentence: loss === null ? '' : aloneSentence(began, atBreak),
    primaryWhenLinkBroke: atBreak,
    changedBytes: loss?.bytes ?? null,
    changedBytesIsBound: loss?.upTo ?? false,
    changedSentence: loss === null ? '' : lossSentence(loss),
    database,
    databaseSentence: positionSentence(database),
  };
}

/** What is known of one side while the other one is not. */
function ownChanges({ verdict }: ResourceInspection, { volumes, connection }: SideEvidence): Loss | null {
  if (verdict !== 'unknown' || volumes.length === 0 || isCarrying(connection)) return null;
  const bytes = volumes.map(({ outOfSyncBytes }) => outOfSyncBytes);
  return {
    bytes: bytes.some((one) => one === null) ? null : bytes.reduce((sum: number, one) => sum + (one ?? 0), 0),
    upTo: volumes.some(({ ids }) => ids.crashedPrimary),
  };
}

function aloneSentence(began: GenerationBegin | null, atBreak: boolean | null): string {
  const how = {
    true: 'it was Primary when the link broke; ',
    false: 'it was made Primary while they were apart; ',
    null: '',
  }[`${atBreak}`];
  if (began === null) return `${how}when is unknown, because neither kernel log nor Tandem saw it`;
  const witness = began.source === 'kernel' ? 'by its kernel log' : 'seen by its tandemd';
  return `${how}on its own since ${began.at} (${witness})`;
}

/** `4.0 MiB`, `up to 24 MiB`, or that it is not known. */
export function lossSentence({ bytes, upTo }: Loss): string {
  if (bytes === null) return 'an unknown amount of data (its /proc/drbd was not given)';
  if (bytes === 0) return 'nothing';
  return `${upTo ? 'up to ' : ''}${formatBytes(bytes)}`;
}

function positionSentence(position: DatabasePosition): string {
  if (position.kind === 'unknown') return `unknown, because ${POSITION_GAP[position.why]}`;
  const { file, bytes, lastEventSeconds, gtid } = position;
  const last = lastEventSeconds === null ? '' : `, last event ${momentOf(lastEventSeconds)}`;
  return `${file} at ${bytes}${gtid === null ? '' : `, GTID ${gtid}`}${last}`;
}

// --- which side is newer -------------------------------------------------------------------------

function newerOf(
  inspection: ResourceInspection,
  [first, second]: readonly [AccountInput, AccountInput],
): SplitBrainAccount['newer'] {
  if (inspection.verdict === 'one-newer') return { node: newerByIds(inspection), evidence: [] };
  if (!inspection.isSplitBrain) return { node: null, evidence: [] };
  const evidence = [
    'the identifiers hold no times: each side went on from the same data, so neither descends from ' +
      'the other',
  ];
  const [a, b] = [lastEvent(first), lastEvent(second)];
  const [mine, theirs] = [first.evidence.node, second.evidence.node];
  const sole = untouched(inspection);
  if (sole !== null) {
    evidence.push(`only ${sole} changed data, so the other side has nothing that ${sole} lacks`);
    return { node: sole, evidence };
  }
  if (a === null || b === null) {
    evidence.push('the ends of both binary logs would tell who wrote last; not both are known');
    const closed = [first, second].filter(({ database }) => database.kind === 'unknown' && database.why === 'notMounted');
    const command = `tandem split-brain inspect ${inspection.resource} --read-disk`;
    const nodes = closed.map(({ evidence: { node } }) => node).join(' and ');
    if (nodes !== '') evidence.push(`if the disk is on LVM, "${command}" on ${nodes} reads it`);
    return { node: null, evidence };
  }
  evidence.push(...transactions(first, second));
  if (a === b) {
    evidence.push(`both binary logs end in the same second (${momentOf(a)})`);
    return { node: null, evidence };
  }
  const [late, early] = a > b ? [mine, theirs] : [theirs, mine];
  evidence.push(
    `the binary log of ${late} ends ${momentOf(Math.max(a, b))}, that of ${early} ` +
      `${momentOf(Math.min(a, b))}, each by its own clock: ${late} wrote last`,
  );
  return { node: late, evidence };
}

/** Both went on counting from the same transaction: a number that is higher is no proof of age. */
function transactions(...inputs: readonly AccountInput[]): readonly string[] {
  const told = inputs.flatMap(({ evidence: { node }, database }) =>
    database.kind === 'binlog' && database.gtid !== null ? [`${database.gtid} on ${node}`] : [],
  );
  if (told.length < inputs.length) return [];
  return [`the last transactions are ${told.join(' and ')}; each side counted on by itself`];
}

function lastEvent({ database }: AccountInput): number | null {
  return database.kind === 'binlog' ? database.lastEventSeconds : null;
}

function newerByIds({ volumes, sides }: ResourceInspection): string | null {
  const verdicts = volumes.map(({ comparison }) => comparison.verdict);
  const isSelf = verdicts.includes('self-newer');
  if (isSelf === verdicts.includes('peer-newer')) return null;
  return isSelf ? sides[0].node : sides[1].node;
}

/** The side that changed something while the other changed nothing. */
function untouched(inspection: ResourceInspection): string | null {
  const [first, second] = inspection.sides.map(({ node }) => lossOf(inspection, node).bytes);
  if (first === 0 && second !== 0 && second != null) return inspection.sides[1].node;
  if (second === 0 && first !== 0 && first != null) return inspection.sides[0].node;
  return null;
}

// --- policies and choices ------------------------------------------------------------------------

function policySentence(inspection: ResourceInspection, policies: SplitBrainPolicies): string {
  const { isSplitBrain, volumes, sides } = inspection;
  if (!isSplitBrain) return 'no split brain: DRBD does not ask them';
  const [first, second] = sides;
  const sentences = volumes.flatMap(({ volume, isSplitBrain: isSplit, comparison }) => {
    const mine = first.volumes.find((one) => one.volume === volume);
    const theirs = second.volumes.find((one) => one.volume === volume);
    if (!isSplit || mine === undefined || theirs === undefined) return [];
    const ambiguous = comparison.verdict === 'split-brain-ambiguous';
    const outcome = policyOutcome(policies, {
      self: sideOf(first, mine),
      peer: sideOf(second, theirs),
      ambiguous,
    });
    return [outcome.sentence];
  });
  return [...new Set(sentences)].join('; ');
}

function choiceOf(inspection: ResourceInspection, discard: string): AccountChoice {
  const { resource, sides, verdict } = inspection;
  const keep = sides[0].node === discard ? sides[1].node : sides[0].node;
  const loss = lossOf(inspection, discard);
  const isAmbiguous = verdict === 'split-brain-ambiguous';
  const survivor = sides.find(({ node }) => node === keep);
  return {
    keep,
    discard,
    loses: `${discard} loses ${lossSentence(loss)}`,
    command: isAmbiguous ? null : `tandem split-brain resolve ${resource} --discard ${discard}`,
    byHand: [
      { node: discard, command: `drbdadm secondary ${resource}` },
      { node: discard, command: `drbdadm disconnect ${resource}` },
      // Bitmaps do not tell all that differs when only old history is shared: everything is copied.
      ...(isAmbiguous ? [{ node: discard, command: `drbdadm invalidate ${resource}` }] : []),
      {
        node: discard,
        command: `drbdadm connect ${isAmbiguous ? '' : '--discard-my-data '}${resource}`,
      },
      ...(survivor?.connection === 'WFConnection'
        ? []
        : [{ node: keep, command: `drbdadm connect ${resource}` }]),
    ],
  };
}
