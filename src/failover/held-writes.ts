/**
 * Writes that DRBD holds back on this node: a service that runs and stands still. Who waits for
 * what, and what a person can do; the same sentence in status and in `tandem why`.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { APART } from './drbd-connections.js';
import { holdOn } from './fence-peer.js';
import { namesOf, otherHalves } from './halves.js';
import type { Turn } from './turn.js';

/** One sentence for each resource whose writes are held back, without a final period. */
export function heldWrites(turn: Turn, resources = Object.keys(turn.state.drbd)): readonly string[] {
  return resources.flatMap((resource) => {
    const facts = turn.state.drbd[resource];
    if (facts?.ioSuspended !== true) return [];
    return [`writes to DRBD resource ${resource} are held back: ${reason(turn, facts)}`];
  });
}

function reason(turn: Turn, facts: DrbdFacts): string {
  const { resource, connection, disk } = facts;
  const asked = turn.state.fencePeers.find((entry) => entry.resource === resource);
  if (asked !== undefined) return asked.waitsFor;
  const command = `drbdadm resume-io ${resource}`;
  if (!APART.includes(connection)) return `nothing is lost that they would wait for (${command})`;
  if (disk === 'Diskless' || disk === 'Failed') {
    return `there is no disk here and no connection to one (tandem drbd attach ${resource}, or connect)`;
  }
  const others = namesOf(otherHalves(turn.state, resource));
  const resume = turn.state.resumes[resource];
  if (resume?.lastFailure != null) return `letting them go on has failed: ${resume.lastFailure} (${command})`;
  if (resume !== undefined) return `${others} is confirmed off: ${turn.self} lets them go on`;
  const confirm = `tandem fence confirm ${others}`;
  const isOurs = facts.suspensions?.join() === 'fencing' && holdOn(turn, resource) === null;
  return (
    `what became of the other half is not known, and no handler asks any more; they go on when it ` +
    (isOurs
      ? `is connected, or once ${others} is confirmed off, by fencing or by a person: ${confirm}`
      : `is connected, or once ${others} is off for certain: ${confirm}, then ${command}`)
  );
}
