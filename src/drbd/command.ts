/**
 * What we want of DRBD, as data: an argument vector and a time limit. Every form was checked
 * against drbd-utils 9.22 (`drbdadm --dry-run`, `drbdsetup-84 help COMMAND`). No shell is involved.
 *
 * drbdadm's own limits are 600 s or none at all, so each command has one of ours; the caller ends
 * the whole process group when it is over.
 */
import { assert } from '../base/assert.js';

/** What a command does. */
export type DrbdCommandKind =
  | 'promote'
  | 'demote'
  | 'connect'
  | 'disconnect'
  | 'up'
  | 'down'
  | 'adjust'
  | 'attach'
  | 'detach'
  | 'outdate'
  | 'resumeIo'
  | 'invalidate'
  | 'verify'
  | 'waitConnect'
  | 'waitSync'
  | 'dumpXml'
  | 'showConfig'
  | 'listMinors'
  | 'listDevices'
  | 'listResources'
  | 'getGenerations'
  | 'showGenerations'
  | 'watchEvents'
  | 'listEvents'
  | 'statusJson';

/** A command ready to be run. */
export interface DrbdCommand {
  readonly kind: DrbdCommandKind;
  /** What it works on, for messages: a resource, `r0/1`, or `minor 0`. */
  readonly target: string;
  readonly argv: readonly string[];
  /** Null: it runs until it is ended (events2). */
  readonly timeoutMs: number | null;
}

/**
 * Role changes wait for a ping of the peer (at most a few seconds), for the fence-peer handler, and
 * for writes in flight; a handler that needs longer should be given its own limit by the caller.
 */
export const ROLE_TIMEOUT_MS = 60_000;

/** Attaching replays the activity log: a random read for each hot extent of a cold disk. */
export const ATTACH_TIMEOUT_MS = 120_000;

/** Connection and flag changes end after one exchange with the peer; its timeout is 6 s. */
export const LINK_TIMEOUT_MS = 20_000;

/** Questions are answered from memory or a small file. */
export const QUERY_TIMEOUT_MS = 10_000;

/** A wait command is given this much longer than the limit it keeps itself. */
export const WAIT_GRACE_MS = 2_000;

/** The longest name DRBD takes (`%.128s` in its own messages). */
const RESOURCE_NAME_CHARS_MAX = 128;

/**
 * Whether a text may be given to drbdadm as a resource: its own alphabet, no option, and not
 * `all`, which means every resource of the node.
 */
export function isResourceName(text: string): boolean {
  if (text.length > RESOURCE_NAME_CHARS_MAX || text === 'all') return false;
  return /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(text);
}

/** The same, or one volume of a resource: `r0/1`. */
export function isVolumeName(text: string): boolean {
  const [, resource = '', volume = ''] = /^([^/]*)(?:\/(.*))?$/s.exec(text) ?? [];
  if (!text.includes('/')) return isResourceName(text);
  return isResourceName(resource) && /^\d{1,5}$/.test(volume) && Number(volume) <= VOLUME_MAX;
}

/** The highest number of a volume (DRBD_VOLUME_MAX of linux/drbd_limits.h). */
const VOLUME_MAX = 65_534;

function onResource(
  kind: DrbdCommandKind,
  words: readonly string[],
  resource: string,
  timeoutMs: number,
): DrbdCommand {
  assert(isResourceName(resource), 'a DRBD command names a valid resource');
  return { kind, target: resource, argv: ['drbdadm', ...words, resource], timeoutMs };
}

/** For commands that drbdadm repeats for each volume unless one is named. */
function onVolume(
  kind: DrbdCommandKind,
  verb: string,
  target: string,
  timeoutMs: number,
): DrbdCommand {
  assert(isVolumeName(target), 'a DRBD command names a valid resource or volume');
  return { kind, target, argv: ['drbdadm', verb, target], timeoutMs };
}

function onMinor(
  kind: DrbdCommandKind,
  minor: number,
  words: readonly string[],
  timeoutMs: number,
): DrbdCommand {
  assert(Number.isInteger(minor) && minor >= 0, 'a DRBD minor is a natural number');
  const [verb = '', ...options] = words;
  const argv = ['drbdsetup', verb, String(minor), ...options];
  return { kind, target: `minor ${minor}`, argv, timeoutMs };
}

/**
 * Makes the resource Primary. `force` makes any local disk UpToDate: only for an operator who typed
 * it out (S4).
 */
export function promote(resource: string, options: { readonly force?: boolean } = {}): DrbdCommand {
  const words = options.force === true ? ['primary', '--force'] : ['primary'];
  return onResource('promote', words, resource, ROLE_TIMEOUT_MS);
}

/** Makes the resource Secondary. Refused (-12) while anything holds the device open. */
export function demote(resource: string): DrbdCommand {
  return onResource('demote', ['secondary'], resource, ROLE_TIMEOUT_MS);
}

/**
 * Makes one device of the 8.4 module Primary without drbdadm reading its configuration: what
 * `drbdadm primary` runs, once for each volume.
 */
export function promoteMinor(minor: number): DrbdCommand {
  return onMinor('promote', minor, ['primary'], ROLE_TIMEOUT_MS);
}

/** Makes one device of the 8.4 module Secondary, likewise. */
export function demoteMinor(minor: number): DrbdCommand {
  return onMinor('demote', minor, ['secondary'], ROLE_TIMEOUT_MS);
}

/** Connects; with `discardMyData` this node offers to lose a split brain (it must be Secondary). */
export function connect(
  resource: string,
  options: { readonly discardMyData?: boolean } = {},
): DrbdCommand {
  const words = options.discardMyData === true ? ['connect', '--discard-my-data'] : ['connect'];
  return onResource('connect', words, resource, LINK_TIMEOUT_MS);
}

/**
 * Disconnects. With `force` the peer is not asked: at once, when it is known to be gone, instead
 * of after its timeout. drbdadm runs `drbdsetup-84 disconnect LOCAL PEER --force`.
 */
export function disconnect(
  resource: string,
  options: { readonly force?: boolean } = {},
): DrbdCommand {
  const words = options.force === true ? ['disconnect', '--force'] : ['disconnect'];
  return onResource('disconnect', words, resource, LINK_TIMEOUT_MS);
}

/**
 * The same on the 8.4 module without drbdadm. `local` and `peer` are `ipv4:10.9.1.1:7789`, as
 * config-query gives them; DRBD 9 takes resource and node id instead.
 */
export function disconnectAddresses(
  local: string,
  peer: string,
  options: { readonly force?: boolean } = {},
): DrbdCommand {
  const isAddress = (text: string): boolean => /^[a-z0-9]+:[^\s]+$/.test(text);
  assert(isAddress(local) && isAddress(peer), 'a DRBD address is FAMILY:IP:PORT');
  const argv = ['drbdsetup', 'disconnect', local, peer];
  if (options.force === true) argv.push('--force');
  return { kind: 'disconnect', target: peer, argv, timeoutMs: LINK_TIMEOUT_MS };
}

/** Attaches and connects everything. */
export function up(resource: string): DrbdCommand {
  return onResource('up', ['up'], resource, ATTACH_TIMEOUT_MS);
}

/** Demotes, disconnects and detaches everything. */
export function down(resource: string): DrbdCommand {
  return onResource('down', ['down'], resource, ROLE_TIMEOUT_MS);
}

/** Brings the kernel in line with the configuration file. */
export function adjust(resource: string): DrbdCommand {
  return onResource('adjust', ['adjust'], resource, ATTACH_TIMEOUT_MS);
}

/** Attaches the lower devices (applying the activity log first). `target`: `r0` or `r0/1`. */
export function attach(target: string): DrbdCommand {
  return onVolume('attach', 'attach', target, ATTACH_TIMEOUT_MS);
}

/** Detaches the lower devices of a resource or volume. */
export function detach(target: string): DrbdCommand {
  return onVolume('detach', 'detach', target, LINK_TIMEOUT_MS);
}

/**
 * Marks the local disk Outdated. 8.4.11 accepts it while connected, and of a Primary, too (seen), in
 * spite of its refusals -6 and -2: callers look first (action).
 */
export function outdate(target: string): DrbdCommand {
  return onVolume('outdate', 'outdate', target, LINK_TIMEOUT_MS);
}

/** Lets writes go on that are held back, for whatever reason they are. */
export function resumeIo(resource: string): DrbdCommand {
  return onResource('resumeIo', ['resume-io'], resource, LINK_TIMEOUT_MS);
}

/**
 * Declares the local data worthless: a full resync from the peer follows. 8.4.11 accepts it of a
 * Primary and of a resource that is not up (seen): callers look first (action).
 */
export function invalidate(target: string): DrbdCommand {
  return onVolume('invalidate', 'invalidate', target, LINK_TIMEOUT_MS);
}

/** Starts an online verify; progress shows in /proc/drbd. */
export function verify(target: string): DrbdCommand {
  return onVolume('verify', 'verify', target, LINK_TIMEOUT_MS);
}

/**
 * Waits until a device of the 8.4 module is connected, at most `limitSeconds`; exit code 5 tells
 * that the limit passed. All three limits are given, or a degraded node waits for ever.
 */
export function waitConnect(minor: number, limitSeconds: number): DrbdCommand {
  return waiting('waitConnect', 'wait-connect', minor, limitSeconds);
}

/** Waits until a device of the 8.4 module is connected and not syncing, likewise. */
export function waitSync(minor: number, limitSeconds: number): DrbdCommand {
  return waiting('waitSync', 'wait-sync', minor, limitSeconds);
}

function waiting(
  kind: DrbdCommandKind,
  verb: string,
  minor: number,
  limitSeconds: number,
): DrbdCommand {
  assert(Number.isInteger(limitSeconds) && limitSeconds > 0, 'a wait has a limit (0 is none)');
  const limits = ['wfc', 'degr-wfc', 'outdated-wfc'].map(
    (which) => `--${which}-timeout=${limitSeconds}`,
  );
  return onMinor(kind, minor, [verb, ...limits], limitSeconds * 1_000 + WAIT_GRACE_MS);
}

/** The resource's configuration in XML (read by config-query). */
export function dumpXml(resource: string): DrbdCommand {
  return onResource('dumpXml', ['dump-xml'], resource, QUERY_TIMEOUT_MS);
}

/** The configuration of all resources in XML. */
export function dumpAllXml(): DrbdCommand {
  const argv = ['drbdadm', 'dump-xml'];
  return { kind: 'dumpXml', target: 'all resources', argv, timeoutMs: QUERY_TIMEOUT_MS };
}

/** The configuration by which the kernel runs all resources, defaults too (read by show). */
export function showConfig(): DrbdCommand {
  const argv = ['drbdsetup', 'show', '--show-defaults'];
  return { kind: 'showConfig', target: 'all resources', argv, timeoutMs: QUERY_TIMEOUT_MS };
}

/** The resource's minors, one a line in the order of its volumes. */
export function listMinors(resource: string): DrbdCommand {
  return onResource('listMinors', ['sh-minor'], resource, QUERY_TIMEOUT_MS);
}

/** The resource's device files, one a line in the order of its volumes. */
export function listDevices(resource: string): DrbdCommand {
  return onResource('listDevices', ['sh-dev'], resource, QUERY_TIMEOUT_MS);
}

/** Every resource that the configuration defines for this host, on one line. */
export function listResources(): DrbdCommand {
  const argv = ['drbdadm', 'sh-resources'];
  return { kind: 'listResources', target: 'all resources', argv, timeoutMs: QUERY_TIMEOUT_MS };
}

/** Generation identifiers, one line a volume (read by generation). */
export function getGenerations(resource: string): DrbdCommand {
  return onResource('getGenerations', ['get-gi'], resource, QUERY_TIMEOUT_MS);
}

/** The same with the picture that explains them, for a report. */
export function showGenerations(resource: string): DrbdCommand {
  return onResource('showGenerations', ['show-gi'], resource, QUERY_TIMEOUT_MS);
}

/** Follows every state change (read by model-events). drbdsetup-84 requires the word `all`. */
export function watchEvents(): DrbdCommand {
  const argv = ['drbdsetup', 'events2', '--timestamps', '--statistics', 'all'];
  return { kind: 'watchEvents', target: 'all resources', argv, timeoutMs: null };
}

/** The first dump of `watchEvents` alone: all that exists now. */
export function listEvents(): DrbdCommand {
  const argv = ['drbdsetup', 'events2', '--now', '--statistics', 'all'];
  return { kind: 'listEvents', target: 'all resources', argv, timeoutMs: QUERY_TIMEOUT_MS };
}

/** Everything that exists now (DRBD 9; drbdsetup-84 has no --json). */
export function statusJson(): DrbdCommand {
  const argv = ['drbdsetup', 'status', '--json'];
  return { kind: 'statusJson', target: 'all resources', argv, timeoutMs: QUERY_TIMEOUT_MS };
}
