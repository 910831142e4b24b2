/**
 * Generation identifiers for contents whose relation is known: the lines that `drbdadm get-gi` would
 * print. A name is made of the branches of the history, so that it stays while a node writes on.
 *
 *     same        CURRENT of the branch on both sides, BITMAP 0
 *     newer       CURRENT of its own, BITMAP the other's CURRENT
 *     diverged    CURRENT of its own on both sides, BITMAP the branch that they share
 */
import { relate, type Content } from './lineage.js';

const ZERO = '0000000000000000';

/** The line for one side of a pair; an Inconsistent disk says so. */
export function generationLine(
  node: string,
  own: Content,
  other: Content,
  isConsistent: boolean,
): string {
  const shared = idOf(String(sharedBranch(own, other)));
  const alone = idOf(`${node}:${String(own.branch.name)}`);
  const [current, bitmap] = {
    same: [shared, ZERO],
    older: [shared, ZERO],
    newer: [alone, shared],
    diverged: [alone, shared],
  }[relate(own, other)] as [string, string];
  const flag = isConsistent ? '1' : '0';
  return `${current}:${bitmap}:${ZERO}:${ZERO}:${flag}:${flag}:0:0:0:0:0`;
}

/** The youngest branch that both histories go through. */
function sharedBranch(a: Content, b: Content): number {
  const names = new Set<number>();
  for (let at: Content | null = a; at !== null; at = at.branch.origin) names.add(at.branch.name);
  for (let at: Content | null = b; at !== null; at = at.branch.origin) {
    if (names.has(at.branch.name)) return at.branch.name;
  }
  return 0;
}

/** A number that looks like DRBD's: 64 bits, even, never a reserved one. FNV-1a. */
function idOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const character of text) {
    hash = ((hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n) & 0xffff_ffff_ffff_ffffn;
  }
  return (hash & ~1n).toString(16).toUpperCase().padStart(16, '0');
}
