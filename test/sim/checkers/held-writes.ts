/**
 * I19: a service whose writes DRBD holds back stands still, and whoever asks for the status of that node
 * is told so. The status is read as an operator does; what is held back is asked of the world.
 */
import { viewStatus } from '../../../src/failover/view.js';
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';

/** DRBD's news reach the daemon in moments. */
const NEWS_MS = 500;

export function heldWrites(world: World, tell: (violation: Violation) => void): Checker {
  /** `node|resource` -> since when it was seen to be held back. */
  const sinceMs = new Map<string, number>();
  return checker('held writes', ['sent', 'daemon', 'turned'], (seen, atMs) => {
    const { node } = seen;
    if (seen.kind === 'turned') {
      // DRBD's news wait behind a turn that came late.
      if (seen.lateMs < NEWS_MS) return;
      for (const key of sinceMs.keys()) if (key.startsWith(`${node}|`)) sinceMs.set(key, atMs);
      return;
    }
    // A new daemon knows nothing yet.
    if (seen.kind === 'daemon') {
      for (const key of sinceMs.keys()) if (key.startsWith(`${node}|`)) sinceMs.delete(key);
      return;
    }
    // What a node at rest repeats is told late: it says nothing of what is held back by now.
    if (atMs < world.nowMs) return;
    for (const replica of Object.values(world.replicas)) {
      const { resource } = replica;
      const key = `${node}|${resource}`;
      if (!replica.has(node) || !replica.isHeldBack(node)) {
        sinceMs.delete(key);
        continue;
      }
      const since = sinceMs.get(key) ?? atMs;
      sinceMs.set(key, since);
      const machine = world.machine(node);
      if (atMs - since < NEWS_MS || machine.state === null) continue;
      const { summary } = viewStatus(machine.state, [], machine.localMs).verdict;
      if (summary.includes(`writes to DRBD resource ${resource} are held back`)) continue;
      const sentence = `writes to ${resource} are held back on ${node}, and its status says "${summary}"`;
      tell({ rule: 'I19', sentence, atMs });
    }
  });
}
