import type { Command } from 'commander';
import { nearestWord } from '../../base/diagnostic.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  exitName,
  named,
  withCommonOptions,
  type CommandContext,
} from '../command-context.js';
import { confirmTyped } from '../confirm.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { userName } from '../user-name.js';

interface NowOptions extends ChangeOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}

interface ConfirmOptions extends ChangeOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

const WARNING = `You state that the node is off and stays off. If it still runs, two nodes will write to the
same data, and one of the two copies will be lost.
`;

/** `tandem fence NODE|test|confirm`: the power of the nodes. */
export function addFence(program: Command, context: CommandContext): void {
  const fence = program
    .command('fence')
    .usage('<node> | test [node] | confirm <node>')
    .summary('cut the power of a node, test its fence devices, or confirm that it is off')
    .description(
      'The power of the nodes. "tandem fence NODE" is short for "tandem fence now NODE".',
    );
  addNow(fence, context);
  addTest(fence, context);
  addConfirm(fence, context);
}

/** `tandem fence NODE`: the node is asked for its power state first, then shot, level by level. */
function addNow(fence: Command, context: CommandContext): void {
  const command = fence
    .command('now', { isDefault: true })
    .summary('cut the power of a node')
    .description(
      'Cut the power of a node with its fence devices. It counts as off only when they confirm it. ' +
        'A node that is up is fenced only with --yes, or when its name is typed.',
    )
    .usage('<node> [options]')
    .argument('<node>', 'the node to fence')
    .argument('[more...]')
    .option('--reason <text>', 'why; recorded with your name')
    .option('--yes', 'also a node that is up, with all that runs there; do not ask');
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string, more: readonly string[], options: NowOptions) => {
      const node = named(argument, 'the node');
      if (more.length > 0) throw unknownCommand(node, fence);
      const reason = options.reason === undefined ? null : named(options.reason, 'the reason');
      const request = { kind: 'fence', node, by: await userName(), reason } as const;
      const isTyped = options.yes !== true && options.dryRun !== true && isTerminal();
      if (isTyped && !(await confirmed(request, options, context))) return;
      const sure = options.yes === true || options.dryRun === true || isTyped;
      await carryOut({ ...request, sure }, options, context);
    },
  );
}

function isTerminal(): boolean {
  const ends: readonly { readonly isTTY?: boolean }[] = [process.stdin, process.stderr];
  return ends.every(({ isTTY }) => isTTY === true);
}

/** Words that are no node and no command: the nearest command is worth more than "too many words". */
function unknownCommand(word: string, fence: Command): CliFailure {
  const nearest = nearestWord(word, fence.commands.map((one) => one.name()));
  const hint = nearest === undefined ? '; only one node can be named' : ` (did you mean ${nearest}?)`;
  return new CliFailure('usage', `unknown command '${word}'${hint}`);
}

/** Says what would follow, and has the name typed. False: the daemon refuses, which was told. */
async function confirmed(
  request: { kind: 'fence'; node: string; by: string; reason: string | null },
  options: NowOptions,
  context: CommandContext,
): Promise<boolean> {
  const preview = await clientOf(options).request({ request: { ...request, sure: true }, dryRun: true });
  if (preview.state === 'refused' || exitName(preview.exit) !== 'ok') {
    await carryOut({ ...request, sure: true }, { ...options, dryRun: true }, context);
    return false;
  }
  const warning = `${preview.message}\nIts power is cut: what it has not written yet is lost.\n`;
  const statement = `${request.node} is to be fenced`;
  await confirmTyped({ warning, what: 'the node', name: request.node, statement });
  return true;
}

/** `tandem fence test [NODE]`: asks every device for the state of the power; nobody is shot. */
function addTest(fence: Command, context: CommandContext): void {
  const command = fence
    .command('test')
    .summary('ask fence devices for the state of the power; nobody is shot')
    .description(
      'Ask every fence device of every level of a node whether the power is on. Nothing is ' +
        'switched. Says what was found, how long it took, and what stays unproven.',
    )
    .argument('[node]', 'the node whose devices are asked (default: every other node)');
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string | undefined, options: ChangeOptions) => {
      const node = argument === undefined ? null : named(argument, 'the node');
      await carryOut({ kind: 'fenceTest', node, by: await userName() }, options, context);
    },
  );
}

/**
 * `tandem fence confirm NODE --reason TEXT`: the operator vouches that a node is off. The one
 * command that can destroy data when it is not true, so it wants the name typed out.
 */
function addConfirm(fence: Command, context: CommandContext): void {
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
