/** Reads `drbdsetup show --json` (DRBD 9): see show.ts for the model. */
import { ProblemList } from './config-text.js';
import { isKnownOption, type OptionSection } from './config-options.js';
import { readJson, type JsonNode } from './json-text.js';
import { excerpt } from './proc-line.js';
import type {
  Options,
  OptionValue,
  RunningConfig,
  RunningConnection,
  RunningResource,
  RunningVolume,
} from './show.js';

/** Reads the text. Never throws. */
export function readShowJson(text: string): RunningConfig {
  const { node, fault } = readJson(text);
  const scan = new Scan();
  if (fault !== null) scan.list.add(fault, fault.message);
  const resources = scan.objects(node, 'the resources').map((entry) => resourceOf(scan, entry));
  return { resources, problems: scan.list.problems, problemsOmitted: scan.list.omitted };
}

type Entries = ReadonlyMap<string, JsonNode>;
const NOTHING: Entries = new Map();

class Scan {
  readonly list = new ProblemList();

  object(node: JsonNode | null | undefined, what: string): Entries {
    if (node === null || node === undefined || node.kind === 'null') return NOTHING;
    if (node.kind === 'object') return node.entries;
    this.list.add(node, `expected an object in ${what}, found ${node.kind}`);
    return NOTHING;
  }

  objects(node: JsonNode | null | undefined, what: string): readonly Entries[] {
    if (node === null || node === undefined) return [];
    if (node.kind === 'array') return node.items.map((item) => this.object(item, what));
    this.list.add(node, `expected a list of ${what}, found ${node.kind}`);
    return [];
  }

  options(node: JsonNode | undefined, section: OptionSection): Options {
    const options = new Map<string, OptionValue>();
    for (const [name, value] of this.object(node, section)) {
      if (!isKnownOption(section, name)) {
        this.list.add(value, `unknown word in section ${section}: ${excerpt(name)}`);
      }
      options.set(name, { value: textOf(value) ?? '', isDefault: false });
    }
    return options;
  }

  /** Members that no reader asked for. */
  unknown(entries: Entries, known: readonly string[], where: string): void {
    for (const [name, node] of entries) {
      if (!known.includes(name)) this.list.add(node, `unknown word in ${where}: ${excerpt(name)}`);
    }
  }
}

function textOf(node: JsonNode | undefined): string | null {
  if (node?.kind === 'string' || node?.kind === 'number') return node.text;
  if (node?.kind === 'boolean') return node.value ? 'yes' : 'no';
  return null;
}

function numberOf(node: JsonNode | undefined): number | null {
  return node?.kind === 'number' ? node.value : null;
}

const RESOURCE_WORDS = ['resource', 'options', '_this_host', 'connections'];
const VOLUME_WORDS = ['volume_nr', 'device_minor', 'backing-disk', 'meta-disk', 'meta-disk-index', 'disk'];
const CONNECTION_WORDS = [
  ...['paths', '_cstate', '_is_standalone', 'net', 'volumes', '_peer_node_id'],
];

function resourceOf(scan: Scan, entries: Entries): RunningResource {
  scan.unknown(entries, RESOURCE_WORDS, 'a resource');
  const host = scan.object(entries.get('_this_host'), '_this_host');
  return {
    name: textOf(entries.get('resource')),
    options: scan.options(entries.get('options'), 'options'),
    diskOptions: new Map(),
    volumes: scan.objects(host.get('volumes'), 'volumes').map((entry) => volumeOf(scan, entry)),
    connections: scan
      .objects(entries.get('connections'), 'connections')
      .map((entry) => connectionOf(scan, entry)),
  };
}

function volumeOf(scan: Scan, entries: Entries): RunningVolume {
  scan.unknown(entries, VOLUME_WORDS, 'a volume');
  return {
    volume: numberOf(entries.get('volume_nr')) ?? 0,
    minor: numberOf(entries.get('device_minor')),
    disk: textOf(entries.get('backing-disk')),
    metaDisk: textOf(entries.get('meta-disk')),
    diskOptions: scan.options(entries.get('disk'), 'disk'),
  };
}

function connectionOf(scan: Scan, entries: Entries): RunningConnection {
  scan.unknown(entries, CONNECTION_WORDS, 'a connection');
  const [path] = scan.objects(entries.get('paths'), 'paths');
  const net = new Map(scan.options(entries.get('net'), 'net'));
  const peer = net.get('_name')?.value ?? null;
  net.delete('_name');
  const volumes = scan.objects(entries.get('volumes'), 'volumes of a connection');
  return {
    peer,
    local: addressOf(scan.object(path?.get('_this_host') ?? path?.get('this_host'), 'a path')),
    remote: addressOf(scan.object(path?.get('_remote_host') ?? path?.get('remote_host'), 'a path')),
    netOptions: net,
    peerVolumes: volumes.map((volume) => ({
      volume: numberOf(volume.get('volume_nr')) ?? 0,
      diskOptions: scan.options(volume.get('disk'), 'disk'),
    })),
  };
}

function addressOf(entries: Entries): string | null {
  const address = textOf(entries.get('address'));
  if (address === null) return null;
  const family = textOf(entries.get('family')) ?? 'ipv4';
  const port = textOf(entries.get('port')) ?? '';
  const ip = family === 'ipv6' && !address.startsWith('[') ? `[${address}]` : address;
  return `${family}:${ip}:${port}`;
}
