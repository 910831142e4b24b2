import { eachToken, exactInteger, excerpt, type ProcLine, type Warn } from './proc-line.js';

/** How DRBD keeps dependent writes in order on the disk. */
export type WriteOrdering = 'none' | 'drain' | 'flush' | 'barrier';

/**
 * The counters line. Null means not printed, which is not zero. The four amounts of data are
 * 32-bit sector counts halved by the kernel: they wrap at 2^31 KiB (2 TiB).
 */
export interface ProcCounters {
  readonly sentKiB: number | null;
  readonly receivedKiB: number | null;
  readonly diskWriteKiB: number | null;
  readonly diskReadKiB: number | null;
  readonly activityLogUpdates: number | null;
  readonly bitmapUpdates: number | null;
  /** Open requests to the local disk. Kernel atomics: a defect may show them negative. */
  readonly localRequests: number | null;
  /** Sent to the peer, not answered: application and resync (9.x prints `[app;resync]`). */
  readonly peerRequests: number | null;
  /** Received from the peer, not answered by this node. */
  readonly unacknowledged: number | null;
  /** Application requests not completed (9.x prints `[write;read]`). */
  readonly applicationRequests: number | null;
  readonly epochs: number | null;
  readonly writeOrdering: WriteOrdering | null;
  /** Marked in the bitmap as different from the peer. */
  readonly outOfSyncKiB: number | null;
  /** Keys that are not listed above, as printed. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Counters under construction. */
export type CountersDraft = { -readonly [K in keyof ProcCounters]: ProcCounters[K] };

/** A line without counters. */
export function noCounters(): CountersDraft {
  return {
    sentKiB: null,
    receivedKiB: null,
    diskWriteKiB: null,
    diskReadKiB: null,
    activityLogUpdates: null,
    bitmapUpdates: null,
    localRequests: null,
    peerRequests: null,
    unacknowledged: null,
    applicationRequests: null,
    epochs: null,
    writeOrdering: null,
    outOfSyncKiB: null,
    extra: NO_EXTRA,
  };
}

const NO_EXTRA: Readonly<Record<string, string>> = {};

type NumberField = Exclude<keyof ProcCounters, 'writeOrdering' | 'extra'>;

const NUMBER_FIELD = new Map<string, NumberField>([
  ['ns', 'sentKiB'],
  ['nr', 'receivedKiB'],
  ['dw', 'diskWriteKiB'],
  ['dr', 'diskReadKiB'],
  ['al', 'activityLogUpdates'],
  ['bm', 'bitmapUpdates'],
  ['lo', 'localRequests'],
  ['pe', 'peerRequests'],
  ['ua', 'unacknowledged'],
  ['ap', 'applicationRequests'],
  ['ep', 'epochs'],
  ['oos', 'outOfSyncKiB'],
]);

/** 8.x prints a letter, 9.x the number of the enumeration. */
const WRITE_ORDERING = new Map<string, WriteOrdering>([
  ...([
    ['n', 'none'],
    ['d', 'drain'],
    ['f', 'flush'],
    ['b', 'barrier'],
  ] as const),
  ...([
    ['0', 'none'],
    ['1', 'drain'],
    ['2', 'flush'],
    ['3', 'barrier'],
  ] as const),
]);

/** Whether a line begins with a counter; a terminal may have wrapped the line anywhere. */
export function looksLikeCounters(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon !== 2 && colon !== 3) return false;
  const key = text.slice(0, colon);
  return NUMBER_FIELD.has(key) || key === 'wo';
}

/** Adds the counters of a line to the draft. */
export function takeCounters(draft: CountersDraft, line: ProcLine, warn: Warn): void {
  eachToken(line.text, 0, (token, offset) => {
    const colon = token.indexOf(':');
    const key = colon < 0 ? token : token.slice(0, colon);
    const value = colon < 0 ? '' : token.slice(colon + 1);
    const field = NUMBER_FIELD.get(key);
    if (field !== undefined) {
      draft[field] = counterValue(value);
      if (draft[field] === null) warn(line, offset, `counter without a number: ${excerpt(token)}`);
    } else if (key === 'wo') {
      draft.writeOrdering = WRITE_ORDERING.get(value) ?? null;
      if (draft.writeOrdering === null) {
        warn(line, offset, `unknown write ordering: ${excerpt(token)}`);
      }
    } else {
      if (draft.extra === NO_EXTRA) draft.extra = Object.create(null) as Record<string, string>;
      (draft.extra as Record<string, string>)[key] = value;
      warn(line, offset, `unknown counter: ${excerpt(token)}`);
    }
  });
}

/** A number, or the sum of the pair `[a;b]` that DRBD 9 prints. */
function counterValue(text: string): number | null {
  if (!text.startsWith('[')) return exactInteger(text);
  const pair = /^\[(-?\d{1,15});(-?\d{1,15})\]$/.exec(text);
  return pair === null ? null : Number(pair[1]) + Number(pair[2]);
}
