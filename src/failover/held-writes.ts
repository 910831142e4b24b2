/**
 * Writes that DRBD holds back on this node: a service that runs and stands still. Who waits for
 * what, and what a person can do; the same sentence in status and in `tandem why`.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { APART } from './copies.js';
import { otherHalves } from './fence-peer.js';
import type { Turn } from './turn.js';

/** One sentence for each resource whose writes are held back, without a final period. */
export function heldWrites(turn: Turn, resources = Object.keys(turn.state.drbd)): readonly string[] {
  return resources.flatMap((resource) => {
    const facts = turn.state.drbd[resource];
    if (facts?.ioSuspended !== true) return [];
    return [`writes to DRBD resource ${resource} are held back: ${reason(turn, facts)}`];
  });
}

function reason(turn: Turn, { resource, connection, disk }: DrbdFacts): string {
  const asked = turn.state.fencePeers.find((entry) => entry.resource === resource);
  if (asked !== undefined) return asked.waitsFor;
  const resume = `drbdadm resume-io ${resource}`;
  if (!APART.includes(connection)) return `nothing is lost that they would wait for (${resume})`;
  if (disk === 'Diskless' || disk === 'Failed') {
    return `there is no disk here and no connection to one (tandem drbd attach ${resource}, or connect)`;
  }
  const others = otherHalves(turn, resource).join(' and ');
  return (
    `what became of the other half is not known, and no handler asks any more; they go on when it ` +
    `is connected, or once ${others} is off for certain: tandem fence confirm ${others}, then ${resume}`
  );
}
