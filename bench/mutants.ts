/**
 * What it takes to catch each mutant of the core (test/sim/mutants): seeds of three minutes, from the
 * first one on, and steps of the core. Prints the table of docs/spec/failover.md.
 *
 *     node dist/bench/mutants.js [WORDS OF A NAME]
 *
 * Exit codes: 0 when all are caught, 1 when one got away.
 */
import { hunt } from '../test/sim/mutants/hunt.js';
import { MUTANTS } from '../test/sim/mutants/mutants.js';

const wanted = process.argv.slice(2).join(' ');
const chosen = MUTANTS.filter(({ name }) => name.includes(wanted));
const startedMs = performance.now();
let escaped = 0;

print('| mutant | caught by | seeds | steps | allowed |');
print('| --- | --- | --- | --- | --- |');
for (const mutant of chosen) {
  const { name, seedsMax } = mutant;
  const caught = hunt(mutant, 1);
  if (caught === null) escaped += 1;
  const cells =
    caught === null
      ? ['**nobody**', '', '']
      : [caught.rule, String(caught.seeds), caught.steps.toLocaleString('en-US')];
  print(`| ${[name, ...cells, String(seedsMax)].join(' | ')} |`);
}
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
process.stderr.write(
  `${String(chosen.length)} mutants, ${String(escaped)} got away, ${seconds} s\n`,
);
process.exitCode = escaped === 0 ? 0 : 1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
