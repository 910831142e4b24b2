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

/** The line as 8.3 and 8.4 print it, in one look; the 15 digits are exact. */
const USUAL = new RegExp(
  ['ns', 'nr', 'dw', 'dr', 'al', 'bm', 'lo', 'pe', 'ua', 'ap', 'ep']
    .map((key) => String.raw`${key}:(-?\d{1,15}) `)
    .join('') + String.raw`wo:([ndfb]) oos:(\d{1,15})`,
  'y',
);

function takeUsualLine(draft: CountersDraft, text: string): boolean {
  USUAL.lastIndex = 0;
  const match = USUAL.exec(text);
  if (match === null || USUAL.lastIndex !== text.length) return false;
  draft.sentKiB = Number(match[1]);
  draft.receivedKiB = Number(match[2]);
  draft.diskWriteKiB = Number(match[3]);
  draft.diskReadKiB = Number(match[4]);
  draft.activityLogUpdates = Number(match[5]);
  draft.bitmapUpdates = Number(match[6]);
  draft.localRequests = Number(match[7]);
  draft.peerRequests = Number(match[8]);
  draft.unacknowledged = Number(match[9]);
  draft.applicationRequests = Number(match[10]);
  draft.epochs = Number(match[11]);
  draft.writeOrdering = WRITE_ORDERING.get(match[12] ?? '') ?? null;
  draft.outOfSyncKiB = Number(match[13]);
  return true;
}

/** Adds the counters of a line to the draft. */
export function takeCounters(draft: CountersDraft, line: ProcLine, warn: Warn): void {
  if (takeUsualLine(draft, line.text)) return;
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
