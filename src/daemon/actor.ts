/**
 * Carries out what the core wants done to a resource: probe, plan, steps, probe again. The outcome
 * is what was seen afterwards, not what was attempted.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert, AssertionFailure } from '../base/assert.js';
import type { ResourceState } from '../base/status.js';
import type { DrbdFacts } from '../drbd/facts.js';
import type { Effect } from '../failover/effect.js';
import type { ActionResult } from '../failover/event.js';
import { kindOf } from '../resources/kinds.js';
import type { ExecStep, PlanContext, Readings, ResourceFacts } from '../resources/plan.js';
import { PROGRAM_CANDIDATES } from '../resources/programs.js';
import { mysqlSettings } from '../resources/mysql-settings.js';
import type { GroupSpec, MysqlSpec, ResourceSpec } from '../resources/spec.js';
import type { DrbdSource } from './drbd-source.js';
import type { RunCommand } from '../host/hands.js';
import { within } from '../host/limit.js';
import { readProbes } from './read-probe.js';
import { runAside, runSteps, type StepOutcome, type StepWorld } from './run-step.js';

type RunEffect = Extract<Effect, { kind: 'run' }>;

/** What the core knows at this moment. */
export interface CoreKnowledge {
  /** The other half of the disks of a group is confirmed off. */
  isOtherHalfOff(group: string): boolean;
  /** DRBD shows a connection that it has not taken in yet. */
  hasJustConnected(facts: DrbdFacts): boolean;
}

/** What the actor needs of the daemon. */
export interface ActorWorld {
  readonly groups: readonly GroupSpec[];
  readonly drbd: DrbdSource;
  /** Runs the plain programs. */
  readonly run: RunCommand;
  readonly logDirectory: string;
  /** Where scripts are looked for, in this order. */
  readonly scriptDirectories: readonly string[];
  readonly nowMs: () => number;
  /** To be asked at the moment of the deed what is known of the other half (I8). */
  readonly core: () => CoreKnowledge;
  readonly warn: (sentence: string, group: string) => void;
  /** A server that was started for a resource has ended. */
  readonly ended: (group: string, index: number, reason: string) => void;
}

/**
 * A plan that is refused is asked again for this long: the peer's demotion may reach us over the
 * heartbeat a moment before it does over DRBD's own connection.
 */
const REFUSAL_PATIENCE_MS = 2_000;
const REFUSAL_RETRY_MS = 50;
/** Probes before and after the steps have limits of their own, beside that of the steps. */
const LATENESS_MS = 30_000;
/** Of the other nodes, where nothing is to be promoted. */
const NOTHING_KNOWN = { peerConfirmedDown: false, forced: false } as const;
/** How often is looked whether a start is over. */
const QUIET_EVERY_MS = 200;

/** Does things to resources, one action at a time for each group. */
export class Actor {
  readonly #world: ActorWorld;
  #groups: readonly GroupSpec[];
  #scriptDirectories: readonly string[];
  readonly #programs: Readonly<Record<string, string | undefined>>;
  readonly #discovered = new Map<string, Readings>();
  readonly #deferred = new Map<string, ExecStep[]>();
  /** Groups of which a start was begun and is not over. */
  readonly #starting = new Set<string>();

  constructor(world: ActorWorld) {
    this.#world = world;
    this.#groups = world.groups;
    this.#scriptDirectories = world.scriptDirectories;
    this.#programs = Object.fromEntries(
      Object.entries(PROGRAM_CANDIDATES).map(([name, paths]) => [name, paths.find(isExecutable)]),
    );
  }

  /** From here on actions are for these groups. Those that run now must not have changed. */
  use(groups: readonly GroupSpec[], scriptDirectories: readonly string[]): void {
    this.#groups = groups;
    this.#scriptDirectories = scriptDirectories;
  }

  /** Reads what does not change, so that no takeover pays for it. */
  async prepare(): Promise<void> {
    await this.#world.drbd.learn();
    await this.learn(this.#groups);
  }

  /** Reads the same of groups that a reload is about to bring. */
  async learn(groups: readonly GroupSpec[]): Promise<void> {
    const resources = groups.flatMap((group) => group.resources);
    await Promise.all(resources.map(async (resource) => this.#discover(resource)));
  }

  /** The data folder of a database, by its specification and option files; null when unknown. */
  datadirOf(spec: MysqlSpec): string | null {
    const discovered = this.#discovered.get(spec.id) ?? {};
    return mysqlSettings(spec, this.#baseContext(spec, discovered, NOTHING_KNOWN))?.datadir ?? null;
  }

  /** Carries out one action; always comes back with a result, within the time of the kind. */
  async run(effect: RunEffect): Promise<ActionResult> {
    const group = this.#groups.find((entry) => entry.name === effect.group);
    const resource = group?.resources[effect.index];
    assert(group !== undefined && resource !== undefined, 'an action names a configured resource');
    if (effect.verb === 'start') this.#starting.add(group.name);
    if (effect.verb === 'stop') this.#starting.delete(group.name);
    const result = await this.#actInTime(effect, resource);
    const last = effect.index === group.resources.length - 1;
    if (effect.verb === 'start' && (last || result.outcome !== 'ok')) {
      // The result first: what waited is not part of the start.
      setImmediate(() => this.#release(group.name));
    }
    return result;
  }

  /** Waits until no group is on its way up, or until the time is up. */
  async untilQuiet(limitMs: number): Promise<void> {
    const endMs = this.#world.nowMs() + limitMs;
    do await sleep(QUIET_EVERY_MS);
    while (this.#starting.size > 0 && this.#world.nowMs() < endMs);
  }

  /** A program that hangs has its own limits; here is the one for a disk or kernel that does. */
  async #actInTime(effect: RunEffect, resource: ResourceSpec): Promise<ActionResult> {
    const { startTimeoutMs, stopTimeoutMs } = kindOf(resource);
    const limitMs = Math.max(startTimeoutMs, stopTimeoutMs) + LATENESS_MS;
    try {
      const result = await within(this.#act(effect, resource), limitMs);
      const reason = `${resource.id}: ${effect.verb} did not come to an end in ${String(limitMs)} ms`;
      return result ?? toResult(effect, 'timeout', 'unknown', reason);
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      return toResult(effect, 'failed', 'unknown', reason);
    }
  }

  async #act(effect: RunEffect, resource: ResourceSpec): Promise<ActionResult> {
    const kind = kindOf(resource);
    const context = await this.#contexts(effect, resource);
    const look = async (): Promise<ResourceFacts> => {
      const readings = await readProbes(kind.probes(resource, context()));
      return kind.interpret(resource, readings, context());
    };
    if (effect.verb === 'probe' || effect.verb === 'monitor') {
      const facts = await look();
      const outcome = facts.state === 'unknown' ? 'failed' : 'ok';
      return toResult(effect, outcome, facts.state, facts.reason);
    }
    const { verb } = effect;
    const wanted = verb === 'start' ? 'started' : 'stopped';
    const limitMs = verb === 'start' ? kind.startTimeoutMs : kind.stopTimeoutMs;
    const world = this.#stepWorld(effect, resource, context(), limitMs);
    const outcome = await this.#carryOut(verb, resource, context, world, look);
    if (outcome.kind !== 'ok') {
      return toResult(effect, outcome.kind, 'failed', outcome.reason);
    }
    if (kind.confirmedBy === 'exit') {
      return toResult(effect, 'ok', wanted, `${kind.describe(resource)}: ${verb} succeeded`);
    }
    const facts = await look();
    if (facts.state === wanted) return toResult(effect, 'ok', wanted, facts.reason);
    const reason = `every step succeeded, yet it is ${facts.state}: ${facts.reason}`;
    return toResult(effect, 'failed', facts.state, reason);
  }

  async #carryOut(
    verb: 'start' | 'stop',
    resource: ResourceSpec,
    context: () => PlanContext,
    world: StepWorld,
    look: () => Promise<ResourceFacts>,
  ): Promise<StepOutcome> {
    const kind = kindOf(resource);
    const patientUntilMs = this.#world.nowMs() + REFUSAL_PATIENCE_MS;
    while (true) {
      const facts = await look();
      const plan = kind.plan(resource, verb, facts, context());
      if (plan.kind === 'steps') return runSteps(plan.steps, world);
      if (this.#world.nowMs() >= patientUntilMs) return { kind: 'failed', reason: plan.reason };
      await sleep(REFUSAL_RETRY_MS);
    }
  }

  #stepWorld(
    effect: RunEffect,
    resource: ResourceSpec,
    context: PlanContext,
    limitMs: number,
  ): StepWorld {
    return {
      interpret: (readings) => kindOf(resource).interpret(resource, readings, context),
      run: this.#world.run,
      warn: (sentence) => this.#world.warn(`${resource.id}: ${sentence}`, effect.group),
      defer: (step) => {
        const waiting = this.#deferred.get(effect.group) ?? [];
        this.#deferred.set(effect.group, [...waiting, step]);
      },
      serverEnded: (ending) => this.#world.ended(effect.group, effect.index, ending),
      nowMs: this.#world.nowMs,
      deadlineMs: this.#world.nowMs() + limitMs,
    };
  }

  /** Runs what waited for the end of a start. */
  #release(group: string): void {
    this.#starting.delete(group);
    const warn = (sentence: string): void => this.#world.warn(sentence, group);
    for (const step of this.#deferred.get(group) ?? []) {
      void runAside(step, { run: this.#world.run, warn });
    }
    this.#deferred.delete(group);
  }

  async #discover(resource: ResourceSpec): Promise<Readings> {
    const known = this.#discovered.get(resource.id);
    if (known !== undefined) return known;
    const context = this.#baseContext(resource, {}, NOTHING_KNOWN);
    const readings = await readProbes(kindOf(resource).discovery(resource, context));
    const sound = Object.values(readings).every(
      (reading) => reading?.kind !== 'unreadable' && reading?.kind !== 'timedOut',
    );
    if (sound) this.#discovered.set(resource.id, readings);
    return readings;
  }

  /** What a plan may depend on, as of the moment of each call: others come back while one waits. */
  async #contexts(effect: RunEffect, resource: ResourceSpec): Promise<() => PlanContext> {
    await this.#world.drbd.learn();
    const discovered = await this.#discover(resource);
    return () => {
      const peerConfirmedDown = this.#world.core().isOtherHalfOff(effect.group);
      const forced = peerConfirmedDown && effect.forced === true;
      return this.#baseContext(resource, discovered, { peerConfirmedDown, forced });
    };
  }

  #baseContext(
    resource: ResourceSpec,
    discovered: Readings,
    known: Required<Pick<PlanContext, 'peerConfirmedDown' | 'forced'>>,
  ): PlanContext {
    const path = resource.kind === 'script' ? this.#scriptPath(resource.name) : undefined;
    return {
      ...known,
      drbd: (name, procText) =>
        this.#world.drbd.view(name, procText, {
          ...known,
          hasJustConnected: (facts) => this.#world.core().hasJustConnected(facts),
        }),
      programs: this.#programs,
      scripts: resource.kind === 'script' ? { [resource.name]: path } : {},
      discovered,
      isRoot: process.getuid?.() === 0,
      logDirectory: this.#world.logDirectory,
    };
  }

  #scriptPath(name: string): string | undefined {
    return this.#scriptDirectories.map((directory) => join(directory, name)).find(isExecutable);
  }
}

function toResult(
  effect: RunEffect,
  outcome: ActionResult['outcome'],
  state: ResourceFacts['state'],
  reason: string,
): ActionResult {
  return { actionId: effect.actionId, outcome, state: shown(state), reason };
}

/** Half of a resource is neither: what is there of it must be stopped before it can be started. */
function shown(state: ResourceFacts['state']): ResourceState {
  return state === 'partial' ? 'failed' : state;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
