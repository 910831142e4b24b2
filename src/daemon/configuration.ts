/** Finds and reads the configuration files; what they mean is for src/config. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.js';
import { err, ok, type Result } from '../base/result.js';
import type { Config } from '../config/config.js';
import { buildHeartbeatConfig } from '../config/load.js';
import type { SourceFile } from '../config/source-text.js';
import { SCRIPT_DIRECTORIES } from '../resources/script.js';

/** Where the configuration is looked for when no folder is named, in this order. */
export const CONFIG_DIRECTORIES = ['/etc/tandem', '/etc/ha.d'] as const;

/** Reads the configuration of a folder, or of the first default folder that has one. */
export function readConfiguration(
  directory: string | null,
  self: string,
): Result<Config, readonly Diagnostic[]> {
  const folder = directory ?? CONFIG_DIRECTORIES.find((path) => exists(join(path, 'ha.cf')));
  if (folder === undefined) {
    return err([
      {
        severity: 'error',
        file: CONFIG_DIRECTORIES.join(' or '),
        line: 0,
        column: 0,
        message: 'there is no configuration',
        expected: 'ha.cf, haresources and authkeys in one of these folders',
        cure: 'name another folder with --config',
      },
    ]);
  }
  const haCf = readSource(join(folder, 'ha.cf'));
  const haresources = readSource(join(folder, 'haresources'));
  const authkeys = readSource(join(folder, 'authkeys'));
  const unreadable = [haCf, haresources, authkeys].flatMap((read) => (read.ok ? [] : [read.error]));
  if (!haCf.ok || !haresources.ok || !authkeys.ok) return err(unreadable);
  return buildHeartbeatConfig({
    self,
    directory: folder,
    haCf: haCf.value,
    haresources: haresources.value,
    authkeys: authkeys.value,
    existingScripts: executables(join(folder, 'resource.d')),
  });
}

/** Where the scripts of a configuration are looked for: beside its files, then where all are. */
export function scriptDirectories(config: Pick<Config, 'files'>): readonly string[] {
  const folders = config.files.slice(0, 1).map((path) => join(dirname(path), 'resource.d'));
  return [...new Set([...folders, ...SCRIPT_DIRECTORIES])];
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Null when there is no such file; one that is there and cannot be read is a fault of its own. */
function readSource(path: string): Result<SourceFile | null, Diagnostic> {
  try {
    const { mode } = statSync(path);
    return ok({ path, text: readFileSync(path, 'utf8'), modeBits: mode & 0o777 });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ok(null);
    const reason = error instanceof Error ? error.message : String(error);
    return err({
      severity: 'error',
      file: path,
      line: 0,
      column: 0,
      message: `The file cannot be read: ${reason}`,
      expected: 'a file that this user may read',
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function executables(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => {
      const info = statSync(join(directory, name), { throwIfNoEntry: false });
      return info?.isFile() === true && (info.mode & 0o111) !== 0;
    });
  } catch {
    return [];
  }
}
