/** One worker of the swarm: runs the seeds that it is given, one after the other. */
import { parentPort } from 'node:worker_threads';
import { initialState } from '../src/failover/state.js';
import { step } from '../src/failover/step.js';
import type { Wishes } from '../src/sim/parameters.js';
import { Resting } from '../src/sim/resting.js';
import { runSeed, type RunReport } from '../src/sim/run.js';
import type { Observer } from '../src/sim/observation.js';
import { allCheckers } from '../test/sim/checkers/all.js';

/** What a worker is asked. */
export interface Task {
  readonly seed: number;
  readonly wishes: Wishes;
  /** A step of the core for every turn, also at rest. */
  readonly isSlow?: boolean;
}

/** What came of a seed, and the losses that the design allows. */
export interface Outcome {
  readonly report: RunReport;
  readonly allowed: readonly string[];
}

/** Runs one seed against the real core and all checkers. */
export function runTask({ seed, wishes, isSlow }: Task, observer?: Observer): Outcome {
  const allowed: string[] = [];
  const report = runSeed({
    seed,
    wishes,
    brain: isSlow === true ? { initialState, step } : { initialState, step, resting: Resting.of },
    checkers: (world, tell) => allCheckers(world, tell, (sentence) => allowed.push(sentence)),
    ...(observer === undefined ? {} : { observer }),
  });
  return { report, allowed };
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(runTask(task)));
