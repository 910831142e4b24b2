/** Requests for the mode of a node: standby, with who, why and until when; and online again. */
import type { OperatorRequest } from '../base/control.js';
import type { Order } from '../heartbeat/report.js';
import { ownerFrom } from './hold-requests.js';
import { account } from './holds.js';
import { fateOfOrder, insteadSentence } from './order-fate.js';
import { clearOrder } from './orders.js';
import { placement } from './placement.js';
import * as standby from './standby.js';
import type { PendingRequest } from './state.js';
import type { Turn } from './turn.js';
import { holderOf, noSuch, refuse, refuseHeld, tookSince, type End, type Verdict } from './verdict.js';

type Request<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

/** Who asks, where an older program did not say. */
const SOMEBODY = 'an operator';

/** Puts a node in standby, or gives the standby that there is another reason and another end. */
export function judgeStandby(turn: Turn, request: Request<'standby'>): Verdict {
  const { scope = 'all', by = SOMEBODY, reason = null, forMs = null } = request;
  const node = request.node ?? turn.self;
  if (!turn.state.spec.nodes.includes(node)) return noSuch('node', node, turn.state.spec.nodes);
  const isSame = standby.standbyOf(turn.state, node) === scope;
  if (isSame && reason === null && forMs === null) {
    return { kind: 'done', message: `${node} is ${standby.standbySentence(turn.state, node) ?? ''} already` };
  }
  for (const group of turn.groups) {
    if (!standby.isInScope(scope, group.spec, node) || holderOf(turn, group) !== node) continue;
    const { name } = group.spec;
    const unmovable = refuseHeld(turn, name, `${name} cannot leave ${node}`);
    if (unmovable !== null) return unmovable;
    if (placement(turn.state, group).candidates.some((one) => one.node !== node)) continue;
    return refuse(`Standby of ${node} would leave ${name} with no node to run on`);
  }
  const owner = ownerFrom(turn, { by, reason, forMs });
  if (owner === null) return refuse('The time of day is not known yet: ask again');
  standby.setStandby(turn, node, scope, owner);
  const words = standby.standbySentence(turn.state, node) ?? '';
  account(turn, null, `${node} is ${words}`);
  return {
    kind: 'follow',
    message: `Setting ${node} to ${words.slice('in '.length)}`,
    pending: { what: 'mode', group: null, node, mode: 'standby', order: modeOrder(turn, node) },
  };
}

/** Ends the standby of a node. */
export function judgeOnline(turn: Turn, { node: word, by = SOMEBODY }: Request<'online'>): Verdict {
  const node = word ?? turn.self;
  if (!turn.state.spec.nodes.includes(node)) return noSuch('node', node, turn.state.spec.nodes);
  if (standby.standbyOf(turn.state, node) === null) {
    return { kind: 'done', message: `${node} is online already` };
  }
  clearOrder(turn, standby.modeKey(node));
  account(turn, null, `${by} sets ${node} to online`);
  return {
    kind: 'follow',
    message: `Setting ${node} to online`,
    pending: { what: 'mode', group: null, node, mode: 'online', order: modeOrder(turn, node) },
  };
}

function modeOrder({ state }: Turn, node: string): Order | undefined {
  return state.orders[standby.modeKey(node)];
}

/** Done when every node that is heard has it, and the node holds nothing that it must not hold. */
export function endOfMode(turn: Turn, request: PendingRequest): End | null {
  const { node } = request;
  const scope = standby.standbyOf(turn.state, node);
  const fate = fateOfOrder(turn, request);
  if (fate === 'replaced') {
    const words = standby.standbySentence(turn.state, node);
    if (words !== null) return { ok: false, message: insteadSentence(`${node} is ${words}`) };
    return { ok: false, message: `${node} is online: its standby was ended meanwhile` };
  }
  const held =
    scope === null
      ? []
      : turn.groups.filter(
          (group) => standby.isInScope(scope, group.spec, node) && holderOf(turn, group) === node,
        );
  const stuck = held.find((group) => group.life === 'stopFailed');
  if (stuck !== undefined) return { ok: false, message: stuck.reason };
  if (held.length > 0 || fate === 'spreading') return null;
  if (scope === null) return { ok: true, message: `${node} is online` };
  const nothing = scope === 'all' ? 'holds nothing' : `holds no ${scope} group`;
  const took = tookSince(turn, request);
  return { ok: true, message: `${node} is ${standby.standbyWords(scope)} and ${nothing} (${took})` };
}
