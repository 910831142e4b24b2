/**
 * The power devices: levels of them for each node, asked and used over a network of their own. A
 * device can refuse, hang, or switch long after it said that it could not. It never lies about
 * success. A device is a management board, which switches the whole machine, or an outlet for one
 * of its power supplies: then the machine is off when all of them are.
 */
import { judgeLevel, levelAt, type FenceResult } from '../failover/fence-levels.js';
import type { Observation } from './observation.js';
import type { EventQueue } from './queue.js';

/** What a device does with an order or a question. */
export type DeviceMood = 'works' | 'fails' | 'hangs' | 'late';

/** The board, or one of two outlets. */
export type Device = 'board' | 'outlet-1' | 'outlet-2';

/** The devices of a node, in the order in which levels are tried. */
export type DeviceLevels = readonly (readonly Device[])[];

const ONE_BOARD: DeviceLevels = [['board']];
const OUTLETS = ['outlet-1', 'outlet-2'] as const;

export interface PowerTiming {
  /** A question takes this long. */
  readonly statusMs: number;
  /** From the order to the power being off. */
  readonly offMs: number;
  /** From the power being off to the word of the agent; as long as a question if not given. */
  readonly confirmMs?: number;
  /** The agent is given up after this long. */
  readonly timeoutMs: number;
  /** `reboot`: switched on again this long after. Null leaves it off. */
  readonly onAgainMs: number | null;
}

export interface PowerAnswer {
  readonly outcome: 'off' | 'on' | 'failed';
  readonly reason: string;
}

/** What the devices act upon. */
export interface PoweredWorld {
  isOn(node: string): boolean;
  cut(node: string): void;
  restore(node: string): void;
  observe(observation: Observation): void;
}

/** What does not change in a run. */
export interface PowerSetup {
  readonly timing: PowerTiming;
  readonly levels: DeviceLevels | undefined;
  /** The rule of the core for the devices of a level, or a mutant of it. */
  readonly judge: typeof judgeLevel | undefined;
}

/** A question or an order from one node about another. */
export interface PowerOrder {
  readonly by: string;
  readonly node: string;
  readonly step: 'status' | 'shoot';
  /** Chooses the level. */
  readonly attempt: number;
}

export class Power {
  readonly #queue: EventQueue;
  readonly #world: PoweredWorld;
  readonly #timing: PowerTiming;
  readonly #levels: DeviceLevels;
  readonly #judge: typeof judgeLevel;
  /** `node` for all devices of a node, `node/device` for one. */
  readonly #moods = new Map<string, DeviceMood>();
  readonly #unreachable = new Set<string>();
  /** `node/outlet` of those that are switched off. */
  readonly #dark = new Set<string>();

  constructor(queue: EventQueue, world: PoweredWorld, setup: PowerSetup) {
    this.#queue = queue;
    this.#world = world;
    this.#timing = setup.timing;
    this.#levels = setup.levels ?? ONE_BOARD;
    this.#judge = setup.judge ?? judgeLevel;
  }

  get levels(): DeviceLevels {
    return this.#levels;
  }

  /** Asks one device whether it is on, outside of any attempt to make sure of a node. */
  ask(by: string, node: string, device: Device, reply: (answer: PowerAnswer) => void): void {
    this.#status(by, node, device, reply);
  }

  /** Every device that a node has. */
  get devices(): readonly Device[] {
    return [...new Set(this.#levels.flat())];
  }

  /** How the devices of a node behave from now on, or one of them. */
  setMood(node: string, mood: DeviceMood, device: Device | null = null): void {
    this.#moods.set(device === null ? node : `${node}/${device}`, mood);
  }

  /** Whether a node reaches the power network. */
  setReach(by: string, isUp: boolean): void {
    if (isUp) this.#unreachable.delete(by);
    else this.#unreachable.add(by);
  }

  heal(): void {
    this.#moods.clear();
    this.#unreachable.clear();
  }

  /** Somebody has switched a machine on by hand: its outlets are on. */
  switchedOn(node: string): void {
    for (const outlet of OUTLETS) this.#dark.delete(`${node}/${outlet}`);
  }

  /** Asks the devices of one level, or shoots with them; `reply` comes when every agent has ended. */
  use(order: PowerOrder, reply: (answer: PowerAnswer) => void): void {
    const { by, node, step, attempt } = order;
    const level = levelAt(this.#levels, attempt) ?? [];
    const results: FenceResult[] = [];
    for (const device of level) {
      const answer = ({ outcome, reason }: PowerAnswer): void => {
        this.#world.observe({ kind: 'device', by, node, step, device, outcome });
        const said = level.length === 1 ? reason : `${device}: ${reason}`;
        results.push({ fenceId: '', outcome, reason: said });
        if (results.length === level.length) this.#conclude(order, level, results, reply);
      };
      if (step === 'status') this.#status(by, node, device, answer);
      else this.#shoot(by, node, device, answer);
    }
  }

  #conclude(
    { node, step }: PowerOrder,
    level: readonly Device[],
    results: readonly FenceResult[],
    reply: (answer: PowerAnswer) => void,
  ): void {
    const verdict = this.#judge({ fenceId: '', step }, results);
    // As the daemon does it: the next attempt must not meet an "on" of this one.
    if (step === 'shoot' && verdict.outcome === 'failed') {
      for (const device of level) this.#light(node, device);
    }
    const { outcome, reason } = verdict;
    reply({ outcome, reason });
  }

  #status(by: string, node: string, device: Device, reply: (answer: PowerAnswer) => void): void {
    const mood = this.#moodFor(by, node, device);
    if (mood === 'hangs') {
      this.#giveUp(reply);
      return;
    }
    this.#queue.after(this.#timing.statusMs, () => {
      if (mood === 'fails') reply({ outcome: 'failed', reason: 'the device does not answer' });
      else if (this.#isLit(node, device)) reply({ outcome: 'on', reason: 'it says on' });
      else reply({ outcome: 'off', reason: 'it says off' });
    });
  }

  #shoot(by: string, node: string, device: Device, reply: (answer: PowerAnswer) => void): void {
    const { offMs, statusMs, timeoutMs, confirmMs = statusMs } = this.#timing;
    const mood = this.#moodFor(by, node, device);
    if (mood === 'hangs') {
      this.#giveUp(reply);
      return;
    }
    if (mood === 'fails') {
      this.#queue.after(statusMs, () =>
        reply({ outcome: 'failed', reason: 'the device refused the order' }),
      );
      return;
    }
    if (mood === 'late') {
      this.#giveUp(reply);
      this.#queue.after(timeoutMs + offMs, () => this.#switchOff(node, device));
      return;
    }
    this.#queue.after(offMs, () => {
      this.#switchOff(node, device);
      this.#queue.after(confirmMs, () => reply({ outcome: 'off', reason: 'switched off' }));
    });
  }

  #moodFor(by: string, node: string, device: Device): DeviceMood {
    if (this.#unreachable.has(by)) return 'hangs';
    return this.#moods.get(`${node}/${device}`) ?? this.#moods.get(node) ?? 'works';
  }

  /** What the device itself sees: the machine, or its outlet. */
  #isLit(node: string, device: Device): boolean {
    return device === 'board' ? this.#world.isOn(node) : !this.#dark.has(`${node}/${device}`);
  }

  #switchOff(node: string, device: Device): void {
    if (device !== 'board') this.#dark.add(`${node}/${device}`);
    const isDark = OUTLETS.every((outlet) => this.#dark.has(`${node}/${outlet}`));
    if (device === 'board' || isDark) this.#world.cut(node);
    const { onAgainMs, statusMs } = this.#timing;
    if (onAgainMs === null) return;
    this.#queue.after(Math.max(onAgainMs, 2 * statusMs), () => {
      if (device === 'board') this.#world.restore(node);
      else this.#light(node, device);
    });
  }

  /** An outlet is switched on again; a machine that had no power starts. */
  #light(node: string, device: Device): void {
    if (!this.#dark.delete(`${node}/${device}`)) return;
    this.#world.restore(node);
  }

  #giveUp(reply: (answer: PowerAnswer) => void): void {
    const reason = 'the fence agent did not answer in time';
    this.#queue.after(this.#timing.timeoutMs, () => reply({ outcome: 'failed', reason }));
  }
}
