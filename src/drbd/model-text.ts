/**
 * Reads a saved text of which it is not told what printed it: /proc/drbd, `drbdsetup status
 * --json` or `drbdsetup events2`. Each begins in its own way.
 */
import { parseEvents2Line } from './events2.js';
import type { ResourceVolume } from './facts.js';
import type { DrbdModel } from './model.js';
import { EMPTY_FOLD, foldEvents2, modelFromFold } from './model-events.js';
import { modelFromJson } from './model-json.js';
import { modelFromProc } from './model-proc.js';
import { parseProcDrbd } from './proc.js';

/** Which program or file printed the text. */
export type DrbdFormat = 'proc' | 'status-json' | 'events2';

/** A text that was understood, wholly or in part. */
export interface DrbdReading {
  readonly format: DrbdFormat;
  /** Of the module: `8.4.11`; null where the text does not tell. */
  readonly version: string | null;
  readonly model: DrbdModel;
  /** Why the model may lack something, as sentences: a header only, a text that breaks off. */
  readonly remarks: readonly string[];
}

/** Reads the text; null when nothing of DRBD is in it. Never throws. */
export function readDrbdText(text: string): DrbdReading | null {
  if (/^\s*\[/.test(text)) return readStatusJson(text);
  return readEvents2(text) ?? readProcText(text);
}

/** Reads `drbdsetup status --json`; null when it is no list of resources. */
export function readStatusJson(text: string): DrbdReading | null {
  const model = modelFromJson(text);
  const empty = model.resources.length === 0;
  if (empty && model.problems.length > 0) return null;
  return { format: 'status-json', version: null, model, remarks: [] };
}

/** Lines before the first event that are no events: a prompt, a warning of drbdsetup. */
const FOREIGN_LINES_MAX = 5;

/** Reads `drbdsetup events2`; null when its first lines are something else. */
export function readEvents2(text: string): DrbdReading | null {
  const lines = text.split('\n');
  const first = lines.slice(0, FOREIGN_LINES_MAX).map(parseEvents2Line);
  if (!first.some(({ kind }) => kind === 'event' || kind === 'snapshotEnd')) return null;
  const complete = lines.slice(0, -1);
  const fold = foldEvents2(EMPTY_FOLD, complete);
  return {
    format: 'events2',
    version: null,
    model: modelFromFold(fold),
    remarks: [
      ...(lines.at(-1) === '' ? [] : ['the text breaks off inside its last line']),
      ...(fold.complete ? [] : ['the dump is not complete: it has no line "exists -"']),
      ...(fold.lost ? ['messages were lost on the way: what is shown may be out of date'] : []),
    ],
  };
}

/** Reads a text of /proc/drbd; null when it has neither a version nor a device. */
export function readProcText(
  text: string,
  names: readonly ResourceVolume[] = [],
): DrbdReading | null {
  const proc = parseProcDrbd(text);
  if (proc.header === null && proc.minors.length === 0) return null;
  const headerOnly = (proc.header?.release[0] ?? 0) >= 9 && proc.minors.length === 0;
  return {
    format: 'proc',
    version: proc.header?.version ?? null,
    model: modelFromProc(proc, names),
    remarks: [
      ...(headerOnly ? ['DRBD 9 does not list its devices in /proc/drbd; ask drbdsetup'] : []),
      ...(proc.truncated ? ['the text breaks off inside its last line'] : []),
    ],
  };
}
