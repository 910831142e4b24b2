import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseGenerations, type Generation } from '../../src/drbd/generation.js';
import { compareGenerations, type GenerationSide } from '../../src/drbd/generation-compare.js';
import { printProc84 } from '../../src/drbd/print-proc.js';
import { parseDumpXml } from '../../src/drbd/config-query.js';
import { compareConfig, describeDifference } from '../../src/drbd/running-config.js';
import { parseShow } from '../../src/drbd/show.js';
import { parseProcDrbd } from '../../src/drbd/proc.js';

const FIXTURES = join(process.cwd(), 'fixtures');

/** The recorded files of a folder: `25-split-brain-n1` -> text. */
function recorded(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(FIXTURES, folder)).filter((name) => /^8\.4\.11-\d\d-/.test(name));
  return new Map(
    names.sort().map((name) => [
      name.replace('8.4.11-', '').replace('.txt', ''),
      readFileSync(join(FIXTURES, folder, name), 'utf8'),
    ]),
  );
}

const PROC = recorded('proc-drbd');
const GENERATION = recorded('generation');

t.test('recorded: every state has its row in the provenance table', (t) => {
  const table = readFileSync(join(FIXTURES, 'RECORDED.md'), 'utf8');
  const named = new Set(table.match(/\b\d\d [a-z][a-z-]+/g));
  const states = new Set([...PROC.keys()].map((name) => name.replace(/-n\d$/, '')));
  t.same([...states].filter((state) => !named.has(state.replace('-', ' '))), []);
  t.end();
});

t.test('recorded /proc/drbd: everything is understood, and printed again byte for byte', (t) => {
  for (const [name, text] of PROC) {
    const proc = parseProcDrbd(text);
    t.same(proc.warnings, [], name);
    t.notOk(proc.truncated, name);
    // An estimate that rests on a speed of 0 is none, and is not kept.
    const kept = text.replace(/finish: \S+ speed: 0 \(/g, 'finish: 0:00:00 speed: 0 (');
    t.equal(printProc84(proc), kept, name);
  }
  t.ok(PROC.size >= 70);
  t.end();
});

t.test('recorded /proc/drbd: the states that the tour was to reach', (t) => {
  const states = new Set<string>();
  for (const text of PROC.values()) {
    for (const { connection, disk, peerDisk } of parseProcDrbd(text).minors) {
      for (const word of [connection, disk, peerDisk]) if (word !== null) states.add(word.word);
    }
  }
  const wanted = [
    ...['Unconfigured', 'StandAlone', 'WFConnection', 'Connected', 'SyncSource', 'SyncTarget'],
    ...['PausedSyncS', 'PausedSyncT', 'VerifyS', 'VerifyT', 'Ahead', 'Behind'],
    ...['StartingSyncS', 'StartingSyncT', 'WFSyncUUID', 'WFBitMapS', 'WFBitMapT', 'WFReportParams'],
    ...['Disconnecting', 'Timeout', 'BrokenPipe', 'NetworkFailure', 'TearDown'],
    ...['Diskless', 'Attaching', 'Failed', 'Negotiating', 'Inconsistent', 'Outdated', 'DUnknown', 'Consistent', 'UpToDate'],
  ];
  t.same(wanted.filter((word) => !states.has(word)), []);
  t.end();
});

t.test('recorded configurations: understood whole, and what differs from the files', (t) => {
  const names = readdirSync(join(FIXTURES, 'config'));
  const read = (name: string): string => readFileSync(join(FIXTURES, 'config', name), 'utf8');
  t.equal(names.length, 12);
  for (const name of names.filter((each) => each.endsWith('.txt'))) {
    t.same(parseShow(read(name)).problems, [], name);
  }
  const rows = [
    ['43-syncing-controlled', ['c-plan-ahead is 20, the files say 0', 'c-fill-target is 128s, the files do not set it', 'c-max-rate is 4096k, the files do not set it']],
    ['57-protocol-b', []],
  ] as const;
  for (const [state, expected] of rows) {
    for (const node of ['n1', 'n2']) {
      const base = `8.4.11-${state}-${node}`;
      const configured = parseDumpXml(read(`${base}.dump.xml`)).resources[0]!;
      const running = parseShow(read(`${base}.show-defaults.txt`)).resources[0]!;
      const told = compareConfig(running, configured, node).map(describeDifference);
      t.same(told, expected.map((sentence) => `volume 0 disk ${sentence}`), base);
    }
  }
  t.end();
});

/** One volume of a node in a state: what the comparison needs. */
function side(state: string, node: string, volume = 0): GenerationSide {
  const text = GENERATION.get(`${state}-${node}`);
  if (text === undefined) throw new Error(`no identifiers of ${state} on ${node}`);
  const generation = lines(text)[volume];
  if (generation === undefined) throw new Error(`no volume ${volume} in ${state} on ${node}`);
  return {
    node,
    ids: generation,
    crashedPrimary: generation.crashedPrimary,
    role: generation.primary ? 'Primary' : 'Secondary',
    consistent: generation.consistent,
    outOfSyncBytes: null,
  };
}

/** Each minor once: `show-gi` repeats what `get-gi` printed. */
function lines(text: string): readonly Generation[] {
  const { generations } = parseGenerations(text);
  return generations.filter((one, index) => {
    const before = generations[index - 1];
    return before?.current !== one.current || before.bitmap !== one.bitmap;
  });
}

t.test('recorded identifiers: every line is understood', (t) => {
  for (const [name, text] of GENERATION) {
    const { generations, problems } = parseGenerations(text);
    t.same(problems, [], name);
    t.ok(generations.length > 0 && generations.every(({ format }) => format === 'v08'), name);
  }
  t.ok(GENERATION.size >= 60);
  t.end();
});

t.test('recorded identifiers: the verdict is what the kernel then did', (t) => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['10-in-sync', 'in-sync', false],
    ['17-outdated', 'self-newer', false],
    ['22-cable-pulled', 'self-newer', false],
    ['24-both-primary', 'split-brain', false],
    ['25-split-brain', 'split-brain', false],
    ['27-split-brain-resolved', 'in-sync', false],
  ];
  for (const [state, verdict, fullSync] of rows) {
    const compared = compareGenerations(side(state, 'n1'), side(state, 'n2'));
    t.match(compared, { verdict, fullSync }, `${state}: ${compared.sentence}`);
  }
  t.match(lines(GENERATION.get('40-crashed-primary-n1') ?? '')[0], { crashedPrimary: true });
  t.end();
});
