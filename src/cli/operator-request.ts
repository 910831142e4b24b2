import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { OperatorAnswer, OperatorRequest, ReloadRequest, Status } from '../base/control.js';
import { nearestWord } from '../base/diagnostic.js';
import { formatDuration, parseDuration } from '../base/duration.js';
import { CliFailure } from './cli-failure.js';
import type { Client } from './client.js';
import { clientOf, exitName, type CommandContext, type CommonOptions } from './command-context.js';
import { progressLines, renderAnswer } from './render-answer.js';

/**
 * The way of every command that changes something:
 *
 *     send -> refused | done                                   -> last word
 *          -> accepted -> ask again, tell progress -> done | failed | time is up
 *
 * The daemon goes on when this program is interrupted or its time is up; both are said.
 */

/** Options of every command that changes something. */
export interface ChangeOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly wait: string;
}

/** A planned move takes seconds, one with a long database shutdown a minute. */
const WAIT_DEFAULT = '60s';

/** Longer than any sane stop timeout; a bound all the same. */
const WAIT_MAX_MS = 86_400_000;

/** How often the daemon is asked how it goes: below what a person notices as delay. */
const POLL_MS = 200;

/** Answers in a row that may be late while the daemon is busy with what it was asked for. */
const LATE_ANSWERS_MAX = 5;

/** Adds the options of a command that changes something. */
export function withChangeOptions(command: Command): Command {
  return command
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--wait <time>', 'how long to wait until it is done; 0s: do not wait', WAIT_DEFAULT);
}

/** Sends a request, waits for its end, prints it, and sets the exit code. */
export async function carryOut(
  request: OperatorRequest | ReloadRequest,
  options: ChangeOptions,
  context: CommandContext,
): Promise<void> {
  const waitMs = waitOf(options.wait);
  const dryRun = options.dryRun === true;
  const client = clientOf(options);
  const follower = progressFollower(options, context);
  let answer = await client.request({ request, dryRun });
  if (!dryRun) {
    follower(answer);
    if (answer.state === 'accepted') answer = await followed({ client, answer, waitMs, follower });
  }
  const told = answer.exit === 'noSuch' ? await withNearestName(answer, request, client) : answer;
  conclude(told, { ...options, dryRun, waitMs }, context);
}

function waitOf(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) {
    throw new CliFailure('usage', `option --wait: "${text}" is not ${parsed.error}`);
  }
  if (parsed.value <= WAIT_MAX_MS) return parsed.value;
  throw new CliFailure('usage', `option --wait: the limit is ${formatDuration(WAIT_MAX_MS)}`);
}

type Follower = (answer: OperatorAnswer) => void;

/** Tells each new sentence of progress on a terminal, and nothing to a pipe. */
function progressFollower(options: CommonOptions, { console }: CommandContext): Follower {
  let told = 0;
  return ({ progress }) => {
    if (!console.isTerminal || options.json === true) return;
    console.out(progressLines(progress.slice(told), console.style));
    told = Math.max(told, progress.length);
  };
}

interface Following {
  readonly client: Client;
  readonly answer: OperatorAnswer;
  readonly waitMs: number;
  readonly follower: Follower;
}

/** Asks until the request has ended or the time is up; the last answer either way. */
async function followed({ client, answer, waitMs, follower }: Following): Promise<OperatorAnswer> {
  const endMs = performance.now() + waitMs;
  let latest = answer;
  let late = 0;
  while (latest.state === 'accepted' && performance.now() < endMs) {
    await sleep(Math.min(POLL_MS, Math.max(0, endMs - performance.now())));
    const next = await client.answer(answer.id).catch((error: unknown) => {
      late += 1;
      if (late > LATE_ANSWERS_MAX || !isLate(error)) throw error;
      return latest;
    });
    if (next === null) throw forgotten(answer);
    if (next !== latest) late = 0;
    latest = next;
    follower(latest);
  }
  return latest;
}

function isLate(error: unknown): boolean {
  return error instanceof CliFailure && error.exit === 'unavailable';
}

function forgotten({ id }: OperatorAnswer): CliFailure {
  const sentence = `tandemd does not know request ${id} any more: was it restarted? See tandem status`;
  return new CliFailure('unknown', sentence);
}

interface Conclusion extends CommonOptions {
  readonly dryRun: boolean;
  readonly waitMs: number;
}

function conclude(answer: OperatorAnswer, end: Conclusion, context: CommandContext): void {
  const { console } = context;
  const json = end.json === true;
  const timeUp = answer.state === 'accepted' && !end.dryRun && end.waitMs > 0;
  const bad = answer.state === 'refused' || answer.state === 'failed';
  const text = renderAnswer(answer, end.dryRun, console.style);
  if (json) console.out(`${JSON.stringify(answer)}\n`);
  else if (bad) console.err(text);
  else if (!timeUp) console.out(text);
  if (timeUp) {
    const waited = formatDuration(end.waitMs);
    const sentence = `Not done within ${waited}; tandemd goes on with it: ${answer.message}`;
    if (!json) console.err(`${sentence}\n`);
    context.exit('timeout');
  } else if (bad) {
    const name = exitName(answer.exit);
    context.exit(name === 'ok' ? 'failed' : name);
  }
}

/** "There is no group mysq" becomes "There is no group mysq (did you mean mysql?)". */
async function withNearestName(
  answer: OperatorAnswer,
  request: OperatorRequest | ReloadRequest,
  client: Client,
): Promise<OperatorAnswer> {
  const status = await client.status().catch(() => null);
  const nearest = status === null ? [] : suggestions(request, status);
  if (nearest.length === 0) return answer;
  return { ...answer, message: `${answer.message} (did you mean ${nearest.join(', ')}?)` };
}

function suggestions(request: OperatorRequest | ReloadRequest, status: Status): string[] {
  const groups = status.groups.map(({ name }) => name);
  const nodes = status.nodes.map(({ name }) => name);
  const asked: readonly (readonly [string | null, readonly string[]])[] = [
    ['group' in request ? request.group : null, groups],
    ['node' in request ? request.node : null, nodes],
    ['to' in request ? request.to : null, nodes],
  ];
  return asked.flatMap(([word, known]) => {
    if (word === null || known.includes(word)) return [];
    const nearest = nearestWord(word, known);
    return nearest === undefined ? [] : [nearest];
  });
}
