/**
 * Reads `drbdsetup show`: the configuration by which the kernel runs. One model for all its forms:
 *
 *     8.0, 8.3   disk { } net { } syncer { } protocol C; _this_host { device minor 0; ... }
 *     8.4        resource r0 { options { } net { } _remote_host { } _this_host { volume 0 { } } }
 *     9          resource "r0" { _this_host { node-id 0; volume 0 { } } connection { net { } } }
 *     9 --json   [ { "resource": "r0", "options": { }, "_this_host": { }, "connections": [ ] } ]
 *
 * Total: what is not known is kept as it stands and listed with its place; nothing throws.
 */
import { parseConfigText, ProblemList, type ConfigStatement, type ConfigWord } from './config-text.js';
import { isKnownOption, type OptionSection } from './config-options.js';
import type { ModelProblem } from './model.js';
import { excerpt } from './proc-line.js';
import { readShowJson } from './show-json.js';

/** A value as it stands; a flag without one is `yes`. */
export interface OptionValue {
  readonly value: string;
  /** DRBD says that it is the default; false also when it does not say. */
  readonly isDefault: boolean;
}

/** Options by name. */
export type Options = ReadonlyMap<string, OptionValue>;

/** A volume of this machine as the kernel has it. */
export interface RunningVolume {
  readonly volume: number;
  readonly minor: number | null;
  /** Null: nothing is attached. */
  readonly disk: string | null;
  readonly metaDisk: string | null;
  readonly diskOptions: Options;
}

/** A connection as the kernel has it. */
export interface RunningConnection {
  /** As DRBD 9 calls the peer (`_name`); null where it does not. */
  readonly peer: string | null;
  /** `ipv4:10.9.1.1:7788`; null when it is not told. */
  readonly local: string | null;
  readonly remote: string | null;
  readonly netOptions: Options;
  /** DRBD 9: resync options of each volume of the peer. */
  readonly peerVolumes: readonly RunningPeerVolume[];
}

/** A volume of a peer. */
export interface RunningPeerVolume {
  readonly volume: number;
  readonly diskOptions: Options;
}

/** A resource as the kernel has it. */
export interface RunningResource {
  /** Null before 8.4, which knew devices only. */
  readonly name: string | null;
  readonly options: Options;
  /** Of all volumes: before 8.4. */
  readonly diskOptions: Options;
  readonly volumes: readonly RunningVolume[];
  readonly connections: readonly RunningConnection[];
}

/** What the kernel runs. */
export interface RunningConfig {
  readonly resources: readonly RunningResource[];
  readonly problems: readonly ModelProblem[];
  readonly problemsOmitted: number;
}

/** Reads the text of `drbdsetup show`, with or without --json or --show-defaults. Never throws. */
export function parseShow(text: string): RunningConfig {
  if (/^\s*\[/.test(text)) return readShowJson(text);
  const tree = parseConfigText(text);
  const list = new ProblemList();
  const reader = new ShowReader(list);
  const named = tree.statements.filter(({ words }) => words[0]?.text === 'resource');
  const rest = tree.statements.filter(({ words }) => words[0]?.text !== 'resource');
  const resources = named.map(({ words, block }) => reader.resource(words[1] ?? null, block ?? []));
  if (rest.length > 0) resources.push(reader.resource(null, rest));
  return {
    resources,
    problems: [...tree.problems, ...list.problems],
    problemsOmitted: tree.problemsOmitted + list.omitted,
  };
}

type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

class ShowReader {
  readonly #list: ProblemList;

  constructor(list: ProblemList) {
    this.#list = list;
  }

  resource(name: ConfigWord | null, block: readonly ConfigStatement[]): RunningResource {
    const draft: Draft<RunningResource> & { volumes: RunningVolume[]; connections: RunningConnection[] } = {
      name: name?.text ?? null,
      options: new Map(),
      diskOptions: new Map(),
      volumes: [],
      connections: [],
    };
    // Up to 8.4 a resource has one connection, and its parts stand side by side.
    const own = emptyConnection();
    for (const statement of block) {
      const [word] = statement.words;
      if (word === undefined) continue;
      switch (word.text) {
        case 'options':
          draft.options = this.#options(statement, 'options');
          break;
        case 'disk':
          draft.diskOptions = merged(draft.diskOptions, this.#options(statement, 'disk'));
          break;
        case 'syncer':
          draft.diskOptions = merged(draft.diskOptions, this.#options(statement, 'syncer'));
          break;
        case 'net':
          own.netOptions = merged(own.netOptions, this.#options(statement, 'net'));
          break;
        case 'protocol':
          own.netOptions = merged(own.netOptions, [['protocol', valueOf(statement)]]);
          break;
        case '_remote_host':
          own.remote = this.#address(statement);
          break;
        case '_this_host':
          draft.volumes.push(...this.#thisHost(statement, own));
          break;
        case 'connection':
          draft.connections.push(this.#connection(statement));
          break;
        default:
          this.#unknown(word, 'in a resource');
      }
    }
    const hasOwn = own.local !== null || own.remote !== null || own.netOptions.size > 0;
    if (hasOwn) draft.connections.push(own);
    return draft;
  }

  #unknown(word: ConfigWord, where: string): void {
    this.#list.add(word, `unknown word ${where}: ${excerpt(word.text)}`);
  }

  /** `NAME [VALUE] [_is_default];` each. What is not known is kept, and told. */
  #options({ block }: ConfigStatement, section: OptionSection): Options {
    const options = new Map<string, OptionValue>();
    for (const statement of block ?? []) {
      const [name] = statement.words;
      if (name === undefined) continue;
      if (statement.block !== null || !isKnownOption(section, name.text)) {
        this.#unknown(name, `in section ${section}`);
      }
      options.set(name.text, valueOf(statement));
    }
    return options;
  }

  #thisHost({ block }: ConfigStatement, own: Draft<RunningConnection>): RunningVolume[] {
    const volumes: RunningVolume[] = [];
    // Before 8.4 the device stands here, without a volume.
    const bare: ConfigStatement[] = [];
    for (const statement of block ?? []) {
      const [word, number] = statement.words;
      if (word?.text === 'volume') volumes.push(this.#volume(number ?? word, statement.block ?? []));
      else if (word?.text === 'address') own.local = addressOf(statement.words.slice(1));
      else if (word?.text === 'device' || word?.text === 'disk' || word?.text === 'meta-disk') {
        bare.push(statement);
      } else if (word !== undefined && word.text !== 'node-id') this.#unknown(word, 'in _this_host');
    }
    const [first] = bare[0]?.words ?? [];
    if (first !== undefined) volumes.push(this.#volume({ ...first, text: '0' }, bare));
    return volumes;
  }

  #volume(number: ConfigWord, block: readonly ConfigStatement[]): RunningVolume {
    const volume = naturalNumber(number.text);
    if (volume === null) this.#list.add(number, `no number of a volume: ${excerpt(number.text)}`);
    const draft: Draft<RunningVolume> = {
      volume: volume ?? 0,
      minor: null,
      disk: null,
      metaDisk: null,
      diskOptions: new Map(),
    };
    for (const statement of block) {
      const [word, ...values] = statement.words;
      if (word === undefined) continue;
      const value = values.map(({ text }) => text);
      if (word.text === 'device') draft.minor = minorOf(value);
      else if (word.text === 'disk' && statement.block !== null) {
        draft.diskOptions = this.#options(statement, 'disk');
      } else if (word.text === 'disk') draft.disk = value[0] ?? null;
      else if (word.text === 'meta-disk') draft.metaDisk = value.join(' ');
      else this.#unknown(word, 'in a volume');
    }
    return draft;
  }

  #connection({ block }: ConfigStatement): RunningConnection {
    const draft = emptyConnection();
    for (const statement of block ?? []) {
      const [word] = statement.words;
      switch (word?.text) {
        case 'net': {
          const options = new Map(this.#options(statement, 'net'));
          draft.peer = options.get('_name')?.value ?? draft.peer;
          options.delete('_name');
          draft.netOptions = options;
          break;
        }
        case 'path':
          this.#path(statement, draft);
          break;
        case 'volume':
          draft.peerVolumes = [...draft.peerVolumes, this.#peerVolume(statement)];
          break;
        case '_peer_node_id':
        case '_is_standalone':
        case '_cstate':
        case undefined:
          break;
        default:
          if (word !== undefined) this.#unknown(word, 'in a connection');
      }
    }
    return draft;
  }

  #peerVolume({ words, block }: ConfigStatement): RunningPeerVolume {
    const disk = block?.find((inner) => inner.words[0]?.text === 'disk');
    const volume = naturalNumber(words[1]?.text ?? '') ?? 0;
    return { volume, diskOptions: disk === undefined ? new Map() : this.#options(disk, 'disk') };
  }

  /** Of several paths the first is told. */
  #path({ block }: ConfigStatement, draft: Draft<RunningConnection>): void {
    for (const { words } of block ?? []) {
      const [word, ...values] = words;
      if (word?.text === '_this_host') draft.local ??= addressOf(values);
      else if (word?.text === '_remote_host') draft.remote ??= addressOf(values);
      else if (word !== undefined) this.#unknown(word, 'in a path');
    }
  }

  #address({ block }: ConfigStatement): string | null {
    for (const { words } of block ?? []) {
      const [word, ...values] = words;
      if (word?.text === 'address') return addressOf(values);
      if (word !== undefined) this.#unknown(word, 'in _remote_host');
    }
    return null;
  }
}

function emptyConnection(): Draft<RunningConnection> {
  return { peer: null, local: null, remote: null, netOptions: new Map(), peerVolumes: [] };
}

/** `30720k _is_default; # bytes/second` before 8.4; `30720k; # bytes/second, default` since. */
function valueOf({ words, comment }: ConfigStatement): OptionValue {
  const told = words.slice(1).map(({ text }) => text);
  const values = told.filter((text) => text !== '_is_default');
  const isDefault = values.length < told.length || /(?:^|, )default$/.test(comment);
  return { value: values.length === 0 ? 'yes' : values.join(' '), isDefault };
}

function merged(known: Options, more: Iterable<readonly [string, OptionValue]>): Options {
  return new Map([...known, ...more]);
}

/** `ipv4 10.9.1.1:7788`, or without the family before 8.3. */
function addressOf(words: readonly ConfigWord[]): string | null {
  const texts = words.map(({ text }) => text);
  const [first, second] = texts;
  if (first === undefined) return null;
  return second === undefined ? `ipv4:${first}` : `${first}:${second}`;
}

/** `minor 0`, or `/dev/drbd63` before 8.3. */
function minorOf(value: readonly string[]): number | null {
  const text = value[0] === 'minor' ? value[1] : /^\/dev\/drbd(\d+)$/.exec(value[0] ?? '')?.[1];
  return naturalNumber(text ?? '');
}

function naturalNumber(text: string): number | null {
  return /^\d{1,7}$/.test(text) ? Number(text) : null;
}
