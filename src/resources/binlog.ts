/**
 * The end of a binary log of MySQL or MariaDB, read from its bytes: when the last transaction was
 * written, and its GTID. No server is asked, so no password is needed, and nothing is written.
 *
 * Format (binlog version 4, the same in both): 4 magic bytes, then events with a header of 19 bytes:
 * timestamp 4, type 1, server id 4, length 4, next position 4, flags 2; little endian.
 */

/** A binary log begins with these bytes; an encrypted one with others. */
const MAGIC = [0xfe, 0x62, 0x69, 0x6e] as const;

/** Where the first event begins. */
export const BINLOG_START = MAGIC.length;

const HEADER_BYTES = 19;

/** What is read of a GTID event beside its header. */
const GTID_BYTES = 25;

const QUERY_EVENT = 2;
const XID_EVENT = 16;
/** MySQL: flags 1, source id 16, number 8. */
const MYSQL_GTID_EVENT = 33;
/** MariaDB: sequence number 8, domain 4. */
const MARIADB_GTID_EVENT = 162;

/** The last transaction that was seen. */
export interface BinlogEnd {
  /** When it was written: seconds since the epoch. */
  readonly seconds: number | null;
  readonly gtid: string | null;
}

/** Nothing seen yet. */
export const NO_TRANSACTION: BinlogEnd = { seconds: null, gtid: null };

/** True when the bytes begin a binary log that can be read. */
export function isBinlog(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** How far a scan came: `at` is the position of the next event in the file. */
export interface BinlogScan {
  readonly at: number;
  readonly end: BinlogEnd;
}

/**
 * Goes through the events that begin in a piece of the file. `offset` is where the piece begins in
 * the file, `scan` how far the scan came before. An event that is cut is left for the next piece; a
 * length that cannot be ends the scan there (`at` stays).
 */
export function scanBinlog(piece: Uint8Array, offset: number, scan: BinlogScan): BinlogScan {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  let { at, end } = scan;
  for (;;) {
    const here = at - offset;
    if (here < 0 || here + HEADER_BYTES > piece.byteLength) return { at, end };
    const type = view.getUint8(here + 4);
    const length = view.getUint32(here + 9, true);
    if (length < HEADER_BYTES) return { at, end };
    const isGtid = type === MYSQL_GTID_EVENT || type === MARIADB_GTID_EVENT;
    if (isGtid && here + HEADER_BYTES + GTID_BYTES > piece.byteLength) return { at, end };
    end = after(end, view, here, type);
    at += length;
  }
}

function after(end: BinlogEnd, view: DataView, here: number, type: number): BinlogEnd {
  const seconds = view.getUint32(here, true);
  const body = here + HEADER_BYTES;
  switch (type) {
    case QUERY_EVENT:
    case XID_EVENT:
      return { ...end, seconds };
    case MARIADB_GTID_EVENT: {
      const sequence = view.getBigUint64(body, true);
      const domain = view.getUint32(body + 8, true);
      const server = view.getUint32(here + 5, true);
      return { seconds, gtid: `${domain}-${server}-${String(sequence)}` };
    }
    case MYSQL_GTID_EVENT: {
      const hex = Array.from({ length: 16 }, (_, index) =>
        view.getUint8(body + 1 + index).toString(16).padStart(2, '0'),
      ).join('');
      const source = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
      return { seconds, gtid: `${source}:${String(view.getBigUint64(body + 17, true))}` };
    }
    default:
      return end;
  }
}

/** The files that an index file names, in order; names of another folder are kept as they are. */
export function binlogFiles(index: string): readonly string[] {
  return index
    .split('\n')
    .map((line) => line.trim().replace(/^\.\//, ''))
    .filter((line) => line !== '');
}
