/**
 * The power devices: one for each node, asked and used over a network of its own. A device can
 * refuse, hang, or switch long after it said that it could not. It never lies about success.
 */
import type { EventQueue } from './queue.js';

/** What a device does with an order or a question. */
export type DeviceMood = 'works' | 'fails' | 'hangs' | 'late';

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
}

export class Power {
  readonly #queue: EventQueue;
  readonly #world: PoweredWorld;
  readonly #timing: PowerTiming;
  readonly #moods = new Map<string, DeviceMood>();
  readonly #unreachable = new Set<string>();

  constructor(queue: EventQueue, world: PoweredWorld, timing: PowerTiming) {
    this.#queue = queue;
    this.#world = world;
    this.#timing = timing;
  }

  /** How the device of a node behaves from now on. */
  setMood(node: string, mood: DeviceMood): void {
    this.#moods.set(node, mood);
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

  /** Asks the device of a node; `reply` comes when the agent ends. */
  status(by: string, node: string, reply: (answer: PowerAnswer) => void): void {
    const mood = this.#moodFor(by, node);
    if (mood === 'hangs') {
      this.#giveUp(reply);
      return;
    }
    this.#queue.after(this.#timing.statusMs, () => {
      if (mood === 'fails') reply({ outcome: 'failed', reason: 'the device does not answer' });
      else if (this.#world.isOn(node)) reply({ outcome: 'on', reason: 'it says on' });
      else reply({ outcome: 'off', reason: 'it says off' });
    });
  }

  /** Switches a node off. */
  shoot(by: string, node: string, reply: (answer: PowerAnswer) => void): void {
    const { offMs, statusMs, timeoutMs, confirmMs = statusMs } = this.#timing;
    const mood = this.#moodFor(by, node);
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
      this.#queue.after(timeoutMs + offMs, () => this.#switchOff(node));
      return;
    }
    this.#queue.after(offMs, () => {
      this.#switchOff(node);
      this.#queue.after(confirmMs, () => reply({ outcome: 'off', reason: 'switched off' }));
    });
  }

  #moodFor(by: string, node: string): DeviceMood {
    return this.#unreachable.has(by) ? 'hangs' : (this.#moods.get(node) ?? 'works');
  }

  #switchOff(node: string): void {
    this.#world.cut(node);
    const { onAgainMs, statusMs } = this.#timing;
    if (onAgainMs === null) return;
    this.#queue.after(Math.max(onAgainMs, 2 * statusMs), () => this.#world.restore(node));
  }

  #giveUp(reply: (answer: PowerAnswer) => void): void {
    const reason = 'the fence agent did not answer in time';
    this.#queue.after(this.#timing.timeoutMs, () => reply({ outcome: 'failed', reason }));
  }
}
