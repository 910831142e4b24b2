/**
 * The short way through the turns of a node at rest (src/sim/resting.ts) leaves nothing out: at
 * every such turn of a swarm the core takes the same one beside it, and state and effects must be
 * equal. And the same seeds, run with and without, have the same history: whatever happens, it finds
 * everybody knowing the same.
 */
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { initialState, type State } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import type { Brain } from '../../src/sim/machine-setup.js';
import type { Kind, Observation } from '../../src/sim/observation.js';
import { Resting, type ShortWay } from '../../src/sim/resting.js';
import { runSeed, type RunReport } from '../../src/sim/run.js';
import { allCheckers } from './checkers/all.js';
import { Knowledge } from './checkers/knowledge.js';
import { WitnessedRest } from './witness.js';

const FIRST_SEED = 20_260_100;
const SEEDS = 16;
const MINUTES = 1;
const wishes = { nodes: null, minutes: MINUTES };

/** Turns at rest when something came, and for letters that had lain there. */
let rested = 0;
let lain = 0;

/** The short way, with the core beside it. */
function doubled(state: State, beganMs: number, before: ShortWay | null): ShortWay | null {
  const resting = Resting.of(state, beganMs, before instanceof WitnessedRest ? before.inner : null);
  if (resting === null) return null;
  return new WitnessedRest(resting, (what) => {
    if (what === 'rested') rested += 1;
    else lain += 1;
  });
}

t.test('resting: a turn at rest is what the core makes of it, in any trouble', (t) => {
  let turns = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const brain = { initialState, step, resting: doubled };
    const report = runSeed({ seed, wishes, brain, checkers: () => [] });
    turns += report.turns;
    t.not(report.verdict.kind, 'crash', `seed ${String(seed)}`);
    if (report.verdict.kind === 'crash') t.comment(report.verdict.sentence);
  }
  t.ok(rested + lain > turns / 2, `${String(rested + lain)} of ${String(turns)} turns were at rest`);
  t.ok(lain > rested / 2, `${String(lain)} of these for letters that had lain there`);
  t.end();
});

/** What is told late, or not at all, while it only repeats itself (src/sim/repeats.ts). */
const REPEATED: readonly Kind[] = ['turned', 'sent', 'heard'];
/** What concerns nobody's knowledge, or only that of its own node. */
const isOfNobody = (seen: Observation): boolean =>
  seen.kind === 'acknowledged' || ('verb' in seen && ['monitor', 'probe'].includes(seen.verb));

/** All that a checker can know of what every node was told and has said last. */
class Picture {
  readonly #knowledge = new Knowledge(null);
  readonly #said = new Map<string, string>();

  take(seen: Observation, nowMs: number): void {
    this.#knowledge.take(seen, nowMs);
    if (seen.kind === 'sent') this.#said.set(seen.node, `${JSON.stringify(seen.report)} ${String(nowMs)}`);
    if (seen.kind === 'daemon') this.#said.delete(seen.node);
  }

  /** What these know of all. */
  describe(of: readonly string[], nodes: readonly string[]): string {
    const pairs = of.flatMap((node) => nodes.map((about) => this.#knowledge.of(node, about)));
    const told = pairs.map(({ report, ...rest }) => [report?.generation, report?.sequence, rest]);
    return JSON.stringify([told, of.map((node) => this.#said.get(node))]);
  }
}

interface History {
  /** Everything but what repeats itself, each with what was known by then. */
  readonly lines: readonly string[];
  /** What was heard and sent. */
  readonly words: readonly string[];
  readonly losses: readonly string[];
  readonly ends: Readonly<Record<string, State | null>>;
  readonly report: RunReport;
}

function play(seed: number, brain: Brain): History {
  const lines: string[] = [];
  const words: string[] = [];
  const losses: string[] = [];
  const picture = new Picture();
  let nodes: readonly string[] = [];
  let ends: () => Record<string, State | null> = () => ({});
  const report = runSeed({
    seed,
    wishes,
    brain,
    checkers: (world, tell) => {
      nodes = world.setup.nodes;
      const machines = Object.values(world.machines);
      ends = () => Object.fromEntries(machines.map(({ name, state }) => [name, state]));
      return allCheckers(world, tell, (sentence) => losses.push(sentence));
    },
    observer: (seen, nowMs) => {
      picture.take(seen, nowMs);
      const line = `${String(nowMs)} ${JSON.stringify(seen)}`;
      if (seen.kind === 'heard' || seen.kind === 'sent') words.push(line);
      if (REPEATED.includes(seen.kind)) return;
      const of = seen.kind === 'heardForeign' ? [seen.node] : nodes;
      lines.push(isOfNobody(seen) ? line : `${line} ${picture.describe(of, nodes)}`);
    },
  });
  return { lines, words, losses, ends: ends(), report };
}

t.test('resting: the same seed has the same history with and without the short way', (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const full = play(seed, { initialState, step });
    const short = play(seed, { initialState, step, resting: Resting.of });
    const at = full.lines.findIndex((line, index) => line !== short.lines[index]);
    t.equal(short.lines[at], full.lines[at], `seed ${String(seed)}: line ${String(at)}`);
    t.equal(short.lines.length, full.lines.length, 'not a line more');
    const words = new Set(full.words);
    t.equal(short.words.find((word) => !words.has(word)), undefined, 'no word that was not said');
    t.ok(short.words.length < full.words.length, 'what repeats itself is told once');
    t.ok(isDeepStrictEqual(short.ends, full.ends), 'every node ends in the same state');
    t.same(short.losses, full.losses, 'the same losses within the allowance');
    const { restedTurns, restedMs, steppedMs, ...end } = short.report;
    t.match(full.report, end, 'the same end');
    t.ok(restedTurns > 0 && full.report.restedTurns === 0, `${String(restedTurns)} turns at rest`);
    t.ok(Math.abs(restedMs + steppedMs - full.report.steppedMs) < 1, 'all of the time is counted');
  }
  t.end();
});
