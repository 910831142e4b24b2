/**
 * A short swarm: fresh seeds in every run, printed, and every seed that ever caught something. A
 * failing seed goes into seeds.txt with a line on what it caught. The long swarm is bench/sim.ts.
 * TANDEM_SEED fixes the first seed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import type { Wishes } from '../../src/sim/parameters.js';
import { runSeed, type RunReport } from '../../src/sim/run.js';
import { allCheckers } from './checkers/all.js';

/** Enough for the kinds of trouble to meet; short enough for every test run. */
const FRESH_SEEDS = 40;
const FRESH_MINUTES = 4;
const WALL_MS_MAX = 25_000;

function run(
  seed: number,
  nodes: number | null,
  minutes: number,
  policy: Omit<Wishes, 'nodes' | 'minutes'> = {},
): RunReport {
  const brain = { initialState, step };
  return runSeed({ seed, wishes: { nodes, minutes, ...policy }, brain, checkers: allCheckers });
}

const POLICIES = ['resource-only', 'resource-and-stonith'] as const;

/**
 * `SEED NODES MINUTES [POLICY] [rare]`: without a word no fencing policy, no rare troubles, no
 * upkeep. `all`: whatever the seed draws, but operators who type everything at the worst time;
 * `all operators`: with them; `watchdog`: machines may have one, and disks of state files may hang;
 * `handlers`: those of DRBD may be of no use; `persons`: in the end they may give up data. The swarm
 * runs a seed as `all operators watchdog handlers persons`.
 */
function split(text: string): readonly [readonly string[], readonly string[]] {
  const words = text.trim().split(/\s+/);
  return [words.slice(0, 3), words.slice(3)];
}

function sentenceOf({ verdict }: RunReport): string {
  if (verdict.kind === 'fine') return 'fine';
  if (verdict.kind !== 'safety') return `${verdict.kind}: ${verdict.sentence}`;
  const { rule, sentence, atMs } = verdict.violation;
  return `${rule} at ${String(Math.round(atMs))} ms: ${sentence}`;
}

const corpus = readFileSync(fileURLToPath(new URL('seeds.txt', import.meta.url)), 'utf8');
for (const line of corpus.split('\n')) {
  const [numbers = '', what = ''] = line.split('|');
  const [words, options] = split(numbers);
  const [seed, nodes, minutes] = words.map(Number);
  if (line.startsWith('#') || seed === undefined || minutes === undefined) continue;
  const once = {
    drbdFencing: POLICIES.find((policy) => options.includes(policy)) ?? 'dont-care',
    hasRareTroubles: options.includes('rare'),
    upkeep: [],
    operators: [],
    hasWatchdog: false,
    hasHandlerTroubles: false,
    acceptsLoss: false,
  };
  const most = {
    ...(options.includes('operators') ? {} : { operators: [] }),
    ...(options.includes('watchdog') ? {} : { hasWatchdog: false }),
    ...(options.includes('handlers') ? {} : { hasHandlerTroubles: false }),
    ...(options.includes('persons') ? {} : { acceptsLoss: false }),
  };
  const wishes = options.includes('all') ? most : once;
  const report = run(seed, nodes === 0 ? null : (nodes ?? null), minutes, wishes);
  t.equal(sentenceOf(report), 'fine', `corpus: seed ${String(seed)} (${what.trim()})`);
}

t.test('swarm: fresh seeds', (t) => {
  const first = Number(process.env['TANDEM_SEED'] ?? Date.now() % 1_000_000_000);
  const startedMs = performance.now();
  let turns = 0;
  let seed = first;
  t.comment(`first seed ${String(first)}: TANDEM_SEED=${String(first)} repeats it`);
  for (; seed < first + FRESH_SEEDS; seed += 1) {
    if (performance.now() - startedMs > WALL_MS_MAX) break;
    const report = run(seed, null, FRESH_MINUTES);
    turns += report.turns;
    const replay = `--seed ${String(seed)} --minutes ${String(FRESH_MINUTES)}`;
    t.equal(sentenceOf(report), 'fine', `swarm: ${replay}`);
  }
  t.comment(`${String(seed - first)} seeds, ${String(turns)} steps`);
  t.end();
});

t.test('swarm: one seed gives one history', (t) => {
  const [once, again] = [run(7, 3, 1), run(7, 3, 1)];
  t.same(once, again, 'same verdict, same turns, same time');
  t.end();
});
