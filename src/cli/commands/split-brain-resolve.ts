import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseByteSize } from '../../base/byte-size.js';
import type { OperatorRequest } from '../../base/control.js';
import { CliFailure } from '../cli-failure.js';
import type { Client } from '../client.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
} from '../command-context.js';
import { confirmTyped } from '../confirm.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { saveBlocks } from '../save-blocks.js';
import { saveSnapshots } from '../save-snapshot.js';
import type { AccountChoice, AccountSide, SplitBrainAccount } from '../split-brain-account.js';
import { liveAccount, type LiveAccount } from '../split-brain-live.js';
import { userName } from '../user-name.js';

interface ResolveOptions extends ChangeOptions {
  readonly discard: string;
  readonly saveTo?: string;
  readonly saveSnapshot?: boolean;
  readonly snapshotSize?: string;
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
    .option('--save-snapshot', 'first make an LVM snapshot of what that node has (run it there)')
    .option('--snapshot-size <size>', 'its room, such as 2G (default: so much that it cannot become full)')
    .option('--save-to <directory>', 'first copy the blocks of that node (run it there)')
    .option('--reason <text>', 'why this side; recorded with your name', 'no reason given')
    .option('--yes', 'do not ask to type the name of the node')
    .addHelpText('after', HELP);
  withCommonOptions(withChangeOptions(command)).action(
    async (argument: string, options: ResolveOptions) => {
      const resource = named(argument, 'the resource');
      const node = named(options.discard, 'the node of --discard');
      const reason = named(options.reason, 'the reason');
      const roomBytes = roomOf(options);
      const client = clientOf(options);
      const live = await liveAccount(client, resource).catch((error: unknown) => {
        throw withoutDaemon(error, resource);
      });
      const { choice, side } = chosen(live.account, node);
      const by = await userName();
      const { fingerprint } = live.account;
      const request = { kind: 'discard', resource, node, fingerprint, by, reason } as const;
      // What will be refused is not worth a question, nor a copy.
      if (await isAllowed(client, request)) {
        tellLoss(choice, side, options, context);
        if (isSaving(options)) refuseToSave(live, node);
        if (options.yes !== true && options.dryRun !== true) await ask(node, choice);
        await save(live, node, roomBytes, options);
        // A copy keeps a small machine so busy that it stands still.
        if (isSaving(options)) await isAllowed(client, request);
      }
      await carryOut(request, options, context);
    },
  );
}

/** By hand it can be done without the daemons: inspect says how, for either choice. */
function withoutDaemon(error: unknown, resource: string): unknown {
  if (!(error instanceof CliFailure) || error.exit !== 'daemonDown') return error;
  const cure = `it must run on both nodes; "tandem split-brain inspect ${resource}" tells the steps by hand`;
  return new CliFailure('daemonDown', `${error.message}: ${cure}`);
}

/** A node that listens again after it stood still, or reads identifiers, is ready within seconds. */
const JUDGE_PATIENCE_MS = 10_000;
const JUDGE_EVERY_MS = 300;

/** Whether the daemon would do it; asked again while it does not know. */
async function isAllowed(client: Client, request: OperatorRequest): Promise<boolean> {
  const endMs = performance.now() + JUDGE_PATIENCE_MS;
  for (;;) {
    const { state, exit } = await client.request({ request, dryRun: true });
    if (state !== 'refused') return true;
    if (exit !== 'unknown' || performance.now() >= endMs) return false;
    await sleep(JUDGE_EVERY_MS);
  }
}

function isSaving({ saveTo, saveSnapshot }: ResolveOptions): boolean {
  return saveTo !== undefined || saveSnapshot === true;
}

/** The room of a snapshot in bytes; null for the default. */
function roomOf({ snapshotSize, saveSnapshot }: ResolveOptions): number | null {
  if (snapshotSize === undefined) return null;
  if (saveSnapshot !== true) throw new CliFailure('usage', 'option --snapshot-size needs --save-snapshot');
  const size = parseByteSize(snapshotSize);
  if (size.ok) return size.value;
  throw new CliFailure('usage', `option --snapshot-size: "${snapshotSize}" is not ${size.error}`);
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

/** Only on the node itself, and only while nothing changes. */
function refuseToSave({ account, self }: LiveAccount, node: string): void {
  if (node !== self) {
    const cure = `run this command on ${node}`;
    throw new CliFailure('unsafe', `The blocks of ${node} can be saved only there: ${cure}`);
  }
  const side = account.sides.find((one) => one.node === node);
  if (side?.role !== 'Secondary') {
    throw new CliFailure('unsafe', `${node} is ${side?.role ?? 'Unknown'}: a copy would change while it is made`);
  }
}

async function save(
  { account }: LiveAccount,
  node: string,
  roomBytes: number | null,
  options: ResolveOptions,
): Promise<void> {
  const { resource } = account;
  const dryRun = options.dryRun === true;
  const tell = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  if (options.saveSnapshot === true) {
    // Bitmaps are put together: the resync copies what either side has changed.
    const changed = account.sides.map(({ changedBytes }) => changedBytes);
    const overwrittenBytes = changed.reduce(
      (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
      0,
    );
    await saveSnapshots({ resource, overwrittenBytes, roomBytes, dryRun, tell });
  }
  if (options.saveTo !== undefined) {
    await saveBlocks({ resource, node, directory: options.saveTo, dryRun, tell });
  }
}
