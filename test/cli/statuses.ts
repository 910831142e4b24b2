import type {
  DrbdStatus,
  GroupStatus,
  LinkStatus,
  NodeStatus,
  ResourceStatus,
  Status,
} from '../../src/base/status.js';
import { watchdogRisks } from '../../src/heartbeat/watchdog.js';
import { offlineStatus } from '../../src/cli/offline-status.js';

/** Statuses of one small cluster in the situations an operator is called for. */

const N1: NodeStatus = {
  name: 'n1',
  self: true,
  state: 'up',
  mode: 'online',
  lastSeenMs: 0,
  reason: 'this node',
};
const N2: NodeStatus = {
  name: 'n2',
  self: false,
  state: 'up',
  mode: 'online',
  lastSeenMs: 120,
  reason: 'heard on 2 links',
};

const LINK: LinkStatus = {
  peer: 'n2',
  medium: 'ucast eth0 10.9.0.2',
  state: 'up',
  lastSeenMs: 120,
  sent: 4_211,
  received: 4_198,
  badAuth: 0,
  malformed: 0,
  duplicate: 0,
  replayed: 0,
};
const SERIAL: LinkStatus = { ...LINK, medium: 'serial /dev/ttyS1', lastSeenMs: 130 };

const RESOURCES: readonly ResourceStatus[] = [
  { id: 'drbd:r0', kind: 'drbd', state: 'started' },
  { id: 'filesystem:/db', kind: 'filesystem', state: 'started' },
  { id: 'ip:10.9.0.100', kind: 'ip', state: 'started' },
  { id: 'mysql', kind: 'mysql', state: 'started' },
];

const GROUP: GroupStatus = {
  name: 'mysql',
  state: 'started',
  node: 'n1',
  reason: 'n1 is its preferred node',
  resources: RESOURCES,
};

const DRBD: DrbdStatus = {
  resource: 'r0',
  role: 'Primary',
  peerRole: 'Secondary',
  connection: 'Connected',
  splitBrain: false,
  volumes: [
    {
      volume: 0,
      minor: 0,
      disk: 'UpToDate',
      peerDisk: 'UpToDate',
      syncedPercent: null,
      outOfSyncBytes: 0,
    },
  ],
};

export const STARTED: Status = {
  schema: 'tandem.status/1',
  cluster: 'shop',
  self: 'n1',
  verdict: { state: 'ok', summary: 'mysql runs on n1; n2 is ready to take over' },
  nodes: [N1, N2],
  links: [LINK, SERIAL],
  groups: [GROUP],
  drbd: [DRBD],
  fencing: { configured: true, lastTestedAt: '2026-01-12T09:00:00Z' },
};

function resources(...states: readonly ResourceStatus['state'][]): ResourceStatus[] {
  return RESOURCES.map((resource, index) => ({ ...resource, state: states[index] ?? 'stopped' }));
}

function volume(change: Partial<DrbdStatus['volumes'][number]>): DrbdStatus['volumes'] {
  return DRBD.volumes.map((one) => ({ ...one, ...change }));
}

const TESTED = {
  devices: 1,
  lastTestedAt: '2026-01-12T09:00:00Z',
  lastTestedAgoMs: 3 * 86_400_000,
  lastShotAt: null,
  fault: null,
} as const;

const DEAD: readonly LinkStatus[] = [
  { ...LINK, state: 'dead', lastSeenMs: 2_310 },
  { ...SERIAL, state: 'dead', lastSeenMs: 2_290 },
];

export const STATUSES: Readonly<Record<string, Status>> = {
  started: STARTED,
  'fencing-told': {
    ...STARTED,
    fencing: {
      configured: true,
      lastTestedAt: null,
      nodes: [
        { ...TESTED, name: 'n2' },
        { ...TESTED, name: 'n3', lastTestedAt: null, lastTestedAgoMs: null },
        {
          ...TESTED,
          name: 'n4',
          devices: 2,
          fault: { at: '2026-01-12T12:00:00Z', agoMs: 7_300_000, reason: 'fence_apc 10.9.9.4: no route to host' },
        },
        { ...TESTED, name: 'n5', devices: 0, lastTestedAt: null, lastTestedAgoMs: null },
      ],
    },
  },
  'ping-silent': {
    ...STARTED,
    verdict: {
      state: 'degraded',
      summary:
        'mysql runs on n1; n1 does not reach ping node routers: 10.9.1.1: no answer for 3.00 s or ' +
        'more; 10.9.1.2: no answer for 3.00 s or more',
    },
    nodes: [
      { ...N1, connectivity: { reached: 1, of: 3 } },
      { ...N2, connectivity: { reached: 3, of: 3 } },
    ],
    ping: [
      { name: '10.9.0.254', state: 'up', reason: 'it answers' },
      {
        name: 'routers',
        state: 'silent',
        reason: '10.9.1.1: no answer for 3.00 s or more; 10.9.1.2: no answer for 3.00 s or more',
      },
      { name: '10.9.0.1', state: 'unknown', reason: 'the program ping is not installed here' },
    ],
  },
  'taking-over': {
    ...STARTED,
    verdict: { state: 'down', summary: 'n2 died 2.31 s ago; n1 takes over mysql: mounting /db' },
    nodes: [
      N1,
      {
        ...N2,
        state: 'fenced',
        lastSeenMs: 2_310,
        reason: 'fence_ipmilan on 10.9.9.12 confirmed that it is off',
      },
    ],
    links: DEAD,
    groups: [
      {
        ...GROUP,
        state: 'starting',
        reason: 'n2 is confirmed fenced after its last sign of life; n1 holds good data',
        resources: resources('started', 'starting', 'stopped', 'stopped'),
      },
    ],
    drbd: [
      { ...DRBD, peerRole: 'Unknown', connection: 'WFConnection', volumes: volume({ peerDisk: 'DUnknown', outOfSyncBytes: 12_288 }) },
    ],
  },
  'blocked-without-fencing': {
    ...STARTED,
    verdict: {
      state: 'down',
      summary: 'mysql runs nowhere that n1 knows of: n2 is silent and nothing can make sure it is off',
    },
    nodes: [N1, { ...N2, state: 'dead', lastSeenMs: 754_000, reason: 'nothing heard on any link for 12 min 34 s' }],
    links: DEAD.map((link) => ({ ...link, lastSeenMs: 754_000 })),
    groups: [
      {
        ...GROUP,
        state: 'blocked',
        node: null,
        reason:
          'n2 held it when it was last heard and is not confirmed off. Make sure that n2 is off, then: tandem fence confirm n2 --reason "..."',
        resources: resources(),
      },
    ],
    drbd: [
      { ...DRBD, role: 'Secondary', peerRole: 'Unknown', connection: 'WFConnection', volumes: volume({ peerDisk: 'DUnknown' }) },
    ],
    fencing: { configured: false, lastTestedAt: null },
  },
  'split-brain': {
    ...STARTED,
    verdict: { state: 'degraded', summary: 'mysql runs on n1, but its data is in split brain with n2' },
    drbd: [
      { ...DRBD, peerRole: 'Unknown', connection: 'StandAlone', splitBrain: true, volumes: volume({ peerDisk: 'DUnknown', outOfSyncBytes: 5_368_709_120 }) },
    ],
  },
  syncing: {
    ...STARTED,
    verdict: { state: 'degraded', summary: 'mysql runs on n1; n2 cannot take over before it is in sync (42.1 %)' },
    drbd: [
      { ...DRBD, connection: 'SyncSource', volumes: volume({ peerDisk: 'Inconsistent', syncedPercent: 42.1, outOfSyncBytes: 1_610_612_736 }) },
    ],
  },
  'fence-failed': {
    ...STARTED,
    verdict: { state: 'down', summary: 'mysql is down: n2 is silent and could not be fenced yet (attempt 2 of 5)' },
    nodes: [
      N1,
      {
        ...N2,
        state: 'fencing',
        lastSeenMs: 9_400,
        reason: 'fence_ipmilan on 10.9.9.12 ended with code 1: "Unable to connect/login to fencing device"; tried again in 2.00 s',
      },
    ],
    links: DEAD,
    groups: [{ ...GROUP, state: 'blocked', node: null, reason: 'it waits until n2 is confirmed off', resources: resources() }],
    fencing: { configured: true, lastTestedAt: null },
  },
  incompatible: {
    ...STARTED,
    verdict: { state: 'degraded', summary: 'mysql runs on n1; n2 plays by other rules and cannot take over' },
    nodes: [
      N1,
      {
        ...N2,
        state: 'incompatible',
        reason: 'its configuration has digest 9f86d081884c7d65, ours has 60303ae22b998861',
      },
    ],
    links: [LINK, { ...SERIAL, state: 'late', badAuth: 17, malformed: 2, replayed: 1, lastSeenMs: 940 }],
  },
  'stop-failed': {
    ...STARTED,
    verdict: { state: 'down', summary: 'mysql failed to stop on n1; nobody may start it' },
    nodes: [{ ...N1, mode: 'standby', reason: 'set by root 40 s ago' }, N2],
    groups: [
      {
        ...GROUP,
        state: 'failed',
        reason: 'filesystem:/db did not stop within 60 s, so its state is unknown until n1 is fenced or "tandem cleanup mysql"',
        resources: [
          { id: 'drbd:r0', kind: 'drbd', state: 'started' },
          { id: 'filesystem:/db', kind: 'filesystem', state: 'failed', reason: 'umount: /db: target is busy; held by pid 812 (bash), 977 (tail)' },
          { id: 'ip:10.9.0.100', kind: 'ip', state: 'stopped' },
          { id: 'mysql', kind: 'mysql', state: 'stopped' },
        ],
      },
    ],
  },
  'first-start': {
    ...STARTED,
    verdict: { state: 'unknown', summary: 'n1 has just started and listens' },
    nodes: [{ ...N1, state: 'starting', reason: 'it listens for 5.00 s before it decides' }, { ...N2, state: 'unknown', lastSeenMs: null, reason: 'nothing heard yet' }],
    links: [{ ...LINK, state: 'dead', lastSeenMs: null }],
    groups: [{ ...GROUP, state: 'unknown', node: null, reason: 'not probed yet', resources: resources('unknown', 'unknown', 'unknown', 'unknown') }],
    drbd: [{ ...DRBD, volumes: [], reason: '/proc/drbd does not exist: the module is not loaded' }],
  },
  hostile: {
    ...STARTED,
    verdict: { state: 'ok', summary: 'all\u001b[2J is\r\nwell' },
    nodes: [{ ...N1, name: 'n1\u001b]0;title\u0007', state: 'late', reason: '\u001b[31mred\u001b[0m \u009b2J' }],
    links: [],
    groups: [],
    drbd: [],
  },
  'watchdog-slow': {
    ...STARTED,
    watchdog: {
      device: '/dev/watchdog',
      state: 'armed',
      timeoutMs: 60_000,
      reason: 'this machine is reset 1 min 00 s after it was fed last',
      warnings: watchdogRisks(
        { device: '/dev/watchdog', timeoutMs: 60_000, nowayout: false },
        { keepaliveMs: 200, deadtimeMs: 1_500, headStartMs: 500 },
      ),
    },
  },
  'watchdog-starving': {
    ...STARTED,
    watchdog: {
      device: '/dev/watchdog',
      state: 'starving',
      timeoutMs: 2_000,
      reason: 'it is not fed: a write to the disk of the state file has not come back for 30.2 s (limit 30.0 s); this machine is reset 2.00 s after it was fed last',
      warnings: [],
    },
  },
  empty: { ...STARTED, verdict: { state: 'ok', summary: 'nothing to keep alive' }, nodes: [], links: [], groups: [], drbd: [] },
};

export const DOWN = offlineStatus('n1', false, 'tandemd is not running: nobody listens on /run/tandem/tandem.sock');

/** In the format of /proc/drbd of DRBD 8.4; the words are those of the kernel, the numbers ours. */
export const PROC_DRBD = `version: 8.4.11 (api:1/proto:86-101)
srcversion: 0123456789ABCDEF0123456

 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:1048576 nr:0 dw:2048 dr:1052672 al:12 bm:0 lo:0 pe:2 ua:0 ap:0 ep:1 wo:f oos:1572864
\t[=======>............] sync'ed: 42.1% (1536/2560)M
\tfinish: 0:00:31 speed: 49,152 (45,590) K/sec

 1: cs:Unconfigured
`;
