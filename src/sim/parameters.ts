/**
 * What a run is like, drawn from its seed: the size and timing of the cluster, and which kinds of
 * trouble it gets. Each kind is on or off by a coin, because a run with everything at once hides
 * what a few kinds do together.
 */
import { createPrng, type Prng } from '../base/prng.js';
import type { FencingPolicy } from '../drbd/config-query.js';
import { headStartMs } from '../failover/spec.js';
import type { GroupSpec } from '../resources/spec.js';
import { between, chance, pick } from './draw.js';
import { databaseGroup, QUICK_AGENTS, ROUTER, webGroup } from './household.js';
import type { Brain } from './machine-setup.js';
import type { Medium } from './network.js';
import { OPERATOR_TROUBLES, type OperatorTrouble } from './operators.js';
import { RARE_TROUBLES, type RareTrouble } from './rare-troubles.js';
import type { DeviceLevels } from './power.js';
import { UPKEEP_TROUBLES, type UpkeepTrouble } from './upkeep.js';
import type { WorldSetup } from './world.js';

/** The kinds of trouble. */
export const TROUBLES = [
  'powerCut',
  'blackout',
  'daemonCrash',
  'stall',
  'freeze',
  'linkCut',
  'oneWay',
  'partition',
  'badLines',
  'replication',
  'device',
  'powerNetwork',
  'agents',
  'resource',
  'operator',
  'holds',
  'leave',
  'configuration',
] as const;

export type Trouble = (typeof TROUBLES)[number];

/** Everything drawn. Printed first, so that a run can be understood without its code. */
export interface Parameters {
  readonly seed: number;
  readonly nodes: number;
  readonly groups: number;
  readonly minutes: number;
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
  readonly initdeadMs: number;
  readonly isFenced: boolean;
  readonly links: number;
  /** How often a node loses the ping nodes; null when there are none. */
  readonly clientCutEveryMs: number | null;
  readonly loss: number;
  readonly duplication: number;
  readonly jitterMs: number;
  readonly offMs: number;
  readonly fenceTimeoutMs: number;
  readonly onAgainMs: number | null;
  readonly detectMs: number;
  readonly connectMs: number;
  readonly resyncMs: number;
  readonly bootDisk: 'UpToDate' | 'Consistent';
  /** DRBD's own fencing policy. */
  readonly drbdFencing: FencingPolicy;
  readonly bootMs: number;
  /** After this long without food the watchdog of a machine resets it; null: there is none. */
  readonly watchdogMs: number | null;
  /** A timer of the kernel, or one of the board. */
  readonly watchdogKind: 'software' | 'board';
  /** Disks of state files hang now and then. */
  readonly hasHangingDisks: boolean;
  readonly agentSlowness: number;
  readonly failback: GroupSpec['failback'];
  /** Parts per million by which clocks run wrong, at most. */
  readonly driftPpm: number;
  readonly troubles: readonly Trouble[];
  readonly rareTroubles: readonly RareTrouble[];
  readonly upkeepTroubles: readonly UpkeepTrouble[];
  readonly operatorTroubles: readonly OperatorTrouble[];
  /** DRBD's fence-peer handlers do not work, or find no daemon, just when they are needed. */
  readonly hasHandlerTroubles: boolean;
  /** In the end a person replaces broken disks, and goes on with old data where nothing else is left. */
  readonly acceptsLoss: boolean;
  /** A group without a disk that any node runs, and one on another pair of three nodes. */
  readonly moreGroups: readonly ('web' | 'files')[];
  readonly powerDevices: DeviceKind;
  readonly troubleEveryMs: number;
  readonly troubleForMs: number;
}

/** What switches a node off. */
const POWER_DEVICES = {
  board: [['board']],
  outlets: [['outlet-1', 'outlet-2']],
  boardFirst: [['board'], ['outlet-1', 'outlet-2']],
  outletsFirst: [['outlet-1', 'outlet-2'], ['board']],
} as const satisfies Readonly<Record<string, DeviceLevels>>;

export type DeviceKind = keyof typeof POWER_DEVICES;

/** What the caller fixes; the rest is drawn. */
export interface Wishes {
  readonly nodes: number | null;
  readonly minutes: number;
  /** Absent: drawn. A seed that was found before DRBD had fencing has to be run without it. */
  readonly drbdFencing?: FencingPolicy;
  /** How often on average one of each sort of trouble comes, in ms. Absent: drawn, 1 to 40 seconds. */
  readonly troubleEveryMs?: number | undefined;
  /** Absent: drawn. A seed that was found before there were any has to be run without. */
  readonly hasRareTroubles?: boolean;
  /**
   * Absent: drawn. These and no others; with none the cluster has one power device a node and no
   * more groups, as it was before there were any.
   */
  readonly upkeep?: readonly UpkeepTrouble[] | undefined;
  readonly powerDevices?: DeviceKind | undefined;
  /**
   * Absent: drawn. A seed that was found before there were any, and state disks that hang, has to be
   * run without.
   */
  readonly hasWatchdog?: boolean | undefined;
  /** Absent: drawn. A seed that was found before there were any has to be run without. */
  readonly hasHandlerTroubles?: boolean | undefined;
  /** Absent: drawn. A seed that was found before people did that has to be run without. */
  readonly acceptsLoss?: boolean | undefined;
  /** Absent: drawn. A seed that was found before they typed everything has to be run with none. */
  readonly operators?: readonly OperatorTrouble[] | undefined;
}

const MINUTES_DEFAULT = 5;

/** Draws the parameters of a run. */
export function drawParameters(seed: number, wishes: Wishes): Parameters {
  const stream = (name: string): Prng => createPrng(mix(seed, name));
  const keepaliveMs = pick(stream('keepalive'), [100, 200, 200, 500, 1_000]);
  const deadtimeMs = keepaliveMs * pick(stream('deadtime'), [5, 8, 10]);
  const nodes = wishes.nodes ?? pick(stream('nodes'), [2, 2, 2, 2, 3, 5]);
  return {
    seed,
    nodes,
    groups: nodes === 3 ? 1 : pick(stream('groups'), [1, 1, 2]),
    minutes: wishes.minutes > 0 ? wishes.minutes : MINUTES_DEFAULT,
    keepaliveMs,
    deadtimeMs,
    initdeadMs: Math.max(3_000, 2 * deadtimeMs),
    isFenced: chance(stream('fenced'), 0.85),
    links: pick(stream('links'), [1, 2, 3]),
    clientCutEveryMs: drawClientCuts(stream('clientCuts'), wishes.troubleEveryMs ?? 0),
    loss: pick(stream('loss'), [0, 0, 0.02, 0.1]),
    duplication: pick(stream('duplication'), [0, 0, 0.05]),
    jitterMs: pick(stream('jitter'), [1, 5, keepaliveMs, 3 * keepaliveMs]),
    ...drawMachine(stream),
    ...drawWatchdog(stream, { keepaliveMs, deadtimeMs }, wishes),
    drbdFencing:
      wishes.drbdFencing ??
      pick(stream('drbdFencing'), [
        ...(['dont-care', 'dont-care', 'resource-only', 'resource-and-stonith'] as const),
      ]),
    failback: pick(stream('failback'), ['never', 'when-synced']),
    driftPpm: pick(stream('drift'), [0, 50, 500]),
    rareTroubles:
      wishes.hasRareTroubles === false
        ? []
        : RARE_TROUBLES.filter((trouble) => chance(stream(`rare-${trouble}`), 0.2)),
    ...drawUpkeep(stream, nodes, wishes),
    operatorTroubles:
      wishes.operators ??
      OPERATOR_TROUBLES.filter((trouble) => chance(stream(`operators-${trouble}`), 0.25)),
    hasHandlerTroubles: wishes.hasHandlerTroubles ?? chance(stream('handlers'), 0.3),
    acceptsLoss: wishes.acceptsLoss ?? chance(stream('acceptsLoss'), 0.5),
    troubles: TROUBLES.filter((trouble) => chance(stream(trouble), 0.4)),
    troubleEveryMs: wishes.troubleEveryMs ?? round(between(stream('every'), 1_000, 40_000)),
    troubleForMs: round(between(stream('for'), 200, 30_000)),
  };
}

/** Mostly one that fits; some are too quick, or leave a gap (heartbeat/watchdog.ts). */
function drawWatchdog(
  stream: (name: string) => Prng,
  timing: Pick<Parameters, 'keepaliveMs' | 'deadtimeMs'>,
  { hasWatchdog }: Wishes,
): Pick<Parameters, 'watchdogMs' | 'watchdogKind' | 'hasHangingDisks'> {
  const { deadtimeMs } = timing;
  const longestMs = deadtimeMs + headStartMs({ heartbeat: timing });
  const timeouts = [deadtimeMs, deadtimeMs, longestMs, 0.75 * deadtimeMs, 2.5 * deadtimeMs] as const;
  const watchdogMs = round(pick(stream('watchdogTimeout'), [...timeouts]));
  return {
    watchdogMs: (hasWatchdog ?? chance(stream('watchdog'), 0.4)) ? watchdogMs : null,
    watchdogKind: pick(stream('watchdogKind'), ['software', 'board']),
    hasHangingDisks: hasWatchdog !== false && chance(stream('hangingDisks'), 0.2),
  };
}

function drawUpkeep(
  stream: (name: string) => Prng,
  nodes: number,
  { upkeep, powerDevices }: Wishes,
): Pick<Parameters, 'upkeepTroubles' | 'moreGroups' | 'powerDevices'> {
  if (upkeep?.length === 0) {
    return { upkeepTroubles: [], moreGroups: [], powerDevices: powerDevices ?? 'board' };
  }
  const drawn = UPKEEP_TROUBLES.filter((trouble) => chance(stream(`upkeep-${trouble}`), 0.25));
  const hasWeb = chance(stream('web'), 0.3);
  const hasFiles = nodes === 3 && chance(stream('files'), 0.5);
  const kinds = ['board', 'board', 'outlets', 'boardFirst', 'outletsFirst'] as const;
  return {
    upkeepTroubles: upkeep ?? drawn,
    moreGroups: [...(hasWeb ? ['web' as const] : []), ...(hasFiles ? ['files' as const] : [])],
    powerDevices: powerDevices ?? pick(stream('devices'), [...kinds]),
  };
}

/** A third of all clusters have ping nodes. */
function drawClientCuts(prng: Prng, leastMs: number): number | null {
  return chance(prng, 0.35) ? Math.max(leastMs, round(between(prng, 10_000, 90_000))) : null;
}

function drawMachine(
  stream: (name: string) => Prng,
): Pick<
  Parameters,
  | 'offMs'
  | 'fenceTimeoutMs'
  | 'onAgainMs'
  | 'detectMs'
  | 'connectMs'
  | 'resyncMs'
  | 'bootDisk'
  | 'bootMs'
  | 'agentSlowness'
> {
  const again = stream('onAgain');
  return {
    offMs: round(between(stream('off'), 50, 3_000)),
    fenceTimeoutMs: round(between(stream('fenceTimeout'), 4_000, 20_000)),
    onAgainMs: chance(again, 0.5) ? null : round(between(again, 500, 15_000)),
    detectMs: round(between(stream('detect'), 500, 8_000)),
    connectMs: round(between(stream('connect'), 100, 3_000)),
    resyncMs: round(between(stream('resync'), 200, 30_000)),
    bootDisk: pick(stream('bootDisk'), ['UpToDate', 'Consistent']),
    bootMs: round(between(stream('boot'), 500, 20_000)),
    agentSlowness: pick(stream('slowness'), [0.2, 1, 5]),
  };
}

/** A seed of its own for each parameter, so that a new parameter leaves the others as they are. */
function mix(seed: number, name: string): number {
  let mixed = seed >>> 0;
  for (const letter of name) {
    mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return mixed;
}

function round(value: number): number {
  return Math.round(value);
}

/** The world that the parameters describe. */
export function setupFrom(parameters: Parameters, brain: Brain): WorldSetup {
  const { keepaliveMs, deadtimeMs, initdeadMs } = parameters;
  const nodes = Array.from({ length: parameters.nodes }, (_, index) => `n${String(index + 1)}`);
  const slow = (times: (typeof QUICK_AGENTS)['startMs']): (typeof QUICK_AGENTS)['startMs'] => ({
    drbd: times.drbd * parameters.agentSlowness,
    filesystem: times.filesystem * parameters.agentSlowness,
    ip: times.ip * parameters.agentSlowness,
    mysql: times.mysql * parameters.agentSlowness,
    script: times.script * parameters.agentSlowness,
  });
  return {
    seed: parameters.seed,
    nodes,
    groups: groupsOf(parameters, nodes),
    heartbeat: {
      keepaliveMs,
      warntimeMs: Math.floor(deadtimeMs / 2),
      deadtimeMs,
      initdeadMs,
      ping: parameters.clientCutEveryMs === null ? [] : [ROUTER],
    },
    fenceable: parameters.isFenced ? nodes : [],
    media: mediaOf(parameters),
    powerTiming: {
      statusMs: 50,
      offMs: parameters.offMs,
      timeoutMs: parameters.fenceTimeoutMs,
      onAgainMs: parameters.onAgainMs,
    },
    powerDevices: POWER_DEVICES[parameters.powerDevices],
    agentTiming: {
      startMs: slow(QUICK_AGENTS.startMs),
      stopMs: slow(QUICK_AGENTS.stopMs),
      probeMs: 10 * parameters.agentSlowness,
    },
    replicaTiming: parameters,
    bootDisk: parameters.bootDisk,
    drbdFencing: parameters.drbdFencing,
    bootMs: parameters.bootMs,
    watchdog:
      parameters.watchdogMs === null
        ? undefined
        : { timeoutMs: parameters.watchdogMs, isSoftware: parameters.watchdogKind === 'software' },
    writeEveryMs: 250,
    brain,
  };
}

function groupsOf(parameters: Parameters, nodes: readonly string[]): readonly GroupSpec[] {
  const { failback, moreGroups } = parameters;
  const [a = '', b = '', c = '', d = ''] = nodes;
  const groups = [databaseGroup('mysql', [a, b], failback)];
  const pair = nodes.length >= 4 ? [c, d] : nodes.length === 3 ? [c, b] : [b, a];
  if (parameters.groups > 1 || moreGroups.includes('files')) {
    groups.push(databaseGroup('files', pair, failback));
  }
  // The node that would be a witness is the first to run it.
  if (moreGroups.includes('web')) groups.push(webGroup(nodes.toReversed()));
  return groups;
}

function mediaOf(parameters: Parameters): readonly Medium[] {
  const { loss, duplication, jitterMs, keepaliveMs } = parameters;
  const media: Medium[] = [
    { name: 'eth0', quality: { delayMs: 1, jitterMs, loss, duplication } },
    { name: 'eth1', quality: { delayMs: 1, jitterMs, loss, duplication } },
    { name: 'serial', quality: { delayMs: keepaliveMs / 2, jitterMs: 1, loss, duplication: 0 } },
  ];
  return media.slice(0, parameters.links);
}

/** One line for people. */
export function describeParameters(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : String(value)}`)
    .join(' ');
}
