import { hostname } from 'node:os';
import type { Command } from 'commander';
import { describeDifference, type ConfigDifference } from '../../drbd/running-config.js';
import { parseShow, type Options, type RunningConfig, type RunningResource } from '../../drbd/show.js';
import { isSecretOption } from '../../drbd/config-options.js';
import { driftOf, readConfigDrift, type ConfigDrift } from '../../host/running-config.js';
import { CliFailure } from '../cli-failure.js';
import { named, type CommandContext } from '../command-context.js';
import { readInput } from '../input-file.js';
import { paint, printable, type TextStyle } from '../text.js';

interface DrbdConfigOptions {
  readonly json?: boolean;
  readonly show?: string;
  readonly xml?: string;
  readonly host?: string;
}

const HELP = `
Files: what "drbdsetup show" printed (8.0 to 9, also --json and --show-defaults), and for --xml what
"drbdadm dump-xml" printed. With --show alone nothing is compared.
Exit codes: 0 the kernel runs by the files, 1 something differs, 4 DRBD could not be asked,
66 a file cannot be read, 105 no such resource`;

/** `tandem drbd config [RESOURCE]`: by what the kernel runs, and where the files say something else. */
export function addDrbdConfig(group: Command, context: CommandContext): void {
  group
    .command('config')
    .summary('what the kernel runs by, and where the files differ')
    .description('The configuration by which the kernel runs DRBD, held against the files.')
    .argument('[resource]', 'only this resource')
    .option('--show <file>', 'read saved output of drbdsetup show; - = stdin')
    .option('--xml <file>', 'with --show: saved output of drbdadm dump-xml to compare with')
    .option('--host <name>', 'with --xml: as which node (default: this machine)')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', HELP)
    .action(async (resource: string | undefined, options: DrbdConfigOptions) => {
      const drift = await look(options);
      if (!drift.ok) throw new CliFailure('unknown', drift.reason);
      warn(drift.running, options.show ?? 'drbdsetup show', context);
      const resources = chosen(drift.running, resource);
      const views = resources.map((entry) => viewOf(entry, drift.differences.get(entry.name ?? '')));
      const { console } = context;
      console.out(options.json ? `${JSON.stringify(answerOf(views))}\n` : render(views, console.style));
      const differs = views.some(({ differences }) => (differences ?? []).length > 0);
      if (differs || views.some(({ configured }) => configured === false)) context.exit('failed');
    });
}

async function look({ show, xml, host }: DrbdConfigOptions): Promise<ConfigDrift> {
  if (show === undefined) {
    if (xml === undefined) return readConfigDrift();
    throw new CliFailure('usage', 'option --xml: name the text of drbdsetup show, too (--show)');
  }
  const text = await readInput(named(show, 'the file of --show'));
  if (xml === undefined) return { ok: true, running: parseShow(text), differences: new Map() };
  return driftOf(text, await readInput(named(xml, 'the file of --xml')), host ?? hostname());
}

function warn(running: RunningConfig, file: string, { console }: CommandContext): void {
  const name = file === '-' ? '<standard input>' : file;
  for (const { line, column, message } of running.problems) {
    console.err(`${printable(`${name}:${line}:${column}: warning: ${message}`)}\n`);
  }
  if (running.problemsOmitted > 0) console.err(`${name}: ${running.problemsOmitted} more warnings\n`);
}

function chosen(running: RunningConfig, resource: string | undefined): readonly RunningResource[] {
  if (resource === undefined) return running.resources;
  const found = running.resources.filter(({ name }) => name === resource);
  if (found.length > 0) return found;
  const names = running.resources.map(({ name }) => name ?? '(no name)').join(', ');
  const known = names === '' ? 'it runs none' : `it runs ${names}`;
  throw new CliFailure('noSuch', `the kernel has no DRBD resource "${resource}"; ${known}`);
}

// --- what is answered ----------------------------------------------------------------------------

/** A volume or connection: facts, and options by section. */
interface Part {
  readonly facts: Readonly<Record<string, string | number | null>>;
  readonly options: Readonly<Record<string, string>>;
}

/** One resource of `tandem.drbd-config/1`. Secrets are told as `(set)`. */
interface ConfigView {
  readonly resource: string | null;
  readonly options: Readonly<Record<string, string>>;
  readonly volumes: readonly Part[];
  readonly connections: readonly (Part & { readonly peerVolumes: readonly Part[] })[];
  /** Null: not compared. */
  readonly configured: boolean | null;
  readonly differences: readonly ConfigDifference[] | null;
}

function viewOf(
  { name, options, diskOptions, volumes, connections }: RunningResource,
  differences: readonly ConfigDifference[] | null | undefined,
): ConfigView {
  return {
    resource: name,
    options: { ...shown(options), ...shown(diskOptions) },
    volumes: volumes.map(({ diskOptions: own, ...facts }) => ({ facts, options: shown(own) })),
    connections: connections.map(({ netOptions, peerVolumes, ...facts }) => ({
      facts,
      options: shown(netOptions),
      peerVolumes: peerVolumes.map(({ volume, diskOptions: own }) => ({
        facts: { volume },
        options: shown(own),
      })),
    })),
    configured: differences === undefined ? null : differences !== null,
    differences: differences ?? null,
  };
}

/** Defaults are left out where DRBD tells which they are. */
function shown(options: Options): Record<string, string> {
  const told = [...options].filter(([, { isDefault }]) => !isDefault);
  return Object.fromEntries(
    told.map(([name, { value }]) => [name, isSecretOption(name) ? '(set)' : value]),
  );
}

function answerOf(resources: readonly ConfigView[]): object {
  return { schema: 'tandem.drbd-config/1', resources };
}

function render(views: readonly ConfigView[], style: TextStyle): string {
  if (views.length === 0) return 'The kernel runs no DRBD resource.\n';
  return views.map((view) => `${lines(view, style).join('\n')}\n`).join('\n');
}

function lines(view: ConfigView, style: TextStyle): readonly string[] {
  const name = view.resource ?? 'a device without a resource (DRBD 8.3 or older)';
  return [
    paint(style, 'bold', printable(name)),
    ...optionLines('options', view.options),
    ...view.volumes.flatMap((volume) => [factLine('volume', volume), ...optionLines('disk', volume.options, 4)]),
    ...view.connections.flatMap((connection) => [
      factLine('connection', connection),
      ...optionLines('net', connection.options, 4),
      ...connection.peerVolumes.flatMap((volume) =>
        optionLines(`volume ${String(volume.facts['volume'])} of the peer`, volume.options, 4),
      ),
    ]),
    ...verdictLines(view, style),
  ];
}

/** `volume 0, minor 0, disk /dev/vda, meta-disk internal`. */
function factLine(what: string, { facts }: Part): string {
  const told = Object.entries(facts).filter(([key, value]) => key !== what && value !== null);
  const name = facts[what] === undefined ? what : `${what} ${String(facts[what])}`;
  return printable(`  ${[name, ...told.map(([key, value]) => `${label(key)} ${String(value)}`)].join(', ')}`);
}

/** `metaDisk` -> `meta-disk`. */
function label(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function optionLines(title: string, options: Part['options'], indent = 2): readonly string[] {
  const told = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return told.length === 0 ? [] : [printable(`${' '.repeat(indent)}${title}: ${told.join(', ')}`)];
}

function verdictLines({ resource, configured, differences }: ConfigView, style: TextStyle): readonly string[] {
  if (configured === null) return [];
  if (differences === null) return [paint(style, 'yellow', '  The files do not have this resource.')];
  if (differences.length === 0) return ['  It runs as the files say.'];
  return [
    paint(style, 'yellow', `  It does not run as the files say; tandem drbd adjust ${printable(resource ?? '')}:`),
    ...differences.map((each) => paint(style, 'yellow', `    ${printable(describeDifference(each))}`)),
  ];
}
