import type { Command } from 'commander';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';

/** `tandem cleanup GROUP`: forget failures after the cause is mended, and look again. */
export function addCleanup(program: Command, context: CommandContext): void {
  const command = program
    .command('cleanup')
    .summary('forget failures of a group and try again')
    .description('Forget the failures of a group after their cause is mended, and look again.')
    .argument('<group>', 'the group');
  withCommonOptions(withChangeOptions(command)).action(
    async (group: string, options: ChangeOptions) => {
      await carryOut({ kind: 'cleanup', group: named(group, 'the group') }, options, context);
    },
  );
}
