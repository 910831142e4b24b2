import { formatWallTime } from '../base/wall-time.js';
import { account, holdAt, holdName, holdOfKey } from './holds.js';
import { isMember } from './membership.js';
import { clearOrder } from './orders.js';
import type { Owner } from './owner.js';
import { nodeOfModeKey, standbyOwner } from './standby.js';
import type { State } from './state.js';
import type { Turn } from './turn.js';

/**
 * Ends the holds and standbys whose time is over: each by the clock of the node on which it was
 * asked for, and by another's only while that node is away (see holds.ts).
 */
export function endHolds(turn: Turn): void {
  const { orders, wallAheadMs } = turn.state;
  if (wallAheadMs === null) return;
  for (const { key, origin } of Object.values(orders)) {
    const laid = laidAt(turn.state, key);
    if (laid?.owner.untilWallMs == null) continue;
    if (!turn.hasCome(laid.owner.untilWallMs - wallAheadMs)) continue;
    const peer = turn.peer(origin);
    if (peer !== undefined && isMember(peer)) continue;
    clearOrder(turn, key);
    const { owner, name, group } = laid;
    const sentence =
      `The ${name} ends: ${owner.by} set it until ${formatWallTime(owner.untilWallMs ?? 0)}`;
    account(turn, group, sentence);
    turn.say('info', sentence, group === null ? {} : { group });
  }
}

/** What lies in a register that can have an end, and what it is called. */
function laidAt(
  state: State,
  key: string,
): { readonly owner: Owner; readonly name: string; readonly group: string | null } | null {
  const node = nodeOfModeKey(key);
  if (node !== null) {
    const owner = standbyOwner(state, node);
    return owner === null ? null : { owner, name: `standby of ${node}`, group: null };
  }
  const about = holdOfKey(key);
  const hold = about === null ? null : holdAt(state, about.kind, about.group);
  return hold === null
    ? null
    : { owner: hold, name: holdName(hold.kind, hold.group), group: hold.group };
}
