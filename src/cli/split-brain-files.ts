/**
 * Sides from files: `(drbdadm get-gi r0; cat /proc/drbd) > FILE` on a node. /proc/drbd, which adds
 * the state and how much that side changed, may be missing, or a file of its own. Works with no
 * cluster at hand.
 */
import { readFile } from 'node:fs/promises';
import { factsFromProc, type DrbdFacts, type ResourceVolume } from '../drbd/facts.js';
import { parseGenerations, type Generation } from '../drbd/generation.js';
import { parseProcDrbd } from '../drbd/proc.js';
import type { SideEvidence } from '../drbd/split-brain.js';
import { CliFailure } from './cli-failure.js';
import type { AccountInput } from './split-brain-account.js';

/** `NODE=FILE`, as an option gives it. */
export interface NodeFile {
  readonly node: string;
  readonly path: string;
}

/** Reads `n1=FILE`; `option` is for the message. */
export function nodeFile(word: string, option: string): NodeFile {
  const at = word.indexOf('=');
  const [node, path] = [word.slice(0, Math.max(0, at)), word.slice(at + 1)];
  if (at <= 0 || path === '') {
    throw new CliFailure('usage', `option ${option}: "${word}" is not NODE=FILE, such as n1=gi.txt`);
  }
  return { node, path };
}

/** Both sides, in the order of the `--gi` options. */
export async function sidesFromFiles(
  resource: string,
  gi: readonly NodeFile[],
  proc: readonly NodeFile[],
): Promise<readonly [AccountInput, AccountInput]> {
  const [first, second, ...more] = gi;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new CliFailure('usage', 'give --gi twice: once for each node, as NODE=FILE');
  }
  if (first.node === second.node) {
    throw new CliFailure('usage', `both --gi are for ${first.node}; name the two nodes`);
  }
  const stranger = proc.find(({ node }) => node !== first.node && node !== second.node);
  if (stranger !== undefined) {
    throw new CliFailure('usage', `--proc is for ${stranger.node}, but no --gi is`);
  }
  const sides = [first, second].map((one) => sideFromFile({ resource, gi: one, proc, volumes: null }));
  const [mine, theirs] = await Promise.all(sides);
  if (mine === undefined || theirs === undefined) throw new Error('two sides were asked for');
  return [mine, theirs];
}

/** One side, and where to look for it. */
export interface SideFile {
  readonly resource: string;
  readonly gi: NodeFile;
  /** Files with a /proc/drbd alone. */
  readonly proc: readonly NodeFile[];
  /** What its node has of the resource, by DRBD's configuration; null when that is not known. */
  readonly volumes: readonly Omit<ResourceVolume, 'resource'>[] | null;
}

/** Reads one side. Throws a CliFailure. */
export async function sideFromFile(side: SideFile): Promise<AccountInput> {
  const { gi, proc } = side;
  const text = await textOf(gi.path);
  const { generations, problems } = parseGenerations(text);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new CliFailure('noInput', `${gi.path}: ${problem}; expected what "drbdadm get-gi" prints`);
  }
  const procFile = proc.find(({ node }) => node === gi.node);
  const procText = procFile === undefined ? text : await textOf(procFile.path);
  const facts = factsOf(side, procText, generations.length);
  if (facts === null && procFile !== undefined) throw strangeProc(procFile, procText, generations.length);
  return {
    evidence: evidenceOf(gi.node, generations, facts),
    began: null,
    database: { kind: 'unknown', why: 'notTold' },
    source: procFile === undefined ? gi.path : `${gi.path}, ${procFile.path}`,
    missing: null,
  };
}

/** By DRBD's configuration, else the minors are the volumes in order, when there are as many. */
function factsOf({ resource, volumes }: SideFile, text: string, count: number): DrbdFacts | null {
  const proc = parseProcDrbd(text);
  const known = volumes?.length === count ? volumes : null;
  const inOrder = proc.minors.length === count ? proc.minors : null;
  const found = known ?? inOrder?.map(({ minor }, volume) => ({ volume, minor })) ?? [];
  const map = found.map(({ minor, volume }) => ({ resource, volume, minor }));
  const [facts] = factsFromProc({ kind: 'read', proc }, map);
  return facts === undefined || facts.state !== 'configured' ? null : facts;
}

function strangeProc({ path }: NodeFile, text: string, count: number): CliFailure {
  const { minors } = parseProcDrbd(text);
  const found = `${minors.length} devices, but there are ${count} volumes`;
  return new CliFailure('noInput', `${path} lists ${found}; leave the lines of others out`);
}

function evidenceOf(
  node: string,
  generations: readonly Generation[],
  facts: DrbdFacts | null,
): SideEvidence {
  const isPrimary = generations.some(({ primary }) => primary);
  return {
    node,
    role: facts?.role ?? (isPrimary ? 'Primary' : 'Secondary'),
    connection: facts?.connection ?? 'Unknown',
    disk: facts?.disk ?? 'Unknown',
    volumes: generations.map((ids, volume) => ({
      volume,
      ids,
      outOfSyncBytes: facts?.volumes[volume]?.outOfSyncBytes ?? null,
    })),
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('noInput', `Cannot read ${path}: ${reason}`);
  }
}
