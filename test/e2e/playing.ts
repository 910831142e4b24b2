// Runs one program of lab/scenarios and reports each of its scenarios as a subtest.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { repositoryRoot } from '../../lab/process.js';
import { labProblem } from '../../lab/sandbox.js';
import type { PlayLine } from '../../lab/scenarios/play.js';

/** Before tap's own limit, so that what was found out until then is reported. */
const REPORTING_MS = 5_000;

/** A play alone on two cores takes one to three minutes; on a busy host several times that. */
const LIMIT_MS = 1_200_000;

/** Plays a program within `timeoutMs`; skipped, with the reason, where no lab can run. */
export async function playing(t: Test, program: string, timeoutMs = LIMIT_MS): Promise<void> {
  t.setTimeout(timeoutMs);
  const problem = labProblem();
  if (problem !== null) {
    t.test(`e2e: ${program}`, { skip: problem }, () => undefined);
    return;
  }
  const file = path.join(repositoryRoot(), 'dist', 'lab', 'scenarios', `${program}.js`);
  t.ok(existsSync(file), `${program}.js is built (npm run build)`);
  const { lines, words, timedOut } = await run(t, file, timeoutMs - REPORTING_MS);
  await report(t, lines);
  const over = lines.find((line) => line.kind === 'over');
  t.notOk(timedOut, `the play is over within ${timeoutMs - REPORTING_MS} ms`);
  t.ok(over, 'the play was not broken off', over === undefined ? { words } : {});
}

type Played = {
  readonly lines: readonly PlayLine[];
  readonly words: string;
  readonly timedOut: boolean;
};

async function run(t: Test, file: string, limitMs: number): Promise<Played> {
  const child = spawn(process.execPath, [file, '--lifeline'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: cleanEnvironment(),
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: PlayLine[] = [];
  let words = '';
  let timedOut = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      lines.push(JSON.parse(line) as PlayLine);
    } catch {
      words += `${line}\n`;
    }
  });
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const limit = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, limitMs);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  return { lines, words, timedOut };
}

/** The compiled program must not load this test's TypeScript loader. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^(NODE_|TAP|_TAPJS)/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function report(t: Test, lines: readonly PlayLine[]): Promise<void> {
  for (const [at, line] of lines.entries()) {
    if (line.kind !== 'begin') continue;
    const rest = lines.slice(at + 1);
    const next = rest.findIndex((other) => other.kind === 'begin' || other.kind === 'over');
    await t.test(line.title, (sub) => {
      tell(sub, next < 0 ? rest : rest.slice(0, next));
      sub.end();
    });
  }
}

function tell(t: Test, lines: readonly PlayLine[]): void {
  for (const line of lines) {
    if (line.kind === 'fact')
      t.ok(line.holds, line.sentence, line.seen === undefined ? {} : { seen: line.seen });
    if (line.kind === 'note') t.comment(line.sentence);
  }
  const end = lines.find((line) => line.kind === 'end');
  const error = end?.error ?? null;
  t.ok(error === null, error === null ? 'nothing went wrong' : firstLine(error), { error });
  t.ok(end, `the scenario came to its end${end === undefined ? '' : ` (${end.ms} ms)`}`);
}

/** What a short report shows of an error: the rest is in the diagnostics. */
function firstLine(error: string): string {
  return error.split('\n', 1)[0] ?? '';
}
