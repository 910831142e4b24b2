import { Option, type Command } from 'commander';
import type { ExitName } from '../../base/exit-codes.js';
import type { Status, VerdictState } from '../../base/status.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { offlineStatus, renderOffline, type ProcDrbd } from '../offline-status.js';
import { renderStatus } from '../render-status.js';
import type { TextStyle } from '../text.js';
import { watch } from '../watch.js';

interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
  readonly procDrbd: string;
}

/** One look at the cluster: what to print, and the exit code that goes with it. */
export interface Look {
  readonly status: Status;
  readonly exit: ExitName;
  readonly text: (style: TextStyle) => string;
}

/** `tandem status [--watch]`: the verdict, what is dangerous, then the parts. */
export function addStatus(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .summary('how the cluster is; the first line is the verdict')
    .description('How the cluster is. The first line is the verdict. Answers without tandemd too.')
    .option('--watch', 'redraw each second; in a pipe, a line for each change')
    .addOption(new Option('--proc-drbd <path>').default('/proc/drbd').hideHelp())
    .addHelpText('after', EXIT_HELP);
  withCommonOptions(command).action(async (options: StatusOptions) => {
    if (options.watch) {
      await watch(() => look(options), options.json === true, context.console);
      return;
    }
    const { status, exit, text } = await look(options);
    context.console.out(options.json ? `${JSON.stringify(status)}\n` : text(context.console.style));
    context.exit(exit);
  });
}

const EXIT_HELP = `
Exit codes: 0 ok, 1 degraded or down, 3 tandemd does not run here, 4 unknown,
69 tandemd does not answer, 77 no access to its socket`;

const VERDICT_EXIT: Readonly<Record<VerdictState, ExitName>> = {
  ok: 'ok',
  degraded: 'failed',
  down: 'failed',
  unknown: 'unknown',
};

/** Asks the daemon; when it is down or hangs, looks at what the kernel tells. */
async function look(options: StatusOptions): Promise<Look> {
  try {
    const status = await clientOf(options).status();
    const exit = VERDICT_EXIT[status.verdict.state];
    return { status, exit, text: (style) => renderStatus(status, style) };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    if (error.exit !== 'daemonDown' && error.exit !== 'unavailable') throw error;
    return offlineLook(error, options);
  }
}

async function offlineLook({ exit, message }: CliFailure, options: StatusOptions): Promise<Look> {
  const { hostname } = await import('node:os');
  const status = offlineStatus(hostname(), exit === 'unavailable', message);
  const procDrbd = await readProcDrbd(options.procDrbd);
  return { status, exit, text: (style) => renderOffline({ status, procDrbd }, style) };
}

async function readProcDrbd(path: string): Promise<ProcDrbd> {
  const { readFile } = await import('node:fs/promises');
  try {
    return { text: await readFile(path, 'utf8') };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { missing: code === 'ENOENT' ? 'the DRBD module is not loaded' : message };
  }
}
