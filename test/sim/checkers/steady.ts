/**
 * P1: a group follows the network of its clients calmly. Two moves for connectivity are a minute
 * apart at least, whichever way; and the node that gives it away has been the worse connected one
 * for the settling time. Seen by the register `reach.GROUP` that such a move sets in the reports.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';

const REST_MS = 60_000;
const SETTLING_MS = 5_000;
/** Clocks may run wrong by this much. */
const CLOCK_SLACK = 0.99;

export function steady(world: World, tell: (violation: Violation) => void): Checker {
  const cutSinceMs = new Map<string, number>();
  /** Group -> version of the newest order that anybody has said. */
  const newest = new Map<string, number>();
  /** Group -> when it was moved last. */
  const movedMs = new Map<string, number>();

  function onMove(by: string, group: string, atMs: number): void {
    const restedMs = atMs - (movedMs.get(group) ?? Number.NEGATIVE_INFINITY);
    movedMs.set(group, atMs);
    if (restedMs < REST_MS * CLOCK_SLACK) {
      const sentence = `${by} moves ${group} for connectivity ${String(Math.round(restedMs))} ms after the last time`;
      tell({ rule: 'P1', sentence, atMs });
    }
    // A cable that came back just now is still news to a daemon that stood still.
    const worseMs = atMs - (cutSinceMs.get(by) ?? Number.NEGATIVE_INFINITY);
    if (worseMs < SETTLING_MS * CLOCK_SLACK) {
      const sentence = `${by} gives ${group} away after ${String(Math.round(worseMs))} ms without its clients`;
      tell({ rule: 'P1', sentence, atMs });
    }
  }

  return checker('steady', ['clientNetwork', 'daemon', 'sent', 'heard'], (seen, atMs) => {
    switch (seen.kind) {
      case 'clientNetwork':
        if (seen.isUp) cutSinceMs.delete(seen.node);
        else cutSinceMs.set(seen.node, atMs);
        return;
      case 'daemon':
        // Registers of moves are not saved: when all have forgotten them they begin anew.
        if (world.setup.nodes.some((node) => world.machine(node).state !== null)) return;
        newest.clear();
        movedMs.clear();
        return;
      case 'heard':
        // Its own order of an earlier life, which it takes up again.
        for (const { key, version, origin } of seen.report.orders) {
          if (origin !== seen.node || !key.startsWith('reach.')) continue;
          const group = key.slice('reach.'.length);
          newest.set(group, Math.max(version, newest.get(group) ?? 0));
        }
        return;
      case 'sent':
        for (const order of seen.report.orders) {
          if (!order.key.startsWith('reach.')) continue;
          const group = order.key.slice('reach.'.length);
          if (order.version <= (newest.get(group) ?? 0)) continue;
          newest.set(group, order.version);
          // Who moves it has it, and says so first; else a register of an earlier life came back
          // with a late datagram.
          const here = seen.report.groups.find(({ name }) => name === group);
          const hasIt = here?.life === 'started' || here?.life === 'stopping';
          if (order.origin === seen.node && hasIt) onMove(seen.node, group, atMs);
        }
        return;
    }
  });
}
