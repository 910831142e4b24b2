/**
 * What survives a restart: one small JSON file, replaced whole. The generation is made durable
 * before the first word is spoken, because a node that repeats an old generation is taken for a
 * replay; the rest is written behind, so that a disk that hangs does not stop the heartbeat. While
 * it hangs only the newest facts wait for it.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { err, ok, type Result } from '../base/result.js';
import { NOTHING_SAVED, type SavedFacts } from '../failover/state.js';
import { within } from '../host/limit.js';

const SCHEMA = z.object({
  generation: z.int().min(0),
  peers: z.record(z.string(), z.int().min(0)),
  epochs: z.record(z.string(), z.int().min(0)),
  orders: z.array(
    z.object({ key: z.string(), value: z.string(), version: z.int(), origin: z.string() }),
  ),
  behind: z.record(z.string(), z.string()).default({}),
  ahead: z.array(z.string()).default([]),
  behindSince: z.record(z.string(), z.number()).default({}),
  fenceRecords: z
    .record(
      z.string(),
      z.object({
        testedWallMs: z.number().nullable(),
        shotWallMs: z.number().nullable(),
        fault: z.object({ wallMs: z.number(), reason: z.string() }).nullable(),
      }),
    )
    .default({}),
});

interface Save {
  readonly facts: SavedFacts;
  readonly onFailure: (sentence: string) => void;
}

/** A sound disk takes milliseconds; who leaves does not wait for another. */
const SETTLE_MS = 2_000;

/** The state file of one node. */
export class StateFile {
  readonly path: string;
  #writing: Promise<void> | null = null;
  #waiting: Save | null = null;

  constructor(directory: string) {
    this.path = join(directory, 'state.json');
  }

  /**
   * Reads what was saved and takes the next generation, durably. A missing file is a first start.
   * `wallSeconds` lifts a generation that was lost with its file above the one that peers remember.
   * The error is a sentence: an unreadable file is never silently replaced.
   */
  begin(wallSeconds: number): Result<{ readonly saved: SavedFacts; readonly generation: number }, string> {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o750 });
      const saved = this.#read();
      if (typeof saved === 'string') return err(saved);
      const generation = Math.max(saved.generation + 1, wallSeconds);
      this.#replaceNow({ ...saved, generation });
      return ok({ saved, generation });
    } catch (error) {
      return err(`${this.path} cannot be used: ${messageOf(error)}`);
    }
  }

  #read(): SavedFacts | string {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NOTHING_SAVED;
      throw error;
    }
    try {
      return SCHEMA.parse(JSON.parse(text));
    } catch {
      return (
        `${this.path} is damaged; move it away to start with an empty state ` +
        '(generation, standby and what was heard of the peers are forgotten)'
      );
    }
  }

  #replaceNow(facts: SavedFacts): void {
    const temporary = `${this.path}.new`;
    const file = openSync(temporary, 'w', 0o640);
    try {
      writeFileSync(file, JSON.stringify(facts));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
    const directory = openSync(dirname(this.path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }

  /** Replaces the file behind the caller's back; of several calls in a row the last one counts. */
  save(facts: SavedFacts, onFailure: (sentence: string) => void): void {
    this.#waiting = { facts, onFailure };
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#waiting; next !== null; next = this.#waiting) {
      this.#waiting = null;
      try {
        await this.#replace(next.facts);
      } catch (error) {
        next.onFailure(`${this.path} cannot be written: ${messageOf(error)}`);
      }
    }
    this.#writing = null;
  }

  async #replace(facts: SavedFacts): Promise<void> {
    const temporary = `${this.path}.new`;
    await durably(temporary, 'w', (file) => file.writeFile(JSON.stringify(facts)));
    await rename(temporary, this.path);
    await durably(dirname(this.path), 'r', () => Promise.resolve());
  }

  /** Writes beside the file, durably: comes back, well or badly, only if the disk answers. */
  async proveDisk(): Promise<void> {
    const text = `${String(performance.now())}\n`;
    await durably(join(dirname(this.path), 'disk-answers'), 'w', (file) => file.writeFile(text));
  }

  /** Waits for what is being written, but not for a disk that hangs. */
  async settled(): Promise<void> {
    if (this.#writing !== null) await within(this.#writing, SETTLE_MS);
  }
}

async function durably(
  path: string,
  flags: 'w' | 'r',
  change: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o640);
  try {
    await change(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
