/**
 * The short way through the turns of a node at rest (src/sim/resting.ts) leaves nothing out: at
 * every such turn of a swarm the core takes the same one beside it, and state and effects must be
 * equal; and the same seeds, run with and without, have the same history.
 */
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { initialState, type State } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import type { Brain } from '../../src/sim/machine-setup.js';
import { Resting } from '../../src/sim/resting.js';
import { runSeed, type RunReport } from '../../src/sim/run.js';
import { allCheckers } from './checkers/all.js';

const FIRST_SEED = 20_260_100;
const SEEDS = 16;
const MINUTES = 1;
const wishes = { nodes: null, minutes: MINUTES };

let rested = 0;

/** The short way, with the core beside it. */
const doubled: NonNullable<Brain['resting']> = (before, beganMs) => {
  const resting = Resting.of(before, beganMs);
  if (resting === null) return null;
  return {
    get state(): State {
      return resting.state;
    },
    turn: (event, nowMs) => {
      const full = step(resting.state, event, nowMs);
      const effects = resting.turn(event, nowMs);
      if (effects === null) return null;
      rested += 1;
      if (isDeepStrictEqual({ state: resting.state, effects }, full)) return effects;
      const parts = Object.keys(full.state) as (keyof State)[];
      const differ = parts.filter((name) => !isDeepStrictEqual(resting.state[name], full.state[name]));
      throw new Error(`${event.kind}: ${differ.join(', ')} differ, or the effects`);
    },
  };
};

t.test('resting: a turn at rest is what the core makes of it, in any trouble', (t) => {
  let turns = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const brain = { initialState, step, resting: doubled };
    const report = runSeed({ seed, wishes, brain, checkers: () => [] });
    turns += report.turns;
    t.not(report.verdict.kind, 'crash', `seed ${String(seed)}`);
    if (report.verdict.kind === 'crash') t.comment(report.verdict.sentence);
  }
  t.ok(rested > turns / 2, `${String(rested)} of ${String(turns)} turns were at rest`);
  t.end();
});

/** What happens in the world, a line each, and how it ends. */
function play(seed: number, brain: Brain): { readonly lines: string[]; readonly report: RunReport } {
  const lines: string[] = [];
  const report = runSeed({
    seed,
    wishes,
    brain,
    checkers: allCheckers,
    observer: (seen, nowMs) => lines.push(`${String(nowMs)} ${JSON.stringify(seen)}`),
  });
  return { lines, report };
}

t.test('resting: the same seed has the same history with and without the short way', (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const full = play(seed, { initialState, step });
    const short = play(seed, { initialState, step, resting: Resting.of });
    const at = full.lines.findIndex((line, index) => line !== short.lines[index]);
    t.equal(short.lines[at], full.lines[at], `seed ${String(seed)}: line ${String(at)}`);
    t.same(short.report, full.report, `seed ${String(seed)}: the same end`);
  }
  t.end();
});
