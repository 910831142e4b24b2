/**
 * Reads `drbdsetup events2`, one line at a time.
 *
 *     [TIME ]ACTION OBJECT key:value key:value ...
 *     exists resource name:r0 role:Secondary suspended:no
 *     exists -                                             the first dump is complete
 *     - skipped 3                                          messages were lost: start again
 *
 * Values may contain colons (addresses), never blanks. With --diff a value is `old->new`.
 */
import { excerpt } from './proc-line.js';

/** The actions. */
export const EVENT_ACTIONS = [
  'exists',
  'create',
  'change',
  'destroy',
  'call',
  'response',
  'rename',
] as const;

/** What an event is about. */
export const EVENT_OBJECTS = [
  'resource',
  'device',
  'connection',
  'peer-device',
  'path',
  'helper',
] as const;

/** One line. */
export type Events2Line =
  | {
      readonly kind: 'event';
      /** RFC 3339 with microseconds, with --timestamps only. */
      readonly timestamp: string | null;
      readonly action: (typeof EVENT_ACTIONS)[number];
      readonly object: (typeof EVENT_OBJECTS)[number];
      /** The new values, as printed. Keys differ between releases. */
      readonly values: ReadonlyMap<string, string>;
      /** The old values, with --diff only. */
      readonly previous: ReadonlyMap<string, string>;
      /** Tokens without a colon: none in any known release. */
      readonly strange: readonly string[];
    }
  | { readonly kind: 'snapshotEnd'; readonly timestamp: string | null }
  /** The model is out of date: read everything anew. */
  | { readonly kind: 'lost'; readonly messages: number }
  | { readonly kind: 'blank' }
  | { readonly kind: 'unknown'; readonly reason: string };

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T[\d:.]{8,15}(?:[+-]\d{2}:\d{2}|Z)$/;

/** SGR sequences of --color. */
// eslint-disable-next-line no-control-regex
const COLOUR = /\x1b\[[\d;]{0,12}m/g;

/** Reads one line. Never throws. */
export function parseEvents2Line(line: string): Events2Line {
  const tokens = line
    .replace(COLOUR, '')
    .split(/[ \t\r]+/)
    .filter((token) => token !== '');
  if (tokens.length === 0) return { kind: 'blank' };
  const stamped = TIMESTAMP.test(tokens[0] ?? '');
  const timestamp = stamped ? (tokens[0] ?? null) : null;
  const [action = '', object = '', ...pairs] = stamped ? tokens.slice(1) : tokens;
  if (action === '-' && object === 'skipped') {
    return { kind: 'lost', messages: Number(/^\d{1,9}$/.exec(pairs[0] ?? '')?.[0] ?? 1) };
  }
  if (action === 'exists' && object === '-') return { kind: 'snapshotEnd', timestamp };
  if (!isOneOf(EVENT_ACTIONS, action) || !isOneOf(EVENT_OBJECTS, object)) {
    return { kind: 'unknown', reason: `not an event: ${excerpt(line)}` };
  }
  return { kind: 'event', timestamp, action, object, ...valuesOf(pairs) };
}

function isOneOf<T extends string>(words: readonly T[], word: string): word is T {
  return (words as readonly string[]).includes(word);
}

function valuesOf(pairs: readonly string[]): {
  readonly values: ReadonlyMap<string, string>;
  readonly previous: ReadonlyMap<string, string>;
  readonly strange: readonly string[];
} {
  const values = new Map<string, string>();
  const previous = new Map<string, string>();
  const strange: string[] = [];
  for (const pair of pairs) {
    const colon = pair.indexOf(':');
    if (colon <= 0) {
      strange.push(pair);
      continue;
    }
    const key = pair.slice(0, colon);
    const value = pair.slice(colon + 1);
    const arrow = value.indexOf('->');
    if (arrow >= 0) previous.set(key, value.slice(0, arrow));
    values.set(key, arrow < 0 ? value : value.slice(arrow + 2));
  }
  return { values, previous, strange };
}
