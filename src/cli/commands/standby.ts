import type { Command } from 'commander';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';

/** `tandem standby [NODE]`: move everything off a node and keep it free. */
export function addStandby(program: Command, context: CommandContext): void {
  addModeCommand(program, context, {
    kind: 'standby',
    summary: 'move everything off a node and keep it free',
    description: 'Move all groups off a node and start none there until "tandem online".',
  });
}

/** `tandem online [NODE]`: let a node hold groups again. */
export function addOnline(program: Command, context: CommandContext): void {
  addModeCommand(program, context, {
    kind: 'online',
    summary: 'let a node hold groups again',
    description: 'End the standby of a node. Nothing moves back unless its group says so.',
  });
}

interface ModeCommand {
  readonly kind: 'standby' | 'online';
  readonly summary: string;
  readonly description: string;
}

function addModeCommand(program: Command, context: CommandContext, mode: ModeCommand): void {
  const command = program
    .command(mode.kind)
    .summary(mode.summary)
    .description(mode.description)
    .argument('[node]', 'the node (default: this one)');
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string | undefined, options: ChangeOptions) => {
      const node = argument === undefined ? null : named(argument, 'the node');
      await carryOut({ kind: mode.kind, node }, options, context);
    },
  );
}
