/**
 * Where the database of a DRBD resource lies, by Tandem's configuration and the server's own option
 * files: for commands that work without the daemon.
 */
import { accessSync, constants } from 'node:fs';
import type { PositionGap } from '../base/database-position.js';
import { mysqlDiscovery, mysqlSettings } from '../resources/mysql-settings.js';
import type { Readings } from '../resources/plan.js';
import { PROGRAM_CANDIDATES } from '../resources/programs.js';
import type { FilesystemSpec, GroupSpec, MysqlSpec } from '../resources/spec.js';
import { runCommand } from './exec.js';

/** A data folder, and the file system that it is on. */
export interface DatabasePlace {
  readonly kind: 'place';
  readonly datadir: string;
  /** Null when the group mounts nothing above the data folder. */
  readonly mount: FilesystemSpec | null;
}

/** Finds the place; the gap says why there is none. Never rejects. */
export async function databasePlace(
  groups: readonly GroupSpec[],
  resource: string,
): Promise<DatabasePlace | { readonly kind: 'gap'; readonly why: PositionGap }> {
  const group = groups.find(({ resources }) =>
    resources.some((one) => one.kind === 'drbd' && one.resource === resource),
  );
  const mysql = group?.resources.find((one) => one.kind === 'mysql');
  if (group === undefined || mysql === undefined) return { kind: 'gap', why: 'noDatabase' };
  const datadir = await datadirOf(mysql);
  if (datadir === null) return { kind: 'gap', why: 'unreadable' };
  const above = group.resources
    .filter((one) => one.kind === 'filesystem')
    .filter(({ directory }) => datadir === directory || datadir.startsWith(`${directory}/`));
  const [mount = null] = above.toSorted((a, b) => b.directory.length - a.directory.length);
  return { kind: 'place', datadir, mount };
}

/** By the specification, else by what the server's own program prints of its option files. */
async function datadirOf(mysql: MysqlSpec): Promise<string | null> {
  const programs = Object.fromEntries(
    Object.entries(PROGRAM_CANDIDATES).map(([name, paths]) => [name, paths.find(isExecutable)]),
  );
  const discovered: Record<string, Readings[string]> = {};
  for (const { name, argv, timeoutMs } of mysqlDiscovery(mysql, { programs })) {
    const { exitCode, stdout, stderr } = await runCommand({ argv, timeoutMs });
    discovered[name] = { kind: 'exit', exitCode, stdout, stderr };
  }
  return mysqlSettings(mysql, { discovered, isRoot: true })?.datadir ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
