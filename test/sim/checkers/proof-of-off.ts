/**
 * I14: a node counts as confirmed off only when every device of one of its levels has said so in
 * that attempt; and the world agrees: it had no power at some instant since the attempt began.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';

export function proofOfOff(world: World, tell: (violation: Violation) => void): Checker {
  const levels = world.setup.powerDevices ?? [['board']];
  /** `by|node|step` -> devices that have said off, and when, newest answer of each. */
  const said = new Map<string, Map<string, number>>();
  /** Node -> when it had no power last; now, while it has none. */
  const darkMs = new Map<string, number>();

  function objection(key: string, node: string, sinceMs: number): string | null {
    const off = [...(said.get(key) ?? [])].filter(([, atMs]) => atMs >= sinceMs);
    const devices = off.map(([device]) => device);
    if (!levels.some((level) => level.every((device) => devices.includes(device)))) {
      return `only ${devices.join(', ') || 'nothing'} of its power devices said so`;
    }
    const isOn = world.machine(node).isOn && (darkMs.get(node) ?? Number.NEGATIVE_INFINITY) < sinceMs;
    return isOn ? 'it has had power all the time' : null;
  }

  const kinds = ['power', 'device', 'fenceEnds'] as const;
  return checker('proof of off', kinds, (seen, atMs) => {
    switch (seen.kind) {
      case 'power':
        darkMs.set(seen.node, atMs);
        return;
      case 'device': {
        const key = `${seen.by}|${seen.node}|${seen.step}`;
        const answers = said.get(key) ?? new Map<string, number>();
        said.set(key, answers);
        if (seen.outcome === 'off') answers.set(seen.device, atMs);
        else answers.delete(seen.device);
        return;
      }
      case 'fenceEnds': {
        if (seen.outcome !== 'off') return;
        const why = objection(`${seen.by}|${seen.node}|${seen.step}`, seen.node, seen.sinceMs);
        if (why === null) return;
        tell({ rule: 'I14', sentence: `${seen.by} takes ${seen.node} for off although ${why}`, atMs });
        return;
      }
    }
  });
}
