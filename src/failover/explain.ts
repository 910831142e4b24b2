/**
 * The answer to "why?", out of the very state that decides: the sentence of the decision, the
 * evidence, the other options with the reason against each, and what stands in the way.
 */
import { formatDuration } from '../base/duration.js';
import type { GroupOption, GroupWhy, NodeWhy, WhyAnswer } from '../base/why.js';
import { linkVerdict } from '../heartbeat/liveness.js';
import { blockers } from './clearance.js';
import { copyObjection } from './copies.js';
import { heldWrites } from './held-writes.js';
import { moveKey, orderValue } from './orders.js';
import { objectionTo } from './placement.js';
import { isFenceable } from './spec.js';
import { modeKey, standbySentence } from './standby.js';
import type { Group, Peer, State } from './state.js';
import { Turn } from './turn.js';
import { nodeStatuses, whereIs } from './view.js';

/** Explains every group and every node at `nowMs`. */
export function explain(state: State, nowMs: number): WhyAnswer {
  const turn = new Turn(state, nowMs);
  return {
    schema: 'tandem.why/1',
    self: state.spec.self,
    groups: turn.groups.map((group) => groupWhy(turn, group)),
    nodes: nodeStatuses(state, nowMs).map(({ name, state: light, mode, reason }): NodeWhy => {
      const peer = turn.peer(name);
      return {
        name,
        state: light,
        mode,
        decision: `${name} is ${light}: ${reason}`,
        evidence: peer === undefined ? selfEvidence(turn) : peerEvidence(turn, peer),
        groups: turn.groups.map((group) => {
          const { node, verdict, why } = option(turn, group, name);
          return { group: group.spec.name, why: `${verdict} on ${node}: ${why}` };
        }),
      };
    }),
  };
}

function groupWhy(turn: Turn, group: Group): GroupWhy {
  const { name, prefer } = group.spec;
  const { state, node, reason } = whereIs(turn, group);
  const latest = turn.state.history.findLast((operation) => operation.group === name);
  const others = turn.state.spec.nodes.filter((other) => !prefer.includes(other));
  return {
    name,
    state,
    node,
    decision: `${name} is ${state}${node === null ? '' : ` on ${node}`}: ${reason}`,
    evidence: [
      ...heldWrites(turn, resourcesOf(group)),
      ...turn.peers.flatMap((peer) => peerEvidence(turn, peer)),
      ...groupEvidence(turn, group),
      ...(others.length === 0 ? [] : [`${others.join(', ')} takes no part in ${name}`]),
    ],
    options: prefer.map((candidate) => option(turn, group, candidate)),
    blockers: node === null ? blockersOf(turn, group) : [],
    latest:
      latest === undefined
        ? null
        : { id: latest.id, trigger: latest.trigger, outcome: latest.outcome },
  };
}

function option(turn: Turn, group: Group, node: string): GroupOption {
  const place = whereIs(turn, group);
  if (place.node === node) return { node, verdict: 'runs', why: place.reason };
  const objection = objectionTo(turn.state, group, node);
  if (objection !== null) return { node, verdict: 'rejected', why: objection };
  const position = group.spec.prefer.indexOf(node) + 1;
  return { node, verdict: 'possible', why: `it is number ${String(position)} in preference` };
}

/** Only what can be told from here: another node's own claim has its own blockers. */
function blockersOf(turn: Turn, group: Group): GroupWhy['blockers'] {
  if (group.life !== 'stopped') return [];
  const waits = group.claim === null ? [] : blockers(turn.state, group);
  if (waits.length > 0) {
    return waits.map(({ peer, standing }) => ({ node: peer.name, why: standing.because }));
  }
  return group.blocked === null ? [] : [{ node: turn.self, why: group.blocked }];
}

function resourcesOf({ spec }: Group): string[] {
  return spec.resources.flatMap((entry) => (entry.kind === 'drbd' ? [entry.resource] : []));
}

function groupEvidence(turn: Turn, group: Group): readonly string[] {
  const { state, self } = turn;
  const { name } = group.spec;
  const found: string[] = [];
  for (const resource of group.spec.resources) {
    if (resource.kind !== 'drbd') continue;
    const facts = state.drbd[resource.resource];
    if (facts === undefined) continue;
    found.push(
      `DRBD resource ${facts.resource} on ${self} is ${facts.role}, ${facts.disk}, ` +
        facts.connection,
    );
    const objection = copyObjection(state, facts.resource);
    if (objection !== null) found.push(objection);
    if (state.copies[facts.resource]?.ahead === true) {
      found.push(`${self} wrote DRBD resource ${facts.resource} alone: no other node has all of it`);
    }
  }
  const target = orderValue(state, moveKey(name));
  const ordered = state.orders[moveKey(name)];
  if (target !== null) found.push(`an operator on ${ordered?.origin ?? self} ordered it to ${target}`);
  for (const node of state.spec.nodes) {
    const words = standbySentence(state, node);
    if (words === null) continue;
    found.push(`${node} is ${words}, by an order given on ${state.orders[modeKey(node)]?.origin ?? self}`);
  }
  if (group.barred !== null) {
    const leftMs = Math.max(0, group.barred.untilMs - turn.nowMs);
    const cure = `tandem cleanup ${name}`;
    found.push(`${self} may not run it for ${formatDuration(leftMs)} more, or until "${cure}"`);
  }
  if (group.claim !== null) found.push(`${self} claims it (claim ${String(group.claim.epoch)})`);
  if (group.grant !== null) {
    found.push(`${self} leaves it to ${group.grant.node} (claim ${String(group.grant.epoch)})`);
  }
  return found;
}

function selfEvidence({ state, self }: Turn): readonly string[] {
  const { stalls, worstStallMs } = state.health;
  if (stalls === 0) return [`${self} never stood still since it started`];
  const times = stalls === 1 ? 'once' : `${String(stalls)} times`;
  return [`${self} stood still ${times}, ${formatDuration(worstStallMs)} at most`];
}

function peerEvidence(turn: Turn, peer: Peer): readonly string[] {
  const { name, life } = peer;
  const { heartbeat } = turn.state.spec;
  const heardMs = life.lastHeardMs;
  const found = [
    heardMs === null
      ? `${name} was never heard since ${turn.self} started`
      : `${name} was heard ${formatDuration(turn.nowMs - heardMs)} ago`,
  ];
  for (const [link, seen] of Object.entries(life.links)) {
    const light = linkVerdict(seen, heartbeat, turn.nowMs);
    if (light !== 'up') found.push(`link ${link} from ${name} is ${light}`);
  }
  const { fencing } = peer;
  if (!isFenceable(turn.state.spec, name)) found.push(`${name} has no fence device`);
  if (fencing.lastFailure !== null) {
    found.push(`fencing ${name} has not worked: ${fencing.lastFailure}`);
  }
  return found;
}
