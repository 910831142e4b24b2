/**
 * The history of one node on disk: a JSON line for the begin and for the end of each operation, so
 * that the account of a failover outlives the daemon that carried it out. The last line of an
 * operation is what is known of it. Appended behind; the file is short, and made short again.
 */
import { readFileSync } from 'node:fs';
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { HistoryEntry } from '../base/control.js';
import { within } from './limit.js';

/** Operations that are kept: some years of a calm cluster, a week of a bad one. */
const ENTRIES_MAX = 200;
/** Lines that are appended before the file is written anew with what is kept. */
const APPENDS_MAX = 400;
/** Who leaves does not wait longer for a disk. */
const SETTLE_MS = 2_000;

const OUTCOME = z.enum(['running', 'done', 'failed']);
const ENTRY = z.object({
  id: z.string(),
  group: z.string(),
  node: z.string(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  outcome: OUTCOME,
  trigger: z.string(),
  phases: z.array(
    z.object({
      name: z.string(),
      startedAtMs: z.number(),
      durationMs: z.number().nullable(),
      outcome: OUTCOME,
    }),
  ),
  account: z.array(z.object({ atMs: z.number(), sentence: z.string() })),
});

const BROKEN_OFF = 'tandemd ended before this was over';

/** What a text that was read says, and which of its lines say nothing. */
interface Read {
  readonly entries: readonly HistoryEntry[];
  readonly faultyLines: readonly number[];
}

/** The history file of one state folder. */
export class HistoryFile {
  readonly path: string;
  /** What earlier daemons did, oldest first; what had not ended is told as broken off. */
  readonly past: readonly HistoryEntry[];
  readonly #warn: (sentence: string) => void;
  readonly #kept = new Map<string, HistoryEntry>();
  readonly #waiting: HistoryEntry[] = [];
  #appended = APPENDS_MAX;
  #writing: Promise<void> | null = null;

  /** Reads what is there. A file that cannot be read, or lines of it, are told to `warn`. */
  constructor(directory: string, warn: (sentence: string) => void) {
    this.path = join(directory, 'history.jsonl');
    this.#warn = warn;
    for (const entry of this.#read()) this.#keep(entry);
    this.past = [...this.#kept.values()].map(asPast);
  }

  /** The number behind which the ids of this run begin, so that no id is used twice. */
  get highestNumber(): number {
    const numbers = this.past.map(({ id }) => Number(/-(\d+)$/.exec(id)?.[1] ?? 0));
    return Math.max(0, ...numbers);
  }

  /** Keeps an operation that has begun or ended; of one id the last word counts. */
  record(entry: HistoryEntry): void {
    this.#keep(entry);
    this.#waiting.push(entry);
    this.#writing ??= this.#writeAll();
  }

  /** Waits for what is being written, but not for a disk that hangs. */
  async settled(): Promise<void> {
    if (this.#writing !== null) await within(this.#writing, SETTLE_MS);
  }

  #read(): readonly HistoryEntry[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      const isNew = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isNew) this.#warn(`${this.path} cannot be read: ${messageOf(error)}`);
      return [];
    }
    const { entries, faultyLines } = readLines(text);
    const [first] = faultyLines;
    if (first !== undefined) {
      const count = String(faultyLines.length);
      this.#warn(`${this.path}:${String(first)}: no entry of a history; left out (${count} such lines)`);
    }
    return entries;
  }

  #keep(entry: HistoryEntry): void {
    this.#kept.delete(entry.id);
    this.#kept.set(entry.id, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > ENTRIES_MAX && oldest !== undefined) this.#kept.delete(oldest);
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.splice(0);
      try {
        await this.#write(entries);
      } catch (error) {
        this.#warn(`${this.path} cannot be written: ${messageOf(error)}`);
      }
    }
    this.#writing = null;
  }

  /** The first write of a run makes the file anew: it ends whatever line was broken off. */
  async #write(entries: readonly HistoryEntry[]): Promise<void> {
    if (this.#appended + entries.length <= APPENDS_MAX) {
      this.#appended += entries.length;
      await appendFile(this.path, linesOf(entries), { mode: 0o640 });
      return;
    }
    const temporary = `${this.path}.new`;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o750 });
    await writeFile(temporary, linesOf([...this.#kept.values()]), { mode: 0o640 });
    await rename(temporary, this.path);
    this.#appended = 0;
  }
}

function readLines(text: string): Read {
  const lines = text.split('\n');
  const entries: HistoryEntry[] = [];
  const faultyLines: number[] = [];
  for (const [at, line] of lines.entries()) {
    const entry = line === '' ? null : entryOf(line);
    if (entry !== null) entries.push(entry);
    // The power may have failed in the middle of the last line.
    else if (line !== '' && at < lines.length - 1) faultyLines.push(at + 1);
  }
  return { entries, faultyLines };
}

function linesOf(entries: readonly HistoryEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

function asPast(entry: HistoryEntry): HistoryEntry {
  if (entry.outcome !== 'running') return entry;
  const last = entry.account.at(-1)?.atMs ?? 0;
  const account = [...entry.account, { atMs: last, sentence: BROKEN_OFF }];
  return { ...entry, outcome: 'failed', account };
}

/** A line of this program, or null: somebody may have edited the file. */
function entryOf(line: string): HistoryEntry | null {
  try {
    return ENTRY.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
