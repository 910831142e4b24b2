/**
 * S10: started left to right, each after the one before it was confirmed to run; stopped right to
 * left. A stop makes old confirmations of what stands left of it stale: it must be looked at again
 * before anything is started on it.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';

export function order(tell: (violation: Violation) => void): Checker {
  /** `node|group` -> indexes that were confirmed to run. */
  const started = new Map<string, Set<number>>();
  const forget = (node: string): void => {
    for (const key of started.keys()) if (key.startsWith(`${node}|`)) started.delete(key);
  };
  return checker('order', ['power', 'daemon', 'actionBegins', 'actionEnds'], (seen, atMs) => {
    if (seen.kind === 'power' || seen.kind === 'daemon') forget(seen.node);
    if (seen.kind !== 'actionBegins' && seen.kind !== 'actionEnds') return;
    const key = `${seen.node}|${seen.group}`;
    const confirmed = started.get(key) ?? new Set<number>();
    started.set(key, confirmed);
    const what = `resource ${String(seen.index)} of ${seen.group} on ${seen.node}`;
    if (seen.kind === 'actionEnds') {
      if (seen.outcome !== 'ok') return;
      if (seen.state === 'started') confirmed.add(seen.index);
      else confirmed.delete(seen.index);
      return;
    }
    if (seen.verb === 'start') {
      const missing = Array.from({ length: seen.index }, (_, index) => index).find(
        (index) => !confirmed.has(index),
      );
      if (missing === undefined) return;
      const sentence = `${what} is started before ${String(missing)} was confirmed`;
      tell({ rule: 'S10', sentence, atMs });
    }
    if (seen.verb === 'stop') confirmed.clear();
    if (seen.verb === 'stop' && seen.truth.slice(seen.index + 1).includes('on')) {
      tell({ rule: 'S10', sentence: `${what} is stopped before what is above it`, atMs });
    }
  });
}
