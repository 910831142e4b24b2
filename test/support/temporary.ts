/** Folders and programs that live as long as one test, and waiting for what must come soon. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';

/** An empty folder, removed with its content when the test ends. */
export function folder(t: Pick<Test, 'teardown'>): string {
  const path = mkdtempSync(join(tmpdir(), 'tandem-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}

/** Writes an executable shell script and returns its path. */
export function script(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The text of a file, or an empty one when it is not there yet. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** True while a process of that number lives; a zombie does not. */
export function lives(pid: number): boolean {
  const stat = textOf(`/proc/${String(pid)}/stat`);
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Far longer than a loaded machine needs; a test that gets here has failed. */
const SOON_MS = 15_000;
const LOOK_EVERY_MS = 5;

/** Resolves with the first value that is not undefined or false; rejects when none comes. */
export async function soon<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const endMs = performance.now() + SOON_MS;
  while (true) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`It never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
