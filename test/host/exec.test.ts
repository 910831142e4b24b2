import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { followProgram, runCommand, startServer, type FollowEnd } from '../../src/host/exec.js';
import { folder, lives, script, soon, textOf } from '../support/temporary.js';

const sh = (text: string): readonly string[] => ['/bin/sh', '-c', text];
/** A limit that no sound run reaches. */
const PATIENT_MS = 30_000;

function children(): readonly string[] {
  return textOf(`/proc/self/task/${String(process.pid)}/children`).trim().split(' ').filter(Boolean);
}

async function pidIn(path: string): Promise<number> {
  return soon(`a number in ${path}`, () => Number(textOf(path).trim()) || undefined);
}

t.test('exec: what a program says and how it ends', async (t) => {
  const rows = [
    ['echo out; echo err >&2; exit 7', { exitCode: 7, stdout: 'out\n', stderr: 'err\n' }],
    ['exit 0', { exitCode: 0, stdout: '', stderr: '' }],
    ['kill -KILL $$', { exitCode: null, stdout: '', stderr: '' }],
    ['printf "%s" "$LC_ALL-$EXTRA"', { exitCode: 0, stdout: 'C-x', stderr: '' }],
    ['cat', { exitCode: 0, stdout: '', stderr: '' }],
  ] as const;
  for (const [text, expected] of rows) {
    const result = await runCommand({ argv: sh(text), timeoutMs: PATIENT_MS, env: { EXTRA: 'x' } });
    const { durationMs, ...rest } = result;
    t.strictSame(rest, { timedOut: false, startFailure: null, ...expected }, text);
    t.ok(durationMs < PATIENT_MS);
  }
});

t.test('exec: standard input is given whole and closed', async (t) => {
  const input = `${'x'.repeat(200_000)}\n`;
  const { stdout } = await runCommand({ argv: sh('wc -c'), input, timeoutMs: PATIENT_MS });
  t.equal(Number(stdout), input.length);
});

t.test('exec: a program that does not read its input keeps its exit code', async (t) => {
  const input = 'x'.repeat(1_000_000);
  const closes = await runCommand({ argv: sh('exec <&-; exit 3'), input, timeoutMs: PATIENT_MS });
  t.match(closes, { exitCode: 3, timedOut: false, startFailure: null });
});

t.test('exec: what cannot be started says why', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'not-executable'), '#!/bin/sh\n');
  script(join(path, 'no-interpreter'), '');
  writeFileSync(join(path, 'no-interpreter'), '#!/nowhere/sh\n');
  const rows = [
    [[join(path, 'absent')], /ENOENT/],
    [[join(path, 'not-executable')], /EACCES/],
    [[path], /EACCES/],
    [[join(path, 'no-interpreter')], /ENOENT/],
    [[], /./],
    [['/bin/echo', 'a\0b'], /./],
  ] as const;
  for (const [argv, reason] of rows) {
    const result = await runCommand({ argv, input: 'secret', timeoutMs: PATIENT_MS });
    t.match(result, { exitCode: null, timedOut: false, startFailure: reason });
    t.notMatch(result.startFailure, /secret/);
  }
});

t.test('exec: endless output is cut, the program lives and its exit code counts', async (t) => {
  const text = 'head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 5';
  const result = await runCommand({ argv: sh(text), timeoutMs: PATIENT_MS });
  t.equal(result.exitCode, 5);
  t.equal(result.stdout.length, 1_048_576);
  t.equal(result.stderr.length, 1_048_576);
});

t.test('exec: a server that a script leaves behind neither holds up the result nor dies', async (t) => {
  const note = join(folder(t), 'pid');
  const text = `echo begun; sleep 60 & echo $! >${note}; exit 4`;
  const result = await runCommand({ argv: sh(text), timeoutMs: PATIENT_MS });
  t.match(result, { exitCode: 4, stdout: 'begun\n', timedOut: false });
  const pid = await pidIn(note);
  t.ok(lives(pid), 'it is not ended with the script');
  process.kill(pid, 'SIGKILL');
});

t.test('exec: the limit ends the whole process group', async (t) => {
  const note = join(folder(t), 'pid');
  const text = `(trap '' TERM; sleep 60 & echo $! >${note}; wait; sleep 60) & echo said; wait`;
  const running = runCommand({ argv: sh(text), timeoutMs: 300 });
  const pid = await pidIn(note);
  const result = await running;
  t.match(result, { exitCode: null, stdout: 'said\n', timedOut: true, startFailure: null });
  t.ok(result.durationMs >= 300);
  await soon('the end of the grandchild', () => !lives(pid));
});

t.test('exec: a program that ignores SIGTERM is killed, and one that obeys it has not succeeded', async (t) => {
  const ignores = runCommand({ argv: sh("trap '' TERM; while :; do sleep 1; done"), timeoutMs: 100 });
  const obeys = runCommand({ argv: sh("trap 'exit 0' TERM; while :; do sleep 0.01; done"), timeoutMs: 100 });
  for (const result of [await ignores, await obeys]) {
    t.match(result, { exitCode: null, timedOut: true });
  }
});

t.test('exec: a grandchild in its own session that holds the pipe is not waited for', async (t) => {
  const note = join(folder(t), 'pid');
  const text = `setsid sh -c 'echo $$ >${note}; exec sleep 60' & sleep 60`;
  const running = runCommand({ argv: sh(text), timeoutMs: 200 });
  const pid = await pidIn(note);
  const result = await running;
  t.match(result, { exitCode: null, timedOut: true });
  t.ok(lives(pid), 'the result did not wait for its end');
  process.kill(pid, 'SIGKILL');
});

t.test('exec: a stall of our own does not turn an exit in time into a time-out', async (t) => {
  const running = runCommand({ argv: sh('exit 6'), timeoutMs: 200 });
  setTimeout(() => spawnSync('sleep', ['0.5']), 0);
  t.match(await running, { exitCode: 6, timedOut: false });
});

t.test('exec: nothing is left behind: no process, no timer, no descriptor', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  await runCommand({ argv: sh('exit 0'), timeoutMs: PATIENT_MS });
  const before = { timers: timers(), descriptors: readdirSync('/proc/self/fd').length };
  for (let times = 0; times < 5; times += 1) {
    await runCommand({ argv: sh('cat'), input: 'x', timeoutMs: PATIENT_MS });
  }
  await runCommand({ argv: sh('sleep 60'), timeoutMs: 20 });
  t.strictSame(children(), []);
  await soon('the closing of all pipes', () => readdirSync('/proc/self/fd').length <= before.descriptors);
  t.equal(timers(), before.timers);
});

t.test('server: it has its own session, appends its output and tells its end', async (t) => {
  const path = folder(t);
  const outputPath = join(path, 'server.log');
  writeFileSync(outputPath, 'old\n');
  const text = 'cut -d" " -f5,6 /proc/$$/stat; pwd; echo err >&2; read x </dev/stdin; exec sleep 60';
  const server = await startServer({ argv: sh(text), workingDirectory: path, outputPath });
  await soon('its words', () => textOf(outputPath).includes('err'));
  t.equal(textOf(outputPath), `old\n${`${server.pid} `.repeat(2).trim()}\n${path}\nerr\n`);
  t.equal(server.ended(), null);
  process.kill(server.pid, 'SIGTERM');
  t.equal(await soon('its end', () => server.ended() ?? undefined), 'it was ended by SIGTERM');
  const brief = await startServer({ argv: sh('exit 9'), workingDirectory: path, outputPath });
  t.equal(await soon('its end', () => brief.ended() ?? undefined), 'it ended with exit code 9');
});

t.test('server: what cannot be started is told once', async (t) => {
  const path = folder(t);
  mkdirSync(join(path, 'a-folder'));
  const rows = [
    { argv: [join(path, 'absent')], workingDirectory: path, outputPath: join(path, 'log') },
    { argv: sh(':'), workingDirectory: join(path, 'absent'), outputPath: join(path, 'log') },
    { argv: sh(':'), workingDirectory: path, outputPath: join(path, 'absent', 'log') },
    { argv: sh(':'), workingDirectory: path, outputPath: join(path, 'a-folder') },
  ];
  for (const row of rows) await t.rejects(startServer(row), /ENOENT|EISDIR|directory/);
});

t.test('server: it outlives the program that started it', async (t) => {
  const path = folder(t);
  const module = new URL('../../src/host/exec.ts', import.meta.url).href;
  const note = join(path, 'pid');
  const server = `echo $$ >${note}; exec sleep 60`;
  const request = { argv: sh(server), workingDirectory: path, outputPath: join(path, 'log') };
  const parent =
    `const { startServer } = await import(${JSON.stringify(module)});` +
    `await startServer(${JSON.stringify(request)});`;
  const code = ['--input-type=module', '-e', parent];
  const result = spawnSync(process.execPath, [...process.execArgv, ...code], { encoding: 'utf8' });
  t.match(result, { status: 0, stderr: '' }, 'the parent ends by itself: nothing keeps it');
  const pid = await pidIn(note);
  t.ok(lives(pid));
  process.kill(pid, 'SIGKILL');
});

interface Followed {
  readonly stop: () => void;
  readonly lines: string[];
  readonly ends: FollowEnd[];
}

function follow(argv: readonly string[]): Followed {
  const lines: string[] = [];
  const ends: FollowEnd[] = [];
  const stop = followProgram({
    argv,
    env: { EXTRA: 'x' },
    onLines: (some) => lines.push(...some),
    onEnd: (end) => ends.push(end),
  });
  return { stop, lines, ends };
}

t.test('exec: a followed program hands over whole lines as they come, and how it ended', async (t) => {
  const text = 'printf "a\\nb"; printf "c\\n\\n$LC_ALL-$EXTRA\\nno end"; echo why >&2; exit 3';
  const { lines, ends } = follow(sh(text));
  await soon('its end', () => ends.length > 0 || undefined);
  t.strictSame(lines, ['a', 'bc', '', 'C-x']);
  t.strictSame(ends, [{ exitCode: 3, said: 'why' }]);
  const killed = follow(sh('kill -KILL $$'));
  await soon('its end', () => killed.ends.length > 0 || undefined);
  t.strictSame(killed.ends, [{ exitCode: null, said: '' }]);
});

t.test('exec: a followed program that cannot start or prints without end is ended', async (t) => {
  const none = follow(['/no/such/program']);
  await soon('its end', () => none.ends.length > 0 || undefined);
  t.match(none.ends, [{ exitCode: null, said: /ENOENT/ }]);
  const before = children();
  const endless = follow(sh('yes | tr -d "\\n"'));
  await soon('its end', () => endless.ends.length > 0 || undefined);
  t.match(endless.ends, [{ exitCode: null, said: /without end/ }]);
  await soon('no child', () => children().every((pid) => before.includes(pid)) || undefined);
});

t.test('exec: a followed program that is stopped is silent, and gone', async (t) => {
  const before = children();
  const { stop, lines, ends } = follow(sh('trap "" TERM; echo ready; while :; do echo x; sleep 0.05; done'));
  await soon('a line', () => lines.length > 0 || undefined);
  stop();
  const { length } = lines;
  await soon('no child', () => children().every((pid) => before.includes(pid)) || undefined);
  t.equal(lines.length, length);
  t.strictSame(ends, []);
});
