import type { ExitName } from '../base/exit-codes.js';
import { targetName, type ActionTarget } from '../drbd/action.js';
import type { DrbdFacts } from '../drbd/facts.js';
import type { DrbdRefusal } from '../drbd/refusals.js';
import { folded, paint, printable, type TextStyle } from './text.js';

/** What `tandem drbd ACTION --json` prints: `tandem.drbd-action/1`. Names are added, never renamed. */
export interface DrbdAnswer {
  readonly schema: 'tandem.drbd-action/1';
  readonly action: string;
  readonly resource: string;
  /** Null: all volumes. */
  readonly volume: number | null;
  /** The command that was run, or would be; null when none is needed. */
  readonly argv: readonly string[] | null;
  /** `already`: it was so before. `planned`: a dry run. `accepted`: it goes on after the answer. */
  readonly state: 'done' | 'already' | 'planned' | 'accepted' | 'refused' | 'failed';
  readonly message: string;
  /** The name of the refusal, and the kernel's number of it when it printed one. */
  readonly refusal: DrbdRefusal | null;
  readonly kernelNumber: number | null;
  /** Who holds the device open, one phrase each. */
  readonly holders: readonly string[];
  /** How the resource is now; null when it could not be read. */
  readonly now: DrbdNow | null;
  /** What a verify found, or null. */
  readonly outOfSyncBytes: number | null;
  readonly durationMs: number;
  readonly exit: ExitName;
}

/** The state after the action, all volumes together. */
export interface DrbdNow {
  readonly role: string;
  readonly peerRole: string;
  readonly connection: string;
  readonly disk: string;
}

/** The state of a resource that could be read. */
export function nowOf(facts: DrbdFacts): DrbdNow | null {
  if (facts.state === 'unknown') return null;
  const { role, peerRole, connection, disk } = facts;
  return { role, peerRole, connection, disk };
}

/** An answer of which only what differs has to be said. */
export function answerOf(
  action: string,
  target: ActionTarget,
  differs: Partial<DrbdAnswer> & Pick<DrbdAnswer, 'state' | 'message'>,
): DrbdAnswer {
  return {
    schema: 'tandem.drbd-action/1',
    action,
    resource: target.resource,
    volume: target.volume,
    argv: null,
    refusal: null,
    kernelNumber: null,
    holders: [],
    now: null,
    outOfSyncBytes: null,
    durationMs: 0,
    exit: 'ok',
    ...differs,
  };
}

/** The answer for a person. */
export function renderDrbdAnswer(answer: DrbdAnswer, style: TextStyle): string {
  return `${answerLines(answer, style).join('\n')}\n`;
}

function answerLines({ state, argv, message }: DrbdAnswer, style: TextStyle): readonly string[] {
  switch (state) {
    case 'planned':
      return argv === null
        ? [`Dry run: ${printable(message)}`]
        : [`Dry run: ${printable(message)}`, `  ${printable(argv.join(' '))}`];
    case 'refused':
      return [`${paint(style, 'yellow', 'Refused:')} ${printable(message)}`];
    case 'failed':
      return [`${paint(style, 'red', 'Failed:')} ${printable(message)}`];
    case 'done':
    case 'already':
    case 'accepted':
      return [printable(message)];
  }
}

/** Something worth knowing beside the answer, for standard error. */
export function renderNote(sentence: string, style: TextStyle): string {
  return `${folded({ ...style, columns: NOTE_COLUMNS }, 0, `Note: ${sentence}`).join('\n')}\n`;
}

/** A note is one line for whoever reads a log of it. */
const NOTE_COLUMNS = 10_000;

/** What was wished, as a participle: `r0 was promoted`. */
export const PARTICIPLE: Readonly<Record<string, string>> = {
  promote: 'promoted',
  demote: 'demoted',
  up: 'brought up',
  down: 'taken down',
  connect: 'connected',
  disconnect: 'disconnected',
  attach: 'attached',
  detach: 'detached',
  adjust: 'adjusted',
  outdate: 'outdated',
  invalidate: 'invalidated',
  verify: 'verified',
  'wait-sync': 'waited for',
};

/** `r0 was not promoted` */
export function notDone(action: string, target: ActionTarget): string {
  return `${targetName(target)} was not ${PARTICIPLE[action] ?? action}`;
}

/** What each refusal means for the exit code; `failed` for all others. */
const EXIT_OF_REFUSAL: Partial<Readonly<Record<DrbdRefusal, ExitName>>> = {
  needUpToDateData: 'unsafe',
  multiplePrimaries: 'unsafe',
  peerNotOutdated: 'unsafe',
  noQuorum: 'unsafe',
  connectedOutdate: 'unsafe',
  primaryDisk: 'unsafe',
  lastGoodCopy: 'unsafe',
  discardOnPrimary: 'unsafe',
  wrongDisk: 'unsafe',
  permission: 'permission',
  notConfigured: 'noSuch',
  badConfiguration: 'config',
  timeout: 'timeout',
};

/** The exit code of a refusal. */
export function exitOfRefusal(name: DrbdRefusal): ExitName {
  return EXIT_OF_REFUSAL[name] ?? 'failed';
}
