/**
 * Lets the writes that DRBD holds back go on. The kernel is asked once more before: what the core knew
 * may be a moment old, and a connection that has come back settles it better.
 */
import { LINK_TIMEOUT_MS, resumeIo } from '../drbd/command.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { explainExit } from '../drbd/outcome.js';
import { APART } from '../failover/drbd-connections.js';
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import { runCommand, type CommandResult } from '../host/exec.js';

type ResumeEffect = Extract<Effect, { kind: 'resumeIo' }>;
type ResumeResult = Omit<Extract<FailoverEvent, { kind: 'resumeResult' }>, 'kind'>;

/** What it needs of the daemon. */
export interface ResumeWorld {
  /** DRBD as it is now. */
  readonly facts: () => Promise<readonly DrbdFacts[]>;
  readonly run?: (argv: readonly string[], timeoutMs: number) => Promise<CommandResult>;
}

/** Does it, unless DRBD is not as it should be any more; always comes back. */
export async function resumeHeldWrites(
  { resumeId, resource }: ResumeEffect,
  { facts, run = runOf }: ResumeWorld,
): Promise<ResumeResult> {
  const now = (await facts()).find((one) => one.resource === resource);
  if (now?.ioSuspended === false) return { resumeId, outcome: 'ok', reason: 'DRBD holds nothing back' };
  const objection = objectionNow(now);
  if (objection !== null) return { resumeId, outcome: 'failed', reason: objection };
  const command = resumeIo(resource);
  const result = await run(command.argv, command.timeoutMs ?? LINK_TIMEOUT_MS);
  if (result.startFailure !== null) return { resumeId, outcome: 'failed', reason: result.startFailure };
  const told = explainExit(command, result.timedOut ? null : result.exitCode, result.stderr);
  if (told.kind === 'refused') return { resumeId, outcome: 'failed', reason: `${told.cause}; ${told.cure}` };
  return { resumeId, outcome: 'ok', reason: 'drbdadm resume-io succeeded' };
}

function objectionNow(now: DrbdFacts | undefined): string | null {
  if (now === undefined) return 'DRBD does not list it';
  const { role, disk, connection } = now;
  const isAsKnown = role === 'Primary' && disk === 'UpToDate' && APART.includes(connection);
  return isAsKnown ? null : `DRBD says ${role}, ${disk}, ${connection} now`;
}

async function runOf(argv: readonly string[], timeoutMs: number): Promise<CommandResult> {
  return runCommand({ argv, timeoutMs });
}
