import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = process.env['TANDEM_SAMPLES'] ?? join(process.cwd(), '..', 'shared', 'samples');

/** Real captures of /proc/drbd and drbd-utils, kept outside the repository for their licences. */
export const SAMPLES = join(ROOT, 'proc-drbd');

/** False, or the reason for skipping what needs the captures. */
export const skipWithoutSamples: string | false = existsSync(SAMPLES)
  ? false
  : `the folder of real captures is not there (${SAMPLES}); set TANDEM_SAMPLES`;

/** The files of a folder of captures, path relative to SAMPLES -> text. */
export function samplesIn(folder: string): ReadonlyMap<string, string> {
  if (skipWithoutSamples !== false) return new Map();
  const names = readdirSync(join(SAMPLES, folder)).sort();
  return new Map(names.map((name) => [`${folder}/${name}`, readSample(`${folder}/${name}`)]));
}

/** One capture. */
export function readSample(path: string): string {
  return readFileSync(join(SAMPLES, path), 'utf8');
}

/** The project's own readings. */
export const FIXTURES = join(process.cwd(), 'fixtures', 'proc-drbd');

/** One of them. */
export function readFixture(name: string): string {
  return readFileSync(join(FIXTURES, name), 'utf8');
}
