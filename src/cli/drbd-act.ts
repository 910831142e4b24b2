/**
 * The way of `tandem drbd ACTION`, without the daemon:
 *
 *     name -> who owns it -> how it is -> (dry run) -> (confirm) -> drbdadm -> how it is now
 *
 * Each arrow may end it with an answer; DRBD's refusals are explained, and repeated by themselves
 * for a moment where a moment may help.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  commandFor,
  describeState,
  judge,
  targetName,
  type ActionTarget,
  type DrbdAction,
} from '../drbd/action.js';
import type { DrbdCommand } from '../drbd/command.js';
import type { ConfiguredVolume } from '../drbd/config-query.js';
import type { DrbdOutcome } from '../drbd/outcome.js';
import { lookAt, runDrbd, type DrbdRun } from '../host/drbd-tools.js';
import { findDrbdHolders, type DeviceHolder } from '../host/find-holders.js';
import { cureForHolders, describeDeviceHolders } from '../host/find-holders.js';
import { CliFailure } from './cli-failure.js';
import type { CommandContext } from './command-context.js';
import { confirmTyped } from './confirm.js';
import {
  answerOf,
  exitOfRefusal,
  notDone,
  nowOf,
  PARTICIPLE,
  renderDrbdAnswer,
  renderNote,
  type DrbdAnswer,
} from './drbd-answer.js';
import { ownershipOf, type OwnershipOptions } from './drbd-ownership.js';
import { parseTarget, volumesOf } from './drbd-target.js';

/** Options of every action. */
export interface ActOptions extends OwnershipOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly despiteTandemd?: boolean;
  /** Replaces the limit of the command. */
  readonly timeoutMs?: number;
  readonly procDrbd: string;
}

/** Something to act on: names that exist, and what was asked for. */
export interface Order {
  readonly action: DrbdAction;
  readonly target: ActionTarget;
  readonly volumes: readonly ConfiguredVolume[];
  readonly options: ActOptions;
  readonly context: CommandContext;
}

/** Carries out an action and answers it. */
export async function actOnDrbd(
  action: DrbdAction,
  argument: string,
  options: ActOptions,
  context: CommandContext,
): Promise<void> {
  const target = parseTarget(argument, action);
  const volumes = await volumesOf(target, hostname());
  const startedMs = performance.now();
  const answer = volumes.ok
    ? await carriedOut({ action, target, volumes: volumes.value, options, context })
    : refusedAnswer(action, target, volumes.run, []);
  conclude({ ...answer, durationMs: Math.round(performance.now() - startedMs) }, options, context);
}

/** Prints the answer and sets the exit code. */
export function conclude(answer: DrbdAnswer, options: ActOptions, context: CommandContext): void {
  const { console } = context;
  const bad = answer.state === 'refused' || answer.state === 'failed';
  const text = renderDrbdAnswer(answer, console.style);
  if (options.json === true) console.out(`${JSON.stringify(answer)}\n`);
  else if (bad || answer.exit !== 'ok') console.err(text);
  else console.out(text);
  context.exit(answer.exit);
}

/** The answer to an order. */
export async function carriedOut(order: Order): Promise<DrbdAnswer> {
  const { action, target, volumes, options } = order;
  const owned = await ownedAnswer(action, target, options, order.context);
  if (owned !== null) return owned;
  const look = await lookAt(target.resource, volumes, options.procDrbd);
  const judgement = judge(action, target, look.facts);
  if (judgement.kind === 'done') {
    return answerOf(action, target, {
      state: 'already',
      message: `${judgement.sentence}: nothing to do`,
      now: nowOf(look.facts),
    });
  }
  if (judgement.kind === 'refused') {
    const { name, cause, cure } = judgement;
    return answerOf(action, target, {
      state: 'refused',
      message: `${notDone(action, target)}: ${cause}; ${cure}`,
      refusal: name,
      now: nowOf(look.facts),
      exit: exitOfRefusal(name),
    });
  }
  const command = commandFor(action, target);
  if (options.dryRun === true) {
    const message = `${targetName(target)} would be ${PARTICIPLE[action] ?? action} by`;
    return answerOf(action, target, { state: 'planned', message, argv: command.argv });
  }
  if (action === 'invalidate' && options.yes !== true) await confirmInvalidate(target);
  return runAnswer(order, command);
}

async function confirmInvalidate(target: ActionTarget): Promise<void> {
  const name = targetName(target);
  const warning = `All data of ${name} on this machine are declared worthless and are overwritten with those
of the peer. Until that is done this machine has no usable copy.
`;
  const statement = `the data of ${name} here may be thrown away`;
  await confirmTyped({ warning, what: 'the resource', name, statement });
}

// --- whose it is ---------------------------------------------------------------------------------

/**
 * Null when the action may go on. Also what only reads or waits is refused: a script written for a
 * machine without tandemd is to end at its first step, not in the middle.
 */
export async function ownedAnswer(
  action: string,
  target: ActionTarget,
  options: ActOptions,
  context: CommandContext,
): Promise<DrbdAnswer | null> {
  const { state, sentence, group } = await ownershipOf(target.resource, hostname(), options);
  if (state === 'free' || options.despiteTandemd === true) {
    if (sentence !== null) context.console.err(renderNote(sentence, context.console.style));
    return null;
  }
  const cure = group === null ? '' : `; ${cureFor(action, group)}`;
  return answerOf(action, target, {
    state: 'refused',
    message: `${notDone(action, target)}: ${sentence ?? ''}${cure}, or say --despite-tandemd`,
    exit: 'unsafe',
  });
}

function cureFor(action: string, group: string): string {
  if (action === 'wait-sync') return 'tandem status --watch shows the resync';
  if (action === 'verify') return `say tandem freeze ${group} first`;
  return `use tandem move or standby, say tandem freeze ${group} first`;
}

// --- running it ----------------------------------------------------------------------------------

/** How long a refusal that may pass by itself is tried again: udev and blkid let go within it. */
const RETRY_MS = 5_000;
const RETRY_PAUSE_MS = 250;

async function runAnswer(order: Order, command: DrbdCommand): Promise<DrbdAnswer> {
  const { action, target, volumes, options, context } = order;
  const { run, holders } = await runPatiently(command, order);
  const { facts } = await lookAt(target.resource, volumes, options.procDrbd);
  const ran = { argv: command.argv, now: nowOf(facts) };
  const { outcome } = run;
  if (outcome.kind === 'refused') return { ...refusedAnswer(action, target, run, holders), ...ran };
  const alone = action === 'promote' && facts.peerRole === 'Unknown' && facts.state === 'configured';
  if (alone) context.console.err(renderNote(ALONE, context.console.style));
  const participle = PARTICIPLE[action] ?? action;
  const why = outcome.note === null ? '' : ` (${outcome.note})`;
  const message = `${targetName(target)} was ${participle}${why}: ${describeState(target, facts)}`;
  return answerOf(action, target, { state: 'done', message, ...ran });
}

const ALONE =
  'the peer is not connected: make sure that it is not Primary, too, or the two copies drift apart';

interface Tried {
  readonly run: DrbdRun;
  readonly holders: readonly DeviceHolder[];
}

/** Runs it again while a moment may help, at most RETRY_MS. */
async function runPatiently(command: DrbdCommand, order: Order): Promise<Tried> {
  const endMs = performance.now() + RETRY_MS;
  while (true) {
    const run = await runDrbd(command, order.options.timeoutMs);
    const { outcome } = run;
    if (outcome.kind === 'ok' || !mayPass(outcome)) return { run, holders: [] };
    const holders = outcome.name === 'heldOpen' ? await holdersOf(order) : [];
    const lasting = holders.some((holder) => holder.kind !== 'process' || holder.uses !== 'device');
    if (lasting || performance.now() + RETRY_PAUSE_MS >= endMs) return { run, holders };
    await sleep(RETRY_PAUSE_MS);
  }
}

/** A peer that is Primary stays so; the driver itself has waited for one that just died. */
function mayPass(outcome: Extract<DrbdOutcome, { kind: 'refused' }>): boolean {
  return outcome.retry === 'soon' && outcome.name !== 'multiplePrimaries';
}

async function holdersOf({ volumes }: Order): Promise<readonly DeviceHolder[]> {
  const found = volumes.map(async ({ minor, device }) => findDrbdHolders(minor, device));
  return (await Promise.all(found)).flat();
}

/** Refusals whose own words say more than ours. */
const QUOTED: ReadonlySet<string> = new Set([
  ...(['usage', 'badConfiguration', 'invalidRequest', 'diskUnusable', 'other'] as const),
]);

/** The cause in words, who is behind it, and what to do. */
export function refusedAnswer(
  action: string,
  target: ActionTarget,
  { outcome, stderr }: DrbdRun,
  holders: readonly DeviceHolder[],
): DrbdAnswer {
  if (outcome.kind !== 'refused') throw new CliFailure('software', 'a success is no refusal');
  const { name, number } = outcome;
  const held = describeDeviceHolders(holders);
  const cause = held === '' ? outcome.cause : `${outcome.cause}: ${held}`;
  const cure = held === '' ? outcome.cure : cureForHolders(holders);
  const said = stderr.trim().split(/\s*\n\s*/).slice(0, QUOTED_LINES_MAX).join(' | ');
  const quote = QUOTED.has(name) && said !== '' ? ` (DRBD says: ${said.slice(0, QUOTED_CHARS_MAX)})` : '';
  return answerOf(action, target, {
    state: name === 'timeout' || name === 'other' ? 'failed' : 'refused',
    message: `${notDone(action, target)}: ${cause}${quote}; ${cure}`,
    refusal: name,
    kernelNumber: number,
    holders: holders.map((holder) => describeDeviceHolders([holder])),
    exit: exitOfRefusal(name),
  });
}

/** What is quoted of DRBD's own words: enough to look them up. */
const QUOTED_LINES_MAX = 4;
const QUOTED_CHARS_MAX = 400;
