/**
 * What DRBD does on this machine now, from the best source that it has: DRBD 9 tells drbdsetup
 * alone; of an older one /proc/drbd tells most, and drbdsetup how the resources are called.
 */
import { readFile } from 'node:fs/promises';
import { listEvents, QUERY_TIMEOUT_MS, statusJson, type DrbdCommand } from '../drbd/command.js';
import type { DrbdModel } from '../drbd/model.js';
import { namesIn, withNames } from '../drbd/model-names.js';
import { readEvents2, readProcText, readStatusJson, type DrbdReading } from '../drbd/model-text.js';
import { runCommand } from './exec.js';
import { within } from './limit.js';

/** A reading and where it is from, or why there is none. */
export type LiveDrbd =
  | { readonly kind: 'read'; readonly reading: DrbdReading; readonly source: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The kernel's own words about DRBD (drbd_proc.c). */
export const PROC_DRBD = '/proc/drbd';
/** The kernel prints it at once; a driver that hangs has no known state. */
const READ_TIMEOUT_MS = 2_000;
/** From this release on the file has a header only. */
const HEADER_ONLY_FROM = 9;

/** Reads DRBD on this machine. `path`: another file in place of /proc/drbd. Never rejects. */
export async function readLiveDrbd(path: string = PROC_DRBD): Promise<LiveDrbd> {
  const text = await readProcDrbd(path);
  if (!text.ok) return { kind: 'unreadable', reason: text.reason };
  const proc = readProcText(text.text);
  if (proc === null) {
    return { kind: 'unreadable', reason: `${path} was read without a version line` };
  }
  const major = Number.parseInt(proc.version ?? '', 10);
  if (major >= HEADER_ONLY_FROM && proc.model.resources.length === 0) return askDrbd9(proc.version);
  if (proc.model.resources.length === 0) return { kind: 'read', reading: proc, source: path };
  const named = await askNames();
  if (named === null) return { kind: 'read', reading: proc, source: path };
  const reading = readProcText(text.text, namesIn(named)) ?? proc;
  return {
    kind: 'read',
    reading: { ...reading, model: withNames(reading.model, named) },
    source: `${path}, names from drbdsetup`,
  };
}

async function askDrbd9(version: string | null): Promise<LiveDrbd> {
  const command = statusJson();
  const source = command.argv.join(' ');
  const said = await ask(command);
  if (!said.ok) return { kind: 'unreadable', reason: `${source}: ${said.reason}` };
  const reading = readStatusJson(said.text);
  if (reading === null) {
    return { kind: 'unreadable', reason: `${source} printed something else than its state` };
  }
  return { kind: 'read', reading: { ...reading, version }, source };
}

/** What drbdsetup of DRBD 8.4 tells; null when it does not (8.3 and older, or not installed). */
async function askNames(): Promise<DrbdModel | null> {
  const said = await ask(listEvents());
  return said.ok ? (readEvents2(said.text)?.model ?? null) : null;
}

/** A text that was asked for, or why there is none. */
export type Text =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

async function ask({ argv, timeoutMs }: DrbdCommand): Promise<Text> {
  const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
  if (result.exitCode === 0) return { ok: true, text: result.stdout };
  const reason = result.startFailure ?? result.stderr.trim().split('\n')[0] ?? '';
  return { ok: false, reason: result.timedOut ? 'it did not answer in time' : reason };
}

/** Reads the kernel's file in one go; `path`: another file in its place. Never rejects. */
export async function readProcDrbd(path: string = PROC_DRBD): Promise<Text> {
  try {
    const text = await within(readFile(path, 'utf8'), READ_TIMEOUT_MS);
    if (text !== null) return { ok: true, text };
    return { ok: false, reason: `${path} did not answer within ${READ_TIMEOUT_MS} ms` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = `${path} does not exist: the DRBD module is not loaded`;
    return { ok: false, reason: code === 'ENOENT' ? absent : message };
  }
}
