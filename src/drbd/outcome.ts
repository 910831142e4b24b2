/**
 * What the end of a DRBD command means. drbdsetup prints the kernel's number and drbdadm passes
 * its exit code on:
 *
 *     0: State change failed: (-2) Need access to UpToDate data      exit 17
 *     0: State change failed: (-12) Device is held open by someone   exit 11
 *     drbd: Failure: (162) Invalid configuration request             exit 10
 *
 * Numbers: enum drbd_state_rv and enum drbd_ret_code (linux/drbd.h); exit codes: print_config_error
 * of drbd-utils.
 */
import type { DrbdCommand } from './command.js';
import { REFUSALS, type DrbdRefusal } from './refusals.js';

/** A process that had the device open when it refused (DRBD 9 names them, 8.4 does not). */
export interface DrbdOpener {
  readonly command: string;
  readonly pid: number;
}

/** The end of a command. */
export type DrbdOutcome =
  | {
      readonly kind: 'ok';
      /** Why a failure counts as done (already disconnected), or null. */
      readonly note: string | null;
    }
  | {
      readonly kind: 'refused';
      readonly name: DrbdRefusal;
      /** The kernel's number, or null when none was printed. */
      readonly number: number | null;
      /** What happened, without a final period. */
      readonly cause: string;
      /** What to do about it. */
      readonly cure: string;
      /** `soon`: the same command may succeed in a moment. `never`: not before the cure. */
      readonly retry: 'soon' | 'never';
      readonly openers: readonly DrbdOpener[];
    };

/** No sane message of drbdadm is longer; what follows is not searched. */
const STDERR_CHARS_MAX = 65_536;

/** More openers than this are not listed. */
const OPENERS_MAX = 20;

/**
 * Explains an exit code. `exitCode` is null when the command was ended by its time limit. With
 * several volumes the first refusal that a retry cannot cure is the one that counts.
 */
export function explainExit(
  command: DrbdCommand,
  exitCode: number | null,
  stderr: string,
): DrbdOutcome {
  if (exitCode === 0) return { kind: 'ok', note: null };
  const text = stderr.slice(0, STDERR_CHARS_MAX);
  if (exitCode === null) return refusal('timeout', null, text);
  const named = numbersIn(text).map((number) => byNumber(command, number, text));
  const [first] = named;
  if (first !== undefined) {
    const lasting = named.find(
      (outcome) => outcome.kind === 'refused' && outcome.retry === 'never',
    );
    return lasting ?? named.find((outcome) => outcome.kind === 'refused') ?? first;
  }
  return byExitCode(command, exitCode, text);
}

function refusal(name: DrbdRefusal, number: number | null, stderr: string): DrbdOutcome {
  const { cause, cure, retry } = REFUSALS[name];
  const openers = name === 'heldOpen' ? openersIn(stderr) : [];
  const who = openers.map((opener) => `${opener.command} (pid ${opener.pid})`).join(', ');
  return {
    kind: 'refused',
    name,
    number,
    cause: who === '' ? cause : `${cause}: ${who}`,
    cure,
    retry,
    openers,
  };
}

/** Every kernel number that drbdsetup printed, in order. */
function numbersIn(stderr: string): readonly number[] {
  const found = stderr.matchAll(/(?:State change failed|Failure): \((-?\d{1,4})\)/g);
  return [...found].map((match) => Number(match[1]));
}

function openersIn(stderr: string): readonly DrbdOpener[] {
  const openers: DrbdOpener[] = [];
  for (const line of stderr.split('\n')) {
    const match = /\bopened by (.{1,64}) \(pid (\d{1,9})\)/.exec(line);
    if (match === null || openers.length >= OPENERS_MAX) continue;
    openers.push({ command: match[1] ?? '', pid: Number(match[2]) });
  }
  return openers;
}

/** Refusals that mean that the wish was fulfilled before. */
const FULFILLED: readonly {
  readonly kind: DrbdCommand['kind'];
  readonly number: number;
  readonly stderr?: string;
  readonly note: string;
}[] = [
  { kind: 'disconnect', number: -9, note: 'it was StandAlone already' },
  {
    kind: 'disconnect',
    number: 162,
    stderr: 'unknown connection',
    note: 'there was no connection',
  },
  { kind: 'disconnect', number: 158, note: 'the resource was not up' },
  { kind: 'disconnect', number: 127, note: 'the resource was not up' },
  { kind: 'down', number: 158, note: 'the resource was not up' },
  { kind: 'attach', number: 124, note: 'the disk was attached already' },
  { kind: 'detach', number: -11, note: 'the disk was detached already' },
  { kind: 'detach', number: 138, note: 'the disk was detached already' },
  { kind: 'outdate', number: -16, note: 'the disk is Inconsistent or worse already' },
];

/** Where the kernel's one number means something else than it means for a promotion. */
const NAMED_BY_COMMAND: readonly {
  readonly kinds: readonly DrbdCommand['kind'][];
  readonly number: number;
  readonly name: DrbdRefusal;
}[] = [
  { kinds: ['outdate'], number: -2, name: 'primaryDisk' },
  { kinds: ['disconnect', 'detach', 'invalidate'], number: -2, name: 'lastGoodCopy' },
];

function nameOf(command: DrbdCommand, number: number): DrbdRefusal {
  const special = NAMED_BY_COMMAND.find(
    (entry) => entry.number === number && entry.kinds.includes(command.kind),
  );
  return special?.name ?? NAME_OF_NUMBER.get(number) ?? 'other';
}

function byNumber(command: DrbdCommand, number: number, stderr: string): DrbdOutcome {
  const done = FULFILLED.find(
    (entry) =>
      entry.kind === command.kind &&
      entry.number === number &&
      (entry.stderr === undefined || stderr.includes(entry.stderr)),
  );
  if (done !== undefined) return { kind: 'ok', note: done.note };
  return refusal(nameOf(command, number), number, stderr);
}

const NAME_OF_NUMBER = new Map<number, DrbdRefusal>(
  Object.entries(REFUSALS).flatMap(([name, entry]) =>
    entry.numbers.map((number) => [number, name as DrbdRefusal] as const),
  ),
);

/** Without a number: drbdadm's own refusals, and what could not be run at all. */
function byExitCode(command: DrbdCommand, exitCode: number, stderr: string): DrbdOutcome {
  if (/not defined in your config/.test(stderr)) return refusal('notConfigured', null, stderr);
  if (/^open\(.{1,200}Permission denied|Operation not permitted/m.test(stderr)) {
    return refusal('permission', null, stderr);
  }
  if (/^Device '\d{1,7}' is configured!/m.test(stderr)) {
    return refusal('alreadyAttached', null, stderr);
  }
  if (/did not terminate within/.test(stderr)) return refusal('timeout', null, stderr);
  if (/modprobe|generic netlink family|not loaded/.test(stderr)) {
    return refusal('moduleMissing', null, stderr);
  }
  if (/No such resource/.test(stderr)) return refusal('resourceMissing', null, stderr);
  switch (exitCode) {
    case 5:
      return command.kind === 'outdate'
        ? { kind: 'ok', note: 'the disk is Inconsistent or worse already' }
        : refusal('timeout', null, stderr);
    case 16:
      return refusal('noLocalDisk', -4, stderr);
    case 17:
      return refusal(nameOf(command, -2), -2, stderr);
    case 121:
      return refusal('moduleMissing', null, stderr);
    case 126:
    case 127:
      return refusal('toolsMissing', null, stderr);
    case 1:
    case 2:
      return refusal('usage', null, stderr);
    case 10:
      return refusal('badConfiguration', null, stderr);
    default:
      return refusal('other', null, stderr);
  }
}
