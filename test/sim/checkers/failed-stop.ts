/** S3: after a failed stop nobody else starts, until the node was off or somebody looked again. */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';

export function failedStop(tell: (violation: Violation) => void): Checker {
  /** group -> nodes on which a stop failed. */
  const stuck = new Map<string, Set<string>>();
  const clear = (node: string): void => {
    for (const nodes of stuck.values()) nodes.delete(node);
  };
  const kinds = ['power', 'daemon', 'asked', 'actionEnds', 'actionBegins'] as const;
  return checker('failed stop', kinds, (seen, atMs) => {
    // The rest is nothing to it.
     
    switch (seen.kind) {
      case 'power':
      case 'daemon':
        clear(seen.node);
        return;
      case 'asked':
        if (seen.request.kind === 'cleanup') stuck.get(seen.request.group)?.delete(seen.node);
        return;
      case 'actionEnds': {
        if (seen.verb !== 'stop' || seen.outcome === 'ok') return;
        const nodes = stuck.get(seen.group) ?? new Set<string>();
        stuck.set(seen.group, nodes.add(seen.node));
        return;
      }
      case 'actionBegins': {
        if (seen.verb !== 'start') return;
        const where = [...(stuck.get(seen.group) ?? [])].join(', ');
        if (where === '') return;
        const sentence = `${seen.node} starts ${seen.group} although a stop failed on ${where}`;
        tell({ rule: 'S3', sentence, atMs });
        return;
      }
    }
  });
}
