/**
 * One run from one seed, in two phases. First safety: trouble of every kind, and nothing may ever
 * be wrong. Then liveness: some nodes survive, everything about them is healed, no new trouble
 * comes, and each service must be back within a bound that is computed from the timing.
 */
import { createPrng } from '../base/prng.js';
import { kindOf } from '../resources/kinds.js';
import type { Checker, Violation } from './checker.js';
import { chance, pickAny } from './draw.js';
import { contains } from './lineage.js';
import type { Machine } from './machine.js';
import type { Brain } from './machine-setup.js';
import type { Observer } from './observation.js';
import { describeParameters, drawParameters, setupFrom } from './parameters.js';
import type { Parameters, Wishes } from './parameters.js';
import type { Replica } from './replica.js';
import { TroubleMaker } from './troubles.js';
import { World } from './world.js';

/** How a run ended. `crash`: the core threw. */
export type Verdict =
  | { readonly kind: 'fine' }
  | { readonly kind: 'crash'; readonly sentence: string }
  | { readonly kind: 'safety'; readonly violation: Violation }
  | { readonly kind: 'liveness'; readonly sentence: string };

export interface RunReport {
  readonly parameters: Parameters;
  readonly verdict: Verdict;
  /** Virtual time, times the number of nodes. */
  readonly nodeMs: number;
  /** Of that: at rest, and turn by turn of the core. The remainder: no daemon ran. */
  readonly restedMs: number;
  readonly steppedMs: number;
  /** Turns of all nodes together; of these the ones at rest, which are no steps of the core. */
  readonly turns: number;
  readonly restedTurns: number;
  /** Turns until the first violation, else all. */
  readonly serviceReturnedMs: number | null;
  /** Groups whose data no survivor has: nothing could bring them back. */
  readonly excused: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly wishes: Wishes;
  readonly brain: Brain;
  /** Builds fresh checkers; each tells a violation by the function it is given. */
  readonly checkers: (world: World, tell: (violation: Violation) => void) => readonly Checker[];
  /** Sees everything, for logs. */
  readonly observer?: Observer;
}

const MINUTE_MS = 60_000;
/** In the liveness phase the operator tidies up this often. */
const TIDY_EVERY_MS = 20_000;
/** Disks that a person may decide to use. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent', 'Outdated'];

/** Runs a seed. Never throws for a fault of the core: that is a verdict. */
export function runSeed(options: RunOptions): RunReport {
  const parameters = drawParameters(options.seed, options.wishes);
  const world = new World(setupFrom(parameters, options.brain));
  const run = new Run(world, parameters, options);
  return run.play();
}

class Run {
  readonly #world: World;
  readonly #parameters: Parameters;
  #violation: Violation | null = null;
  #steps = 0;
  #steppedMs = 0;

  constructor(world: World, parameters: Parameters, options: RunOptions) {
    this.#world = world;
    this.#parameters = parameters;
    const tell = (violation: Violation): void => {
      this.#violation ??= violation;
    };
    if (options.observer !== undefined) world.observe(options.observer);
    for (const checker of options.checkers(world, tell)) checker.watch(world);
    world.observe(({ lateMs }) => {
      this.#steps += 1;
      this.#steppedMs += lateMs;
    }, ['turned']);
    world.tell({ kind: 'fault', what: describeParameters(parameters) });
  }

  play(): RunReport {
    const world = this.#world;
    let returnedMs: number | null = null;
    let excused = 0;
    let verdict: Verdict = { kind: 'fine' };
    try {
      const troubles = new TroubleMaker(world, this.#parameters);
      world.run(this.#parameters.minutes * MINUTE_MS, () => this.#violation !== null);
      troubles.stop();
      if (this.#violation === null) {
        const revival = this.#revive();
        ({ excused, returnedMs } = revival);
        if (revival.missing !== null) verdict = { kind: 'liveness', sentence: revival.missing };
      }
      if (this.#violation !== null) verdict = { kind: 'safety', violation: this.#violation };
    } catch (error) {
      const sentence = error instanceof Error ? (error.stack ?? error.message) : String(error);
      verdict = { kind: 'crash', sentence };
    }
    world.repeats.tellAll();
    const { turns: restedTurns, restedMs } = world.repeats;
    return {
      parameters: this.#parameters,
      verdict,
      nodeMs: world.nowMs * this.#parameters.nodes,
      restedMs,
      steppedMs: this.#steppedMs,
      turns: this.#steps + restedTurns,
      restedTurns,
      serviceReturnedMs: returnedMs,
      excused,
    };
  }

  // --- liveness ----------------------------------------------------------------------------------

  #revive(): { missing: string | null; returnedMs: number | null; excused: number } {
    const world = this.#world;
    const startedMs = world.nowMs;
    const survivors = this.#chooseSurvivors();
    this.#heal(survivors);
    const boundMs = startedMs + this.#boundMs();
    this.#planTidying(survivors, boundMs);
    const isDone = (): boolean =>
      this.#violation !== null || this.#missing(survivors).length === 0;
    for (let atMs = startedMs; atMs < boundMs && !isDone(); atMs += 1_000) world.run(atMs + 1_000);
    const missing = this.#missing(survivors);
    const hopeless = missing.filter((group) => !this.#isPossible(group, survivors));
    const culpable = missing.filter((group) => !hopeless.includes(group));
    return {
      missing:
        culpable.length === 0
          ? null
          : `${culpable.join(', ')} not back on ${survivors.join(', ')} after ` +
            `${String(Math.round((world.nowMs - startedMs) / 1_000))} s`,
      returnedMs: missing.length === 0 ? world.nowMs - startedMs : null,
      excused: hopeless.length,
    };
  }

  /** All, or few enough that every group still has a disk; a majority where one is needed. */
  #chooseSurvivors(): readonly string[] {
    const { nodes, groups } = this.#world.setup;
    const prng = createPrng(this.#parameters.seed ^ 0x11fe);
    if (chance(prng, 0.5)) return nodes;
    const isEnough = (rest: readonly string[]): boolean =>
      groups.every((group) => group.prefer.some((node) => rest.includes(node))) &&
      (nodes.length === 2 || rest.length > nodes.length / 2);
    const without = pickAny(prng, nodes);
    const rest = nodes.filter((node) => node !== without);
    return isEnough(rest) ? rest : nodes;
  }

  #heal(survivors: readonly string[]): void {
    const world = this.#world;
    world.tell({ kind: 'fault', what: `healed; ${survivors.join(', ')} survive` });
    world.network.heal();
    world.power.heal();
    world.setAgentFaults(null);
    world.setReplication(true);
    this.#healDisks(survivors);
    for (const machine of Object.values(world.machines)) {
      machine.senses.setClientNetwork(true);
      machine.stateDisk.heal();
      machine.handlers.setBroken(false);
      if (!survivors.includes(machine.name)) machine.disable();
      this.#restoreRelease(machine);
    }
  }

  /** The configuration and the release that all began with, also for what came late. */
  #restoreRelease(machine: Machine): void {
    if (machine.state?.spec.digest !== 'd1') machine.crashDaemon();
    machine.setDigest('d1');
    if (machine.otherProtocol !== null) machine.restartWithProtocol(null);
  }

  /** A broken disk is mended, or stays as it is while the other one of its pair is good. */
  #healDisks(survivors: readonly string[]): void {
    const prng = createPrng(this.#parameters.seed ^ 0xd15c);
    for (const replica of Object.values(this.#world.replicas)) {
      for (const node of replica.nodes) {
        if (replica.disk(node).disk !== 'Diskless') continue;
        const isCopied = replica.isCopied(node) && replica.nodes.every((n) => survivors.includes(n));
        if (!isCopied) replica.reattachDisk(node);
        else if (chance(prng, 0.5)) replica.replaceDisk(node);
      }
    }
  }

  /** The operator of the liveness phase: everything on, online, cleaned up, vouched for if off. */
  #planTidying(survivors: readonly string[], untilMs: number): void {
    const world = this.#world;
    for (const name of survivors) {
      const machine = world.machine(name);
      machine.restorePower();
      machine.startDaemon();
    }
    world.queue.after(TIDY_EVERY_MS, () => {
      if (world.nowMs > untilMs) return;
      world.network.heal();
      world.power.heal();
      world.setReplication(true);
      for (const name of survivors) {
        this.#restoreRelease(world.machine(name));
        world.machine(name).startDaemon();
        this.#workOnDrbd(name);
        world.operator(name, { kind: 'online', node: name });
        world.operator(name, { kind: 'endMaintenance', by: 'kim' });
        // A stop that failed keeps a node from leaving: somebody has to say so.
        const isStuck = world.machine(name).state?.phase === 'leaving';
        for (const group of world.setup.groups) {
          world.operator(name, { kind: 'unfreeze', group: group.name, by: 'kim' });
          world.operator(name, { kind: 'enable', group: group.name, by: 'kim' });
          if (isStuck || this.#missing(survivors).includes(group.name)) {
            world.operator(name, { kind: 'cleanup', group: group.name });
          }
        }
        this.#vouch(name);
      }
      if (this.#parameters.acceptsLoss) this.#acceptLoss(survivors);
      this.#planTidying(survivors, untilMs);
    });
  }

  /**
   * What status tells a person to do. Halves that had refused each other while a disk was broken are
   * connected; those of a split brain refuse again. Writes that wait for a node that is off are let go
   * on by tandemd, once somebody has vouched for it.
   */
  #workOnDrbd(node: string): void {
    for (const replica of Object.values(this.#world.replicas)) {
      if (replica.has(node)) replica.connect(node);
    }
  }

  /**
   * What status tells a person to do when nothing else is left: a broken disk is replaced where the
   * other one has everything, a split brain is settled, and old data serves where the other half is
   * gone for good.
   */
  #acceptLoss(survivors: readonly string[]): void {
    for (const replica of Object.values(this.#world.replicas)) {
      for (const node of replica.nodes) {
        const isBroken = survivors.includes(node) && replica.disk(node).disk === 'Diskless';
        if (isBroken && replica.isCopied(node)) replica.replaceDisk(node);
      }
    }
    // After the rest has come to pass.
    this.#world.queue.after(TIDY_EVERY_MS / 2, () => {
      for (const group of this.#missing(survivors)) {
        for (const replica of this.#replicasOf(group)) this.#giveUp(group, replica, survivors);
      }
    });
  }

  #giveUp(group: string, replica: Replica, survivors: readonly string[]): void {
    const { resource } = replica;
    const by = 'kim';
    const [at, other] = replica.nodes.filter((name) => survivors.includes(name));
    if (at === undefined) return;
    if (other === undefined) {
      const why = { by, reason: 'the other one is gone', loses: null };
      this.#world.operator(at, { kind: 'forceOldData', group, node: at, ...why });
      return;
    }
    const node = replica.disk(at).disk === 'Outdated' ? at : other;
    const request = { resource, node, fingerprint: null, by, reason: 'the older one' };
    this.#world.operator(at, { kind: 'discard', ...request });
  }

  #vouch(at: string): void {
    for (const machine of Object.values(this.#world.machines)) {
      if (machine.isOn) continue;
      const request = { node: machine.name, by: 'kim', reason: 'it is off' } as const;
      this.#world.operator(at, { kind: 'fenceConfirm', ...request });
    }
  }

  #missing(survivors: readonly string[]): readonly string[] {
    const serves = (group: string): boolean =>
      survivors.some(
        (node) =>
          this.#world.machine(node).agents.isServing(group) &&
          !this.#isHeldBack(group, node) &&
          !this.#isStranded(group, node, survivors),
      );
    return this.#world.setup.groups.map((group) => group.name).filter((name) => !serves(name));
  }

  /** DRBD holds back the writes of the group's disks there. */
  #isHeldBack(group: string, node: string): boolean {
    return this.#replicasOf(group).some((replica) => replica.isHeldBack(node));
  }

  /** It runs without a disk of its own, although another survivor has a good one (S4). */
  #isStranded(group: string, node: string, survivors: readonly string[]): boolean {
    return this.#replicasOf(group).some(
      (replica) =>
        replica.disk(node).disk === 'Diskless' &&
        replica.nodes.some(
          (other) =>
            survivors.includes(other) &&
            replica.disk(other).disk === 'UpToDate' &&
            !this.#needsAPerson(other, replica, survivors),
        ),
    );
  }

  #replicasOf(group: string): readonly Replica[] {
    const spec = this.#world.setup.groups.find((entry) => entry.name === group);
    return (spec?.resources ?? []).flatMap((resource) =>
      resource.kind === 'drbd' ? (this.#world.replicas[resource.resource] ?? []) : [],
    );
  }

  /** True when a survivor has a disk that lacks nothing, so that there is no excuse. */
  #isPossible(group: string, survivors: readonly string[]): boolean {
    return this.#replicasOf(group).every((replica) =>
      replica.nodes.some((node) => {
        if (!survivors.includes(node)) return false;
        const { disk } = replica.disk(node);
        if (this.#parameters.acceptsLoss && this.#isEnough(node, replica, survivors)) return true;
        if (this.#needsAPerson(node, replica, survivors)) return false;
        const isWhole = replica.nodes.every((other) => {
          const mayHaveMore = replica.wasAlone(other) && !survivors.includes(other);
          const lacksNothing = contains(replica.content(node), replica.content(other));
          return other === node || (lacksNothing && !mayHaveMore);
        });
        return isWhole && (disk === 'UpToDate' || disk === 'Consistent');
      }),
    );
  }

  /** For a person who gives up what the other half has that is gone, or is as whole as this one. */
  #isEnough(node: string, replica: Replica, survivors: readonly string[]): boolean {
    const isWhole = (half: string): boolean => WHOLE.includes(replica.disk(half).disk);
    const others = replica.nodes.filter((other) => other !== node && survivors.includes(other));
    // Of two halves one that is Outdated is not the one to be kept.
    const isChosen = others.length === 0 || replica.disk(node).disk !== 'Outdated';
    return isWhole(node) && isChosen && others.every(isWhole);
  }

  /**
   * True when the node was told that one that is gone, or whose disk is, had newer writes, or may
   * have had, and has not seen a connection to that disk since: it cannot know better, and S4
   * leaves the decision to a person.
   */
  #needsAPerson(node: string, replica: Replica, survivors: readonly string[]): boolean {
    const copy = this.#world.machine(node).state?.copies[replica.resource];
    const isGone = (other: string | null): boolean =>
      other !== null && (!survivors.includes(other) || replica.disk(other).disk === 'Diskless');
    const other = replica.nodes.find((name) => name !== node) ?? null;
    if (copy?.kind === 'behind') return isGone(copy.than ?? other);
    // Nothing is kept of a copy before the first word on it.
    return (copy?.kind ?? 'untold') === 'untold' && survivors.includes(other ?? '') && isGone(other);
  }

  /** Everything that may have to happen one after the other, each at its slowest. */
  #boundMs(): number {
    const { setup } = this.#world;
    const p = this.#parameters;
    const agentMs = Math.max(
      ...setup.groups.flatMap((group) =>
        group.resources.map((r) => kindOf(r).startTimeoutMs + kindOf(r).stopTimeoutMs),
      ),
    );
    const { startMs, stopMs } = setup.agentTiming;
    const sum = [...Object.values(startMs), ...Object.values(stopMs)].reduce((a, b) => a + b, 0);
    const detection = p.initdeadMs + p.deadtimeMs + 2 * p.troubleForMs;
    const fencing = 4 * p.fenceTimeoutMs + p.offMs + 30_000;
    const disks = p.detectMs + p.connectMs + p.resyncMs;
    const people = (p.acceptsLoss ? 6 : 3) * TIDY_EVERY_MS;
    return agentMs + detection + fencing + disks + 2 * p.bootMs + 3 * sum + people;
  }
}
