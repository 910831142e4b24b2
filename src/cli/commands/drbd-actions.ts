import { Option, type Command } from 'commander';
import { formatDuration, parseDuration } from '../../base/duration.js';
import { VOLUME_ACTIONS, type DrbdAction } from '../../drbd/action.js';
import { CliFailure } from '../cli-failure.js';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import type { ActOptions } from '../drbd-act.js';

/** The options as commander gives them. */
interface RawOptions extends Omit<ActOptions, 'timeoutMs'> {
  readonly timeout?: string;
  readonly wait?: boolean;
}

/** What each action is for, in one line. */
const SUMMARIES: Readonly<Record<Exclude<DrbdAction, 'verify'>, string>> = {
  promote: 'make a resource Primary on this machine',
  demote: 'make a resource Secondary on this machine',
  up: 'attach the disks of a resource and connect it',
  down: 'take a resource out of the kernel',
  connect: 'let a resource connect to its peer',
  disconnect: 'end the connection of a resource (StandAlone)',
  attach: 'attach the local disk',
  detach: 'detach the local disk',
  adjust: 'bring the kernel in line with the configuration files of DRBD',
  outdate: 'mark the local disk Outdated, so that it is not promoted',
  invalidate: 'throw the local data away and copy those of the peer',
};

/** Online verify reads both disks whole: a day is a lot of data, and a bound all the same. */
const FOLLOW_DEFAULT = '24h';
/** Longer than any sane run. */
const TIMEOUT_MAX_MS = 30 * 86_400_000;

/**
 * `tandem drbd promote r0` and its like. What they need to run programs is loaded when one is run:
 * every other command would wait for it.
 */
export function addDrbdActions(group: Command, context: CommandContext): void {
  const actions = Object.entries(SUMMARIES) as (readonly [keyof typeof SUMMARIES, string])[];
  for (const [action, summary] of actions) {
    const command = actionCommand(group, action, summary)
      .option('--timeout <time>', 'how long the command of DRBD may take');
    if (action === 'invalidate') command.option('--yes', 'do not ask to type the name');
    command.action(async (resource: string, options: RawOptions) => {
      const { timeout, ...rest } = options;
      const limit = timeout === undefined ? {} : { timeoutMs: timeoutOf(timeout) };
      const { actOnDrbd } = await import('../drbd-act.js');
      await actOnDrbd(action, named(resource, 'the resource'), { ...rest, ...limit }, context);
    });
  }
  addVerify(group, context);
  addWaitSync(group, context);
}

function actionCommand(group: Command, action: string, summary: string): Command {
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  const argument = VOLUME_ACTIONS.has(action) ? '<resource[/volume]>' : '<resource>';
  const command = group
    .command(action)
    .summary(summary)
    .description(`${sentence} Works without tandemd.`)
    .argument(argument, 'as in the configuration of DRBD, such as r0')
    .option('--dry-run', 'print the command, and run nothing')
    .option('--despite-tandemd', 'act although the resource belongs to a group of tandemd')
    .option('--config <dir>', 'configuration of tandemd, asked when it is down')
    .addOption(new Option('--proc-drbd <path>').default('/proc/drbd').hideHelp());
  return withCommonOptions(command);
}

function addVerify(group: Command, context: CommandContext): void {
  actionCommand(group, 'verify', 'compare both copies block by block, while they are in use')
    .option('--timeout <time>', 'how long to follow it; it goes on by itself', FOLLOW_DEFAULT)
    .option('--no-wait', 'start it and do not follow it')
    .addHelpText('after', '\nExit codes: 0 equal, 1 the copies differ or it broke off, 124 not done in time')
    .action(async (resource: string, options: RawOptions) => {
      const { verifyDrbd } = await import('../drbd-watch.js');
      await verifyDrbd(named(resource, 'the resource'), followOptions(options), context);
    });
}

function addWaitSync(group: Command, context: CommandContext): void {
  actionCommand(group, 'wait-sync', 'wait until both copies are UpToDate')
    .option('--timeout <time>', 'how long to wait', FOLLOW_DEFAULT)
    .addHelpText('after', '\nExit codes: 0 in sync, 1 it will not come by itself, 124 not in time')
    .action(async (resource: string, options: RawOptions) => {
      const { waitForSync } = await import('../drbd-watch.js');
      await waitForSync(named(resource, 'the resource'), followOptions(options), context);
    });
}

function followOptions(options: RawOptions): ActOptions & { limitMs: number; wait: boolean } {
  const { timeout, ...rest } = options;
  return { ...rest, limitMs: timeoutOf(timeout ?? FOLLOW_DEFAULT), wait: options.wait !== false };
}

function timeoutOf(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new CliFailure('usage', `option --timeout: "${text}" is not ${parsed.error}`);
  if (parsed.value > 0 && parsed.value <= TIMEOUT_MAX_MS) return parsed.value;
  const limit = formatDuration(TIMEOUT_MAX_MS);
  throw new CliFailure('usage', `option --timeout: it is more than 0 and at most ${limit}`);
}
