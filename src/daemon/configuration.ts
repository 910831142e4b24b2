/** Finds and reads the configuration files; what they mean is for src/config. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.js';
import { err, type Result } from '../base/result.js';
import type { Config } from '../config/config.js';
import { buildHeartbeatConfig } from '../config/load.js';
import type { SourceFile } from '../config/source-text.js';

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
  return buildHeartbeatConfig({
    self,
    directory: folder,
    haCf: readSource(join(folder, 'ha.cf')),
    haresources: readSource(join(folder, 'haresources')),
    authkeys: readSource(join(folder, 'authkeys')),
    existingScripts: executables(join(folder, 'resource.d')),
  });
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function readSource(path: string): SourceFile | null {
  try {
    const { mode } = statSync(path);
    return { path, text: readFileSync(path, 'utf8'), modeBits: mode & 0o777 };
  } catch {
    return null;
  }
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
