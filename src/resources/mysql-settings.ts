/**
 * How a MySQL or MariaDB server will run: what the specification says, else its option files, else
 * the defaults. What no option file says is passed on as an argument, so that the plan and the
 * server never disagree about a path.
 */
import { NO_MYSQL_OPTIONS, parsePrintedDefaults, type MysqlOptions } from './mysql-options.js';
import type { CommandProbe, PlanContext } from './plan.js';
import { programPath } from './programs.js';
import type { MysqlSpec } from './spec.js';

const DISCOVERY_TIMEOUT_MS = 5_000;
/** What Debian and Red Hat compile in; used, and passed on, where no option file says otherwise. */
const DEFAULT_DATADIR = '/var/lib/mysql';
const DEFAULT_SOCKET = '/run/mysqld/mysqld.sock';
const DEFAULT_USER = 'mysql';

/** How the server will run: the specification, else its option files, else the defaults. */
export interface MysqlSettings {
  readonly datadir: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly user: string;
  readonly logError: string | null;
  /** Arguments that say what no option file says. */
  readonly args: readonly string[];
}

/**
 * Asks the server's own program what its option files say. MySQL's my_print_defaults has no
 * `--mysqld`, which MariaDB's needs to find its versioned groups; there the groups are named.
 */
export function mysqlDiscovery(
  spec: MysqlSpec,
  context: Pick<PlanContext, 'programs'>,
): readonly CommandProbe[] {
  const groups =
    context.programs['mariadbd'] === undefined ? ['mysqld', 'server'] : ['--mysqld'];
  const files = spec.defaultsFile === null ? [] : [`--defaults-file=${spec.defaultsFile}`];
  return [
    {
      kind: 'command',
      name: 'options',
      argv: [programPath(context, 'my_print_defaults'), ...files, ...groups],
      timeoutMs: DISCOVERY_TIMEOUT_MS,
    },
  ];
}

function optionsOf(spec: MysqlSpec, context: Pick<PlanContext, 'discovered'>): MysqlOptions | null {
  const reading = context.discovered['options'];
  if (reading?.kind === 'exit' && reading.exitCode === 0) {
    return parsePrintedDefaults(reading.stdout);
  }
  return spec.datadir === null ? null : NO_MYSQL_OPTIONS;
}

/** The settings of a server; null when neither specification nor option files tell them. */
export function mysqlSettings(
  spec: MysqlSpec,
  context: Pick<PlanContext, 'discovered' | 'isRoot'>,
): MysqlSettings | null {
  const options = optionsOf(spec, context);
  if (options === null) return null;
  const datadir = (spec.datadir ?? options.datadir ?? DEFAULT_DATADIR).replace(/(?<=.)\/$/, '');
  const inDatadir = (path: string): string => (path.startsWith('/') ? path : `${datadir}/${path}`);
  const socket = inDatadir(options.socket ?? DEFAULT_SOCKET);
  const pidFile = inDatadir(options.pidFile ?? 'mysqld.pid');
  return {
    datadir,
    socket,
    pidFile,
    user: options.user ?? DEFAULT_USER,
    logError: options.logError === null ? null : inDatadir(withExtension(options.logError)),
    args: [
      ...(spec.datadir === null && options.datadir !== null ? [] : [`--datadir=${datadir}`]),
      ...(options.socket === null ? [`--socket=${socket}`] : []),
      ...(options.pidFile === null ? [`--pid-file=${pidFile}`] : []),
      ...(options.user === null && context.isRoot ? [`--user=${DEFAULT_USER}`] : []),
    ],
  };
}

/** The server adds `.err` to a log name that has no extension. */
function withExtension(path: string): string {
  return /\.[^./]*$/.test(path) ? path : `${path}.err`;
}
