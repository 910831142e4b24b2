import { Option, type Command } from 'commander';
import type { HistoryAnswer } from '../../base/control.js';
import { nearestWord } from '../../base/diagnostic.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { renderHistory, renderHistoryEntry } from '../render-history.js';
import { folded } from '../text.js';

interface HistoryOptions extends CommonOptions {
  readonly stateDir: string;
}

/** `tandem history [ID]`: every failover, move and recovery, or one of them in full. */
export function addHistory(program: Command, context: CommandContext): void {
  const command = program
    .command('history')
    .summary('what was moved or taken over, when and why')
    .description(
      'Every failover, move and recovery, or one in full: phases, times, sentences. ' +
        'Without tandemd: what it had kept.',
    )
    .argument('[id]', 'one entry, in full')
    .addOption(new Option('--state-dir <path>').default('/var/lib/tandem').hideHelp());
  withCommonOptions(command).action(async (id: string | undefined, options: HistoryOptions) => {
    await history(id, options, context);
  });
}

async function history(
  id: string | undefined,
  options: HistoryOptions,
  context: CommandContext,
): Promise<void> {
  let answer: HistoryAnswer;
  try {
    answer = await clientOf(options).history();
  } catch (error) {
    if (!(error instanceof CliFailure) || error.exit !== 'daemonDown') throw error;
    answer = await kept(options.stateDir, error.message, context);
    context.exit(error.exit);
  }
  const { console } = context;
  if (id === undefined) {
    console.out(options.json ? `${JSON.stringify(answer)}\n` : renderHistory(answer, console.style));
    return;
  }
  const entry = answer.entries.find((one) => one.id === id);
  if (entry === undefined) {
    const nearest = nearestWord(id, answer.entries.map((one) => one.id));
    const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
    throw new CliFailure('noSuch', `No entry of the history has the id ${id}${hint}`);
  }
  console.out(options.json ? `${JSON.stringify(entry)}\n` : renderHistoryEntry(entry, console.style));
}

/** What earlier daemons of this node kept; who reads it is told that none runs. */
async function kept(
  folder: string,
  reason: string,
  { console }: CommandContext,
): Promise<HistoryAnswer> {
  const { HistoryFile } = await import('../../host/history-file.js');
  const tell = (sentence: string): void =>
    console.err(`${folded(console.style, 0, sentence).join('\n')}\n`);
  tell(`${reason}; this is what it had kept`);
  const { past } = new HistoryFile(folder, tell);
  return { schema: 'tandem.history/1', self: past.at(-1)?.node ?? '', entries: past };
}
