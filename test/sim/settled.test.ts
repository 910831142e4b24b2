/**
 * What is passed over because nothing would come of it (src/failover/settled.ts) is reviewed here
 * all the same, beside the core, at every turn of a swarm: state and effects must be equal. What is
 * remembered belongs to one object of the configuration, so a copy of that remembers nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { initialState, type State } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { runSeed } from '../../src/sim/run.js';

const FIRST_SEED = 20_260_000;
const SEEDS = 16;
const MINUTES = 1;

/** The core, with the same turn of one that remembers nothing beside it. */
const doubled: typeof step = (state, event, nowMs) => {
  const result = step(state, event, nowMs);
  const anew: State = { ...state, spec: { ...state.spec } };
  const full = step(anew, event, nowMs);
  if (isDeepStrictEqual(result, full)) return result;
  const parts = Object.keys(result.state) as (keyof State)[];
  const differ = parts.filter((name) => !isDeepStrictEqual(result.state[name], full.state[name]));
  const [was, is] = [result, full].map(({ effects }) => effects.map(({ kind }) => kind).join(' '));
  throw new Error(`${event.kind}: ${differ.join(', ')} differ; effects: ${was ?? ''} / ${is ?? ''}`);
};

t.test('settled: passing over a review changes nothing, in any trouble', (t) => {
  let turns = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const wishes = { nodes: null, minutes: MINUTES };
    const brain = { initialState, step: doubled };
    const report = runSeed({ seed, wishes, brain, checkers: () => [] });
    turns += report.turns;
    t.notMatch(report.verdict.kind, 'crash', `seed ${String(seed)}`);
    if (report.verdict.kind === 'crash') t.comment(report.verdict.sentence);
  }
  t.comment(`${String(turns)} steps`);
  t.end();
});
