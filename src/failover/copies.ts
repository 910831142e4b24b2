/**
 * S4: is the copy on this node's disk as new as any? DRBD calls a disk UpToDate as long as it has
 * no better word, also a disk that lacks what the other node wrote while they were not connected.
 *
 *     current   DRBD was connected to a good copy, or this node writes itself
 *     behind    the other node said that it was Primary without a connection, or that it wrote alone
 *               once and nobody has made up for that: it has more
 *     unknown   it was current, and the other node went out of sight: if it lives, a connection
 *               will tell; if it is off, this copy is used, as in every takeover
 *     untold    no connection since this run began, or since the other was restarted. It may have
 *               been the other that wrote last, and been switched off after that: a power device
 *               cannot tell. A connection does, or a person ("tandem fence confirm")
 *
 * `behind` outlives a restart: the writes that are missing here do so, too. So does `ahead`, also
 * beside `behind` where both nodes wrote alone: this node wrote alone, nobody else can have it all,
 * and it may start alone again - unless the other one, heard and not connected, says the same (both are
 * `behind` then, and a person chooses) or counts its own copy as the newest; and unless the kernel finds,
 * when the disk comes, nothing on it that the other one lacks.
 *
 * A connection to a half without a disk carries writes, and compares nothing: what is written is on
 * the other half only, and nothing that was in doubt before is settled by it.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import type { DrbdReport, Report } from '../heartbeat/report.js';
import { isOff } from './clearance.js';
import { APART, connectedAfter, LINKED, MIRRORED, SERVED } from './drbd-connections.js';
import { halfOf, isHalf, mayHaveHalf, otherHalf, otherHalves } from './halves.js';
import { isAlive } from './membership.js';
import { usesDrbd } from './spec.js';
import type { Copy, Group, Peer, Stamp, State } from './state.js';
import type { Turn } from './turn.js';

/** Disks that serve nothing (any more): drbd(8), "disk states". */
export const NO_DATA: readonly string[] = ['Diskless', 'Failed', 'Detaching'];

/** Disks that hold data, good or old. */
const DATA: readonly string[] = ['UpToDate', 'Consistent', 'Outdated', 'Inconsistent'];

/** What a copy is before anything was heard. */
const UNTOLD_COPY: Copy = { kind: 'untold', than: null, ahead: false };
const UNKNOWN_COPY: Copy = { kind: 'unknown', than: null, ahead: false };

/**
 * Takes in what DRBD says. A connection that comes up with a good copy is the kernels' own word
 * that nothing is missing: what reports said before that moment is over.
 */
export function onDrbd(turn: Turn, read: readonly DrbdFacts[]): void {
  for (const facts of read) {
    const before = turn.state.drbd[facts.resource];
    if (hasData(facts) && (before === undefined || !hasData(before))) doubtAhead(turn, facts);
    if (!isCaughtUp(facts) || (before !== undefined && isCaughtUp(before))) continue;
    const stamps = turn.peers.flatMap(({ name, report, life }) =>
      report === null ? [] : [[name, stampOf(life)] as const],
    );
    turn.update({
      relinks: { ...turn.state.relinks, [facts.resource]: Object.fromEntries(stamps) },
    });
  }
  turn.update({
    drbd: Object.fromEntries(read.map((facts) => [facts.resource, facts])),
    connectedMs: connectedAfter(turn, read),
  });
}

/** A disk is attached, whatever it is worth: drbd(8), "disk states". */
function hasData({ disk }: DrbdFacts): boolean {
  return DATA.includes(disk);
}

/**
 * A disk has come, also at the start of this run. That this node wrote alone is an old story when the
 * kernel finds nothing here that the other disk lacks: they were connected while nobody here saw it,
 * and the other one may have written since.
 */
function doubtAhead(turn: Turn, facts: DrbdFacts): void {
  const { resource, role, connection, volumes } = facts;
  const copy = turn.state.copies[resource];
  if (copy?.ahead !== true || role === 'Primary') return;
  const isCompared = !APART.includes(connection) && !isPeerDiskless(facts);
  if (isCompared || volumes.some((volume) => volume.outOfSyncBytes !== 0)) return;
  const doubted: Copy = copy.kind === 'behind' ? { ...copy, ahead: false } : UNTOLD_COPY;
  turn.update({ copies: { ...turn.state.copies, [resource]: doubted } });
}

function isCaughtUp(facts: DrbdFacts): boolean {
  return LINKED.includes(facts.connection) && isGood(facts) && !isPeerDiskless(facts);
}

function isDiskless({ disk }: DrbdFacts): boolean {
  return NO_DATA.includes(disk);
}

function isPeerDiskless({ volumes }: DrbdFacts): boolean {
  return volumes.some(({ peerDisk }) => NO_DATA.includes(peerDisk));
}

function stampOf({ generation, sequence }: Stamp): Stamp {
  return { generation, sequence };
}

/** True when the newest report of a node is from before the last connection came up. */
function isBeforeRelink(state: State, own: DrbdFacts, peer: Peer): boolean {
  const stamp = state.relinks[own.resource]?.[peer.name];
  return stamp !== undefined && peer.report !== null && isSameStamp(stamp, peer.life);
}

function isSameStamp(a: Stamp, b: Stamp): boolean {
  return a.sequence === b.sequence && a.generation === b.generation;
}

/** True when the newest report of a node is one that a connection has made old: the next is news. */
export function isMarked({ relinks }: State, peer: string, newest: Stamp): boolean {
  for (const stamps of Object.values(relinks)) {
    const stamp = stamps[peer];
    if (stamp !== undefined && isSameStamp(stamp, newest)) return true;
  }
  return false;
}

/** Brings the knowledge of every copy up to date; says aloud when one falls behind. */
export function reviewCopies(turn: Turn): void {
  for (const facts of Object.values(turn.state.drbd)) {
    const before = turn.state.copies[facts.resource] ?? UNTOLD_COPY;
    const now = copyNow(turn.state, facts, before);
    const isSame = now.kind === before.kind && now.than === before.than;
    if (isSame && now.ahead === before.ahead) continue;
    turn.update({ copies: { ...turn.state.copies, [facts.resource]: now } });
    noteSince(turn, facts.resource, now, isSame);
    if (now.kind === 'behind' && !isSame) {
      const sentence = isDiskless(facts)
        ? `${turn.self} has no disk below DRBD resource ${facts.resource}: what is written now is ` +
          `on the disk of ${now.than ?? 'another node'} only, and one that comes back lacks it`
        : behindSentence(turn.self, facts.resource, now.than);
      turn.say('warn', `${sentence}; it is not used until DRBD has made up for it`);
    }
  }
}

/** Keeps since when another node has more; forgotten when that is made up for. */
function noteSince(turn: Turn, resource: string, { kind }: Copy, isSame: boolean): void {
  if (kind === 'behind' && isSame) return;
  const { behindSince, wallAheadMs } = turn.state;
  const others = Object.entries(behindSince).filter(([name]) => name !== resource);
  const isKnown = kind === 'behind' && wallAheadMs !== null;
  const since = isKnown ? { [resource]: Math.round(turn.nowMs + wallAheadMs) } : {};
  turn.update({ behindSince: { ...Object.fromEntries(others), ...since } });
}

function copyNow(state: State, own: DrbdFacts, before: Copy): Copy {
  // The other node's word is newer than our kernel's belief in a connection that may be dead.
  const writer = aloneWriter(state, own, before);
  if (writer !== null) return { kind: 'behind', than: writer, ahead: before.ahead };
  const oneSided = oneSidedCopy(state, own, before);
  if (oneSided !== null) return oneSided;
  const isPrimary = own.role === 'Primary';
  // Our kernel may still believe in a connection that is dead: the other must say so, too.
  if (before.kind === 'behind' && !isPrimary && !isAgreed(state, own, before)) return before;
  // A Primary without a good disk of its own works with the other node's. Found so at the start, it may
  // have done that for as long as no daemon ran here.
  if (isPrimary && isDiskless(own) && before.kind === 'untold') {
    return behindTheOther(state, own.resource);
  }
  if (isPrimary && !isGood(own)) return before;
  if (isMadePrimaryInSplit(state, own, before)) return before;
  if (before.kind === 'behind' && isHalfWay(state, own.resource)) return before;
  if (isPrimary || (isCaughtUp(own) && !isDenied(state, own))) {
    return { kind: 'current', than: null, ahead: isAhead(own, before) };
  }
  if (before.kind !== 'current' || before.ahead) return before;
  return isAnyOutOfSight(state, own) ? UNKNOWN_COPY : before;
}

/** What is written is on the other half only. */
function behindTheOther(state: State, resource: string): Copy {
  return { kind: 'behind', than: otherHalf(state, resource)?.name ?? null, ahead: false };
}

/** Connected, in use, and one half has no disk: from here on only the other one has everything. */
function oneSidedCopy(state: State, own: DrbdFacts, before: Copy): Copy | null {
  const isWritten = own.role === 'Primary' || own.peerRole === 'Primary';
  if (!isWritten || !SERVED.includes(own.connection)) return null;
  if (isDiskless(own)) {
    // Both without: nothing can be written.
    const isServed = own.volumes.every(({ peerDisk }) => peerDisk === 'UpToDate');
    if (!isServed) return null;
    return behindTheOther(state, own.resource);
  }
  if (!isPeerDiskless(own) || !isGood(own)) return null;
  // An old disk that came back while the other one broke: there is nothing to compare it with.
  if (before.kind === 'behind') return before;
  return { kind: 'current', than: null, ahead: true };
}

/**
 * Made Primary by hand while a split brain is known: somebody looks into the data. That chooses no
 * side; a person does, with "tandem split-brain resolve".
 */
function isMadePrimaryInSplit(state: State, own: DrbdFacts, before: Copy): boolean {
  const isSplit = state.splits[own.resource] !== undefined && !LINKED.includes(own.connection);
  return isSplit && before.kind !== 'current' && !isServed(state, own.resource);
}

/** A group runs on it, or is being started by a person's order to use this very copy. */
function isServed({ groups, forces }: State, resource: string): boolean {
  return Object.values(groups).some(
    ({ spec, life }) =>
      (life === 'started' || (life === 'starting' && forces[spec.name]?.end === null)) &&
      usesDrbd(spec, resource),
  );
}

/**
 * The promotion was under way when the other node's word came: nothing was written yet, and nothing
 * is going to be (oldDataReason), unless a person has ordered it.
 */
function isHalfWay({ groups, forces }: State, resource: string): boolean {
  return Object.values(groups).some(
    ({ spec, life }) =>
      life !== 'started' &&
      life !== 'stopped' &&
      forces[spec.name]?.end !== null &&
      usesDrbd(spec, resource),
  );
}

/** S4: what is being started here stands on a disk that turned out to be old, or null. */
export function oldDataReason(state: State, { spec, life }: Group): string | null {
  if (life !== 'starting' || state.forces[spec.name]?.end === null) return null;
  for (const entry of spec.resources) {
    if (entry.kind !== 'drbd') continue;
    const { resource } = entry;
    const copy = state.copies[resource];
    const disk = state.drbd[resource]?.disk ?? 'Unknown';
    // One that is Inconsistent or gone is not read: the other node's is.
    if (copy?.kind !== 'behind' || NO_DATA.includes(disk) || disk === 'Inconsistent') continue;
    return behindSentence(state.spec.self, resource, copy.than);
  }
  return null;
}

/** Wrote alone, and the other has not made up for it yet. */
function isAhead(own: DrbdFacts, before: Copy): boolean {
  return !MIRRORED.includes(own.connection) && (own.role === 'Primary' || before.ahead);
}

/**
 * True when the other half of a resource is out of sight, and nothing is known of it since: also
 * one that was not heard at all, because only the replication reached this node.
 */
function isAnyOutOfSight(state: State, own: DrbdFacts): boolean {
  return otherHalves(state, own.resource).some(
    (peer) => peer.verdict === 'dead' && peer.clearance === null && mayHaveHalf(peer, own.resource),
  );
}

/**
 * A split brain is found: the other half has writes of its own, whatever its node knows of that. The
 * side that serves goes on; one that only did so once is chosen by nobody but a person (S4).
 */
export function disputeCopy(turn: Turn, resource: string): void {
  const { copies, drbd } = turn.state;
  const copy = copies[resource];
  if (copy?.ahead !== true || copy.kind === 'behind' || drbd[resource]?.role === 'Primary') return;
  turn.update({ copies: { ...copies, [resource]: UNTOLD_COPY } });
}

/**
 * Another node was restarted: what it wrote before is not known, unless DRBD is connected by the word
 * of both. Nor is it when a node tells of its half for the first time, and that is not connected,
 * although our kernel says so: that connection may have been dead since before this run.
 */
export function doubtCopies(turn: Turn, before: Report | null, report: Report): void {
  const isRestart = before !== null && report.generation !== before.generation;
  for (const facts of Object.values(turn.state.drbd)) {
    if (!isHalf(turn.state, report.node, facts.resource)) continue;
    const isLinked = LINKED.includes(facts.connection);
    const isDenied = isLinked && isApart(report, facts.resource);
    const isFirstTold = halfOf(before, facts.resource) === undefined;
    if (!isRestart && !(isFirstTold && isDenied)) continue;
    const isCompared = isLinked && !isDenied && !isPeerDiskless(facts);
    const isSure = facts.role === 'Primary' || isCompared;
    const copy = turn.state.copies[facts.resource];
    if (isSure || copy?.ahead === true || copy?.kind === 'behind') continue;
    turn.update({ copies: { ...turn.state.copies, [facts.resource]: UNTOLD_COPY } });
  }
}

/** Who has more says, too, that the two are connected; whoever has the other half, where that is not known. */
function isAgreed(state: State, own: DrbdFacts, { than }: Copy): boolean {
  return Object.values(state.peers).some((peer) => {
    if (than !== null && peer.name !== than) return false;
    const theirs = halfOf(peer.report, own.resource);
    if (theirs === undefined) return false;
    if (isBeforeRelink(state, own, peer)) return true;
    return !NO_DATA.includes(theirs.disk) && LINKED.includes(theirs.connection);
  });
}

/** Our kernel believes in a connection, and the node at its other end has none. */
function isDenied(state: State, own: DrbdFacts): boolean {
  return Object.values(state.peers).some((peer) => {
    return isAlive(peer) && isApart(peer.report, own.resource) && !isBeforeRelink(state, own, peer);
  });
}

function isApart(report: Report | null, resource: string): boolean {
  const theirs = halfOf(report, resource);
  return theirs !== undefined && APART.includes(theirs.connection);
}

function isGood(own: DrbdFacts): boolean {
  return own.disk === 'UpToDate';
}

/** The node that has writes that our disk lacks, by its newest report, while we are not Primary. */
function aloneWriter(state: State, own: DrbdFacts, before: Copy): string | null {
  if (own.role === 'Primary') return null;
  for (const peer of Object.values(state.peers)) {
    const theirs = halfOf(peer.report, own.resource);
    if (theirs === undefined || isBeforeRelink(state, own, peer)) continue;
    if (isWritingAlone(theirs, before) || hasWrittenAlone(theirs)) return peer.name;
  }
  return null;
}

/**
 * Primary without a connection. One that has no disk, or none that is whole, wrote nothing since, but
 * may have before, unless we had it all when the disk went.
 */
function isWritingAlone({ role, connection, disk }: DrbdReport, { ahead }: Copy): boolean {
  if (role !== 'Primary' || SERVED.includes(connection)) return false;
  return !ahead || !(NO_DATA.includes(disk) || disk === 'Inconsistent');
}

/** Wrote alone once: what a connection without its disk does not bring here. */
function hasWrittenAlone({ ahead, connection, disk }: DrbdReport): boolean {
  return ahead === true && (!SERVED.includes(connection) || NO_DATA.includes(disk));
}

function behindSentence(self: string, resource: string, than: string | null): string {
  return (
    `${than ?? 'another node'} was Primary of DRBD resource ${resource} without a connection, ` +
    `so it has writes that the disk of ${self} lacks`
  );
}

/** What a person can do about it, where a connection does not bring those writes. */
function behindCure(state: State, resource: string, { than, ahead }: Copy): string {
  const peer = than === null ? undefined : state.peers[than];
  if (peer === undefined || !isAlive(peer)) return '';
  const disk = halfOf(peer.report, resource)?.disk ?? '';
  if (NO_DATA.includes(disk)) {
    return (
      `; its disk is ${disk} now: mend that, or, to go on without those writes, switch ${peer.name} off ` +
      'and see "tandem move --help" (--force-old-data)'
    );
  }
  if (!ahead) return '';
  return (
    `, and the other way round (split brain): a person must choose, see "tandem split-brain inspect ` +
    `${resource}"`
  );
}

/** Why the copy on this node must not be promoted, or null. */
export function copyObjection(state: State, resource: string): string | null {
  const copy = state.copies[resource] ?? UNTOLD_COPY;
  const { self } = state.spec;
  if (copy.kind === 'untold') return untoldObjection(state, resource);
  if (copy.kind === 'behind') {
    return behindSentence(self, resource, copy.than) + behindCure(state, resource, copy);
  }
  if (copy.kind === 'current') return copy.ahead ? splitObjection(state, resource) : null;
  for (const peer of otherHalves(state, resource)) {
    const isThere = halfOf(peer.report, resource) !== undefined;
    // A node that has left may still run its half of DRBD: only one that is off cannot tell.
    if (!isThere || isOff(peer) || (peer.verdict === 'dead' && peer.clearance === null)) continue;
    return (
      `it is not known whether ${self} or ${peer.name} has the newer copy of DRBD resource ` +
      `${resource}: ${whyNotCompared(state, resource, peer)}`
    );
  }
  return null;
}

/** What keeps DRBD from comparing the disk here with that of another node. */
function whyNotCompared(state: State, resource: string, peer: Peer): string {
  if (!isMissingDisk(state, resource)) return 'they are not connected';
  return `${peer.name} has no disk to compare with`;
}

/** Connected, and there is nothing at the other end. */
function isMissingDisk({ drbd }: State, resource: string): boolean {
  const own = drbd[resource];
  return own !== undefined && LINKED.includes(own.connection) && isPeerDiskless(own);
}

/**
 * This node wrote alone, and another half counts its copy as the newest, too, while the two are not
 * connected: had it seen that this one wrote alone, it would not. So it wrote alone, too.
 */
function splitObjection(state: State, resource: string): string | null {
  const own = state.drbd[resource];
  if (own !== undefined && LINKED.includes(own.connection) && !isPeerDiskless(own)) return null;
  for (const peer of Object.values(state.peers)) {
    const theirs = isAlive(peer) ? halfOf(peer.report, resource) : undefined;
    if (theirs?.disk !== 'UpToDate' || LINKED.includes(theirs.connection)) continue;
    return (
      `${state.spec.self} and ${peer.name} each wrote to DRBD resource ${resource} alone (split ` +
      `brain): a person must choose, see "tandem split-brain inspect ${resource}"`
    );
  }
  return null;
}

/** Another half that might have written last, and that neither DRBD nor a person has told about. */
function untoldObjection(state: State, resource: string): string | null {
  const { self } = state.spec;
  for (const peer of otherHalves(state, resource)) {
    if (peer.clearance?.kind === 'confirmed') continue;
    const cure = isAlive(peer) || isMissingDisk(state, resource)
      ? whyNotCompared(state, resource, peer)
      : `they have not been connected since ${self} started. Start ${peer.name}, or, if it is ` +
        `off and did not write last: tandem fence confirm ${peer.name}`;
    return (
      `it is not known whether ${self} or ${peer.name} has the newer copy of DRBD resource ` +
      `${resource}: ${cure}`
    );
  }
  return null;
}

/** The disk as others should count on it: DRBD's own words for a copy in doubt. */
export function reportedDisk(state: State, facts: DrbdFacts): string {
  const copy = state.copies[facts.resource] ?? UNTOLD_COPY;
  if (facts.disk !== 'UpToDate' || copy.kind === 'current') return facts.disk;
  return copy.kind === 'behind' ? 'Outdated' : 'Consistent';
}
