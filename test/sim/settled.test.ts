/**
 * What is passed over because nothing would come of it (src/failover/settled.ts) is reviewed here
 * all the same, beside the core, at every turn of a swarm: state and effects must be equal. Then the other
 * invariants that need a second turn beside the first: the same one once more, one after a good look, and
 * one after an absence.
 */
import t from 'tap';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { runSeed } from '../../src/sim/run.js';
import { witnessAbsence, witnessLooks, witnessReviews, witnessSameness } from './witness.js';

const FIRST_SEED = 20_260_000;
const SEEDS = 16;
const MINUTES = 1;

t.test('settled: passing over a review changes nothing, in any trouble', (t) => {
  let turns = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const wishes = { nodes: null, minutes: MINUTES };
    const brain = { initialState, step: witnessReviews(step) };
    const report = runSeed({ seed, wishes, brain, checkers: () => [] });
    turns += report.turns;
    t.notMatch(report.verdict.kind, 'crash', `seed ${String(seed)}`);
    if (report.verdict.kind === 'crash') t.comment(report.verdict.sentence);
  }
  t.comment(`${String(turns)} steps`);
  t.end();
});

t.test('settled: the same turn gives the same (I1), one look stops nothing (I7), no account outlives an absence (S7)', (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS / 2; seed += 1) {
    const brain = { initialState, step: witnessSameness(witnessLooks(witnessAbsence(step))) };
    const report = runSeed({ seed, wishes: { nodes: null, minutes: MINUTES }, brain, checkers: () => [] });
    t.notMatch(report.verdict.kind, 'crash', `seed ${String(seed)}`);
    if (report.verdict.kind === 'crash') t.comment(report.verdict.sentence);
  }
  t.end();
});
