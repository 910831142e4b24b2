import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
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
    missing: null,
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
  const idle = { ...one, evidence: { ...one.evidence, role: 'Secondary' as const } };
  const policies = {
    after0Primaries: 'discard-least-changes',
    after1Primary: 'consensus',
    after2Primaries: 'call-pri-lost-after-sb',
    alwaysAfterSplitBrain: false,
  };
  // n2 changed more than n1: by least changes n1 would lose.
  const busy: AccountInput = {
    ...input('n2', GI2.replace(/1$/, '0'), {
      volumes: two.evidence.volumes.map((volume) => ({ ...volume, outOfSyncBytes: 4_194_304 })),
    }),
    database: decodePosition('mysql-bin.000012:99:1795245300:3E11FA47-71CA-11E1-9E33-C80AA9429562:23'),
  };
  golden(t, 'policies-no-primary', [idle, busy], policies);
  golden(t, 'policies-one-primary', [one, busy], policies);
  const both = { ...busy, evidence: { ...busy.evidence, role: 'Primary' as const } };
  golden(t, 'policies-two-primaries', [one, both], policies);
  const closed: AccountInput = { ...busy, database: { kind: 'unknown', why: 'notMounted' } };
  golden(t, 'disk-not-read', [one, closed], null);
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
    [['--proc', `n1=${p1}`], EXIT.usage, /give --gi twice/],
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

/** A machine whose DRBD tools answer from files: this node's half is r0-here. */
const FAKE_DRBDADM = `#!/bin/sh
case "$1" in
  sh-resources) echo "r0" ;;
  dump-xml) [ "$2" = r0 ] && exec cat "$FAKE/xml"
    echo "'$2' not defined in your config (for this host)." >&2; exit 1 ;;
  get-gi) cat "$FAKE/gi" ;;
esac
`;

const hostXml = (name: string, minor: number): string => `<host name="${name}">
<volume vnr="0"><device minor="${minor}">/dev/drbd0</device><disk>/dev/vda</disk></volume>
<address family="ipv4" port="7788">10.9.1.11</address></host>`;

t.test('split-brain inspect: without tandemd, this node read live, the other from a file', built, async (t) => {
  const at = folder(t);
  const self = hostname();
  const write = (name: string, text: string): string => {
    writeFileSync(join(at, name), text);
    return join(at, name);
  };
  chmodSync(write('drbdadm', FAKE_DRBDADM), 0o755);
  write('xml', `<config file="/etc/drbd.conf"><resource name="r0">${hostXml(self, 0)}${hostXml('n2', 7)}</resource></config>`);
  write('gi', `${GI1}\n`);
  const proc = write('proc', procText('cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown', 20));
  const env = { PATH: `${at}:${process.env['PATH'] ?? ''}`, FAKE: at };
  const inspect = (...words: string[]): ReturnType<typeof tandem> =>
    tandem(['split-brain', 'inspect', ...words, '--socket', join(at, 'none'), '--config', join(at, 'none')], { env });

  const alone = await inspect();
  t.match(alone, { code: EXIT.unknown, err: '' });
  const flat = alone.out.replace(/\s+/g, ' ');
  t.match(flat, `r0: UNKNOWN: the generation identifiers of n2 are not known; n2: it is not asked, because tandemd is not running here`);
  t.match(flat, 'What to do run on n2, as root (it changes nothing): n2# (drbdadm get-gi r0; cat /proc/drbd) > r0-n2.txt bring the file here');
  t.match(alone.out, `\n    ${self}# tandem split-brain inspect r0 --gi n2=r0-n2.txt\n`);

  // The other node has another resource, too; its configured minor tells which one is meant.
  const two = procText('cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C', 24_576).replace(' 0: ', ' 7: ');
  const other = write('n2', `${GI2}\n${two}\n 9: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:4\n`);
  const own = await inspect('r0', '--gi', `n2=${other}`, '--proc', `${self}=${proc}`, '--json');
  t.equal(own.code, EXIT.failed, own.err);
  t.match(JSON.parse(own.out), {
    verdict: 'split-brain',
    sides: [
      { node: self, role: 'Primary', connection: 'StandAlone', changedBytes: 20_480, database: { why: 'noConfiguration' } },
      { node: 'n2', role: 'Secondary', connection: 'WFConnection', changedBytes: 25_165_824, source: other },
    ],
    policies: { after0Primaries: 'disconnect' },
  });
  const connected = write('proc', procText('cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C', 0));
  const calm = await inspect('r0', '--gi', `n2=${other}`, '--proc', `${self}=${connected}`);
  t.match(calm, { code: EXIT.ok, out: /and n2 are connected/ }, 'connected now: the file is from before');
  t.match(await inspect('r1'), { code: EXIT.noSuch, out: '', err: /did you mean r0/ });
  write('gi', '');
  t.match(await inspect(), { code: EXIT.unknown, out: /find out why this node does not tell/ });
  write('drbdadm', '#!/bin/sh\nexit 20\n');
  t.match(await inspect('r0'), { code: EXIT.failed, out: '', err: /This node's half cannot be read: .*--gi NODE=FILE twice/ });
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
