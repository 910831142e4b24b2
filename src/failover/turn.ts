import type { PeerLife } from '../heartbeat/liveness.js';
import type { Effect } from './effect.js';
import * as history from './history.js';
import { copyOf, withLife, type Group, type Peer, type State } from './state.js';

/** What a review needs to know of itself (settled.ts). */
interface Watch {
  changes: number;
  readsClock: boolean;
  nextMs: number;
}

/**
 * One turn of the core in the making: the state so far and the effects so far. The state that it
 * began with is left alone: a turn has its own copy, whose parts it replaces one by one, and is
 * thrown away at the end of the step.
 */
export class Turn {
  readonly state: State;
  readonly effects: Effect[] = [];
  readonly #nowMs: number;
  #watch = newWatch();
  #apart = newWatch();
  /** The values of the records, as long as those stay what they are. */
  #peers: readonly Peer[] | null = null;
  #groups: readonly Group[] | null = null;

  constructor(state: State, nowMs: number) {
    this.state = copyOf(state);
    this.#nowMs = nowMs;
  }

  /**
   * The time. Whatever a review decides by reading it may be decided otherwise a moment later, so
   * it is reviewed at every turn: to ask whether a moment has come, ask `hasCome`.
   */
  get nowMs(): number {
    this.#watch.readsClock = true;
    return this.#nowMs;
  }

  /** True from a moment on. Of moments to come the nearest is remembered. */
  hasCome(atMs: number): boolean {
    if (this.#nowMs >= atMs) return true;
    if (atMs < this.#watch.nextMs) this.#watch.nextMs = atMs;
    return false;
  }

  /** The same asked by who passes a review over: nothing is decided by it. */
  isBefore(atMs: number): boolean {
    return this.#nowMs < atMs;
  }

  /**
   * Runs something and tells until when running it again would change, do and say nothing. What is
   * kept apart in it is told of by `apartUntilMs`.
   */
  untilWhenSettled(run: () => void): number {
    const outer = this.#watch;
    this.#watch = newWatch();
    this.#apart = newWatch();
    run();
    const untilMs = untilOf(this.#watch);
    this.#watch = outer;
    return untilMs;
  }

  /** Runs a part of that which is answered for on its own. */
  apart(run: () => void): void {
    const outer = this.#watch;
    this.#watch = this.#apart;
    run();
    this.#watch = outer;
  }

  /** Runs what no review answers for: what comes of it, and when, is told by the state. */
  aside(run: () => void): void {
    const outer = this.#watch;
    this.#watch = newWatch();
    run();
    this.#watch = outer;
  }

  get apartUntilMs(): number {
    return untilOf(this.#apart);
  }

  /** Takes back what was changed, done and said since the state and the number of effects were these. */
  takeBack(state: State, effects: number): void {
    Object.assign(this.state, state);
    this.effects.length = effects;
    this.#peers = null;
    this.#groups = null;
  }

  get self(): string {
    return this.state.spec.self;
  }

  get peers(): readonly Peer[] {
    this.#peers ??= Object.values(this.state.peers);
    return this.#peers;
  }

  get groups(): readonly Group[] {
    this.#groups ??= Object.values(this.state.groups);
    return this.#groups;
  }

  peer(name: string): Peer | undefined {
    return this.state.peers[name];
  }

  group(name: string): Group | undefined {
    return this.state.groups[name];
  }

  update(patch: Partial<State>): void {
    this.#watch.changes += 1;
    if (patch.peers !== undefined) this.#peers = null;
    if (patch.groups !== undefined) this.#groups = null;
    Object.assign(this.state, patch);
  }

  updatePeer(name: string, patch: Partial<Peer>): void {
    const peer = this.state.peers[name];
    if (peer === undefined) return;
    this.update({ peers: { ...this.state.peers, [name]: { ...peer, ...patch } } });
  }

  /** A node was heard: what happens most often. */
  updateLife(before: Peer, life: PeerLife): void {
    const peer = withLife(before, life);
    this.update({ peers: { ...this.state.peers, [before.name]: peer } });
  }

  updateGroup(name: string, patch: Partial<Group>): void {
    const group = this.state.groups[name];
    if (group === undefined) return;
    this.update({ groups: { ...this.state.groups, [name]: { ...group, ...patch } } });
  }

  /** A number that was not used before in this run, as the tail of an id. */
  newId(prefix: string): string {
    const id = idOf(prefix, this.state.nextId);
    this.update({ nextId: this.state.nextId + 1 });
    return id;
  }

  emit(effect: Effect): void {
    this.#watch.changes += 1;
    this.effects.push(effect);
  }

  /** S8: says a decision aloud, once: in the log, and in the account of the group it concerns. */
  say(
    level: 'info' | 'warn' | 'error',
    sentence: string,
    about: { readonly group?: string; readonly node?: string } = {},
  ): void {
    this.emit({ kind: 'log', level, sentence, ...about });
    for (const operation of this.state.history) {
      if (operation.endedMs !== null) continue;
      if (about.group !== undefined && operation.group !== about.group) continue;
      this.amend(operation.group, (o) => history.withSentence(o, this.#nowMs, sentence));
    }
  }

  /** Begins the account of an operation on a group, unless one goes on. */
  openOperation(group: string, startedMs: number, trigger: string): void {
    if (history.currentOperation(this.state.history, group) !== undefined) return;
    const id = this.newId('op');
    this.update({
      history: history.openOperation(this.state.history, { id, group, startedMs, trigger }),
    });
    this.amend(group, (operation) => history.withSentence(operation, this.#nowMs, trigger));
  }

  /** Changes the running operation of a group. */
  amend(group: string, change: (operation: history.Operation) => history.Operation): void {
    const amended = history.amendOperation(this.state.history, group, change);
    if (amended !== this.state.history) this.update({ history: amended });
  }

  phaseBegins(group: string, name: string, startedMs = this.#nowMs): void {
    this.amend(group, (operation) => history.withPhase(operation, name, startedMs));
  }

  phaseEnds(group: string, name: string, outcome: 'done' | 'failed' = 'done'): void {
    this.amend(group, (o) => history.withPhaseEnded(o, name, this.#nowMs, outcome));
  }

  closeOperation(group: string, outcome: 'done' | 'failed'): void {
    this.amend(group, (operation) => history.ended(operation, this.#nowMs, outcome));
  }
}

/** The id that a number makes. */
export function idOf(prefix: string, number: number): string {
  return `${prefix}-${String(number)}`;
}

function newWatch(): Watch {
  return { changes: 0, readsClock: false, nextMs: Number.POSITIVE_INFINITY };
}

function untilOf({ changes, readsClock, nextMs }: Watch): number {
  return changes === 0 && !readsClock ? nextMs : Number.NEGATIVE_INFINITY;
}
