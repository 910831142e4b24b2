import type { Command } from 'commander';
import type { StandbyScope } from '../../base/status.js';
import { CliFailure } from '../cli-failure.js';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { userName } from '../user-name.js';
import { withHoldOptions, wishOf, type HoldOptions } from './hold.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';

interface StandbyOptions extends HoldOptions {
  readonly all?: boolean;
  readonly foreign?: boolean;
  readonly local?: boolean;
}

/** `tandem standby [NODE] [--foreign|--local|--all]`: move groups off a node and keep it free. */
export function addStandby(program: Command, context: CommandContext): void {
  const command = program
    .command('standby')
    .summary('move everything off a node and keep it free')
    .description('Move groups off a node and start none of them there until "tandem online".')
    .argument('[node]', 'the node (default: this one)')
    .option('--all', 'all groups (the default)')
    .option('--foreign', 'only groups that prefer another node')
    .option('--local', 'only groups that prefer this node');
  withHoldOptions(command).action(
    async (argument: string | undefined, options: StandbyOptions) => {
      const node = argument === undefined ? null : named(argument, 'the node');
      const scope = scopeOf(options);
      const request = { kind: 'standby', node, ...(await wishOf(options)) } as const;
      await carryOut(scope === 'all' ? request : { ...request, scope }, options, context);
    },
  );
}

function scopeOf(options: StandbyOptions): StandbyScope {
  const given = (['all', 'foreign', 'local'] as const).filter((scope) => options[scope] === true);
  if (given.length <= 1) return given[0] ?? 'all';
  const words = given.map((scope) => `--${scope}`).join(' and ');
  throw new CliFailure('usage', `only one of --all, --foreign and --local can be given, not ${words}`);
}

/** `tandem online [NODE]`: let a node hold groups again. */
export function addOnline(program: Command, context: CommandContext): void {
  const command = program
    .command('online')
    .summary('let a node hold groups again')
    .description('End the standby of a node. Nothing moves back unless its group says so.')
    .argument('[node]', 'the node (default: this one)');
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string | undefined, options: ChangeOptions) => {
      const node = argument === undefined ? null : named(argument, 'the node');
      await carryOut({ kind: 'online', node, by: await userName() }, options, context);
    },
  );
}
