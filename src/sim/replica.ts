/* eslint max-lines: ['error', { max: 530, skipBlankLines: true, skipComments: true }] -- both halves live in one object */
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
import { generationLine } from './generations.js';
import type { HandlerCall } from './handlers.js';
import { meet, type Meeting } from './handshake.js';
import { contains, relate, type Content, type Lineage } from './lineage.js';
import type { Observation } from './observation.js';
import type { EventQueue } from './queue.js';
import { isDiskless, newSide, volumeFacts, type Side } from './replica-side.js';

/** From the I/O error to the disk being detached. */
const DETACH_MS = 20;

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

/** Whom the kernel tells what. */
export interface ReplicaNews {
  readonly changed: (node: string) => void;
  /** Calls the fence-peer handler on a node. */
  readonly handler: (node: string, call: HandlerCall) => void;
  /** A Primary has no data any more: every read fails. */
  readonly ioError: (node: string) => void;
  readonly observe: (observation: Observation) => void;
}

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

/** How often a disk that is being attached looks for the answer of the other kernel. */
const NEGOTIATION_MS = 50;

export class Replica {
  readonly resource: string;
  readonly nodes: readonly [string, string];
  readonly #sides: readonly [Side, Side];
  readonly #queue: EventQueue;
  readonly #lineage: Lineage;
  readonly #timing: ReplicaTiming;
  readonly #bootDisk: BootDisk;
  readonly #fencing: FencingPolicy;
  readonly #news: ReplicaNews;
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
    news: ReplicaNews,
  ) {
    this.resource = setup.resource;
    this.nodes = setup.nodes;
    this.#queue = queue;
    this.#lineage = lineage;
    this.#timing = setup.timing;
    this.#bootDisk = setup.bootDisk;
    this.#fencing = setup.fencing;
    this.#news = news;
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

  /** The other disk is good and has all that the disk of this node has. */
  isCopied(node: string): boolean {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    return peer.disk === 'UpToDate' && contains(peer.content, side.content);
  }

  /** What a user of the device on this node reads: this disk, or the other one; null: nothing. */
  data(node: string): Content | null {
    const side = this.#side(node);
    return this.#holder(side)?.content ?? null;
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
    const held = volume.ioSuspended ? { suspensions: ['fencing'] } : {};
    return { ...resourceFacts(this.resource, [volume]), role, fencing: this.#fencing, ...held };
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
      side.isDead = isDiskless(side);
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
    const target = source === undefined ? undefined : this.#peerOf(source);
    if (source === undefined || target === undefined) this.#connect(a, b);
    else this.#sync({ kind: 'sync', source, target, discards: false });
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
      if (!side.isDead) this.#setDisk(side, this.#diskAtBoot(side, side.disk));
      this.#resume();
    } else {
      side.lastWord = { role: side.role, disk: side.disk };
      side.role = 'Secondary';
      side.exposed = null;
      this.#lose();
    }
    this.#changed(node);
  }

  /** With a fencing policy a disk is good at once only if the other one is known to be old. */
  #diskAtBoot({ peerDisk }: Side, held: Disk): Disk {
    if (held !== 'UpToDate' && held !== 'Consistent') return held;
    if (this.#fencing === 'dont-care') return this.#bootDisk;
    return peerDisk === 'DUnknown' ? 'Consistent' : 'UpToDate';
  }

  /** The disk answers with errors: the kernel detaches it and goes on over the network. */
  failDisk(node: string): void {
    const side = this.#side(node);
    if (side.isDead) return;
    this.#news.observe({ kind: 'disk', node, resource: this.resource, what: 'failed' });
    side.isDead = true;
    side.held = side.disk;
    const peer = this.#peerOf(side);
    if (side.role === 'Primary') side.exposed = this.#holder(side)?.content ?? null;
    this.#setDisk(side, side.isUp ? 'Failed' : 'Diskless');
    // A resync has lost its source or its target.
    for (const each of [side, peer]) {
      if (each.link !== 'SyncSource' && each.link !== 'SyncTarget') continue;
      each.link = 'Connected';
      each.syncs += 1;
    }
    this.#changed(node);
    this.#changed(peer.node);
    this.#queue.after(DETACH_MS, () => {
      if (side.disk !== 'Failed') return;
      this.#setDisk(side, 'Diskless');
      this.#changed(node);
      this.#changed(peer.node);
    });
  }

  /** The same disk answers again, with what it held. */
  reattachDisk(node: string): void {
    this.#attach(node, 'reattached', (side) => side.held);
  }

  /** A new and empty disk in place of the broken one. */
  replaceDisk(node: string): void {
    this.#attach(node, 'replaced', (side) => {
      side.content = this.#lineage.empty();
      side.wasAlone = false;
      return 'Inconsistent';
    });
  }

  #attach(node: string, what: 'reattached' | 'replaced', holds: (side: Side) => Disk): void {
    const side = this.#side(node);
    if (!side.isDead) return;
    if (side.isUp && isLinkedState(side.link) && !this.#carries()) {
      // "Negotiating", until the other kernel answers, or this one has missed it.
      this.#queue.after(NEGOTIATION_MS, () => this.#attach(node, what, holds));
      return;
    }
    this.#news.observe({ kind: 'disk', node, resource: this.resource, what });
    side.isDead = false;
    const disk = holds(side);
    if (!side.isUp) {
      this.#setDisk(side, disk);
      return;
    }
    const peer = this.#peerOf(side);
    const isLinked = this.#carries();
    if (side.role === 'Primary' && !(isLinked && peer.disk === 'UpToDate')) {
      // "Can only attach to data with current UUID": refused while it is in use. So it ends, too, when
      // the connection is found to be dead ("Connection lost while negotiating, no data!").
      if (side.exposed !== null && relate(side.exposed, side.content) !== 'same') {
        side.isDead = true;
        return;
      }
    }
    side.exposed = null;
    this.#setDisk(side, this.#diskAtBoot(side, disk));
    if (isLinked) this.#compare(side, peer, true);
    this.#changed(node);
    this.#changed(peer.node);
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
  promote(node: string, cutFirst: boolean, forced = false): string | null {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    if (!side.isUp) return 'the device is not configured';
    if (side.role === 'Primary') return null;
    if (isLinkedState(side.link) && (cutFirst || !this.#carries())) this.#cutOff(side);
    if (isLinkedState(side.link) && peer.role === 'Primary') {
      return 'State change failed: (-1) Multiple primaries not allowed by config';
    }
    const isSure = this.#fencing === 'dont-care' ? cutFirst : side.peerDisk !== 'DUnknown';
    const isOld = side.disk === 'Consistent' || side.disk === 'Outdated';
    const isAll = (side.disk === 'Consistent' && isSure) || (forced && isOld);
    if (!isAll && this.#holder(side) === null) {
      return `State change failed: (-2) Need access to UpToDate data (${side.disk})`;
    }
    if (!this.#knowsFate(side, forced)) {
      return 'State change failed: (-7) Refusing to be Primary while peer is not outdated';
    }
    if (isAll) this.#setDisk(side, 'UpToDate');
    side.role = 'Primary';
    side.discards = false;
    if (isDiskless(side)) side.exposed = peer.content;
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
    if (isCut && this.#fencing !== 'dont-care') this.#cutOff(side);
    if (side.isUp && this.#asksForFate(side)) this.#callHandler(side, then);
    else then();
  }

  /** Part of a promotion: the other half is taken for dead. */
  #cutOff(side: Side): void {
    const { node } = side;
    if (this.#carries()) this.#news.observe({ kind: 'cutOff', node, resource: this.resource });
    this.#disconnect(side);
  }

  /** Not connected, and nobody has said what becomes of the other disk. */
  #lacksFate({ link, peerDisk }: Side): boolean {
    return this.#fencing !== 'dont-care' && !isLinkedState(link) && peerDisk === 'DUnknown';
  }

  /** drbd_nl.c, conn_try_outdate_peer: "Not fencing peer, I'm not even Consistent myself". */
  #asksForFate(side: Side): boolean {
    return this.#lacksFate(side) && (side.disk === 'UpToDate' || side.disk === 'Consistent');
  }

  /** A promotion needs to know it; a forced one makes it up ("Forced into split brain situation!"). */
  #knowsFate(side: Side, forced: boolean): boolean {
    if (!this.#lacksFate(side)) return true;
    if (!forced) return false;
    side.peerDisk = 'Outdated';
    this.#news.observe({ kind: 'fateKnown', node: side.node, resource: this.resource });
    return true;
  }

  /** An answer is void when the connection has come and gone meanwhile. */
  #callHandler(side: Side, then: () => void): void {
    const { turn } = side;
    const isVoid = (): boolean => !side.isUp || side.turn !== turn;
    const answer = (exit: number): void => {
      if (!isVoid()) this.#takeExit(side, exit);
      then();
    };
    this.#news.handler(side.node, { resource: this.resource, answer, isVoid });
  }

  /** drbd_nl.c, conn_try_outdate_peer. */
  #takeExit(side: Side, exit: number): void {
    if (exit === 3) side.peerDisk = 'Inconsistent';
    const isDown = exit === 5 && side.disk === 'UpToDate';
    if (exit === 4 || exit === 7 || isDown) side.peerDisk = 'Outdated';
    if (exit === 6 && side.role === 'Secondary') this.#setDisk(side, 'Outdated');
    if (side.peerDisk !== 'DUnknown') {
      side.isHeldBack = false;
      this.#news.observe({ kind: 'fateKnown', node: side.node, resource: this.resource });
    }
    this.#changed(side.node);
  }

  /** `drbdadm resume-io`: by tandemd, or by a person who has made sure that the other node is off. */
  resumeIo(node: string, by: 'tandemd' | 'person'): void {
    const side = this.#side(node);
    if (!side.isHeldBack) return;
    this.#news.observe({ kind: 'resumed', node, resource: this.resource, by });
    side.isHeldBack = false;
    this.#changed(node);
  }

  /** `drbdadm outdate`. */
  outdate(node: string): 'outdated' | 'inconsistent' | 'primary' | 'failed' {
    const side = this.#side(node);
    if (side.role === 'Primary') return 'primary';
    if (!side.isUp || isLinkedState(side.link)) return 'failed';
    // "Disk state is lower than outdated" (-16): no mark is written, a disk may come back as it was.
    if (isDiskless(side) || side.disk === 'Inconsistent') return 'inconsistent';
    this.#setDisk(side, 'Outdated');
    this.#changed(node);
    return 'outdated';
  }

  demote(node: string): void {
    const side = this.#side(node);
    if (side.role === 'Secondary') return;
    side.isHeldBack = false;
    side.role = 'Secondary';
    side.exposed = null;
    this.#changed(node);
    this.#changed(this.#peerOf(side).node);
  }

  write(node: string): WriteOutcome {
    const side = this.#side(node);
    const peer = this.#peerOf(side);
    if (!side.isUp || side.role !== 'Primary') return { kind: 'refused' };
    const isLinked = isLinkedState(side.link);
    if (isLinked ? !this.#carries() : side.isHeldBack) return { kind: 'blocked' };
    const holder = this.#holder(side);
    if (holder === null) return { kind: 'refused' };
    const other = holder === side ? peer : side;
    const content = this.#lineage.write(holder.content);
    holder.content = content;
    if (side.exposed !== null) side.exposed = content;
    const isMirrored = side.link === 'Connected' && other.disk === 'UpToDate';
    if (isMirrored) other.content = content;
    return { kind: 'acknowledged', content, alone: !isMirrored };
  }

  /** The half whose disk serves this node; null when none does. */
  #holder(side: Side): Side | null {
    if (side.disk === 'UpToDate') return side;
    const peer = this.#peerOf(side);
    return isLinkedState(side.link) && peer.disk === 'UpToDate' ? peer : null;
  }

  /** Tells the daemon of the node, and a user whose data is gone. */
  #changed(node: string): void {
    this.#news.changed(node);
    const side = this.#side(node);
    if (side.isUp && side.role === 'Primary' && this.#holder(side) === null) {
      this.#news.ioError(node);
    }
  }

  /** What `drbdadm get-gi` says on this node; null without a disk. */
  generation(node: string): string | null {
    const side = this.#side(node);
    if (isDiskless(side)) return null;
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
    if (side.role === 'Primary' && side.disk === 'UpToDate') side.wasAlone = true;
    this.#isLinked = false;
    this.#ask(side);
    this.#changed(side.node);
    const peer = this.#peerOf(side);
    // The other end is told, if it can be: its socket is closed.
    if (this.#reachable() && isLinkedState(peer.link)) this.#disconnect(peer);
    this.#seekConnection();
  }

  /** A Primary that has lost its connection finds out what becomes of the other disk. */
  #ask(side: Side): void {
    if (side.role !== 'Primary' || !this.#asksForFate(side)) return;
    side.isHeldBack = this.#fencing === 'resource-and-stonith';
    this.#callHandler(side, () => undefined);
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
    this.#compare(a, b, false);
  }

  /** Both kernels look at what each other has, and act upon it. */
  #compare(a: Side, b: Side, isAttached: boolean): void {
    const meeting = meet(a, b, isAttached);
    this.#isLinked = meeting.kind !== 'standAlone';
    if (meeting.kind === 'standAlone') this.#standAlone(a, b);
    else {
      this.#news.observe({ kind: 'connected', resource: this.resource });
      for (const side of [a, b]) {
        side.peerDisk = 'DUnknown';
        side.isHeldBack = false;
      }
      if (meeting.kind === 'sync') this.#sync(meeting);
      else this.#connect(a, b);
    }
    this.#changed(a.node);
    this.#changed(b.node);
  }

  #standAlone(a: Side, b: Side): void {
    for (const side of [a, b]) {
      side.turn += 1;
      const wasLinked = isLinkedState(side.link);
      if (wasLinked && side.role === 'Primary') side.wasAlone = true;
      side.link = 'StandAlone';
      if (wasLinked) this.#ask(side);
    }
  }

  /** Nothing to copy. A disk in doubt counts as good then (sanitize_state in drbd_state.c). */
  #connect(a: Side, b: Side): void {
    const isWhole = !isDiskless(a) && !isDiskless(b);
    for (const side of [a, b]) {
      side.link = 'Connected';
      side.discards = false;
      if (isWhole) side.wasAlone = false;
      if (side.disk === 'Consistent' || side.disk === 'Outdated') this.#setDisk(side, 'UpToDate');
    }
  }

  #sync({ source, target, discards }: Extract<Meeting, { kind: 'sync' }>): void {
    const { resource } = this;
    if (discards) {
      const [lost, kept] = [target.content, source.content];
      const [node, survivor] = [target.node, source.node];
      this.#news.observe({ kind: 'discarded', node, survivor, resource, lost, kept });
    }
    source.link = 'SyncSource';
    target.link = 'SyncTarget';
    this.#setDisk(source, 'UpToDate');
    this.#setDisk(target, 'Inconsistent');
    target.syncs += 1;
    const { turn, syncs } = target;
    const isOver = (): boolean =>
      target.turn !== turn || target.syncs !== syncs || target.link !== 'SyncTarget';
    const finish = (): void => {
      if (isOver()) return;
      if (!this.#carries()) {
        this.#queue.after(this.#timing.detectMs, finish);
        return;
      }
      target.content = source.content;
      this.#setDisk(target, 'UpToDate');
      this.#connect(source, target);
      this.#news.observe({ kind: 'synced', resource, from: source.node, to: target.node });
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

function isLinkedState(link: Side['link']): boolean {
  return link === 'Connected' || link === 'SyncSource' || link === 'SyncTarget';
}
