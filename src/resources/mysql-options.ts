/**
 * What a MySQL or MariaDB server will read from its own option files. my_print_defaults, the
 * server's own program, resolves files, includes and groups; here only its output is read.
 */

/** The options that a start or a stop depends on; null where the files do not set them. */
export interface MysqlOptions {
  readonly datadir: string | null;
  readonly socket: string | null;
  readonly pidFile: string | null;
  readonly user: string | null;
  readonly logError: string | null;
}

/** No option file sets anything. */
export const NO_MYSQL_OPTIONS: MysqlOptions = {
  datadir: null,
  socket: null,
  pidFile: null,
  user: null,
  logError: null,
};

/**
 * Reads the output of `my_print_defaults`: one `--name=value` a line. The last one wins, `_` and
 * `-` are the same, and `loose-` may stand before a name, as the server has it.
 */
export function parsePrintedDefaults(output: string): MysqlOptions {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    if (!line.startsWith('--')) continue;
    const equals = line.indexOf('=');
    if (equals < 0) continue;
    const name = line.slice(2, equals).replaceAll('_', '-').replace(/^loose-/, '');
    values.set(name, line.slice(equals + 1));
  }
  const value = (name: string): string | null => {
    const text = values.get(name);
    return text === undefined || text === '' ? null : text;
  };
  return {
    datadir: value('datadir'),
    socket: value('socket'),
    pidFile: value('pid-file'),
    user: value('user'),
    logError: value('log-error'),
  };
}
