import { Command, CommanderError } from 'commander';
import { EXIT, EXIT_MEANING, type ExitName } from '../base/exit-codes.js';
import { CliFailure, failureJson } from './cli-failure.js';
import type { CommandContext } from './command-context.js';
import type { Console } from './console.js';
import { printable } from './text.js';

type Registration = (program: Command, context: CommandContext) => void;

/** The words of one entry of the tree, in the order of the help, and where they are added. */
export interface CommandEntry {
  readonly words: readonly string[];
  readonly load: () => Promise<Registration>;
}

/** Most commands ask the daemon one thing: only the code of the one that is named is loaded. */
export const COMMANDS: readonly CommandEntry[] = [
  { words: ['status'], load: async () => (await import('./commands/status.js')).addStatus },
  { words: ['why'], load: async () => (await import('./commands/why.js')).addWhy },
  { words: ['move'], load: async () => (await import('./commands/move.js')).addMove },
  { words: ['standby'], load: async () => (await import('./commands/standby.js')).addStandby },
  { words: ['online'], load: async () => (await import('./commands/standby.js')).addOnline },
  { words: ['freeze'], load: async () => (await import('./commands/hold.js')).addFreeze },
  { words: ['disable'], load: async () => (await import('./commands/hold.js')).addDisable },
  {
    words: ['unfreeze', 'enable', 'restart'],
    load: async () => (await import('./commands/hold.js')).addGroupCommands,
  },
  { words: ['maintenance'], load: async () => (await import('./commands/hold.js')).addMaintenance },
  { words: ['cleanup'], load: async () => (await import('./commands/cleanup.js')).addCleanup },
  { words: ['config', 'check'], load: async () => (await import('./commands/config.js')).addConfig },
  { words: ['fence'], load: async () => (await import('./commands/fence.js')).addFence },
  { words: ['history'], load: async () => (await import('./commands/history.js')).addHistory },
  { words: ['simulate'], load: async () => (await import('./commands/simulate.js')).addSimulate },
  { words: ['drbd'], load: async () => (await import('./commands/drbd.js')).addDrbd },
  { words: ['split-brain'], load: async () => (await import('./commands/split-brain.js')).addSplitBrain },
];

/**
 * Parses the command line, runs the command and resolves with the exit code. Whatever goes wrong
 * ends here: one line on standard error, with `--json` an object on standard output as well.
 */
export async function runProgram(
  argv: readonly string[],
  version: string,
  console: Console,
): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (name: ExitName): void => void (code = EXIT[name]);
  const context = { console, exit, exitWith: (own: number) => void (code = own) };
  try {
    const program = createProgram(version, console);
    for (const add of await registrations(argv)) add(program, context);
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure = failureOf(error);
    if (argv.includes('--json')) console.out(`${failureJson(failure, EXIT[failure.exit])}\n`);
    console.err(`tandem: ${printable(failure.message)}\n`);
    return EXIT[failure.exit];
  }
}

/** Of the command that is named, or of all: for help, and for what is no command at all. */
async function registrations([word = '']: readonly string[]): Promise<readonly Registration[]> {
  const named = COMMANDS.filter(({ words }) => words.includes(word));
  return Promise.all((named.length > 0 ? named : COMMANDS).map(({ load }) => load()));
}

/** The root of the tree, without commands. */
function createProgram(version: string, console: Console): Command {
  return new Command('tandem')
    .description('Keeps a service alive on two machines that share a DRBD device')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', `\n${exitCodeHelp()}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.out(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => console.style.columns,
    });
}

function exitCodeHelp(): string {
  const names = Object.keys(EXIT) as ExitName[];
  const lines = names.map((name) => `  ${String(EXIT[name]).padStart(3)}  ${EXIT_MEANING[name]}`);
  return `Exit codes:\n${lines.join('\n')}`;
}

function failureOf(error: unknown): CliFailure {
  if (error instanceof CliFailure) return error;
  if (error instanceof CommanderError) return new CliFailure('usage', usageSentence(error));
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliFailure('software', `A defect of Tandem, please report it: ${text}`);
}

/** Commander's two lines as one: `unknown command 'statu' (Did you mean status?)`. */
function usageSentence({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'no command given; see "tandem --help"';
  const sentence = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return sentence.replace('(Did you mean', '(did you mean');
}
