/**
 * Remembers over restarts when a resource was seen to go its own way: a small file beside the state.
 * Only evidence for people: a file that cannot be read or written costs a date, nothing else.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { SideWitness, WitnessNote } from './side-watch.js';

const SCHEMA = z.record(
  z.string(),
  z.object({
    aloneSeconds: z.number().nullable(),
    current: z.string().nullable(),
    began: z
      .object({ seconds: z.number(), source: z.enum(['kernel', 'tandem']) })
      .nullable(),
  }),
);

/** The witness of one node. */
export class WitnessFile implements SideWitness {
  readonly #path: string;
  readonly #notes: Map<string, WitnessNote>;
  #writing: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.#path = join(directory, 'witness.json');
    this.#notes = new Map(Object.entries(readNotes(this.#path)));
  }

  get(resource: string): WitnessNote | undefined {
    return this.#notes.get(resource);
  }

  set(resource: string, note: WitnessNote | null): void {
    if (note === null) this.#notes.delete(resource);
    else this.#notes.set(resource, note);
    const text = JSON.stringify(Object.fromEntries(this.#notes));
    this.#writing = this.#writing.then(() => this.#write(text)).catch(() => undefined);
  }

  async #write(text: string): Promise<void> {
    const temporary = `${this.#path}.new`;
    await writeFile(temporary, text, { mode: 0o640 });
    await rename(temporary, this.#path);
  }

  /** Resolves when what was noted is written, or has failed to be. */
  async settled(): Promise<void> {
    await this.#writing;
  }
}

function readNotes(path: string): Readonly<Record<string, WitnessNote>> {
  try {
    return SCHEMA.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}
