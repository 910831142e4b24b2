/**
 * The swarm: many seeds, each a cluster of its own with its own trouble, checked all the time.
 *
 *     node dist/bench/sim.js --seeds 1000 [--nodes N] [--minutes M] [--seconds S] [--seed FIRST]
 *     node dist/bench/sim.js --seed 42 --log      one seed, every change of state
 *
 * Stops at the first failure. Exit codes: 0 fine, 127 the core crashed, 129 a safety rule was
 * broken, 128 the service did not come back, 2 wrong usage.
 */
import { parseArgs } from 'node:util';
import { initialState } from '../src/failover/state.js';
import { step } from '../src/failover/step.js';
import { describeParameters, drawParameters } from '../src/sim/parameters.js';
import { runSeed, type RunReport } from '../src/sim/run.js';
import { shortLog } from '../src/sim/short-log.js';
import { allCheckers } from '../test/sim/checkers/all.js';

const EXIT = { fine: 0, crash: 127, safety: 129, liveness: 128 } as const;
const PROGRESS_EVERY_MS = 5_000;
const HOUR_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    nodes: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0' },
    log: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  },
});

const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const count = Number(values.seeds);
const wishes = {
  nodes: values.nodes === undefined ? null : Number(values.nodes),
  minutes: Number(values.minutes),
};
if (![first, count, wishes.minutes, wishes.nodes ?? 2].every((n) => Number.isFinite(n) && n >= 0)) {
  process.stderr.write('Numbers are expected: --seeds 100 --seed 1 --nodes 2 --minutes 5\n');
  process.exit(2);
}

let allowed = 0;
let nodeMs = 0;
let turns = 0;
let excused = 0;
let failures = 0;
let slowestMs = 0;
const startedMs = performance.now();
const limitMs = Number(values.seconds) * 1_000;
let saidMs = startedMs;
let ran = 0;

process.stdout.write(`seeds ${String(first)} to ${String(first + count - 1)}\n`);
for (let seed = first; seed < first + count; seed += 1) {
  if (count === 1) {
    process.stdout.write(`${describeParameters(drawParameters(seed, wishes))}\n`);
  }
  const report = runSeed({
    seed,
    wishes,
    brain: { initialState, step },
    checkers: (world, tell) => allCheckers(world, tell, tellAllowance),
    ...(values.log ? { observer: shortLog((line) => process.stdout.write(`${line}\n`)) } : {}),
  });
  ran += 1;
  nodeMs += report.nodeMs;
  turns += report.turns;
  excused += report.excused;
  slowestMs = Math.max(slowestMs, report.serviceReturnedMs ?? 0);
  if (report.verdict.kind !== 'fine') {
    failures += 1;
    tellFailure(report);
    if (!values.all) {
      tellFigures();
      process.exit(EXIT[report.verdict.kind]);
    }
  }
  const nowMs = performance.now();
  if (nowMs - saidMs > PROGRESS_EVERY_MS) {
    saidMs = nowMs;
    tellFigures();
  }
  if (limitMs > 0 && nowMs - startedMs > limitMs) break;
}
tellFigures();
process.exit(failures === 0 ? 0 : 1);

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
      `${wishes.nodes === null ? '' : ` --nodes ${String(wishes.nodes)}`}\n`,
  );
}

function tellAllowance(sentence: string): void {
  allowed += 1;
  if (values.log) process.stdout.write(`          allowed: ${sentence}\n`);
}

function tellFigures(): void {
  const wallMs = performance.now() - startedMs;
  const perMinute = nodeMs / HOUR_MS / (wallMs / 60_000);
  const cpuSeconds = process.cpuUsage().user / 1_000_000;
  process.stdout.write(
    `${String(ran)} seeds, ${String(failures)} failed, ${(nodeMs / HOUR_MS).toFixed(1)} node-hours ` +
      `in ${(wallMs / 1_000).toFixed(0)} s (${perMinute.toFixed(0)} node-hours a minute), ` +
      `${String(Math.round(turns / (wallMs / 1_000)))} steps a second ` +
      `(${String(Math.round(turns / cpuSeconds))} a second of processor time), ` +
      `${String(allowed)} losses within the allowance, ${String(excused)} services without data, ` +
      `slowest return ${(slowestMs / 1_000).toFixed(0)} s\n`,
  );
}
