/**
 * What each `key:value` of an event means: the part of the model that it changes. Keys that the
 * model has no place for are kept in `extra`; words and numbers that are not understood are kept
 * where they can be, and told. Keys as printed by drbd-utils 9.22 to 9.34 (drbdsetup.c,
 * drbdsetup_84.c).
 */
import {
  emptyProgress,
  type DrbdConnection,
  type DrbdPath,
  type DrbdPeerVolume,
  type DrbdProgress,
  type DrbdResource,
  type DrbdVolume,
} from './model.js';
import type { WriteOrdering } from './proc-counters.js';
import { exactInteger, excerpt } from './proc-line.js';
import { diskWord, linkWord, replicationWord, roleWord, type Word } from './words.js';

/** A value that is not understood. */
export interface Strange {
  readonly key: string;
  readonly value: string;
  readonly message: string;
}

/** The changed part of an object, and what in it is not understood. */
export interface Patched<T> {
  readonly part: Partial<T>;
  readonly strange: readonly Strange[];
}

type Values = ReadonlyMap<string, string>;
type Draft<T> = { -readonly [K in keyof T]?: T[K] };
/** Takes one value into the draft; tells what is wrong with it, or null. */
type Take<T> = (draft: Draft<T>, value: string) => string | null;
type Table<T> = ReadonlyMap<string, Take<T>>;

/** An integer that a number holds exactly; u64's -1 and the like are null. */
export function exactOf(text: string | undefined): number | null {
  return text === undefined ? null : exactInteger(text);
}

function wordTaker<T>(key: keyof T, look: (text: string) => Word<string>): Take<T> {
  return (draft, value) => {
    const word = look(value);
    draft[key] = word as T[keyof T];
    return word.known ? null : `unknown state: ${excerpt(value)}`;
  };
}

/** A counter. A number too large to be held exactly, as u64's -1, is not known. */
function numberTaker<T>(key: keyof T): Take<T> {
  return (draft, value) => {
    draft[key] = exactInteger(value) as T[keyof T];
    return /^-?\d+$/.test(value) ? null : `not a number: ${excerpt(value)}`;
  };
}

function yesNoTaker<T>(key: keyof T): Take<T> {
  return (draft, value) => {
    const known = value === 'yes' || value === 'no';
    draft[key] = (known ? value === 'yes' : null) as T[keyof T];
    return known ? null : `neither yes nor no: ${excerpt(value)}`;
  };
}

/** `no`, or reasons: `user,fencing`. */
function reasonsTaker<T>(key: keyof T): Take<T> {
  return (draft, value) => {
    draft[key] = (value === 'no' ? [] : value.split(',')) as T[keyof T];
    return null;
  };
}

function textTaker<T>(key: keyof T): Take<T> {
  return (draft, value) => {
    draft[key] = value as T[keyof T];
    return null;
  };
}

/** Identifies the object; it is not a part of it that changes. */
const identity: Take<unknown> = () => null;

const WRITE_ORDERINGS: readonly string[] = ['none', 'drain', 'flush', 'barrier'];

const RESOURCE = new Map<string, Take<DrbdResource>>([
  ['name', identity],
  ['role', wordTaker('role', roleWord)],
  ['suspended', reasonsTaker('suspended')],
  ['may_promote', yesNoTaker('mayPromote')],
  ['promotion_score', numberTaker('promotionScore')],
  [
    'write-ordering',
    (draft, value) => {
      const known = WRITE_ORDERINGS.includes(value);
      draft.writeOrdering = known ? (value as WriteOrdering) : null;
      return known ? null : `unknown write ordering: ${excerpt(value)}`;
    },
  ],
]);

const DEVICE = new Map<string, Take<DrbdVolume>>([
  ['name', identity],
  ['volume', identity],
  ['minor', numberTaker('minor')],
  ['disk', wordTaker('disk', diskWord)],
  ['backing_dev', textTaker('backingDevice')],
  ['client', yesNoTaker('client')],
  ['quorum', yesNoTaker('quorum')],
  ['open', yesNoTaker('open')],
  ['size', numberTaker('sizeKiB')],
  ['read', numberTaker('readKiB')],
  ['written', numberTaker('writtenKiB')],
  ['al-writes', numberTaker('activityLogWrites')],
  ['bm-writes', numberTaker('bitmapWrites')],
  ['upper-pending', numberTaker('upperPending')],
  ['lower-pending', numberTaker('lowerPending')],
]);

const CONNECTION = new Map<string, Take<DrbdConnection>>([
  ['name', identity],
  ['peer-node-id', identity],
  ['conn-name', textTaker('name')],
  ['connection', wordTaker('link', linkWord)],
  ['role', wordTaker('peerRole', roleWord)],
  ['congested', yesNoTaker('congested')],
]);

/** `done`, `eta` and `dbdt1` are taken by `progressOf`. */
const PEER_DEVICE = new Map<string, Take<DrbdPeerVolume>>([
  ...['name', 'peer-node-id', 'conn-name', 'volume', 'minor', 'done', 'eta', 'dbdt1'].map(
    (key) => [key, identity] as const,
  ),
  ['replication', wordTaker('replication', replicationWord)],
  ['peer-disk', wordTaker('peerDisk', diskWord)],
  ['peer-client', yesNoTaker('peerClient')],
  ['resync-suspended', reasonsTaker('resyncSuspended')],
  ['received', numberTaker('receivedKiB')],
  ['sent', numberTaker('sentKiB')],
  ['out-of-sync', numberTaker('outOfSyncKiB')],
  ['pending', numberTaker('pending')],
  ['unacked', numberTaker('unacknowledged')],
]);

const PATH = new Map<string, Take<DrbdPath>>([
  ...['name', 'peer-node-id', 'conn-name', 'local', 'peer'].map((key) => [key, identity] as const),
  ['established', yesNoTaker('established')],
]);

function taken<T>(table: Table<T>, values: Values): Patched<T> & { readonly rest: string[][] } {
  const part: Draft<T> = {};
  const strange: Strange[] = [];
  const rest: string[][] = [];
  for (const [key, value] of values) {
    const take = table.get(key);
    const message = take === undefined ? null : take(part, value);
    if (take === undefined) rest.push([key, value]);
    if (message !== null) strange.push({ key, value, message });
  }
  return { part, strange, rest };
}

type Extra = Readonly<Record<string, string>>;

function withExtra<T extends { readonly extra: Extra }>(
  old: T,
  table: Table<T>,
  values: Values,
): Patched<T> {
  const { part, strange, rest } = taken(table, values);
  if (rest.length === 0) return { part, strange };
  // A null prototype: keys are the program's, and `__proto__` is one that it could print.
  const extra = Object.assign(Object.create(null) as Record<string, string>, old.extra);
  for (const [key = '', value = ''] of rest) extra[key] = value;
  return { part: { ...part, extra }, strange };
}

/** What an event changes in a resource. */
export function resourcePatch(old: DrbdResource, values: Values): Patched<DrbdResource> {
  return withExtra(old, RESOURCE, values);
}

/** What an event changes in a volume on this node. */
export function devicePatch(old: DrbdVolume, values: Values): Patched<DrbdVolume> {
  return withExtra(old, DEVICE, values);
}

/** What an event changes in a connection. */
export function connectionPatch(old: DrbdConnection, values: Values): Patched<DrbdConnection> {
  return withExtra(old, CONNECTION, values);
}

/** What an event changes in a path. */
export function pathPatch(values: Values): Patched<DrbdPath> {
  return taken(PATH, values);
}

/** What an event changes in a peer's volume. */
export function peerDevicePatch(old: DrbdPeerVolume, values: Values): Patched<DrbdPeerVolume> {
  const patch = withExtra(old, PEER_DEVICE, values);
  const replication = patch.part.replication ?? old.replication;
  const progress = progressOf(old, replication?.word ?? '', values);
  return { ...patch, part: { ...patch.part, progress } };
}

const KIB_PER_MIB = 1_024;
/** What drbdsetup prints for an end that it cannot tell. */
const ETA_UNKNOWN_S = 987_654_321;

/** Which replication words mean that something runs, and what. */
export const RUNNING: ReadonlyMap<string, DrbdProgress['kind']> = new Map([
  ['SyncSource', 'resync'],
  ['SyncTarget', 'resync'],
  ['VerifyS', 'verify'],
  ['VerifyT', 'verify'],
]);

/** Progress lasts as long as the state does; 8.4 tells only that something runs. */
function progressOf(
  old: DrbdPeerVolume,
  replication: string,
  values: Values,
): DrbdProgress | null {
  const kind = RUNNING.get(replication);
  if (kind === undefined) return null;
  const known = old.progress?.kind === kind ? old.progress : emptyProgress(kind);
  const done = decimalOf(values.get('done'));
  const rate = decimalOf(values.get('dbdt1'));
  const eta = exactOf(values.get('eta'));
  return {
    ...known,
    donePercent: done ?? known.donePercent,
    rateKiBps: rate === null ? known.rateKiBps : Math.round(rate * KIB_PER_MIB),
    finishSeconds: eta === null ? known.finishSeconds : finishOf(eta),
  };
}

function decimalOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}(?:\.\d{1,6})?$/.test(text) ? Number(text) : null;
}

/** Seconds as drbdsetup estimates them, or null when it cannot. */
export function finishOf(seconds: number): number | null {
  return seconds < 0 || seconds >= ETA_UNKNOWN_S ? null : seconds;
}
