import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { OperatorAnswer, OperatorRequest, PeerFate } from '../../base/control.js';
import { parseDuration } from '../../base/duration.js';
import { isResourceName } from '../../drbd/command.js';
import { runCommand } from '../../host/exec.js';
import { CliFailure } from '../cli-failure.js';
import type { Client } from '../client.js';
import { clientOf, withSocketOption, type CommandContext } from '../command-context.js';
import { printable } from '../text.js';

/**
 * The programs that DRBD calls (`handlers { }` in its configuration). Their exit codes are DRBD's
 * contract, not the catalogue of this program: 3 and 4, "no daemon" and "unknown" elsewhere, would
 * tell the kernel that the peer's disk is out of the game. Whatever goes wrong here exits with 1:
 * "nothing was found out", upon which DRBD changes nothing.
 */

interface HandlerOptions {
  readonly socket: string;
  readonly wait: string;
}

/** drbdadm ends a handler after 600 s (m_system_ex, SLEEPS_VERY_LONG); it is to hear before that. */
const WAIT_DEFAULT = '540s';
const WAIT_MAX_MS = 590_000;
/** Writes may be held back for the answer: it must not wait for the next question. */
const POLL_MS = 50;
/** A daemon that is being restarted is back within this; one that is down says nothing longer. */
const DOWN_PATIENCE_MS = 5_000;
const DOWN_RETRY_MS = 250;
/** The daemon itself says when the time is up; a little later nothing is to be expected of it. */
const LATE_MS = 2_000;
const SYSLOG_TIMEOUT_MS = 2_000;

/** Exit codes of `fence-peer` (drbd_nl.c, conn_try_outdate_peer; enum drbd_peer_state). */
const EXIT_OF_FATE: Readonly<Record<PeerFate, number>> = {
  inconsistent: 3,
  outdated: 4,
  down: 5,
  primary: 6,
  fenced: 7,
};
/** Any other code: DRBD changes nothing, and goes on holding back writes if it does. */
const EXIT_NOT_KNOWN = 1;

const FENCE_PEER_HELP = `
Not for people: DRBD calls it, with DRBD_RESOURCE and DRBD_PEER in the environment.

    handlers { fence-peer "/usr/bin/tandem drbd fence-peer"; }

Exit codes are DRBD's: 3 the peer's disk is Inconsistent, 4 it is Outdated, 5 the peer has left or
is down, 6 it is Primary, 7 it was fenced; 1 nothing was found out and DRBD changes nothing`;

/** `tandem drbd fence-peer` and the handlers that stand beside it. */
export function addDrbdHandlers(group: Command, context: CommandContext): void {
  const fencePeerCommand = group
    .command('fence-peer')
    .summary('handler for DRBD: outdate or fence the peer')
    .description('What becomes of the disk of a peer that DRBD has lost: a handler for DRBD.')
    .option('--wait <time>', 'how long to wait for an answer', WAIT_DEFAULT)
    .addHelpText('after', FENCE_PEER_HELP);
  withSocketOption(fencePeerCommand).action(async (options: HandlerOptions) => {
    const { sentence, code } = await fencePeer(options, process.env);
    context.console.err(`tandem drbd fence-peer: ${printable(sentence)}\n`);
    context.exitWith(code);
  });
  addIdle(group, context, 'unfence-peer', 'both sides are UpToDate', 'DRBD has cleared Outdated');
  addIdle(group, context, 'before-resync-target', 'a resync begins here', 'DRBD guards the target');
  addIdle(group, context, 'after-resync-target', 'a resync has ended here', 'DRBD has cleared Outdated');
}

/**
 * A handler that other cluster managers need, because their fencing leaves a constraint behind.
 * Ours leaves nothing. It must succeed: DRBD drops the connection when before-resync-target fails.
 */
function addIdle(
  group: Command,
  context: CommandContext,
  name: string,
  when: string,
  why: string,
): void {
  group
    .command(name)
    .summary('handler for DRBD: there is nothing to do')
    .description(`DRBD calls it when ${when}. It does nothing and succeeds.`)
    .action(() => {
      const sentence = `nothing to do: ${why}, and Tandem reads that from DRBD itself`;
      context.console.err(`tandem drbd ${name}: ${sentence}\n`);
    });
}

interface HandlerEnd {
  readonly sentence: string;
  readonly code: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Never rejects: whatever goes wrong is "nothing was found out". */
async function fencePeer(options: HandlerOptions, environment: Environment): Promise<HandlerEnd> {
  try {
    const resource = environment['DRBD_RESOURCE'] ?? '';
    if (!isResourceName(resource)) {
      throw new CliFailure('usage', `DRBD_RESOURCE is "${resource}": this is a handler that DRBD calls`);
    }
    const waitMs = waitOf(options.wait);
    const request = { kind: 'fencePeer', resource, peer: peerOf(environment) } as const;
    const answer = await answered(clientOf(options), request, waitMs);
    if (answer.peerFate === undefined) return unknown(answer.message);
    return { sentence: answer.message, code: EXIT_OF_FATE[answer.peerFate] };
  } catch (error) {
    const end = unknown(error instanceof Error ? error.message : String(error));
    await tellSyslog(end.sentence);
    return end;
  }
}

function unknown(why: string): HandlerEnd {
  const sentence = `${why}. DRBD is told nothing (exit code ${EXIT_NOT_KNOWN}) and changes nothing`;
  return { sentence, code: EXIT_NOT_KNOWN };
}

function waitOf(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new CliFailure('usage', `option --wait: "${text}" is not ${parsed.error}`);
  return Math.min(parsed.value, WAIT_MAX_MS);
}

/** 9 numbers its peers and names the numbers; 8.4 names the peer, as drbdadm found it. */
function peerOf(environment: Environment): string | null {
  const number = environment['DRBD_PEER_NODE_ID'] ?? '';
  const named = /^\d{1,4}$/.test(number) ? environment[`DRBD_NODE_ID_${number}`] : undefined;
  const name = (named ?? environment['DRBD_PEER'] ?? environment['DRBD_PEERS'] ?? '').trim();
  return name === '' || /\s/.test(name) ? null : name;
}

type FencePeerRequest = Extract<OperatorRequest, { kind: 'fencePeer' }>;

/** Asks until there is an answer or the time is up; asks anew a daemon that was restarted. */
async function answered(
  client: Client,
  request: Omit<FencePeerRequest, 'waitMs'>,
  waitMs: number,
): Promise<OperatorAnswer> {
  const endMs = performance.now() + waitMs;
  let heardMs = performance.now();
  let id: string | null = null;
  for (;;) {
    const leftMs = Math.max(0, Math.round(endMs - performance.now()));
    const envelope = { request: { ...request, waitMs: leftMs }, dryRun: false };
    const call: Promise<OperatorAnswer | null> =
      id === null ? client.request(envelope) : client.answer(id);
    const answer = await call.catch((error: unknown) => {
      const forMs = performance.now() - heardMs;
      if (forMs >= Math.min(DOWN_PATIENCE_MS, waitMs) || !isDown(error)) throw error;
      return 'down' as const;
    });
    if (answer === 'down') {
      await sleep(DOWN_RETRY_MS);
      continue;
    }
    heardMs = performance.now();
    id = answer?.id ?? null;
    if (answer !== null && answer.state !== 'accepted') return answer;
    if (heardMs > endMs + LATE_MS) throw new CliFailure('timeout', 'tandemd has no answer in time');
    await sleep(POLL_MS);
  }
}

function isDown(error: unknown): boolean {
  return error instanceof CliFailure && ['daemonDown', 'unavailable'].includes(error.exit);
}

/** The kernel starts handlers without a terminal: only the system's log remains to be read. */
async function tellSyslog(sentence: string): Promise<void> {
  const argv = ['logger', '-t', 'tandem', '-p', 'daemon.err', '--', `drbd fence-peer: ${sentence}`];
  await runCommand({ argv, timeoutMs: SYSLOG_TIMEOUT_MS });
}
