/**
 * The model folded from `drbdsetup events2` (8.4 and 9): a dump of what exists, then changes.
 *
 *     exists resource name:r0 ...      into a new picture, which
 *     exists -                         becomes the current one here
 *     change device name:r0 ...        onto the current one
 *     - skipped 3                      messages were lost: `lost`, start the program again
 *
 * A fold is a value; taking lines gives a new one and shares what did not change, so that a reader
 * sees by identity which resources changed. The 8.4 driver (seen on 8.4.11 with drbd-utils 9.22)
 * destroys the connection of a resource that goes StandAlone, and prints statistics only beside a
 * change of state: what happened to out-of-sync since then only /proc/drbd tells.
 */
import {
  connectionPatch,
  devicePatch,
  exactOf,
  pathPatch,
  peerDevicePatch,
  resourcePatch,
  type Patched,

} from './model-events-keys.js';
import { parseEvents2Line, type Events2Line } from './events2.js';
import {
  emptyConnection,
  emptyPeerVolume,
  emptyResource,
  emptyVolume,
  PROBLEMS_MAX,
  type DrbdConnection,
  type DrbdModel,
  type DrbdResource,
  type ModelProblem,
} from './model.js';
import { excerpt } from './proc-line.js';

/** A program that DRBD called, or how it ended. */
export interface HelperEvent {
  readonly kind: 'call' | 'response';
  /** RFC 3339, with --timestamps only. */
  readonly timestamp: string | null;
  readonly resource: string;
  readonly volume: number | null;
  /** `fence-peer`, `split-brain`, `before-resync-target` ... */
  readonly helper: string;
  /** The exit code as the kernel saw it; null in a call. */
  readonly status: number | null;
}

/** What a stream has told so far. */
export interface Events2Fold {
  readonly resources: ReadonlyMap<string, DrbdResource>;
  /** A dump that is not complete. */
  readonly dump: ReadonlyMap<string, DrbdResource> | null;
  /** The first dump is complete: the picture may be believed. */
  readonly complete: boolean;
  /** Messages were lost: the picture may be wrong from here on. */
  readonly lost: boolean;
  /** Lines taken. */
  readonly lines: number;
  /** The last ones, oldest first. */
  readonly helpers: readonly HelperEvent[];
  readonly problems: readonly ModelProblem[];
  readonly problemsOmitted: number;
}

/** A stream that has not begun. */
export const EMPTY_FOLD: Events2Fold = {
  resources: new Map(),
  dump: null,
  complete: false,
  lost: false,
  lines: 0,
  helpers: [],
  problems: [],
  problemsOmitted: 0,
};

/** Helpers are called a few times in a failover; older ones are in the log. */
const HELPERS_MAX = 50;

type EventLine = Extract<Events2Line, { readonly kind: 'event' }>;

/** A fold while lines are being taken. */
interface Taking {
  resources: Map<string, DrbdResource>;
  dump: Map<string, DrbdResource> | null;
  complete: boolean;
  lost: boolean;
  lines: number;
  readonly helpers: HelperEvent[];
  readonly problems: ModelProblem[];
  problemsOmitted: number;
  /** The line being taken. */
  text: string;
}

/** Takes lines, without their line breaks. Never throws. */
export function foldEvents2(fold: Events2Fold, lines: readonly string[]): Events2Fold {
  const taking: Taking = {
    ...fold,
    resources: new Map(fold.resources),
    dump: fold.dump === null ? null : new Map(fold.dump),
    helpers: [...fold.helpers],
    problems: [...fold.problems],
    text: '',
  };
  for (const line of lines) {
    taking.lines += 1;
    taking.text = line;
    takeLine(taking, parseEvents2Line(line));
  }
  return {
    resources: taking.resources,
    dump: taking.dump,
    complete: taking.complete,
    lost: taking.lost,
    lines: taking.lines,
    helpers: taking.helpers.slice(-HELPERS_MAX),
    problems: taking.problems,
    problemsOmitted: taking.problemsOmitted,
  };
}

/** The picture of a fold; of a first dump that breaks off, what there is of it. */
export function modelFromFold(fold: Events2Fold): DrbdModel {
  const resources = fold.complete ? fold.resources : (fold.dump ?? fold.resources);
  const { problems, problemsOmitted } = fold;
  return { resources: [...resources.values()], problems, problemsOmitted };
}

function complain(taking: Taking, word: string, message: string): void {
  if (taking.problems.length >= PROBLEMS_MAX) {
    taking.problemsOmitted += 1;
    return;
  }
  const column = Math.max(taking.text.indexOf(word), 0) + 1;
  taking.problems.push({ line: taking.lines, column, message });
}

function takeLine(taking: Taking, line: Events2Line): void {
  switch (line.kind) {
    case 'blank':
      return;
    case 'unknown':
      complain(taking, '', line.reason);
      return;
    case 'lost':
      taking.lost = true;
      return;
    case 'snapshotEnd':
      taking.resources = taking.dump ?? new Map<string, DrbdResource>();
      taking.dump = null;
      taking.complete = true;
      return;
    case 'event':
      takeEvent(taking, line);
  }
}

function takeEvent(taking: Taking, line: EventLine): void {
  for (const token of line.strange) {
    complain(taking, token, `not understood in an event: ${excerpt(token)}`);
  }
  const name = line.values.get('name');
  if (name === undefined) {
    complain(taking, line.object, `an event without a name: ${excerpt(taking.text)}`);
    return;
  }
  if (line.object === 'helper') {
    taking.helpers.push(helperOf(line, name));
    return;
  }
  if (line.action === 'exists') taking.dump ??= new Map<string, DrbdResource>();
  const resources = taking.dump ?? taking.resources;
  if (line.action === 'rename') {
    rename(taking, resources, name, line.values.get('new_name'));
    return;
  }
  const known = resources.get(name);
  if (known === undefined && line.action === 'destroy') return;
  if (known === undefined && line.object !== 'resource') {
    complain(taking, `name:${name}`, `${line.object} of a resource that was not announced`);
  }
  const resource = withEvent(taking, known ?? emptyResource(name), line);
  if (resource === null) resources.delete(name);
  else resources.set(name, resource);
}

function rename(
  taking: Taking,
  resources: Map<string, DrbdResource>,
  name: string,
  renamed: string | undefined,
): void {
  const resource = resources.get(name);
  if (resource === undefined || renamed === undefined) {
    complain(taking, 'rename', `rename not understood: ${excerpt(taking.text)}`);
    return;
  }
  resources.delete(name);
  resources.set(renamed, { ...resource, name: renamed });
}

function helperOf({ action, timestamp, values }: EventLine, resource: string): HelperEvent {
  return {
    kind: action === 'response' ? 'response' : 'call',
    timestamp,
    resource,
    volume: exactOf(values.get('volume')),
    helper: values.get('helper') ?? '',
    status: exactOf(values.get('status')),
  };
}

/** The resource after the event; null when it is gone. */
function withEvent(taking: Taking, resource: DrbdResource, line: EventLine): DrbdResource | null {
  switch (line.object) {
    case 'resource':
      return withResource(taking, resource, line);
    case 'device':
      return withDevice(taking, resource, line);
    case 'connection':
    case 'peer-device':
    case 'path':
    case 'helper':
      return withConnection(taking, resource, line);
  }
}

/** Applies a patch and reports the words in it that are not known. */
function patched<T extends object>(taking: Taking, old: T, patch: Patched<T>): T {
  for (const { key, value, message } of patch.strange) complain(taking, `${key}:${value}`, message);
  return { ...old, ...patch.part };
}

const isNew = (line: EventLine): boolean => line.action === 'exists' || line.action === 'create';

function withResource(
  taking: Taking,
  resource: DrbdResource,
  line: EventLine,
): DrbdResource | null {
  if (line.action === 'destroy') return null;
  const { volumes, connections } = resource;
  const old = isNew(line) ? { ...emptyResource(resource.name), volumes, connections } : resource;
  return patched(taking, old, resourcePatch(old, line.values));
}

function withDevice(taking: Taking, resource: DrbdResource, line: EventLine): DrbdResource {
  const number = volumeNumber(taking, line);
  if (number === null) return resource;
  if (line.action === 'destroy') {
    return { ...resource, volumes: resource.volumes.filter(({ volume }) => volume !== number) };
  }
  const known = resource.volumes.find(({ volume }) => volume === number);
  const old = isNew(line) || known === undefined ? emptyVolume(number) : known;
  const volume = patched(taking, old, devicePatch(old, line.values));
  return { ...resource, volumes: placed(resource.volumes, volume) };
}

/** The volumes with one replaced or put in its place, ascending by number. */
function placed<T extends { readonly volume: number }>(volumes: readonly T[], one: T): T[] {
  const at = volumes.findIndex(({ volume }) => volume >= one.volume);
  if (at < 0) return [...volumes, one];
  const copy = [...volumes];
  copy.splice(at, copy[at]?.volume === one.volume ? 1 : 0, one);
  return copy;
}

function volumeNumber(taking: Taking, { object, values }: EventLine): number | null {
  const number = exactOf(values.get('volume'));
  if (number === null) complain(taking, object, `a ${object} without a volume number`);
  return number;
}

/** Connections, and what belongs to one: paths and the peer's volumes. */
function withConnection(taking: Taking, resource: DrbdResource, line: EventLine): DrbdResource {
  const at = connectionIndex(resource, line.values);
  const known = at < 0 ? undefined : resource.connections[at];
  if (line.action === 'destroy' && known === undefined) return resource;
  const changed = changedConnection(taking, known ?? newConnection(line.values), line);
  const connections = resource.connections.filter((connection) => connection !== known);
  if (changed !== null) connections.splice(at < 0 ? connections.length : at, 0, changed);
  return { ...resource, connections };
}

/** By the peer's node id where it is told, else by the name. 8.4 says 0 of its only peer. */
function connectionIndex(
  { connections }: DrbdResource,
  values: ReadonlyMap<string, string>,
): number {
  const id = exactOf(values.get('peer-node-id'));
  const name = values.get('conn-name') ?? 'peer';
  return connections.findIndex((entry) =>
    id === null || entry.peerNodeId === null ? entry.name === name : entry.peerNodeId === id,
  );
}

function newConnection(values: ReadonlyMap<string, string>): DrbdConnection {
  const connection = emptyConnection(values.get('conn-name') ?? 'peer');
  return { ...connection, peerNodeId: exactOf(values.get('peer-node-id')) };
}

function changedConnection(
  taking: Taking,
  connection: DrbdConnection,
  line: EventLine,
): DrbdConnection | null {
  if (line.object === 'path') return withPath(taking, connection, line);
  if (line.object === 'peer-device') return withPeerDevice(taking, connection, line);
  if (line.action === 'destroy') return null;
  const { paths, volumes } = connection;
  const old = isNew(line) ? { ...newConnection(line.values), paths, volumes } : connection;
  return patched(taking, old, connectionPatch(old, line.values));
}

function withPath(taking: Taking, connection: DrbdConnection, line: EventLine): DrbdConnection {
  const local = line.values.get('local') ?? '';
  const peer = line.values.get('peer') ?? '';
  const same = connection.paths.find((path) => path.local === local && path.peer === peer);
  const others = connection.paths.filter((path) => path !== same);
  if (line.action === 'destroy') return { ...connection, paths: others };
  const old = isNew(line) || same === undefined ? { local, peer, established: null } : same;
  return { ...connection, paths: [...others, patched(taking, old, pathPatch(line.values))] };
}

function withPeerDevice(
  taking: Taking,
  connection: DrbdConnection,
  line: EventLine,
): DrbdConnection {
  const number = volumeNumber(taking, line);
  if (number === null) return connection;
  if (line.action === 'destroy') {
    return { ...connection, volumes: connection.volumes.filter(({ volume }) => volume !== number) };
  }
  const known = connection.volumes.find(({ volume }) => volume === number);
  const old = isNew(line) || known === undefined ? emptyPeerVolume(number) : known;
  const volume = patched(taking, old, peerDevicePatch(old, line.values));
  return { ...connection, volumes: placed(connection.volumes, volume) };
}

