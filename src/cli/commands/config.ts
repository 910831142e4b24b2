import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { Diagnostic } from '../../base/diagnostic.js';
import { formatAge } from '../../base/duration.js';
import type { NodeFencingStatus, WatchdogStatus } from '../../base/status.js';
import type { Config } from '../../config/config.js';
import { readConfiguration } from '../../host/configuration.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { carryOut, withChangeOptions, type ChangeOptions } from '../operator-request.js';
import { fencingAge } from '../render-status.js';
import { renderConfig, renderDiagnostics, shownConfig } from '../render-config.js';
import { printable } from '../text.js';

interface FileOptions extends CommonOptions {
  readonly node?: string;
}

/** `tandem config reload|check|show`, and `tandem check`. */
export function addConfig(program: Command, context: CommandContext): void {
  const config = program
    .command('config')
    .summary('check, show or reload the configuration')
    .description('The configuration files of this machine, and the daemon that runs by them.');
  const reload = config
    .command('reload')
    .summary('let tandemd read its configuration again')
    .description(
      'Let tandemd read its configuration again: validated first, then taken as a whole or not at ' +
        'all. Reload one node after the other; what runs goes on.',
    );
  withCommonOptions(withChangeOptions(reload)).action(async (options: ChangeOptions) => {
    await carryOut({ kind: 'reload' }, options, context);
  });
  addCheck(config.command('check'), context);
  addCheck(program.command('check'), context);
  const show = fileCommand(config.command('show'))
    .summary('show the configuration as it is understood')
    .description('Show the configuration of a folder as it is understood, without secrets.');
  show.action((folder: string | undefined, options: FileOptions) => {
    const read = readFrom(folder, options);
    if (!read.ok) refuse(read.error, options, context);
    else if (options.json === true) {
      context.console.out(`${JSON.stringify(shownConfig(read.value))}\n`);
    } else context.console.out(renderConfig(read.value));
  });
}

function addCheck(command: Command, context: CommandContext): void {
  fileCommand(command)
    .summary('check the configuration and name its risks')
    .description(
      'Check the configuration of a folder as tandemd reads it. Names every fault with its file, ' +
        'line and column, and what is allowed but risky, such as nodes that nothing can fence.',
    )
    .action(async (folder: string | undefined, options: FileOptions) => {
      const read = readFrom(folder, options);
      if (!read.ok) {
        refuse(read.error, options, context);
        return;
      }
      // Another folder says nothing about the daemon of this machine.
      const told = folder === undefined ? await toldByDaemon(read.value, options) : NOTHING_TOLD;
      approve(read.value, told, options, context);
    });
}

function fileCommand(command: Command): Command {
  return withCommonOptions(
    command
      .argument('[folder]', 'where it is (default: /etc/tandem, else /etc/ha.d)')
      .option('--node <name>', 'as which node (default: this machine)'),
  );
}

function readFrom(
  folder: string | undefined,
  { node }: FileOptions,
): ReturnType<typeof readConfiguration> {
  const directory = folder === undefined ? null : named(folder, 'the folder');
  const self = node === undefined ? hostname() : named(node, 'the node of --node');
  return readConfiguration(directory, self.toLowerCase());
}

/** What the files do not say, one sentence each: when fencing was tried last, what the watchdog is set to. */
interface Told {
  readonly fencing: readonly string[];
  readonly watchdog: readonly string[];
}

const NOTHING_TOLD: Told = { fencing: [], watchdog: [] };

/** The daemon knows, of what is configured. */
async function toldByDaemon(config: Config, options: FileOptions): Promise<Told> {
  const isFencing = Object.values(config.fencing).some((devices) => devices.length > 0);
  const isGuarded = config.watchdog !== null;
  if (!isFencing && !isGuarded) return NOTHING_TOLD;
  try {
    const { fencing, watchdog } = await clientOf(options).status();
    return {
      fencing: isFencing ? fencingTests(fencing.nodes ?? []) : [],
      watchdog: isGuarded ? watchdogWords(watchdog) : [],
    };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return {
      fencing: isFencing ? [`when fencing was tested last is not known: ${error.message}`] : [],
      watchdog: isGuarded ? [`how the watchdog is set is not known: ${error.message}`] : [],
    };
  }
}

function fencingTests(nodes: readonly NodeFencingStatus[]): readonly string[] {
  return nodes.map((node) => {
    const { fault } = node;
    const bad = fault === null ? '' : `; did not work ${formatAge(fault.agoMs)}: ${fault.reason}`;
    return `fencing of ${node.name}: ${fencingAge(node)}${bad}`;
  });
}

function watchdogWords(watchdog: WatchdogStatus | undefined): readonly string[] {
  if (watchdog === undefined) return ['tandemd runs without the watchdog that is configured: restart it'];
  const { device, state, reason, warnings } = watchdog;
  return [`watchdog ${device}: ${state}; ${reason}`, ...warnings];
}

function approve(
  config: Config,
  { fencing, watchdog }: Told,
  options: FileOptions,
  { console }: CommandContext,
): void {
  const { digest, files, warnings } = config;
  if (options.json === true) {
    console.out(`${JSON.stringify({ ...checkAnswer(true, digest, files, warnings), fencing, watchdog })}\n`);
    return;
  }
  const risks = warnings.length === 0 ? '' : `, with ${String(warnings.length)} to think about`;
  console.out(`The configuration in ${files.join(', ')} is valid (digest ${digest})${risks}\n`);
  console.out(renderDiagnostics(warnings));
  for (const sentence of [...fencing, ...watchdog]) console.out(`${printable(sentence)}\n`);
}

function refuse(
  faults: readonly Diagnostic[],
  options: FileOptions,
  context: CommandContext,
): void {
  const { console } = context;
  if (options.json === true) {
    console.out(`${JSON.stringify(checkAnswer(false, null, [], faults))}\n`);
  } else console.err(`${renderDiagnostics(faults)}The configuration is not valid\n`);
  context.exit('config');
}

/** `tandem.check/1`. */
function checkAnswer(
  valid: boolean,
  digest: string | null,
  files: readonly string[],
  diagnostics: readonly Diagnostic[],
): object {
  return { schema: 'tandem.check/1', valid, digest, files, diagnostics };
}
