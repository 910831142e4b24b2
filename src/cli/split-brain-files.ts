/**
 * Both sides from files: `drbdadm get-gi r0 > FILE` (or show-gi) on each node, and optionally its
 * /proc/drbd, which adds the state and how much each side changed. Works with no cluster at hand.
 */
import { readFile } from 'node:fs/promises';
import { factsFromProc, type DrbdFacts } from '../drbd/facts.js';
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
  const sides = [first, second].map((one) => sideFromFiles(resource, one, proc));
  const [mine, theirs] = await Promise.all(sides);
  if (mine === undefined || theirs === undefined) throw new Error('two sides were asked for');
  return [mine, theirs];
}

async function sideFromFiles(
  resource: string,
  gi: NodeFile,
  proc: readonly NodeFile[],
): Promise<AccountInput> {
  const { generations, problems } = parseGenerations(await textOf(gi.path));
  const [problem] = problems;
  if (problem !== undefined) {
    throw new CliFailure('noInput', `${gi.path}: ${problem}; expected what "drbdadm get-gi" prints`);
  }
  const procFile = proc.find(({ node }) => node === gi.node);
  const facts = procFile === undefined ? null : await factsOf(resource, procFile, generations.length);
  return {
    evidence: evidenceOf(gi.node, generations, facts),
    began: null,
    database: { kind: 'unknown', why: 'notTold' },
    source: procFile === undefined ? gi.path : `${gi.path}, ${procFile.path}`,
  };
}

/** The minors of the file are the volumes in order, when there are as many. */
async function factsOf(resource: string, file: NodeFile, volumes: number): Promise<DrbdFacts> {
  const proc = parseProcDrbd(await textOf(file.path));
  if (proc.minors.length !== volumes) {
    const found = `${proc.minors.length} devices, but there are ${volumes} volumes`;
    throw new CliFailure('noInput', `${file.path} lists ${found}; leave the lines of others out`);
  }
  const map = proc.minors.map(({ minor }, volume) => ({ resource, volume, minor }));
  const [facts] = factsFromProc({ kind: 'read', proc }, map);
  if (facts === undefined) throw new CliFailure('noInput', `${file.path} lists no device`);
  return facts;
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
