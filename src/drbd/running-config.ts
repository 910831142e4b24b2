/**
 * The configuration by which the kernel runs a resource, held against the files: what somebody
 * changed in one of them and not in the other. `drbdadm adjust` brings the kernel in line.
 */
import { isSameValue, isSecretOption } from './config-options.js';
import {
  hostSection,
  type ConfiguredHost,
  type ConfiguredResource,
  type ConfiguredVolume,
} from './config-query.js';
import type { Options, RunningConnection, RunningResource } from './show.js';

/** One thing that differs. */
export interface ConfigDifference {
  /** `net timeout`, `volume 0 disk`, `address of n2`. */
  readonly what: string;
  /** As the kernel has it; null: not at all. */
  readonly running: string | null;
  /** As the files have it; null: they do not say it. */
  readonly configured: string | null;
}

/** In words, without a final period. */
export function describeDifference({ what, running, configured }: ConfigDifference): string {
  const is = running === null ? 'is not there' : `is ${running}`;
  const wanted = configured === null ? 'do not set it' : `say ${configured}`;
  return `${what} ${is}, the files ${wanted}`;
}

/** What differs on `host`; `running` null: the kernel does not have the resource. */
export function compareConfig(
  running: RunningResource,
  configured: ConfiguredResource,
  host: string,
): readonly ConfigDifference[] {
  const own = hostSection(configured, host);
  if (own === null) return [];
  const { sections } = configured;
  const net = running.connections.flatMap((connection) => [
    ...compareAddresses(connection, configured, own),
    ...compareOptions('net', connection.netOptions, sections.net),
    ...connection.peerVolumes.flatMap(({ volume, diskOptions }) =>
      compareOptions(`volume ${volume} disk`, diskOptions, sections.disk),
    ),
  ]);
  return [
    ...compareOptions('options', running.options, sections.options),
    ...net,
    ...own.volumes.flatMap((volume) => compareVolume(running, volume, configured)),
    ...running.volumes
      .filter(({ volume }) => own.volumes.every((each) => each.volume !== volume))
      .map(({ volume, minor }) => ({
        what: `volume ${volume}`,
        running: minor === null ? 'there' : `minor ${minor}`,
        configured: null,
      })),
  ];
}

/** What the kernel tells in another form than the files, or changes by itself. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['resync-after', 'after', 'cpu-mask', 'transport']);

/**
 * Only what the kernel tells is compared: DRBD 9 has resync options elsewhere, and a text without
 * defaults leaves out what is one.
 */
function compareOptions(
  section: string,
  running: Options,
  configured: ReadonlyMap<string, string>,
): readonly ConfigDifference[] {
  const differences: ConfigDifference[] = [];
  for (const [name, { value, isDefault }] of running) {
    const wanted = configured.get(name);
    if (NOT_COMPARED.has(name)) continue;
    if (wanted === undefined ? isDefault : isSameValue(name, value, wanted)) continue;
    const shown = (text: string): string => (isSecretOption(name) ? 'another one' : text);
    differences.push({
      what: `${section} ${name}`,
      running: shown(value === '' ? '""' : value),
      configured: wanted === undefined ? null : isSecretOption(name) ? 'one' : wanted,
    });
  }
  return differences;
}

function compareVolume(
  { volumes, diskOptions }: RunningResource,
  wanted: ConfiguredVolume,
  { sections }: ConfiguredResource,
): readonly ConfigDifference[] {
  const name = `volume ${wanted.volume}`;
  const volume = volumes.find((each) => each.volume === wanted.volume);
  if (volume === undefined) {
    return [{ what: name, running: null, configured: `minor ${wanted.minor}` }];
  }
  const differences: ConfigDifference[] = [];
  const hold = (what: string, running: string | null, configured: string | undefined): void => {
    if (running === null || configured === undefined || running === configured) return;
    differences.push({ what: `${name} ${what}`, running, configured });
  };
  hold('minor', volume.minor === null ? null : String(volume.minor), String(wanted.minor));
  // A volume without its disk is shown by its state, and not a matter of the configuration.
  hold('disk', volume.disk, wanted.disk);
  hold('meta-disk', volume.metaDisk, wanted.metaDisk);
  const configured = new Map([...sections.disk, ...(wanted.diskOptions ?? [])]);
  const options = new Map([...diskOptions, ...volume.diskOptions]);
  return [...differences, ...compareOptions(`${name} disk`, options, configured)];
}

function compareAddresses(
  { local, remote }: RunningConnection,
  { hosts }: ConfiguredResource,
  own: ConfiguredHost,
): readonly ConfigDifference[] {
  const differences: ConfigDifference[] = [];
  if (local !== null && own.address !== null && local !== own.address) {
    const what = `address of ${own.names.join(' ')}`;
    differences.push({ what, running: local, configured: own.address });
  }
  const others = hosts.filter((host) => host !== own && host.address !== null);
  const [peer] = others;
  // Of several peers it is not told which connection is whose.
  if (others.length !== 1 || remote === null || peer?.address == null) return differences;
  if (remote === peer.address) return differences;
  const what = `address of ${peer.names.join(' ')}`;
  return [...differences, { what, running: remote, configured: peer.address }];
}
