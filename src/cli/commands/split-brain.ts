import type { Command } from 'commander';
import type { ExitName } from '../../base/exit-codes.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { renderAccount } from '../render-split-brain.js';
import { accountOf, type SplitBrainAccount } from '../split-brain-account.js';
import { nodeFile, sidesFromFiles } from '../split-brain-files.js';
import { liveAccount, policiesOf } from '../split-brain-live.js';
import { addResolve } from './split-brain-resolve.js';

interface InspectOptions extends CommonOptions {
  readonly gi: readonly string[];
  readonly proc: readonly string[];
}

const EXIT_HELP = `
Without tandemd on both nodes, save on each:  drbdadm get-gi r0 > gi-NODE; cat /proc/drbd > proc-NODE
and give both:  tandem split-brain inspect r0 --gi n1=gi-n1 --gi n2=gi-n2 --proc n1=proc-n1 ...

Exit codes: 0 no split brain, 1 split brain or unrelated data, 4 it cannot be told`;

const collect = (word: string, before: readonly string[]): readonly string[] => [...before, word];

/** `tandem split-brain inspect|resolve`: explains a split brain, and settles it on request. */
export function addSplitBrain(program: Command, context: CommandContext): void {
  const splitBrain = program
    .command('split-brain')
    .summary('explain a split brain of DRBD, and settle it')
    .description('Two nodes that each changed data while they were apart: what each one has.');
  addInspect(splitBrain, context);
  addResolve(splitBrain, context);
}

function addInspect(splitBrain: Command, context: CommandContext): void {
  const command = splitBrain
    .command('inspect')
    .summary('is it a split brain, and what does each side have?')
    .description(
      'Compare the generation identifiers of both nodes: is it a split brain, what has each side ' +
        'that the other lacks, which one is newer, and what can be done. Changes nothing.',
    )
    .argument('[resource]', 'the DRBD resource (default: the only one)')
    .option('--gi <node=file>', 'what "drbdadm get-gi" printed on a node; twice', collect, [])
    .option('--proc <node=file>', 'its /proc/drbd, with --gi; twice', collect, [])
    .addHelpText('after', EXIT_HELP);
  withCommonOptions(command).action(
    async (argument: string | undefined, options: InspectOptions) => {
      const resource = argument === undefined ? null : named(argument, 'the resource');
      const isOffline = options.gi.length > 0 || options.proc.length > 0;
      const account = isOffline
        ? await accountFromFiles(resource ?? 'r0', options)
        : (await liveAccount(clientOf(options), resource)).account;
      tell(account, options, context);
    },
  );
}

async function accountFromFiles(
  resource: string,
  options: InspectOptions,
): Promise<SplitBrainAccount> {
  const gi = options.gi.map((word) => nodeFile(word, '--gi'));
  const proc = options.proc.map((word) => nodeFile(word, '--proc'));
  const sides = await sidesFromFiles(resource, gi, proc);
  return accountOf(resource, sides, await policiesOf(resource));
}

function tell(account: SplitBrainAccount, options: CommonOptions, context: CommandContext): void {
  const { console } = context;
  const isJson = options.json === true;
  console.out(isJson ? `${JSON.stringify(account)}\n` : renderAccount(account, console.style));
  context.exit(exitOf(account));
}

function exitOf({ verdict, isSplitBrain }: SplitBrainAccount): ExitName {
  if (verdict === 'unknown') return 'unknown';
  return isSplitBrain || verdict === 'unrelated' ? 'failed' : 'ok';
}
