import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { addDrbdActions } from './drbd-actions.js';
import { addDrbdConfig } from './drbd-config.js';
import { addDrbdHandlers } from './drbd-handlers.js';
import { addDrbdStatus } from './drbd-status.js';

/** `tandem drbd ...`: DRBD on this machine. Each subcommand has a file of its own. */
export function addDrbd(program: Command, context: CommandContext): void {
  const group = program
    .command('drbd')
    .summary('DRBD on this machine; works without tandemd')
    .description('DRBD on this machine. Works without tandemd.');
  addDrbdStatus(group, context);
  addDrbdConfig(group, context);
  addDrbdActions(group, context);
  addDrbdHandlers(group, context);
}
