/** Hunts a mutant: seed after seed, until a checker reports the rule that it breaks. */
import { runSeed, type Verdict } from '../../../src/sim/run.js';
import { allCheckers } from '../checkers/all.js';
import type { Mutant } from './bend.js';

const MINUTES = 3;

/** How it was caught. */
export interface Catch {
  readonly seed: number;
  /** Seeds that were run for it, the last one included. */
  readonly seeds: number;
  /** Steps of the core, all nodes and seeds together, until the catch. */
  readonly steps: number;
  readonly rule: string;
  readonly sentence: string;
}

/** Null: it got away. */
export function hunt(mutant: Mutant, fromSeed: number): Catch | null {
  let steps = 0;
  for (let seed = fromSeed; seed <= mutant.seedsMax; seed += 1) {
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
        hasWatchdog: mutant.hasWatchdog ?? false,
        acceptsLoss: false,
        hasHandlerTroubles: mutant.hasHandlerTroubles ?? false,
      },
      brain: mutant.brain,
      checkers: allCheckers,
    });
    steps += report.turns;
    const caught = caughtBy(mutant, report.verdict);
    if (caught !== null) return { seed, seeds: seed - fromSeed + 1, steps, ...caught };
  }
  return null;
}

/** The rule that it broke and how; null when it got away. */
function caughtBy({ rules }: Mutant, verdict: Verdict): Pick<Catch, 'rule' | 'sentence'> | null {
  if (verdict.kind === 'liveness' && rules.includes('liveness')) {
    return { rule: 'liveness', sentence: verdict.sentence };
  }
  // A witness beside the core (witness.ts) names the invariant first.
  const rule = verdict.kind === 'crash' ? /^Error: ([IS]\d+): /.exec(verdict.sentence)?.[1] : undefined;
  if (verdict.kind === 'crash' && rule !== undefined && rules.includes(rule)) {
    return { rule, sentence: verdict.sentence };
  }
  if (verdict.kind !== 'safety' || !rules.includes(verdict.violation.rule)) return null;
  return verdict.violation;
}
