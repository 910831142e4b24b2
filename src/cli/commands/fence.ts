import type { Command } from 'commander';
import { named, withCommonOptions, type CommandContext } from '../command-context.js';
import { confirmTyped } from '../confirm.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { userName } from '../user-name.js';

interface ConfirmOptions extends ChangeOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

const WARNING = `You state that the node is off and stays off. If it still runs, two nodes will write to the
same data, and one of the two copies will be lost.
`;

/**
 * `tandem fence confirm NODE --reason TEXT`: the operator vouches that a node is off. The one
 * command that can destroy data when it is not true, so it wants the name typed out.
 */
export function addFence(program: Command, context: CommandContext): void {
  const fence = program
    .command('fence')
    .summary('confirm that a node is off')
    .description('What an operator states about the power of a node.');
  const command = fence
    .command('confirm')
    .summary('state that a node is off')
    .description('State that a node is off, so that its groups may start elsewhere. Recorded.')
    .argument('<node>', 'the node that is off')
    .requiredOption('--reason <text>', 'how you know; recorded with your name')
    .option('--yes', 'do not ask to type the name of the node');
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string, options: ConfirmOptions) => {
      const node = named(argument, 'the node');
      const reason = named(options.reason, 'the reason');
      const sure = options.yes === true || options.dryRun === true;
      if (!sure) {
        const statement = `${node} is off`;
        await confirmTyped({ warning: WARNING, what: 'the node', name: node, statement });
      }
      const by = await userName();
      await carryOut({ kind: 'fenceConfirm', node, by, reason }, options, context);
    },
  );
}
