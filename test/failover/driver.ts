/** One core, driven by hand: events in, effects out, a clock that the test moves. */
import type { OperatorRequest } from '../../src/base/control.js';
import { resourceFacts, type DrbdFacts, type DrbdVolumeFacts } from '../../src/drbd/facts.js';
import type { Effect } from '../../src/failover/effect.js';
import type { FailoverEvent } from '../../src/failover/event.js';
import type { ClusterSpec } from '../../src/failover/spec.js';
import { initialState, NOTHING_SAVED } from '../../src/failover/state.js';
import type { SavedFacts, State } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import type { DrbdReport, GroupReport, Report } from '../../src/heartbeat/report.js';
import { PROTOCOL_VERSION } from '../../src/heartbeat/report.js';
import { databaseGroup } from '../../src/sim/household.js';

export const GROUP = databaseGroup('mysql', ['n1', 'n2']);

export const SPEC: ClusterSpec = {
  cluster: 'shop',
  self: 'n1',
  nodes: ['n1', 'n2'],
  digest: 'd1',
  heartbeat: { keepaliveMs: 200, warntimeMs: 800, deadtimeMs: 1_500, initdeadMs: 5_000 },
  fencing: { n1: ['device'], n2: ['device'] },
  groups: [GROUP],
};

const VOLUME: DrbdVolumeFacts = {
  volume: 0,
  minor: 0,
  state: 'configured',
  role: 'Secondary',
  peerRole: 'Secondary',
  connection: 'Connected',
  disk: 'UpToDate',
  peerDisk: 'UpToDate',
  syncedPercent: null,
  verifiedPercent: null,
  finishSeconds: null,
  outOfSyncBytes: 0,
  ioSuspended: false,
};

/** DRBD as this node sees it. */
export function drbd(change: Partial<DrbdVolumeFacts> = {}): DrbdFacts {
  return resourceFacts('r0', [{ ...VOLUME, ...change }]);
}

type Of<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

export class Driver {
  state: State;
  nowMs = 999;
  /** Of the last event. */
  effects: readonly Effect[] = [];
  #sequence = 0;
  readonly #spec: ClusterSpec;

  constructor(spec: Partial<ClusterSpec> = {}, saved: SavedFacts = NOTHING_SAVED) {
    this.#spec = { ...SPEC, ...spec };
    this.state = initialState(this.#spec, 7, saved, this.nowMs);
  }

  give(event: FailoverEvent): this {
    const { state, effects } = step(this.state, event, this.nowMs);
    this.state = state;
    this.effects = effects;
    return this;
  }

  /** Lets time pass, turning the core as its wake-ups ask. */
  pass(forMs: number): this {
    const untilMs = this.nowMs + forMs;
    const seen: Effect[] = [];
    while (this.nowMs < untilMs) {
      const wakeMs = this.of('wake').at(-1)?.atMs ?? this.nowMs + 50;
      this.nowMs = Math.min(untilMs, Math.max(this.nowMs + 1, wakeMs));
      this.give({ kind: 'tick' });
      seen.push(...this.effects);
    }
    this.effects = seen;
    return this;
  }

  /** A report of n2 (or another node), newer than the one before. */
  hear(
    change: Partial<Report> = {},
    group: Partial<GroupReport> = {},
    disk: Partial<DrbdReport> = {},
  ): this {
    this.#sequence += 1;
    const report: Report = {
      node: 'n2',
      generation: 3,
      sequence: this.#sequence,
      protocol: PROTOCOL_VERSION,
      digest: this.#spec.digest,
      phase: 'up',
      mode: 'online',
      health: 'ok',
      groups: [
        {
          name: 'mysql',
          life: 'stopped',
          epoch: 0,
          claim: null,
          grant: null,
          barred: false,
          ...group,
        },
      ],
      drbd: [
        { resource: 'r0', role: 'Secondary', disk: 'UpToDate', connection: 'Connected', ...disk },
      ],
      orders: [],
      hears: { n1: 7 },
      outdateAsks: [],
      outdateWords: [],
      ...change,
    };
    return this.give({ kind: 'report', link: 'eth0', report });
  }

  /** n2 grants the claim that stands. */
  hearGrant(): this {
    const epoch = this.group.claim?.epoch ?? -1;
    return this.hear({}, { grant: { node: 'n1', generation: 7, epoch } });
  }

  operator(request: OperatorRequest): this {
    return this.give({ kind: 'operator', requestId: 'q1', request });
  }

  /** Answers the action that runs. */
  done(
    outcome: 'ok' | 'failed' | 'timeout' = 'ok',
    state?: 'started' | 'stopped' | 'unknown' | 'failed',
  ): this {
    const { action, life } = this.group;
    if (action === null) throw new Error('no action runs');
    const isLook = action.verb === 'monitor' || (action.verb === 'probe' && life === 'starting');
    const wanted = action.verb === 'start' || isLook ? 'started' : 'stopped';
    const reason = outcome === 'ok' ? 'as asked' : 'it says no';
    const { actionId } = action;
    return this.give({ kind: 'actionResult', actionId, outcome, state: state ?? wanted, reason });
  }

  /** Answers what the power device was asked. */
  power(outcome: 'on' | 'off' | 'failed', node = 'n2'): this {
    const fenceId = this.state.peers[node]?.fencing.running?.fenceId;
    if (fenceId === undefined) throw new Error('no fencing runs');
    return this.give({ kind: 'fenceResult', fenceId, outcome, reason: `it says ${outcome}` });
  }

  /** Everything was looked at and nothing runs; DRBD is connected. */
  probed(): this {
    this.give({ kind: 'drbd', facts: [drbd()] });
    this.nowMs += 1;
    while (this.group.life === 'unknown') this.done('ok', 'stopped');
    return this;
  }

  /** The group runs here, granted by n2. */
  running(): this {
    this.probed().hear().hearGrant();
    while (this.group.life === 'starting') this.done();
    return this.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
  }

  get group(): State['groups'][string] {
    const group = this.state.groups['mysql'];
    if (group === undefined) throw new Error('there is no group');
    return group;
  }

  get peer(): State['peers'][string] {
    const peer = this.state.peers['n2'];
    if (peer === undefined) throw new Error('there is no peer');
    return peer;
  }

  of<Kind extends Effect['kind']>(kind: Kind): readonly Of<Kind>[] {
    return this.effects.filter((effect): effect is Of<Kind> => effect.kind === kind);
  }

  get sentences(): readonly string[] {
    return this.of('log').map((effect) => effect.sentence);
  }

  /** `start 0`, `shoot n2`, ... of the last event. */
  get deeds(): readonly string[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind === 'run') return [`${effect.verb} ${String(effect.index)}`];
      if (effect.kind === 'fence') return [`${effect.step} ${effect.node}`];
      return effect.kind === 'exit' ? ['exit'] : [];
    });
  }
}
