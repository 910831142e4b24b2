/**
 * How far a database has come, told by one side of a split brain to the other: the end of its
 * binary log. As a text it has no blanks, so that it fits into a field of a report:
 *
 *     binlog.000004:18332:1763709184:0-1-345     file, bytes, last event, GTID (may be missing)
 *     -notMounted                                not known, and why
 */

/** The end of a binary log, or why it is not known. */
export type DatabasePosition =
  | {
      readonly kind: 'binlog';
      readonly file: string;
      readonly bytes: number;
      /** When the last event was written, seconds since the epoch by that server's clock. */
      readonly lastEventSeconds: number | null;
      /** The last transaction in the log. */
      readonly gtid: string | null;
    }
  | { readonly kind: 'unknown'; readonly why: PositionGap };

/** Why a position is not known. */
export type PositionGap =
  | 'noDatabase'
  | 'noConfiguration'
  | 'notMounted' | 'noBinlog' | 'unreadable' | 'notTold';

/** What each gap means, to follow "unknown, because". */
export const POSITION_GAP: Readonly<Record<PositionGap, string>> = {
  noDatabase: 'its group has no mysql resource',
  noConfiguration: 'Tandem has no configuration there that says where the database lies',
  notMounted: 'its file system is not mounted there, and mounting it would change it',
  noBinlog: 'the server writes no binary log (log_bin is off)',
  unreadable: 'its binary log could not be read',
  notTold: 'that side has not told',
};

const GAPS = Object.keys(POSITION_GAP) as readonly PositionGap[];

/** Longer names are not of a binary log; longer sets of GTIDs do not fit a slow link. */
const PART_CHARS_MAX = 128;

/** Writes it as one word. */
export function encodePosition(position: DatabasePosition): string {
  if (position.kind === 'unknown') return `-${position.why}`;
  const { file, bytes, lastEventSeconds, gtid } = position;
  const isSafe = /^[A-Za-z0-9._-]{1,128}$/.test(file);
  if (!isSafe) return '-unreadable';
  const seconds = lastEventSeconds === null ? '' : String(lastEventSeconds);
  const last = gtid !== null && /^[A-Za-z0-9:,-]{1,128}$/.test(gtid) ? gtid : '';
  return `${file}:${bytes}:${seconds}:${last}`;
}

/** Reads such a word; what cannot be read is `notTold`. */
export function decodePosition(word: string): DatabasePosition {
  const gap = GAPS.find((known) => word === `-${known}`);
  if (gap !== undefined) return { kind: 'unknown', why: gap };
  const [file = '', bytes = '', seconds = '', ...gtid] = word.split(':');
  if (!/^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(file) || !/^\d{1,15}$/.test(bytes)) {
    return { kind: 'unknown', why: 'notTold' };
  }
  const last = gtid.join(':').slice(0, PART_CHARS_MAX);
  return {
    kind: 'binlog',
    file: file.slice(0, PART_CHARS_MAX),
    bytes: Number(bytes),
    lastEventSeconds: /^\d{1,12}$/.test(seconds) ? Number(seconds) : null,
    gtid: last === '' ? null : last,
  };
}
