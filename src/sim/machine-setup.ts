/** What a machine of the simulator is made of. */
import type { Prng } from '../base/prng.js';
import { isOtherHalfOff } from '../failover/clearance.js';
import { hasJustConnected } from '../failover/drbd-connections.js';
import type { FailoverEvent } from '../failover/event.js';
import type { judgeLevel } from '../failover/fence-levels.js';
import type { ClusterSpec } from '../failover/spec.js';
import type { SavedFacts, State } from '../failover/state.js';
import type { StepResult } from '../failover/step.js';
import type { AgentFault, AgentOrder, AgentTiming } from './agents.js';
import type { WatchdogSetup } from './machine-watchdog.js';
import type { Network } from './network.js';
import type { Observation } from './observation.js';
import type { Power } from './power.js';
import type { EventQueue } from './queue.js';
import type { Repeats } from './repeats.js';
import type { Replica } from './replica.js';
import type { ShortWay } from './resting.js';

/** The core, or a mutant of it. */
export interface Brain {
  initialState(spec: ClusterSpec, generation: number, saved: SavedFacts, nowMs: number): State;
  step(state: State, event: FailoverEvent, nowMs: number): StepResult;
  /**
   * The short way through turns at rest; null: not at rest. Absent: every turn is a step. `before` is
   * the one that the state came from, which is not gone any more.
   */
  resting?(state: State, nowMs: number, before: ShortWay | null): ShortWay | null;
  /** What the devices of a level prove together. Absent: as the core has it. */
  readonly judgeLevel?: typeof judgeLevel;
  /** What a start is told of the other half of a disk. Absent: as the core has it. */
  readonly isOtherHalfOff?: typeof isOtherHalfOff;
}

/** What a machine is made of and lives among. */
export interface MachineSetup {
  readonly spec: ClusterSpec;
  readonly brain: Brain;
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly network: () => Network;
  readonly power: Power;
  readonly replicas: Readonly<Record<string, Replica>>;
  readonly agentTiming: AgentTiming;
  readonly bootMs: number;
  /** Null: the machine has none. */
  readonly watchdog: WatchdogSetup | null;
  readonly faultOf: (node: string, order: AgentOrder) => AgentFault | null;
  readonly observe: (observation: Observation) => void;
  readonly repeats: Repeats;
  /** Brings everybody up to date: somebody is about to be looked at. */
  readonly readLetters: () => void;
}

/**
 * Whether the core holds the other half of a disk for off now, by the clock of its node; it may not run. A
 * connection that it has not taken in yet is younger than what was proven.
 */
export function askOfOtherHalf(
  brain: Brain,
  state: State | null,
  group: string,
  replica: Replica,
  nowMs: number,
): boolean {
  if (state === null || hasJustConnected(state, replica.facts(state.spec.self))) return false;
  return (brain.isOtherHalfOff ?? isOtherHalfOff)(state, group, nowMs);
}
