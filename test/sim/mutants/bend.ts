/** What a mutant is made of: the real step function, with what goes in or comes out of it bent. */
import type { FencingPolicy } from '../../../src/drbd/config-query.js';
import type { Effect } from '../../../src/failover/effect.js';
import type { FailoverEvent } from '../../../src/failover/event.js';
import { initialState, type Peer, type State } from '../../../src/failover/state.js';
import { step } from '../../../src/failover/step.js';
import type { Report } from '../../../src/heartbeat/report.js';
import type { Brain } from '../../../src/sim/machine-setup.js';
import type { OperatorTrouble } from '../../../src/sim/operators.js';
import type { DeviceKind } from '../../../src/sim/parameters.js';
import type { UpkeepTrouble } from '../../../src/sim/upkeep.js';

export interface Mutant {
  readonly name: string;
  /** The rules that it breaks, or `liveness`: any of them is the catch. */
  readonly rules: readonly string[];
  readonly nodes: number | null;
  /** DRBD's own fencing policy. Default dont-care. */
  readonly drbdFencing?: FencingPolicy;
  /** Troubles of upkeep that it needs to be caught. Default none. */
  readonly upkeep?: readonly UpkeepTrouble[];
  readonly powerDevices?: DeviceKind;
  /** Operators who type everything, if it needs them to be caught. Default none. */
  readonly operators?: readonly OperatorTrouble[];
  /** Machines have a watchdog. Default false. */
  readonly hasWatchdog?: boolean;
  /** Handlers of DRBD are of no use now and then. Default false. */
  readonly hasHandlerTroubles?: boolean;
  /** Tests begin the hunt here, because the seeds before are known to catch nothing. Default 1. */
  readonly fromSeed?: number;
  /** It is caught by this seed at the latest. */
  readonly seedsMax: number;
  readonly brain: Brain;
}

/** Where it is bent. `more`: effects that come in addition. */
export interface Bends {
  readonly event?: (event: FailoverEvent, state: State) => FailoverEvent;
  readonly before?: (state: State, event: FailoverEvent, nowMs: number) => State;
  readonly after?: (state: State, before: State, event: FailoverEvent) => State;
  readonly effect?: (effect: Effect, state: State) => Effect | null;
  readonly more?: (state: State, event: FailoverEvent) => readonly Effect[];
}

/** The core with what goes in or comes out bent. */
export function bent(bends: Bends): Brain {
  return {
    initialState,
    step: (state, event, nowMs) => {
      const bentEvent = bends.event?.(event, state) ?? event;
      const result = step(bends.before?.(state, bentEvent, nowMs) ?? state, bentEvent, nowMs);
      const after = bends.after?.(result.state, state, event) ?? result.state;
      const { effect } = bends;
      const more = bends.more?.(after, event) ?? [];
      if (effect === undefined) return { state: after, effects: [...result.effects, ...more] };
      const effects = result.effects.map((one) => effect(one, after)).filter((one) => one !== null);
      return { state: after, effects: [...effects, ...more] };
    },
  };
}

/** Changes what is known of every other node. */
export function withPeers(state: State, change: (peer: Peer) => Partial<Peer>): State {
  const peers = Object.values(state.peers).map((peer) => [peer.name, { ...peer, ...change(peer) }]);
  return { ...state, peers: Object.fromEntries(peers) as State['peers'] };
}

/** Changes what others report. */
export function withReport(event: FailoverEvent, change: (report: Report) => Report): FailoverEvent {
  return event.kind === 'report' ? { ...event, report: change(event.report) } : event;
}
