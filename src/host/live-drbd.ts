/** What DRBD does on this machine now, from the best source that it has. */
import { readFile } from 'node:fs/promises';
import { readProcText, type DrbdReading } from '../drbd/model-text.js';
import { within } from './limit.js';

/** A reading and where it is from, or why there is none. */
export type LiveDrbd =
  | { readonly kind: 'read'; readonly reading: DrbdReading; readonly source: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The kernel's own words about DRBD (drbd_proc.c). */
export const PROC_DRBD = '/proc/drbd';
/** The kernel prints it at once; a driver that hangs has no known state. */
const READ_TIMEOUT_MS = 2_000;

/** Reads DRBD on this machine. Never rejects. */
export async function readLiveDrbd(): Promise<LiveDrbd> {
  const text = await readProcDrbd();
  if (!text.ok) return { kind: 'unreadable', reason: text.reason };
  const reading = readProcText(text.text);
  if (reading === null) {
    return { kind: 'unreadable', reason: `${PROC_DRBD} was read without a version line` };
  }
  return { kind: 'read', reading, source: PROC_DRBD };
}

type ProcText =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

async function readProcDrbd(): Promise<ProcText> {
  try {
    const text = await within(readFile(PROC_DRBD, 'utf8'), READ_TIMEOUT_MS);
    if (text !== null) return { ok: true, text };
    return { ok: false, reason: `${PROC_DRBD} did not answer within ${READ_TIMEOUT_MS} ms` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = `${PROC_DRBD} does not exist: the DRBD module is not loaded`;
    return { ok: false, reason: code === 'ENOENT' ? absent : message };
  }
}
