import type { Prng } from '../base/prng.js';
import type { EventQueue } from './queue.js';

/** Does something again and again, at random times with a mean between them, as long as `isActive`. */
export function recur(
  queue: EventQueue,
  when: { readonly prng: Prng; readonly meanMs: number; readonly isActive: () => boolean },
  act: () => void,
): void {
  const { prng, meanMs, isActive } = when;
  queue.after(-Math.log(1 - prng.next()) * meanMs, () => {
    if (!isActive()) return;
    act();
    recur(queue, when, act);
  });
}
