/** Reading resources and carrying out plans, with small programs in the place of the real ones. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Actor } from '../../src/daemon/actor.js';
import { DrbdSource } from '../../src/daemon/drbd-source.js';
import { readProbes } from '../../src/daemon/read-probe.js';
import { runSteps, type StepWorld } from '../../src/daemon/run-step.js';
import { runCommand } from '../../src/host/exec.js';
import type { ExecStep, Probe, Reading, Readings, Step } from '../../src/resources/plan.js';
import { folder, lives, script, soon, textOf } from '../support/temporary.js';

const PATIENT_MS = 30_000;
/** Of the other half of a disk. */
const NOTHING_KNOWN = { isOtherHalfOff: () => false, hasJustConnected: () => false };

async function readOne(probe: Probe): Promise<Reading | undefined> {
  return (await readProbes([probe]))[probe.name];
}

async function greet(t: Test, serve: ((socket: Socket) => void) | null, timeoutMs = PATIENT_MS) {
  const socketPath = join(folder(t), 'mysql.sock');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve?.(socket);
  });
  if (serve !== null) server.listen(socketPath);
  if (serve !== null) await once(server, 'listening');
  const reading = await readOne({ kind: 'mysqlHandshake', name: 'greeting', socketPath, timeoutMs });
  for (const socket of sockets) socket.destroy();
  server.close();
  return reading;
}

const packet = (body: string): Buffer =>
  Buffer.concat([Buffer.from([body.length, 0, 0, 0]), Buffer.from(body, 'latin1')]);

t.test('probe: what a MySQL socket says', async (t) => {
  const hello = packet('\x0a11.4.2-MariaDB\0rest');
  t.strictSame(await greet(t, (socket) => socket.end(hello)), { kind: 'greeted' });
  const inPieces = (socket: Socket): void => {
    socket.setNoDelay(true);
    socket.write(hello.subarray(0, 3));
    setTimeout(() => socket.write(hello.subarray(3)), 30);
  };
  t.strictSame(await greet(t, inPieces), { kind: 'greeted' });
  for (const body of ['\xff\x10\x04Too many connections', '\xff\x10\x04#08004Too many connections']) {
    const refused = { kind: 'refused', byServer: true, reason: 'Too many connections' };
    t.strictSame(await greet(t, (socket) => socket.end(packet(body))), refused);
  }
  t.match(await greet(t, (socket) => socket.end('HTTP/1.1 400')), { kind: 'refused', byServer: false });
  t.match(await greet(t, (socket) => socket.end()), { kind: 'refused', byServer: false });
  t.strictSame(await greet(t, () => undefined, 50), { kind: 'timedOut', afterMs: 50 });
  t.strictSame(await greet(t, null), { kind: 'absent' });
  const stale = join(folder(t), 'stale.sock');
  spawnSync(process.execPath, ['-e', `require('net').createServer().listen('${stale}', () => process.kill(process.pid, 9))`]);
  const left = await readOne({ kind: 'mysqlHandshake', name: 'x', socketPath: stale, timeoutMs: 1_000 });
  t.match(left, { kind: 'refused', byServer: false, reason: /ECONNREFUSED/ });
  const long = { kind: 'mysqlHandshake', name: 'x', socketPath: `/${'x'.repeat(300)}`, timeoutMs: 1_000 } as const;
  t.match(await readOne(long), { kind: /refused|unreadable|absent/ });
});

t.test('probe: files, paths, processes, addresses and programs', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'file'), 'text');
  symlinkSync('file', join(path, 'link'));
  const child = spawn('sleep', ['60']);
  t.teardown(() => child.kill('SIGKILL'));
  await soon('its name', () => textOf(`/proc/${String(child.pid)}/comm`).trim() === 'sleep');
  const pid = Number(child.pid);
  writeFileSync(join(path, 'pid'), `${String(pid)}\n`);
  writeFileSync(join(path, 'stale-pid'), '1\n');
  const rows: readonly (readonly [Probe, object])[] = [
    [{ kind: 'file', name: 'x', path: join(path, 'file') }, { kind: 'text', text: 'text' }],
    [{ kind: 'file', name: 'x', path: join(path, 'absent') }, { kind: 'absent' }],
    [{ kind: 'file', name: 'x', path: join(path, 'file', 'below') }, { kind: 'absent' }],
    [{ kind: 'file', name: 'x', path }, { kind: 'unreadable', reason: /EISDIR/ }],
    [{ kind: 'path', name: 'x', path: join(path, 'link') }, { kind: 'path', type: 'file', realPath: join(path, 'file') }],
    [{ kind: 'path', name: 'x', path: '/dev/null' }, { kind: 'path', type: 'other', deviceNumber: null }],
    [{ kind: 'process', name: 'x', pid, comms: ['sleep'] }, { processes: [{ pid, argv: ['sleep', '60'], cwd: process.cwd() }] }],
    [{ kind: 'process', name: 'x', pid, comms: ['mysqld'] }, { kind: 'server', processes: [] }],
    [{ kind: 'server', name: 'x', pidFile: join(path, 'pid'), comms: ['sleep'] }, { pidFilePid: pid, processes: [{ pid }] }],
    [{ kind: 'server', name: 'x', pidFile: join(path, 'absent'), comms: ['no-such'] }, { pidFilePid: null, processes: [] }],
    [{ kind: 'addresses', name: 'x' }, { kind: 'addresses' }],
    [{ kind: 'command', name: 'x', argv: ['/bin/sh', '-c', 'echo $A; exit 3'], timeoutMs: PATIENT_MS, env: { A: 'b' } }, { kind: 'exit', exitCode: 3, stdout: 'b\n' }],
    [{ kind: 'command', name: 'x', argv: ['/bin/sleep', '60'], timeoutMs: 20 }, { kind: 'timedOut', afterMs: 20 }],
    [{ kind: 'command', name: 'x', argv: [join(path, 'absent')], timeoutMs: 20 }, { kind: 'unreadable', reason: /ENOENT/ }],
  ];
  for (const [probe, expected] of rows) t.match(await readOne(probe), expected, JSON.stringify(probe));
  const walked = await readOne({ kind: 'server', name: 'x', pidFile: join(path, 'stale-pid'), comms: ['sleep'] });
  t.ok(walked?.kind === 'server' && walked.processes.some((found) => found.pid === pid), 'a walk finds it');
});

interface Noted {
  readonly world: StepWorld;
  readonly warnings: string[];
  readonly deferred: ExecStep[];
  /** How servers that were started have ended. */
  readonly ends: string[];
}

function worldOf(interpret: (readings: Readings) => 'started' | 'stopped', limitMs = PATIENT_MS): Noted {
  const warnings: string[] = [];
  const deferred: ExecStep[] = [];
  const ends: string[] = [];
  const world: StepWorld = {
    interpret: (readings) => ({ state: interpret(readings), reason: 'as seen', detail: null }),
    run: runCommand,
    warn: (sentence) => void warnings.push(sentence),
    defer: (step) => void deferred.push(step),
    serverEnded: (ending) => void ends.push(ending),
    nowMs: () => performance.now(),
    deadlineMs: performance.now() + limitMs,
  };
  return { world, warnings, deferred, ends };
}

const exec = (text: string, change: Partial<ExecStep> = {}): ExecStep => ({
  kind: 'exec', label: 'do it', argv: ['/bin/sh', '-c', text], timeoutMs: PATIENT_MS, okExits: [0], run: 'wait', ...change,
});

t.test('step: programs, their repetition and their recovery', async (t) => {
  const note = join(folder(t), 'note');
  const count = `n=$(cat ${note} 2>/dev/null || echo 0); echo $((n + 1)) >${note}`;
  const { world, warnings, deferred } = worldOf(() => 'started');
  const run = async (...steps: readonly Step[]) => {
    writeFileSync(note, '0');
    return { ...(await runSteps(steps, world)), runs: Number(textOf(note)) };
  };
  const retry = { times: 3, pauseMs: 1, onExits: [1] };
  t.match(await run(exec(count)), { kind: 'ok', runs: 1 });
  t.match(await run(exec(`${count}; echo bad >&2; exit 5`), exec(count)), { kind: 'failed', reason: 'do it: exit code 5: bad', runs: 1 });
  t.match(await run(exec(`${count}; exit 1`, { retry })), { kind: 'failed', runs: 4 });
  t.match(await run(exec(`${count}; exit 2`, { retry })), { kind: 'failed', runs: 1 });
  t.match(await run(exec(`${count}; test $(cat ${note}) = 3`, { retry })), { kind: 'ok', runs: 3 });
  t.match(await run(exec(`${count}; exit 1`, { retry: { ...retry, stderrHas: ['busy'] } })), { runs: 1 });
  const recovery = { onExits: [7], steps: [exec(count)] };
  t.match(await run(exec(`${count}; test $(cat ${note}) = 3 || exit 7`, { recovery })), { kind: 'ok', runs: 3 });
  t.strictSame(warnings, []);
  t.match(await run(exec('exit 9', { okExits: 'any' })), { kind: 'ok' });
  t.strictSame(warnings, ['do it: exit code 9']);
  t.match(await run(exec('sleep 60', { timeoutMs: 20 })), { kind: 'timeout', reason: /did not end within 20 ms/ });
  t.match(await run(exec('', { argv: ['/no/such'] })), { kind: 'failed', reason: /cannot run \/no\/such: .*ENOENT/ });
  await run(exec('exit 4', { run: 'background', label: 'aside' }), exec('exit 4', { run: 'deferred', label: 'later' }));
  await soon('the warning', () => warnings.includes('aside: exit code 4'));
  t.strictSame(deferred.map(({ label }) => label), ['later']);
  const late = worldOf(() => 'started', -1);
  t.match(await runSteps([exec(count)], late.world), { kind: 'timeout' });
});

t.test('step: signals, folders, and waiting for what was started', async (t) => {
  const path = folder(t);
  const { world } = worldOf((readings) => (readings['flag']?.kind === 'text' ? 'started' : 'stopped'));
  const child = spawn('sleep', ['60']);
  const pid = Number(child.pid);
  await soon('its name', () => textOf(`/proc/${String(pid)}/comm`).trim() === 'sleep');
  const kill = { kind: 'signal', label: 'end it', pid, signal: 'SIGKILL' } as const;
  t.match(await runSteps([{ ...kill, comm: 'mysqld' }], world), { kind: 'ok' });
  t.ok(lives(pid), 'another process of that number is left alone');
  t.match(await runSteps([{ ...kill, comm: 'sleep' }], world), { kind: 'ok' });
  await once(child, 'exit');
  t.match(await runSteps([{ ...kill, comm: 'sleep' }], world), { kind: 'ok' }, 'gone is fine');
  const umask = process.umask(0o077);
  const made = join(path, 'a', 'b');
  const mkdir = { kind: 'mkdir', label: 'make', path: made, mode: 0o755, owner: null } as const;
  t.match(await runSteps([mkdir], world), { kind: 'ok' });
  process.umask(umask);
  t.equal(statSync(made).mode & 0o777, 0o755, 'whatever the umask is');
  chmodSync(made, 0o700);
  t.match(await runSteps([mkdir], world), { kind: 'ok' });
  t.equal(statSync(made).mode & 0o777, 0o700, 'one that exists is left as it is');
  t.match(await runSteps([{ ...mkdir, path: join(made, 'c'), owner: 'no-such-user' }], world), { kind: 'failed' });
  const log = join(path, 'server.log');
  writeFileSync(log, `${'é'.repeat(50)}\n[ERROR] of yesterday\n`);
  const server = (text: string, flag: string): readonly Step[] => [
    { kind: 'spawn', label: 'start', argv: ['/bin/sh', '-c', text], workingDirectory: path, outputPath: log },
    {
      kind: 'until', label: 'ready', state: 'started', everyMs: 5, timeoutMs: PATIENT_MS, endsWithSpawned: true,
      probes: [{ kind: 'file', name: 'flag', path: join(path, flag) }], evidencePath: log,
    },
  ];
  t.match(await runSteps(server('echo >flag; exec sleep 1', 'flag'), world), { kind: 'ok' });
  const failing = await runSteps(server('sleep 0.1; echo noise; echo "[ERROR] disk"; exit 3', 'none'), world);
  t.match(failing, { kind: 'failed', reason: `ready: it ended with exit code 3; ${log} says: [ERROR] disk` });
  const [, until] = server('', 'none');
  const patience = { ...until, timeoutMs: 20 } as Step;
  t.match(await runSteps([patience], world), { kind: 'timeout', reason: /not started after 20 ms: as seen/ });
  t.match(await runSteps([{ ...server('', 'x')[0], argv: ['/no/such'] } as Step], world), { kind: 'failed', reason: /^start: .*ENOENT/ });
});

t.test('actor: a script beside the configuration is found, run and judged', async (t) => {
  const path = folder(t);
  const flag = join(path, 'flag');
  const directory = join(path, 'resource.d');
  script(join(directory, 'web'), `case "$2" in start) touch ${flag};; stop) rm -f ${flag};; status) test -e ${flag} && echo running || echo stopped;; esac; echo "$*" >>${path}/calls`);
  mkdirSync(join(path, 'other', 'folder-of-that-name'), { recursive: true });
  const resources = ['web', 'absent', 'folder-of-that-name'].map((name) => ({ kind: 'script' as const, id: name, name, args: ['shop'] }));
  const group = { name: 'g', prefer: ['n1'], failback: 'never' as const, aliases: [], resources };
  const actor = new Actor({
    groups: [group], drbd: new DrbdSource('n1', []), run: runCommand, logDirectory: path,
    scriptDirectories: [join(path, 'other'), directory], nowMs: () => performance.now(), warn: () => undefined, core: () => NOTHING_KNOWN,
    ended: () => undefined,
  });
  await actor.prepare();
  const act = async (verb: 'probe' | 'start' | 'stop', index = 0) =>
    actor.run({ kind: 'run', actionId: 'a-1', group: 'g', index, verb });
  t.match(await act('probe'), { actionId: 'a-1', outcome: 'ok', state: 'stopped' });
  t.match(await act('start'), { outcome: 'ok', state: 'started' });
  t.match(await act('probe'), { outcome: 'ok', state: 'started' });
  t.match(await act('stop'), { outcome: 'ok', state: 'stopped' });
  t.match(textOf(join(path, 'calls')), /^shop status\nshop status\nshop start\nshop status\n/);
  for (const index of [1, 2]) t.match(await act('probe', index), { outcome: 'ok', state: 'stopped' });
  await t.rejects(act('start', 9), { name: 'AssertionFailure' }, 'a defect is not a failed start');
});

t.test('actor: who waits for quiet waits for a start, and no longer', async (t) => {
  const path = folder(t);
  const [flag, directory] = [join(path, 'flag'), join(path, 'resource.d')];
  script(join(directory, 'web'), `[ "$1" != start ] || { sleep 0.5; touch ${flag}; }; test -e ${flag} && echo running || echo stopped`);
  const group = { name: 'g', prefer: ['n1'], failback: 'never' as const, aliases: [], resources: [{ kind: 'script' as const, id: 'web', name: 'web', args: [] }] };
  const actor = new Actor({
    groups: [group], drbd: new DrbdSource('n1', []), run: runCommand, logDirectory: path,
    scriptDirectories: [directory], nowMs: () => performance.now(), warn: () => undefined, core: () => NOTHING_KNOWN, ended: () => undefined,
  });
  const order: string[] = [];
  const begunMs = performance.now();
  const start = actor.run({ kind: 'run', actionId: 'a-1', group: 'g', index: 0, verb: 'start' });
  await Promise.all([
    start.then(({ outcome }) => order.push(`start ${outcome}`)),
    actor.untilQuiet(PATIENT_MS).then(() => order.push('quiet')),
  ]);
  t.strictSame(order, ['start ok', 'quiet']);
  t.ok(performance.now() - begunMs < PATIENT_MS, 'the start was the reason to wait, not the limit');
});

/** DRBD as it never is: connected, and for a while nothing can be promoted. */
class RefusingOnce extends DrbdSource {
  readonly asked: boolean[] = [];

  override learn = (): Promise<void> => Promise.resolve();

  override view = (...[, , known]: Parameters<DrbdSource['view']>): ReturnType<DrbdSource['view']> => {
    this.asked.push(known.peerConfirmedDown);
    return {
      interface: '8.4',
      volumes: [{ minor: 0, role: 'Secondary', connection: 'Connected', disk: 'UpToDate' }],
      addresses: null,
      promotable: this.asked.length > 2 ? { ok: true } : { ok: false, reason: 'not yet' },
    };
  };
}

t.test('actor: a start cuts off and forces by what is known of the other half at that moment (I8)', async (t) => {
  const begin = async (isOff: (asked: number) => boolean): Promise<readonly string[]> => {
    const drbd = new RefusingOnce('n1', ['r0']);
    const commands: string[] = [];
    const resources = [{ kind: 'drbd' as const, id: 'drbd:r0', resource: 'r0' }];
    const actor = new Actor({
      groups: [{ name: 'g', prefer: ['n1', 'n2'], failback: 'never', aliases: [], resources }],
      drbd, logDirectory: folder(t), scriptDirectories: [], nowMs: () => performance.now(),
      run: ({ argv }) => {
        commands.push(argv.slice(1).join(' '));
        return Promise.resolve({ exitCode: 0, stdout: '', stderr: '', startFailure: null, timedOut: false, durationMs: 1 });
      },
      core: () => ({ isOtherHalfOff: () => isOff(drbd.asked.length), hasJustConnected: () => false }), warn: () => undefined, ended: () => undefined,
    });
    await actor.run({ kind: 'run', actionId: 'a-1', group: 'g', index: 0, verb: 'start', forced: true });
    return commands;
  };
  const cut = ['disconnect --force r0', 'primary 0'];
  t.strictSame((await begin(() => true)).slice(0, 2), cut);
  t.strictSame(await begin((asked) => asked < 2), ['primary 0'], 'it came back while the start waited');
  t.strictSame((await begin((asked) => asked >= 2)).slice(0, 2), cut, 'it was confirmed off meanwhile');
});
