/** S8: whatever is decided is said in the same breath, and no answer is without its sentence. */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';

export function said(tell: (violation: Violation) => void): Checker {
  return checker('said aloud', ['answered', 'turned'], (seen, atMs) => {
    if (seen.kind === 'answered' && seen.answer.message.length < 10) {
      tell({ rule: 'S8', sentence: `${seen.node} answers without a sentence`, atMs });
    }
    if (seen.kind !== 'turned') return;
    const isSaid = seen.effects.some((effect) => effect.kind === 'log');
    const deed = seen.effects.find(
      (effect) =>
        effect.kind === 'fence' ||
        (effect.kind === 'run' && (effect.verb === 'start' || effect.verb === 'stop')),
    );
    if (deed === undefined || isSaid) return;
    tell({ rule: 'S8', sentence: `${seen.node} does ${deed.kind} without a word`, atMs });
  });
}
