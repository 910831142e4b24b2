import { Option, type Command } from 'commander';
import { readLiveDrbd } from '../../host/live-drbd.js';
import { readDrbdText, type DrbdReading } from '../../drbd/model-text.js';
import { CliFailure } from '../cli-failure.js';
import { named, type CommandContext } from '../command-context.js';
import { describeDifference, type ConfigDifference } from '../../drbd/running-config.js';
import { drbdView, type DrbdResourceView, type DrbdView } from '../drbd-view.js';
import { readInput } from '../input-file.js';
import { renderDrbd } from '../render-drbd.js';
import { printable } from '../text.js';

interface DrbdStatusOptions {
  readonly json?: boolean;
  readonly proc?: string;
  readonly procDrbd?: string;
}

/** `tandem drbd status [RESOURCE]`: what DRBD does, from the kernel or from a saved file. */
export function addDrbdStatus(group: Command, context: CommandContext): void {
  group
    .command('status')
    .summary('roles, disks, connections, progress and counters')
    .description('What DRBD does here, or did when a file was saved.')
    .argument('[resource]', 'only this resource, by its name or its device (r0, drbd0, /dev/drbd0)')
    .option('--proc <file>', 'read a saved /proc/drbd, or saved output of drbdsetup; - = stdin')
    .option('--json', 'print JSON for programs')
    .addOption(new Option('--proc-drbd <path>').hideHelp())
    .addHelpText('after', EXIT_HELP)
    .action(async (resource: string | undefined, options: DrbdStatusOptions) => {
      const view = chosen(await look(options, context), resource);
      const { console } = context;
      console.out(options.json ? `${JSON.stringify(view)}\n` : renderDrbd(view, console.style));
    });
}

const EXIT_HELP = `
Files: the text of /proc/drbd, of "drbdsetup status --json" or of "drbdsetup events2".
Exit codes: 0 read, 4 DRBD could not be read here, 66 the file cannot be read or is not DRBD's,
105 no such resource`;

async function look(options: DrbdStatusOptions, context: CommandContext): Promise<DrbdView> {
  if (options.proc === undefined) return liveView(options.procDrbd, context);
  const file = named(options.proc, 'the file of --proc');
  const name = file === '-' ? '<standard input>' : file;
  const text = await readInput(file);
  const reading = readDrbdText(text);
  if (reading === null) {
    throw new CliFailure('noInput', `${name}: nothing of DRBD is in it`);
  }
  warn(reading, name, context);
  return drbdView(reading, { kind: 'file', name });
}

async function liveView(path: string | undefined, context: CommandContext): Promise<DrbdView> {
  const live = await readLiveDrbd(path);
  if (live.kind === 'unreadable') throw new CliFailure('unknown', live.reason);
  warn(live.reading, live.source, context);
  const view = drbdView(live.reading, { kind: 'live', name: live.source });
  const isWorthAsking = live.answers && view.resources.length > 0;
  return isWorthAsking ? withDrift(view) : view;
}

/** Says of each resource whether the kernel runs it as the files say. */
async function withDrift(view: DrbdView): Promise<DrbdView> {
  const { readConfigDrift } = await import('../../host/running-config.js');
  const drift = await readConfigDrift();
  if (!drift.ok) return view;
  const resources = view.resources.map((resource): DrbdResourceView => {
    const differences = drift.differences.get(resource.resource);
    if (differences === undefined || differences?.length === 0) return resource;
    const remark = differences === null ? NO_FILE : driftRemark(resource.resource, differences);
    return { ...resource, remarks: [...resource.remarks, remark] };
  });
  return { ...view, resources };
}

const NO_FILE = 'it runs, but the configuration files of DRBD do not have it';

function driftRemark(resource: string, differences: readonly ConfigDifference[]): string {
  const told = differences.slice(0, DIFFERENCES_SHOWN_MAX).map(describeDifference).join('; ');
  const more = differences.length - DIFFERENCES_SHOWN_MAX;
  const rest = more > 0 ? `; ${String(more)} more` : '';
  return `it does not run as the files say: ${told}${rest} (tandem drbd adjust ${resource})`;
}

/** All of them are told by `tandem drbd config`. */
const DIFFERENCES_SHOWN_MAX = 3;

/** What was not understood goes to standard error, one line each, with its place. */
function warn({ model }: DrbdReading, file: string, { console }: CommandContext): void {
  for (const { line, column, message } of model.problems) {
    console.err(`${printable(`${file}:${line}:${column}: warning: ${message}`)}\n`);
  }
  if (model.problemsOmitted > 0) console.err(`${file}: ${model.problemsOmitted} more warnings\n`);
}

function chosen(view: DrbdView, resource: string | undefined): DrbdView {
  if (resource === undefined) return view;
  const wanted = named(resource, 'the resource').replace(/^\/dev\//, '');
  const found = view.resources.filter(
    ({ resource: name, volumes }) =>
      name === wanted || volumes.some(({ minor }) => `drbd${String(minor)}` === wanted),
  );
  if (found.length > 0) return { ...view, resources: found };
  const names = view.resources.map(({ resource: name }) => name).join(', ');
  const known = names === '' ? 'there is none' : `there is ${names}`;
  throw new CliFailure('noSuch', `no DRBD resource "${wanted}"; ${known}`);
}
