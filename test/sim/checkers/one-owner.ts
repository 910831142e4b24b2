/** S1: a group is active on at most one node at any real instant. */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';

export function oneOwner(tell: (violation: Violation) => void): Checker {
  const owners = new Map<string, Set<string>>();
  return checker('one owner', ['active'], (seen, atMs) => {
    const nodes = owners.get(seen.group) ?? new Set<string>();
    owners.set(seen.group, nodes);
    if (seen.active) nodes.add(seen.node);
    else nodes.delete(seen.node);
    if (nodes.size < 2) return;
    const where = [...nodes].sort().join(' and ');
    tell({ rule: 'S1', sentence: `${seen.group} is active on ${where} at once`, atMs });
  });
}
