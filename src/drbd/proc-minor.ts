import { looksLikeFlags, FROZEN_07, parseFlags, type IoFlags } from './proc-flags.js';
import { noCounters, type CountersDraft, type ProcCounters } from './proc-counters.js';
import { eachToken, excerpt, type ProcLine, type Warn } from './proc-line.js';
import type { ProcProgress } from './proc-progress.js';
import {
  connectionWord,
  diskWord,
  roleWord,
  type ConnectionWord,
  type DiskWord,
  type RoleWord,
  type Word,
} from './words.js';

/** `resync:` and `act_log:` lines: how the kernel's cache of extents does. */
export interface CacheStatistics {
  readonly used: number;
  readonly size: number;
  readonly hits: number | null;
  readonly misses: number | null;
  readonly starving: number | null;
  /** 8.4 prints `locked`, earlier releases `dirty`. */
  readonly locked: number | null;
  readonly changed: number | null;
}

/** One device (volume) as /proc/drbd shows it. Null means not printed. */
export interface ProcMinor {
  readonly minor: number;
  readonly connection: Word<ConnectionWord>;
  readonly role: Word<RoleWord> | null;
  readonly peerRole: Word<RoleWord> | null;
  readonly disk: Word<DiskWord> | null;
  /** 0.7 does not know it. */
  readonly peerDisk: Word<DiskWord> | null;
  /** Null when there is no network configuration (StandAlone). */
  readonly protocol: 'A' | 'B' | 'C' | null;
  readonly flags: IoFlags | null;
  readonly counters: ProcCounters;
  readonly progress: ProcProgress | null;
  readonly resyncCache: CacheStatistics | null;
  readonly activityLog: CacheStatistics | null;
  /** Requests waiting for the activity log; 9.x prints three numbers. */
  readonly blockedOnActivityLog: readonly number[] | null;
}

/** A minor under construction. */
export type MinorDraft = { -readonly [K in keyof ProcMinor]: ProcMinor[K] } & {
  readonly counters: CountersDraft;
};

/** Linux has 20 bits for a minor number. */
export const MINOR_MAX = 1_048_575;

const MINOR_DIGITS_MAX = 7;
const MINOR = /^(\d{1,7}):[ \t]*cs:(\S*)/;

/** What follows the minor number -> what it was read as: of a thousand devices most are alike. */
export type AlikeMinors = Map<string, ProcMinor>;

/** Reads ` 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----`, or gives null. */
export function parseMinorLine(line: ProcLine, warn: Warn, alike: AlikeMinors): MinorDraft | null {
  const colon = line.text.indexOf(':');
  const rest = line.text.slice(colon);
  const known = alike.get(rest);
  if (known !== undefined && colon <= MINOR_DIGITS_MAX) {
    const minor = Number(line.text.slice(0, colon));
    return minor > MINOR_MAX ? null : { ...known, minor, counters: noCounters() };
  }
  const faults: string[] = [];
  const draft = readMinorLine(line, (at, offset, message) => {
    faults.push(message);
    warn(at, offset, message);
  });
  if (draft !== null && faults.length === 0) alike.set(rest, { ...draft });
  return draft;
}

function readMinorLine(line: ProcLine, warn: Warn): MinorDraft | null {
  const match = MINOR.exec(line.text);
  if (match === null || Number(match[1]) > MINOR_MAX) return null;
  const [start, minor, word = ''] = match;
  const connection = connectionWord(word);
  if (!connection.known) {
    warn(line, start.length - word.length, `unknown connection state: ${excerpt(word)}`);
  }
  const draft: MinorDraft = {
    minor: Number(minor),
    connection,
    role: null,
    peerRole: null,
    disk: null,
    peerDisk: null,
    protocol: null,
    flags: null,
    counters: noCounters(),
    progress: null,
    resyncCache: null,
    activityLog: null,
    blockedOnActivityLog: null,
  };
  takeStateTokens(draft, line, start.length, warn);
  return draft;
}

/** Whether a line is the wrapped rest of a minor line. */
export function looksLikeMinorRest(text: string): boolean {
  return /^(?:ro|st|ds|ld):/.test(text) || /^(?:[ABC] +)?[rs][-a-z]{3,5}$/.test(text);
}

/** Adds what follows `cs:`: roles, disks, protocol, flags. */
export function takeStateTokens(draft: MinorDraft, line: ProcLine, from: number, warn: Warn): void {
  eachToken(line.text, from, (token, offset) => {
    switch (token.slice(0, 3)) {
      case 'ro:':
      case 'st:':
        [draft.role, draft.peerRole] = pairOf(token, offset, roleWord, line, warn);
        return;
      case 'ds:':
      case 'ld:':
        [draft.disk, draft.peerDisk] = pairOf(token, offset, diskWord, line, warn);
        return;
      default:
        takeShortToken(draft, token, offset, line, warn);
    }
  });
}

function takeShortToken(
  draft: MinorDraft,
  token: string,
  offset: number,
  line: ProcLine,
  warn: Warn,
): void {
  if (token === 'A' || token === 'B' || token === 'C') {
    draft.protocol = token;
  } else if (token === 'F') {
    draft.flags = FROZEN_07;
  } else if (looksLikeFlags(token)) {
    const { flags, strange } = parseFlags(token);
    draft.flags = flags;
    for (const at of strange) {
      warn(line, offset + at, `unknown I/O flag: ${excerpt(token.charAt(at))}`);
    }
  } else {
    warn(line, offset, `not understood in a device line: ${excerpt(token)}`);
  }
}

/** Reads `xx:LOCAL/PEER`; 0.7's `ld:LOCAL` has no peer. */
function pairOf<T extends string>(
  token: string,
  offset: number,
  look: (text: string) => Word<T>,
  line: ProcLine,
  warn: Warn,
): readonly [Word<T>, Word<T> | null] {
  const slash = token.indexOf('/', 3);
  const local = look(slash < 0 ? token.slice(3) : token.slice(3, slash));
  const peer = slash < 0 ? null : look(token.slice(slash + 1));
  if (!local.known) warn(line, offset + 3, `unknown state: ${excerpt(local.word)}`);
  if (peer?.known === false) warn(line, offset + slash + 1, `unknown state: ${excerpt(peer.word)}`);
  return [local, peer];
}

const CACHE = /^(resync|act_log): *used:(\d{1,10})\/(\d{1,10})/;

/** Reads a `resync:` or `act_log:` line into the draft; false when it is something else. */
export function takeCacheLine(draft: MinorDraft, line: ProcLine, warn: Warn): boolean {
  const match = CACHE.exec(line.text);
  if (match === null) return false;
  const numbers = new Map<string, number>();
  eachToken(line.text, match[0].length, (token, offset) => {
    const pair = /^(hits|misses|starving|dirty|locked|changed):(\d{1,15})$/.exec(token);
    if (pair === null) warn(line, offset, `not understood in a cache line: ${excerpt(token)}`);
    else numbers.set(pair[1] === 'dirty' ? 'locked' : (pair[1] ?? ''), Number(pair[2]));
  });
  const statistics: CacheStatistics = {
    used: Number(match[2]),
    size: Number(match[3]),
    hits: numbers.get('hits') ?? null,
    misses: numbers.get('misses') ?? null,
    starving: numbers.get('starving') ?? null,
    locked: numbers.get('locked') ?? null,
    changed: numbers.get('changed') ?? null,
  };
  if (match[1] === 'resync') draft.resyncCache = statistics;
  else draft.activityLog = statistics;
  return true;
}

/** Reads `blocked on activity log: 3` or `: 0/0/0`; false when it is something else. */
export function takeBlockedLine(draft: MinorDraft, text: string): boolean {
  const match = /^blocked on activity log: *(\d{1,10})(?:\/(\d{1,10})\/(\d{1,10}))?$/.exec(text);
  if (match === null) return false;
  draft.blockedOnActivityLog = match
    .slice(1)
    .flatMap((part) => ((part as string | undefined) === undefined ? [] : [Number(part)]));
  return true;
}
