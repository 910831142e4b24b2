/**
 * Another configuration while the node runs: taken as a whole or not at all.
 *
 *     group          edit                                what happens
 *     ---------------------------------------------------------------------------------------------
 *     any            nodes, failback, aliases            taken; a move follows the usual rules
 *     new            added                               looked at, then started by the usual rules
 *     at rest        resources added, removed, changed   taken; looked at anew
 *     active here    resources added, removed, changed   refused: disable it first
 *     active         removed                             refused: disable it first
 *     stopped        removed                             forgotten, with its orders
 *     (leaving)      anything                            refused: the next start reads the file
 *
 * Nodes are reloaded one after the other, so for a while they differ (S9): a group goes on where it
 * runs, and nobody takes over from a node with another configuration. Timing is the one thing that
 * must not differ for a moment: a node that says "dead" after a second must not meet one that
 * speaks every two. Until every node has the same configuration the faster pace is kept and the
 * longer patience, of the old and the new.
 */
import { describeReload } from './reload-preview.js';
import { incompatibility } from './membership.js';
import { isKnownKey } from './orders.js';
import type { ClusterSpec } from './spec.js';
import { newGroup, type Group, type Peer, type State } from './state.js';
import type { Turn } from './turn.js';
import { lives, refuse, type Verdict } from './verdict.js';

type Timing = ClusterSpec['heartbeat'];

/** Why the configuration cannot be taken now; empty when it can. */
export function objectionsToReload(turn: Turn, next: ClusterSpec): readonly string[] {
  const { spec, phase } = turn.state;
  // What it would find in a group that is new here has no place in its last word (S2).
  if (phase === 'leaving' || phase === 'left') {
    return [`${turn.self} is leaving; the next start of tandemd reads the file`];
  }
  const fixed: readonly string[] = [
    ...(spec.cluster === next.cluster ? [] : ['the name of the cluster']),
    ...(spec.self === next.self ? [] : ['the name of this node']),
    ...(spec.nodes.join() === next.nodes.join() ? [] : ['the nodes']),
  ];
  const words = fixed.map((what) => `${what} cannot be changed while tandemd runs`);
  return [...words, ...turn.groups.flatMap((group) => objectionToGroup(turn, group, next))];
}

function objectionToGroup(turn: Turn, group: Group, next: ClusterSpec): readonly string[] {
  const { name } = group.spec;
  const after = next.groups.find((entry) => entry.name === name);
  const cure = `first: tandem disable ${name}`;
  if (after === undefined) {
    const isActive = lives(turn, group).some((life) => life !== undefined && life !== 'stopped');
    return isActive ? [`group ${name} is removed and does not rest; ${cure}`] : [];
  }
  if (sameResources(group, after) || group.life === 'stopped') return [];
  return [`the resources of ${name} differ and it is ${group.life} on ${turn.self}; ${cure}`];
}

function sameResources(group: Group, after: Group['spec']): boolean {
  return JSON.stringify(group.spec.resources) === JSON.stringify(after.resources);
}

/** Takes the configuration, or refuses it as a whole. */
export function judgeReload(turn: Turn, next: ClusterSpec): Verdict {
  const objections = objectionsToReload(turn, next);
  if (objections.length > 0) {
    return refuse(`The configuration is not taken: ${objections.join('; ')}`);
  }
  const message = describeReload(turn.state.spec, next);
  const readable = turn.peers.filter((peer) => isReadable(turn.state, peer));
  turn.update({
    spec: { ...next, heartbeat: bothTimings(turn.state.spec.heartbeat, next.heartbeat) },
    timingToCome: next.heartbeat,
    groups: Object.fromEntries(next.groups.map((spec) => [spec.name, groupAfter(turn, spec)])),
    goneEpoch: epochOfGone(turn.state, next),
    orders: ordersAfter(turn.state, next),
  });
  for (const { name, report } of readable) {
    if (report === null) continue;
    turn.updatePeer(name, { incompatible: incompatibility(turn.state, report) });
  }
  return { kind: 'done', message };
}

/** False when the newest words of a node cannot be read (S9): what it said before tells nothing now. */
function isReadable(state: State, { report, incompatible }: Peer): boolean {
  return report !== null && incompatible === incompatibility(state, report);
}

function groupAfter(turn: Turn, spec: Group['spec']): Group {
  const group = turn.group(spec.name);
  if (group === undefined) return newGroup(spec, turn.state.goneEpoch);
  if (sameResources(group, spec)) return { ...group, spec };
  const { grant, barred, epoch, epochSeen } = group;
  return { ...newGroup(spec, epochSeen), epoch, grant, barred };
}

/** A grant to a claim of before the removal must not be read as one to a claim of after it (S2). */
function epochOfGone({ groups, goneEpoch }: State, next: ClusterSpec): number {
  const gone = Object.values(groups).filter(({ spec }) => !next.groups.some(({ name }) => name === spec.name));
  return Math.max(goneEpoch, ...gone.map(({ epochSeen }) => epochSeen));
}

/** Orders for a group, or for a DRBD resource, that is no more go with it. */
function ordersAfter({ orders }: State, next: ClusterSpec): State['orders'] {
  return Object.fromEntries(Object.entries(orders).filter(([key]) => isKnownKey(next, key)));
}

function bothTimings(before: Timing, next: Timing): Timing {
  return {
    ...next,
    keepaliveMs: Math.min(before.keepaliveMs, next.keepaliveMs),
    warntimeMs: Math.max(before.warntimeMs, next.warntimeMs),
    deadtimeMs: Math.max(before.deadtimeMs, next.deadtimeMs),
    initdeadMs: Math.max(before.initdeadMs, next.initdeadMs),
  };
}

/** Goes over to the new timing alone when every node that may be heard has it. */
export function adoptTiming(turn: Turn): void {
  const { spec, timingToCome } = turn.state;
  if (timingToCome === null) return;
  const differs = turn.peers.some(
    (peer) => peer.clearance === null && peer.report?.digest !== spec.digest,
  );
  if (differs) return;
  turn.update({ spec: { ...spec, heartbeat: timingToCome }, timingToCome: null });
  turn.say('info', `Every node has configuration ${spec.digest} now`);
}
