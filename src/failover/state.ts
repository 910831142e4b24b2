import type { DrbdFacts } from '../drbd/facts.js';
import { newPeerLife, type PeerLife } from '../heartbeat/liveness.js';
import type { FenceTest } from '../base/fence-test.js';
import { newSelfHealth, type SelfHealth } from '../heartbeat/self-health.js';
import type { PingAnswer } from '../heartbeat/ping.js';
import type { OutdateOutcome } from '../heartbeat/report.js';
import type {
  Claim,
  Grant,
  GroupLife,
  NodePhase,
  Order,
  Report,
  SideReport,
} from '../heartbeat/report.js';
import type { Discard } from './discard-state.js';
import type { GroupSpec } from '../resources/spec.js';
import type { NodeMode, ResourceState } from '../base/status.js';
import type { Comparison } from './connectivity.js';
import type { Operation } from './history.js';
import { outlivesRestart } from './orders.js';
import type { ClusterSpec } from './spec.js';

/** All that the core knows. Plain, immutable data: it can be saved, shown and replayed. */
export interface State {
  readonly spec: ClusterSpec;
  readonly bootedMs: number;
  /** The wall clock minus this node's own; null until it was told. For ends that operators set. */
  readonly wallAheadMs: number | null;
  /** After a reload: the timing that holds once every node has it; null when it does. */
  readonly timingToCome: ClusterSpec['heartbeat'] | null;
  readonly generation: number;
  readonly sequence: number;
  readonly phase: NodePhase;
  /** When the last word was said first; null before it, and when all is said. */
  readonly leftMs: number | null;
  readonly health: SelfHealth;
  readonly peers: Readonly<Record<string, Peer>>;
  readonly groups: Readonly<Record<string, Group>>;
  /** The highest epoch of the groups that a reload has removed: one that comes again claims anew. */
  readonly goneEpoch: number;
  readonly drbd: Readonly<Record<string, DrbdFacts>>;
  /** DRBD resource that is connected -> since when, as far as this run has seen. */
  readonly connectedMs: Readonly<Record<string, number>>;
  /** DRBD resource -> whether the copy on this node is as new as any (S4). */
  readonly copies: Readonly<Record<string, Copy>>;
  /** DRBD resource -> since when (wall clock) another node is known to have more. */
  readonly behindSince: Readonly<Record<string, number>>;
  /** Group -> a person's order to use the copy of this node although it is old: the last one. */
  readonly forces: Readonly<Record<string, Force>>;
  /** DRBD resource -> node -> its newest report when the connection came up: older news is past. */
  readonly relinks: Readonly<Record<string, Readonly<Record<string, Stamp>>>>;
  /** DRBD resource -> this node's half of it, while it is not connected. */
  readonly sides: Readonly<Record<string, Omit<SideReport, 'offers'>>>;
  /** DRBD resource -> the split brain that was told of, by its fingerprint. */
  readonly splits: Readonly<Record<string, string>>;
  /** Node -> its newest generation that was heard in this run; told, so that others know how fresh. */
  readonly hears: Readonly<Record<string, number>>;
  /** DRBD resource -> how the order to settle its split brain is doing. */
  readonly discards: Readonly<Record<string, Discard>>;
  readonly orders: Readonly<Record<string, Order>>;
  /** Address -> how it answers this node. */
  readonly pings: Readonly<Record<string, PingAnswer>>;
  /** Node -> whether it is better connected than this one. */
  readonly comparisons: Readonly<Record<string, Comparison>>;
  /** Group -> the moves for connectivity that this node has learnt of. */
  readonly reachMoves: Readonly<Record<string, ReachMoves>>;
  readonly requests: Readonly<Record<string, PendingRequest>>;
  /** Node -> what use of its fence devices from here has shown. */
  readonly fenceRecords: Readonly<Record<string, FenceRecord>>;
  /** Tests of fence devices that run. */
  readonly fenceTrials: readonly FenceTrial[];
  /** Handlers of DRBD on this node that wait for the fate of the other half of a resource. */
  readonly fencePeers: readonly FencePeer[];
  /** What other nodes' handlers ask of the disks here. */
  readonly outdatings: readonly Outdating[];
  /** DRBD resource -> letting its held back writes go on. */
  readonly resumes: Readonly<Record<string, Resume>>;
  readonly history: readonly Operation[];
  /** Numbers actions, fence attempts, requests and operations of this run. */
  readonly nextId: number;
  readonly lastSentMs: number;
  /** The public truth as last sent, to notice a change. */
  readonly lastSent: Report | null;
  /** The persistent facts as last saved, to notice a change. */
  readonly lastSaved: SavedFacts | null;
}

/**
 * A copy of the state, field by field: V8 copies an object of this size with `...` about ten times
 * slower once it has met a few that are built differently. A field that is forgotten here does not
 * compile.
 */
export function copyOf(state: State): State {
  const copy: { -readonly [Name in keyof State]-?: State[Name] } = {
    spec: state.spec,
    bootedMs: state.bootedMs,
    wallAheadMs: state.wallAheadMs,
    timingToCome: state.timingToCome,
    generation: state.generation,
    sequence: state.sequence,
    phase: state.phase,
    leftMs: state.leftMs,
    health: state.health,
    peers: state.peers,
    groups: state.groups,
    goneEpoch: state.goneEpoch,
    drbd: state.drbd,
    connectedMs: state.connectedMs,
    copies: state.copies,
    behindSince: state.behindSince,
    forces: state.forces,
    relinks: state.relinks,
    sides: state.sides,
    splits: state.splits,
    hears: state.hears,
    discards: state.discards,
    orders: state.orders,
    pings: state.pings,
    comparisons: state.comparisons,
    reachMoves: state.reachMoves,
    requests: state.requests,
    fenceRecords: state.fenceRecords,
    fenceTrials: state.fenceTrials,
    fencePeers: state.fencePeers,
    outdatings: state.outdatings,
    resumes: state.resumes,
    history: state.history,
    nextId: state.nextId,
    lastSentMs: state.lastSentMs,
    lastSent: state.lastSent,
    lastSaved: state.lastSaved,
  };
  return copy;
}

/** The same node, heard at another time. Written out as `copyOf` is, for the same reason. */
export function withLife(peer: Peer, life: PeerLife): Peer {
  return {
    name: peer.name,
    life,
    report: peer.report,
    incompatible: peer.incompatible,
    clearance: peer.clearance,
    verdict: peer.verdict,
    deadSinceMs: peer.deadSinceMs,
    fencing: peer.fencing,
  };
}

/** Moves of a group to a better connected node. */
export interface ReachMoves {
  /** Of the register that told of the newest. */
  readonly version: number;
  readonly atMs: readonly number[];
  /** When an order brought the group here: what was known of connections then is accepted. */
  readonly orderedMs?: number;
}

/** Which report of a node. */
export interface Stamp {
  readonly generation: number;
  readonly sequence: number;
}

/**
 * How new the local copy of a DRBD resource is; `than` names the node that has more, null when it is not
 * known: no group of the configuration uses the resource.
 */
export interface Copy {
  readonly kind: 'untold' | 'unknown' | 'current' | 'behind';
  readonly than: string | null;
  /** This node wrote alone: the others lack that, whatever else they have. */
  readonly ahead: boolean;
}

/** An order to start a group with old data, until it runs or the order is given up. */
export interface Force {
  readonly group: string;
  readonly by: string;
  readonly reason: string | null;
  /** The sentence that says what is lost. */
  readonly loss: string;
  readonly askedMs: number;
  readonly end: { readonly ok: boolean; readonly message: string } | null;
}

/** Why a node needs no grant (S2). Void as soon as the node is heard again. */
export type Clearance =
  | { readonly kind: 'left'; readonly atMs: number }
  | { readonly kind: 'fenced'; readonly atMs: number; readonly how: string }
  | {
      readonly kind: 'confirmed';
      readonly atMs: number;
      readonly by: string;
      readonly reason: string;
    }
  /** Was off, and its half of a DRBD resource has connected since; its tandemd was not heard yet. */
  | { readonly kind: 'back'; readonly atMs: number; readonly was: 'fenced' | 'confirmed' };

/** Another node, seen from here. */
export interface Peer {
  readonly name: string;
  readonly life: PeerLife;
  /** What it says. Of reports that say the same the first is kept; `life` has the newest stamp. */
  readonly report: Report | null;
  /** S9: both values named. */
  readonly incompatible: string | null;
  readonly clearance: Clearance | null;
  readonly verdict: 'unknown' | 'up' | 'late' | 'dead';
  /** When the verdict became dead. */
  readonly deadSinceMs: number | null;
  readonly fencing: Fencing;
}

/** Fencing of one node: a status question first, then the shot (S5). */
export interface Fencing {
  readonly running: {
    readonly fenceId: string;
    readonly step: 'status' | 'shoot';
    readonly startedMs: number;
    readonly generation: number;
  } | null;
  /** The status question was answered "on", or could not be answered: the shot is next. */
  readonly asked: boolean;
  /** Attempts of this dead time that proved nothing. */
  readonly failures: number;
  readonly lastFailure: string | null;
  readonly notBeforeMs: number;
  /** When it was shot, whatever came of it: outlives its returns, so that no loop can form. */
  readonly shotsMs: readonly number[];
  /** A person's order to fence it now: the last one, also when it is over. */
  readonly order: FenceOrder | null;
}

/** An order to fence a node now, whatever the policy has to say. */
export interface FenceOrder {
  readonly by: string;
  readonly reason: string | null;
  readonly askedMs: number;
  /** Also a node that is up and well; without it the order is over when the node is heard again. */
  readonly sure: boolean;
  /** The node was heard while it was being shot: there is no second shot. */
  readonly wasHeard?: true;
  /** Shots that proved nothing. */
  readonly failures: number;
  readonly end: { readonly ok: boolean; readonly message: string } | null;
}

/** What use of a node's fence devices has shown. By the wall clock: it outlives restarts. */
export interface FenceRecord {
  /** When all of them last answered as they should, or confirmed a shot. */
  readonly testedWallMs: number | null;
  /** When a shot was last confirmed. */
  readonly shotWallMs: number | null;
  /** What did not work, while nothing has since. */
  readonly fault: { readonly wallMs: number; readonly reason: string } | null;
}

/** A test of the fence devices of one node that runs. */
export interface FenceTrial {
  readonly testId: string;
  readonly requestId: string;
  readonly node: string;
}

/** Held back writes that may go on, as the other half is confirmed off. */
export interface Resume {
  /** Of the order that runs. */
  readonly resumeId: string | null;
  readonly tries: number;
  readonly notBeforeMs: number;
  readonly lastFailure: string | null;
}

/** The group as it is on this node. */
export interface Group {
  readonly spec: GroupSpec;
  readonly life: GroupLife;
  readonly resources: readonly LocalResource[];
  readonly action: RunningAction | null;
  /** The epoch of the claim it was last started under here. */
  readonly epoch: number;
  /** The highest epoch seen anywhere. */
  readonly epochSeen: number;
  readonly claim: Claim | null;
  readonly grant: Grant | null;
  /** Set by a failed start or repeated failures; over in time, or by `cleanup`. */
  readonly barred: { readonly reason: string; readonly untilMs: number } | null;
  /** Times of monitor failures within the window. */
  readonly failuresMs: readonly number[];
  /** The sentence that explains where it is. */
  readonly reason: string;
  /** The sentence that explains why it does not run, while something is missing. */
  readonly blocked: string | null;
  /** A restart in place of this resource and of what stands right of it; null: of the whole group. */
  readonly restartFrom: number | null;
  /** How many of the resources that such a restart keeps were looked at again and run. */
  readonly keptConfirmed: number;
  /** Why it is being stopped here. */
  readonly stopReason: string | null;
  /** Resource index -> when to look at it again. */
  readonly monitorDueMs: Readonly<Record<number, number>>;
  /** Resource index -> what the first look found; a second one confirms before anything is done. */
  readonly suspects: Readonly<Record<number, string>>;
  /** The preferred node was away while it ran here: back when it is fit again (failback). */
  readonly failbackArmed: boolean;
}

export interface LocalResource {
  readonly id: string;
  readonly state: ResourceState;
  readonly reason: string;
}

export interface RunningAction {
  readonly actionId: string;
  readonly index: number;
  readonly verb: 'probe' | 'start' | 'stop' | 'monitor';
  readonly startedMs: number;
}

/** An operator's request that is not finished. */
export interface PendingRequest {
  readonly id: string;
  readonly what:
    | 'move'
    | 'mode'
    | 'cleanup'
    | 'restart'
    | 'disable'
    | 'enable'
    | 'hold'
    | 'lift'
    | 'discard'
    | 'fence'
    | 'fenceTest'
    | 'force';
  readonly group: string | null;
  /** The DRBD resource, for `discard`. */
  readonly resource?: string;
  readonly node: string;
  readonly mode: NodeMode | null;
  /** Of a restart: the claim under which it ran before. */
  readonly epoch?: number;
  /** What it has put into a register; see order-fate. */
  readonly order?: Order | undefined;
  /** That order was given a second time. */
  readonly isRenewed?: true;
  readonly askedMs: number;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly message: string;
  readonly progress: readonly string[];
  /** Of a test of fence devices: the nodes, and what was found so far. */
  readonly nodes?: readonly string[];
  readonly fenceTests?: readonly FenceTest[];
}

/** A `fence-peer` handler of DRBD that waits: an ask to the node that has the other half. */
export interface FencePeer {
  readonly requestId: string;
  readonly resource: string;
  readonly node: string;
  readonly version: number;
  readonly askedMs: number;
  readonly untilMs: number;
  /** The sentence that says what it waits for. */
  readonly waitsFor: string;
}

/** What became here of one ask of another node: waiting, a command that runs, or an outcome. */
export interface Outdating {
  readonly asker: string;
  readonly resource: string;
  readonly generation: number;
  readonly version: number;
  /** Of the command that runs. */
  readonly outdateId: string | null;
  /** After a failure: no new try before this. */
  readonly notBeforeMs: number;
  readonly outcome: OutdateOutcome | null;
}

/** What survives a restart of the daemon. */
export interface SavedFacts {
  readonly generation: number;
  /** Highest generation heard of each peer: older frames are replays. */
  readonly peers: Readonly<Record<string, number>>;
  /** Highest epoch seen of each group. */
  readonly epochs: Readonly<Record<string, number>>;
  readonly orders: readonly Order[];
  /** DRBD resources whose local copy lacks writes, and the node that has them, empty if not known (S4). */
  readonly behind?: Readonly<Record<string, string>>;
  /** DRBD resources that this node wrote alone: no other has all of it (S4). */
  readonly ahead?: readonly string[];
  /** Since when, by the wall clock. */
  readonly behindSince?: Readonly<Record<string, number>>;
  readonly fenceRecords?: Readonly<Record<string, FenceRecord>>;
}

/** What a machine that never ran Tandem has saved. */
export const NOTHING_SAVED: SavedFacts = { generation: 0, peers: {}, epochs: {}, orders: [] };

/**
 * The state at start. `generation` must be higher than any used before on this node; nothing is
 * known of groups or peers until they have been probed and heard (S7).
 */
export function initialState(
  spec: ClusterSpec,
  generation: number,
  saved: SavedFacts,
  nowMs: number,
): State {
  const peers = spec.nodes.filter((node) => node !== spec.self);
  return {
    spec,
    bootedMs: nowMs,
    wallAheadMs: null,
    timingToCome: null,
    generation,
    sequence: 0,
    phase: 'starting',
    leftMs: null,
    health: newSelfHealth(nowMs),
    peers: Object.fromEntries(peers.map((name) => [name, newPeer(name, saved, nowMs)])),
    groups: Object.fromEntries(
      spec.groups.map((group) => [group.name, newGroup(group, saved.epochs[group.name] ?? 0)]),
    ),
    goneEpoch: 0,
    drbd: {},
    connectedMs: {},
    relinks: {},
    copies: savedCopies(saved),
    behindSince: saved.behindSince ?? {},
    forces: {},
    orders: Object.fromEntries(saved.orders.filter(outlivesRestart).map((o) => [o.key, o])),
    pings: {},
    comparisons: {},
    reachMoves: {},
    sides: {},
    splits: {},
    hears: {},
    discards: {},
    requests: {},
    fenceRecords: saved.fenceRecords ?? {},
    fenceTrials: [],
    fencePeers: [],
    outdatings: [],
    resumes: {},
    history: [],
    nextId: 1,
    lastSentMs: nowMs,
    lastSent: null,
    lastSaved: null,
  };
}

function savedCopies(saved: SavedFacts): Readonly<Record<string, Copy>> {
  const behind = Object.entries(saved.behind ?? {});
  const ahead = saved.ahead ?? [];
  return {
    ...Object.fromEntries(
      ahead.map((name): [string, Copy] => [name, { kind: 'current', than: null, ahead: true }]),
    ),
    ...Object.fromEntries(
      behind.map(([name, than]): [string, Copy] => [
        name,
        { kind: 'behind', than: than === '' ? null : than, ahead: ahead.includes(name) },
      ]),
    ),
  };
}

function newPeer(name: string, saved: SavedFacts, nowMs: number): Peer {
  return {
    name,
    life: newPeerLife(nowMs, saved.peers[name] ?? 0),
    report: null,
    incompatible: null,
    clearance: null,
    verdict: 'unknown',
    deadSinceMs: null,
    fencing: IDLE_FENCING,
  };
}

/** No attempt made, none forbidden. */
export const IDLE_FENCING: Fencing = {
  running: null,
  asked: false,
  failures: 0,
  lastFailure: null,
  notBeforeMs: 0,
  shotsMs: [],
  order: null,
};

/** A group of which nothing is known yet but the highest epoch ever seen. */
export function newGroup(spec: GroupSpec, epochSeen: number): Group {
  return {
    spec,
    life: 'unknown',
    resources: spec.resources.map((resource) => ({
      id: resource.id,
      state: 'unknown',
      reason: 'not looked at yet',
    })),
    action: null,
    epoch: 0,
    epochSeen,
    claim: null,
    grant: null,
    barred: null,
    failuresMs: [],
    reason: 'not looked at yet',
    blocked: null,
    restartFrom: null,
    keptConfirmed: 0,
    stopReason: null,
    monitorDueMs: {},
    suspects: {},
    failbackArmed: false,
  };
}
