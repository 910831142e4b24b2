import { join } from 'node:path';
import { existsSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { CommandRequest } from '../../src/host/exec.js';
import { Hands } from '../../src/host/hands.js';
import { folder, lives, soon, textOf } from '../support/temporary.js';

const sh = (text: string): readonly string[] => ['/bin/sh', '-c', text];
/** A limit that no sound run reaches. */
const PATIENT_MS = 30_000;

interface Bench {
  readonly hands: Hands;
  /** What the hands passed on. */
  readonly passedOn: CommandRequest[];
  readonly run: (argv: readonly string[], change?: Partial<CommandRequest>) => ReturnType<Hands['run']>;
}

function bench(t: Test, count = 1): Bench {
  const passedOn: CommandRequest[] = [];
  const nothing = { exitCode: 99, stdout: '', stderr: '', timedOut: false, startFailure: null };
  const hands = new Hands(count, async (request) => {
    passedOn.push(request);
    return Promise.resolve({ ...nothing, durationMs: 0 });
  });
  t.teardown(() => hands.close());
  return {
    hands,
    passedOn,
    run: async (argv, change = {}) => hands.run({ argv, timeoutMs: PATIENT_MS, ...change }),
  };
}

t.test('hands: what a program says and how it ends', async (t) => {
  const { run, passedOn } = bench(t);
  const rows = [
    [sh('echo out; echo err >&2; exit 7'), { exitCode: 7, stdout: 'out\n', stderr: 'err\n' }],
    [sh('exit 0'), { exitCode: 0, stdout: '', stderr: '' }],
    [sh('kill -KILL $$'), { exitCode: null, stdout: '' }],
    [sh('printf "%s" "$LC_ALL"'), { exitCode: 0, stdout: 'C' }],
    [['/bin/cat'], { exitCode: 0, stdout: '' }],
    [sh('cat <&3'), { exitCode: 2, stdout: '' }],
  ] as const;
  for (const [argv, expected] of rows) {
    const { durationMs, ...rest } = await run(argv);
    t.match(rest, { timedOut: false, startFailure: null, ...expected }, argv.join(' '));
    t.ok(durationMs < PATIENT_MS);
  }
  t.strictSame(passedOn, []);
});

t.test('hands: words are data, whatever is in them', async (t) => {
  const { run, passedOn } = bench(t);
  const path = join(folder(t), 'evil');
  const words = [
    '', ' ', '  two  spaces  ', '\\', '\\n', 'a\\', '$(touch evil)', '`touch evil`', '*', '~', '"', "'",
    '; touch evil', '&', '|', '>evil', '-n', '#', '$HOME', '${IFS}', '\t', '\r', 'ü', '!', '=', `$(touch ${path})`,
  ];
  const { stdout } = await run(['/usr/bin/printf', '<%s>\\n', ...words]);
  t.equal(stdout, words.map((word) => `<${word}>\n`).join(''));
  for (const name of [path, '/evil', 'evil']) t.notOk(existsSync(name), 'nothing was evaluated');
  t.strictSame(passedOn, []);
});

t.test('hands: what cannot be told in lines, or needs more than a start, is passed on', async (t) => {
  const { run, passedOn } = bench(t);
  await run(['/bin/echo', 'two\nlines']);
  await run(['/bin/echo', 'a\0b']);
  await run([]);
  await run(['/bin/cat'], { input: 'x' });
  await run(['/bin/env'], { env: { A: 'b' } });
  t.equal(passedOn.length, 5);
});

t.test('hands: what cannot be started says why', async (t) => {
  const { run } = bench(t);
  const path = join(folder(t), 'not-executable');
  writeFileSync(path, '#!/bin/sh\n');
  t.match(await run(['/no/such/program']), { exitCode: null, startFailure: /not found/ });
  t.match(await run([path]), { exitCode: null, startFailure: /[Pp]ermission/ });
  t.match(await run(sh('exit 3')), { exitCode: 3 }, 'and the hand goes on');
});

t.test('hands: a program that hangs is ended in time, and the next hand works', async (t) => {
  const { run, passedOn } = bench(t);
  const note = join(folder(t), 'pid');
  const hung = await run(sh(`trap "" TERM; echo $$ >${note}; echo begun; while :; do sleep 1; done`), { timeoutMs: 1_000 });
  t.match(hung, { timedOut: true, exitCode: null, stdout: 'begun\n' });
  await soon('the end of it', () => !lives(Number(textOf(note).trim())) || undefined);
  t.match(await run(sh('exit 4')), { exitCode: 4 });
  t.strictSame(passedOn, []);
});

t.test('hands: one program a hand; more at once are passed on', async (t) => {
  const { run, passedOn } = bench(t, 2);
  const results = await Promise.all([run(sh('exit 1')), run(sh('exit 2')), run(sh('exit 3'))]);
  t.strictSame(results.map(({ exitCode }) => exitCode), [1, 2, 99]);
  t.equal(passedOn.length, 1);
});

t.test('hands: a shell that is killed fails its program and is replaced', async (t) => {
  const { run } = bench(t);
  const killed = await run(sh('kill -KILL $PPID; exec sleep 0.01'));
  t.match(killed, { exitCode: null, timedOut: false, stderr: /killed/ });
  t.match(await run(sh('exit 6')), { exitCode: 6 });
});

t.test('hands: much output is cut and does not hold up the program', async (t) => {
  const { run } = bench(t);
  const much = await run(sh('head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2; exit 5'));
  t.equal(much.exitCode, 5);
  t.equal(much.stdout.length, 65_536);
  t.equal(much.stderr.length, 65_536);
  t.match(await run(sh('echo next')), { stdout: 'next\n', stderr: '' }, 'the rest of it is nobody\'s');
});
