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
  /** Group -> the newest move: which order, and when it was first seen. */
  const moves = new Map<string, { readonly version: number; readonly atMs: number }>();

  function onMove(by: string, group: string, version: number, atMs: number): void {
    const before = moves.get(group);
    if (before !== undefined && version <= before.version) return;
    moves.set(group, { version, atMs });
    const restedMs = atMs - (before?.atMs ?? Number.NEGATIVE_INFINITY);
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

  return checker('steady', ['clientNetwork', 'daemon', 'sent'], (seen, atMs) => {
    // The rest is nothing to it.
     
    switch (seen.kind) {
      case 'clientNetwork':
        if (seen.isUp) cutSinceMs.delete(seen.node);
        else cutSinceMs.set(seen.node, atMs);
        return;
      case 'daemon':
        // Registers of moves are not saved: when all have forgotten them they begin anew.
        if (!world.setup.nodes.some((node) => world.machine(node).state !== null)) moves.clear();
        return;
      case 'sent':
        for (const order of seen.report.orders) {
          if (!order.key.startsWith('reach.') || order.origin !== seen.node) continue;
          const group = order.key.slice('reach.'.length);
          // A register of an earlier life comes back with a late datagram: who moves it has it.
          const here = seen.report.groups.find(({ name }) => name === group);
          if (here?.life !== 'started' && here?.life !== 'stopping') continue;
          onMove(seen.node, group, order.version, atMs);
        }
        return;
    }
  });
}
