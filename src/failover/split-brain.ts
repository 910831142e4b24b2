/**
 * A split brain as this node can tell it: its own half, and the other half as its node's newest
 * report has it. Found from the generation identifiers of both, said aloud once, and taken back
 * when it is over.
 */
import type { Connection, DrbdFacts } from '../drbd/facts.js';
import { parseGenerations } from '../drbd/generation.js';
import {
  inspectResource,
  isCarrying,
  type ResourceInspection,
  type SideEvidence,
  type VolumeEvidence,
} from '../drbd/split-brain.js';
import { connectionWord, diskWord, roleWord } from '../drbd/words.js';
import type { Report, SideReport } from '../heartbeat/report.js';
import { disputeCopy } from './copies.js';
import { groupUsing, halfOf, otherHalf } from './halves.js';
import { isHeard } from './membership.js';
import type { Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** Takes in what the daemon read of this node's half. */
export function onSide(turn: Turn, resource: string, side: State['sides'][string] | null): void {
  const others = without(turn.state.sides, resource);
  turn.update({ sides: side === null ? others : { ...others, [resource]: side } });
}

/** This node's half, as far as it is known. */
export function ownSide(state: State, resource: string): SideEvidence | null {
  const facts = state.drbd[resource];
  if (facts === undefined) return null;
  const { role, connection, disk } = facts;
  const volumes = evidenceOf(state.sides[resource]?.volumes ?? []).map((told): VolumeEvidence => {
    const now = facts.volumes.find(({ volume }) => volume === told.volume);
    return { ...told, outOfSyncBytes: now?.outOfSyncBytes ?? told.outOfSyncBytes };
  });
  return { node: state.spec.self, role, connection, disk, volumes };
}

/** The half of another node by its newest report, while that can be relied upon. */
export function peerSide(peer: Peer, resource: string): SideEvidence | null {
  if (!isHeard(peer) || peer.report === null) return null;
  const told = halfOf(peer.report, resource);
  if (told === undefined) return null;
  const side = peer.report.sides?.find((entry) => entry.resource === resource);
  const role = roleWord(told.role);
  const disk = diskWord(side?.disk ?? told.disk);
  return {
    node: peer.name,
    role: role.known ? role.word : 'Unknown',
    connection: connectionOf(told.connection),
    disk: disk.known ? disk.word : 'Unknown',
    volumes: evidenceOf(side?.volumes ?? []),
  };
}

function connectionOf(text: string): Connection {
  const { known, word } = connectionWord(text);
  if (!known || word === 'Off' || word === 'Unconfigured') return 'Unknown';
  if (word === 'Established') return 'Connected';
  return word === 'Connecting' ? 'WFConnection' : word;
}

/** What was read of volumes: the same ones are told again and again. */
const evidence = new WeakMap<SideReport['volumes'], readonly VolumeEvidence[]>();

function evidenceOf(volumes: SideReport['volumes']): readonly VolumeEvidence[] {
  const known = evidence.get(volumes);
  if (known !== undefined) return known;
  const read = volumes.flatMap(({ volume, generation, outOfSyncBytes }) => {
    const [ids] = parseGenerations(generation).generations;
    return ids === undefined ? [] : [{ volume, ids, outOfSyncBytes }];
  });
  evidence.set(volumes, read);
  return read;
}

/** What the node of the other half says of it. */
interface Told {
  readonly peer: string;
  readonly drbd: Report['drbd'] | undefined;
  readonly sides: Report['sides'];
}

/** What two halves were compared from, and what came of it. */
interface Compared extends Told {
  readonly self: string;
  readonly side: State['sides'][string] | undefined;
  readonly found: ResourceInspection | null;
}

/** The last comparison with each reading of DRBD: the same halves compare alike. */
const compared = new WeakMap<DrbdFacts, Compared>();

/** Both halves compared; null when there is no other half to compare with. */
export function splitBrainOf(state: State, resource: string): ResourceInspection | null {
  const facts = state.drbd[resource];
  const peer = otherHalf(state, resource);
  if (facts === undefined || peer === null || !isHeard(peer)) return null;
  const { self } = state.spec;
  const told = { peer: peer.name, drbd: peer.report?.drbd, sides: peer.report?.sides };
  const side = state.sides[resource];
  const known = compared.get(facts);
  if (known?.self === self && known.side === side && isSameTold(known, told)) return known.found;
  const own = ownSide(state, resource);
  const theirs = peerSide(peer, resource);
  const found = own === null || theirs === null ? null : inspectResource(resource, own, theirs);
  compared.set(facts, { self, side, ...told, found });
  return found;
}

function isSameTold(a: Told, b: Told): boolean {
  return a.peer === b.peer && a.drbd === b.drbd && a.sides === b.sides;
}

/**
 * Why this node, which wrote alone once, does not start on that: the other half is heard and is not
 * connected, and its identifiers, which tell who is newer, say so or have not come yet (S4).
 */
export function comparisonObjection(state: State, resource: string): string | null {
  const own = state.drbd[resource];
  if (own === undefined || own.role === 'Primary' || isCarrying(own.connection)) return null;
  const peer = otherHalf(state, resource);
  if (state.copies[resource]?.ahead !== true || peer === null || !isHeard(peer)) return null;
  const theirs = halfOf(peer.report, resource);
  if (theirs === undefined || peer.clearance !== null || !HELD.includes(theirs.disk)) return null;
  const found = splitBrainOf(state, resource);
  if (found === null || found.verdict === 'unknown') {
    return (
      `DRBD resource ${resource} is not connected, and ${peer.name} has not told yet what its ` +
      `half holds`
    );
  }
  if (!found.volumes.some(({ comparison }) => comparison.verdict === 'peer-newer')) return null;
  return (
    `${peer.name} has writes of DRBD resource ${resource} that the disk of ${state.spec.self} ` +
    `lacks: connect them, or see "tandem split-brain inspect ${resource}"`
  );
}

/**
 * A disk that a person may choose in a split brain. One that is Consistent has all of its own data, and
 * only lacks the other half to be called UpToDate: so both wake up after an outage, with a fencing policy.
 */
export function isWholeDisk(disk: string | undefined): boolean {
  return disk === 'UpToDate' || disk === 'Consistent';
}

/** What another node says of a disk that holds something. */
const HELD: readonly string[] = ['UpToDate', 'Consistent', 'Outdated'];

/** Says aloud a split brain that was found, and one that is over. */
export function reviewSplitBrains(turn: Turn): void {
  for (const resource of Object.keys(turn.state.drbd)) {
    const known = turn.state.splits[resource];
    if (known === undefined && turn.state.sides[resource] === undefined) continue;
    const found = splitBrainOf(turn.state, resource);
    if (found === null || found.verdict === 'unknown') continue;
    const about = groupAbout(turn.state, resource);
    if (found.fingerprint !== null && found.fingerprint !== known) {
      turn.update({ splits: { ...turn.state.splits, [resource]: found.fingerprint } });
      // The same news with a newer generation of one side is no news.
      if (known !== undefined) continue;
      disputeCopy(turn, resource);
      const sentence = `DRBD resource ${resource}: ${found.sentence}`;
      turn.say('error', `${sentence}; see "tandem split-brain inspect ${resource}"`, about);
    } else if (found.fingerprint === null && known !== undefined) {
      turn.update({ splits: without(turn.state.splits, resource) });
      turn.say('info', `DRBD resource ${resource} is no longer split: ${found.sentence}`, about);
    }
  }
}

function without<T>(entries: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => key !== name));
}

/** What a sentence about a resource is about. */
export function groupAbout(state: State, resource: string): { readonly group?: string } {
  const group = groupUsing(state, resource);
  return group === undefined ? {} : { group: group.name };
}
