/* eslint max-lines: ['error', { max: 430, skipBlankLines: true, skipComments: true }] -- both halves live in one object */
/**
 * One DRBD resource on two nodes: protocol C, roles, disks, a replication link that fails on its
 * own, resync, and split brain. What a connection does is a function of both sides, so both live
 * in one object; each side still knows only what its own kernel has noticed.
 *
 *     Connected --link or peer gone, noticed after the timeout--> WFConnection
 *     WFConnection --both wait, link there, handshake--> Connected | Sync... | StandAlone
 *
 * With a fencing policy the kernel of a Primary that loses the other side, or of a node that is to
 * become Primary without it, calls the fence-peer handler and acts upon its exit code.
 */
import type { FencingPolicy } from '../drbd/config-query.js';
import type { Disk, DrbdFacts } from '../drbd/facts.js';
import { resourceFacts } from '../drbd/facts.js';
import { relate, type Content, type Lineage } from './lineage.js';
import type { EventQueue } from './queue.js';
import { generationLine } from './generations.js';
import { volumeFacts, type Side } from './replica-side.js';

/** How long things take in the kernel. */
export interface ReplicaTiming {
  /** A dead peer or link is noticed after this long (timeout x ko-count, ping-timeout). */
  readonly detectMs: number;
  /** Both wait for a connection: how long until they have one. */
  readonly connectMs: number;
  readonly resyncMs: number;
}

/** How an attached disk counts before it has seen its peer: depends on DRBD's fencing policy. */
export type BootDisk = 'UpToDate' | 'Consistent';

/** Calls the fence-peer handler on a node; `answer` takes its exit code. */
export type HandlerCall = (node: string, answer: (exit: number) => void) => void;

/** One side as others know it. */
export interface KnownSide {
  readonly role: 'Primary' | 'Secondary';
  readonly disk: Disk;
  readonly connection: string;
  readonly wroteAlone: boolean;
}

/** What became of a write. */
export type WriteOutcome =
  | { readonly kind: 'acknowledged'; readonly content: Content; readonly alone: boolean }
  /** The kernel still hopes for the peer's answer. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'refused' };

export class Replica {
  readonly resource: string;
  readonly nodes: readonly [string, string];
  readonly #sides: readonly [Side, Side];
  readonly #queue: EventQueue;
  readonly #lineage: Lineage;
  readonly #timing: ReplicaTiming;
  readonly #bootDisk: BootDisk;
  readonly #fencing: FencingPolicy;
  readonly #handler: HandlerCall;
  readonly #changed: (node: string) => void;
  #cableIsUp = true;
  readonly #frozen = new Set<string>();
  #isLinked = false;

  constructor(
    queue: EventQueue,
    lineage: Lineage,
    setup: {
      readonly resource: string;
      readonly nodes: readonly [string, string];
      readonly timing: ReplicaTiming;
      readonly bootDisk: BootDisk;
      readonly fencing: FencingPolicy;
    },
    tell: { readonly changed: (node: string) => void; readonly handler: HandlerCall },
  ) {
    this.resource = setup.resource;
    this.nodes = setup.nodes;
    this.#queue = queue;
    this.#lineage = lineage;
    this.#timing = setup.timing;
    this.#bootDisk = setup.bootDisk;
    this.#fencing = setup.fencing;
    this.#handler = tell.handler;
    this.#changed = tell.changed;
    const content = lineage.empty();
    const [a, b] = setup.nodes;
    this.#sides = [newSide(a, content), newSide(b, content)];
  }

  // --- what can be seen --------------------------------------------------------------------------

  has(node: string): boolean {
    return this.nodes.includes(node);
  }

  role(node: string): 'Primary' | 'Secondary' {
    return this.#side(node).role;
  }

  disk(node: string): { readonly disk: Disk; readonly forMs: number } {
    const side = this.#side(node);
    return { disk: side.disk, forMs: this.#queue.nowMs - side.diskSinceMs };
  }

  content(node: string): Content {
    return this.#side(node).content;
  }

  /** Others may rightly think that this node has writes which they lack. */
  wasAlone(node: string): boolean {
    return this.#side(node).wasAlone;
  }

  /** Clients wait: the handler has not said what became of the other disk. */
  isHeldBack(node: string): boolean {
    return this.#side(node).isHeldBack;
  }

  /** What /proc/drbd says on this node. */
  facts(node: string): DrbdFacts {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    const volume = volumeFacts(side, peer, isLinkedState(side.link));
    const { role } = volume;
    return { ...resourceFacts(this.resource, [volume]), role, fencing: this.#fencing };
  }

  // --- what the world does to it -----------------------------------------------------------------

  /**
   * Goes on from what is known of both sides; null for one that is off. A side that wrote alone
   * has what the other lacks, and a resync that runs begins anew.
   */
  adopt(known: (node: string) => KnownSide | null): void {
    for (const side of this.#sides) {
      const seen = known(side.node);
      if (seen === null) continue;
      side.isUp = true;
      side.role = seen.role;
      side.disk = seen.disk;
      side.link = seen.connection === 'StandAlone' ? 'StandAlone' : 'WFConnection';
      if (!seen.wroteAlone) continue;
      side.wasAlone = true;
      side.content = this.#lineage.write(side.content);
    }
    const [a, b] = this.#sides;
    const isLinked = (side: Side): boolean => {
      const word = known(side.node)?.connection ?? '';
      return word === 'Connected' || word.startsWith('Sync') || word.startsWith('Verify');
    };
    if (!isLinked(a) || !isLinked(b)) return;
    this.#isLinked = true;
    const source = this.#sides.find((side) => known(side.node)?.connection === 'SyncSource');
    if (source !== undefined) this.#sync(source, this.#peerOf(source));
    else this.#connect(a, b);
  }

  /** The kernel of a node is up, or its power is gone. */
  setUp(node: string, isUp: boolean): void {
    const side = this.#side(node);
    if (side.isUp === isUp) return;
    side.isUp = isUp;
    side.turn += 1;
    side.isHeldBack = false;
    if (isUp) {
      side.role = 'Secondary';
      side.link = 'WFConnection';
      const isGood = side.disk === 'UpToDate' || side.disk === 'Consistent';
      if (isGood) this.#setDisk(side, this.#diskAtBoot(side));
      this.#resume();
    } else {
      side.role = 'Secondary';
      this.#lose();
    }
    this.#changed(node);
  }

  /** With a fencing policy a disk is good at once only if the other one is known to be old. */
  #diskAtBoot({ peerDisk }: Side): BootDisk {
    if (this.#fencing === 'dont-care') return this.#bootDisk;
    return peerDisk === 'DUnknown' ? 'Consistent' : 'UpToDate';
  }

  /** The replication cable. */
  setCable(isUp: boolean): void {
    this.#cableIsUp = isUp;
    if (isUp) this.#resume();
    else this.#lose();
  }

  /** A virtual machine that stands still answers nobody. */
  setFrozen(node: string, isFrozen: boolean): void {
    if (isFrozen) {
      this.#frozen.add(node);
      this.#lose();
    } else {
      this.#frozen.delete(node);
      this.#resume();
    }
  }

  // --- what nodes do with it ---------------------------------------------------------------------

  /** `drbdsetup primary`. Null when it worked, else the kernel's refusal. */
  promote(node: string, cutFirst: boolean): string | null {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    if (!side.isUp) return 'the device is not configured';
    if (side.role === 'Primary') return null;
    if (isLinkedState(side.link) && (cutFirst || !this.#carries())) this.#disconnect(side);
    if (isLinkedState(side.link) && peer.role === 'Primary') {
      return 'State change failed: (-1) Multiple primaries not allowed by config';
    }
    const isSure = this.#fencing === 'dont-care' ? cutFirst : side.peerDisk !== 'DUnknown';
    const usable = side.disk === 'UpToDate' || (side.disk === 'Consistent' && isSure);
    if (!usable) return `State change failed: (-2) Need access to UpToDate data (${side.disk})`;
    if (this.#lacksFate(side)) {
      return 'State change failed: (-7) Refusing to be Primary while peer is not outdated';
    }
    this.#setDisk(side, 'UpToDate');
    side.role = 'Primary';
    side.discards = false;
    // A new generation: DRBD will know this copy as the newer one.
    if (!isLinkedState(side.link)) {
      side.content = this.#lineage.write(side.content);
      side.wasAlone = true;
    }
    this.#changed(node);
    this.#changed(peer.node);
    return null;
  }

  /** The part of a promotion in which the kernel calls the handler, if it has to. */
  fencePeerFirst(node: string, cutFirst: boolean, then: () => void): void {
    const side = this.#side(node);
    const isCut = isLinkedState(side.link) && (cutFirst || !this.#carries());
    if (isCut && this.#fencing !== 'dont-care') this.#disconnect(side);
    if (side.isUp && this.#lacksFate(side)) this.#callHandler(side, then);
    else then();
  }

  /** Not connected, and nobody has said what becomes of the other disk. */
  #lacksFate({ link, peerDisk }: Side): boolean {
    return this.#fencing !== 'dont-care' && !isLinkedState(link) && peerDisk === 'DUnknown';
  }

  /** An answer is void when the connection has come and gone meanwhile. */
  #callHandler(side: Side, then: () => void): void {
    const { turn } = side;
    this.#handler(side.node, (exit) => {
      if (side.isUp && side.turn === turn) this.#takeExit(side, exit);
      then();
    });
  }

  /** drbd_nl.c, conn_try_outdate_peer. */
  #takeExit(side: Side, exit: number): void {
    if (exit === 3) side.peerDisk = 'Inconsistent';
    const isDown = exit === 5 && side.disk === 'UpToDate';
    if (exit === 4 || exit === 7 || isDown) side.peerDisk = 'Outdated';
    if (exit === 6 && side.role === 'Secondary') this.#setDisk(side, 'Outdated');
    if (side.peerDisk !== 'DUnknown') side.isHeldBack = false;
    this.#changed(side.node);
  }

  /** `drbdadm outdate`. */
  outdate(node: string): 'outdated' | 'inconsistent' | 'primary' | 'failed' {
    const side = this.#side(node);
    if (side.role === 'Primary') return 'primary';
    if (!side.isUp || isLinkedState(side.link)) return 'failed';
    if (side.disk === 'Inconsistent') return 'inconsistent';
    this.#setDisk(side, 'Outdated');
    this.#changed(node);
    return 'outdated';
  }

  demote(node: string): void {
    const side = this.#side(node);
    if (side.role === 'Secondary') return;
    side.isHeldBack = false;
    side.role = 'Secondary';
    this.#changed(node);
    this.#changed(this.#peerOf(side).node);
  }

  write(node: string): WriteOutcome {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    if (!side.isUp || side.role !== 'Primary') return { kind: 'refused' };
    if (isLinkedState(side.link)) {
      if (!this.#carries()) return { kind: 'blocked' };
      side.content = this.#lineage.write(side.content);
      if (side.link === 'Connected') peer.content = side.content;
      return { kind: 'acknowledged', content: side.content, alone: side.link !== 'Connected' };
    }
    if (side.isHeldBack) return { kind: 'blocked' };
    side.content = this.#lineage.write(side.content);
    return { kind: 'acknowledged', content: side.content, alone: true };
  }

  /** What `drbdadm get-gi` says on this node. */
  generation(node: string): string {
    const side = this.#side(node);
    const isConsistent = side.disk !== 'Inconsistent';
    return generationLine(side.node, side.content, this.#peerOf(side).content, isConsistent);
  }

  /** `drbdadm connect --discard-my-data`, after a disconnect; null, or the refusal. */
  offer(node: string): string | null {
    const side = this.#side(node);
    if (side.role === 'Primary') return 'Failure: (123) --discard-my-data not allowed when primary';
    this.withdraw(node);
    side.discards = true;
    this.connect(node);
    return null;
  }

  /** `drbdadm connect`. */
  connect(node: string): void {
    const side = this.#side(node);
    if (!side.isUp || side.link !== 'StandAlone') return;
    side.link = 'WFConnection';
    this.#changed(node);
    this.#seekConnection();
  }

  /** `drbdadm disconnect`. */
  withdraw(node: string): void {
    const side = this.#side(node);
    if (!side.isUp) return;
    this.#disconnect(side);
    side.turn += 1;
    side.link = 'StandAlone';
    side.discards = false;
    this.#changed(node);
  }

  /** An operator settles a split brain: this side's own writes are thrown away. */
  discard(node: string): void {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    side.content = peer.content;
    for (const each of this.#sides) {
      if (each.link === 'StandAlone') each.link = 'WFConnection';
      this.#changed(each.node);
    }
    this.#seekConnection();
  }

  // --- the connection ----------------------------------------------------------------------------

  #carries(): boolean {
    const [a, b] = this.#sides;
    return this.#cableIsUp && a.isUp && b.isUp && this.#frozen.size === 0 && this.#isLinked;
  }

  #reachable(): boolean {
    const [a, b] = this.#sides;
    return this.#cableIsUp && a.isUp && b.isUp && this.#frozen.size === 0;
  }

  /** The other side is out of reach: each side notices in its own time. */
  #lose(): void {
    for (const side of this.#sides) {
      if (!side.isUp || !isLinkedState(side.link)) continue;
      const { turn } = side;
      this.#queue.after(this.#timing.detectMs, () => {
        if (side.turn === turn && !this.#reachable()) this.#disconnect(side);
      });
    }
  }

  /** The other side is back in reach: TCP goes on if both still believe in it. */
  #resume(): void {
    if (!this.#reachable()) return;
    const believers = this.#sides.filter((side) => isLinkedState(side.link));
    if (believers.length === 1 || !this.#isLinked) {
      for (const side of believers) this.#disconnect(side);
    }
    this.#seekConnection();
  }

  #disconnect(side: Side): void {
    if (!isLinkedState(side.link)) return;
    side.turn += 1;
    side.link = 'WFConnection';
    if (side.role === 'Primary') side.wasAlone = true;
    this.#isLinked = false;
    if (side.role === 'Primary' && this.#lacksFate(side)) {
      side.isHeldBack = this.#fencing === 'resource-and-stonith';
      this.#callHandler(side, () => undefined);
    }
    this.#changed(side.node);
    const peer = this.#peerOf(side);
    // The other end is told, if it can be: its socket is closed.
    if (this.#reachable() && isLinkedState(peer.link)) this.#disconnect(peer);
    this.#seekConnection();
  }

  #seekConnection(): void {
    const [a, b] = this.#sides;
    if (!this.#reachable() || a.link !== 'WFConnection' || b.link !== 'WFConnection') return;
    const turns = [a.turn, b.turn];
    this.#queue.after(this.#timing.connectMs, () => {
      if (a.turn !== turns[0] || b.turn !== turns[1] || !this.#reachable()) return;
      if (a.link === 'WFConnection' && b.link === 'WFConnection') this.#shakeHands(a, b);
    });
  }

  #shakeHands(a: Side, b: Side): void {
    a.turn += 1;
    b.turn += 1;
    const relation = relate(a.content, b.content);
    const aBad = a.disk === 'Inconsistent';
    const bBad = b.disk === 'Inconsistent';
    const bothPrimary = a.role === 'Primary' && b.role === 'Primary';
    const isSplit = relation === 'diverged' && !aBad && !bBad;
    if (isSplit && !bothPrimary && a.discards !== b.discards) {
      this.#isLinked = true;
      this.#sync(a.discards ? b : a, a.discards ? a : b);
      this.#changed(a.node);
      this.#changed(b.node);
      return;
    }
    if (bothPrimary || isSplit) {
      this.#standAlone(a, b);
      return;
    }
    this.#isLinked = true;
    for (const side of [a, b]) {
      side.peerDisk = 'DUnknown';
      side.isHeldBack = false;
    }
    if (aBad && bBad) this.#connect(a, b);
    else if (relation === 'same' && !aBad && !bBad) {
      this.#setDisk(a, 'UpToDate');
      this.#setDisk(b, 'UpToDate');
      this.#connect(a, b);
    } else if (bBad || (relation === 'newer' && !aBad)) this.#sync(a, b);
    else this.#sync(b, a);
    this.#changed(a.node);
    this.#changed(b.node);
  }

  #standAlone(a: Side, b: Side): void {
    a.link = 'StandAlone';
    b.link = 'StandAlone';
    this.#changed(a.node);
    this.#changed(b.node);
  }

  #connect(a: Side, b: Side): void {
    a.link = 'Connected';
    b.link = 'Connected';
    a.discards = false;
    b.discards = false;
    a.wasAlone = false;
    b.wasAlone = false;
  }

  #sync(source: Side, target: Side): void {
    if (target.role === 'Primary') {
      // "I shall become SyncTarget, but I am primary!": DRBD drops the connection for good.
      this.#isLinked = false;
      this.#standAlone(source, target);
      return;
    }
    source.link = 'SyncSource';
    target.link = 'SyncTarget';
    this.#setDisk(source, 'UpToDate');
    this.#setDisk(target, 'Inconsistent');
    const { turn } = target;
    const finish = (): void => {
      if (target.turn !== turn || target.link !== 'SyncTarget') return;
      if (!this.#carries()) {
        this.#queue.after(this.#timing.detectMs, finish);
        return;
      }
      target.content = source.content;
      this.#setDisk(target, 'UpToDate');
      this.#connect(source, target);
      this.#changed(source.node);
      this.#changed(target.node);
    };
    this.#queue.after(this.#timing.resyncMs, finish);
  }

  #setDisk(side: Side, disk: Disk): void {
    if (side.disk === disk) return;
    side.disk = disk;
    side.diskSinceMs = this.#queue.nowMs;
  }

  #side(node: string): Side {
    const [a, b] = this.#sides;
    if (node === a.node) return a;
    if (node === b.node) return b;
    throw new RangeError(`${node} has no disk of ${this.resource}`);
  }

  #peerOf(side: Side): Side {
    const [a, b] = this.#sides;
    return side === a ? b : a;
  }
}

function newSide(node: string, content: Content): Side {
  return {
    node,
    isUp: false,
    role: 'Secondary',
    disk: 'UpToDate',
    diskSinceMs: 0,
    link: 'WFConnection',
    content,
    discards: false,
    wasAlone: false,
    peerDisk: 'DUnknown',
    isHeldBack: false,
    turn: 0,
  };
}

function isLinkedState(link: Side['link']): boolean {
  return link === 'Connected' || link === 'SyncSource' || link === 'SyncTarget';
}
