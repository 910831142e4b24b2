import { formatDiagnostic } from '../base/diagnostic.js';
import type { Status } from '../base/status.js';
import { CliFailure } from './cli-failure.js';
import { clientOf, type CommonOptions } from './command-context.js';

/** Whether a resource is tandemd's to decide about. */
export interface Ownership {
  /** `unknown`: there is a configuration, and it cannot be read. */
  readonly state: 'free' | 'owned' | 'unknown';
  /** One sentence, without a final period; null when there is nothing to say. */
  readonly sentence: string | null;
  /** The group that owns it, as a running tandemd says; null otherwise. */
  readonly group: string | null;
}

/** The options that tell where tandemd and its configuration are. */
export interface OwnershipOptions extends CommonOptions {
  readonly config?: string;
}

/**
 * Asks tandemd, which leaves alone what a person froze; when it does not answer, its configuration: a daemon that is started a moment later
 * takes over what stands there. Throws when the socket may not be used.
 */
export async function ownershipOf(
  resource: string,
  host: string,
  options: OwnershipOptions,
): Promise<Ownership> {
  try {
    const status = await clientOf(options).status();
    return fromStatus(resource, status);
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    if (error.exit !== 'daemonDown' && error.exit !== 'unavailable') throw error;
    const running = error.exit === 'unavailable';
    return fromConfiguration(resource, host, options.config ?? null, running);
  }
}

function fromStatus(resource: string, { groups, maintenance }: Status): Ownership {
  const group = groups.find(({ resources }) =>
    resources.some(({ kind, id }) => kind === 'drbd' && id === `drbd:${resource}`),
  );
  if (group === undefined) return { state: 'free', sentence: null, group: null };
  const belongs = `${resource} belongs to group ${group.name} of tandemd`;
  const hold = maintenance ?? group.holds?.find(({ kind }) => kind === 'freeze');
  if (hold !== undefined) {
    const word = hold.kind === 'freeze' ? 'frozen' : 'in maintenance';
    const why = hold.reason === null ? '' : `: ${hold.reason}`;
    return { state: 'free', sentence: `${belongs}, ${word} by ${hold.by}${why}`, group: null };
  }
  const place = group.node === null ? '' : ` on ${group.node}`;
  return { state: 'owned', sentence: `${belongs} (${group.state}${place})`, group: group.name };
}

async function fromConfiguration(
  resource: string,
  host: string,
  directory: string | null,
  running: boolean,
): Promise<Ownership> {
  const { CONFIG_DIRECTORIES, configurationFolder, readConfiguration } = await import(
    '../host/configuration.js'
  );
  const folders = directory === null ? CONFIG_DIRECTORIES : [directory];
  const folder = configurationFolder(folders);
  const daemon = running ? 'tandemd does not answer' : 'tandemd is not running here';
  if (folder === null) {
    const sentence = running ? `${daemon}, and it has no configuration` : null;
    return { state: 'free', sentence, group: null };
  }
  const config = readConfiguration(folder, host);
  if (!config.ok) {
    const [first] = config.error.filter(({ severity }) => severity === 'error');
    const why = first === undefined ? folder : formatDiagnostic(first);
    const sentence = `${daemon}, and whether a group owns ${resource} is not known: ${why}`;
    return { state: 'unknown', sentence, group: null };
  }
  const group = config.value.groups.find(({ resources }) =>
    resources.some((each) => each.kind === 'drbd' && each.resource === resource),
  );
  if (group === undefined) {
    const sentence = `${daemon}; no group in ${folder} has ${resource}`;
    return { state: 'free', sentence, group: null };
  }
  const sentence =
    `${daemon}, but ${folder} gives ${resource} to group ${group.name}: ` +
    'it takes over what it finds when it starts';
  return { state: 'owned', sentence, group: null };
}
