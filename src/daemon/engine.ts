/**
 * The mailbox: one event at a time goes through the core, to the end, before the next; what the
 * core wants done is started here and reports back as events. Nothing here decides anything.
 */
import { assertNever } from '../base/assert.js';
import type {
  HistoryAnswer,
  HistoryEntry,
  OperatorAnswer,
  OperatorRequest,
} from '../base/control.js';
import { withoutSecrets, type StateDump } from '../base/dump.js';
import type { FenceDeviceTest } from '../base/fence-test.js';
import type { SplitBrainSides } from '../base/split-brain.js';
import type { DrbdSourceStatus, Status, WatchdogStatus } from '../base/status.js';
import type { WhyAnswer } from '../base/why.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { isOtherHalfOff } from '../failover/clearance.js';
import { hasJustConnected } from '../failover/drbd-connections.js';
import { discardOrder } from '../failover/discard-order.js';
import type { Effect } from '../failover/effect.js';
import type { ActionResult, FailoverEvent } from '../failover/event.js';
import type { ClusterSpec } from '../failover/spec.js';
import type { FenceResult } from '../failover/fence-levels.js';
import type { Report } from '../heartbeat/report.js';
import type { SavedFacts, State } from '../failover/state.js';
import { viewSplitBrain } from '../failover/split-brain-view.js';
import { step } from '../failover/step.js';
import { explain } from '../failover/explain.js';
import { viewStatus, type LinkCounters } from '../failover/view.js';
import type { Clock } from './clock.js';
import { viewHistory, viewOperation } from './history-view.js';
import type { Log } from './log.js';
import type { OutdateResult } from './outdate.js';

/** The hands of the engine. */
export interface EngineWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly send: (report: Report) => void;
  readonly counters: () => readonly LinkCounters[];
  /** Null when no resource is DRBD's. */
  readonly drbdSource?: () => DrbdSourceStatus | null;
  readonly run: (effect: Extract<Effect, { kind: 'run' }>) => Promise<ActionResult>;
  readonly fence: (effect: Extract<Effect, { kind: 'fence' }>) => Promise<FenceResult>;
  readonly fenceTest: (node: string) => Promise<readonly FenceDeviceTest[]>;
  readonly outdate: (effect: Extract<Effect, { kind: 'outdate' }>) => Promise<OutdateResult>;
  readonly resumeIo: (
    effect: Extract<Effect, { kind: 'resumeIo' }>,
  ) => Promise<Omit<Extract<FailoverEvent, { kind: 'resumeResult' }>, 'kind'>>;
  readonly reconnect: (
    effect: Extract<Effect, { kind: 'reconnect' }>,
  ) => Promise<Omit<Extract<FailoverEvent, { kind: 'reconnectResult' }>, 'kind'>>;
  readonly save: (facts: SavedFacts) => void;
  readonly history?: HistoryKeeper;
  /** Null when none is configured. */
  readonly watchdog?: () => WatchdogKeeper | null;
  readonly exit: (clean: boolean) => void;
}

/** Resets this machine when the core is not turned any more (S6). */
export interface WatchdogKeeper {
  turned(nowMs: number): void;
  status(): WatchdogStatus;
}

/** Keeps accounts of operations longer than the daemon lives. */
export interface HistoryKeeper {
  /** What earlier daemons of this node did. */
  readonly past: readonly HistoryEntry[];
  /** Told when an operation has begun, and when it has ended. */
  record(entry: HistoryEntry): void;
}

/** A request for the core. */
export interface EngineRequest {
  readonly request: OperatorRequest;
  readonly dryRun: boolean;
}

/** Answers that are kept for late questions. */
const ANSWERS_MAX = 100;
/** Less is the drift between the two clocks, which is not worth a turn. */
const CLOCK_SET_MS = 1_000;
/** A timer of Node's fires at once beyond 2^31 ms; a turn an hour costs nothing. */
const WAKE_MAX_MS = 3_600_000;

/** Runs the core. */
export class Engine {
  #state: State;
  readonly #world: EngineWorld;
  readonly #mailbox: FailoverEvent[] = [];
  readonly #answers = new Map<string, OperatorAnswer>();
  #turning = false;
  #stopped = false;
  #timer: NodeJS.Timeout | null = null;
  #requests = 0;

  constructor(state: State, world: EngineWorld) {
    this.#state = state;
    this.#world = world;
  }

  /** Takes an event; returns when it and all that it led to at once went through the core. */
  post(event: FailoverEvent): void {
    if (this.#stopped) return;
    this.#mailbox.push(event);
    if (this.#turning) return;
    this.#turning = true;
    try {
      for (let next = this.#mailbox.shift(); next !== undefined; next = this.#mailbox.shift()) {
        this.#readClock();
        this.#turn(next);
      }
    } finally {
      this.#turning = false;
    }
  }

  #turn(event: FailoverEvent): void {
    const { history } = this.#state;
    const nowMs = this.#world.clock.monotonicMs();
    const { state, effects } = step(this.#state, event, nowMs);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (state.history !== history) this.#record(history);
    this.#world.watchdog?.()?.turned(nowMs);
  }

  /** Hands over what has begun or ended since `before`. */
  #record(before: State['history']): void {
    const { history, spec } = this.#state;
    for (const operation of history) {
      const known = before.find(({ id }) => id === operation.id);
      if (known?.outcome === operation.outcome) continue;
      this.#world.history?.record(viewOperation(spec.self, operation, this.#wallAheadMs()));
    }
  }

  #wallAheadMs(): number {
    const { monotonicMs, wallMs } = this.#world.clock;
    return wallMs() - monotonicMs();
  }

  /** Tells the core the time of day at first, and when somebody has set the clock. */
  #readClock(): void {
    const wallAheadMs = this.#wallAheadMs();
    const known = this.#state.wallAheadMs;
    if (known !== null && Math.abs(wallAheadMs - known) < CLOCK_SET_MS) return;
    this.#turn({ kind: 'clock', wallAheadMs });
  }

  /** Ends the engine: nothing is taken in or carried out any more. */
  stop(): void {
    this.#stopped = true;
    this.#mailbox.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  status(): Status {
    const { clock, counters, drbdSource, watchdog } = this.#world;
    const status = viewStatus(this.#state, counters(), clock.monotonicMs());
    const source = drbdSource?.() ?? null;
    const guard = watchdog?.() ?? null;
    return {
      ...status,
      ...(source === null ? {} : { drbdSource: source }),
      ...(guard === null ? {} : { watchdog: guard.status() }),
    };
  }

  history(): HistoryAnswer {
    const { entries, ...answer } = viewHistory(this.#state, this.#wallAheadMs());
    return { ...answer, entries: [...(this.#world.history?.past ?? []), ...entries] };
  }

  why(): WhyAnswer {
    const answer = explain(this.#state, this.#world.clock.monotonicMs());
    const watchdog = this.#world.watchdog?.()?.status();
    if (watchdog === undefined) return answer;
    const told = [`watchdog ${watchdog.device} is ${watchdog.state}: ${watchdog.reason}`, ...watchdog.warnings];
    const nodes = answer.nodes.map((node) =>
      node.name === answer.self ? { ...node, evidence: [...node.evidence, ...told] } : node,
    );
    return { ...answer, nodes };
  }

  /** The whole state, for `tandem simulate`. */
  dump(): StateDump {
    const { clock, counters } = this.#world;
    return {
      schema: 'tandem.dump/1',
      savedAt: new Date(clock.wallMs()).toISOString(),
      nowMs: clock.monotonicMs(),
      links: counters().map((link) => link.name),
      state: withoutSecrets(this.#state),
    };
  }

  splitBrain(): SplitBrainSides {
    return viewSplitBrain(this.#state, this.#world.clock.monotonicMs());
  }

  /** Nothing starts, stops or is fenced, and every node is heard: there is time for questions. */
  isCalm(): boolean {
    const { groups, peers, phase } = this.#state;
    const atRest = ({ life }: State['groups'][string]): boolean =>
      life === 'stopped' || life === 'started' || life === 'stopFailed';
    const heard = ({ verdict, fencing }: State['peers'][string]): boolean =>
      verdict === 'up' && fencing.running === null;
    return phase === 'up' && Object.values(groups).every(atRest) && Object.values(peers).every(heard);
  }

  /** Whether DRBD shows a connection that the core has not taken in yet. */
  hasJustConnected(facts: DrbdFacts): boolean {
    return hasJustConnected(this.#state, facts);
  }

  /** The other half of the disks of a group is confirmed off, as far as is known now. */
  isOtherHalfOff(group: string): boolean {
    return isOtherHalfOff(this.#state, group, this.#world.clock.monotonicMs());
  }

  /** A person's order to settle a split brain of the resource stands. */
  isSettling(resource: string): boolean {
    return discardOrder(this.#state, resource) !== null;
  }

  /** Takes an operator's request. A dry run goes through the same core and is forgotten. */
  request({ request, dryRun }: EngineRequest): OperatorAnswer {
    const requestId = this.newRequestId();
    const event: FailoverEvent = { kind: 'operator', requestId, request };
    if (dryRun) return this.#preview(requestId, event);
    this.post(event);
    return this.answer(requestId) ?? unanswered(requestId);
  }

  /** What the core would say to another configuration, and do at once. */
  previewReload(requestId: string, spec: ClusterSpec): OperatorAnswer {
    return this.#preview(requestId, { kind: 'reload', requestId, spec });
  }

  /** Hands another configuration to the core. */
  reload(requestId: string, spec: ClusterSpec): OperatorAnswer {
    this.post({ kind: 'reload', requestId, spec });
    return this.answer(requestId) ?? unanswered(requestId);
  }

  /** An id that no request of this run had. */
  newRequestId(): string {
    this.#requests += 1;
    return `request-${String(this.#requests)}`;
  }

  /** The core takes the event and is forgotten: what follows at once is no guess. */
  #preview(requestId: string, event: FailoverEvent): OperatorAnswer {
    const { effects } = step(this.#state, event, this.#world.clock.monotonicMs());
    const found = effects.find((effect) => effect.kind === 'answer');
    const answer = found?.answer ?? unanswered(requestId);
    if (answer.state === 'refused' || answer.state === 'failed') return answer;
    const said = effects.flatMap((effect) => (effect.kind === 'log' ? [effect.sentence] : []));
    const progress = [...new Set(said)].filter((sentence) => sentence !== answer.message);
    return { ...answer, state: 'done', message: `Would be done: ${answer.message}`, progress };
  }

  /** How a request stands. */
  answer(id: string): OperatorAnswer | null {
    const answer = this.#answers.get(id) ?? null;
    const pending = this.#state.requests[id];
    if (answer === null || pending === undefined) return answer;
    const { progress, fenceTests } = pending;
    return { ...answer, progress, ...(fenceTests === undefined ? {} : { fenceTests }) };
  }

  #carryOut(effect: Effect): void {
    const { log } = this.#world;
    switch (effect.kind) {
      case 'send':
        this.#world.send(effect.report);
        return;
      case 'run':
        void this.#world.run(effect).then((result) => this.post({ kind: 'actionResult', ...result }));
        return;
      case 'fence':
        void this.#world.fence(effect).then((result) => this.post({ kind: 'fenceResult', ...result }));
        return;
      case 'fenceTest': {
        const { testId, node } = effect;
        void this.#world
          .fenceTest(node)
          .then((devices) => this.post({ kind: 'fenceTested', testId, devices }));
        return;
      }
      case 'outdate':
        void this.#world
          .outdate(effect)
          .then((result) => this.post({ kind: 'outdateResult', ...result }));
        return;
      case 'resumeIo':
        void this.#world.resumeIo(effect).then((result) => this.post({ kind: 'resumeResult', ...result }));
        return;
      case 'reconnect':
        void this.#world
          .reconnect(effect)
          .then((result) => this.post({ kind: 'reconnectResult', ...result }));
        return;
      case 'save':
        this.#world.save(effect.facts);
        return;
      case 'answer':
        this.remember(effect.answer);
        return;
      case 'log': {
        const { kind, level, sentence, ...about } = effect;
        log[level](sentence, { event: kind, ...about });
        return;
      }
      case 'wake':
        this.#wakeAt(effect.atMs);
        return;
      case 'exit':
        this.#world.exit(effect.clean);
        return;
      default:
        assertNever(effect);
    }
  }

  /** Keeps an answer for late questions. */
  remember(answer: OperatorAnswer): void {
    this.#answers.set(answer.id, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  #wakeAt(atMs: number): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const inMs = Math.ceil(atMs - this.#world.clock.monotonicMs());
    const limited = Math.min(Math.max(0, inMs), WAKE_MAX_MS);
    this.#timer = setTimeout(() => this.post({ kind: 'tick' }), limited);
  }
}

function unanswered(id: string): OperatorAnswer {
  const message = 'The request was taken, but it has no answer';
  return { id, state: 'failed', message, progress: [], exit: 'unknown' };
}
