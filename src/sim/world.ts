/**
 * The whole world in one object: machines, links, disks, power and clients, in virtual time from
 * one seed. Nothing here decides; every fault is a method, so that a schedule drawn at random, a
 * scripted scenario and an operator's "what if" use the same ones.
 */
import { createPrng, type Prng } from '../base/prng.js';
import type { FencingPolicy } from '../drbd/config-query.js';
import type { ClusterSpec } from '../failover/spec.js';
import type { GroupSpec } from '../resources/spec.js';
import type { AgentFault, AgentOrder, AgentTiming, Verb } from './agents.js';
import { Lineage } from './lineage.js';
import { Machine } from './machine.js';
import type { Brain } from './machine-setup.js';
import type { WatchdogSetup } from './machine-watchdog.js';
import { Network, type Medium } from './network.js';
import type { Kind, Observation, Observer } from './observation.js';
import { Power, type DeviceLevels, type PowerTiming } from './power.js';
import { EventQueue } from './queue.js';
import { Repeats } from './repeats.js';
import { Replica, type BootDisk, type ReplicaTiming } from './replica.js';

/** Everything that fixes a world. The same setup and the same calls give the same history. */
export interface WorldSetup {
  readonly seed: number;
  readonly nodes: readonly string[];
  readonly groups: readonly GroupSpec[];
  readonly heartbeat: ClusterSpec['heartbeat'];
  /** The nodes that have a power device. */
  readonly fenceable: readonly string[];
  readonly media: readonly Medium[];
  readonly powerTiming: PowerTiming;
  /** Of every node. Absent: one board each. */
  readonly powerDevices?: DeviceLevels | undefined;
  readonly agentTiming: AgentTiming;
  readonly replicaTiming: ReplicaTiming;
  readonly bootDisk: BootDisk;
  /** DRBD's own fencing policy. Default dont-care: no handler is called. */
  readonly drbdFencing?: FencingPolicy;
  readonly bootMs: number;
  /** Of every node. Absent: none. */
  readonly watchdog?: WatchdogSetup | undefined;
  /** A client of each group writes this often. */
  readonly writeEveryMs: number;
  readonly brain: Brain;
}

export class World {
  readonly setup: WorldSetup;
  readonly queue = new EventQueue(() => this.#readLetters());
  /** What nodes at rest repeat, not told yet. */
  readonly repeats = new Repeats((seen, atMs) => this.#tellAt(seen, atMs));
  readonly prng: Prng;
  readonly network: Network;
  readonly power: Power;
  readonly replicas: Readonly<Record<string, Replica>>;
  readonly machines: Readonly<Record<string, Machine>>;
  readonly #everybody: readonly Machine[];
  readonly #observers: { readonly observe: Observer; readonly kinds: readonly Kind[] | null }[] = [];
  /** Those that watch a kind, in the order in which they came. */
  readonly #watching = new Map<Kind, readonly Observer[]>();
  readonly #slow = new Set<string>();
  readonly #agentFaults = new Map<string, AgentFault[]>();
  #randomAgentFault: (node: string, order: AgentOrder) => AgentFault | null = () => null;
  #requests = 0;

  constructor(setup: WorldSetup) {
    this.setup = setup;
    this.prng = createPrng(setup.seed);
    this.replicas = this.#buildReplicas();
    this.power = new Power(
      this.queue,
      {
        isOn: (node) => this.machine(node).isOn,
        cut: (node) => this.machine(node).cutPower(),
        restore: (node) => this.machine(node).restorePower(),
        observe: (observation) => this.tell(observation),
      },
      {
        timing: setup.powerTiming,
        levels: setup.powerDevices,
        judge: setup.brain.judgeLevel,
      },
    );
    const { queue, prng } = this;
    const { nodes, media } = setup;
    this.network = new Network({ queue, prng, nodes }, media, (to, letter) =>
      this.machine(to).post(letter),
    );
    this.machines = Object.fromEntries(setup.nodes.map((name) => [name, this.#build(name)]));
    this.#everybody = Object.values(this.machines);
    for (const group of setup.groups) this.#client(group.name);
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** A machine by name; an unknown name is a defect of the caller. */
  machine(name: string): Machine {
    const machine = this.machines[name];
    if (machine === undefined) throw new RangeError(`there is no machine ${name}`);
    return machine;
  }

  /** Tells an observer of everything that happens, or of these kinds only. */
  observe<Seen extends Kind>(observer: Observer<Seen>, kinds: readonly Seen[] | null = null): void {
    this.#observers.push({ observe: observer as unknown as Observer, kinds });
    this.#watching.clear();
  }

  /** Lets the world go on until a moment, or until `stop` says so after an event. */
  run(untilMs: number, stop: () => boolean = () => false): void {
    while (!stop() && this.queue.runNext(untilMs));
  }

  /** Brings everybody up to date who has let letters lie. */
  #readLetters(): void {
    for (const machine of this.#everybody) machine.readLetters();
  }

  // --- faults ------------------------------------------------------------------------------------

  /** The next action of this kind goes wrong. */
  failNext(node: string, group: string, index: number, verb: Verb, fault: AgentFault): void {
    const key = `${node}|${group}|${String(index)}|${verb}`;
    this.#agentFaults.set(key, [...(this.#agentFaults.get(key) ?? []), fault]);
  }

  /** Actions go wrong as this function says; null heals all agents. */
  setAgentFaults(draw: ((node: string, order: AgentOrder) => AgentFault | null) | null): void {
    this.#randomAgentFault = draw ?? (() => null);
    if (draw !== null) return;
    this.#agentFaults.clear();
    this.#slow.clear();
  }

  /** Agents of a node take long, and end well if their time-out allows. */
  setSlowAgents(node: string, isSlow: boolean): void {
    if (isSlow) this.#slow.add(node);
    else this.#slow.delete(node);
  }

  /** The replication cable between the disks of all resources. */
  setReplication(isUp: boolean): void {
    for (const replica of Object.values(this.replicas)) replica.setCable(isUp);
  }

  /** An operator types a command on a node. Answers the id of the request. */
  operator(node: string, request: Parameters<Machine['operator']>[1]): string {
    this.#requests += 1;
    const id = `request-${String(this.#requests)}`;
    this.machine(node).operator(id, request);
    return id;
  }

  /** Tells the observers. */
  tell(observation: Observation): void {
    this.repeats.catchUp(observation);
    this.#tellAt(observation, this.queue.nowMs);
  }

  #tellAt(observation: Observation, atMs: number): void {
    const { kind } = observation;
    const observers = this.#watching.get(kind) ?? this.#whoWatches(kind);
    for (const observe of observers) observe(observation, atMs);
  }

  #whoWatches(kind: Kind): readonly Observer[] {
    const watching = this.#observers.filter(({ kinds }) => kinds?.includes(kind) ?? true);
    const observers = watching.map(({ observe }) => observe);
    this.#watching.set(kind, observers);
    return observers;
  }

  // --- building ----------------------------------------------------------------------------------

  #build(self: string): Machine {
    const { setup, queue, power, replicas } = this;
    const spec: ClusterSpec = {
      cluster: 'sim',
      self,
      nodes: setup.nodes,
      digest: 'd1',
      heartbeat: setup.heartbeat,
      fencing: Object.fromEntries(setup.fenceable.map((node) => [node, ['a device']])),
      groups: setup.groups,
    };
    return new Machine({
      spec,
      brain: setup.brain,
      queue,
      prng: createPrng(this.prng.below(2 ** 31)),
      network: () => this.network,
      power,
      replicas,
      agentTiming: setup.agentTiming,
      bootMs: setup.bootMs,
      watchdog: setup.watchdog ?? null,
      faultOf: (node, order) => this.#faultOf(node, order),
      observe: (observation) => this.tell(observation),
      repeats: this.repeats,
      readLetters: () => this.#readLetters(),
    });
  }

  #faultOf(node: string, order: AgentOrder): AgentFault | null {
    const key = `${node}|${order.group}|${String(order.index)}|${order.verb}`;
    const scripted = this.#agentFaults.get(key)?.shift();
    const fault = scripted ?? this.#randomAgentFault(node, order);
    return fault ?? (this.#slow.has(node) ? 'slow' : null);
  }

  #buildReplicas(): Readonly<Record<string, Replica>> {
    const { setup, queue } = this;
    const built: Record<string, Replica> = {};
    for (const group of setup.groups) {
      const [a, b] = group.prefer;
      if (a === undefined || b === undefined) continue;
      for (const resource of group.resources) {
        if (resource.kind !== 'drbd') continue;
        const name = resource.resource;
        const plan = {
          resource: name,
          nodes: [a, b] as const,
          timing: setup.replicaTiming,
          bootDisk: setup.bootDisk,
          fencing: setup.drbdFencing ?? 'dont-care',
        };
        built[name] = new Replica(queue, new Lineage(), plan, {
          changed: (node) => this.machines[node]?.senses.drbdChanged(),
          handler: (node, call) => this.machine(node).fencePeer(call),
          ioError: (node) => this.machines[node]?.ioError(name),
          observe: (observation) => this.tell(observation),
        });
      }
    }
    return built;
  }

  /** A client that writes wherever the group serves, and remembers what it was promised. */
  #client(group: string): void {
    const spec = this.setup.groups.find((entry) => entry.name === group);
    const disk = spec?.resources.find((resource) => resource.kind === 'drbd');
    if (disk === undefined) return;
    const { resource } = disk;
    const replica = this.replicas[resource];
    if (replica === undefined) return;
    const write = (): void => {
      for (const node of replica.nodes) {
        const machine = this.machine(node);
        if (!machine.agents.isServing(group) || machine.isFrozen) continue;
        const outcome = replica.write(node);
        if (outcome.kind !== 'acknowledged') continue;
        const { content, alone } = outcome;
        this.tell({ kind: 'acknowledged', node, resource, content, alone });
      }
      next();
    };
    const next = (): void => {
      const { queue } = this;
      queue.ownAt(queue.nowMs + this.setup.writeEveryMs, queue.takeNumber(), write);
    };
    next();
  }
}
