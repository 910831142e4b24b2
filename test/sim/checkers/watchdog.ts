/**
 * S6: a watchdog resets its machine when nothing feeds it: no daemon, one that stands still, one whose
 * disk does not answer. A core that is turned as often as it asks for is never reset.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';

export function watchdog(tell: (violation: Violation) => void): Checker {
  return checker('watchdog', ['watchdogReset'], ({ node, because }, atMs) => {
    if (because !== 'nothing') return;
    const sentence = `the watchdog of ${node} resets it although its daemon ran and its disk answered`;
    tell({ rule: 'S6', sentence, atMs });
  });
}
