/**
 * Proof that the checkers can fail: each broken rule is caught, by its own number. The comments
 * tell which seed caught it, and how many steps of the core that took.
 */
import t from 'tap';
import { runSeed, type Verdict } from '../../../src/sim/run.js';
import { allCheckers } from '../checkers/all.js';
import { MUTANTS, type Mutant } from './mutants.js';

const MINUTES = 3;

interface Catch {
  readonly seeds: number;
  readonly turns: number;
  readonly what: string;
}

function hunt(mutant: Mutant): Catch | null {
  let turns = 0;
  for (let seed = mutant.fromSeed ?? 1; seed <= mutant.seedsMax; seed += 1) {
    const report = runSeed({
      seed,
      wishes: {
        nodes: mutant.nodes,
        minutes: MINUTES,
        drbdFencing: mutant.drbdFencing ?? 'dont-care',
        hasRareTroubles: false,
        upkeep: mutant.upkeep ?? [],
        powerDevices: mutant.powerDevices,
        operators: mutant.operators ?? [],
      },
      brain: mutant.brain,
      checkers: allCheckers,
    });
    turns += report.turns;
    const what = caughtBy(mutant, report.verdict);
    if (what !== null) return { seeds: seed, turns, what };
  }
  return null;
}

/** The rule that it broke and how; null when it got away. */
function caughtBy({ rules }: Mutant, verdict: Verdict): string | null {
  if (verdict.kind === 'liveness' && rules.includes('liveness')) return verdict.sentence;
  if (verdict.kind !== 'safety' || !rules.includes(verdict.violation.rule)) return null;
  return `${verdict.violation.rule}: ${verdict.violation.sentence}`;
}

for (const mutant of MUTANTS) {
  const caught = hunt(mutant);
  t.ok(caught, `mutants: ${mutant.name} (within ${String(mutant.seedsMax)} seeds)`);
  if (caught === null) continue;
  t.comment(`seed ${String(caught.seeds)}, ${String(caught.turns)} steps; ${caught.what}`);
}
