/**
 * Who laid something on the cluster, why, and until when, as one word of a register:
 * `kim;1795223335;swap+the+disk`, readable in a dump.
 */
import { formatWallTime } from '../base/wall-time.js';

/** What comes with everything that stays until it is lifted. */
export interface Owner {
  readonly by: string;
  readonly reason: string | null;
  /** Milliseconds since 1970; null: until it is lifted. */
  readonly untilWallMs: number | null;
}

/** As the words of a register, parted by `;`. */
export function encodeOwner({ by, reason, untilWallMs }: Owner): string {
  const until = untilWallMs === null ? '' : String(Math.round(untilWallMs / 1_000));
  return [escaped(by), until, escaped(reason ?? '')].join(';');
}

function escaped(text: string): string {
  return text.replace(/[%+;\n\r]/g, (char) => `%${hex2(char)}`).replace(/ /g, '+');
}

function hex2(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16).padStart(2, '0');
}

function unescaped(text: string): string {
  return text
    .replace(/\+/g, ' ')
    .replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

/** Total: what cannot be read has no end. */
export function decodeOwner(words: string): Owner {
  const [by = '', until = '', reason = ''] = words.split(';').map(unescaped);
  const untilWallMs = /^\d{1,12}$/.test(until) ? Number(until) * 1_000 : null;
  return { by, reason: reason === '' ? null : reason, untilWallMs };
}

/** `by kim: swap the disk (until 2026-11-21T09:00:00Z)`. */
export function ownerWords({ by, reason, untilWallMs }: Owner): string {
  const until = untilWallMs === null ? 'no end set' : `until ${formatWallTime(untilWallMs)}`;
  return `by ${by}: ${reason ?? 'no reason given'} (${until})`;
}
