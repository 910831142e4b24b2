/**
 * The swarm: many seeds, each a cluster of its own with its own trouble, checked all the time.
 *
 *     node dist/bench/sim.js --seeds 1000 [--nodes N] [--minutes M] [--every S] [--seconds S]
 *                            [--seed FIRST] [--jobs N] [--all] [--slow]
 *     node dist/bench/sim.js --seed 42 --log      one seed, every change of state
 *
 * `--every` is the mean time in seconds between two troubles of each sort; without it each seed draws
 * its own, 1 to 40 seconds, which no cluster was ever through. `--slow` takes a step of the core for
 * every turn, also where a node is at rest: the same histories.
 * Seeds are shared out among as many workers as there are processors. Stops at the first failure,
 * unless `--all`. Exit codes: 0 fine, 127 the core crashed, 129 a safety rule was broken, 128 the
 * service did not come back, 2 wrong usage.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describeParameters, drawParameters } from '../src/sim/parameters.js';
import type { RunReport } from '../src/sim/run.js';
import { shortLog } from '../src/sim/short-log.js';
import { runTask, type Outcome } from './sim-worker.js';

const EXIT = { fine: 0, crash: 127, safety: 129, liveness: 128 } as const;
const EXIT_USAGE = 2;
const PROGRESS_EVERY_MS = 5_000;
const HOUR_MS = 3_600_000;
/** Nearly all that a turn makes is garbage by the next: swept less often, less of it is copied. */
const YOUNG_MB = 96;
/** Seeds that a worker has before it: it does not wait for the next one. */
const SEEDS_AHEAD = 2;
/** More workers than this only get in each other's way. */
const JOBS_MAX = 64;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    nodes: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    every: { type: 'string' },
    seconds: { type: 'string', default: '0' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    log: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    slow: { type: 'boolean', default: false },
  },
});

const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const count = Number(values.seeds);
const limitMs = Number(values.seconds) * 1_000;
const jobs = Math.min(Number(values.jobs), count, JOBS_MAX);
const isSlow = values.slow;
const wishes = {
  nodes: values.nodes === undefined ? null : Number(values.nodes),
  minutes: Number(values.minutes),
  troubleEveryMs: values.every === undefined ? undefined : Number(values.every) * 1_000,
};
const everyMs = wishes.troubleEveryMs ?? 1;
const numbers = [first, count, limitMs, jobs, wishes.minutes, wishes.nodes ?? 2, everyMs];
if (!numbers.every((n) => Number.isFinite(n) && n >= 0) || jobs < 1 || everyMs === 0) {
  process.stderr.write('Numbers are expected: --seeds 100 --seed 1 --nodes 2 --minutes 5 --every 20 --jobs 2\n');
  process.exit(EXIT_USAGE);
}

const sum = {
  ...{ ran: 0, allowed: 0, excused: 0, failures: 0, slowestMs: 0 },
  ...{ nodeMs: 0, restedMs: 0, steppedMs: 0, turns: 0, restedTurns: 0 },
};
const startedMs = performance.now();
let saidMs = startedMs;
let next = first;

process.stdout.write(`seeds ${String(first)} to ${String(first + count - 1)}\n`);
if (count === 1) {
  process.stdout.write(`${describeParameters(drawParameters(first, wishes))}\n`);
  const log = shortLog((line) => process.stdout.write(`${line}\n`));
  takeIn(runTask({ seed: first, wishes, isSlow }, values.log ? log : undefined));
} else {
  await Promise.all(Array.from({ length: jobs }, work));
}
tellFigures();
process.exit(sum.failures === 0 ? 0 : 1);

/** One worker, until there are no more seeds or the time is over. */
function work(): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('sim-worker.js', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    let ahead = 0;
    const giveNext = (): void => {
      const isOver = limitMs > 0 && performance.now() - startedMs > limitMs;
      for (; ahead < SEEDS_AHEAD && next < first + count && !isOver; ahead += 1) {
        worker.postMessage({ seed: next, wishes, isSlow });
        next += 1;
      }
      if (ahead > 0) return;
      void worker.terminate();
      resolve();
    };
    worker.on('error', reject);
    worker.on('message', (outcome: Outcome) => {
      ahead -= 1;
      takeIn(outcome);
      giveNext();
    });
    giveNext();
  });
}

function takeIn({ report, allowed }: Outcome): void {
  sum.ran += 1;
  sum.allowed += allowed.length;
  sum.nodeMs += report.nodeMs;
  sum.restedMs += report.restedMs;
  sum.steppedMs += report.steppedMs;
  sum.turns += report.turns;
  sum.restedTurns += report.restedTurns;
  sum.excused += report.excused;
  sum.slowestMs = Math.max(sum.slowestMs, report.serviceReturnedMs ?? 0);
  if (values.log) for (const loss of allowed) process.stdout.write(`          allowed: ${loss}\n`);
  if (report.verdict.kind !== 'fine') {
    sum.failures += 1;
    tellFailure(report);
    if (!values.all) {
      tellFigures();
      process.exit(EXIT[report.verdict.kind]);
    }
  }
  if (performance.now() - saidMs < PROGRESS_EVERY_MS) return;
  saidMs = performance.now();
  tellFigures();
}

function tellFailure({ parameters, verdict }: RunReport): void {
  const what =
    verdict.kind === 'fine'
      ? ''
      : verdict.kind === 'safety'
        ? `${verdict.violation.rule} at ${(verdict.violation.atMs / 1_000).toFixed(3)} s: ` +
          verdict.violation.sentence
        : verdict.sentence;
  process.stdout.write(`seed ${String(parameters.seed)} ${verdict.kind}: ${what}\n`);
  process.stdout.write(
    `  replay: node dist/bench/sim.js --seed ${String(parameters.seed)} --log` +
      ` --minutes ${String(wishes.minutes)}` +
      (values.every === undefined ? '' : ` --every ${values.every}`) +
      `${wishes.nodes === null ? '' : ` --nodes ${String(wishes.nodes)}`}\n` +
      `  corpus: ${String(parameters.seed)} ${String(wishes.nodes ?? 0)} ${String(wishes.minutes)} ` +
      'all operators watchdog handlers persons | what it showed\n',
  );
}

function tellFigures(): void {
  const wallMs = performance.now() - startedMs;
  const hours = sum.nodeMs / HOUR_MS;
  const cpuSeconds = process.cpuUsage().user / 1_000_000;
  process.stdout.write(
    `${String(sum.ran)} seeds, ${String(sum.failures)} failed, ${hours.toFixed(1)} node-hours ` +
      `in ${(wallMs / 1_000).toFixed(0)} s (${(hours / (wallMs / 60_000)).toFixed(0)} node-hours ` +
      `a minute, ${(hours / (cpuSeconds / 60)).toFixed(0)} a minute of one processor), ` +
      `${tellPace()}, ${String(Math.round(sum.turns / (wallMs / 1_000)))} turns a second ` +
      `(${String(Math.round(sum.turns / cpuSeconds))} a second of processor time), ` +
      `${String(sum.allowed)} losses within the allowance, ` +
      `${String(sum.excused)} services without data, ` +
      `slowest return ${(sum.slowestMs / 1_000).toFixed(0)} s\n`,
  );
}

/** How much of that was gone through the short way, and how much of it no daemon has seen. */
function tellPace(): string {
  const hours = (ms: number): string => (ms / HOUR_MS).toFixed(1);
  const offMs = Math.max(0, sum.nodeMs - sum.restedMs - sum.steppedMs);
  return (
    `of these ${hours(sum.restedMs)} at rest (${String(sum.restedTurns)} turns the short way), ` +
    `${hours(sum.steppedMs)} by ${String(sum.turns - sum.restedTurns)} steps of the core, ` +
    `${hours(offMs)} without a daemon`
  );
}
