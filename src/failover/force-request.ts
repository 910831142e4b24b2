/** A person asks to start a group with old data: everything that speaks against it, in words. */
import type { OperatorRequest } from '../base/control.js';
import { formatWallTime } from '../base/wall-time.js';
import { forceOf, othersWithCopy } from './force-order.js';
import { dataObjection, objectionTo, wholenessObjection } from './placement.js';
import { isAlive } from './membership.js';
import { isFenceable } from './spec.js';
import type { Force, Group, Peer, PendingRequest, State } from './state.js';
import type { Turn } from './turn.js';
import * as verdicts from './verdict.js';
import type { End, Verdict } from './verdict.js';

type ForceRequest = Extract<OperatorRequest, { kind: 'forceOldData' }>;

/** Checks the request; from then on this node may claim the group. */
export function judgeForce(turn: Turn, request: ForceRequest): Verdict {
  const group = verdicts.findGroup(turn, request.group);
  if (group === null) return verdicts.noSuchGroup(turn, request.group);
  const { name } = group.spec;
  const { node, by, reason } = request;
  if (!group.spec.prefer.includes(node)) return verdicts.noSuch(`node of ${name}`, node, group.spec.prefer);
  if (node !== turn.self) return verdicts.refuse(`Only ${node} can use its own copy: run the command there`);
  const standing = forceOf(turn.state, name);
  const pending = { what: 'force', group: name, node, mode: null } as const;
  if (standing !== null) {
    return { kind: 'follow', message: `${standing.by} has ordered that already: ${standing.loss}`, pending };
  }
  const objection = objectionToForce(turn, group, request);
  if (objection !== null) return objection;
  const loss = lossOf(turn.state, group);
  const before = turn.state.forces;
  const force: Force = { group: name, by, reason, loss, askedMs: turn.nowMs, end: null };
  turn.update({ forces: { ...before, [name]: force } });
  const unfit = objectionTo(turn.state, group, node);
  if (unfit !== null) {
    turn.update({ forces: before });
    return verdicts.refuse(`${name} cannot start on ${node}: ${unfit}`);
  }
  const message = `${by} starts ${name} on ${node} with old data (${reason ?? 'no reason given'}): ${loss}`;
  turn.openOperation(name, turn.nowMs, message);
  return { kind: 'follow', message, pending };
}

function objectionToForce(turn: Turn, group: Group, { loses }: ForceRequest): Verdict | null {
  const { name } = group.spec;
  const held = verdicts.refuseHeld(turn, name, `${name} cannot be started`);
  if (held !== null) return held;
  const holder = verdicts.holderOf(turn, group);
  if (holder !== null) return verdicts.refuse(`${name} is active on ${holder}: there is nothing to be forced`);
  for (const resource of drbdOf(group)) {
    const broken = wholenessObjection(turn.self, resource, turn.state.drbd[resource]);
    if (broken !== null) return verdicts.refuse(`${broken}: it holds no whole copy, and no order makes it one`);
  }
  if (drbdOf(group).every((resource) => dataObjection(turn.state, group, resource) === null)) {
    return verdicts.refuse(`The data of ${turn.self} counts as good: there is nothing to be forced. See "tandem why ${name}"`);
  }
  for (const peer of othersWithCopy(turn.state, group)) {
    const objection = objectionToLoser(turn, peer);
    if (objection !== null) return verdicts.refuse(objection);
  }
  const losers = othersWithCopy(turn.state, group).map((peer) => peer.name);
  if (loses === null || losers.includes(loses)) return null;
  return verdicts.refuse(`It is the data of ${losers.join(', ')} that would be lost, not of "${loses}"`);
}

/** Whoever can be asked for the newer data must be, before it is given up. */
function objectionToLoser(turn: Turn, peer: Peer): string | null {
  const { name, clearance } = peer;
  if (clearance?.kind === 'left') {
    return `${name} has left, and its DRBD may still run: let it connect, or switch it off and then: tandem fence confirm ${name}`;
  }
  if (clearance?.kind === 'back') {
    return `${name} was off, and its DRBD has connected since: start its tandemd, or switch it off and then: tandem fence confirm ${name}`;
  }
  if (clearance !== null) return null;
  if (isAlive(peer)) return `${name} is heard, and has the newer data or may have it: start the group there, or let DRBD connect`;
  if (isFenceable(turn.state.spec, name)) return null;
  return `${name} is silent and has no fence device: once it is off: tandem fence confirm ${name}`;
}

function drbdOf(group: Group): readonly string[] {
  return group.spec.resources.flatMap((entry) => (entry.kind === 'drbd' ? [entry.resource] : []));
}

/** What is lost, per resource, and since when as far as that is known. */
function lossOf(state: State, group: Group): string {
  const { self } = state.spec;
  const loses = othersWithCopy(state, group).map(({ name }) => name).join(' or ');
  return drbdOf(group)
    .flatMap((resource) => {
      if (dataObjection(state, group, resource) === null) return [];
      const copy = state.copies[resource];
      const sinceMs = state.behindSince[resource];
      if (copy?.kind === 'behind') {
        const since = sinceMs === undefined ? '' : ` since ${formatWallTime(sinceMs)} or before`;
        return [`what ${copy.than ?? loses} wrote to ${resource} alone${since} is lost`];
      }
      const disk = state.drbd[resource]?.disk ?? 'Unknown';
      if (disk === 'Outdated') return [`${loses} has newer data of ${resource} (the disk of ${self} is Outdated), and it is lost`];
      return [`what ${loses} wrote to ${resource} after ${self} was last connected is lost, if it wrote anything`];
    })
    .join('; ');
}

/** Done when the group runs; failed when the order was given up. */
export function endOfForce(turn: Turn, request: PendingRequest): End | null {
  const outcome = turn.state.forces[request.group ?? '']?.end;
  if (outcome === undefined) return { ok: false, message: `The order to use old data is gone` };
  if (outcome === null) return null;
  return { ok: outcome.ok, message: `${outcome.message} (${verdicts.tookSince(turn, request)})` };
}
