/**
 * A DRBD resource that is Primary. What DRBD says is read by `src/drbd`, which the daemon hands
 * over in the context; here is only what to do about it.
 *
 * With the 8.4 tools roles belong to minors, and `drbdadm primary r0` parses the configuration to
 * call `drbdsetup primary MINOR` once for each volume. We know the minors, so we call it ourselves:
 * one program start instead of three. (drbd-utils 9.22, `drbdadm -d`.)
 *
 * Taking over from a dead peer: as long as DRBD believes in the connection, `primary` pings the
 * peer and waits for ping-timeout (0.5 s) before it believes in its death. If the peer is confirmed
 * down, we cut the connection first and connect again when the group has started.
 */
import type {
  DrbdView,
  DrbdVolumeView,
  ExecStep,
  Plan,
  PlanContext,
  Probe,
  Readings,
  ResourceAction,
  ResourceFacts,
  ResourceKindLogic,
  Step,
} from './plan.js';
import { programPath } from './programs.js';
import type { DrbdSpec } from './spec.js';

/** The kernel may run a fence-peer handler inside a promotion. */
const PROMOTE_TIMEOUT_MS = 60_000;
const DEMOTE_TIMEOUT_MS = 30_000;
/** Cutting and making a connection only changes a state; the rest is the kernel's threads. */
const CONNECTION_TIMEOUT_MS = 10_000;

/** drbdsetup: the kernel refused a change of state; the reason is a number in its stderr. */
const STATE_CHANGE_REFUSED_EXIT = 11;
/** Worth another try: peer still Primary or refusing (a move), or a state in transition. */
const PROMOTE_AGAIN = ['(-1)', '(-10)', '(-18)', '(-19)', '(-23)'] as const;
/** Held open, or a state in transition. udev and blkid let go of a device within seconds. */
const DEMOTE_AGAIN = ['(-12)', '(-18)', '(-19)', '(-23)'] as const;
const PROMOTE_RETRY = { times: 25, pauseMs: 200 } as const;
const DEMOTE_RETRY = { times: 40, pauseMs: 250 } as const;

/**
 * Connection states of 8.4 in which a promotion pings the peer: Connected and all beyond
 * (linux/drbd.h, enum drbd_conns). In any lower state there is nobody to wait for.
 */
const ESTABLISHED: ReadonlySet<string> = new Set([
  'Connected',
  'StartingSyncS',
  'StartingSyncT',
  'WFBitMapS',
  'WFBitMapT',
  'WFSyncUUID',
  'SyncSource',
  'SyncTarget',
  'VerifyS',
  'VerifyT',
  'PausedSyncS',
  'PausedSyncT',
  'Ahead',
  'Behind',
]);

/** The logic of kind `drbd`. */
export const DRBD: ResourceKindLogic<DrbdSpec, DrbdView | null> = {
  phase: 'promote',
  startTimeoutMs: 90_000,
  stopTimeoutMs: 60_000,
  monitorEveryMs: 2_000,
  isOneLookEnough: false,
  confirmedBy: 'probe',
  describe: ({ resource }) => `DRBD resource ${resource}, Primary`,
  discovery: () => [],
  probes: (): readonly Probe[] => [{ kind: 'file', name: 'proc', path: '/proc/drbd' }],
  interpret,
  plan,
};

function interpret(
  { resource }: DrbdSpec,
  readings: Readings,
  context: PlanContext,
): ResourceFacts<DrbdView | null> {
  const proc = readings['proc'];
  if (proc?.kind !== 'text' && proc?.kind !== 'absent') {
    const why = proc?.kind === 'unreadable' ? `: ${proc.reason}` : '';
    return { state: 'unknown', reason: `Cannot read /proc/drbd${why}`, detail: null };
  }
  const view = context.drbd(resource, proc.kind === 'text' ? proc.text : null);
  if (proc.kind === 'absent') {
    // Without the driver nothing is Primary, whatever the configuration says.
    const reason = `The DRBD module is not loaded, so ${resource} is not Primary`;
    return { state: 'stopped', reason, detail: view };
  }
  if (view === null || view.volumes.length === 0) {
    const reason = `The DRBD configuration has no resource "${resource}"`;
    return { state: 'unknown', reason, detail: null };
  }
  return { ...judge(resource, view.volumes), detail: view };
}

function judge(
  resource: string,
  volumes: readonly DrbdVolumeView[],
): Pick<ResourceFacts, 'state' | 'reason'> {
  const primaries = volumes.filter(({ role }) => role === 'Primary');
  const odd = volumes.find(({ role }) => !isRoleKnown(role));
  if (odd !== undefined) {
    const reason = `${resource} has role "${odd.role ?? ''}" on minor ${odd.minor}`;
    return { state: 'unknown', reason };
  }
  if (primaries.length === volumes.length) {
    return { state: 'started', reason: `${resource} is Primary (${words(volumes)})` };
  }
  if (primaries.length > 0) {
    const reason = `${resource} is Primary on ${primaries.length} of ${volumes.length} volumes`;
    return { state: 'partial', reason };
  }
  if (volumes.every(({ role }) => role === null)) {
    return { state: 'stopped', reason: `${resource} is not up: the driver does not know it` };
  }
  return { state: 'stopped', reason: `${resource} is Secondary (${words(volumes)})` };
}

function isRoleKnown(role: string | null): boolean {
  return role === null || role === 'Primary' || role === 'Secondary';
}

/** The disk and connection of all volumes in DRBD's words, each once. */
function words(volumes: readonly DrbdVolumeView[]): string {
  const said = volumes.map(({ disk, connection }) => `${disk ?? '-'}, ${connection ?? '-'}`);
  return [...new Set(said)].join('; ');
}

function plan(
  spec: DrbdSpec,
  action: ResourceAction,
  facts: ResourceFacts<DrbdView | null>,
  context: PlanContext,
): Plan {
  const view = facts.detail;
  if (action === 'stop' && facts.state === 'stopped') return { kind: 'steps', steps: [] };
  if (view === null || facts.state === 'unknown') {
    return { kind: 'refused', reason: facts.reason };
  }
  if (action === 'stop') return { kind: 'steps', steps: demotions(spec, view, context) };
  if (facts.state === 'started') return { kind: 'steps', steps: [] };
  if (!view.promotable.ok) return { kind: 'refused', reason: view.promotable.reason };
  // One that has just connected is on, whatever was confirmed of it: neither cut off nor forced.
  const known = view.hasJustConnected === true ? { ...context, peerConfirmedDown: false, forced: false } : context;
  return { kind: 'steps', steps: planPromotion(spec, view, known) };
}

function planPromotion(spec: DrbdSpec, view: DrbdView, context: PlanContext): readonly Step[] {
  const cut = context.peerConfirmedDown && view.volumes.some(isEstablished);
  const promotions = roleSteps(spec, view, 'Primary', context);
  if (!cut) return promotions;
  return [disconnectStep(spec, view, context), ...promotions, connectStep(spec, context)];
}

function isEstablished({ connection }: DrbdVolumeView): boolean {
  return connection !== null && ESTABLISHED.has(connection);
}

function demotions(spec: DrbdSpec, view: DrbdView, context: PlanContext): readonly Step[] {
  return roleSteps(spec, view, 'Secondary', context);
}

/** One step for each minor that lacks the role (8.4), or one for the resource (9). */
function roleSteps(
  { resource }: DrbdSpec,
  view: DrbdView,
  role: 'Primary' | 'Secondary',
  context: PlanContext,
): readonly Step[] {
  const lacking = view.volumes.filter((volume) =>
    role === 'Primary' ? volume.role !== 'Primary' : volume.role === 'Primary',
  );
  const isForced = ({ disk }: DrbdVolumeView): boolean =>
    role === 'Primary' && context.forced === true && (disk === 'Consistent' || disk === 'Outdated');
  const objects =
    view.interface === '8.4'
      ? lacking.map((volume) => ({ name: String(volume.minor), forced: isForced(volume) }))
      : lacking.slice(0, 1).map(() => ({ name: resource, forced: lacking.some(isForced) }));
  const verb = role === 'Primary' ? 'promote' : 'demote';
  return objects.map((object, index) => ({
    kind: 'exec',
    label: `${verb} ${resource}${objects.length > 1 ? ` (${index + 1}/${objects.length})` : ''}`,
    argv: [
      drbdsetup(view, context),
      role.toLowerCase(),
      object.name,
      ...(object.forced ? ['--force'] : []),
    ],
    timeoutMs: role === 'Primary' ? PROMOTE_TIMEOUT_MS : DEMOTE_TIMEOUT_MS,
    okExits: [0],
    run: 'wait',
    plain: true,
    retry: {
      ...(role === 'Primary' ? PROMOTE_RETRY : DEMOTE_RETRY),
      onExits: [STATE_CHANGE_REFUSED_EXIT],
      stderrHas: role === 'Primary' ? PROMOTE_AGAIN : DEMOTE_AGAIN,
    },
    explain: 'drbd',
  }));
}

function drbdsetup(view: DrbdView, context: PlanContext): string {
  const direct = context.programs['drbdsetup-84'];
  return view.interface === '8.4' && direct !== undefined
    ? direct
    : programPath(context, 'drbdsetup');
}

/** Cuts the connection to a peer that is down. If it fails, the promotion is slower, not wrong. */
function disconnectStep({ resource }: DrbdSpec, view: DrbdView, context: PlanContext): ExecStep {
  const { addresses } = view;
  return {
    kind: 'exec',
    label: `cut ${resource} off its dead peer`,
    argv:
      view.interface === '8.4' && addresses !== null
        ? [drbdsetup(view, context), 'disconnect', addresses.local, addresses.peer, '--force']
        : [programPath(context, 'drbdadm'), 'disconnect', '--force', resource],
    timeoutMs: CONNECTION_TIMEOUT_MS,
    okExits: 'any',
    run: 'wait',
    plain: true,
    explain: 'drbd',
  };
}

/** `connect`, not `adjust`: the latter would also attach a disk that failed and was detached. */
function connectStep({ resource }: DrbdSpec, context: PlanContext): ExecStep {
  return {
    kind: 'exec',
    label: `let the peer of ${resource} connect again`,
    argv: [programPath(context, 'drbdadm'), 'connect', resource],
    timeoutMs: CONNECTION_TIMEOUT_MS,
    okExits: [0],
    run: 'deferred',
    plain: true,
    explain: 'drbd',
  };
}
