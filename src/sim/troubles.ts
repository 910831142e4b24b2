/**
 * Trouble, drawn from the seed: what goes wrong, where, and for how long. Everything ends by
 * itself, and a caretaker switches dead machines and daemons on again now and then, so that a run
 * goes on meeting new situations instead of lying in ruins.
 */
import { createPrng, type Prng } from '../base/prng.js';
import type { OperatorRequest } from '../base/control.js';
import type { AgentFault } from './agents.js';
import { between, chance, pick, pickAny } from './draw.js';
import { makeHandlersUseless } from './handler-troubles.js';
import { makeDisksHang } from './hanging-disks.js';
import type { Machine } from './machine.js';
import { OperatorMaker } from './operators.js';
import type { Parameters, Trouble } from './parameters.js';
import type { DeviceMood } from './power.js';
import { RareTroubleMaker } from './rare-troubles.js';
import { UpkeepMaker } from './upkeep.js';
import type { World } from './world.js';

/** The caretaker comes by this often. */
const CARE_EVERY_MS = 15_000;
/** Most stalls are short: the interesting ones are around deadtime. */
const STALL_FACTOR = 2.5;

export class TroubleMaker {
  readonly #world: World;
  readonly #parameters: Parameters;
  readonly #prng: Prng;
  readonly #rare: RareTroubleMaker;
  readonly #upkeep: UpkeepMaker;
  readonly #operators: OperatorMaker;
  #isActive = true;
  #reloads = 0;

  constructor(world: World, parameters: Parameters) {
    this.#world = world;
    this.#parameters = parameters;
    this.#prng = createPrng(parameters.seed ^ 0x5eed);
    for (const machine of this.#machines()) {
      const { driftPpm } = parameters;
      machine.setDrift(between(this.#prng, -driftPpm, driftPpm));
      this.#world.queue.after(between(this.#prng, 0, 2_000), () => machine.restorePower());
    }
    this.#rare = new RareTroubleMaker(world, parameters, () => {
      if (chance(this.#prng, 0.5)) this.#operate();
      else this.#hold();
    });
    this.#upkeep = new UpkeepMaker(world, parameters);
    this.#operators = new OperatorMaker(world, parameters);
    makeDisksHang(world, parameters, () => this.#isActive);
    makeHandlersUseless(world, parameters, () => this.#isActive);
    this.#planNext();
    this.#planCare();
    this.#planClientCut(createPrng(parameters.seed ^ 0xc11e));
  }

  /** No trouble from here on; what is under way still ends. */
  stop(): void {
    this.#isActive = false;
    this.#rare.stop();
    this.#upkeep.stop();
    this.#operators.stop();
  }

  #planNext(): void {
    const meanMs = this.#parameters.troubleEveryMs;
    const waitMs = -Math.log(1 - this.#prng.next()) * meanMs;
    this.#world.queue.after(waitMs, () => {
      if (!this.#isActive) return;
      const trouble = pickAny(this.#prng, this.#parameters.troubles);
      if (trouble !== undefined) this.#make[trouble]();
      this.#planNext();
    });
  }

  #planCare(): void {
    this.#world.queue.after(CARE_EVERY_MS, () => {
      if (!this.#isActive) return;
      for (const machine of this.#machines()) {
        if (!chance(this.#prng, 0.5)) continue;
        if (machine.isOn) machine.startDaemon();
        else machine.restorePower();
      }
      this.#planCare();
    });
  }

  readonly #make: Readonly<Record<Trouble, () => void>> = {
    powerCut: () => this.#cutPower([this.#machine()]),
    blackout: () => this.#cutPower(this.#machines()),
    daemonCrash: () => {
      const machine = this.#machine();
      this.#tell(`the daemon of ${machine.name} is killed`);
      machine.crashDaemon();
      this.#later(() => machine.startDaemon());
    },
    stall: () => {
      const machine = this.#machine();
      const forMs = between(this.#prng, 0, STALL_FACTOR * this.#parameters.deadtimeMs);
      this.#tell(`the daemon of ${machine.name} stalls for ${ms(forMs)}`);
      machine.stall(forMs);
    },
    freeze: () => {
      const machine = this.#machine();
      const forMs = this.#duration();
      this.#tell(`${machine.name} freezes for ${ms(forMs)}`);
      machine.freeze(forMs);
    },
    linkCut: () => {
      const medium = this.#medium();
      const [a, b] = this.#pair();
      this.#tell(`${medium} between ${a} and ${b} is cut`);
      this.#world.network.setPair(medium, a, b, false);
      this.#later(() => this.#world.network.setPair(medium, a, b, true));
    },
    oneWay: () => {
      const [a, b] = this.#pair();
      this.#tell(`nothing goes from ${a} to ${b}`);
      for (const { name } of this.#world.network.media) this.#world.network.set(name, a, b, false);
      this.#later(() => {
        for (const { name } of this.#world.network.media) this.#world.network.set(name, a, b, true);
      });
    },
    partition: () => this.#partition(),
    badLines: () => {
      const medium = this.#medium();
      const loss = between(this.#prng, 0.2, 0.95);
      this.#tell(`${medium} loses ${String(Math.round(loss * 100))} %`);
      const jitterMs = 2 * this.#parameters.deadtimeMs;
      this.#world.network.setQuality(medium, { delayMs: 5, jitterMs, loss, duplication: 0.2 });
      this.#later(() => {
        const { quality } = this.#world.network.media.find((m) => m.name === medium) ?? {};
        if (quality !== undefined) this.#world.network.setQuality(medium, quality);
      });
    },
    replication: () => {
      this.#tell('replication is cut');
      this.#world.setReplication(false);
      this.#later(() => this.#world.setReplication(true));
    },
    device: () => {
      const { name } = this.#machine();
      const mood = pick<DeviceMood>(this.#prng, ['fails', 'hangs', 'late']);
      this.#tell(`the power device of ${name} ${mood}`);
      this.#world.power.setMood(name, mood);
      this.#later(() => this.#world.power.setMood(name, 'works'));
    },
    powerNetwork: () => {
      const { name } = this.#machine();
      this.#tell(`${name} does not reach the power network`);
      this.#world.power.setReach(name, false);
      this.#later(() => this.#world.power.setReach(name, true));
    },
    agents: () => this.#badAgents(),
    resource: () => {
      const machine = this.#machine();
      const group = pickAny(this.#prng, this.#world.setup.groups);
      if (group === undefined) return;
      const index = this.#prng.below(group.resources.length);
      this.#tell(`resource ${String(index)} of ${group.name} dies on ${machine.name}`);
      machine.kill(group.name, index);
    },
    operator: () => this.#operate(),
    holds: () => this.#hold(),
    leave: () => {
      const machine = this.#machine();
      this.#tell(`${machine.name} is asked to leave`);
      machine.leave();
      this.#later(() => machine.startDaemon());
    },
    configuration: () => {
      const machine = this.#machine();
      if (chance(this.#prng, 0.5)) {
        this.#reload(machine);
        return;
      }
      this.#tell(`${machine.name} is restarted with another configuration`);
      const restartWith = (digest: string): void => {
        machine.setDigest(digest);
        machine.crashDaemon();
        machine.startDaemon();
      };
      restartWith('d2');
      this.#later(() => restartWith('d1'));
    },
  };

  /** Drawn from a stream of its own: the other troubles of a seed stay as they are. */
  #planClientCut(prng: Prng): void {
    const { clientCutEveryMs } = this.#parameters;
    if (clientCutEveryMs === null) return;
    this.#world.queue.after(between(prng, 0, 2 * clientCutEveryMs), () => {
      if (!this.#isActive) return;
      // Often the other one loses it as soon as the first has it back: that tempts to ping-pong.
      const nodes = this.#world.setup.nodes.toSorted(() => prng.next() - 0.5);
      this.#tell(`the network of the clients is gone on ${nodes.join(', then on ')}`);
      this.#cutClients(prng, chance(prng, 0.5) ? nodes.slice(0, 1) : [...nodes, ...nodes]);
      this.#planClientCut(prng);
    });
  }

  #cutClients(prng: Prng, [node, ...rest]: readonly string[]): void {
    if (node === undefined || !this.#isActive) return;
    this.#world.machine(node).senses.setClientNetwork(false);
    this.#world.queue.after(between(prng, 100, 30_000), () => {
      this.#world.machine(node).senses.setClientNetwork(true);
      this.#cutClients(prng, rest);
    });
  }

  /** A running node takes another timing, and some time later the old one again. */
  #reload(machine: Machine): void {
    this.#tell(`${machine.name} is reloaded with twice the timing`);
    const { keepaliveMs, warntimeMs, deadtimeMs, initdeadMs } = this.#world.setup.heartbeat;
    const heartbeat = {
      ...this.#world.setup.heartbeat,
      keepaliveMs: 2 * keepaliveMs,
      warntimeMs: 2 * warntimeMs,
      deadtimeMs: 2 * deadtimeMs,
      initdeadMs: 2 * initdeadMs,
    };
    this.#reloads += 1;
    const id = `reload-of-one-${String(this.#reloads)}`;
    machine.reload(id, { digest: 'd3', heartbeat });
    this.#later(() => machine.reload(`${id}-back`, {}));
  }

  #cutPower(machines: readonly Machine[]): void {
    for (const machine of machines) {
      this.#tell(`the power of ${machine.name} fails`);
      machine.cutPower();
      this.#later(() => machine.restorePower());
    }
  }

  /** One node is cut off from all others, often from the replication network, too. */
  #partition(): void {
    const { name } = this.#machine();
    const others = this.#machines().filter((machine) => machine.name !== name);
    const withReplication = chance(this.#prng, 0.5);
    this.#tell(`${name} is alone${withReplication ? ', without replication' : ''}`);
    for (const other of others) this.#world.network.setPair(null, name, other.name, false);
    if (withReplication) this.#world.setReplication(false);
    this.#later(() => {
      for (const other of others) this.#world.network.setPair(null, name, other.name, true);
      if (withReplication) this.#world.setReplication(true);
    });
  }

  #badAgents(): void {
    const rate = between(this.#prng, 0.05, 0.6);
    this.#tell(`agents fail in ${String(Math.round(rate * 100))} %`);
    const faults = ['fails', 'failsDirty', 'hangs', 'late'] as const;
    this.#world.setAgentFaults(() =>
      chance(this.#prng, rate) ? pick<AgentFault>(this.#prng, faults) : null,
    );
    this.#later(() => this.#world.setAgentFaults(null));
  }

  /** Operators are honest: they vouch only for a machine that is off. */
  #operate(): void {
    const at = this.#machine();
    const node = this.#machine();
    const group = pickAny(this.#prng, this.#world.setup.groups)?.name ?? '';
    const requests: [OperatorRequest, ...OperatorRequest[]] = [
      { kind: 'move', group, to: chance(this.#prng, 0.5) ? null : node.name },
      { kind: 'standby', node: node.name },
      { kind: 'online', node: node.name },
      { kind: 'cleanup', group },
    ];
    if (!node.isOn) {
      const by = 'kim';
      requests.push({ kind: 'fenceConfirm', node: node.name, by, reason: 'I see it is off' });
    }
    const request = pick(this.#prng, requests);
    this.#tell(`an operator on ${at.name}: ${JSON.stringify(request)}`);
    this.#world.operator(at.name, request);
  }

  /** Operators lay and lift holds, on any node, and restart in between. */
  #hold(): void {
    const at = this.#machine();
    const group = pickAny(this.#prng, this.#world.setup.groups)?.name ?? '';
    const forMs = chance(this.#prng, 0.5) ? null : Math.ceil(1_000 + this.#duration());
    const wish = { by: 'kim', reason: 'a reason', forMs };
    const request = pick<OperatorRequest>(this.#prng, [
      { kind: 'freeze', group, ...wish },
      { kind: 'maintenance', ...wish },
      { kind: 'disable', group, ...wish },
      { kind: 'unfreeze', group, by: 'kim' },
      { kind: 'endMaintenance', by: 'kim' },
      { kind: 'enable', group, by: 'kim' },
      { kind: 'restart', group, by: 'kim' },
      { kind: 'standby', node: this.#machine().name, scope: 'foreign' },
    ]);
    this.#tell(`an operator on ${at.name}: ${JSON.stringify(request)}`);
    this.#world.operator(at.name, request);
  }

  #duration(): number {
    return between(this.#prng, 100, 2 * this.#parameters.troubleForMs);
  }

  #later(run: () => void): void {
    this.#world.queue.after(this.#duration(), run);
  }

  #machines(): readonly Machine[] {
    return Object.values(this.#world.machines);
  }

  #machine(): Machine {
    const [first = '', ...rest] = this.#world.setup.nodes;
    return this.#world.machine(pick(this.#prng, [first, ...rest]));
  }

  #pair(): readonly [string, string] {
    const a = this.#machine().name;
    const others = this.#world.setup.nodes.filter((node) => node !== a);
    return [a, pickAny(this.#prng, others) ?? a];
  }

  #medium(): string {
    return pickAny(this.#prng, this.#world.network.media)?.name ?? '';
  }

  #tell(what: string): void {
    this.#world.tell({ kind: 'fault', what });
  }
}

function ms(value: number): string {
  return `${String(Math.round(value))} ms`;
}
