import fc from 'fast-check';
import t from 'tap';
import {
  factsFromProc,
  resourceFacts,
  splitBrainBetween,
  unknownFacts,
  type DrbdFacts,
  type DrbdVolumeFacts,
} from '../../src/drbd/facts.js';
import { parseProcDrbd } from '../../src/drbd/proc.js';
import { dataQuality, promotable, type PromotionContext } from '../../src/drbd/promotion.js';
import { CONNECTION_WORDS, DISK_WORDS, ROLE_WORDS } from '../../src/drbd/words.js';
import { readFixture, readSample, skipWithoutSamples } from './samples.js';

const HEAD = 'version: 8.4.11 (api:1/proto:86-101)\nbuilt-in\n';
const R0 = [{ resource: 'r0', volume: 0, minor: 0 }];

function read(text: string, map = R0): readonly DrbdFacts[] {
  return factsFromProc({ kind: 'read', proc: parseProcDrbd(text) }, map);
}

function one(text: string, map = R0): DrbdFacts {
  const [facts] = read(text, map);
  if (facts === undefined) throw new Error('no facts');
  return facts;
}

/** A line of /proc/drbd 8.4 in short: `cs role/peer disk/peer [oos] [flags]`. */
function line(minor: number, state: string): string {
  const [cs = '', roles = '', disks = '', oos = '0', flags = 'r-----'] = state.split(' ');
  return `${minor}: cs:${cs} ro:${roles} ds:${disks} C ${flags}\n    ns:0 nr:0 oos:${oos}\n`;
}

function state(text: string): DrbdFacts {
  return one(`${HEAD}${line(0, text)}`);
}

t.test('facts: a connected pair', (t) => {
  t.same(one(readFixture('8.4.11-connected.txt')), {
    resource: 'r0',
    state: 'configured',
    reason: 'every volume is configured',
    role: 'Primary',
    peerRole: 'Secondary',
    connection: 'Connected',
    disk: 'UpToDate',
    volumes: [
      {
        volume: 0,
        minor: 0,
        state: 'configured',
        role: 'Primary',
        peerRole: 'Secondary',
        connection: 'Connected',
        disk: 'UpToDate',
        peerDisk: 'UpToDate',
        syncedPercent: null,
        verifiedPercent: null,
        finishSeconds: null,
        outOfSyncBytes: 0,
        ioSuspended: false,
      },
    ],
    splitBrainSuspected: false,
    ioSuspended: false,
  });
  t.match(one(readFixture('8.4.11-syncsource-k.txt')).volumes, [
    { syncedPercent: 31.2, verifiedPercent: null, finishSeconds: 4, outOfSyncBytes: 184_549_376 },
  ]);
  t.match(one(readFixture('8.4.11-verify-details.txt')).volumes, [
    { syncedPercent: null, verifiedPercent: 25, outOfSyncBytes: 16_384 },
  ]);
  t.match(one(readFixture('8.4.11-io-suspended.txt')), { ioSuspended: true });
  t.end();
});

t.test('facts: what cannot be read is unknown, with the reason', (t) => {
  const absent = factsFromProc({ kind: 'unreadable', reason: 'no /proc/drbd' }, R0);
  t.same(absent, [unknownFacts('r0', 'no /proc/drbd')]);
  t.match(one(''), { state: 'unknown', reason: /without a version line/, role: 'Unknown' });
  t.match(one(readFixture('9.2.12-header-only.txt')), {
    state: 'unknown',
    reason: /DRBD 9\.2\.12 does not list its devices/,
  });
  t.match(one(`${HEAD}${line(0, 'Connected Primary/Secondary UpToDate/UpToDate')}`.slice(0, -4)), {
    state: 'unknown',
    reason: /breaks off at volume 0 \(minor 0\)/,
    role: 'Unknown',
    disk: 'Unknown',
  });
  t.match(state('Warped Boss/Secondary Shiny/UpToDate'), {
    state: 'configured',
    connection: 'Unknown',
    role: 'Unknown',
    disk: 'Unknown',
  });
  t.end();
});

t.test('facts: a resource whose minors are missing or Unconfigured is down', (t) => {
  t.match(one(readFixture('8.4.11-no-devices.txt')), {
    state: 'down',
    reason: 'not configured in the kernel: volume 0 (minor 0)',
    role: 'Secondary',
    disk: 'Diskless',
    splitBrainSuspected: false,
  });
  t.match(one(`${HEAD}0: cs:Unconfigured\n`), { state: 'down', volumes: [{ state: 'down' }] });
  const map = [
    { resource: 'a', volume: 0, minor: 3 },
    { resource: 'b', volume: 0, minor: 120 },
    { resource: 'a', volume: 1, minor: 4 },
  ];
  const [a, b, ...rest] = read(readFixture('8.4.11-holes.txt'), map);
  t.same(rest, []);
  t.match(a, {
    resource: 'a',
    state: 'down',
    reason: /volume 1 \(minor 4\)$/,
    role: 'Primary',
    disk: 'Diskless',
    volumes: [{ state: 'configured' }, { state: 'down' }],
  });
  t.match(b, { resource: 'b', state: 'configured', role: 'Secondary', peerRole: 'Primary' });
  t.end();
});

t.test('facts: a resource is as bad as its worst volume and as active as its most active', (t) => {
  const two = (first: string, second: string): DrbdFacts =>
    one(`${HEAD}${line(0, first)}${line(1, second)}`, [
      ...R0,
      { resource: 'r0', volume: 1, minor: 1 },
    ]);
  t.match(
    two(
      'Connected Secondary/Primary UpToDate/UpToDate',
      'SyncTarget Primary/Secondary Inconsistent/UpToDate',
    ),
    { role: 'Primary', peerRole: 'Primary', connection: 'SyncTarget', disk: 'Inconsistent' },
  );
  t.match(
    two(
      'StandAlone Secondary/Unknown UpToDate/DUnknown 8',
      'SyncSource Secondary/Secondary UpToDate/Inconsistent',
    ),
    { role: 'Secondary', peerRole: 'Unknown', connection: 'StandAlone', splitBrainSuspected: true },
  );
  t.end();
});

t.test('facts: DRBD 9 words become those of 8.4', (t) => {
  t.match(state('Established Secondary/Primary UpToDate/UpToDate'), { connection: 'Connected' });
  t.match(state('Connecting Secondary/Unknown UpToDate/DUnknown'), { connection: 'WFConnection' });
  t.match(state('Off Secondary/Unknown UpToDate/DUnknown'), { connection: 'Unknown' });
  t.end();
});

// --- S4 ---------------------------------------------------------------------------------------

const YES = 'yes';
const NO = 'no';
const ASK = 'unknown';

/** State, verdict while the peer is not confirmed down, verdict when it is. */
const PROMOTABLE: readonly (readonly [string, string, string])[] = [
  ['Connected Secondary/Secondary UpToDate/UpToDate', YES, YES],
  ['Connected Secondary/Primary UpToDate/UpToDate', NO, YES],
  ['Connected Primary/Secondary UpToDate/UpToDate', YES, YES],
  ['Connected Primary/Primary UpToDate/UpToDate', YES, YES],
  ['WFConnection Secondary/Unknown UpToDate/DUnknown', YES, YES],
  ['WFConnection Secondary/Unknown UpToDate/Outdated', YES, YES],
  ['StandAlone Secondary/Unknown UpToDate/DUnknown 4', YES, YES],
  ['WFConnection Secondary/Unknown Consistent/DUnknown', NO, YES],
  ['WFConnection Secondary/Unknown Consistent/Outdated', YES, YES],
  ['WFConnection Secondary/Unknown Consistent/Inconsistent', NO, YES],
  ['WFConnection Secondary/Unknown Outdated/DUnknown', NO, NO],
  ['WFConnection Secondary/Unknown Inconsistent/DUnknown', NO, NO],
  ['SyncTarget Secondary/Primary Inconsistent/UpToDate', NO, NO],
  ['SyncTarget Secondary/Secondary Inconsistent/UpToDate', NO, NO],
  ['SyncTarget Secondary/Secondary UpToDate/UpToDate', NO, NO],
  ['PausedSyncT Secondary/Secondary Inconsistent/UpToDate', NO, NO],
  ['Behind Secondary/Primary UpToDate/UpToDate', NO, NO],
  ['WFBitMapT Secondary/Secondary UpToDate/UpToDate', NO, NO],
  ['WFSyncUUID Secondary/Secondary UpToDate/UpToDate', NO, NO],
  ['SyncSource Secondary/Secondary UpToDate/Inconsistent', YES, YES],
  ['PausedSyncS Secondary/Secondary UpToDate/Inconsistent', YES, YES],
  ['VerifyT Secondary/Secondary UpToDate/UpToDate', YES, YES],
  ['WFReportParams Secondary/Unknown UpToDate/DUnknown', ASK, ASK],
  ['StartingSyncS Secondary/Secondary UpToDate/Consistent', ASK, ASK],
  ['WFReportParams Secondary/Unknown Negotiating/DUnknown', ASK, ASK],
  ['Connected Secondary/Secondary Attaching/UpToDate', ASK, ASK],
  ['Connected Secondary/Secondary Diskless/UpToDate', NO, NO],
  ['Connected Secondary/Secondary Failed/UpToDate', NO, NO],
  ['Connected Secondary/Secondary Detaching/UpToDate', NO, NO],
  ['TOO_LARGE Secondary/Unknown UpToDate/DUnknown', ASK, ASK],
  ['TOO_LARGE Secondary/Unknown Outdated/DUnknown', NO, NO],
  ['Connected Secondary/Secondary Strange/UpToDate', ASK, ASK],
  ['Connected Secondary/Primary Strange/UpToDate', NO, ASK],
];

t.test('promotable: S4 for every state', (t) => {
  for (const [text, whileUp, whenDown] of PROMOTABLE) {
    const facts = state(text);
    const up = promotable(facts, { peerConfirmedDown: false });
    const down = promotable(facts, { peerConfirmedDown: true });
    t.equal(up.verdict, whileUp, `${text}, peer not confirmed down: ${up.reason}`);
    t.equal(down.verdict, whenDown, `${text}, peer confirmed down: ${down.reason}`);
    t.match(up.reason, /^r0/, 'the reason names the resource');
  }
  t.match(promotable(unknownFacts('r0', 'no /proc/drbd'), { peerConfirmedDown: true }), {
    verdict: 'unknown',
    reason: 'r0: no /proc/drbd',
  });
  t.match(promotable(one(readFixture('8.4.11-no-devices.txt')), { peerConfirmedDown: true }), {
    verdict: 'no',
    reason: /^r0 is not up: /,
  });
  t.end();
});

t.test('promotable: an order of a person overrides age, never wholeness, and needs the peer off (S4)', (t) => {
  const verdict = (disk: string, context: PromotionContext): string =>
    promotable(one(`${HEAD}${line(0, `WFConnection Secondary/Unknown ${disk}/DUnknown`)}`), context)
      .verdict;
  const rows: readonly (readonly [string, string])[] = [
    ['UpToDate', 'yes'],
    ['Consistent', 'yes'],
    ['Outdated', 'yes'],
    ['Inconsistent', 'no'],
    ['Diskless', 'no'],
    ['Failed', 'no'],
  ];
  for (const [disk, expected] of rows) {
    t.equal(verdict(disk, { peerConfirmedDown: true, forced: true }), expected, disk);
    if (disk === 'UpToDate') continue;
    t.equal(verdict(disk, { peerConfirmedDown: false, forced: true }), 'no', `${disk}, the peer not off`);
  }
  t.equal(verdict('Outdated', { peerConfirmedDown: true }), 'no', 'and never without an order');
  t.end();
});

t.test('promotable: every volume is checked', (t) => {
  const map = [...R0, { resource: 'r0', volume: 1, minor: 1 }];
  const good = line(0, 'WFConnection Secondary/Unknown UpToDate/DUnknown');
  const second = (text: string): DrbdFacts => one(`${HEAD}${good}${line(1, text)}`, map);
  const context: PromotionContext = { peerConfirmedDown: true };
  t.match(promotable(second('WFConnection Secondary/Unknown Outdated/DUnknown'), context), {
    verdict: 'no',
    reason: 'r0/1 is Outdated: the peer has newer data',
  });
  t.match(promotable(second('WFReportParams Secondary/Unknown UpToDate/DUnknown'), context), {
    verdict: 'unknown',
    reason: /^r0\/1 is WFReportParams/,
  });
  t.equal(promotable(one(`${HEAD}${good}`, map), context).verdict, 'no', 'a missing volume');
  t.end();
});

t.test('promotable: data that the peer wrote alone is newer (last report of the peer)', (t) => {
  const facts = state('WFConnection Secondary/Unknown UpToDate/DUnknown');
  const judge = (peer: string): string =>
    promotable(facts, { peerConfirmedDown: true, peerLast: state(peer) }).verdict;
  t.equal(judge('Connected Primary/Secondary UpToDate/UpToDate'), 'yes', 'it died while connected');
  t.equal(judge('WFConnection Primary/Unknown UpToDate/DUnknown 68'), 'no', 'it wrote alone');
  t.equal(judge('WFConnection Primary/Unknown UpToDate/DUnknown 0'), 'yes', 'it wrote nothing');
  t.equal(judge('WFConnection Secondary/Unknown Inconsistent/DUnknown 68'), 'yes', 'stale itself');
  const { reason } = promotable(facts, {
    peerConfirmedDown: true,
    peerLast: state('StandAlone Primary/Unknown UpToDate/DUnknown 68'),
  });
  t.match(reason, /69632 bytes that this node lacks/);
  const linked = state('Connected Secondary/Secondary UpToDate/UpToDate');
  t.equal(
    promotable(linked, {
      peerConfirmedDown: false,
      peerLast: state('WFConnection Primary/Unknown UpToDate/DUnknown 68'),
    }).verdict,
    'yes',
    'an old report does not count once DRBD is connected again',
  );
  t.end();
});

t.test('promotable: never yes without UpToDate or a cleared Consistent (any state)', (t) => {
  const volume: fc.Arbitrary<string> = fc
    .tuple(
      fc.constantFrom(...CONNECTION_WORDS.filter((word) => word !== 'Unconfigured')),
      fc.constantFrom('Primary', 'Secondary'),
      fc.constantFrom(...ROLE_WORDS),
      fc.constantFrom(...DISK_WORDS),
      fc.constantFrom(...DISK_WORDS),
      fc.nat(100),
    )
    .map(([cs, ro, peer, ds, pds, oos]) => `${cs} ${ro}/${peer} ${ds}/${pds} ${oos}`);
  fc.assert(
    fc.property(fc.array(volume, { minLength: 1, maxLength: 4 }), fc.boolean(), (volumes, down) => {
      const map = volumes.map((_, minor) => ({ resource: 'r0', volume: minor, minor }));
      const facts = one(HEAD + volumes.map((text, minor) => line(minor, text)).join(''), map);
      const { verdict } = promotable(facts, { peerConfirmedDown: down });
      if (verdict !== 'yes') return true;
      return facts.volumes.every(
        ({ disk, peerDisk, connection }) =>
          connection !== 'SyncTarget' &&
          (disk === 'UpToDate' || (disk === 'Consistent' && (down || peerDisk === 'Outdated'))),
      );
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('data quality: UpToDate > Consistent > Outdated > Inconsistent > nothing', (t) => {
  const rank = (disk: string): number =>
    dataQuality(state(`WFConnection Secondary/Unknown ${disk}/DUnknown`)).rank;
  const ranks = ['UpToDate', 'Consistent', 'Outdated', 'Inconsistent', 'Diskless'].map(rank);
  t.same(ranks, [4, 3, 2, 1, 0]);
  t.equal(dataQuality(unknownFacts('r0', 'no /proc/drbd')).rank, 0);
  t.equal(dataQuality(one(readFixture('8.4.11-no-devices.txt'))).rank, 0);
  t.match(
    dataQuality(state('Connected Secondary/Secondary UpToDate/UpToDate')).reason,
    /UpToDate$/,
  );
  t.end();
});

// --- split brain --------------------------------------------------------------------------------

t.test('split brain: suspicion from one node, and from two', (t) => {
  const node1 = one(readFixture('8.4.11-splitbrain-node1.txt'));
  const node2 = one(readFixture('8.4.11-splitbrain-node2.txt'));
  t.equal(node1.splitBrainSuspected, true);
  t.equal(node2.splitBrainSuspected, false, 'one that waits cannot tell alone');
  t.match(splitBrainBetween(node2, node1), { suspected: true, reason: /one node is StandAlone/ });
  const calm = state('StandAlone Secondary/Unknown UpToDate/DUnknown 0');
  t.equal(calm.splitBrainSuspected, false, 'disconnected by hand, nothing written');
  const bare = one(`${HEAD}0: cs:StandAlone ro:Secondary/Unknown ds:Outdated/DUnknown   r-----\n`);
  t.equal(bare.splitBrainSuspected, true, 'a bitmap that is not known is not known to be empty');
  t.equal(
    state('StandAlone Secondary/Unknown Inconsistent/DUnknown 4096').splitBrainSuspected,
    false,
    'an unfinished resync is no split brain',
  );
  const waiting = state('WFConnection Secondary/Unknown UpToDate/DUnknown');
  t.equal(splitBrainBetween(waiting, waiting).suspected, false, 'both wait: the network');
  t.equal(splitBrainBetween(calm, waiting).suspected, false);
  const primary = state('WFConnection Primary/Unknown UpToDate/Outdated');
  t.match(splitBrainBetween(primary, primary), {
    suspected: true,
    reason: /both nodes are Primary/,
  });
  t.equal(splitBrainBetween(primary, unknownFacts('r0', 'silent')).suspected, false);
  t.end();
});

t.test('split brain: public captures', { skip: skipWithoutSamples }, (t) => {
  const sample = (name: string, minor = 0): DrbdFacts =>
    one(readSample(`real/${name}.txt`), [{ resource: 'r0', volume: 0, minor }]);
  const pairs = [
    [sample('8.4.0-splitbrain-node1'), sample('8.4.0-splitbrain-node2')],
    [sample('8.4.8-1-splitbrain-node1'), sample('8.4.8-1-splitbrain-node2')],
    [
      sample('8.4.8-1-dual-primary-partition-node1'),
      sample('8.4.8-1-dual-primary-partition-node2-truncated'),
    ],
    [sample('8.4.11-ecx-sb-6-splitbrain-sv1'), sample('8.4.11-ecx-sb-6-splitbrain-sv2')],
    [
      sample('8.3.7-splitbrain-survivor-wfconnection'),
      sample('8.3.7-splitbrain-victim-standalone-outdated'),
    ],
    [
      sample('8.4.x-splitbrain-both-primary-node1-headless', 1),
      sample('8.4.x-splitbrain-both-primary-node2-headless', 9),
    ],
  ] as const;
  for (const [self, peer] of pairs) t.ok(splitBrainBetween(self, peer).suspected);
  const fine = splitBrainBetween(
    sample('8.4.11-ecx-sb-1-initial-sv1'),
    sample('8.4.11-ecx-sb-1-initial-sv2'),
  );
  t.equal(fine.suspected, false);
  t.end();
});

t.test('facts: an empty resource is unknown, not fine', (t) => {
  const none: readonly DrbdVolumeFacts[] = [];
  t.match(resourceFacts('r0', none), { state: 'unknown', reason: 'the resource has no volume' });
  t.end();
});
