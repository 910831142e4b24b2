/**
 * Writes that DRBD holds back on this node for an answer that no handler is going to give: its time was
 * up, or tandemd did not run when DRBD asked. They wait for the fate of the other half, so they go on
 * when that is known: once it is confirmed off, by its power device or by a person (S2), there is
 * nothing left that they could be lost to. Until then, or when anything else holds them, they wait.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { isOff } from './clearance.js';
import { APART } from './copies.js';
import type { FailoverEvent } from './event.js';
import { groupsOf, holdOn, otherHalves, voidOldProof } from './fence-peer.js';
import { holdSentence } from './holds.js';
import type { Resume } from './state.js';
import type { Turn } from './turn.js';

/** A handler that was just answered lets the kernel go on by itself; what is read of it is later. */
const KERNEL_FIRST_MS = 3_000;
/** A refusal is tried again after this, so often; then a person is told. */
const AGAIN_MS = 2_000;
const TRIES_MAX = 5;

/** Lets go on what nothing has to wait for any more. */
export function resumeWrites(turn: Turn): void {
  for (const facts of Object.values(turn.state.drbd)) {
    const { resource } = facts;
    if (isHeldBack(facts)) for (const name of otherHalves(turn, resource)) voidOldProof(turn, name);
    const known = turn.state.resumes[resource];
    if (known !== undefined && known.resumeId !== null) continue;
    if (objectionToResuming(turn, facts) !== null) {
      if (known !== undefined) forget(turn, resource);
      continue;
    }
    if (known === undefined) {
      const notBeforeMs = turn.nowMs + KERNEL_FIRST_MS;
      put(turn, resource, { resumeId: null, tries: 0, notBeforeMs, lastFailure: null });
    } else if (known.tries < TRIES_MAX && turn.hasCome(known.notBeforeMs)) order(turn, facts, known);
  }
}

/** It has lost its other half and waits to hear what became of it, whoever asks for that. */
function isHeldBack({ ioSuspended, suspensions, role, connection }: DrbdFacts): boolean {
  return ioSuspended && suspensions?.join() === 'fencing' && role === 'Primary' && APART.includes(connection);
}

function order(turn: Turn, { resource }: DrbdFacts, known: Resume): void {
  const resumeId = turn.newId('resume');
  put(turn, resource, { ...known, resumeId, tries: known.tries + 1 });
  const others = otherHalves(turn, resource).join(' and ');
  turn.say(
    'warn',
    `${turn.self} lets the writes to DRBD resource ${resource} go on (drbdadm resume-io): ${others} is ` +
      'confirmed off, and no handler of DRBD asks any more',
  );
  turn.emit({ kind: 'resumeIo', resumeId, resource });
}

/** What came of it. That they go on is seen in DRBD itself. */
export function onResumeResult(
  turn: Turn,
  { resumeId, outcome, reason }: Extract<FailoverEvent, { kind: 'resumeResult' }>,
): void {
  const found = Object.entries(turn.state.resumes).find(([, known]) => known.resumeId === resumeId);
  if (found === undefined) return;
  const [resource, known] = found;
  const isDone = outcome === 'ok';
  const notBeforeMs = turn.nowMs + (isDone ? KERNEL_FIRST_MS : AGAIN_MS);
  put(turn, resource, { ...known, resumeId: null, notBeforeMs, lastFailure: isDone ? null : reason });
  if (isDone) turn.say('info', `The writes to DRBD resource ${resource} go on: ${reason}`);
  else turn.say('error', `The writes to DRBD resource ${resource} do not go on: ${reason}`);
}

/** Why the writes to a resource are left as they are, or null. */
export function objectionToResuming(turn: Turn, facts: DrbdFacts): string | null {
  const { resource, role, disk, connection, suspensions } = facts;
  if (!facts.ioSuspended) return 'nothing is held back';
  // A person has suspended them, or a disk is missing, or the source does not tell.
  if (suspensions?.join() !== 'fencing') return 'they are not known to wait for fencing alone';
  if (role !== 'Primary' || disk !== 'UpToDate') return `the resource is ${role} and ${disk} here`;
  if (!APART.includes(connection)) return 'the other half is connected';
  if (turn.state.copies[resource]?.kind !== 'current') return 'this copy is not known to be the newest';
  if (turn.state.fencePeers.some((asked) => asked.resource === resource)) return 'a handler asks';
  if (!turn.hasCome(turn.state.health.listenUntilMs)) return 'this node has just stood still';
  return objectionOfGroups(turn, resource) ?? objectionOfPeers(turn, resource);
}

function objectionOfGroups(turn: Turn, resource: string): string | null {
  const hold = holdOn(turn, resource);
  if (hold !== null) return holdSentence(hold);
  const isInUse = groupsOf(turn, resource).some(({ life }) => life !== 'stopped' && life !== 'unknown');
  return isInUse ? null : 'no group uses it here';
}

/** Left is not off: such a node may be started again, and still has its half of DRBD. */
function objectionOfPeers(turn: Turn, resource: string): string | null {
  for (const name of otherHalves(turn, resource)) {
    const peer = turn.peer(name);
    if (peer === undefined || !isOff(peer)) return `${name} is not confirmed off`;
  }
  return null;
}

function put(turn: Turn, resource: string, resume: Resume): void {
  turn.update({ resumes: { ...turn.state.resumes, [resource]: resume } });
}

function forget(turn: Turn, resource: string): void {
  const rest = Object.entries(turn.state.resumes).filter(([name]) => name !== resource);
  turn.update({ resumes: Object.fromEntries(rest) });
}
