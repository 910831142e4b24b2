import { formatWallTime } from '../base/wall-time.js';
import { account, holdAt, holdName, holdOfKey } from './holds.js';
import { isMember } from './membership.js';
import { clearOrder } from './orders.js';
import type { Turn } from './turn.js';

/**
 * Ends the holds whose time is over: each by the clock of the node on which it was asked for, and by
 * another's only while that node is away (see holds.ts).
 */
export function endHolds(turn: Turn): void {
  const { orders, wallAheadMs } = turn.state;
  if (wallAheadMs === null) return;
  for (const { key, origin } of Object.values(orders)) {
    const about = holdOfKey(key);
    const hold = about === null ? null : holdAt(turn.state, about.kind, about.group);
    if (hold?.untilWallMs == null || !turn.hasCome(hold.untilWallMs - wallAheadMs)) continue;
    const peer = turn.peer(origin);
    if (peer !== undefined && isMember(peer)) continue;
    clearOrder(turn, key);
    const sentence =
      `The ${holdName(hold.kind, hold.group)} ends: ` +
      `${hold.by} set it until ${formatWallTime(hold.untilWallMs)}`;
    account(turn, hold.group, sentence);
    turn.say('info', sentence, hold.group === null ? {} : { group: hold.group });
  }
}
