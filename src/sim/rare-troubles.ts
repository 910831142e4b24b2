/**
 * Trouble that came to the simulator later, drawn from streams of its own, so that the seeds that
 * were found before keep their meaning: damaged frames, one deaf direction of one medium, clocks
 * that change their pace, pauses of any length, another release of the program, agents that take
 * their time, and an operator who types whenever something is under way.
 */
import { createPrng, type Prng } from '../base/prng.js';
import { between, chance, pickAny } from './draw.js';
import type { Machine } from './machine.js';
import type { Parameters } from './parameters.js';
import type { World } from './world.js';

/** The kinds. */
export const RARE_TROUBLES = [
  'corruption',
  'deafMedium',
  'drift',
  'pause',
  'upgrade',
  'slowAgents',
  'meddling',
] as const;

export type RareTrouble = (typeof RARE_TROUBLES)[number];

/** Clocks go wrong by this much at most: a quartz out of order, corrected by nobody. */
const DRIFT_PPM_MAX = 5_000;
/** Pauses from a scheduler's hiccup to a virtual machine that is moved to another host. */
const PAUSE_MS = [1, 120_000] as const;
/** The protocol of a release that is not out yet. */
const OTHER_PROTOCOL = 2;

export class RareTroubleMaker {
  readonly #world: World;
  readonly #parameters: Parameters;
  readonly #prng: Prng;
  readonly #meddle: () => void;
  #isActive = true;
  #isMeddling = false;

  /** `meddle` types any command of an operator. */
  constructor(world: World, parameters: Parameters, meddle: () => void) {
    this.#world = world;
    this.#parameters = parameters;
    this.#prng = createPrng(parameters.seed ^ 0x4a4e);
    this.#meddle = meddle;
    if (parameters.rareTroubles.length > 0) this.#planNext();
    if (parameters.rareTroubles.includes('meddling')) this.#watch();
  }

  stop(): void {
    this.#isActive = false;
    this.#isMeddling = false;
  }

  #planNext(): void {
    const waitMs = -Math.log(1 - this.#prng.next()) * this.#parameters.troubleEveryMs;
    this.#world.queue.after(waitMs, () => {
      if (!this.#isActive) return;
      const trouble = pickAny(this.#prng, this.#parameters.rareTroubles);
      if (trouble !== undefined) this.#make[trouble]();
      this.#planNext();
    });
  }

  readonly #make: Readonly<Record<RareTrouble, () => void>> = {
    corruption: () => {
      const { network } = this.#world;
      const medium = pickAny(this.#prng, network.media);
      if (medium === undefined) return;
      const corruption = between(this.#prng, 0.05, 0.9);
      this.#tell(`${medium.name} damages ${String(Math.round(corruption * 100))} % of the frames`);
      network.setQuality(medium.name, { ...medium.quality, corruption });
      this.#later(() => network.setQuality(medium.name, medium.quality));
    },
    deafMedium: () => {
      const { network, setup } = this.#world;
      const medium = pickAny(this.#prng, network.media)?.name ?? '';
      const from = pickAny(this.#prng, setup.nodes) ?? '';
      const to = pickAny(this.#prng, setup.nodes.filter((node) => node !== from)) ?? '';
      this.#tell(`${medium} carries nothing from ${from} to ${to}`);
      network.set(medium, from, to, false);
      this.#later(() => network.set(medium, from, to, true));
    },
    drift: () => {
      const machine = this.#machine();
      const ppm = Math.round(between(this.#prng, -DRIFT_PPM_MAX, DRIFT_PPM_MAX));
      this.#tell(`the clock of ${machine.name} runs ${String(ppm)} ppm fast`);
      machine.setDrift(ppm);
    },
    pause: () => {
      const machine = this.#machine();
      const [shortest, longest] = PAUSE_MS;
      const forMs = shortest * (longest / shortest) ** this.#prng.next();
      const isWhole = chance(this.#prng, 0.5);
      const what = isWhole ? machine.name : `the daemon of ${machine.name}`;
      this.#tell(`${what} pauses for ${String(Math.round(forMs))} ms`);
      if (isWhole) machine.freeze(forMs);
      else machine.stall(forMs);
    },
    upgrade: () => {
      const machine = this.#machine();
      this.#tell(`${machine.name} is restarted with another release`);
      machine.restartWithProtocol(OTHER_PROTOCOL);
      this.#later(() => machine.restartWithProtocol(null));
    },
    slowAgents: () => {
      const { name } = this.#machine();
      this.#tell(`agents on ${name} take their time`);
      this.#world.setSlowAgents(name, true);
      this.#later(() => this.#world.setSlowAgents(name, false));
    },
    meddling: () => {
      this.#tell('an operator types whenever something is under way');
      this.#isMeddling = true;
      this.#later(() => (this.#isMeddling = false));
    },
  };

  /** The worst time for a command is just when something has begun. */
  #watch(): void {
    this.#world.observe((seen) => {
      if (!this.#isMeddling) return;
      if (seen.kind === 'actionBegins' && seen.verb !== 'start' && seen.verb !== 'stop') return;
      if (!chance(this.#prng, 0.3)) return;
      this.#world.queue.after(between(this.#prng, 0, 60), () => {
        if (this.#isMeddling) this.#meddle();
      });
    }, ['actionBegins', 'fence', 'promotion']);
  }

  #later(run: () => void): void {
    this.#world.queue.after(between(this.#prng, 100, 2 * this.#parameters.troubleForMs), run);
  }

  #machine(): Machine {
    const name = pickAny(this.#prng, this.#world.setup.nodes) ?? '';
    return this.#world.machine(name);
  }

  #tell(what: string): void {
    this.#world.tell({ kind: 'fault', what });
  }
}
