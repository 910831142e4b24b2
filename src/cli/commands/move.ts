import type { Command } from 'commander';
import { CliFailure } from '../cli-failure.js';
import { clientOf, named, withCommonOptions, type CommandContext } from '../command-context.js';
import { confirmTyped } from '../confirm.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { userName } from '../user-name.js';

interface MoveOptions extends ChangeOptions {
  readonly to?: string;
  readonly forceOldData?: boolean;
  readonly yesLoseData?: string;
  readonly reason?: string;
}

const HELP = `
--force-old-data is for the survivor of a disaster: the node with the newer data is off and does not
come back. It is typed on the node whose copy is used (--to), says what is lost, and asks for the name
of the group; --yes-lose-data NODE names the node whose newer data is given up instead. That node must
be confirmed off as ever, and when it returns its data is a split brain: nothing of it is used silently.
A disk that is Inconsistent is never used.`;

/** `tandem move GROUP [--to NODE]`: stop the group here, start it there; leaves no pin behind. */
export function addMove(program: Command, context: CommandContext): void {
  const command = program
    .command('move')
    .summary('move a group to another node')
    .description('Stop a group where it runs and start it on another node. Leaves no pin behind.')
    .argument('<group>', 'the group to move')
    .option('--to <node>', 'the node to move it to (default: the best other node)')
    .option('--force-old-data', 'start it there although another node has newer data, which is lost')
    .option('--yes-lose-data <node>', 'with --force-old-data: the node whose newer data is lost; do not ask')
    .option('--reason <text>', 'with --force-old-data: why; recorded with your name')
    .addHelpText('after', HELP);
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string, options: MoveOptions) => {
      const group = named(argument, 'the group');
      const to = options.to === undefined ? null : named(options.to, 'the node of --to');
      if (options.forceOldData === true) await forceOldData(group, to, options, context);
      else if (options.yesLoseData !== undefined || options.reason !== undefined) {
        throw new CliFailure('usage', '--yes-lose-data and --reason go with --force-old-data only');
      } else await carryOut({ kind: 'move', group, to }, options, context);
    },
  );
}

/** Says what would be lost before anything else, and has it typed. */
async function forceOldData(
  group: string,
  node: string | null,
  options: MoveOptions,
  context: CommandContext,
): Promise<void> {
  if (node === null) throw new CliFailure('usage', '--force-old-data needs --to, the node whose copy is used');
  const reason = options.reason === undefined ? null : named(options.reason, 'the reason');
  const loses =
    options.yesLoseData === undefined ? null : named(options.yesLoseData, 'the node of --yes-lose-data');
  const request = { kind: 'forceOldData', group, node, by: await userName(), reason, loses } as const;
  if (loses === null && options.dryRun !== true) {
    const preview = await clientOf(options).request({ request, dryRun: true });
    if (preview.state === 'refused' || preview.state === 'failed') {
      await carryOut(request, { ...options, dryRun: true }, context);
      return;
    }
    const warning = `${preview.message}\nThis cannot be undone.\n`;
    const statement = `${group} is to be started with old data`;
    await confirmTyped({ warning, what: 'the group', name: group, statement, cure: '--yes-lose-data NODE' });
  }
  await carryOut(request, options, context);
}
