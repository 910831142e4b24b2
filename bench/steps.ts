/**
 * The bare core: how many events a second go through `step`. Runs are recorded in the simulator
 * first, every event with its time; then the same events go through the core again, alone.
 *
 *     node dist/bench/steps.js [--minutes M] [--rounds N]
 */
import { parseArgs } from 'node:util';
import type { FailoverEvent } from '../src/failover/event.js';
import { initialState, type State } from '../src/failover/state.js';
import { step } from '../src/failover/step.js';
import type { Brain } from '../src/sim/machine-setup.js';
import { drawParameters, setupFrom, type Parameters } from '../src/sim/parameters.js';
import { runSeed } from '../src/sim/run.js';
import { World } from '../src/sim/world.js';

/** One life of a daemon: the state that it began with, and all that it was told. */
interface Life {
  readonly first: State;
  readonly events: { readonly event: FailoverEvent; readonly nowMs: number }[];
}

/** The core, and a record of what it is asked. */
function recorder(): { readonly brain: Brain; readonly lives: readonly Life[] } {
  const lives: Life[] = [];
  const lifeOf = new WeakMap<State, Life>();
  const brain: Brain = {
    initialState: (...setup) => {
      const first = initialState(...setup);
      const life: Life = { first, events: [] };
      lives.push(life);
      lifeOf.set(first, life);
      return first;
    },
    step: (state, event, nowMs) => {
      const result = step(state, event, nowMs);
      const life = lifeOf.get(state);
      life?.events.push({ event, nowMs });
      if (life !== undefined) lifeOf.set(result.state, life);
      return result;
    },
  };
  return { brain, lives };
}

function quiet(nodes: number, links: number, minutes: number): readonly Life[] {
  const { brain, lives } = recorder();
  const drawn = drawParameters(1, { nodes, minutes });
  const calm: Parameters = { ...drawn, groups: 1, links, keepaliveMs: 200, deadtimeMs: 1_500 };
  const world = new World(setupFrom({ ...calm, loss: 0, jitterMs: 1, bootMs: 1_000 }, brain));
  for (const machine of Object.values(world.machines)) machine.restorePower();
  world.run(minutes * 60_000);
  return lives;
}

function troubled(minutes: number): readonly Life[] {
  const { brain, lives } = recorder();
  for (let seed = 1; seed <= 5; seed += 1) {
    runSeed({ seed, wishes: { nodes: null, minutes }, brain, checkers: () => [] });
  }
  return lives;
}

function replay(lives: readonly Life[]): number {
  let steps = 0;
  for (const { first, events } of lives) {
    let state = first;
    for (const { event, nowMs } of events) ({ state } = step(state, event, nowMs));
    steps += events.length;
  }
  return steps;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
  },
});
const minutes = Number(values.minutes);
const rounds = Number(values.rounds);
const recorded = {
  'two quiet nodes, 2 links': quiet(2, 2, minutes),
  'five quiet nodes, 2 links': quiet(5, 2, minutes),
  'five troubled clusters': troubled(minutes),
};
for (const [name, lives] of Object.entries(recorded)) {
  const figures = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage().user;
    const steps = replay(lives);
    return { steps, perSecond: steps / ((process.cpuUsage().user - before) / 1_000_000) };
  }).sort((a, b) => a.perSecond - b.perSecond);
  const median = figures[Math.floor(rounds / 2)];
  process.stdout.write(
    `${name.padEnd(26)} ${String(median?.steps ?? 0).padStart(8)} events, ` +
      `${String(Math.round(median?.perSecond ?? 0))} steps a second of processor time\n`,
  );
}
