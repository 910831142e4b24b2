import type { Command } from 'commander';
import type { HoldWish, OperatorRequest } from '../../base/control.js';
import { formatDuration, parseDuration } from '../../base/duration.js';
import { CliFailure } from '../cli-failure.js';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { userName } from '../user-name.js';

/**
 * What stays until it is lifted: `freeze`, `disable`, `maintenance`, and their ends. Each is kept
 * with the name of the user, a reason, and an end if one is set.
 */

/** What everything that stays until it is lifted may be given. */
export interface HoldOptions extends ChangeOptions {
  readonly reason?: string;
  readonly for?: string;
}

/** As the daemon takes it: a second to a year. */
const FOR_MS_MIN = 1_000;
const FOR_MS_MAX = 366 * 86_400_000;

/** `tandem freeze GROUP`: leave a group alone, whatever happens. */
export function addFreeze(program: Command, context: CommandContext): void {
  const command = program
    .command('freeze')
    .summary('leave a group as it is, whatever happens')
    .description(
      'Start, stop and move nothing of a group, also when its node fails, until "tandem unfreeze" ' +
        'or until the time is over. It is still looked at, and what is wrong is shown.',
    )
    .argument('<group>', 'the group to leave alone');
  withHoldOptions(command).action(async (argument: string, options: HoldOptions) => {
    const group = named(argument, 'the group');
    await carryOut({ kind: 'freeze', group, ...(await wishOf(options)) }, options, context);
  });
}

/** `tandem disable GROUP`: stop a group and keep it stopped. */
export function addDisable(program: Command, context: CommandContext): void {
  const command = program
    .command('disable')
    .summary('stop a group and keep it stopped')
    .description('Stop a group and start it on no node until "tandem enable", or for a time.')
    .argument('<group>', 'the group to stop');
  withHoldOptions(command).action(async (argument: string, options: HoldOptions) => {
    const group = named(argument, 'the group');
    await carryOut({ kind: 'disable', group, ...(await wishOf(options)) }, options, context);
  });
}

/** `tandem maintenance on|off`: leave everything alone. */
export function addMaintenance(program: Command, context: CommandContext): void {
  const maintenance = program
    .command('maintenance')
    .summary('leave the whole cluster alone, or end that')
    .description('While it is on nothing is started, stopped, moved or fenced on any node.');
  const on = maintenance
    .command('on')
    .summary('leave the whole cluster alone')
    .description(
      'Start, stop, move and fence nothing until "tandem maintenance off", or for a time. tandemd ' +
        'may be stopped meanwhile: what runs goes on, and is adopted when tandemd is back.',
    );
  withHoldOptions(on).action(async (options: HoldOptions) => {
    await carryOut({ kind: 'maintenance', ...(await wishOf(options)) }, options, context);
  });
  const off = maintenance
    .command('off')
    .summary('end the maintenance')
    .description('End the maintenance. What has failed meanwhile is recovered.');
  withCommonOptions(withChangeOptions(off)).action(async (options: ChangeOptions) => {
    await carryOut({ kind: 'endMaintenance', by: await userName() }, options, context);
  });
}

interface GroupCommand {
  readonly kind: 'enable' | 'unfreeze' | 'restart';
  readonly summary: string;
  readonly description: string;
}

const GROUP_COMMANDS: readonly GroupCommand[] = [
  {
    kind: 'unfreeze',
    summary: 'end the freeze of a group',
    description: 'End the freeze of a group. What has failed meanwhile is recovered.',
  },
  {
    kind: 'enable',
    summary: 'let a disabled group run again',
    description: 'Let a disabled group run again. It is started on the best node.',
  },
  {
    kind: 'restart',
    summary: 'stop a group and start it on the same node',
    description: 'Stop a group and start it again on the node where it runs, never elsewhere.',
  },
];

/** `tandem unfreeze|enable|restart GROUP`. */
export function addGroupCommands(program: Command, context: CommandContext): void {
  for (const { kind, summary, description } of GROUP_COMMANDS) {
    const command = program
      .command(kind)
      .summary(summary)
      .description(description)
      .argument('<group>', 'the group');
    withCommonOptions(withChangeOptions(command)).action(
      async (argument: string, options: ChangeOptions) => {
        const group = named(argument, 'the group');
        const request: OperatorRequest = { kind, group, by: await userName() };
        await carryOut(request, options, context);
      },
    );
  }
}

/** Options of everything that stays until it is lifted. */
export function withHoldOptions(command: Command): Command {
  command
    .option('--reason <text>', 'why; shown to everybody with your name')
    .option('--for <time>', 'for how long, such as 30m or 2h (default: until it is lifted)');
  return withCommonOptions(withChangeOptions(command));
}

/** Who asks, why, and for how long. */
export async function wishOf(options: HoldOptions): Promise<HoldWish> {
  const reason = options.reason === undefined ? null : named(options.reason, 'the reason');
  const forMs = options.for === undefined ? null : timeOf(options.for);
  return { by: await userName(), reason, forMs };
}

function timeOf(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new CliFailure('usage', `option --for: "${text}" is not ${parsed.error}`);
  if (parsed.value >= FOR_MS_MIN && parsed.value <= FOR_MS_MAX) return parsed.value;
  const limits = `${formatDuration(FOR_MS_MIN)} to ${formatDuration(FOR_MS_MAX)}`;
  throw new CliFailure('usage', `option --for: ${text} is not within ${limits}`);
}
