/** The core of one daemon: its state, and the short way through its turns at rest, where allowed. */
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import type { State } from '../failover/state.js';
import type { Brain } from './machine-setup.js';
import type { Rested, ShortWay } from './resting.js';

export class Mind {
  readonly #brain: Brain;
  #state: State;
  #resting: ShortWay | null = null;

  constructor(brain: Brain, state: State) {
    this.#brain = brain;
    this.#state = state;
  }

  get state(): State {
    return this.#resting?.state ?? this.#state;
  }

  /** Null: the next turn takes a step. */
  get resting(): ShortWay | null {
    return this.#resting;
  }

  /** One turn the short way; null: it takes a step. `nowMs` is the clock of the node. */
  rest(event: FailoverEvent, nowMs: number): Rested | null {
    return this.#resting?.turn(event, nowMs) ?? null;
  }

  /** One turn of the core. */
  step(event: FailoverEvent, nowMs: number): readonly Effect[] {
    const { state, effects } = this.#brain.step(this.state, event, nowMs);
    this.#state = state;
    this.#resting = this.#brain.resting?.(state, nowMs, this.#resting) ?? null;
    return effects;
  }
}
