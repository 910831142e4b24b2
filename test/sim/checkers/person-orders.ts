/** Orders of persons that a node has accepted and not yet answered for good: what they may excuse. */
import type { OperatorRequest } from '../../../src/base/control.js';
import type { Observation } from '../../../src/sim/observation.js';

type Request<Word extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Word }>;

export interface PersonOrder<Word extends OperatorRequest['kind']> {
  readonly at: string;
  readonly request: Request<Word>;
  /** What the person was told when it was accepted. */
  readonly message: string;
}

/** The kinds of happenings that `take` takes in. */
export const ORDER_KINDS = [...(['asked', 'answered', 'daemon'] as const)];

/** Orders of one kind; an order ends with its answer, and with the daemon that has it. */
export class PersonOrders<Word extends OperatorRequest['kind']> {
  readonly #kind: Word;
  /** Id -> asked and not answered. */
  readonly #asked = new Map<string, Request<Word>>();
  readonly #standing = new Map<string, PersonOrder<Word>>();

  constructor(kind: Word) {
    this.#kind = kind;
  }

  /** Those that stand and fit. */
  find(fits: (order: PersonOrder<Word>) => boolean): readonly PersonOrder<Word>[] {
    if (this.#standing.size === 0) return [];
    return [...this.#standing.values()].filter((order) => fits(order));
  }

  take(seen: Observation): void {
    // The rest changes nothing about it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'asked': {
        const { request } = seen;
        if (request.kind === this.#kind) this.#asked.set(seen.id, request as Request<Word>);
        return;
      }
      case 'answered': {
        const { id, state, message } = seen.answer;
        const request = this.#asked.get(id);
        this.#asked.delete(id);
        this.#standing.delete(id);
        if (request === undefined || state !== 'accepted') return;
        this.#standing.set(id, { at: seen.node, request, message });
        return;
      }
      case 'daemon':
        for (const [id, { at }] of this.#standing) if (at === seen.node) this.#standing.delete(id);
        return;
      default:
    }
  }
}
