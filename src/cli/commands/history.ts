import type { Command } from 'commander';
import { nearestWord } from '../../base/diagnostic.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { renderHistory, renderHistoryEntry } from '../render-history.js';

/** `tandem history [ID]`: every failover, move and recovery, or one of them in full. */
export function addHistory(program: Command, context: CommandContext): void {
  const command = program
    .command('history')
    .summary('what was moved or taken over, when and why')
    .description('Every failover, move and recovery, or one in full: phases, times, sentences.')
    .argument('[id]', 'one entry, in full');
  withCommonOptions(command).action(async (id: string | undefined, options: CommonOptions) => {
    await history(id, options, context);
  });
}

async function history(
  id: string | undefined,
  options: CommonOptions,
  { console }: CommandContext,
): Promise<void> {
  const answer = await clientOf(options).history();
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
