/** Marks the disk of this node Outdated, for the fence-peer handler of another one. */
import { explainExit } from '../drbd/outcome.js';
import { LINK_TIMEOUT_MS, outdate } from '../drbd/command.js';
import type { Effect } from '../failover/effect.js';
import type { OutdateOutcome } from '../heartbeat/report.js';
import { runCommand, type CommandResult } from '../host/exec.js';

/** What came of it, as the core takes it in. */
export interface OutdateResult {
  readonly outdateId: string;
  readonly outcome: OutdateOutcome | 'failed';
  readonly reason: string;
}

/**
 * `drbdadm outdate` (adm_outdate of drbd-utils): Inconsistent or worse already; Primary. It keeps
 * the kernel's number to itself, and for any other refusal tries drbdmeta, for a disk that is not
 * attached.
 */
const EXIT_INCONSISTENT = 5;
const EXIT_PRIMARY = 17;

/** Runs `drbdadm outdate`; never rejects. */
export async function outdateDisk({
  outdateId,
  resource,
}: Extract<Effect, { kind: 'outdate' }>): Promise<OutdateResult> {
  const { argv, timeoutMs } = outdate(resource);
  const result = await runCommand({ argv, timeoutMs: timeoutMs ?? LINK_TIMEOUT_MS });
  return { outdateId, ...judgeOutdate(resource, result) };
}

/** What the end of the command says of the disk. Only its own two refusals are an answer. */
export function judgeOutdate(
  resource: string,
  { exitCode, stderr, startFailure, timedOut }: CommandResult,
): Pick<OutdateResult, 'outcome' | 'reason'> {
  if (exitCode === 0) return { outcome: 'outdated', reason: 'drbdadm outdate succeeded' };
  if (startFailure !== null) return { outcome: 'failed', reason: startFailure };
  const told = explainExit(outdate(resource), timedOut ? null : exitCode, stderr);
  const reason = told.kind === 'refused' ? told.cause : (told.note ?? 'drbdadm outdate succeeded');
  if (exitCode === EXIT_INCONSISTENT) return { outcome: 'inconsistent', reason };
  return { outcome: exitCode === EXIT_PRIMARY ? 'primary' : 'failed', reason };
}
