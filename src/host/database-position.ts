/**
 * How far the database of a data folder has come, from its binary log's files. Bounded: a scan reads
 * so many bytes and no more; what was not reached counts by the time of the last write to the file.
 */
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';
import type { DatabasePosition } from '../base/database-position.js';
import {
  BINLOG_START,
  binlogFiles,
  isBinlog,
  NO_TRANSACTION,
  scanBinlog,
  type BinlogEnd,
  type BinlogScan,
} from '../resources/binlog.js';

const PIECE_BYTES = 1_048_576;
/** Some 60 ms of one processor; a log is rotated at 100 MiB to 1 GiB. */
const SCAN_BYTES_MAX = 134_217_728;
/** After a restart the newest files hold no transaction yet. */
const FILES_BACK_MAX = 4;

/** A file system that is mounted elsewhere than the server's option files have it. */
export interface Elsewhere {
  /** Where the server would have it. */
  readonly from: string;
  /** Where it is. */
  readonly to: string;
}

/** Reads the position. `datadir` is where it is now. Never rejects. */
export async function databasePosition(
  datadir: string,
  elsewhere: Elsewhere | null = null,
): Promise<DatabasePosition> {
  const place = { datadir, elsewhere };
  try {
    const names = await readdir(datadir);
    const index = names.find((name) => name.endsWith('.index') && !name.includes('relay'));
    if (index === undefined) return { kind: 'unknown', why: 'noBinlog' };
    const files = binlogFiles(await readFile(join(datadir, index), 'utf8'));
    const last = files.at(-1);
    if (last === undefined) return { kind: 'unknown', why: 'noBinlog' };
    const path = inside(place, last);
    const { size, mtimeMs } = await stat(path);
    const end = await lastTransaction(place, files);
    return {
      kind: 'binlog',
      file: basename(last),
      bytes: size,
      lastEventSeconds: end.seconds ?? Math.floor(mtimeMs / 1_000),
      gtid: end.gtid,
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: 'unknown', why: code === 'ENOENT' ? 'notMounted' : 'unreadable' };
  }
}

interface Place {
  readonly datadir: string;
  readonly elsewhere: Elsewhere | null;
}

/** The index names files as the server has them: relative, or with the whole path. */
function inside({ datadir, elsewhere }: Place, name: string): string {
  if (!isAbsolute(name)) return join(datadir, name);
  if (elsewhere === null) return name;
  const within = relative(elsewhere.from, name);
  // Whatever is there now is another file than the one that is meant.
  if (within.startsWith('..')) throw new Error(`${name} is not on that file system`);
  return join(elsewhere.to, within);
}

async function lastTransaction(place: Place, files: readonly string[]): Promise<BinlogEnd> {
  for (const name of files.slice(-FILES_BACK_MAX).reverse()) {
    const end = await endOf(inside(place, name));
    if (end.seconds !== null) return end;
  }
  return NO_TRANSACTION;
}

async function endOf(path: string): Promise<BinlogEnd> {
  const file = await open(path, 'r');
  try {
    return await scanFile(file);
  } finally {
    await file.close();
  }
}

async function scanFile(file: FileHandle): Promise<BinlogEnd> {
  const piece = new Uint8Array(PIECE_BYTES);
  let scan: BinlogScan = { at: BINLOG_START, end: NO_TRANSACTION };
  let readBytes = 0;
  for (let offset = 0; readBytes < SCAN_BYTES_MAX; offset = scan.at) {
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, offset);
    if (offset === 0 && !isBinlog(piece)) return NO_TRANSACTION;
    readBytes += bytesRead;
    const next = scanBinlog(piece.subarray(0, bytesRead), offset, scan);
    if (next.at === scan.at) return scan.end;
    scan = next;
  }
  // The end was not reached: the time of the last write is nearer than a transaction of long ago.
  return NO_TRANSACTION;
}
