import type { Command } from 'commander';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';

interface MoveOptions extends ChangeOptions {
  readonly to?: string;
}

/** `tandem move GROUP [--to NODE]`: stop the group here, start it there; leaves no pin behind. */
export function addMove(program: Command, context: CommandContext): void {
  const command = program
    .command('move')
    .summary('move a group to another node')
    .description('Stop a group where it runs and start it on another node. Leaves no pin behind.')
    .argument('<group>', 'the group to move')
    .option('--to <node>', 'the node to move it to (default: the best other node)');
  withCommonOptions(withChangeOptions(command)).action(
    async (group: string, options: MoveOptions) => {
      const to = options.to === undefined ? null : named(options.to, 'the node of --to');
      await carryOut({ kind: 'move', group: named(group, 'the group'), to }, options, context);
    },
  );
}
