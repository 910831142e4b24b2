/**
 * Generation identifiers: how DRBD itself decides whose data is newer. Each side keeps four random
 * 64-bit numbers: CURRENT names its data, BITMAP the data it had when the peer was lost, HIST1 and
 * HIST2 what came before. There are no times in them: "newer" means "descends from".
 *
 *     in sync              CURRENT equal, BITMAP 0
 *     A wrote alone        A.BITMAP = B.CURRENT          A is newer
 *     both wrote alone     A.BITMAP = B.BITMAP           split brain with a common base
 */
import { excerpt } from './proc-line.js';

/** One side's numbers. Bit 0 of each tells whether the node was Primary when it was made. */
export interface GenerationIds {
  readonly current: bigint;
  readonly bitmap: bigint;
  readonly history: readonly [bigint, bigint];
}

/** What `drbdadm get-gi` prints for one volume (v09: for one volume and one peer). */
export interface Generation extends GenerationIds {
  readonly format: 'v08' | 'v09';
  readonly consistent: boolean;
  readonly wasUpToDate: boolean;
  readonly primary: boolean;
  readonly connected: boolean;
  readonly fullSync: boolean;
  readonly peerOutdated: boolean;
  /** The node went down while Primary. */
  readonly crashedPrimary: boolean;
}

/** All lines that were understood, and those that were not. */
export interface GenerationReading {
  readonly generations: readonly Generation[];
  readonly problems: readonly string[];
}

const ID = '([0-9A-Fa-f]{16})';
const LINE = new RegExp(`^${[ID, ID, ID, ID].join(':')}:([01](?::[01]){6,11})$`);

/** One line a volume and peer, with the picture that show-gi draws around it. */
const LINES_MAX = 10_000;

/**
 * Reads `drbdadm get-gi` (or the one such line of `show-gi`). v08 has seven flags:
 * consistent, was-up-to-date, primary, connected, full-sync, peer-outdated, crashed-primary.
 * v09 has twelve: consistent, was-up-to-date, primary, crashed-primary, AL-clean, AL-disabled,
 * primary-lost-quorum, then of the peer connected, outdated, fencing, full-sync, seen.
 */
export function parseGenerations(text: string): GenerationReading {
  const generations: Generation[] = [];
  const problems: string[] = [];
  for (const raw of text.split('\n', LINES_MAX)) {
    const line = raw.trim();
    if (!/^[0-9A-Fa-f]{8,}:/.test(line)) continue;
    const generation = generationOf(line);
    if (generation === null)
      problems.push(`generation identifiers not understood: ${excerpt(line)}`);
    else generations.push(generation);
  }
  if (generations.length + problems.length === 0) problems.push('no generation identifiers found');
  return { generations, problems };
}

function generationOf(line: string): Generation | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const flags = (match[5] ?? '').split(':').map((flag) => flag === '1');
  if (flags.length !== 7 && flags.length !== 12) return null;
  const format = flags.length === 7 ? 'v08' : 'v09';
  const [connected, fullSync, peerOutdated, crashed] =
    format === 'v08' ? [3, 4, 5, 6] : [7, 10, 8, 3];
  const flag = (index: number | undefined): boolean => flags[index ?? -1] ?? false;
  return {
    format,
    ...idsOf([match[1] ?? '', match[2] ?? '', match[3] ?? '', match[4] ?? '']),
    consistent: flag(0),
    wasUpToDate: flag(1),
    primary: flag(2),
    connected: flag(connected),
    fullSync: flag(fullSync),
    peerOutdated: flag(peerOutdated),
    crashedPrimary: flag(crashed),
  };
}

/** Four hexadecimal numbers (CURRENT, BITMAP, HIST1, HIST2) as identifiers. */
export function idsOf(hex: readonly [string, string, string, string]): GenerationIds {
  const [current, bitmap, first, second] = hex.map((text) => BigInt(`0x${text}`));
  return { current: current ?? 0n, bitmap: bitmap ?? 0n, history: [first ?? 0n, second ?? 0n] };
}
