/**
 * I9: two nodes that hear each other, run by the same configuration and claim the same group, which runs
 * on neither, do not go on so: one of them gives way as soon as it has heard of the stronger claim.
 */
import type { Report } from '../../../src/heartbeat/report.js';
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';

/** Words take their time, and nodes stand still: so many deadtimes. */
const GIVES_WAY_DEADTIMES = 4;
const GIVES_WAY_MS = 5_000;

export function waitingClaims(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge } = accountOf(world);
  /** `group|node|other` -> since when both have claimed it, by what they say and hear. */
  const sinceMs = new Map<string, number>();
  const { deadtimeMs } = world.setup.heartbeat;
  const limitMs = GIVES_WAY_DEADTIMES * deadtimeMs + GIVES_WAY_MS;

  /** What one node knows of another, if it is news. */
  function heard(node: string, about: string, atMs: number): Report | null {
    const { report, heardMs } = knowledge.of(node, about);
    return heardMs !== null && atMs - heardMs < deadtimeMs ? report : null;
  }

  function onSent(own: Report, atMs: number): void {
    const isClaiming = own.groups.some(({ name }) => claims(own, name, own.digest));
    if (!isClaiming && sinceMs.size === 0) return;
    for (const other of world.setup.nodes) {
      if (other === own.node) continue;
      const theirs = heard(own.node, other, atMs);
      const ours = heard(other, own.node, atMs);
      for (const { name } of own.groups) {
        const key = `${name}|${own.node}|${other}`;
        const isBoth = [own, ours, theirs].every((report) => claims(report, name, own.digest));
        if (!isBoth) {
          sinceMs.delete(key);
          continue;
        }
        const since = sinceMs.get(key) ?? atMs;
        sinceMs.set(key, since);
        if (atMs - since < limitMs) continue;
        const sentence = `${own.node} and ${other} hear each other, and both go on claiming ${name}`;
        tell({ rule: 'I9', sentence, atMs });
      }
    }
  }

  return checker('waiting claims', ['sent'], ({ report }, atMs) => {
    onSent(report, atMs);
  });
}

function claims(report: Report | null, group: string, digest: string): boolean {
  const entry = report?.groups.find(({ name }) => name === group);
  return report?.digest === digest && entry?.life === 'stopped' && entry.claim !== null;
}
