import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  compareGenerations,
  inspectSplitBrain,
  type GenerationSide,
} from '../../src/drbd/generation-compare.js';
import { idsOf, parseGenerations, type GenerationIds } from '../../src/drbd/generation.js';
import { SAMPLES, skipWithoutSamples } from './samples.js';

type Hex = readonly [string, string, string, string];

function side(node: string, ids: Hex, rest: Partial<GenerationSide> = {}): GenerationSide {
  return {
    node,
    ids: idsOf(ids),
    crashedPrimary: false,
    role: 'Secondary',
    consistent: true,
    outOfSyncBytes: null,
    ...rest,
  };
}

t.test('generation: get-gi of 8.4 and of 9', (t) => {
  const ids = '7A1F00000000A001:0000000000000000:5B2E00000000B002:4C3D00000000C004';
  const read = parseGenerations(`${ids}:1:1:0:1:0:0:1\n`);
  t.same(read.problems, []);
  t.same(read.generations, [
    {
      format: 'v08',
      current: 0x7a1f00000000a001n,
      bitmap: 0n,
      history: [0x5b2e00000000b002n, 0x4c3d00000000c004n],
      consistent: true,
      wasUpToDate: true,
      primary: false,
      connected: true,
      fullSync: false,
      peerOutdated: false,
      crashedPrimary: true,
    },
  ]);
  t.match(parseGenerations(`${ids}:1:0:1:1:0:0:0:0:1:0:1:1\n`).generations, [
    {
      format: 'v09',
      consistent: true,
      wasUpToDate: false,
      primary: true,
      crashedPrimary: true,
      connected: false,
      peerOutdated: true,
      fullSync: true,
    },
  ]);
  const picture = `\n   +--<  Current data generation UUID  >-\n   |\n${ids}:1:1:0:1:0:0:0\n   ^\n`;
  t.equal(parseGenerations(picture).generations.length, 1, 'show-gi');
  t.equal(parseGenerations(`${ids}:1:1:0:1:0:0:0\n${ids}:1:1:0:1:0:0:0\n`).generations.length, 2);
  for (const broken of [
    '',
    `${ids}\n`,
    `${ids}:1:1\n`,
    `${ids.slice(3)}:1:1:0:1:0:0:1\n`,
    `${ids}:1:1:2:1:0:0:1\n`,
  ]) {
    const { generations, problems } = parseGenerations(broken);
    t.equal(generations.length, 0);
    t.equal(problems.length, 1, JSON.stringify(broken));
  }
  t.end();
});

const A = 'A00000000000AAA0';
const A1 = 'A00000000000AAA1';
const B = 'B00000000000BBB0';
const C = 'C00000000000CCC0';
const D = 'D00000000000DDD0';
const E = 'E00000000000EEE0';
const NEW = '0000000000000004';
const Z = '0';
/** What a source writes into BITMAP when it starts a resync from a base of D. */
const D_STARTED = 'D00100000000DDD0';

interface Row {
  readonly self: Hex;
  readonly peer: Hex;
  readonly expect: readonly [result: number, rule: number, verdict: string];
  readonly selfRest?: Partial<GenerationSide>;
  readonly peerRest?: Partial<GenerationSide>;
  readonly tie?: boolean;
}

const CRASHED: Partial<GenerationSide> = { crashedPrimary: true };
const PRIMARY: Partial<GenerationSide> = { role: 'Primary' };
const INCONSISTENT: Partial<GenerationSide> = { consistent: false };

const ROWS: readonly Row[] = [
  { self: [NEW, Z, Z, Z], peer: [NEW, Z, Z, Z], expect: [0, 10, 'in-sync'] },
  { self: [NEW, Z, Z, Z], peer: [A, Z, Z, Z], expect: [-2, 20, 'peer-newer'] },
  { self: [Z, Z, Z, Z], peer: [A, Z, Z, Z], expect: [-2, 20, 'peer-newer'] },
  { self: [A, Z, Z, Z], peer: [NEW, Z, Z, Z], expect: [2, 30, 'self-newer'] },
  { self: [A, Z, Z, Z], peer: [Z, Z, Z, Z], expect: [2, 30, 'self-newer'] },
  { self: [A, C, D, Z], peer: [A, Z, C, D], expect: [1, 34, 'self-newer'] },
  { self: [A, Z, C, D], peer: [A, C, D, Z], expect: [-1, 35, 'peer-newer'] },
  { self: [A, C, D, Z], peer: [A, Z, E, D], expect: [1, 36, 'self-newer'] },
  { self: [A, Z, E, D], peer: [A, C, D, Z], expect: [-1, 37, 'peer-newer'] },
  { self: [A1, Z, B, Z], peer: [A, Z, B, Z], expect: [0, 40, 'in-sync'] },
  { self: [A, Z, B, Z], peer: [A, Z, B, Z], selfRest: CRASHED, expect: [1, 40, 'self-newer'] },
  { self: [A, Z, B, Z], peer: [A, Z, B, Z], peerRest: CRASHED, expect: [-1, 40, 'peer-newer'] },
  {
    self: [A, Z, B, Z],
    peer: [A, Z, B, Z],
    selfRest: CRASHED,
    peerRest: CRASHED,
    expect: [1, 40, 'self-newer'],
  },
  {
    self: [A, Z, B, Z],
    peer: [A, Z, B, Z],
    selfRest: CRASHED,
    peerRest: CRASHED,
    tie: true,
    expect: [-1, 40, 'peer-newer'],
  },
  {
    self: [A, Z, B, Z],
    peer: [A, Z, B, Z],
    selfRest: PRIMARY,
    peerRest: CRASHED,
    expect: [1, 41, 'self-newer'],
  },
  {
    self: [A, Z, B, Z],
    peer: [A, Z, B, Z],
    selfRest: CRASHED,
    peerRest: PRIMARY,
    expect: [-1, 41, 'peer-newer'],
  },
  {
    self: [A, Z, B, Z],
    peer: [A, Z, B, Z],
    selfRest: { ...CRASHED, ...PRIMARY },
    peerRest: PRIMARY,
    expect: [-100, 41, 'split-brain-ambiguous'],
  },
  { self: [A, Z, D, Z], peer: [B, A1, D, Z], expect: [-1, 50, 'peer-newer'] },
  { self: [D, Z, E, Z], peer: [B, D_STARTED, D, Z], expect: [-1, 51, 'peer-newer'] },
  { self: [D, Z, E, Z], peer: [B, C, D, Z], expect: [-2, 60, 'peer-newer'] },
  { self: [D, Z, E, Z], peer: [B, C, E, D], expect: [-2, 60, 'peer-newer'] },
  { self: [B, A1, D, Z], peer: [A, Z, D, Z], expect: [1, 70, 'self-newer'] },
  { self: [B, D_STARTED, D, Z], peer: [D, Z, E, Z], expect: [1, 71, 'self-newer'] },
  { self: [B, C, D, Z], peer: [D, Z, E, Z], expect: [2, 80, 'self-newer'] },
  { self: [A, C, D, Z], peer: [B, C, D, Z], expect: [100, 90, 'split-brain'] },
  { self: [A, C, D, E], peer: [B, Z, D, NEW], expect: [-100, 100, 'split-brain-ambiguous'] },
  { self: [A, C, Z, Z], peer: [B, D, Z, Z], expect: [-100, 100, 'unrelated'] },
  { self: [A, C, D, E], peer: [B, Z, 'F0', 'F2'], expect: [-1000, 100, 'unrelated'] },
  { self: [A, C, D, Z], peer: [B, C, D, Z], peerRest: INCONSISTENT, expect: [1, 90, 'self-newer'] },
  {
    self: [A, C, D, E],
    peer: [B, Z, D, NEW],
    selfRest: INCONSISTENT,
    expect: [-2, 100, 'peer-newer'],
  },
  {
    self: [A, C, D, E],
    peer: [B, Z, 'F0', 'F2'],
    peerRest: INCONSISTENT,
    expect: [-1000, 100, 'unrelated'],
  },
];

t.test('generation: the comparison table of 8.4, rule by rule', (t) => {
  for (const row of ROWS) {
    const self = side('n1', row.self, row.selfRest);
    const peer = side('n2', row.peer, row.peerRest);
    const { result, rule, verdict, sentence } = compareGenerations(self, peer, row.tie);
    t.same([result, rule, verdict], row.expect, `${row.self.join(':')} and ${row.peer.join(':')}`);
    t.match(sentence, new RegExp(`n[12].* \\(rule ${rule}\\)$`), 'names the nodes, cites the rule');
  }
  t.end();
});

t.test('generation: bit 0 never changes the verdict', (t) => {
  for (const { self, peer, expect } of ROWS) {
    const flip = (ids: GenerationIds): GenerationIds => ({
      current: ids.current | 1n,
      bitmap: ids.bitmap === 0n ? 0n : ids.bitmap ^ 1n,
      history: [ids.history[0] ^ 1n, ids.history[1] ^ 1n],
    });
    const plain = compareGenerations(side('n1', self), side('n2', peer));
    const flipped = compareGenerations(
      { ...side('n1', self), ids: flip(idsOf(self)) },
      { ...side('n2', peer), ids: flip(idsOf(peer)) },
    );
    t.equal(flipped.rule, plain.rule, `rule ${expect[1]}`);
  }
  t.end();
});

t.test('generation: both nodes come to the same end (any identifiers)', (t) => {
  const id = fc.constantFrom(A, A1, B, C, D, D_STARTED, E, Z, NEW, 'D00000000000DDD1');
  const ids = fc.tuple(id, id, id, id);
  const rest = fc.record({ crashedPrimary: fc.boolean(), consistent: fc.boolean() });
  const mirror: Readonly<Record<string, string>> = {
    'self-newer': 'peer-newer',
    'peer-newer': 'self-newer',
  };
  fc.assert(
    fc.property(ids, ids, rest, rest, (one, two, oneRest, twoRest) => {
      const [self, peer] = [side('n1', one, oneRest), side('n2', two, twoRest)];
      const here = compareGenerations(self, peer, true);
      const there = compareGenerations(peer, self, false);
      // A node may hold two ancestries at once only in states that DRBD never writes.
      const crossed = here.result > 0 === there.result > 0 && here.rule >= 50 && here.rule <= 80;
      const blank = [here.rule, there.rule].some((rule) => rule <= 30);
      return crossed || blank || (mirror[here.verdict] ?? here.verdict) === there.verdict;
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('generation: what each side of a split brain would lose', (t) => {
  const self = side('n1', [A, C, D, Z], { outOfSyncBytes: 20_480, role: 'Primary' });
  const peer = side('n2', [B, 'C00000000000CCC1', D, Z], {
    ...CRASHED,
    outOfSyncBytes: 25_165_824,
  });
  const found = inspectSplitBrain(self, peer);
  t.match(found, {
    isSplitBrain: true,
    selfWasPrimaryAtBreak: false,
    peerWasPrimaryAtBreak: true,
    lossIfSelfDiscards: { bytes: 20_480, upTo: false },
    lossIfPeerDiscards: { bytes: 25_165_824, upTo: true },
    harmlessVictim: null,
  });
  t.match(found.comparison.sentence, /^split brain: n1 and n2 each changed data .* \(rule 90\)$/);
  t.equal(inspectSplitBrain(self, { ...peer, outOfSyncBytes: 0 }).harmlessVictim, 'n2');
  const ambiguous = inspectSplitBrain(self, side('n2', [B, Z, D, E], { outOfSyncBytes: 0 }));
  t.match(ambiguous, { isSplitBrain: true, harmlessVictim: null }, 'no base, no certainty');
  t.equal(inspectSplitBrain(self, side('n2', [A, Z, D, E])).isSplitBrain, false);
  t.end();
});

interface Vector {
  readonly name: string;
  readonly self: Hex;
  readonly peer: Hex;
  readonly selfCrashed?: boolean;
  readonly peerFlags?: number;
  readonly selfRole?: 'Primary' | 'Secondary';
  readonly conflictResolver?: boolean;
  readonly expect: readonly [number, number];
  readonly drbd9?: string;
}

t.test('generation: vectors from kernel logs', { skip: skipWithoutSamples }, (t) => {
  const text = readFileSync(join(SAMPLES, 'gi-vectors.json'), 'utf8');
  const { vectors } = JSON.parse(text) as { readonly vectors: readonly Vector[] };
  t.ok(vectors.length >= 20);
  for (const vector of vectors) {
    const self = side('n1', vector.self, {
      crashedPrimary: vector.selfCrashed ?? false,
      role: vector.selfRole ?? 'Secondary',
    });
    const peer = side('n2', vector.peer, { crashedPrimary: ((vector.peerFlags ?? 0) & 2) !== 0 });
    const { result, rule, verdict } = compareGenerations(self, peer, vector.conflictResolver);
    t.same([result, rule], vector.expect, vector.name);
    if (vector.drbd9 === 'unrelated-data') t.equal(verdict, 'unrelated', `${vector.name}: verdict`);
  }
  t.end();
});
