// Plays scenarios one after the other in one lab and prints a JSON line for each thing that
// happens, which test/e2e turns into subtests.

import { fileURLToPath } from 'node:url';
import { insideSandbox, labProblem, runInSandbox } from '../sandbox.js';
import { Stage, type StageOptions } from './stage.js';

/** A scenario: what it is about, and what is done and found out. */
export type Scenario = {
  readonly title: string;
  readonly play: (stage: Stage) => Promise<void>;
};

/** One line of the output. */
export type PlayLine =
  | { readonly kind: 'begin'; readonly title: string }
  | {
      readonly kind: 'fact';
      readonly sentence: string;
      readonly holds: boolean;
      readonly seen?: string;
    }
  | { readonly kind: 'note'; readonly sentence: string }
  | {
      readonly kind: 'end';
      readonly title: string;
      readonly error: string | null;
      readonly ms: number;
    }
  /** The last line of a play that was not broken off. */
  | { readonly kind: 'over'; readonly played: number };

/** Ends the play when standard input ends: whoever started it is gone, however that came. */
const LIFELINE = '--lifeline';
const SEEN_CHARS_MAX = 4_000;

class FactFailure extends Error {}

/** Runs the program: outside it makes the sandbox, inside it plays. Arguments choose by title. */
export async function playAll(
  entryUrl: string,
  scenarios: readonly Scenario[],
  options: StageOptions = {},
): Promise<void> {
  const args = process.argv.slice(2);
  const work = insideSandbox() ? inside(scenarios, args, options) : outside(entryUrl, args);
  process.exit(
    await work.catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
      return 1;
    }),
  );
}

async function outside(entryUrl: string, args: readonly string[]): Promise<number> {
  const problem = labProblem();
  if (problem !== null) throw new Error(problem);
  if (args.includes(LIFELINE)) {
    process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1));
    process.stdin.resume();
  }
  const log = (line: string): void => print({ kind: 'note', sentence: line });
  return runInSandbox(fileURLToPath(entryUrl), args, { log });
}

async function inside(
  scenarios: readonly Scenario[],
  args: readonly string[],
  options: StageOptions,
): Promise<number> {
  const words = args.filter((arg) => !arg.startsWith('--'));
  const chosen = scenarios.filter(
    ({ title }) => words.length === 0 || words.some((word) => title.includes(word)),
  );
  const startMs = performance.now();
  const note = (sentence: string): void => print({ kind: 'note', sentence });
  const stage = await Stage.raise({ fact, note }, options);
  note(`the stage stands after ${Math.round(performance.now() - startMs)} ms`);
  let failed = 0;
  try {
    for (const scenario of chosen) failed += (await playOne(stage, scenario)) ? 0 : 1;
  } finally {
    await stage.strike();
  }
  print({ kind: 'over', played: chosen.length });
  return failed === 0 ? 0 : 1;
}

async function playOne(stage: Stage, { title, play }: Scenario): Promise<boolean> {
  const startMs = performance.now();
  print({ kind: 'begin', title });
  let error: string | null = null;
  stage.begin();
  try {
    await play(stage);
  } catch (thrown) {
    error = thrown instanceof FactFailure ? thrown.message : stackOf(thrown);
    print({ kind: 'note', sentence: await stage.explain().catch(stackOf) });
  }
  print({ kind: 'end', title, error, ms: Math.round(performance.now() - startMs) });
  return error === null;
}

function fact(sentence: string, holds: boolean, seen?: unknown): void {
  const shown = seen === undefined ? {} : { seen: shownOf(seen) };
  print({ kind: 'fact', sentence, holds, ...(holds ? {} : shown) });
  if (!holds) throw new FactFailure(sentence);
}

function shownOf(seen: unknown): string {
  const text = typeof seen === 'string' ? seen : JSON.stringify(seen, null, 1);
  return text.slice(0, SEEN_CHARS_MAX);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function print(line: PlayLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
