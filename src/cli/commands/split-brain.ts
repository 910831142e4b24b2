import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { DatabasePosition } from '../../base/database-position.js';
import type { ExitName } from '../../base/exit-codes.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { renderAccount } from '../render-split-brain.js';
import { accountOf, type SplitBrainAccount } from '../split-brain-account.js';
import { readOwnDisk, tellPosition } from '../split-brain-disk.js';
import { nodeFile, sidesFromFiles } from '../split-brain-files.js';
import { liveAccount, policiesOf } from '../split-brain-live.js';
import { onlyResource, ownAccount } from '../split-brain-own.js';
import { addResolve } from './split-brain-resolve.js';

interface InspectOptions extends CommonOptions {
  readonly gi: readonly string[];
  readonly proc: readonly string[];
  readonly config?: string;
  readonly readDisk?: boolean;
}

const EXIT_HELP = `
Where tandemd does not run, or does not hear the other node, this node's half is read here. For the
other half run there:  (drbdadm get-gi r0; cat /proc/drbd) > r0-n2.txt
bring the file here:   tandem split-brain inspect r0 --gi n2=r0-n2.txt
Give --gi twice to compare two files anywhere.

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
    .option('--gi <node=file>', 'what "drbdadm get-gi" and /proc/drbd say there', collect, [])
    .option('--proc <node=file>', 'its /proc/drbd, when that is another file', collect, [])
    .option('--read-disk', 'read the database position of this node through a short LVM snapshot')
    .option('--config <folder>', 'where the configuration is, when tandemd does not run')
    .addHelpText('after', EXIT_HELP);
  withCommonOptions(command).action(
    async (argument: string | undefined, options: InspectOptions) => {
      const resource = argument === undefined ? null : named(argument, 'the resource');
      const account = await accountFor(resource, options);
      tell(account, options, context);
    },
  );
}

async function accountFor(
  resource: string | null,
  options: InspectOptions,
): Promise<SplitBrainAccount> {
  const gi = options.gi.map((word) => nodeFile(word, '--gi'));
  const proc = options.proc.map((word) => nodeFile(word, '--proc'));
  const config = options.config ?? null;
  const position = options.readDisk === true ? await readDisk(resource, config, options) : null;
  const [only, ...more] = gi;
  if (only === undefined && proc.length === 0) return liveOrOwn(resource, options, position);
  const self = hostname();
  const isOther = only !== undefined && only.node !== self && more.length === 0;
  if (isOther && proc.every(({ node }) => node === only.node || node === self)) {
    const why = 'the other half is from a file';
    return ownAccount({ resource, why, gi: only, proc, config, position });
  }
  const name = resource ?? (await onlyResource());
  const sides = await sidesFromFiles(name, gi, proc);
  return accountOf(name, sides, await policiesOf(name));
}

/** What cannot be read is said, and stays unknown: the account is worth having all the same. */
async function readDisk(
  resource: string | null,
  config: string | null,
  options: InspectOptions,
): Promise<DatabasePosition | null> {
  const name = resource ?? (await onlyResource());
  const read = await readOwnDisk(name, config);
  for (const sentence of read.notes) process.stderr.write(`${sentence}\n`);
  if (read.position === null) return null;
  const note = await tellPosition(clientOf(options), name, read);
  if (note !== null) process.stderr.write(`${note}\n`);
  return read.position;
}

/** Without the daemon, or when it hears nobody, this node can still tell its own half. */
async function liveOrOwn(
  resource: string | null,
  options: InspectOptions,
  position: DatabasePosition | null,
): Promise<SplitBrainAccount> {
  const own = { gi: null, proc: [], config: options.config ?? null, position };
  let live: SplitBrainAccount;
  try {
    live = (await liveAccount(clientOf(options), resource)).account;
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    if (error.exit !== 'daemonDown' && error.exit !== 'unavailable') throw error;
    const why = error.exit === 'daemonDown' ? 'tandemd is not running here' : error.message;
    return ownAccount({ resource, why, ...own });
  }
  const other = live.sides[1];
  if (live.verdict !== 'unknown' || other?.role !== 'Unknown') return live;
  const why = `tandemd here does not hear ${other.node}`;
  return ownAccount({ resource: live.resource, why, ...own }).catch(() => live);
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
