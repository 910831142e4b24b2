/**
 * Proof that the checkers can fail: each broken rule is caught, by its own number. The comments
 * tell which seed caught it, and how many steps of the core that took; `node dist/bench/mutants.js`
 * measures all of them from the first seed on.
 */
import t from 'tap';
import { hunt } from './hunt.js';
import { MUTANTS } from './mutants.js';

for (const mutant of MUTANTS) {
  const caught = hunt(mutant, mutant.fromSeed ?? 1);
  t.ok(caught, `mutants: ${mutant.name} (within ${String(mutant.seedsMax)} seeds)`);
  if (caught === null) continue;
  const { seed, steps, rule, sentence } = caught;
  t.comment(`seed ${String(seed)}, ${String(steps)} steps; ${rule}: ${sentence}`);
}
