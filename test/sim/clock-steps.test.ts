/**
 * The wall clock is for the ends that operators set, and for what people read: set by seconds or
 * by a day, forwards or back, it changes nothing else. The same seeds are run twice, once with
 * steps of nothing, and give the same history.
 */
import t from 'tap';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { Senses } from '../../src/sim/senses.js';
import { drawParameters, type Wishes } from '../../src/sim/parameters.js';
import { runSeed } from '../../src/sim/run.js';
import { allCheckers } from './checkers/all.js';

const SEEDS = 8;
const wishes: Wishes = {
  nodes: 2,
  minutes: 2,
  drbdFencing: 'dont-care',
  hasRareTroubles: false,
  upkeep: ['clockStep'],
  operators: [],
};

/** What happens in the world, a line each; and how often a clock was set. */
function historyOf(seed: number): { readonly lines: readonly string[]; readonly steps: number } {
  const lines: string[] = [];
  let steps = 0;
  runSeed({
    seed,
    wishes,
    brain: { initialState, step },
    checkers: allCheckers,
    observer: (seen, nowMs) => {
      if (seen.kind === 'clockStep') steps += 1;
      else if (seen.kind !== 'turned') lines.push(`${String(nowMs)} ${JSON.stringify(seen)}`);
    },
  });
  return { lines, steps };
}

t.test('sim: the wall clock decides nothing but the ends of holds', (t) => {
  const setWallClock = Object.getOwnPropertyDescriptor(Senses.prototype, 'setWallClock');
  const set = setWallClock?.value as (this: Senses, byMs: number) => void;
  t.teardown(() => (Senses.prototype.setWallClock = set));
  let steps = 0;
  for (let seed = 1, played = 0; played < SEEDS; seed += 1) {
    // A hold may have an end, and that is what the wall clock is for.
    if (drawParameters(seed, wishes).troubles.includes('holds')) continue;
    played += 1;
    Senses.prototype.setWallClock = set;
    const stepped = historyOf(seed);
    Senses.prototype.setWallClock = function (this: Senses): void {
      set.call(this, 0);
    };
    t.same(historyOf(seed).lines, stepped.lines, `seed ${String(seed)}`);
    steps += stepped.steps;
  }
  t.ok(steps > 20, `${String(steps)} steps of clocks`);
  t.end();
});
