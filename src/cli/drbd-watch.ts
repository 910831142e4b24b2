/** `tandem drbd verify` and `wait-sync`: what goes on for long, followed to its end. */
import { hostname } from 'node:os';
import { formatDuration } from '../base/duration.js';
import { commandFor, describeState, judge, targetName, type ActionTarget } from '../drbd/action.js';
import type { ConfiguredVolume } from '../drbd/config-query.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { runState, type ResourceLook, type RunKind } from '../drbd/run-watch.js';
import { lookAt, runDrbd } from '../host/drbd-tools.js';
import type { CommandContext } from './command-context.js';
import { conclude, ownedAnswer, refusedAnswer, type ActOptions } from './drbd-act.js';
import { answerOf, nowOf, type DrbdAnswer } from './drbd-answer.js';
import { follow, type Followed } from './drbd-follow.js';
import { parseTarget, volumesOf } from './drbd-target.js';
import { formatBytes } from './render-status.js';

/** Options of both. `wait` false: a verify is started and not followed. */
export interface WatchOptions extends ActOptions {
  readonly limitMs: number;
  readonly wait: boolean;
}

interface Job {
  readonly action: 'verify' | 'wait-sync';
  readonly target: ActionTarget;
  readonly volumes: readonly ConfiguredVolume[];
  readonly options: WatchOptions;
  readonly context: CommandContext;
}

/** Compares both copies block by block, and tells how far it is. */
export async function verifyDrbd(
  argument: string,
  options: WatchOptions,
  context: CommandContext,
): Promise<void> {
  await answered('verify', argument, options, context);
}

/** Waits until both copies are UpToDate, and tells how far it is. */
export async function waitForSync(
  argument: string,
  options: WatchOptions,
  context: CommandContext,
): Promise<void> {
  await answered('wait-sync', argument, options, context);
}

async function answered(
  action: Job['action'],
  argument: string,
  options: WatchOptions,
  context: CommandContext,
): Promise<void> {
  const target = parseTarget(argument, action);
  const startedMs = performance.now();
  const volumes = await volumesOf(target, hostname());
  const carryOut = action === 'verify' ? verifyAnswer : waitAnswer;
  const answer = volumes.ok
    ? ((await ownedAnswer(action, target, options, context)) ??
      (await carryOut({ action, target, volumes: volumes.value, options, context })))
    : refusedAnswer(action, target, volumes.run, []);
  conclude({ ...answer, durationMs: Math.round(performance.now() - startedMs) }, options, context);
}

function lookFor({ target, volumes, options }: Job): () => Promise<ResourceLook> {
  return async () => lookAt(target.resource, volumes, options.procDrbd);
}

async function followed(job: Job, kind: RunKind): Promise<Followed> {
  const { target, options, context } = job;
  return follow({
    kind,
    name: targetName(target),
    volume: target.volume,
    look: lookFor(job),
    limitMs: options.limitMs,
    console: context.console,
    quiet: options.json === true,
  });
}

// --- verify --------------------------------------------------------------------------------------

async function verifyAnswer(job: Job): Promise<DrbdAnswer> {
  const { action, target, options } = job;
  const name = targetName(target);
  const command = commandFor('verify', target);
  const { argv } = command;
  const before = (await lookFor(job)()).facts;
  const judgement = judge('verify', target, before);
  if (options.dryRun === true) {
    const message = judgement.kind === 'done' ? judgement.sentence : `${name} would be verified by`;
    return answerOf(action, target, { state: 'planned', message, argv });
  }
  if (judgement.kind === 'go') {
    const run = await runDrbd(command, options.timeoutMs);
    if (run.outcome.kind === 'refused') return { ...refusedAnswer(action, target, run, []), argv };
  }
  if (!options.wait) {
    const message = `The verify of ${name} is running; see tandem drbd status`;
    return answerOf(action, target, { state: 'accepted', message, argv });
  }
  const end = await followed(job, 'verify');
  return { ...verifyEnd(job, end, outOfSync(target, before)), argv, now: nowOf(end.look.facts) };
}

function verifyEnd(job: Job, end: Followed, bytesBefore: number | null): DrbdAnswer {
  const { action, target } = job;
  const name = targetName(target);
  if (end.end !== 'over') return unfinished(job, end, `the verify of ${name}`);
  const outOfSyncBytes = outOfSync(target, end.look.facts);
  const time = `verified in ${formatDuration(end.durationMs)}`;
  if (outOfSyncBytes === 0) {
    const message = `${name}: both copies are equal (${time})`;
    return answerOf(action, target, { state: 'done', message, outOfSyncBytes });
  }
  if (outOfSyncBytes === null) {
    const message = `${name} was ${time}, but how much differs could not be read`;
    return answerOf(action, target, { state: 'failed', message, exit: 'unknown' });
  }
  const known =
    bytesBefore === null || bytesBefore === 0 ? '' : `, ${formatBytes(bytesBefore)} of it known before`;
  const message =
    `the copies of ${name} differ in ${formatBytes(outOfSyncBytes)}${known} (${time}); ` +
    `tandem drbd disconnect ${target.resource} and connect again copies those blocks ` +
    'from the Primary; find out first why they differ (memory, disks, swap on DRBD)';
  return answerOf(action, target, { state: 'failed', message, outOfSyncBytes, exit: 'failed' });
}

/** What the bitmaps mark, of the chosen volumes; null when some is not told. */
function outOfSync({ volume }: ActionTarget, facts: DrbdFacts): number | null {
  const chosen = facts.volumes.filter((each) => volume === null || each.volume === volume);
  let sum = 0;
  for (const { outOfSyncBytes } of chosen) {
    if (outOfSyncBytes === null) return null;
    sum += outOfSyncBytes;
  }
  return chosen.length === 0 ? null : sum;
}

// --- wait-sync -----------------------------------------------------------------------------------

async function waitAnswer(job: Job): Promise<DrbdAnswer> {
  const { action, target, options } = job;
  const name = targetName(target);
  if (options.dryRun === true) {
    const message = `would wait until ${name} is UpToDate on both nodes`;
    return answerOf(action, target, { state: 'planned', message });
  }
  const first = await lookFor(job)();
  if (runState('resync', first, target.volume).kind === 'over') {
    const message = `${name} is in sync already: ${describeState(target, first.facts)}`;
    return answerOf(action, target, { state: 'already', message, now: nowOf(first.facts) });
  }
  const end = await followed(job, 'resync');
  const now = nowOf(end.look.facts);
  if (end.end !== 'over') return { ...unfinished(job, end, `the wait for ${name}`), now };
  const message =
    `${name} is in sync after ${formatDuration(end.durationMs)}: ` +
    describeState(target, end.look.facts);
  return answerOf(action, target, { state: 'done', message, now });
}

/** What goes on in the kernel goes on without us. */
function unfinished({ action, target, options }: Job, end: Followed, what: string): DrbdAnswer {
  if (end.end === 'broken') {
    const message = `${what} ended: ${end.sentence}`;
    return answerOf(action, target, { state: 'failed', message, exit: 'failed' });
  }
  const why =
    end.end === 'timeout' ? `Not done within ${formatDuration(options.limitMs)}` : 'Interrupted';
  const message = `${why}; DRBD goes on by itself (${targetName(target)}: ${end.sentence})`;
  return answerOf(action, target, { state: 'accepted', message, exit: 'timeout' });
}
