/** The looks at what runs on a node at rest (resting.ts), begun and ended by the rules of the core. */
import type { Effect } from '../failover/effect.js';
import type { ActionResult } from '../failover/event.js';
import { dueLook, isGoodLook, looksAfter, nextLookMs, orderTo } from '../failover/looks.js';
import type { Group, State } from '../failover/state.js';
import { idOf } from '../failover/turn.js';

export class Looks {
  /** When the next one is due, by the clock of the node. */
  dueMs: number;
  nextId: number;
  #groups: State['groups'];
  /** The groups that run, as they are now. */
  readonly #running: Group[];

  constructor({ groups, nextId }: State) {
    this.nextId = nextId;
    this.#groups = groups;
    this.#running = Object.values(groups).filter(({ life }) => life === 'started');
    this.dueMs = nextLookMs(this.#running);
  }

  get groups(): State['groups'] {
    if (this.#running.every((group) => this.#groups[group.spec.name] === group)) return this.#groups;
    const groups = { ...this.#groups };
    for (const group of this.#running) groups[group.spec.name] = group;
    this.#groups = groups;
    return groups;
  }

  /** Begins what is due. */
  begin(nowMs: number, runs: Extract<Effect, { kind: 'run' }>[]): void {
    this.#running.forEach((group, at) => {
      if (group.action !== null) return;
      const index = dueLook(group, true, (atMs) => nowMs >= atMs);
      if (index < 0) return;
      const actionId = idOf('action', this.nextId);
      this.nextId += 1;
      const action = { actionId, index, verb: 'monitor', startedMs: nowMs } as const;
      this.#running[at] = { ...group, action };
      runs.push(orderTo(group, action));
    });
    this.dueMs = nextLookMs(this.#running);
  }

  /** Takes in the result of one that ended well. False when it is something else. */
  end(result: ActionResult, nowMs: number): boolean {
    const at = this.#running.findIndex(({ action }) => action?.actionId === result.actionId);
    const group = this.#running[at];
    const index = group?.action?.index;
    if (group === undefined || index === undefined || !isGoodLook(group, result)) return false;
    this.#running[at] = { ...group, action: null, monitorDueMs: looksAfter(group, index, nowMs) };
    this.dueMs = nextLookMs(this.#running);
    return true;
  }
}
