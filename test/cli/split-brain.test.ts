import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/base/exit-codes.js';
import { decodePosition, encodePosition } from '../../src/base/database-position.js';
import { DEFAULT_POLICIES, type SplitBrainPolicies } from '../../src/drbd/after-split-brain.js';
import { parseGenerations } from '../../src/drbd/generation.js';
import { renderAccount } from '../../src/cli/render-split-brain.js';
import { accountOf, type AccountInput } from '../../src/cli/split-brain-account.js';
import { folder } from '../support/temporary.js';
import { notBuilt, tandem } from './run-tandem.js';

const built = { skip: notBuilt };
const ZERO = '0000000000000000';
const OLD = '1111111111111110';
const BASE = '977BC1D2E3F414DC';
const GI1 = `0E00F5D4B1A06EAB:${BASE}:${OLD}:${ZERO}:1:1:1:0:0:0:0`;
const GI2 = `A2C9F5D4B1A05EFE:977BC1D2E3F414DD:${OLD}:${ZERO}:1:1:0:0:0:0:1`;

function procText(words: string, outOfSyncKiB: number): string {
  return `version: 8.4.11 (api:1/proto:86-101)
srcversion: 473968AD625BA317874A57E

 0: ${words}   r-----
    ns:0 nr:0 dw:20 dr:9 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:${String(outOfSyncKiB)}
`;
}

function input(node: string, line: string, change: Partial<AccountInput['evidence']> = {}): AccountInput {
  const [ids] = parseGenerations(line).generations;
  if (ids === undefined) throw new Error(line);
  return {
    evidence: {
      node,
      role: 'Secondary',
      connection: 'StandAlone',
      disk: 'UpToDate',
      volumes: [{ volume: 0, ids, outOfSyncBytes: 20_480 }],
      ...change,
    },
    began: null,
    database: { kind: 'unknown', why: 'notTold' },
    source: 'asked 0.3 s ago',
  };
}

/** Compares with test/cli/golden/NAME.txt; TANDEM_GOLDEN=write writes what is to be reviewed. */
function golden(t: Test, name: string, inputs: readonly [AccountInput, AccountInput], policies: SplitBrainPolicies | null): void {
  const account = accountOf('r0', inputs, policies);
  const text = renderAccount(account, { colour: false, columns: 80 });
  const path = fileURLToPath(new URL(`golden/split-brain-${name}.txt`, import.meta.url));
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(path, text);
  t.ok(existsSync(path), `${name} has a golden file`);
  t.equal(text, readFileSync(path, 'utf8'), name);
  t.notMatch(text, /[^\n\x20-\x7e]/, `${name} has nothing that steers a terminal`);
}

t.test('split-brain inspect: the account in every situation', (t) => {
  const one: AccountInput = {
    ...input('n1', GI1, { role: 'Primary' }),
    began: { at: '2026-11-21T07:12:03Z', source: 'kernel' },
    database: decodePosition('binlog.000004:18332:1795245251:0-1-345'),
  };
  const two: AccountInput = {
    ...input('n2', GI2),
    began: { at: '2026-11-21T07:12:01Z', source: 'tandem' },
    database: decodePosition('binlog.000004:17001:1795245190:'),
  };
  golden(t, 'both-told', [one, two], DEFAULT_POLICIES);
  const untouched = input('n2', GI2, {
    volumes: two.evidence.volumes.map((volume) => ({ ...volume, outOfSyncBytes: 0 })),
  });
  golden(t, 'one-untouched', [input('n1', GI1), untouched], {
    ...DEFAULT_POLICIES,
    after0Primaries: 'discard-zero-changes',
  });
  const older = input('n2', `${BASE}:${ZERO}:${OLD}:${ZERO}:1:0:0:0:0:1:0`, { disk: 'Outdated' });
  golden(t, 'false-alarm', [one, older], DEFAULT_POLICIES);
  const stranger = input('n2', `5555555555555554:${ZERO}:3333333333333332:${ZERO}:1:1:0:0:0:0:0`);
  golden(t, 'unrelated', [one, stranger], DEFAULT_POLICIES);
  golden(t, 'unknown', [one, { ...two, evidence: { ...two.evidence, volumes: [] } }], null);
  const ancient = input('n2', `A2C9F5D4B1A05EFE:5555555555555554:${OLD}:${ZERO}:1:1:0:0:0:0:0`);
  golden(t, 'old-history', [one, ancient], DEFAULT_POLICIES);
  t.end();
});

t.test('split-brain inspect: files of both nodes, without a cluster', built, async (t) => {
  const at = folder(t);
  const write = (name: string, text: string): string => {
    writeFileSync(join(at, name), text);
    return join(at, name);
  };
  const gi1 = write('gi1', `${GI1}\n`);
  const gi2 = write('gi2', `\n  +--<  Current data generation UUID  >-\n  |\n${GI2}\n`);
  const p1 = write('p1', procText('cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown', 20));
  const p2 = write('p2', procText('cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C', 24_576));
  const both = ['--gi', `n1=${gi1}`, '--gi', `n2=${gi2}`];
  const inspect = ['split-brain', 'inspect', 'r0'];
  const bare = await tandem([...inspect, ...both]);
  t.match(bare, { code: EXIT.failed, err: '', out: /^r0: SPLIT BRAIN: n1 and n2 each changed/ });
  t.match(bare.out, 'an unknown amount of data');
  const full = [...inspect, ...both, '--proc', `n1=${p1}`, '--proc', `n2=${p2}`];
  const told = await tandem([...full, '--json']);
  t.match(JSON.parse(told.out), {
    schema: 'tandem.split-brain/1',
    verdict: 'split-brain',
    sides: [
      { node: 'n1', role: 'Primary', changedBytes: 20_480, changedBytesIsBound: false },
      { node: 'n2', connection: 'WFConnection', changedBytes: 25_165_824, changedBytesIsBound: true },
    ],
    policies: null,
  });
  const same = await tandem([...inspect, '--gi', `n1=${gi1}`, '--gi', `n2=${gi1}`]);
  t.match(same, { code: EXIT.ok, out: /^r0: NO SPLIT BRAIN: n1 and n2 have the same data/ });

  const bad = write('bad', 'hello\n');
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['--gi', `n1=${gi1}`], EXIT.usage, /give --gi twice/],
    [['--gi', gi1, '--gi', gi2], EXIT.usage, /is not NODE=FILE/],
    [['--gi', `n1=${gi1}`, '--gi', `n1=${gi2}`], EXIT.usage, /both --gi are for n1/],
    [['--gi', `n1=${gi1}`, '--gi', `n2=${bad}`], EXIT.noInput, /no generation identifiers found/],
    [['--gi', `n1=${gi1}`, '--gi', 'n2=/nowhere'], EXIT.noInput, /Cannot read \/nowhere/],
    [[...both, '--proc', `n3=${p1}`], EXIT.usage, /--proc is for n3, but no --gi is/],
    [[...both, '--proc', `n1=${gi1}`], EXIT.noInput, /lists 0 devices, but there are 1 volumes/],
  ];
  for (const [options, code, err] of wrong) {
    t.match(await tandem([...inspect, ...options]), { code, out: '', err }, options.join(' '));
  }
});

t.test('database position: a word that survives the wire; anything else is "not told"', (t) => {
  const words = ['binlog.000004:18332:1795245251:0-1-345', 'b.1:0::', '-notMounted', '-noBinlog'];
  for (const word of words) t.equal(encodePosition(decodePosition(word)), word);
  for (const word of ['', '-', '-x', 'a', 'a:b', 'a b:1:2:3', '/etc:1:2:3']) {
    t.strictSame(decodePosition(word), { kind: 'unknown', why: 'notTold' }, word);
  }
  const odd = { kind: 'binlog', file: 'a b', bytes: 1, lastEventSeconds: null, gtid: null } as const;
  t.equal(encodePosition(odd), '-unreadable');
  t.end();
});
