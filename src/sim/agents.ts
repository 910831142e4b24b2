/**
 * What is really there on one machine, and the agents that start, stop and look at it. An agent
 * takes its time, and can fail, hang, or succeed after it was given up. As long as it is not sure
 * that a resource is off, the truth is `maybe`, and `maybe` counts as active.
 */
import type { ResourceState } from '../base/status.js';
import type { GroupSpec, ResourceSpec } from '../resources/spec.js';
import { kindOf } from '../resources/kinds.js';
import type { Observation, Truth } from './observation.js';
import type { Replica } from './replica.js';

/**
 * What goes wrong with one action: `dirty` leaves something behind, `late` works after it was given
 * up, `slow` works within its time, but only just.
 */
export type AgentFault = 'fails' | 'failsDirty' | 'hangs' | 'late' | 'slow';

/** A slow agent takes this many times as long, or nearly its whole time-out. */
const SLOWNESS = 20;
const SLOW_MOST = 0.95;
/** A look takes no longer than this. */
const SLOW_LOOK_MS = 5_000;

export type Verb = 'probe' | 'start' | 'stop' | 'monitor';

/** How long agents take. */
export interface AgentTiming {
  readonly startMs: Readonly<Record<ResourceSpec['kind'], number>>;
  readonly stopMs: Readonly<Record<ResourceSpec['kind'], number>>;
  readonly probeMs: number;
}

export interface ActionOutcome {
  readonly outcome: 'ok' | 'failed' | 'timeout';
  readonly state: ResourceState;
  readonly reason: string;
}

/** An order to an agent, as the core gave it. */
export interface AgentOrder {
  readonly group: string;
  readonly index: number;
  readonly verb: Verb;
  readonly forced?: true;
}

/** What the agents need of their machine. */
export interface AgentHost {
  readonly node: string;
  readonly timing: AgentTiming;
  readonly replicas: Readonly<Record<string, Replica>>;
  /** What the daemon asks of its core when it cuts off the other half of a disk, or forces (I8). */
  readonly isOtherHalfOff: (group: string, replica: Replica) => boolean;
  /** What goes wrong with the next action of this kind, if anything. */
  readonly faultOf: (order: AgentOrder) => AgentFault | null;
  /** Runs later, unless the power goes first; a frozen machine runs it when it thaws. */
  readonly later: (delayMs: number, run: () => void) => void;
  readonly observe: (observation: Observation) => void;
}

interface Entry {
  readonly spec: GroupSpec;
  readonly truth: Truth[];
  isActive: boolean;
  isServing: boolean;
}

/** All groups of one machine. */
export class Agents {
  readonly #host: AgentHost;
  readonly #groups: Map<string, Entry>;
  /** Counts lives of the daemon: a dead daemon's children are killed and report to nobody. */
  #life = 0;

  constructor(host: AgentHost, groups: readonly GroupSpec[]) {
    this.#host = host;
    this.#groups = new Map(
      groups.map((spec) => [
        spec.name,
        { spec, truth: spec.resources.map(() => 'off'), isActive: false, isServing: false },
      ]),
    );
  }

  truth(group: string): readonly Truth[] {
    return this.#groups.get(group)?.truth ?? [];
  }

  isServing(group: string): boolean {
    return this.#groups.get(group)?.isServing ?? false;
  }

  /** Goes on from what is known to be there. */
  adopt(group: string, truth: readonly Truth[]): void {
    const entry = this.#groups.get(group);
    if (entry === undefined) return;
    truth.forEach((each, index) => (entry.truth[index] = each));
    this.#review(entry);
  }

  /** The power is gone: nothing is left. */
  powerLost(): void {
    this.#life += 1;
    for (const entry of this.#groups.values()) {
      entry.truth.fill('off');
      this.#review(entry);
    }
  }

  /** The daemon died: its children die with it, having worked or not. */
  daemonDied(worked: () => boolean): void {
    this.#life += 1;
    for (const entry of this.#groups.values()) {
      entry.truth.forEach((truth, index) => {
        if (truth !== 'maybe') return;
        const isOn = worked();
        this.#settle(entry, index, (this.#isPrimary(entry, index) ?? isOn) ? 'on' : 'off');
      });
    }
  }

  /** A disk is what its kernel says; null: this is none, or none that is here. */
  #isPrimary({ spec }: Entry, index: number): boolean | null {
    const { node, replicas } = this.#host;
    const resource = spec.resources[index];
    const replica = resource?.kind === 'drbd' ? replicas[resource.resource] : undefined;
    return replica?.has(node) === true ? replica.role(node) === 'Primary' : null;
  }

  /** A resource dies by itself. */
  kill(group: string, index: number): boolean {
    const entry = this.#groups.get(group);
    if (entry?.truth[index] !== 'on' || entry.spec.resources[index]?.kind === 'drbd') return false;
    this.#settle(entry, index, 'off');
    return true;
  }

  /** Carries out an order; `done` is called unless the daemon dies first. */
  run(order: AgentOrder, done: (outcome: ActionOutcome) => void): void {
    const entry = this.#groups.get(order.group);
    const spec = entry?.spec.resources[order.index];
    if (entry === undefined || spec === undefined) throw new RangeError('no such resource');
    const { node, observe } = this.#host;
    const { group, index, verb } = order;
    observe({ kind: 'actionBegins', node, group, index, verb, truth: [...entry.truth] });
    const life = this.#life;
    const finish = (afterMs: number, conclude: () => ActionOutcome): void =>
      this.#host.later(afterMs, () => {
        if (life !== this.#life) return;
        const outcome = conclude();
        const { outcome: ended, state } = outcome;
        observe({ kind: 'actionEnds', node, group, index, verb, outcome: ended, state });
        done(outcome);
      });
    const drawn = this.#host.faultOf(order);
    const fault = drawn === 'slow' ? null : drawn;
    const paced: Finish = (afterMs, conclude) =>
      finish(drawn === 'slow' ? slowMs(spec, verb, afterMs) : afterMs, conclude);
    if (verb === 'start') this.#start(entry, order, fault, paced);
    else if (verb === 'stop') this.#stop(entry, order, fault, paced);
    else this.#look(entry, index, fault, paced);
  }

  #look(entry: Entry, index: number, fault: AgentFault | null, finish: Finish): void {
    const { probeMs } = this.#host.timing;
    finish(probeMs, () => {
      if (fault !== null) {
        return { outcome: 'failed', state: 'unknown', reason: 'the probe could not look' };
      }
      const truth = this.#truthOf(entry, index);
      if (truth === 'maybe') return { outcome: 'ok', state: 'unknown', reason: 'it is unclear' };
      return truth === 'on'
        ? { outcome: 'ok', state: 'started', reason: 'it runs' }
        : { outcome: 'ok', state: 'stopped', reason: 'it does not run' };
    });
  }

  #start(entry: Entry, order: AgentOrder, fault: AgentFault | null, finish: Finish): void {
    const { index } = order;
    const spec = entry.spec.resources[index];
    if (spec === undefined) return;
    this.#settle(entry, index, 'maybe');
    if (spec.kind === 'drbd') this.#startDisk(entry, order, spec.resource, fault, finish);
    else this.#startNow(entry, order, fault, finish);
  }

  /** The kernel calls its fence-peer handler inside a promotion, and waits for it. */
  #startDisk(
    entry: Entry,
    order: AgentOrder,
    resource: string,
    fault: AgentFault | null,
    finish: Finish,
  ): void {
    const replica = this.#host.replicas[resource];
    if (replica?.has(this.#host.node) !== true) {
      this.#startNow(entry, order, fault, finish);
      return;
    }
    const life = this.#life;
    let isOver = false;
    this.#host.later(kindOf({ kind: 'drbd', id: '', resource }).startTimeoutMs, () => {
      if (isOver || life !== this.#life) return;
      isOver = true;
      finish(0, () => {
        this.#settle(entry, order.index, 'off');
        return { outcome: 'timeout', state: 'unknown', reason: 'the handler had no answer' };
      });
    });
    replica.fencePeerFirst(this.#host.node, this.#host.isOtherHalfOff(order.group, replica), () => {
      if (isOver || life !== this.#life) return;
      isOver = true;
      this.#startNow(entry, order, fault, finish);
    });
  }

  #startNow(entry: Entry, order: AgentOrder, fault: AgentFault | null, finish: Finish): void {
    const { index } = order;
    const spec = entry.spec.resources[index];
    if (spec === undefined) return;
    const tookMs = this.#host.timing.startMs[spec.kind];
    if (fault === 'hangs' || fault === 'late') {
      finish(kindOf(spec).startTimeoutMs, () => {
        // It is killed at the time-out; what it had done by then stays done.
        this.#settle(entry, index, fault === 'late' && this.#begin(entry, order) ? 'on' : 'off');
        return { outcome: 'timeout', state: 'unknown', reason: 'no end within its time' };
      });
      return;
    }
    finish(tookMs, () => {
      if (fault !== null) {
        const dirty = fault === 'failsDirty' && this.#begin(entry, order);
        this.#settle(entry, index, dirty ? 'on' : 'off');
        return { outcome: 'failed', state: 'failed', reason: 'the agent says no' };
      }
      const isStarted = this.#begin(entry, order);
      this.#settle(entry, index, isStarted ? 'on' : 'off');
      return isStarted
        ? { outcome: 'ok', state: 'started', reason: 'as asked' }
        : { outcome: 'failed', state: 'stopped', reason: this.#refusal };
    });
  }

  #refusal = '';

  /** True when it is really there now. */
  #begin(entry: Entry, order: AgentOrder): boolean {
    const { index } = order;
    const spec = entry.spec.resources[index];
    const before = entry.truth.slice(0, index).every((truth) => truth === 'on');
    if (!before) this.#refusal = 'what it needs is not there';
    if (spec?.kind === 'drbd') return before && this.#promote(spec.resource, order);
    if (!before || spec?.kind === 'ip' || this.#isReadable(entry)) return before;
    this.#refusal = 'the disk below it answers with errors';
    return false;
  }

  /** Every disk of the group can be read. */
  #isReadable(entry: Entry): boolean {
    const { node, replicas } = this.#host;
    return entry.spec.resources.every((resource) => {
      const replica = resource.kind === 'drbd' ? replicas[resource.resource] : undefined;
      return replica?.has(node) !== true || replica.data(node) !== null;
    });
  }

  #promote(resource: string, { group, forced }: AgentOrder): boolean {
    const replica = this.#host.replicas[resource];
    const { node } = this.#host;
    if (replica?.has(node) !== true) {
      this.#refusal = `there is no disk of ${resource} here`;
      return false;
    }
    const isOff = this.#host.isOtherHalfOff(group, replica);
    const { disk, forMs } = replica.disk(node);
    const before = replica.content(node);
    const refusal = replica.promote(node, isOff, isOff && forced === true);
    this.#refusal = refusal ?? '';
    const done = refusal === null;
    // A half without a disk shows what the other one has. A new generation is no new data.
    const isRemote = disk === 'Diskless' || disk === 'Inconsistent';
    const content = isRemote && done ? replica.data(node) : before;
    const said = { node, resource, disk, diskForMs: forMs, content };
    this.#host.observe({ kind: 'promotion', ...said, done });
    return done;
  }

  #stop(entry: Entry, order: AgentOrder, fault: AgentFault | null, finish: Finish): void {
    const { index } = order;
    const spec = entry.spec.resources[index];
    if (spec === undefined) return;
    const before = this.#truthOf(entry, index);
    if (before !== 'off') this.#settle(entry, index, 'maybe');
    if (fault === 'hangs' || fault === 'late') {
      finish(kindOf(spec).stopTimeoutMs, () => {
        if (fault === 'late') this.#end(entry, index);
        else this.#settle(entry, index, before);
        return { outcome: 'timeout', state: 'unknown', reason: 'no end within its time' };
      });
      return;
    }
    finish(this.#host.timing.stopMs[spec.kind], () => {
      if (fault !== null) {
        this.#settle(entry, index, before);
        return { outcome: 'failed', state: 'failed', reason: 'it is still in use' };
      }
      const inUse = entry.truth.slice(index + 1).some((truth) => truth === 'on');
      if (inUse && before !== 'off') {
        this.#settle(entry, index, before);
        return { outcome: 'failed', state: 'started', reason: 'it is held open by what is above' };
      }
      this.#end(entry, index);
      return { outcome: 'ok', state: 'stopped', reason: 'as asked' };
    });
  }

  #end(entry: Entry, index: number): void {
    const spec = entry.spec.resources[index];
    const { node, observe } = this.#host;
    if (spec?.kind === 'drbd') {
      const replica = this.#host.replicas[spec.resource];
      if (replica?.has(node) === true) replica.demote(node);
      observe({ kind: 'demotion', node, resource: spec.resource });
    }
    this.#settle(entry, index, 'off');
  }

  #truthOf(entry: Entry, index: number): Truth {
    return entry.truth[index] ?? 'off';
  }

  #settle(entry: Entry, index: number, truth: Truth): void {
    entry.truth[index] = truth;
    this.#review(entry);
  }

  #review(entry: Entry): void {
    const { node, observe } = this.#host;
    const group = entry.spec.name;
    const active = entry.truth.some((truth) => truth !== 'off');
    const serving = entry.truth.every((truth) => truth === 'on');
    if (active !== entry.isActive) {
      entry.isActive = active;
      observe({ kind: 'active', node, group, active });
    }
    if (serving !== entry.isServing) {
      entry.isServing = serving;
      observe({ kind: 'serving', node, group, serving });
    }
  }
}

/** What a slow agent takes where another takes `usualMs`. */
function slowMs(spec: ResourceSpec, verb: Verb, usualMs: number): number {
  const { startTimeoutMs, stopTimeoutMs } = kindOf(spec);
  const limitMs = verb === 'start' ? startTimeoutMs : verb === 'stop' ? stopTimeoutMs : SLOW_LOOK_MS;
  return Math.max(usualMs, Math.min(SLOWNESS * usualMs, SLOW_MOST * limitMs));
}

type Finish = (afterMs: number, conclude: () => ActionOutcome) => void;
