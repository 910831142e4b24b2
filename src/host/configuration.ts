/** Finds and reads the configuration files; what they mean is for src/config. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.js';
import { err, type Result } from '../base/result.js';
import type { Config } from '../config/config.js';
import { buildHeartbeatConfig, buildNativeConfig } from '../config/load.js';
import type { SourceFile } from '../config/source-text.js';
import { SCRIPT_DIRECTORIES } from '../resources/script.js';

/** Where the configuration is looked for when no folder is named, in this order. */
export const CONFIG_DIRECTORIES = ['/etc/tandem', '/etc/ha.d'] as const;

const NATIVE_FILE = 'cluster.yaml';
const HEARTBEAT_FILE = 'ha.cf';

/** A folder with one of them has a configuration, complete or not. */
const FORMAT_FILES = [NATIVE_FILE, HEARTBEAT_FILE, 'haresources'] as const;

/**
 * Reads the configuration of a folder, or of the first default folder that has one. A folder with
 * both formats is refused: whoever edits the one that is not read would wonder for long.
 */
export function readConfiguration(
  directory: string | null,
  self: string,
  defaults: readonly string[] = CONFIG_DIRECTORIES,
): Result<Config, readonly Diagnostic[]> {
  const folders = directory === null ? defaults : [directory];
  const folder = configurationFolder(folders);
  if (folder === null) return err([nothingFound(folders)]);
  const unreadable: Diagnostic[] = [];
  const read = (name: string): SourceFile | null => readSource(join(folder, name), unreadable);
  const clusterYaml = read(NATIVE_FILE);
  const haCf = read(HEARTBEAT_FILE);
  const common = { self, directory: folder, authkeys: read('authkeys') };
  const haresources = clusterYaml === null ? read('haresources') : null;
  if (unreadable.length > 0) return err(unreadable);
  if (clusterYaml !== null && haCf !== null) return err([bothFound(clusterYaml, haCf)]);
  if (clusterYaml !== null) return buildNativeConfig({ ...common, clusterYaml });
  const existingScripts = executables(join(folder, 'resource.d'));
  return buildHeartbeatConfig({ ...common, haCf, haresources, existingScripts });
}

/** The first of the folders that has a configuration, complete or not; null when none has. */
export function configurationFolder(folders: readonly string[]): string | null {
  const has = (path: string): boolean => FORMAT_FILES.some((name) => exists(join(path, name)));
  return folders.find(has) ?? null;
}

/** Where the scripts of a configuration are looked for: beside its files, then where all are. */
export function scriptDirectories(config: Pick<Config, 'files'>): readonly string[] {
  const folders = config.files.slice(0, 1).map((path) => join(dirname(path), 'resource.d'));
  return [...new Set([...folders, ...SCRIPT_DIRECTORIES])];
}

/** A fault of a file, or folder, as a whole. */
function fault(file: string, message: string, expected: string, cure?: string): Diagnostic {
  const error = { severity: 'error', file, line: 0, column: 0, message, expected } as const;
  return cure === undefined ? error : { ...error, cure };
}

function nothingFound(folders: readonly string[]): Diagnostic {
  return fault(
    folders.join(' or '),
    'There is no configuration',
    `${NATIVE_FILE} and authkeys, or ha.cf, haresources and authkeys`,
    'name another folder with --config',
  );
}

function bothFound(clusterYaml: SourceFile, haCf: SourceFile): Diagnostic {
  return fault(
    clusterYaml.path,
    `There are two configurations: ${clusterYaml.path} and ${haCf.path}`,
    'one of them in a folder',
    'move the one that is not in force to another folder',
  );
}

/** A file that may not be looked at exists: it must not lead to another one being read. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** Null when there is no such file; any other trouble is added to `unreadable`. */
function readSource(path: string, unreadable: Diagnostic[]): SourceFile | null {
  if (!exists(path)) return null;
  try {
    const { mode } = statSync(path);
    return { path, text: readFileSync(path, 'utf8'), modeBits: mode & 0o777 };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The file cannot be read: ${reason}`;
    unreadable.push(fault(path, message, 'a file that this user may read'));
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
