/**
 * What DRBD does on this machine now, from the best source that it has: DRBD 9 tells drbdsetup
 * alone; of an older one /proc/drbd tells most, and drbdsetup how the resources are called.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dumpAllXml, listEvents, QUERY_TIMEOUT_MS, statusJson, type DrbdCommand } from '../drbd/command.js';
import { parseDumpXml, resourceMap } from '../drbd/config-query.js';
import { namesIn, withNames } from '../drbd/model-names.js';
import { readEvents2, readProcText, readStatusJson, type DrbdReading } from '../drbd/model-text.js';
import { runCommand } from './exec.js';
import { within } from './limit.js';

/** A reading and where it is from, or why there is none. */
export type LiveDrbd =
  | {
      readonly kind: 'read';
      readonly reading: DrbdReading;
      readonly source: string;
      /** False: drbdsetup hangs, so nobody need ask it more. */
      readonly answers: boolean;
    }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The kernel's own words about DRBD (drbd_proc.c). */
export const PROC_DRBD = '/proc/drbd';
/** The kernel prints it at once; a driver that hangs has no known state. */
const READ_TIMEOUT_MS = 2_000;
/** drbdsetup answers from memory. */
const NAMES_TIMEOUT_MS = 3_000;
/** From this release on the file has a header only. */
const HEADER_ONLY_FROM = 9;

/**
 * Reads DRBD on this machine. `path`: another file in place of /proc/drbd. drbdsetup is given
 * `timeoutMs` to tell names. Never rejects.
 */
export async function readLiveDrbd(
  path: string = PROC_DRBD,
  timeoutMs = NAMES_TIMEOUT_MS,
): Promise<LiveDrbd> {
  const text = await readProcDrbd(path);
  if (!text.ok) return { kind: 'unreadable', reason: text.reason };
  const proc = readProcText(text.text);
  if (proc === null) {
    return { kind: 'unreadable', reason: `${path} was read without a version line` };
  }
  const major = Number.parseInt(proc.version ?? '', 10);
  if (major >= HEADER_ONLY_FROM && proc.model.resources.length === 0) return askDrbd9(proc.version);
  const plain = { kind: 'read', reading: proc, source: path, answers: true } as const;
  if (proc.model.resources.length === 0) return plain;
  const said = await ask({ ...listEvents(), timeoutMs });
  // Not of DRBD 8.3 and older, and not where it is not installed.
  const named = said.ok ? (readEvents2(said.text)?.model ?? null) : null;
  if (named !== null) {
    const reading = readProcText(text.text, namesIn(named)) ?? proc;
    const model = withNames(reading.model, named);
    return { ...plain, reading: { ...reading, model }, source: `${path}, names from drbdsetup` };
  }
  return said.ok || !said.isLate ? plain : namedByFiles(text.text, path, proc);
}

/** A command that hangs in the driver keeps all others out; the files can be read all the same. */
async function namedByFiles(text: string, path: string, proc: DrbdReading): Promise<LiveDrbd> {
  const said = await ask(dumpAllXml());
  const names = said.ok ? resourceMap(parseDumpXml(said.text), hostname()) : [];
  const reading = readProcText(text, names) ?? proc;
  const remarks = [...reading.remarks, HANGS];
  const source = names.length === 0 ? path : `${path}, names from the configuration files`;
  return { kind: 'read', reading: { ...reading, remarks }, source, answers: false };
}

const HANGS =
  'drbdsetup does not answer: a command hangs in the driver, most often on a disk that does not answer';

async function askDrbd9(version: string | null): Promise<LiveDrbd> {
  const command = statusJson();
  const source = command.argv.join(' ');
  const said = await ask(command);
  if (!said.ok) return { kind: 'unreadable', reason: `${source}: ${said.reason}` };
  const reading = readStatusJson(said.text);
  if (reading === null) {
    return { kind: 'unreadable', reason: `${source} printed something else than its state` };
  }
  return { kind: 'read', reading: { ...reading, version }, source, answers: true };
}

/** A text that was asked for, or why there is none. */
export type Text =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

type Answer = Text & { readonly isLate: boolean };

async function ask({ argv, timeoutMs }: DrbdCommand): Promise<Answer> {
  const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
  const isLate = result.timedOut;
  if (result.exitCode === 0) return { ok: true, text: result.stdout, isLate };
  const reason = result.startFailure ?? result.stderr.trim().split('\n')[0] ?? '';
  return { ok: false, reason: isLate ? 'it did not answer in time' : reason, isLate };
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
