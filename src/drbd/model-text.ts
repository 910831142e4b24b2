/**
 * Reads a saved text of which it is not told what printed it: /proc/drbd, `drbdsetup status
 * --json` or `drbdsetup events2`. Each begins in its own way.
 */
import type { ResourceVolume } from './facts.js';
import type { DrbdModel } from './model.js';
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
  return readProcText(text);
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
