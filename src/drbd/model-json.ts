/**
 * The model read from `drbdsetup status --json` (DRBD 9; drbd-utils 9.0 to 9.34). Keys grew from
 * release to release: what is absent is not known, what has no place in the model is kept.
 */
import { readJson, type JsonNode } from './json-text.js';
import { finishOf, RUNNING } from './model-events-keys.js';
import {
  emptyConnection,
  emptyPeerVolume,
  emptyProgress,
  emptyResource,
  emptyVolume,
  PROBLEMS_MAX,
  type DrbdConnection,
  type DrbdModel,
  type DrbdPath,
  type DrbdPeerVolume,
  type DrbdProgress,
  type DrbdResource,
  type DrbdVolume,
  type ModelProblem,
} from './model.js';
import { excerpt } from './proc-line.js';
import { diskWord, linkWord, replicationWord, roleWord, type Word } from './words.js';

/** Reads the text. Never throws; what is wrong with it is in `problems`. */
export function modelFromJson(text: string): DrbdModel {
  const scan = new Scan();
  const { node, fault } = readJson(text);
  if (fault !== null) scan.problem(fault, fault.message);
  const resources = scan.items(node, 'a list of resources').map((entry) => resourceOf(scan, entry));
  return { resources, problems: scan.problems, problemsOmitted: scan.problemsOmitted };
}

/** Collects problems, and takes values out of nodes. */
class Scan {
  readonly problems: ModelProblem[] = [];
  problemsOmitted = 0;

  problem(place: { readonly line: number; readonly column: number }, message: string): void {
    const { line, column } = place;
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ line, column, message });
    else this.problemsOmitted += 1;
  }

  /** The objects of a list; what is not one is told. */
  items(node: JsonNode | null | undefined, what: string): Fields[] {
    if (node === null || node === undefined) return [];
    if (node.kind !== 'array') {
      this.problem(node, `expected ${what}, found ${node.kind}`);
      return [];
    }
    return node.items.flatMap((item) => {
      if (item.kind === 'object') return [new Fields(this, item.entries)];
      this.problem(item, `expected an object in ${what}, found ${item.kind}`);
      return [];
    });
  }
}

/** The members of one object; what nobody asks for is `extra`. */
class Fields {
  readonly #scan: Scan;
  readonly #entries: ReadonlyMap<string, JsonNode>;
  readonly #asked = new Set<string>();

  constructor(scan: Scan, entries: ReadonlyMap<string, JsonNode>) {
    this.#scan = scan;
    this.#entries = entries;
  }

  #take<K extends JsonNode['kind']>(key: string, kind: K): Extract<JsonNode, { kind: K }> | null {
    this.#asked.add(key);
    const node = this.#entries.get(key);
    if (node === undefined || node.kind === 'null') return null;
    if (node.kind === kind) return node as Extract<JsonNode, { kind: K }>;
    this.#scan.problem(node, `"${key}" is not a ${kind}`);
    return null;
  }

  number(key: string): number | null {
    return this.#take(key, 'number')?.value ?? null;
  }

  boolean(key: string): boolean | null {
    return this.#take(key, 'boolean')?.value ?? null;
  }

  text(key: string): string | null {
    return this.#take(key, 'string')?.text ?? null;
  }

  word<T extends string>(key: string, look: (text: string) => Word<T>): Word<T> | null {
    const node = this.#take(key, 'string');
    if (node === null) return null;
    const word = look(node.text);
    if (!word.known) this.#scan.problem(node, `unknown state: ${excerpt(node.text)}`);
    return word;
  }

  list(key: string): Fields[] {
    this.#asked.add(key);
    return this.#scan.items(this.#entries.get(key), `"${key}"`);
  }

  object(key: string): Fields | null {
    const node = this.#take(key, 'object');
    return node === null ? null : new Fields(this.#scan, node.entries);
  }

  extra(): Readonly<Record<string, string>> {
    const extra = Object.create(null) as Record<string, string>;
    for (const [key, node] of this.#entries) {
      if (!this.#asked.has(key)) extra[key] = shown(node);
    }
    return extra;
  }
}

function shown(node: JsonNode): string {
  switch (node.kind) {
    case 'string':
    case 'number':
      return node.text;
    case 'boolean':
      return node.value ? 'yes' : 'no';
    case 'null':
      return 'null';
    case 'array':
    case 'object':
      return `(${node.kind})`;
  }
}

const SUSPENSIONS = ['user', 'no-data', 'fencing', 'quorum'] as const;
const WRITE_ORDERINGS = ['none', 'drain', 'flush', 'barrier'] as const;

function resourceOf(scan: Scan, fields: Fields): DrbdResource {
  const name = fields.text('name') ?? '';
  if (name === '') scan.problem({ line: 1, column: 1 }, 'a resource without a name');
  const reasons = SUSPENSIONS.filter((reason) => fields.boolean(`suspended-${reason}`) === true);
  const suspended = fields.boolean('suspended');
  const ordering = fields.text('write-ordering');
  const resource = {
    ...emptyResource(name),
    role: fields.word('role', roleWord),
    // Before drbd-utils 9.21 the reasons are not told.
    suspended: suspended === true && reasons.length === 0 ? ['io'] : suspended === null ? null : reasons,
    writeOrdering: WRITE_ORDERINGS.find((word) => word === ordering) ?? null,
    volumes: fields.list('devices').map(volumeOf),
    connections: fields.list('connections').map(connectionOf),
  };
  return { ...resource, extra: fields.extra() };
}

function volumeOf(fields: Fields): DrbdVolume {
  const volume = {
    ...emptyVolume(fields.number('volume') ?? 0),
    minor: fields.number('minor'),
    disk: fields.word('disk-state', diskWord),
    backingDevice: fields.text('backing_dev'),
    client: fields.boolean('client'),
    quorum: fields.boolean('quorum'),
    open: fields.boolean('open'),
    sizeKiB: fields.number('size'),
    readKiB: fields.number('read'),
    writtenKiB: fields.number('written'),
    activityLogWrites: fields.number('al-writes'),
    bitmapWrites: fields.number('bm-writes'),
    upperPending: fields.number('upper-pending'),
    lowerPending: fields.number('lower-pending'),
  };
  return { ...volume, extra: fields.extra() };
}

function connectionOf(fields: Fields): DrbdConnection {
  const connection = {
    ...emptyConnection(fields.text('name') ?? 'peer'),
    peerNodeId: fields.number('peer-node-id'),
    link: fields.word('connection-state', linkWord),
    peerRole: fields.word('peer-role', roleWord),
    congested: fields.boolean('congested'),
    paths: fields.list('paths').map(pathOf),
    volumes: fields.list('peer_devices').map(peerVolumeOf),
  };
  return { ...connection, extra: fields.extra() };
}

function pathOf(fields: Fields): DrbdPath {
  const address = (key: string): string => {
    const host = fields.object(key);
    if (host === null) return '';
    const ip = host.text('address') ?? '';
    const port = host.number('port');
    const family = host.text('family') ?? 'ipv4';
    const bracketed = family === 'ipv6' && !ip.startsWith('[') ? `[${ip}]` : ip;
    return `${family}:${bracketed}${port === null ? '' : `:${port}`}`;
  };
  const established = fields.boolean('established');
  return { local: address('this_host'), peer: address('remote_host'), established };
}

function peerVolumeOf(fields: Fields): DrbdPeerVolume {
  const replication = fields.word('replication-state', replicationWord);
  const waits = fields.text('resync-suspended') ?? 'no';
  const volume = {
    ...emptyPeerVolume(fields.number('volume') ?? 0),
    replication,
    peerDisk: fields.word('peer-disk-state', diskWord),
    peerClient: fields.boolean('peer-client'),
    resyncSuspended: waits === 'no' ? [] : waits.split(','),
    progress: progressOf(RUNNING.get(replication?.word ?? ''), fields),
    sentKiB: fields.number('sent'),
    receivedKiB: fields.number('received'),
    outOfSyncKiB: fields.number('out-of-sync'),
    pending: fields.number('pending'),
    unacknowledged: fields.number('unacked'),
  };
  return { ...volume, extra: fields.extra() };
}

const KIB_PER_MIB = 1_024;
/** `rs-total` and `ov-left` count sectors of 512 bytes. */
const SECTORS_PER_KIB = 2;

function progressOf(kind: DrbdProgress['kind'] | undefined, fields: Fields): DrbdProgress | null {
  const rate = (key: string): number | null => {
    const mib = fields.number(key);
    return mib === null ? null : Math.round(mib * KIB_PER_MIB);
  };
  const sectors = (key: string): number | null => {
    const count = fields.number(key);
    return count === null ? null : Math.round(count / SECTORS_PER_KIB);
  };
  const seconds = fields.number('estimated-seconds-to-finish');
  const donePercent = fields.number('percent-resync-done');
  const [recent, average] = [rate('db1/dt1 [MiB/s]'), rate('db/dt [MiB/s]')];
  const totalKiB = sectors('rs-total');
  const verifyLeft = sectors('ov-left');
  if (kind === undefined) return null;
  return {
    ...emptyProgress(kind),
    donePercent,
    leftKiB: kind === 'verify' ? verifyLeft : fields.number('out-of-sync'),
    totalKiB,
    finishSeconds: seconds === null ? null : finishOf(seconds),
    rateKiBps: recent,
    averageKiBps: average,
    wantKiBps: fields.number('want'),
  };
}
