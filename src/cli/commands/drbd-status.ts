import { Option, type Command } from 'commander';
import { readLiveDrbd } from '../../host/live-drbd.js';
import { readDrbdText, type DrbdReading } from '../../drbd/model-text.js';
import { CliFailure } from '../cli-failure.js';
import { named, type CommandContext } from '../command-context.js';
import { drbdView, type DrbdView } from '../drbd-view.js';
import { renderDrbd } from '../render-drbd.js';
import { printable } from '../text.js';

interface DrbdStatusOptions {
  readonly json?: boolean;
  readonly proc?: string;
  readonly procDrbd?: string;
}

/** Saved readings are small; a larger file is something else. */
const FILE_BYTES_MAX = 16 * 1_048_576;

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
  return drbdView(live.reading, { kind: 'live', name: live.source });
}

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

async function readInput(file: string): Promise<string> {
  const { open } = await import('node:fs/promises');
  try {
    const handle = file === '-' ? null : await open(file);
    const stream = handle === null ? process.stdin : handle.createReadStream();
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > FILE_BYTES_MAX) throw new Error('it is larger than 16 MiB');
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('noInput', `${file} cannot be read: ${reason}`);
  }
}
