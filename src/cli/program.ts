import { Command, CommanderError } from 'commander';
import { EXIT, EXIT_MEANING, type ExitName } from '../base/exit-codes.js';
import { CliFailure, failureJson } from './cli-failure.js';
import type { CommandContext } from './command-context.js';
import { addCleanup } from './commands/cleanup.js';
import { addConfig } from './commands/config.js';
import { addDrbd } from './commands/drbd.js';
import { addFence } from './commands/fence.js';
import { addHistory } from './commands/history.js';
import { addDisable, addFreeze, addGroupCommands, addMaintenance } from './commands/hold.js';
import { addMove } from './commands/move.js';
import { addSplitBrain } from './commands/split-brain.js';
import { addOnline, addStandby } from './commands/standby.js';
import { addSimulate } from './commands/simulate.js';
import { addStatus } from './commands/status.js';
import { addWhy } from './commands/why.js';
import type { Console } from './console.js';
import { printable } from './text.js';

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
  const program = createProgram(version, { console, exit, exitWith: (own) => void (code = own) });
  try {
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

/** The whole tree of commands, without running anything. */
export function createProgram(version: string, context: CommandContext): Command {
  const { console } = context;
  const program = new Command('tandem')
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
  addStatus(program, context);
  addWhy(program, context);
  addMove(program, context);
  addStandby(program, context);
  addOnline(program, context);
  addFreeze(program, context);
  addDisable(program, context);
  addGroupCommands(program, context);
  addMaintenance(program, context);
  addCleanup(program, context);
  addConfig(program, context);
  addFence(program, context);
  addHistory(program, context);
  addSimulate(program, context);
  addDrbd(program, context);
  addSplitBrain(program, context);
  return program;
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
