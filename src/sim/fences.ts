/** The uses of power devices that one machine has ordered and not heard the end of. */
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import type { MachineSetup } from './machine-setup.js';
import type { PowerOrder } from './power.js';

interface Fence {
  readonly node: string;
  readonly step: 'status' | 'shoot';
  readonly sinceMs: number;
}

export class Fences {
  readonly #by: string;
  readonly #setup: Pick<MachineSetup, 'queue' | 'observe'>;
  readonly #running = new Map<string, Fence>();

  constructor(setup: Pick<MachineSetup, 'spec' | 'queue' | 'observe'>) {
    this.#by = setup.spec.self;
    this.#setup = setup;
  }

  /** What the power devices are asked. */
  begin({ fenceId, node, step, attempt }: Extract<Effect, { kind: 'fence' }>): PowerOrder {
    const by = this.#by;
    const { observe, queue } = this.#setup;
    observe({ kind: 'fence', by, node, step });
    this.#running.set(fenceId, { node, step, sinceMs: queue.nowMs });
    return { by, node, step, attempt };
  }

  /** The daemon hears of the end. */
  end({ fenceId, outcome }: Extract<FailoverEvent, { kind: 'fenceResult' }>): void {
    const fence = this.#running.get(fenceId);
    this.#running.delete(fenceId);
    if (fence === undefined) return;
    this.#setup.observe({ kind: 'fenceEnds', by: this.#by, ...fence, outcome });
  }
}
