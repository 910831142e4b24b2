/**
 * Operators who type every command there is, at the worst time: when something has just begun, and
 * when a node has just been lost. Drawn from a stream of its own, so that seeds that were found
 * before keep their meaning.
 */
import type { OperatorRequest } from '../base/control.js';
import { createPrng, type Prng } from '../base/prng.js';
import { between, chance, pick, pickAny } from './draw.js';
import type { Machine } from './machine.js';
import type { Kind } from './observation.js';
import type { Parameters } from './parameters.js';
import type { World } from './world.js';

/** The kinds: any command at any time; at the worst time; the last resorts when a node is lost. */
export const OPERATOR_TROUBLES = ['commands', 'worstTime', 'lastResorts'] as const;

export type OperatorTrouble = (typeof OPERATOR_TROUBLES)[number];

/** What a person can ask for. The question of DRBD's handler comes from the kernel of the world. */
type Asked = Exclude<OperatorRequest, { kind: 'fencePeer' }>;

/** Moments at which a command hurts most. */
const WORST_TIMES: readonly Kind[] = [
  ...(['actionBegins', 'promotion', 'fence', 'fenceEnds', 'daemon', 'power', 'disk'] as const),
  ...(['outdating', 'reconnect'] as const),
];
/** What a person does about a node that is lost. */
const LAST_RESORTS = ['fence', 'fenceTest', 'fenceConfirm', 'forceOldData', 'forceOldData'] as const;

export class OperatorMaker {
  readonly #world: World;
  readonly #parameters: Parameters;
  readonly #prng: Prng;
  #isActive = true;
  #isMeddling = false;

  constructor(world: World, parameters: Parameters) {
    this.#world = world;
    this.#parameters = parameters;
    this.#prng = createPrng(parameters.seed ^ 0x09e4);
    const { operatorTroubles } = parameters;
    if (operatorTroubles.length === 0) return;
    this.#planNext();
    if (operatorTroubles.includes('worstTime')) this.#watch();
    if (operatorTroubles.includes('lastResorts')) this.#watchLosses();
  }

  stop(): void {
    this.#isActive = false;
  }

  #planNext(): void {
    const waitMs = -Math.log(1 - this.#prng.next()) * this.#parameters.troubleEveryMs;
    this.#world.queue.after(waitMs, () => {
      if (!this.#isActive) return;
      const trouble = pickAny(this.#prng, this.#parameters.operatorTroubles);
      if (trouble === 'commands') this.#typeAny();
      if (trouble === 'lastResorts') this.#tryLastResort(this.#machine());
      if (trouble === 'worstTime') {
        this.#isMeddling = true;
        this.#world.queue.after(this.#duration(), () => (this.#isMeddling = false));
      }
      this.#planNext();
    });
  }

  #watch(): void {
    this.#world.observe((seen) => {
      if (!this.#isActive || !this.#isMeddling) return;
      if (seen.kind === 'actionBegins' && seen.verb !== 'start' && seen.verb !== 'stop') return;
      if (!chance(this.#prng, 0.2)) return;
      this.#soon(60, () => this.#typeAny());
    }, WORST_TIMES);
  }

  /** A node is gone: people do what the manual says last, often before anybody knows more. */
  #watchLosses(): void {
    const onLoss = (node: string): void => {
      if (!this.#isActive || !chance(this.#prng, 0.5)) return;
      this.#soon(4 * this.#parameters.deadtimeMs, () => {
        this.#tryLastResort(this.#world.machine(node));
      });
    };
    this.#world.observe(
      (seen) => {
        if (seen.kind === 'power' ? !seen.on : seen.what === 'crashed') onLoss(seen.node);
      },
      ['power', 'daemon'],
    );
  }

  #tryLastResort(lost: Machine): void {
    const others = this.#world.setup.nodes.filter((node) => node !== lost.name);
    const kind = pick(this.#prng, [...LAST_RESORTS]);
    const at = pickAny(this.#prng, others) ?? lost.name;
    this.#type(at, DRAWS[kind]({ ...this.#sheet(), at, node: lost }));
  }

  #typeAny(): void {
    const kind = pick(this.#prng, KINDS);
    const sheet = this.#sheet();
    this.#type(sheet.at, DRAWS[kind](sheet));
  }

  #sheet(): Sheet {
    const { setup } = this.#world;
    const at = this.#machine().name;
    const node = this.#machine();
    const group = pickAny(this.#prng, setup.groups)?.name ?? '';
    const forMs = pick(this.#prng, [null, 1_000, 20_000]);
    return { prng: this.#prng, world: this.#world, at, node, group, forMs };
  }

  #type(at: string, request: Asked | null): void {
    if (request === null || !this.#isActive) return;
    this.#world.tell({ kind: 'fault', what: `an operator on ${at}: ${JSON.stringify(request)}` });
    this.#world.operator(at, request);
  }

  #machine(): Machine {
    return this.#world.machine(pickAny(this.#prng, this.#world.setup.nodes) ?? '');
  }

  #soon(withinMs: number, run: () => void): void {
    this.#world.queue.after(between(this.#prng, 0, withinMs), run);
  }

  #duration(): number {
    return between(this.#prng, 100, 2 * this.#parameters.troubleForMs);
  }
}

/** What a command is made of. */
interface Sheet {
  readonly prng: Prng;
  readonly world: World;
  /** Where it is typed. */
  readonly at: string;
  readonly node: Machine;
  readonly group: string;
  readonly forMs: number | null;
}

const by = 'kim';

/** Every command; one that is forgotten here does not compile. Null: not now. */
const DRAWS: {
  readonly [Word in Asked['kind']]: (sheet: Sheet) => Extract<Asked, { kind: Word }> | null;
} = {
  move: ({ prng, group, node }) => ({
    kind: 'move',
    group,
    to: pick(prng, [null, node.name, node.name, 'n9']),
  }),
  standby: ({ prng, node, forMs }) => ({
    kind: 'standby',
    node: pick(prng, [null, node.name]),
    scope: pick(prng, ['all', 'foreign', 'local']),
    by,
    reason: null,
    forMs,
  }),
  online: ({ prng, node }) => ({ kind: 'online', node: pick(prng, [null, node.name]), by }),
  cleanup: ({ group }) => ({ kind: 'cleanup', group }),
  restart: ({ group }) => ({ kind: 'restart', group, by }),
  disable: ({ group, forMs }) => ({ kind: 'disable', group, by, reason: null, forMs }),
  enable: ({ group }) => ({ kind: 'enable', group, by }),
  freeze: ({ group, forMs }) => ({ kind: 'freeze', group, by, reason: null, forMs }),
  unfreeze: ({ group }) => ({ kind: 'unfreeze', group, by }),
  maintenance: ({ forMs }) => ({ kind: 'maintenance', by, reason: null, forMs }),
  endMaintenance: () => ({ kind: 'endMaintenance', by }),
  discard: ({ prng, world, node }) => {
    const resource = pickAny(prng, Object.keys(world.replicas)) ?? 'r0';
    const reason = 'the older one';
    return { kind: 'discard', resource, node: node.name, fingerprint: null, by, reason };
  },
  // Only the node itself takes it, and people learn that fast.
  forceOldData: ({ prng, at, node, group }) => {
    const loses = pick(prng, [null, null, node.name]);
    return { kind: 'forceOldData', group, node: at, by, reason: 'it has to run', loses };
  },
  fence: ({ prng, node }) => {
    const sure = chance(prng, 0.5);
    return { kind: 'fence', node: node.name, by, reason: 'it behaves oddly', sure };
  },
  fenceTest: ({ prng, node }) => ({ kind: 'fenceTest', node: pick(prng, [null, node.name]), by }),
  // Operators are honest: they vouch only for a machine that is off.
  fenceConfirm: ({ node }) =>
    node.isOn ? null : { kind: 'fenceConfirm', node: node.name, by, reason: 'I see it is off' },
};

const KINDS = Object.keys(DRAWS) as [Asked['kind'], ...Asked['kind'][]];
