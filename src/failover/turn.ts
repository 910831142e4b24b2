import type { Effect } from './effect.js';
import * as history from './history.js';
import type { Group, Peer, State } from './state.js';

/**
 * One turn of the core in the making: the state so far and the effects so far. The state that it
 * began with is left alone: a turn has its own copy, whose parts it replaces one by one, and is
 * thrown away at the end of the step.
 */
export class Turn {
  readonly state: State;
  readonly nowMs: number;
  readonly effects: Effect[] = [];
  /** The values of the records, as long as those stay what they are. */
  #peers: readonly Peer[] | null = null;
  #groups: readonly Group[] | null = null;

  constructor(state: State, nowMs: number) {
    this.state = { ...state };
    this.nowMs = nowMs;
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
    if (patch.peers !== undefined) this.#peers = null;
    if (patch.groups !== undefined) this.#groups = null;
    Object.assign(this.state, patch);
  }

  updatePeer(name: string, patch: Partial<Peer>): void {
    const peer = this.state.peers[name];
    if (peer === undefined) return;
    this.update({ peers: { ...this.state.peers, [name]: { ...peer, ...patch } } });
  }

  updateGroup(name: string, patch: Partial<Group>): void {
    const group = this.state.groups[name];
    if (group === undefined) return;
    this.update({ groups: { ...this.state.groups, [name]: { ...group, ...patch } } });
  }

  /** A number that was not used before in this run, as the tail of an id. */
  newId(prefix: string): string {
    const id = `${prefix}-${String(this.state.nextId)}`;
    this.update({ nextId: this.state.nextId + 1 });
    return id;
  }

  emit(effect: Effect): void {
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
      this.amend(operation.group, (o) => history.withSentence(o, this.nowMs, sentence));
    }
  }

  /** Begins the account of an operation on a group, unless one goes on. */
  openOperation(group: string, startedMs: number, trigger: string): void {
    if (history.currentOperation(this.state.history, group) !== undefined) return;
    const id = this.newId('op');
    this.update({
      history: history.openOperation(this.state.history, { id, group, startedMs, trigger }),
    });
    this.amend(group, (operation) => history.withSentence(operation, this.nowMs, trigger));
  }

  /** Changes the running operation of a group. */
  amend(group: string, change: (operation: history.Operation) => history.Operation): void {
    this.update({ history: history.amendOperation(this.state.history, group, change) });
  }

  phaseBegins(group: string, name: string, startedMs = this.nowMs): void {
    this.amend(group, (operation) => history.withPhase(operation, name, startedMs));
  }

  phaseEnds(group: string, name: string, outcome: 'done' | 'failed' = 'done'): void {
    this.amend(group, (o) => history.withPhaseEnded(o, name, this.nowMs, outcome));
  }

  closeOperation(group: string, outcome: 'done' | 'failed'): void {
    this.amend(group, (operation) => history.ended(operation, this.nowMs, outcome));
  }
}
