import type { Command } from 'commander';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
} from '../command-context.js';
import { confirmTyped } from '../confirm.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { saveBlocks } from '../save-blocks.js';
import type { AccountChoice, AccountSide, SplitBrainAccount } from '../split-brain-account.js';
import { liveAccount, type LiveAccount } from '../split-brain-live.js';
import { userName } from '../user-name.js';

interface ResolveOptions extends ChangeOptions {
  readonly discard: string;
  readonly saveTo?: string;
  readonly reason: string;
  readonly yes?: boolean;
}

const HELP = `
Refused unless both daemons hear each other, it is a split brain, the group is stopped and the device
Secondary on the node that loses, and the other node's disk is UpToDate. Interrupted halfway it can be
run again; the daemons go on with what was asked when this program ends.`;

/** `tandem split-brain resolve RESOURCE --discard NODE`: throws one side's changes away. */
export function addResolve(splitBrain: Command, context: CommandContext): void {
  const command = splitBrain
    .command('resolve')
    .summary('throw away what one side has, and connect again')
    .description(
      'Settle a split brain: what only one node has is thrown away, the other node stays as it is. ' +
        'Checks everything again, says what will be lost, and asks.',
    )
    .argument('<resource>', 'the DRBD resource')
    .requiredOption('--discard <node>', 'the node that loses what only it has')
    .option('--save-to <directory>', 'first save the blocks of that node (run it there)')
    .option('--reason <text>', 'why this side; recorded with your name', 'no reason given')
    .option('--yes', 'do not ask to type the name of the node')
    .addHelpText('after', HELP);
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string, options: ResolveOptions) => {
      const resource = named(argument, 'the resource');
      const node = named(options.discard, 'the node of --discard');
      const reason = named(options.reason, 'the reason');
      const live = await liveAccount(clientOf(options), resource);
      const { choice, side } = chosen(live.account, node);
      tellLoss(choice, side, options, context);
      const isSure = options.yes === true || options.dryRun === true;
      if (options.saveTo !== undefined) await save(live, node, options.saveTo, options);
      if (!isSure) await ask(node, choice);
      const by = await userName();
      const { fingerprint } = live.account;
      const request = { kind: 'discard', resource, node, fingerprint, by, reason } as const;
      await carryOut(request, options, context);
    },
  );
}

interface Chosen {
  readonly choice: AccountChoice;
  readonly side: AccountSide;
}

function chosen(account: SplitBrainAccount, node: string): Chosen {
  const { isSplitBrain, resource, sentence, advice, verdict } = account;
  if (verdict === 'unknown') {
    throw new CliFailure('unknown', `It cannot be told whether ${resource} is split: ${sentence}`);
  }
  if (!isSplitBrain) {
    const cure = advice.length === 0 ? '' : `; see "tandem split-brain inspect ${resource}"`;
    throw new CliFailure('unsafe', `${resource} is not split: ${sentence}${cure}`);
  }
  const choice = account.choices.find(({ discard }) => discard === node);
  const side = account.sides.find((one) => one.node === node);
  if (choice === undefined || side === undefined) {
    const names = account.sides.map((one) => one.node).join(', ');
    throw new CliFailure('noSuch', `${node} has no half of ${resource}; there is: ${names}`);
  }
  return { choice, side };
}

/** On standard error, so that what a pipe gets is the outcome alone. */
function tellLoss(
  choice: AccountChoice,
  side: AccountSide,
  options: ResolveOptions,
  { console }: CommandContext,
): void {
  if (options.json === true) return;
  const lines = [
    `${choice.loses}; ${choice.keep} stays as it is.`,
    `  ${side.node} on its own: ${side.aloneSentence}`,
    `  database of ${side.node}: ${side.databaseSentence}`,
  ];
  console.err(`${lines.join('\n')}\n`);
}

async function ask(node: string, choice: AccountChoice): Promise<void> {
  const warning = `This throws away what only ${node} has: ${choice.loses}. It cannot be undone.\n`;
  const statement = `${node} loses its changes`;
  await confirmTyped({ warning, what: 'the node', name: node, statement });
}

async function save(
  { account, self }: LiveAccount,
  node: string,
  directory: string,
  options: ResolveOptions,
): Promise<void> {
  if (node !== self) {
    const cure = `run this command on ${node}`;
    throw new CliFailure('unsafe', `The blocks of ${node} can be saved only there: ${cure}`);
  }
  const side = account.sides.find((one) => one.node === node);
  if (side?.role !== 'Secondary') {
    throw new CliFailure('unsafe', `${node} is ${side?.role ?? 'Unknown'}: a copy would change while it is made`);
  }
  await saveBlocks({
    resource: account.resource,
    node,
    directory,
    dryRun: options.dryRun === true,
    tell: (sentence) => {
      if (options.json !== true) process.stderr.write(`${sentence}\n`);
    },
  });
}
