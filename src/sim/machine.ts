/* eslint max-lines: ['error', { max: 460, skipBlankLines: true, skipComments: true }] -- one machine is one object */
/**
 * One machine: power, kernel, clock, and the daemon that runs the very step function of the real
 * one. Two ways to stand still: the daemon alone stalls (its services and DRBD go on), or the
 * whole machine freezes, as a virtual machine does.
 */
import type { OperatorAnswer, OperatorRequest } from '../base/control.js';
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import { usesDrbd, type ClusterSpec } from '../failover/spec.js';
import type { State } from '../failover/state.js';
import { Agents } from './agents.js';
import { between, chance } from './draw.js';
import { DRBD_TAKES_MS, driveDrbd, type DrbdEffect } from './drbd-hands.js';
import { Fences } from './fences.js';
import { Handlers, type HandlerCall } from './handlers.js';
import { Letterbox, type Reader } from './letterbox.js';
import { Words, type Letter } from './letters.js';
import { LocalClock } from './local-clock.js';
import { askOfOtherHalf, type MachineSetup } from './machine-setup.js';
import { MachineWatchdog } from './machine-watchdog.js';
import { Mind } from './mind.js';
import { testPower } from './power-test.js';
import { Release } from './release.js';
import type { Rested } from './resting.js';
import { Senses } from './senses.js';
import { StateDisk } from './state-disk.js';

/** Datagrams that a socket buffer holds for a daemon that stands still. */
const INBOX_MAX = 512;
interface Daemon extends Reader {
  readonly inbox: FailoverEvent[];
  stalledUntilMs: number;
  /** For when the queue has an entry to turn the core, by both clocks. */
  plannedMs: number;
  turnsAtMs: number;
}

export class Machine {
  readonly name: string;
  readonly agents: Agents;
  readonly senses: Senses;
  readonly #setup: MachineSetup;
  /** `up`: its kernel has booted, and programs run. */
  #power: 'off' | 'booting' | 'up' = 'off';
  #isDisabled = false;
  readonly #release = new Release();
  #bootCount = 0;
  #frozenUntilMs = 0;
  #daemon: Daemon | null = null;
  #generation = 0;
  readonly stateDisk: StateDisk;
  readonly #watchdog: MachineWatchdog | null;
  readonly handlers: Handlers;
  readonly #fences: Fences;
  readonly #clock: LocalClock;
  readonly #letterbox: Letterbox;
  #spec: ClusterSpec;
  /** Asked of the daemon and not answered yet. */
  readonly #reloads = new Map<string, ClusterSpec>();

  constructor(setup: MachineSetup) {
    this.#setup = setup;
    this.#spec = setup.spec;
    this.name = setup.spec.self;
    this.stateDisk = new StateDisk(setup.queue);
    this.#watchdog =
      setup.watchdog === null
        ? null
        : new MachineWatchdog(setup.queue, setup.watchdog, {
            disk: this.stateDisk,
            expired: (isStarving) => this.#reset(isStarving),
          });
    this.#fences = new Fences(setup);
    this.#clock = new LocalClock(setup.queue, Math.floor(between(setup.prng, 1_000, 100_000)));
    this.senses = new Senses(setup, this.#clock, {
      state: () => this.state,
      give: (event) => this.#give(event),
    });
    const { queue, repeats } = setup;
    this.#letterbox = new Letterbox(this.name, { queue, repeats, clock: this.#clock }, {
      deliver: (link, report) => {
        if (this.isOn) this.#give(this.#release.read(link, report));
      },
      turned: (atMs) => this.#watchdog?.turned(atMs),
    });
    this.handlers = new Handlers({
      later: (delayMs, run) => this.#later(delayMs, run),
      ask: (requestId, request) => {
        if (this.#daemon === null) return false;
        this.#give({ kind: 'operator', requestId, request });
        return true;
      },
      ended: (resource, exit) =>
        this.#setup.observe({ kind: 'handlerEnds', node: this.name, resource, exit }),
    });
    this.agents = new Agents(
      {
        node: this.name,
        timing: setup.agentTiming,
        replicas: setup.replicas,
        isOtherHalfOff: (group, replica) => askOfOtherHalf(setup.brain, this.state, group, replica, this.localMs),
        faultOf: (order) => setup.faultOf(this.name, order),
        later: (delayMs, run) => this.#later(delayMs, run),
        observe: setup.observe,
      },
      setup.spec.groups,
    );
  }

  get isOn(): boolean {
    return this.#power !== 'off';
  }

  /** The state of the core, null while no daemon runs. For logs and views, never for checkers. */
  get state(): State | null {
    return this.#daemon?.mind.state ?? null;
  }

  get isFrozen(): boolean {
    return this.#setup.queue.nowMs < this.#frozenUntilMs;
  }

  /** The time on this node's own clock. */
  get localMs(): number {
    return this.#clock.nowMs;
  }

  /** Parts per million that the clock runs fast. */
  setDrift(ppm: number): void {
    this.#letterbox.disturb();
    this.#clock.setDrift(ppm);
  }

  /** The protocol of another release that runs here; null for this one. */
  get otherProtocol(): number | null {
    return this.#release.other;
  }

  /** Killed and started as a release that speaks another protocol; null: as this one. */
  restartWithProtocol(protocol: number | null): void {
    this.#release.other = protocol;
    this.crashDaemon();
    this.startDaemon();
  }

  /** Runs with another configuration from the next start of the daemon on. */
  setDigest(digest: string): void {
    this.#spec = { ...this.#setup.spec, digest };
  }

  /** The configuration is edited and the daemon told to read it; a later start reads it, too. */
  reload(requestId: string, change: Partial<ClusterSpec>): void {
    this.#spec = { ...this.#setup.spec, ...change };
    // Refused, as a start with it would be.
    if (this.#watchdog?.fits(this.#spec) === false) return;
    this.#reloads.set(requestId, this.#spec);
    this.#give({ kind: 'reload', requestId, spec: this.#spec });
  }

  #noteReload({ id, state }: OperatorAnswer): void {
    const spec = this.#reloads.get(id);
    if (spec === undefined) return;
    this.#reloads.delete(id);
    if (state === 'done') this.#observeConfiguration(spec);
  }

  // --- power -------------------------------------------------------------------------------------

  /** A machine that is out of order for good does not come back. */
  disable(): void {
    this.#isDisabled = true;
    this.cutPower();
  }

  cutPower(): void {
    if (!this.isOn) return;
    this.#power = 'off';
    this.#bootCount += 1;
    this.#frozenUntilMs = 0;
    this.#daemon = null;
    this.#watchdog?.disarm();
    this.handlers.lose();
    this.stateDisk.lose();
    this.#setup.observe({ kind: 'power', node: this.name, on: false });
    this.agents.powerLost();
    for (const replica of this.senses.replicas) {
      replica.setUp(this.name, false);
      replica.setFrozen(this.name, false);
    }
  }

  /** Power on; the daemon runs after the boot. */
  restorePower(): void {
    if (this.isOn || this.#isDisabled) return;
    this.#setup.power.switchedOn(this.name);
    this.#boot();
  }

  /** Its watchdog was not fed in time. */
  #reset(isStarving: boolean): void {
    const stillUntilMs = Math.max(this.#frozenUntilMs, this.#daemon?.stalledUntilMs ?? 0);
    const isStill = this.#setup.queue.nowMs <= stillUntilMs;
    const because = isStill ? 'standstill' : isStarving ? 'disk' : 'nothing';
    const cause = this.#daemon === null ? 'noDaemon' : because;
    this.#setup.observe({ kind: 'watchdogReset', node: this.name, because: cause });
    this.cutPower();
    this.#boot();
  }

  #boot(): void {
    this.#power = 'booting';
    this.#bootCount += 1;
    this.#clock.set(0);
    this.#setup.observe({ kind: 'power', node: this.name, on: true });
    this.#later(this.#setup.bootMs, () => {
      this.#power = 'up';
      for (const replica of this.senses.replicas) replica.setUp(this.name, true);
      this.startDaemon();
    });
  }

  /** Is on and goes on from a state that a daemon got into elsewhere; `nowMs` is its clock. */
  resume(state: State, nowMs: number): void {
    this.#power = 'up';
    this.#bootCount += 1;
    this.#clock.set(nowMs);
    this.#generation = state.generation;
    this.#setup.observe({ kind: 'power', node: this.name, on: true });
    this.#begin(state);
    this.senses.tellDrbd();
    this.#give({ kind: 'tick' });
  }

  // --- the daemon --------------------------------------------------------------------------------

  startDaemon(): void {
    if (this.#power !== 'up' || this.#daemon !== null) return;
    if (this.#watchdog?.fits(this.#spec) === false) return;
    const boot = this.#bootCount;
    this.stateDisk.whenItAnswers(() => {
      if (boot === this.#bootCount && this.#daemon === null) this.#startNow();
    });
  }

  #startNow(): void {
    const { brain } = this.#setup;
    const { saved, generation } = this.stateDisk.begin(this.#generation);
    this.#generation = generation;
    this.#watchdog?.arm();
    this.#begin(brain.initialState(this.#spec, generation, saved, this.localMs));
    this.senses.tellAll();
    this.#give({ kind: 'tick' });
  }

  #begin(state: State): void {
    this.#letterbox.disturb();
    this.#daemon = {
      mind: new Mind(this.#setup.brain, state),
      inbox: [],
      stalledUntilMs: 0,
      wakeMs: this.localMs,
      plannedMs: Number.POSITIVE_INFINITY,
      turnsAtMs: Number.POSITIVE_INFINITY,
      lastTurnMs: this.#setup.queue.nowMs,
    };
    const { generation, spec } = state;
    this.#observeConfiguration(spec);
    this.#setup.observe({ kind: 'daemon', node: this.name, what: 'began', generation });
  }

  #observeConfiguration({ digest, heartbeat, groups }: ClusterSpec): void {
    this.#watchdog?.setPace(heartbeat.keepaliveMs);
    const about = { node: this.name, digest, heartbeat, groups: groups.map(({ name }) => name) };
    this.#setup.observe({ kind: 'configured', ...about });
  }

  /** kill -9: services stay, the daemon's children die. */
  crashDaemon(): void {
    if (this.#daemon === null) return;
    this.#endDaemon('crashed');
    this.stateDisk.lose();
    this.agents.daemonDied(() => chance(this.#setup.prng, 0.5));
  }

  #endDaemon(what: 'crashed' | 'left'): void {
    this.#daemon = null;
    this.#setup.observe({ kind: 'daemon', node: this.name, what, generation: this.#generation });
    this.handlers.askAgain();
  }

  /** SIGTERM. */
  leave(): void {
    this.#give({ kind: 'leave' });
  }

  /** The daemon stands still; the rest of the machine goes on. */
  stall(forMs: number): void {
    const daemon = this.#daemon;
    if (daemon === null) return;
    this.#letterbox.disturb();
    const untilMs = this.#setup.queue.nowMs + forMs;
    daemon.stalledUntilMs = Math.max(daemon.stalledUntilMs, untilMs);
    this.#setup.queue.after(forMs, () => this.#catchUp(daemon));
  }

  /** The whole machine stands still. */
  freeze(forMs: number): void {
    if (!this.isOn) return;
    this.#letterbox.disturb();
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.#setup.queue.nowMs + forMs);
    for (const replica of this.senses.replicas) replica.setFrozen(this.name, true);
    this.#watchdog?.setFrozen(true);
    const boot = this.#bootCount;
    this.#setup.queue.after(forMs, () => {
      if (boot !== this.#bootCount || this.isFrozen) return;
      for (const replica of this.senses.replicas) replica.setFrozen(this.name, false);
      this.#watchdog?.setFrozen(false);
      if (this.#daemon !== null) this.#catchUp(this.#daemon);
    });
  }

  operator(requestId: string, request: OperatorRequest): void {
    this.#setup.observe({ kind: 'asked', node: this.name, id: requestId, request });
    this.#give({ kind: 'operator', requestId, request });
  }

  // --- letters -----------------------------------------------------------------------------------

  /** A report is under way to here. */
  post(letter: Letter): void {
    const daemon = this.#daemon;
    if (daemon === null) this.#letterbox.put(letter);
    else if (this.#isStandingStill(daemon) || this.#release.other !== null) {
      this.#letterbox.planDelivery(letter);
    } else {
      this.readLetters();
      this.#letterbox.post(letter, daemon);
    }
  }

  /** Reads what has come and was let lie. */
  readLetters(): void {
    this.#letterbox.read(this.#daemon);
  }

  // --- what the daemon hears of ------------------------------------------------------------------

  /** The kernel calls its fence-peer handler, a program that asks the daemon. */
  fencePeer(call: HandlerCall): void {
    this.handlers.call(call);
  }

  /** A resource dies; the daemon hears at once of a server that it has started itself. */
  kill(group: string, index: number): void {
    if (!this.agents.kill(group, index)) return;
    const spec = this.#setup.spec.groups.find(({ name }) => name === group);
    if (spec?.resources[index]?.kind !== 'mysql') return;
    this.#give({ kind: 'ended', group, index, reason: 'it was ended by SIGKILL' });
  }

  /** Every read of the disk fails: the database that uses it ends. */
  ioError(resource: string): void {
    for (const group of this.#setup.spec.groups) {
      if (!usesDrbd(group, resource)) continue;
      this.kill(group.name, group.resources.findIndex(({ kind }) => kind === 'mysql'));
    }
  }

  #isStandingStill({ stalledUntilMs }: Daemon): boolean {
    return this.isFrozen || this.#setup.queue.nowMs < stalledUntilMs;
  }

  #give(event: FailoverEvent): void {
    const daemon = this.#daemon;
    if (daemon === null) return;
    if (this.#isStandingStill(daemon)) {
      // The buffer of a socket overflows; the end of a program of ours waits for us.
      const isLost = event.kind === 'report' && daemon.inbox.length >= INBOX_MAX;
      if (event.kind !== 'tick' && !isLost) daemon.inbox.push(event);
      return;
    }
    this.readLetters();
    this.#turn(daemon, event);
  }

  /** After standing still: timers and sockets are served in an order that nobody promised. */
  #catchUp(daemon: Daemon): void {
    if (this.#daemon !== daemon || this.isFrozen) return;
    if (this.#setup.queue.nowMs < daemon.stalledUntilMs) return;
    const events: FailoverEvent[] = daemon.inbox.splice(0);
    if (chance(this.#setup.prng, 0.5)) events.unshift({ kind: 'tick' });
    else events.push({ kind: 'tick' });
    for (const event of events) {
      if (this.#daemon === daemon) this.#turn(daemon, event);
    }
  }

  #turn(daemon: Daemon, event: FailoverEvent): void {
    const { queue, observe } = this.#setup;
    const lateMs = queue.nowMs - daemon.lastTurnMs;
    daemon.lastTurnMs = queue.nowMs;
    this.#watchdog?.turned(queue.nowMs);
    const rested = daemon.mind.rest(event, this.localMs);
    if (rested !== null) {
      this.#goOn(daemon, event, rested, lateMs);
      return;
    }
    this.#setup.readLetters();
    this.#letterbox.disturb();
    if (event.kind === 'report') {
      observe({ kind: 'heard', node: this.name, link: event.link, report: event.report });
    } else if (event.kind === 'fenceResult') this.#fences.end(event);
    this.#observeForeign(event);
    const effects = daemon.mind.step(event, this.localMs);
    observe({ kind: 'turned', node: this.name, cause: event.kind, effects, lateMs });
    for (const effect of effects) {
      if (this.#daemon === daemon) this.#carryOut(daemon, effect);
    }
  }

  #observeForeign(event: FailoverEvent): void {
    if (event.kind !== 'foreign') return;
    const { node: about, stamp } = event.fault;
    if (about === null || stamp === null) return;
    this.#setup.observe({ kind: 'heardForeign', node: this.name, about, stamp });
  }

  #broadcast(words: Words): void {
    this.#setup.network().broadcast(this.name, this.#release.written(words));
  }

  /** Carries out what comes of a turn at rest. */
  #goOn(daemon: Daemon, event: FailoverEvent, rested: Rested, lateMs: number): void {
    const { queue, repeats, observe } = this.#setup;
    repeats.rested(lateMs);
    const { hearing, isRepeated, runs, says, wakeMs } = rested;
    if (event.kind === 'report' && hearing !== null) {
      const { link, report } = event;
      const heard = { link, words: new Words(report), atMs: queue.nowMs };
      if (isRepeated) repeats.heard(this.name, heard, hearing === 'new');
      else observe({ kind: 'heard', node: this.name, link, report });
    } else this.#observeForeign(event);
    for (const order of runs) this.#run(daemon, order);
    if (says !== null) {
      repeats.sent(this.name, says, queue.nowMs);
      this.#broadcast(says);
    }
    if (wakeMs !== null) this.#wake(daemon, wakeMs);
  }

  // --- effects -----------------------------------------------------------------------------------

  #carryOut(daemon: Daemon, effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#setup.observe({ kind: 'sent', node: this.name, report: effect.report });
        this.#broadcast(new Words(effect.report));
        return;
      case 'run':
        this.#run(daemon, effect);
        return;
      case 'fence':
        this.#fence(daemon, effect);
        return;
      case 'fenceTest':
        testPower(this.name, effect, this.#setup, (event) => {
          if (this.#daemon === daemon) this.#give(event);
        });
        return;
      case 'reconnect':
      case 'resumeIo':
      case 'outdate':
        this.#driveDrbd(daemon, effect);
        return;
      case 'save':
        this.stateDisk.save(effect.facts);
        return;
      case 'answer':
        if (this.handlers.takeAnswer(effect.answer)) return;
        this.#noteReload(effect.answer);
        this.#setup.observe({ kind: 'answered', node: this.name, answer: effect.answer });
        return;
      case 'wake':
        this.#wake(daemon, effect.atMs);
        return;
      case 'exit':
        this.#watchdog?.disarm();
        this.#endDaemon('left');
        this.stateDisk.finish();
        return;
      case 'log':
    }
  }

  #run(daemon: Daemon, { actionId, ...order }: Extract<Effect, { kind: 'run' }>): void {
    this.agents.run(order, (outcome) => {
      if (this.#daemon === daemon) this.#give({ kind: 'actionResult', actionId, ...outcome });
    });
  }

  #driveDrbd(daemon: Daemon, effect: DrbdEffect): void {
    this.#later(DRBD_TAKES_MS[effect.kind], () => {
      const result = driveDrbd(this.name, effect, this.#setup);
      if (this.#daemon === daemon && result !== null) this.#give(result);
    });
  }

  #fence(daemon: Daemon, effect: Extract<Effect, { kind: 'fence' }>): void {
    const boot = this.#bootCount;
    const order = this.#fences.begin(effect);
    // The agent itself must still run when its order goes out.
    this.#later(1, () =>
      this.#setup.power.use(order, (answer) => {
        if (boot === this.#bootCount && this.#daemon === daemon) {
          this.#give({ kind: 'fenceResult', fenceId: effect.fenceId, ...answer });
        }
      }),
    );
  }

  #wake(daemon: Daemon, atMs: number): void {
    daemon.wakeMs = atMs;
    if (atMs < daemon.plannedMs) this.#planWake(daemon);
  }

  #planWake(daemon: Daemon): void {
    const { queue } = this.#setup;
    const atMs = daemon.wakeMs;
    daemon.plannedMs = atMs;
    daemon.turnsAtMs = queue.nowMs + Math.max(0, this.#clock.untilMs(atMs));
    this.#letterbox.turnIsPlanned(daemon);
    queue.ownAt(daemon.turnsAtMs, queue.takeNumber(), () => {
      if (this.#daemon !== daemon || daemon.plannedMs !== atMs) return;
      daemon.plannedMs = Number.POSITIVE_INFINITY;
      this.readLetters();
      if (this.localMs < daemon.wakeMs) this.#planWake(daemon);
      else this.#give({ kind: 'tick' });
    });
  }

  #later(delayMs: number, run: () => void): void {
    const boot = this.#bootCount;
    const attempt = (): void => {
      if (boot !== this.#bootCount) return;
      const { nowMs } = this.#setup.queue;
      const thawsInMs = this.#frozenUntilMs - nowMs;
      if (thawsInMs > 0) this.#setup.queue.after(thawsInMs, attempt);
      else run();
    };
    this.#setup.queue.after(delayMs, attempt);
  }
}
