/**
 * I10: a move that is answered as done has brought the group there: something of it was active on that
 * node since the move was asked for, or just before, as far as reports can be old.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';

export function answers(world: World, tell: (violation: Violation) => void): Checker {
  /** `node|group` -> until when it was active there; for ever while it is. */
  const activeMs = new Map<string, number>();
  const asked = new Map<string, { readonly group: string; readonly atMs: number }>();

  return checker('answers', ['active', 'asked', 'answered'], (seen, atMs) => {
    switch (seen.kind) {
      case 'active':
        activeMs.set(`${seen.node}|${seen.group}`, seen.active ? Number.POSITIVE_INFINITY : atMs);
        return;
      case 'asked':
        if (seen.request.kind === 'move') asked.set(seen.id, { group: seen.request.group, atMs });
        return;
      case 'answered': {
        const { id, state, message } = seen.answer;
        const move = asked.get(id);
        if (move === undefined || state === 'accepted') return;
        asked.delete(id);
        // "Already" tells what the reports say, and nothing was done.
        if (state !== 'done' || message.endsWith('already')) return;
        const node = / runs on (\S+)/.exec(message)?.[1] ?? '';
        const oldMs = 3 * world.setup.heartbeat.deadtimeMs;
        const sinceMs = activeMs.get(`${node}|${move.group}`) ?? Number.NEGATIVE_INFINITY;
        if (sinceMs >= move.atMs - oldMs) return;
        const sentence = `${seen.node} answers "${message}", and ${move.group} was not there`;
        tell({ rule: 'I10', sentence, atMs });
        return;
      }
    }
  });
}
