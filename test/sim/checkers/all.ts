import type { Checker, Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { answers } from './answers.js';
import { clearance } from './clearance.js';
import { cutOff } from './cut-off.js';
import { discarding } from './discarding.js';
import { failedStop } from './failed-stop.js';
import { fencePeer } from './fence-peer.js';
import { goodData } from './good-data.js';
import { heldWrites } from './held-writes.js';
import { holds } from './holds.js';
import { loneWrites } from './lone-writes.js';
import { oneOwner } from './one-owner.js';
import { order } from './order.js';
import { proofOfOff } from './proof-of-off.js';
import { said } from './said.js';
import { shooting } from './shooting.js';
import { steady } from './steady.js';
import { waitingClaims } from './waiting-claims.js';
import { watchdog } from './watchdog.js';

/** Every checker, fresh. `allow` is told of losses within the allowance of the design. */
export function allCheckers(
  world: World,
  tell: (violation: Violation) => void,
  allow: (sentence: string) => void = () => undefined,
): readonly Checker[] {
  return [
    oneOwner(tell),
    clearance(world, tell),
    failedStop(tell),
    goodData(world, tell, allow),
    fencePeer(world, tell),
    shooting(world, tell),
    order(tell),
    said(tell),
    steady(world, tell),
    holds(world, tell),
    discarding(world, tell),
    proofOfOff(world, tell),
    answers(world, tell),
    heldWrites(world, tell),
    watchdog(tell),
    loneWrites(world, tell),
    cutOff(world, tell),
    waitingClaims(world, tell),
  ];
}
