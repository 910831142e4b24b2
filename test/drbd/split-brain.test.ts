import t from 'tap';
import fc from 'fast-check';
import {
  DEFAULT_POLICIES,
  parsePolicies,
  policyOutcome,
  type SplitBrainPolicies,
} from '../../src/drbd/after-split-brain.js';
import type { GenerationSide } from '../../src/drbd/generation-compare.js';
import { parseGenerations } from '../../src/drbd/generation.js';
import {
  haveSameData,
  inspectResource,
  lossOf,
  wasPrimaryAtBreak,
  type SideEvidence,
} from '../../src/drbd/split-brain.js';

const BASE = '977BC1D2E3F414DC';
const ZERO = '0000000000000000';
const OLD = '1111111111111110';

interface Line {
  readonly current: string;
  readonly bitmap: string;
  readonly history?: string;
  readonly flags?: string;
  readonly outOfSyncBytes?: number | null;
}

function side(node: string, lines: readonly Line[], change: Partial<SideEvidence> = {}): SideEvidence {
  const volumes = lines.map((line, volume) => {
    const { current, bitmap, history = OLD, flags = '1:1:0:0:0:0:0' } = line;
    const text = `${current}:${bitmap}:${history}:${ZERO}:${flags}`;
    const [ids] = parseGenerations(text).generations;
    if (ids === undefined) throw new Error(text);
    return { volume, ids, outOfSyncBytes: line.outOfSyncBytes ?? null };
  });
  return { node, role: 'Secondary', connection: 'StandAlone', disk: 'UpToDate', volumes, ...change };
}

const N1 = side('n1', [{ current: '0E00F5D4B1A06EAA', bitmap: BASE, outOfSyncBytes: 20_480 }]);
const N2 = side('n2', [
  { current: 'A2C9F5D4B1A05EFE', bitmap: '977BC1D2E3F414DD', outOfSyncBytes: 4_096 },
]);

t.test('split brain: both sides went on from the same data', (t) => {
  const found = inspectResource('r0', N1, N2);
  t.match(found, { verdict: 'split-brain', isSplitBrain: true, advice: [] });
  t.match(found.sentence, /^split brain: n1 and n2 each changed data/);
  t.strictSame(lossOf(found, 'n1'), { bytes: 20_480, upTo: false });
  t.strictSame(lossOf(found, 'n2'), { bytes: 4_096, upTo: false });
  t.equal(wasPrimaryAtBreak(found, 'n1'), false);
  t.equal(wasPrimaryAtBreak(found, 'n2'), true);
  t.end();
});

t.test('split brain: the false alarms, and what is said of each', (t) => {
  const inSync = side('n2', [{ current: '0E00F5D4B1A06EAB', bitmap: ZERO }]);
  const still = side('n1', [{ current: '0E00F5D4B1A06EAA', bitmap: ZERO }]);
  const older = side('n2', [{ current: BASE, bitmap: ZERO }]);
  const broken = side('n2', [
    { current: '0E00F5D4B1A06EAA', bitmap: ZERO, flags: '0:0:0:0:0:0:0' },
  ]);
  const stranger = side('n2', [
    { current: '5555555555555554', bitmap: '7777777777777776', history: '3333333333333332' },
  ]);
  const waits = { connection: 'WFConnection' } as const;
  const rows: readonly (readonly [string, SideEvidence, SideEvidence, string, RegExp])[] = [
    ['StandAlone by hand', still, inSync, 'in-sync', /^n1# drbdadm connect r0\nn2# drbdadm conn/m],
    ['one side wrote', N1, older, 'one-newer', /brings the older side up to date/],
    ['a resync was interrupted', still, broken, 'one-newer', /drbdadm connect r0/],
    ['unrelated data', N1, stranger, 'unrelated', /create-md r0/],
    [
      'the network is cut',
      { ...still, ...waits },
      { ...inSync, ...waits },
      'in-sync',
      /replication network/,
    ],
    [
      'the older side is Primary',
      N1,
      { ...older, role: 'Primary' },
      'one-newer',
      /n2 would receive the data, but is Primary/,
    ],
  ];
  for (const [name, first, second, verdict, advice] of rows) {
    const found = inspectResource('r0', first, second);
    t.equal(found.verdict, verdict, name);
    t.equal(found.isSplitBrain, false, name);
    t.equal(found.fingerprint, null, name);
    t.match(found.advice.join('\n'), advice, name);
  }
  t.end();
});

t.test('split brain: connected kernels have decided themselves; what is not known is said', (t) => {
  const linked = { connection: 'Connected' } as const;
  const settled = inspectResource('r0', { ...N1, ...linked }, { ...N2, ...linked });
  t.equal(settled.verdict, 'connected');
  const half = inspectResource('r0', { ...N1, ...linked }, N2);
  t.equal(half.verdict, 'split-brain', 'one kernel alone may still believe in a dead connection');
  const blind = inspectResource('r0', N1, side('n2', []));
  t.match(blind, { verdict: 'unknown', sentence: /identifiers of n2 are not known/ });
  const two = side('n2', [
    { current: BASE, bitmap: ZERO },
    { current: BASE, bitmap: ZERO },
  ]);
  t.match(inspectResource('r0', N1, two), { verdict: 'unknown', sentence: /volumes 0, n2 of volumes 0, 1/ });
  t.end();
});

t.test('split brain: one volume of several is enough, and only it is counted', (t) => {
  const same: Line = { current: OLD, bitmap: ZERO, outOfSyncBytes: 0 };
  const first = side('n1', [
    same,
    { current: '0E00F5D4B1A06EAA', bitmap: BASE, outOfSyncBytes: 8_192 },
  ]);
  const second = side('n2', [
    { ...same, outOfSyncBytes: 999 },
    { current: 'A2C9F5D4B1A05EFE', bitmap: BASE, outOfSyncBytes: 4_096 },
  ]);
  const found = inspectResource('r0', first, second);
  t.equal(found.verdict, 'split-brain');
  t.match(found.sentence, /volume 0: .*same data.*; volume 1: split brain/);
  t.equal(lossOf(found, 'n2').bytes, 4_096);
  t.end();
});

t.test('split brain: the fingerprint names the data of both sides and nothing else', (t) => {
  const print = (a: SideEvidence, b: SideEvidence): string | null =>
    inspectResource('r0', a, b).fingerprint;
  const known = print(N1, N2);
  t.match(known, /^[0-9a-f]{12}$/);
  t.equal(print(N2, N1), known, 'whoever looks');
  t.equal(print({ ...N1, role: 'Primary', disk: 'Outdated' }, N2), known, 'whatever the role');
  const demoted = side('n1', [{ current: '0E00F5D4B1A06EAB', bitmap: BASE }]);
  t.equal(print(demoted, N2), known, 'bit 0 is the role');
  const later = side('n1', [{ current: '0E00F5D4B1A06EAC', bitmap: BASE }]);
  t.not(print(later, N2), known, 'a new generation is other data');
  t.not(print({ ...N1, node: 'n2' }, { ...N2, node: 'n1' }), known, 'nor may sides be mistaken');
  t.end();
});

t.test('split brain: a finished resync is told by the identifiers', (t) => {
  const a = side('n1', [{ current: '0E00F5D4B1A06EAB', bitmap: ZERO }]);
  const b = side('n2', [{ current: '0E00F5D4B1A06EAA', bitmap: ZERO }]);
  t.equal(haveSameData(a, b), true);
  t.equal(haveSameData(a, N2), false);
  t.equal(haveSameData(a, side('n2', [])), false);
  t.end();
});

// --- policies ------------------------------------------------------------------------------------

const OLDER: GenerationSide = {
  node: 'n1',
  ids: { current: 2n, bitmap: 9n, history: [0n, 0n] },
  crashedPrimary: false,
  role: 'Secondary',
  consistent: true,
  outOfSyncBytes: 100,
};
const YOUNGER: GenerationSide = {
  ...OLDER,
  node: 'n2',
  ids: { ...OLDER.ids, current: 4n, bitmap: 8n },
  outOfSyncBytes: 50,
};

t.test('after-sb policies: who would be discarded (policy, roles, changes)', (t) => {
  const primary = (one: GenerationSide): GenerationSide => ({ ...one, role: 'Primary' });
  const unchanged = { ...YOUNGER, outOfSyncBytes: 0 };
  const p0 = (after0Primaries: string): Partial<SplitBrainPolicies> => ({ after0Primaries });
  const p1 = (after1Primary: string, zero = 'disconnect'): Partial<SplitBrainPolicies> => ({
    after1Primary,
    after0Primaries: zero,
  });
  type Row = readonly [Partial<SplitBrainPolicies>, GenerationSide, GenerationSide, string | null];
  const rows: readonly Row[] = [
    [{}, OLDER, YOUNGER, null],
    [p0('discard-younger-primary'), OLDER, YOUNGER, 'n2'],
    [p0('discard-older-primary'), OLDER, YOUNGER, 'n1'],
    [p0('discard-younger-primary'), OLDER, { ...YOUNGER, ids: OLDER.ids }, 'n2'],
    [p0('discard-zero-changes'), OLDER, YOUNGER, null],
    [p0('discard-zero-changes'), OLDER, unchanged, 'n2'],
    [p0('discard-least-changes'), OLDER, YOUNGER, 'n2'],
    [p0('discard-least-changes'), OLDER, { ...YOUNGER, outOfSyncBytes: null }, null],
    [p0('discard-node-n1'), OLDER, YOUNGER, 'n1'],
    [p0('hold-a-vote'), OLDER, YOUNGER, null],
    [p1('discard-secondary'), primary(OLDER), YOUNGER, 'n2'],
    [p1('consensus', 'discard-younger-primary'), primary(OLDER), YOUNGER, 'n2'],
    [p1('consensus', 'discard-older-primary'), primary(OLDER), YOUNGER, null],
    [p1('violently-as0p', 'discard-older-primary'), primary(OLDER), YOUNGER, 'n1'],
    [p1('call-pri-lost-after-sb', 'discard-older-primary'), primary(OLDER), YOUNGER, 'n1'],
    [p0('discard-older-primary'), primary(OLDER), YOUNGER, null],
    [p0('discard-older-primary'), primary(OLDER), primary(YOUNGER), null],
    [
      { after2Primaries: 'violently-as0p', after0Primaries: 'discard-least-changes' },
      primary(OLDER),
      primary(YOUNGER),
      'n2',
    ],
  ];
  for (const [change, self, peer, victim] of rows) {
    const policies = { ...DEFAULT_POLICIES, ...change };
    const outcome = policyOutcome(policies, { self, peer, ambiguous: false });
    const name = `${JSON.stringify(change)} ${self.role}/${peer.role}`;
    t.equal(outcome.discards, victim, name);
    t.match(outcome.sentence, /after-sb-[012]pri/, name);
    const mirrored = policyOutcome(policies, { self: peer, peer: self, ambiguous: false });
    t.equal(mirrored.discards, victim, `${name}, from the other side`);
    const old = policyOutcome(policies, { self, peer, ambiguous: true });
    t.equal(old.discards, null, `${name}: old history only needs always-asbp`);
  }
  t.end();
});

t.test('after-sb policies: read from dump-xml, the resource over the common section', (t) => {
  const xml = `<config file="/etc/drbd.conf">
  <common><section name="net"><option name="after-sb-0pri" value="disconnect"/>
    <option name="after-sb-1pri" value="consensus"/></section></common>
  <resource name="r0"><section name="net">
    <option name="after-sb-0pri" value="discard-zero-changes"/><option name="always-asbp"/>
  </section></resource></config>`;
  t.strictSame(parsePolicies(xml), {
    after0Primaries: 'discard-zero-changes',
    after1Primary: 'consensus',
    after2Primaries: 'disconnect',
    alwaysAfterSplitBrain: true,
  });
  t.strictSame(parsePolicies(''), DEFAULT_POLICIES);
  t.end();
});

t.test('split brain: any two sides get a verdict with a sentence, the same from both ends', (t) => {
  const hex = fc.constantFrom(BASE, ZERO, OLD, '0E00F5D4B1A06EAA', 'A2C9F5D4B1A05EFF');
  const line = fc.record({
    current: hex,
    bitmap: hex,
    history: hex,
    flags: fc.constantFrom('1:1:0:0:0:0:0', '0:0:0:0:0:0:0', '1:1:1:0:0:0:0'),
  });
  fc.assert(
    fc.property(line, line, (a, b) => {
      const [first, second] = [side('n1', [a]), side('n2', [b])];
      const there = inspectResource('r0', first, second);
      const back = inspectResource('r0', second, first);
      const isSame = there.verdict === back.verdict && there.fingerprint === back.fingerprint;
      return isSame && there.sentence !== '' && there.isSplitBrain === (there.fingerprint !== null);
    }),
  );
  t.end();
});
