// Records what the real DRBD driver says in every state that a pair can reach:
// `node dist/lab/scenarios/record-drbd.js FOLDER` writes FOLDER/proc-drbd, FOLDER/events2,
// FOLDER/generation and FOLDER/kernel. The fixtures of the parsers' tests come from it.

import { fileURLToPath } from 'node:url';
import { Lab } from '../lab.js';
import * as moments from '../recording/moments.js';
import { Recorder } from '../recording/recorder.js';
import {
  firstSync,
  oddities,
  operations,
  restarts,
  splitBrain,
  Tour,
  troubles,
  twoVolumes,
} from '../recording/tour.js';
import { insideSandbox, labProblem, runInSandbox } from '../sandbox.js';

const startMs = performance.now();

function say(line: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const [folder] = args;
  if (folder === undefined) throw new Error('name the folder to write to');
  if (!insideSandbox()) {
    const problem = labProblem();
    if (problem !== null) throw new Error(problem);
    return runInSandbox(fileURLToPath(import.meta.url), args, { log: say });
  }
  const lab = await Lab.create({ log: say });
  const recorder = new Recorder(lab, folder);
  try {
    await lab.bootAll();
    const tour = new Tour(lab, recorder);
    await Promise.all(lab.nodes.map((node) => tour.prepare(node, true)));
    const { resyncs, farewells, greetings, disks, protocols, stalled } = moments;
    const parts = {
      ...{ firstSync, operations, troubles, splitBrain, oddities, twoVolumes, restarts },
      ...{ resyncs, farewells, greetings, disks, protocols, stalled },
    };
    for (const [name, part] of Object.entries(parts)) {
      await part(tour);
      say(`${name}: ${recorder.captures.length} captures`);
    }
  } finally {
    await lab.dispose();
  }
  return 0;
}

main(process.argv.slice(2)).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${words}\n`);
    process.exit(1);
  },
);
