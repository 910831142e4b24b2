/**
 * Writes that DRBD holds back on this node for an answer that no handler is going to give: its time was
 * up, or tandemd did not run when DRBD asked. They wait for the fate of the other half, so they go on
 * when that is known: once it is confirmed off, by its power device or by a person (S2), there is
 * nothing left that they could be lost to. Until then, or when anything else holds them, they wait.
 */
import type { DrbdFacts } from '../drbd/facts.js';
import { isOff } from './clearance.js';
import { APART } from './drbd-connections.js';
import type { FailoverEvent } from './event.js';
import { holdOn, voidOldProof } from './fence-peer.js';
import { groupsOf, namesOf, otherHalves } from './halves.js';
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
    if (isHeldBack(facts)) for (const { name } of otherHalves(turn.state, resource)) voidOldProof(turn, name);
    const known = turn.state.resumes[resource];
    if (known !== undefined && known.resumeId !== null) continue;
    if (!mayGoOn(turn, facts)) {
      if (known !== undefined) forget(turn, resource);
      continue;
    }
    if (known === undefined) {
      const notBeforeMs = turn.nowMs + KERNEL_FIRST_MS;
      put(turn, resource, { resumeId: null, tries: 0, notBeforeMs, lastFailure: null });
    } else if (known.tries < TRIES_MAX && turn.hasCome(known.notBeforeMs)) order(turn, facts, known);
  }
}

/**
 * It has lost its other half and waits to hear what became of it, whoever asks for that. What a person
 * has suspended, or a missing disk, or what the source does not tell about, is no such wait.
 */
function isHeldBack({ ioSuspended, suspensions, role, connection }: DrbdFacts): boolean {
  return ioSuspended && suspensions?.join() === 'fencing' && role === 'Primary' && APART.includes(connection);
}

function order(turn: Turn, { resource }: DrbdFacts, known: Resume): void {
  const resumeId = turn.newId('resume');
  put(turn, resource, { ...known, resumeId, tries: known.tries + 1 });
  const others = namesOf(otherHalves(turn.state, resource));
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

/** Nothing is left that the writes have to wait for. */
function mayGoOn(turn: Turn, facts: DrbdFacts): boolean {
  const { resource, disk } = facts;
  const { copies, fencePeers, health } = turn.state;
  if (!isHeldBack(facts) || disk !== 'UpToDate' || copies[resource]?.kind !== 'current') return false;
  if (fencePeers.some((asked) => asked.resource === resource)) return false;
  // S6: what is known may be old after a standstill.
  if (!turn.hasCome(health.listenUntilMs) || holdOn(turn, resource) !== null) return false;
  const isInUse = groupsOf(turn, resource).some(({ life }) => life !== 'stopped' && life !== 'unknown');
  // Left is not off: such a node may be started again, and still has its half of DRBD.
  return isInUse && otherHalves(turn.state, resource).every(isOff);
}

function put(turn: Turn, resource: string, resume: Resume): void {
  turn.update({ resumes: { ...turn.state.resumes, [resource]: resume } });
}

function forget(turn: Turn, resource: string): void {
  const rest = Object.entries(turn.state.resumes).filter(([name]) => name !== resource);
  turn.update({ resumes: Object.fromEntries(rest) });
}
