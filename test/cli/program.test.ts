/** The tree of commands: what is loaded for a word, and that nothing hides behind another one. */
import { Command } from 'commander';
import t from 'tap';
import type { CommandContext } from '../../src/cli/command-context.js';
import { COMMANDS } from '../../src/cli/program.js';

const context = {} as CommandContext;

t.test('program: every word is found where the table says', async (t) => {
  for (const { words, load } of COMMANDS) {
    const program = new Command();
    (await load())(program, context);
    const added = program.commands.map((command) => command.name());
    t.same([...added].sort(), [...words].sort(), words.join(', '));
  }
  const all = COMMANDS.flatMap(({ words }) => words);
  t.equal(new Set(all).size, all.length, 'each word has one place');
});
