import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository: tests run from where they are, wherever the working directory is. */
const ROOT = repositoryRoot(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(ROOT, 'dist/src/cli/main.js');

function repositoryRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : repositoryRoot(dirname(folder));
}

/** Why the compiled program cannot be tested, or false: for the `skip` option of a test. */
export const notBuilt: string | false = staleness();

function staleness(): string | false {
  if (!existsSync(MAIN)) return 'the program is not compiled (npm run build)';
  const folder = join(ROOT, 'src/cli');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const stale = sources.filter((name) => name.endsWith('.ts')).find((name) => {
    const compiled = join(dirname(MAIN), name.replace(/\.ts$/, '.js'));
    return !existsSync(compiled) || statSync(compiled).mtimeMs < statSync(join(folder, name)).mtimeMs;
  });
  return stale === undefined ? false : `dist is older than src/cli/${stale} (npm run build)`;
}

/** Why nothing can be tested on a terminal, or false. `script` makes one: script(1). */
export const noTerminal: string | false =
  spawnSync('script', ['--version']).error === undefined
    ? notBuilt
    : 'the program script(1) is not installed, so there is no terminal';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Runs it as the user nobody; only root can ask for that. */
  readonly asNobody?: boolean;
  /** Gets the child, and its output so far with each piece. */
  readonly onOutput?: (out: string, child: ChildProcess) => void;
}

/** tap loads itself into every Node that a test starts; the program is to run as it is. */
const WITHOUT_HOOKS = ['-u', 'NODE_OPTIONS'];

/** The user and group without any rights. */
const NOBODY = 65_534;

/** A child that does not end is a failure of the test, not of the build machine. */
const RUN_LIMIT_MS = 40_000;

/** Runs the compiled `tandem` in pipes. */
export function tandem(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const user = options.asNobody === true ? { uid: NOBODY, gid: NOBODY, cwd: '/' } : {};
  const argv = [...WITHOUT_HOOKS, process.execPath, MAIN, ...args];
  return finished(spawn('env', argv, { env: environment(options), ...user }), options);
}

/** Runs it on a terminal of 80 columns; both outputs arrive as one, with CR LF. */
export function tandemOnTerminal(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const words = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const command = `unset NODE_OPTIONS; stty rows 24 cols 80; exec ${words.join(' ')}`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...environment(options), TERM: 'xterm', SHELL: '/bin/sh' },
  });
  return finished(child, options);
}

/** A test that is cut short takes its children with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

function environment({ env = {} }: RunOptions): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', ...env };
}

function finished(child: ChildProcess, { input, onOutput }: RunOptions): Promise<Ran> {
  let out = '';
  let err = '';
  running.add(child);
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    onOutput?.(out, child);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin?.on('error', () => undefined);
  if (input !== undefined || onOutput === undefined) child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(limit);
      running.delete(child);
      resolve({ code, out, err });
    });
  });
}
