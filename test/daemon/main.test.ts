/** The daemon as a process. It listens on the loopback only, in folders of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, constants, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { readConfiguration, scriptDirectories } from '../../src/host/configuration.js';
import { folder, script, soon, textOf } from '../support/temporary.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/daemon/main.js', import.meta.url));
/** Without what the test runner loads into each Node that it starts. */
const PLAIN_NODE = ['-u', 'NODE_OPTIONS', process.execPath];
const HA_CF = 'keepalive 100ms\ndeadtime 1\nwarntime 500ms\nudpport PORT\nucast lo 127.0.0.2\nping 127.0.0.1\nnode n1 n2\n';

interface Place {
  readonly path: string;
  readonly config: string;
  readonly argv: readonly string[];
}

/** A configuration and the folders of one node. */
function place(t: Test, haCf = HA_CF, haresources = 'n1 10.255.255.1/32/lo\n'): Place {
  const path = folder(t);
  const config = join(path, 'config');
  mkdirSync(config);
  const port = String(20_000 + (process.pid % 20_000));
  writeFileSync(join(config, 'ha.cf'), haCf.replace('PORT', port));
  writeFileSync(join(config, 'haresources'), haresources);
  writeFileSync(join(config, 'authkeys'), 'auth 1\n1 sha256 kept-secret\n', { mode: 0o600 });
  const folders = ['state', 'run', 'log'].flatMap((name) => [`--${name}`, join(path, name)]);
  return { path, config, argv: [PROGRAM, '--config', config, '--node', 'n1', ...folders] };
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...argv: readonly string[]): Ended {
  return spawnSync('env', [...PLAIN_NODE, ...argv], { encoding: 'utf8', timeout: 30_000 });
}

function start(t: Test, argv: readonly string[], stderr: number | 'pipe' = 'pipe'): Running {
  const child = spawn('env', [...PLAIN_NODE, ...argv], { stdio: ['ignore', 'ignore', stderr] });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => (said += String(bytes)));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  return { child, said: () => said, ended };
}

interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<[number | null]>;
}

const skip = existsSync(PROGRAM) ? {} : { skip: 'the project is not built' };

t.test('main: the command line', skip, (t) => {
  t.match(run(PROGRAM, '--help'), { status: 0, stdout: /^Usage: tandemd /, stderr: '' });
  t.match(run(PROGRAM, '--nonsense'), { status: 64, stdout: '', stderr: /^tandemd: .*--nonsense/ });
  t.match(run(PROGRAM, 'word'), { status: 64, stdout: '', stderr: /Try: tandemd --help/ });
  t.match(run(PROGRAM, '--log-level', 'loud'), { status: 64, stderr: /one of debug, info/ });
  t.end();
});

t.test('main: --check tells what is wrong and where, and touches nothing', skip, (t) => {
  const good = place(t);
  const sound = run(...good.argv, '--check');
  t.match(sound, { status: 0, stdout: /^The configuration is valid \(digest [0-9a-f]{16}\)\n$/ });
  t.match(sound.stderr, /warning: Nothing can fence "n1" and "n2"/);
  t.notOk(existsSync(join(good.path, 'state')));
  const bad = place(t, `${HA_CF}  deadtim 10\n`);
  const fault = run(...bad.argv, '--check');
  t.match(fault, { status: 78, stdout: '' });
  t.ok(fault.stderr.includes(`${bad.config}/ha.cf:8:3: error: `), fault.stderr);
  t.notMatch(fault.stderr + sound.stderr + sound.stdout, 'kept-secret');
  const nowhere = run(PROGRAM, '--config', join(bad.path, 'absent'), '--check');
  t.match(nowhere, { status: 78, stderr: /absent: error: There is no configuration; expected cluster/ });
  t.end();
});

t.test('main: a folder that cannot be used ends the start with one sentence', skip, (t) => {
  const { argv, config } = place(t);
  const below = join(config, 'ha.cf', 'folder');
  const told = ['state', 'log', 'run'].map((name) => run(...argv, `--${name}`, below));
  t.strictSame(told.map(({ status }) => status), [1, 1, 1]);
  const words = told.map(({ stderr }) => stderr.split('"msg":').at(-1) ?? '');
  t.match(words, [/ha\.cf\/folder\/state\.json cannot be used: /, /ha\.cf\/folder cannot be used: /, /Cannot use .*tandem\.sock/]);
  t.notMatch(told.map(({ stderr }) => stderr).join(), /defect|at file:/);
  t.end();
});

t.test('main: without the watchdog that is configured nothing starts', skip, (t) => {
  const { path, argv } = place(t, `${HA_CF}watchdog /dev/null\n`);
  const told = run(...argv);
  t.match(told, { status: 1, stderr: /watchdog \/dev\/null is no watchdog device; expected/ });
  t.notOk(existsSync(join(path, 'state')), 'before anything is touched');
  t.equal(run(...argv, '--check').status, 0, 'the configuration itself is valid');
  t.end();
});

t.test('main: one daemon, a second one, a reload, and leaving', skip, async (t) => {
  const { path, argv } = place(t);
  const socket = join(path, 'run', 'tandem.sock');
  const state = join(path, 'state', 'state.json');
  const first = start(t, argv);
  await soon('the socket', () => existsSync(socket));
  const generation = (): unknown => (JSON.parse(textOf(state)) as Record<string, unknown>)['generation'];
  const begun = Number(generation());
  t.match(run(...argv), { status: 1, stderr: /Another tandemd answers on / });
  t.equal(generation(), begun, 'the second one took nothing from the first');
  first.child.kill('SIGHUP');
  await soon('the reload', () => first.said().includes('nothing changes for the groups'));
  const haCf = join(path, 'config', 'ha.cf');
  const sound = textOf(haCf);
  writeFileSync(haCf, `${sound}  deadtim 10\n`);
  first.child.kill('SIGHUP');
  const fault = `Reload: ${haCf}:8:3: error: Unknown directive`;
  await soon('the fault', () => first.said().includes(fault));
  t.match(first.said(), /the configuration in force stays/);
  writeFileSync(haCf, sound.replace('deadtime 1', 'deadtime 2'));
  first.child.kill('SIGHUP');
  await soon('the edit', () => /deadtime 1.00 s becomes 2.00 s/.test(first.said()));
  t.equal(first.child.exitCode, null);
  first.child.kill('SIGTERM');
  t.strictSame((await first.ended)[0], 0, first.said());
  t.match(first.said(), /tandemd has left cleanly/);
  t.notOk(existsSync(socket));
  const again = start(t, argv);
  await soon('the socket', () => existsSync(socket));
  t.ok(Number(generation()) > begun, 'each start has a generation of its own');
  again.child.kill('SIGINT');
  t.equal((await again.ended)[0], 0);
});

t.test('main: a reader of the log that stands still stops nothing', skip, async (t) => {
  // Without a warning: the first one would open standard error before the log does.
  const { path, argv } = place(t, `${HA_CF}auto_failback off\nfence * /bin/false\n`);
  t.equal(run(...argv, '--check').stderr, '');
  const pipe = join(path, 'log-pipe');
  t.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const filler = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  t.throws(() => {
    while (true) writeSync(filler, 'x'.repeat(4_096));
  }, /EAGAIN/);
  const { child, ended } = start(t, [...argv, '--log-level', 'debug'], openSync(pipe, 'w'));
  await soon('the socket', () => existsSync(join(path, 'run', 'tandem.sock')));
  for (let times = 0; times < 3; times += 1) child.kill('SIGHUP');
  child.kill('SIGTERM');
  t.equal((await ended)[0], 0);
});

t.test('configuration: what is not there, cannot be read, and where scripts are', (t) => {
  const { config } = place(t, HA_CF, 'n1 mysql\n');
  const kind = (): string | undefined => {
    const result = readConfiguration(config, 'n1');
    return result.ok ? result.value.groups[0]?.resources[0]?.kind : undefined;
  };
  t.equal(kind(), 'mysql');
  mkdirSync(join(config, 'resource.d', 'directory'), { recursive: true });
  writeFileSync(join(config, 'resource.d', 'mysql'), '');
  t.equal(kind(), 'mysql', 'a file that is not executable is no script');
  script(join(config, 'resource.d', 'mysql'), 'exit 0');
  t.equal(kind(), 'script', 'a script of the operator comes first');
  t.strictSame(scriptDirectories({ files: [join(config, 'ha.cf')] }), [
    join(config, 'resource.d'),
    '/etc/ha.d/resource.d',
    '/etc/init.d',
  ]);
  t.strictSame(scriptDirectories({ files: ['/etc/ha.d/ha.cf'] }).length, 2);
  const { config: broken } = place(t);
  spawnSync('rm', [join(broken, 'haresources')]);
  mkdirSync(join(broken, 'haresources'));
  const result = readConfiguration(broken, 'n1');
  t.notOk(result.ok);
  if (!result.ok) {
    t.match(result.error, [{ file: join(broken, 'haresources'), message: /cannot be read: EISDIR/ }]);
    t.equal(result.error.length, 1, 'no other fault is made up from it');
  }
  if (process.getuid?.() !== 0) {
    chmodSync(join(config, 'ha.cf'), 0);
    const denied = readConfiguration(config, 'n1');
    t.match(denied, { ok: false, error: [{ message: /EACCES/ }] });
  }
  t.end();
});
