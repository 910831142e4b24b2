/**
 * What wears out, and what people do to keep a cluster up, drawn from a stream of its own: disks
 * that break, wall clocks that are set, configurations and releases that are rolled out node by
 * node, a split brain that is settled by order, power outlets that stick, and operators who type
 * several commands at once that contradict each other.
 */
import type { OperatorRequest } from '../base/control.js';
import { createPrng, type Prng } from '../base/prng.js';
import type { ClusterSpec } from '../failover/spec.js';
import { splitBrainOf } from '../failover/split-brain.js';
import { between, chance, pick, pickAny } from './draw.js';
import type { Machine } from './machine.js';
import type { Parameters } from './parameters.js';
import type { DeviceMood } from './power.js';
import type { Replica } from './replica.js';
import type { World } from './world.js';

/** The kinds. */
export const UPKEEP_TROUBLES = [
  'disk',
  'clockStep',
  'rollingReload',
  'rollingUpgrade',
  'discard',
  'contradictions',
  'outlet',
] as const;

export type UpkeepTrouble = (typeof UPKEEP_TROUBLES)[number];

/** From a leap second to a clock that forgot the year. */
const STEP_MS = [500, 86_400_000] as const;
/** The protocol of the release that is rolled out. */
const NEXT_PROTOCOL = 3;
const BURST_MAX = 8;

export class UpkeepMaker {
  readonly #world: World;
  readonly #parameters: Parameters;
  readonly #prng: Prng;
  #isActive = true;
  #reloads = 0;

  constructor(world: World, parameters: Parameters) {
    this.#world = world;
    this.#parameters = parameters;
    this.#prng = createPrng(parameters.seed ^ 0x0b5e);
    if (parameters.upkeepTroubles.length > 0) this.#planNext();
  }

  stop(): void {
    this.#isActive = false;
  }

  #planNext(): void {
    const waitMs = -Math.log(1 - this.#prng.next()) * this.#parameters.troubleEveryMs;
    this.#world.queue.after(waitMs, () => {
      if (!this.#isActive) return;
      const trouble = pickAny(this.#prng, this.#parameters.upkeepTroubles);
      if (trouble !== undefined) this.#make[trouble]();
      this.#planNext();
    });
  }

  readonly #make: Readonly<Record<UpkeepTrouble, () => void>> = {
    disk: () => this.#breakDisk(),
    clockStep: () => {
      const [least, most] = STEP_MS;
      const size = least * (most / least) ** this.#prng.next();
      const byMs = Math.round(chance(this.#prng, 0.5) ? size : -size);
      this.#machine().senses.setWallClock(byMs);
    },
    rollingReload: () => this.#rollReload(),
    rollingUpgrade: () => this.#rollUpgrade(),
    discard: () => this.#discard(),
    contradictions: () => this.#contradict(),
    outlet: () => {
      const { name } = this.#machine();
      const device = pickAny(this.#prng, this.#world.power.devices) ?? 'board';
      const mood = pick<DeviceMood>(this.#prng, ['fails', 'hangs', 'late']);
      this.#tell(`${device} of ${name} ${mood}`);
      this.#world.power.setMood(name, mood, device);
      this.#later(() => this.#world.power.setMood(name, 'works', device));
    },
  };

  /** A disk breaks, often with a restart of the machine; it comes back as it was, or empty. */
  #breakDisk(): void {
    const replica = this.#replica();
    if (replica === undefined) return;
    const node = pick(this.#prng, [...replica.nodes]);
    const machine = this.#world.machine(node);
    replica.failDisk(node);
    if (chance(this.#prng, 0.3)) {
      this.#tell(`the power of ${node} fails with its disk`);
      machine.cutPower();
      this.#later(() => machine.restorePower());
    }
    const isReplaced = chance(this.#prng, 0.4);
    const longer = pick(this.#prng, [0.2, 1, 1, 4]);
    this.#world.queue.after(longer * this.#duration(), () => {
      // Nobody puts an empty disk where the only copy may come back.
      if (isReplaced && replica.isCopied(node)) replica.replaceDisk(node);
      else replica.reattachDisk(node);
    });
  }

  /** One node after the other takes another configuration, or the one it began with. */
  #rollReload(): void {
    const [digest, change] = this.#edit();
    const isEach = chance(this.#prng, 0.8);
    this.#tell(`configuration ${digest} is rolled out`);
    this.#oneByOne((machine) => {
      if (!isEach && chance(this.#prng, 0.5)) return;
      this.#reloads += 1;
      machine.reload(`reload-${String(this.#reloads)}`, { digest, ...change });
    });
  }

  /** The same words always give the same digest, as in the world. */
  #edit(): readonly [string, Partial<ClusterSpec>] {
    const { heartbeat, groups } = this.#world.setup;
    const timed = (factor: number): Partial<ClusterSpec> => ({
      heartbeat: {
        ...heartbeat,
        keepaliveMs: Math.round(factor * heartbeat.keepaliveMs),
        warntimeMs: Math.round(factor * heartbeat.warntimeMs),
        deadtimeMs: Math.round(factor * heartbeat.deadtimeMs),
        initdeadMs: Math.round(factor * heartbeat.initdeadMs),
      },
    });
    const [first, ...others] = groups;
    const turned = groups.map((group) => ({ ...group, prefer: group.prefer.toReversed() }));
    return pick<readonly [string, Partial<ClusterSpec>]>(this.#prng, [
      ['d1', {}],
      ['slow', timed(3)],
      ['fast', timed(0.5)],
      ['turned', { groups: turned }],
      ['shorter', first === undefined ? {} : { groups: others }],
    ]);
  }

  /** Each node is restarted with a new release, under the service or after a clean leave. */
  #rollUpgrade(): void {
    const protocol = pick(this.#prng, [null, null, NEXT_PROTOCOL]);
    const isClean = chance(this.#prng, 0.3);
    const gapMs = between(this.#prng, 0, 2 * this.#parameters.deadtimeMs);
    const words = protocol === null ? '' : ` of protocol ${String(protocol)}`;
    this.#tell(`a release${words} is rolled out`);
    this.#oneByOne((machine) => {
      if (isClean) machine.leave();
      else machine.crashDaemon();
      const startMs = isClean ? this.#duration() : gapMs;
      this.#world.queue.after(startMs, () => machine.restartWithProtocol(protocol));
    });
  }

  #oneByOne(act: (machine: Machine) => void): void {
    let atMs = 0;
    for (const machine of Object.values(this.#world.machines)) {
      this.#world.queue.after(atMs, () => {
        if (this.#isActive) act(machine);
      });
      atMs += between(this.#prng, 0, this.#parameters.troubleForMs);
    }
  }

  /** An operator looks at a split brain and, some time later, orders what to give up. */
  #discard(): void {
    const replica = this.#replica();
    if (replica === undefined) return;
    const { resource } = replica;
    const at = pick(this.#prng, [...replica.nodes]);
    const node = pick(this.#prng, [...replica.nodes]);
    const { state } = this.#world.machine(at);
    const found = state === null ? null : splitBrainOf(state, resource);
    const fingerprint = chance(this.#prng, 0.5) ? (found?.fingerprint ?? null) : null;
    const by = 'kim';
    const request = { kind: 'discard', resource, node, fingerprint, by, reason: 'old' } as const;
    this.#world.queue.after(chance(this.#prng, 0.5) ? 0 : this.#duration(), () => {
      this.#type(at, request);
    });
  }

  /** Several commands within moments, on any nodes. */
  #contradict(): void {
    const count = 2 + this.#prng.below(BURST_MAX - 1);
    for (let at = 0; at < count; at += 1) {
      this.#world.queue.after(between(this.#prng, 0, 400), () => {
        if (this.#isActive) this.#type(this.#machine().name, this.#command());
      });
    }
  }

  #command(): OperatorRequest {
    const node = this.#machine();
    const group = pickAny(this.#prng, this.#world.setup.groups)?.name ?? '';
    const hold = { by: 'kim', reason: null, forMs: pick(this.#prng, [null, 1_000, 20_000]) };
    const scope = pick(this.#prng, ['all', 'foreign', 'local'] as const);
    const requests: [OperatorRequest, ...OperatorRequest[]] = [
      { kind: 'move', group, to: pick(this.#prng, [null, node.name, 'n9']) },
      { kind: 'standby', node: node.name, scope },
      { kind: 'online', node: node.name },
      { kind: 'cleanup', group },
      { kind: 'restart', group, by: 'kim' },
      { kind: 'disable', group, ...hold },
      { kind: 'enable', group, by: 'kim' },
      { kind: 'freeze', group, ...hold },
      { kind: 'unfreeze', group, by: 'kim' },
      { kind: 'maintenance', ...hold },
      { kind: 'endMaintenance', by: 'kim' },
    ];
    if (!node.isOn) {
      requests.push({ kind: 'fenceConfirm', node: node.name, by: 'kim', reason: 'it is off' });
    }
    return pick(this.#prng, requests);
  }

  #type(at: string, request: OperatorRequest): void {
    this.#tell(`an operator on ${at}: ${JSON.stringify(request)}`);
    this.#world.operator(at, request);
  }

  #duration(): number {
    return between(this.#prng, 100, 2 * this.#parameters.troubleForMs);
  }

  #later(run: () => void): void {
    this.#world.queue.after(this.#duration(), run);
  }

  #machine(): Machine {
    return this.#world.machine(pickAny(this.#prng, this.#world.setup.nodes) ?? '');
  }

  #replica(): Replica | undefined {
    return pickAny(this.#prng, Object.values(this.#world.replicas));
  }

  #tell(what: string): void {
    this.#world.tell({ kind: 'fault', what });
  }
}
