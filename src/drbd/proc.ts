/**
 * Reads /proc/drbd of every release: 0.7, 8.0, 8.2, 8.3, 8.4, the header of 9, and the 9.3 form
 * for 8.4 devices. The grammar is one of lines: a line is classified by its first characters, and
 * a device line opens a record to which the following lines belong.
 *
 *     version: 8.4.11 (api:1/proto:86-101)                                   proc-header
 *     srcversion: 98E710E58B3041F3046305B
 *      0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----  proc-minor
 *         ns:77824 nr:0 dw:0 dr:77824 al:8 bm:0 lo:0 pe:0 ...                proc-counters
 *             [=====>..............] sync'ed: 31.3% (184276/262100)K         proc-progress
 *             finish: 0:00:04 speed: 38,912 (38,912) K/sec
 *
 * Total: any text gives a value, what is not understood is listed, and the work is linear.
 */
import { looksLikeCounters, takeCounters } from './proc-counters.js';
import {
  parseBuildLine,
  parseTransportsLine,
  parseVersionLine,
  type ProcHeader,
} from './proc-header.js';
import { excerpt, type ProcLine, type ProcWarning, type Warn } from './proc-line.js';
import {
  looksLikeMinorRest,
  parseMinorLine,
  takeBlockedLine,
  takeCacheLine,
  takeStateTokens,
  type AlikeMinors,
  type MinorDraft,
  type ProcMinor,
} from './proc-minor.js';
import { noProgress, parseProgress, type ProgressLine } from './proc-progress.js';

/** One reading of /proc/drbd. */
export interface ProcDrbd {
  /** Null when there is no version line. */
  readonly header: ProcHeader | null;
  /** In the order of the file, each minor once. */
  readonly minors: readonly ProcMinor[];
  /** The text breaks off inside a line: what its last device says may be cut. */
  readonly truncated: boolean;
  readonly warnings: readonly ProcWarning[];
  /** How many more warnings there were than the list holds. */
  readonly warningsOmitted: number;
}

/** A reading has a line or two per device; more faults than this tell nothing new. */
const WARNINGS_MAX = 100;

/** A progress line that breaks off, waiting for the line that completes it. */
interface Pending {
  readonly line: ProcLine;
}

interface Reader {
  header: ProcHeader | null;
  readonly minors: Map<number, MinorDraft>;
  current: MinorDraft | null;
  pending: Pending | null;
  readonly warnings: ProcWarning[];
  warningsOmitted: number;
  readonly warn: Warn;
  readonly alike: AlikeMinors;
}

/** Reads the text of /proc/drbd. Never throws. */
export function parseProcDrbd(text: string): ProcDrbd {
  const reader: Reader = {
    header: null,
    minors: new Map(),
    current: null,
    pending: null,
    warnings: [],
    warningsOmitted: 0,
    warn: (line, offset, message) => warnIn(reader, line, offset, message),
    alike: new Map(),
  };
  let start = 0;
  for (let number = 1; start < text.length; number += 1) {
    const end = text.indexOf('\n', start);
    const raw = end < 0 ? text.slice(start) : text.slice(start, end);
    const trimmed = raw.trim();
    if (trimmed !== '') {
      const column = raw.length - raw.trimStart().length + 1;
      takeLine(reader, { text: trimmed, number, column });
    }
    start = end < 0 ? text.length : end + 1;
  }
  dropPending(reader);
  return {
    header: reader.header,
    minors: [...reader.minors.values()],
    truncated: text !== '' && !text.endsWith('\n'),
    warnings: reader.warnings,
    warningsOmitted: reader.warningsOmitted,
  };
}

function warnIn(reader: Reader, line: ProcLine, offset: number, message: string): void {
  if (reader.warnings.length < WARNINGS_MAX) {
    reader.warnings.push({ line: line.number, column: line.column + offset, message });
  } else {
    reader.warningsOmitted += 1;
  }
}

function takeLine(reader: Reader, line: ProcLine): void {
  if (takeDeviceLine(reader, line) || takeHeaderLine(reader, line)) return;
  const { current } = reader;
  if (current === null) {
    reader.warn(line, 0, `not understood, and no device before it: ${excerpt(line.text)}`);
    return;
  }
  if (takeDetailLine(reader, current, line) || completePending(reader, current, line)) return;
  reader.warn(line, 0, `line not understood: ${excerpt(line.text)}`);
}

/** A device line always opens a new record, also when it cannot be read. */
function takeDeviceLine(reader: Reader, line: ProcLine): boolean {
  const code = line.text.charCodeAt(0);
  if (code < 48 || code > 57 || !/^\d+:/.test(line.text)) return false;
  dropPending(reader);
  const { warn } = reader;
  reader.current = parseMinorLine(line, warn, reader.alike);
  if (reader.current === null) {
    warn(line, 0, `device line not understood: ${excerpt(line.text)}`);
    return true;
  }
  const { minor } = reader.current;
  if (reader.minors.delete(minor)) warn(line, 0, `minor ${minor} is listed twice; the last counts`);
  reader.minors.set(minor, reader.current);
  return true;
}

function takeHeaderLine(reader: Reader, line: ProcLine): boolean {
  const { warn } = reader;
  if (line.text.startsWith('version:')) {
    if (reader.header !== null) warn(line, 0, 'a second version line; the first counts');
    else reader.header = parseVersionLine(line, warn);
    return true;
  }
  if (reader.current !== null || reader.header === null) return false;
  if (line.text.startsWith('Transports')) {
    reader.header = { ...reader.header, transports: parseTransportsLine(line, warn) };
    return true;
  }
  const build = parseBuildLine(line.text);
  if (build === null) return false;
  reader.header = { ...reader.header, build };
  return true;
}

/** Counters, progress and statistics of the current device. */
function takeDetailLine(reader: Reader, current: MinorDraft, line: ProcLine): boolean {
  const { warn } = reader;
  if (looksLikeCounters(line.text)) {
    takeCounters(current.counters, line, warn);
    return true;
  }
  if (takeCacheLine(current, line, warn) || takeBlockedLine(current, line.text)) return true;
  if (looksLikeMinorRest(line.text)) {
    takeStateTokens(current, line, 0, warn);
    return true;
  }
  const progress = parseProgress(line.text, reader.header?.release ?? []);
  if (progress === null) return false;
  dropPending(reader);
  addProgress(reader, current, progress, line);
  return true;
}

function addProgress(
  reader: Reader,
  current: MinorDraft,
  progress: ProgressLine,
  line: ProcLine,
): void {
  const kind = current.connection.word.startsWith('Verify') ? 'verify' : 'resync';
  current.progress = { ...(current.progress ?? noProgress(kind)), ...progress.part };
  if (!progress.complete) reader.pending = { line };
}

/** Joins a broken progress line with this one: wrapped inside a number, or at a blank. */
function completePending(reader: Reader, current: MinorDraft, line: ProcLine): boolean {
  const { pending } = reader;
  if (pending === null) return false;
  const release = reader.header?.release ?? [];
  for (const glue of ['', ' ']) {
    const joined = parseProgress(`${pending.line.text}${glue}${line.text}`, release);
    if (joined?.complete === true) {
      reader.pending = null;
      addProgress(reader, current, joined, line);
      return true;
    }
  }
  dropPending(reader);
  return false;
}

function dropPending(reader: Reader): void {
  if (reader.pending === null) return;
  const { line } = reader.pending;
  reader.pending = null;
  reader.warn(line, 0, `progress line breaks off: ${excerpt(line.text)}`);
}
