import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { printProc84 } from '../../src/drbd/print-proc.js';
import { explainFlags } from '../../src/drbd/proc-flags.js';
import type { CacheStatistics, ProcMinor } from '../../src/drbd/proc-minor.js';
import type { ProcCounters } from '../../src/drbd/proc-counters.js';
import type { ProcProgress } from '../../src/drbd/proc-progress.js';
import { parseProcDrbd, type ProcDrbd } from '../../src/drbd/proc.js';
import { connectionWord, diskWord, roleWord } from '../../src/drbd/words.js';
import { FIXTURES, readFixture, readSample, samplesIn, skipWithoutSamples } from './samples.js';

const HEAD = 'version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 5D2A90C41E77B3F8A60D19E \n';
const LINE = ' 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n';

/** One device in one line: minor cs roles disks protocol flags oos, then the progress. */
function summary(minor: ProcMinor): string {
  const word = (value: { readonly word: string } | null): string => value?.word ?? '-';
  const { progress, counters, flags, protocol } = minor;
  const run =
    progress === null
      ? ''
      : ` ${progress.kind} ${progress.donePermille ?? '-'} ${progress.leftKiB ?? '-'}` +
        `/${progress.totalKiB ?? '-'} eta ${progress.finishSeconds ?? '-'}` +
        ` ${progress.currentKiBps ?? '-'} (${progress.averageKiBps ?? '-'})` +
        (progress.stalled ? ' stalled' : '');
  return (
    `${minor.minor} ${minor.connection.word} ${word(minor.role)}/${word(minor.peerRole)} ` +
    `${word(minor.disk)}/${word(minor.peerDisk)} ${protocol ?? '-'} ${flags?.raw ?? '-'} ` +
    `oos ${counters.outOfSyncKiB ?? '-'}${run}`
  );
}

function only(text: string): ProcMinor {
  const [minor] = parseProcDrbd(text).minors;
  if (minor === undefined) throw new Error('no device was read');
  return minor;
}

const UP = 'UpToDate/UpToDate';
const FIXTURE_FACTS: Readonly<Record<string, readonly string[]>> = {
  '8.4.11-connected.txt': [`0 Connected Primary/Secondary ${UP} C r----- oos 0`],
  '8.4.11-syncsource-k.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 180224' +
      ' resync 313 180224/262100 eta 4 40960 (40960)',
  ],
  '8.4.11-synctarget-m.txt': [
    '0 SyncTarget Secondary/Primary Inconsistent/UpToDate C r----- oos 12568576' +
      ' resync 401 12566528/20971520 eta 190 65736 (61200)',
  ],
  '8.4.11-verify-details.txt': [
    `0 VerifyS Primary/Secondary ${UP} C r----- oos 16` +
      ' verify 250 786432/1048576 eta 19 40212 (39004)',
  ],
  '8.4.11-splitbrain-node1.txt': [
    '0 StandAlone Primary/Unknown UpToDate/DUnknown - r----- oos 2572',
  ],
  '8.4.11-splitbrain-node2.txt': [
    '0 WFConnection Secondary/Unknown UpToDate/DUnknown C r----- oos 68',
  ],
  '8.4.11-io-suspended.txt': [
    '0 WFConnection Primary/Unknown UpToDate/DUnknown C s---d- oos 44',
    '1 PausedSyncT Secondary/Primary Inconsistent/UpToDate C rapuas oos 8192',
  ],
  '8.4.11-holes.txt': [
    `3 Connected Primary/Secondary ${UP} B r----- oos 0`,
    '4 Unconfigured -/- -/- - - oos -',
    `120 Connected Secondary/Primary ${UP} B r----- oos 0`,
  ],
  '8.4.11-no-devices.txt': [],
  '8.3.1-nul-flag.txt': [`0 Connected Primary/Secondary ${UP} C r---- oos 0`],
  '8.3.11-joined.txt': [
    '0 SyncSource Secondary/Secondary UpToDate/Inconsistent C r----- oos 9961472' +
      ' resync 40 9961472/10371072 eta 243 40960 (40960)',
  ],
  '8.2.7-verify.txt': [
    `0 VerifyT Secondary/Primary ${UP} C r--- oos 24 verify 400 157288/262144 eta - - (-)`,
  ],
  '0.7.25-mixed.txt': [
    '0 SyncTarget Secondary/Primary Inconsistent/- - - oos -' +
      ' resync 153 283648/334848 eta - - (-) stalled',
    '1 WFConnection Primary/Unknown Consistent/- - F oos -',
    '2 Unconfigured -/- -/- - - oos -',
  ],
  '9.2.12-header-only.txt': [],
  '9.3.1-compat84.txt': [
    '0 SyncTarget Secondary/Primary Inconsistent/UpToDate C r----- oos 5242880' +
      ' resync 10 5242880/5292032 eta - - (980)',
  ],
};

t.test('proc: every fixture is read as expected, without a warning', (t) => {
  const readme = readFixture('README.md');
  for (const name of readdirSync(FIXTURES).filter((file) => file.endsWith('.txt'))) {
    // What the lab recorded has a table of its own: see recorded.test.ts.
    if (/^8\.4\.11-\d\d-/.test(name)) continue;
    t.ok(readme.includes(`\`${name}\``), `${name} has a row in the provenance table`);
    const proc = parseProcDrbd(readFixture(name));
    t.same(proc.warnings, [], `${name}: no warnings`);
    const expected = FIXTURE_FACTS[name];
    // Captures of the lab are added with their own expectations; they must still read cleanly.
    if (expected === undefined) t.ok(proc.header !== null, `${name} has a header`);
    else t.same(proc.minors.map(summary), expected, name);
  }
  for (const name of Object.keys(FIXTURE_FACTS)) t.ok(readdirSync(FIXTURES).includes(name), name);
  t.end();
});

t.test('proc: header of each release', (t) => {
  const header = (first: string, second: string): unknown => {
    const { header: read, warnings } = parseProcDrbd(`${first}\n${second}\n`);
    t.same(warnings, [], first);
    return read;
  };
  const none = { compat84: false, transports: null };
  t.same(
    header(
      'version: 0.7.0 svn $Rev: 1 $ (api:74/proto:74)',
      'SVN Revision: 9 build by a@b, 2004-07-20 10:00:00',
    ),
    {
      version: '0.7.0 svn $Rev: 1 $',
      release: [0, 7, 0],
      api: 74,
      protoMin: 74,
      protoMax: 74,
      ...none,
      build: { kind: 'svn', id: '9', builder: 'a@b', date: '2004-07-20 10:00:00' },
    },
  );
  t.same(header('version: 8.4.7-1 (api:1/proto:86-101)', 'GIT-hash: 12ab M drbd/a.c build by @,'), {
    version: '8.4.7-1',
    release: [8, 4, 7],
    api: 1,
    protoMin: 86,
    protoMax: 101,
    ...none,
    build: { kind: 'git', id: '12ab', builder: '@', date: null },
  });
  t.same(header('version: 8.3.8.1 (api:88/proto:86-94)', 'built-in'), {
    version: '8.3.8.1',
    release: [8, 3, 8, 1],
    api: 88,
    protoMin: 86,
    protoMax: 94,
    ...none,
    build: { kind: 'built-in', id: null, builder: null, date: null },
  });
  t.same(header('version: 9.0.0rc1 (api:2/proto:86-110)', 'srcversion: 98E710E58B3041F3046305B '), {
    version: '9.0.0rc1',
    release: [9, 0, 0],
    api: 2,
    protoMin: 86,
    protoMax: 110,
    ...none,
    build: { kind: 'srcversion', id: '98E710E58B3041F3046305B', builder: null, date: null },
  });
  t.match(parseProcDrbd(readFixture('9.2.12-header-only.txt')).header, {
    compat84: false,
    transports: [
      { name: 'tcp', version: '9.2.12' },
      { name: 'lb-tcp', version: '9.2.12' },
      { name: 'rdma', version: null },
    ],
  });
  t.match(parseProcDrbd(readFixture('9.3.1-compat84.txt')).header, {
    compat84: true,
    build: { builder: null, date: '2026-03-02 08:00:00' },
    transports: null,
  });
  t.same(
    parseProcDrbd('version: 9.2.14 (api:2/proto:118-123)\nTransports (api:21):\n').header
      ?.transports,
    [],
  );
  t.end();
});

t.test('proc: counters carry their units, missing ones are null', (t) => {
  const counters = 'ns:1 nr:2 dw:3 dr:4 al:5 bm:6 lo:-1 pe:8 ua:9 ap:10 ep:11 wo:d oos:12';
  const text = `${HEAD}${LINE}    ${counters}\n`;
  t.same(only(text).counters, {
    sentKiB: 1,
    receivedKiB: 2,
    diskWriteKiB: 3,
    diskReadKiB: 4,
    activityLogUpdates: 5,
    bitmapUpdates: 6,
    localRequests: -1,
    peerRequests: 8,
    unacknowledged: 9,
    applicationRequests: 10,
    epochs: 11,
    writeOrdering: 'drain',
    outOfSyncKiB: 12,
    extra: {},
  });
  const old = only(`${HEAD}${LINE}    ns:2147483647 nr:0\n`).counters;
  t.equal(old.sentKiB, 2_147_483_647, 'the wrap at 2^31 KiB is a number like any other');
  t.equal(old.outOfSyncKiB, null);
  t.equal(old.writeOrdering, null);
  const nine = only(`${HEAD}${LINE}    pe:[3;1] ap:[2;5] wo:2 xx:7 oos:99999999999999999999\n`);
  t.equal(nine.counters.peerRequests, 4, '9.x prints application and resync apart');
  t.equal(nine.counters.applicationRequests, 7);
  t.equal(nine.counters.writeOrdering, 'flush');
  t.same({ ...nine.counters.extra }, { xx: '7' });
  t.equal(nine.counters.outOfSyncKiB, null, 'a number that JavaScript cannot hold is not known');
  t.end();
});

t.test('proc: flags by position and in words', (t) => {
  const flags = (raw: string): readonly string[] => {
    const { flags: read } = only(`${HEAD}${LINE.replace('r-----', raw)}`);
    return read === null ? ['not read'] : explainFlags(read);
  };
  t.same(flags('r-----'), []);
  t.same(flags('r---'), []);
  t.same(flags('s-----'), ['application I/O is suspended']);
  t.equal(flags('rapuas').length, 5);
  t.match(flags('r---c-'), [/callback/]);
  t.match(flags('r---b'), [/backing device/]);
  t.match(flags('r---n-'), [/network send buffer/]);
  t.match(flags('r---d-'), [/no new requests/]);
  t.match(flags('r----s'), [/activity log/]);
  const strange = parseProcDrbd(`${HEAD}${LINE.replace('r-----', 'r-x--q')}`);
  t.same(
    strange.warnings.map(({ line, column, message }) => [line, column, message]),
    [
      [3, 64, 'unknown I/O flag: "x"'],
      [3, 67, 'unknown I/O flag: "q"'],
    ],
  );
  t.end();
});

t.test('proc: progress in every historical form', (t) => {
  const progress = (lines: string, head = HEAD): ProcProgress | null =>
    only(`${head}${LINE.replace('Connected', 'SyncTarget')}${lines}`).progress;
  const bar = "\t[>....................] sync'ed:  4.7% (9768/10240)M";
  t.match(
    progress(
      `${bar} queue_delay: 12.3 ms\n\tfinish: 0:03:03 speed: 54,321 (1000) want: 61,440 K/sec\n`,
    ),
    {
      donePermille: 47,
      leftKiB: 9768 * 1024,
      totalKiB: 10240 * 1024,
      delay: 'queue_delay: 12.3 ms',
      finishSeconds: 183,
      currentKiBps: 54_321,
      averageKiBps: 1000,
      wantKiBps: 61_440,
    },
  );
  t.match(progress(`${bar} delay_probe: 145637\n\tstalled\n`), {
    delay: 'delay_probe: 145637',
    stalled: true,
  });
  t.match(progress(`${bar}finish: 1234:05:06 speed: 10 (12) K/sec\n`), {
    finishSeconds: 4_442_706,
    currentKiBps: 10,
  });
  t.match(
    progress(`${bar}\n\tfinish: 0:00:00 speed: 0 (0) K/sec (stalled)\n`),
    {
      stalled: true,
      currentKiBps: 0,
      finishSeconds: null,
    },
    'no estimate of 0 for a run that stands still',
  );
  t.match(progress(`${bar}\n\tfinish: 0:00:00 speed: -4096 (0) want: 250 K/sec\n`), {
    currentKiBps: null,
    finishSeconds: null,
  });
  t.match(
    progress(
      `${bar}\n\tfinish: 0:00:00 speed: 1024819115206086,200 (1,024819115206,086,200) K/sec\n`,
    ),
    {
      currentKiBps: null,
      averageKiBps: null,
      finishSeconds: null,
    },
    'an underflow is not a speed',
  );
  t.match(progress(`${bar}\n\tfinish: \u221e speed: 1,234 (-2,234,567 -- 12) K/sec\n`), {
    finishSeconds: null,
    currentKiBps: 1234,
    shortKiBps: null,
    averageKiBps: 12,
  });
  const fast = `${bar}\n\tfinish: 0:00:41 speed: 1,000,001 (1,250,000) K/sec\n`;
  t.match(progress(fast), { currentKiBps: 1_000_001, finishSeconds: 41 });
  t.match(
    progress(fast, HEAD.replace('8.4.11', '8.3.10')),
    { currentKiBps: null, finishSeconds: null },
    '8.3.10 garbles millions',
  );
  t.match(progress('\t 23% oos:12  600000 / 2621440 \n'), {
    kind: 'verify',
    verifyOutOfSync: 12,
    leftKiB: 8_085_760,
  });
  t.match(progress('\t 77% sector pos: 4042880/5242880 stop sector: 5000000\n'), {
    sectorPosition: 4_042_880,
    sectorTotal: 5_242_880,
    stopSector: 5_000_000,
  });
  t.match(
    progress(`${bar}finish: 14:11:31 speed: 36,044 (36,\n168) want: 3,280 K/sec\n`),
    { averageKiBps: 36_168, wantKiBps: 3280, finishSeconds: 51_091 },
    'wrapped inside a number',
  );
  t.match(
    progress(`${bar}\n\tfinish: 0:01:00 speed: 36,044\n(36,168) K/sec\n`),
    { finishSeconds: 60 },
    'wrapped at a blank',
  );
  t.match(
    progress(`${bar}\n\tfinish: 0:01:00\nspeed: 36,044 (36,168) K/sec\n`),
    { finishSeconds: 60, averageKiBps: 36_168 },
    'wrapped where the blank matters',
  );
  t.match(progress(`${bar}\n\tfinish: 0:01:00 speed: 99,999,999 (500,000,000) K/sec\n`), {
    currentKiBps: 99_999_999,
    averageKiBps: null,
  });
  t.end();
});

t.test('proc: devices that are alike are read as each of them alone', (t) => {
  const odd = ': cs:Weird ro:Primary/Secondary ds:UpToDate/Rusty C r-?---\n';
  const wide = ': cs:Connected   ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n';
  const usual = LINE.slice(2);
  const counters = '    ns:1 nr:2 dw:3 dr:4 al:5 bm:6 lo:7 pe:8 ua:9 ap:10 ep:11 wo:f oos:12\n';
  const broken = '    ns:1 nr:2 dw:3 dr:4 al:5 bm:6 lo:7 pe:8 ua:9 ap:10 ep:11 wo:f oos:12x\n';
  const numbers = ['0', '7', '1048575', '1048576', '00000009', '99999999'];
  for (const rest of [usual, wide, odd]) {
    for (const tail of ['', counters, broken]) {
      const devices = numbers.map((number) => `${number}${rest}${tail}`);
      const whole = parseProcDrbd(HEAD + devices.join(''));
      const alone = devices.map((device) => parseProcDrbd(HEAD + device));
      t.same(whole.minors, alone.flatMap(({ minors }) => minors));
      const messages = alone.flatMap(({ warnings }) => warnings.map(({ message }) => message));
      t.same(whole.warnings.map(({ message }) => message), messages, 'every fault, every time');
    }
  }
  const [a, b] = parseProcDrbd(`${HEAD}0${usual}${counters}1${usual}`).minors;
  t.equal(a?.counters.outOfSyncKiB, 12);
  t.equal(b?.counters.outOfSyncKiB, null, 'nothing of the one is in the other');
  t.end();
});

t.test('proc: caches and the activity log', (t) => {
  const minor = only(readFixture('8.4.11-verify-details.txt'));
  t.same(minor.resyncCache, {
    used: 0,
    size: 61,
    hits: 18_044,
    misses: 64,
    starving: 0,
    locked: 0,
    changed: 32,
  });
  t.match(minor.activityLog, { used: 3, size: 1237, locked: 0 });
  t.same(minor.blockedOnActivityLog, [2]);
  t.match(
    only(`${HEAD}${LINE}\tact_log: used:3/127 hits:1 misses:2 starving:0 dirty:9 changed:4\n`)
      .activityLog,
    { locked: 9 },
    'before 8.4 it is called dirty',
  );
  t.same(only(`${HEAD}${LINE}\tblocked on activity log: 1/0/2\n`).blockedOnActivityLog, [1, 0, 2]);
  t.end();
});

t.test('proc: inputs that other parsers fail on', (t) => {
  const minors = (text: string): readonly string[] => parseProcDrbd(text).minors.map(summary);
  const connected = `0 Connected Primary/Secondary ${UP} C r----- oos -`;
  t.same(parseProcDrbd(''), {
    header: null,
    minors: [],
    truncated: false,
    warnings: [],
    warningsOmitted: 0,
  });
  t.same(minors(HEAD), [], 'header only');
  t.same(minors(LINE), [connected], 'no header');
  t.same(minors(`${HEAD}${LINE}`.replaceAll('\n', '\r\n')), [connected], 'CRLF');
  t.same(parseProcDrbd(`${HEAD}${LINE}`.replaceAll('\n', '\r\n')).warnings, []);
  t.same(
    minors(`${HEAD}${LINE.trim()}   \n  ns:1  nr:2   \n`),
    [connected],
    'indentation and blanks',
  );
  t.same(
    minors(`${HEAD}\t0:\tcs:Connected\tro:Primary/Secondary\tds:UpToDate/UpToDate\tC\tr-----\n`),
    [connected],
    'tabs',
  );
  for (const minor of [10, 99, 100, 1_048_575]) {
    t.equal(
      parseProcDrbd(`${HEAD}${LINE.replace(' 0', String(minor))}`).minors[0]?.minor,
      minor,
      `minor ${minor}`,
    );
  }
  t.same(minors(`${HEAD}9999999: cs:Connected\n    oos:5\n`), [], 'no such minor in Linux');
  t.same(
    minors(`${HEAD}${LINE}9999999: cs:Connected\n    oos:5\n`),
    [connected],
    'and its counters belong to nobody',
  );
  t.same(
    minors(
      `${HEAD} 0: cs:Connected ro:Primary/Secondary\n    ds:UpToDate/UpToDate C r-----\n` +
        '    ns:0 nr:0\n oos:7\n',
    ),
    [connected.replace('oos -', 'oos 7')],
    'wrapped lines',
  );
  t.same(
    minors(`${HEAD} 0: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----\n`),
    ['0 StandAlone Primary/Unknown UpToDate/DUnknown - r----- oos -'],
    'blank protocol',
  );
  t.same(minors(`${HEAD} 0: cs:Unconfigured\n`), ['0 Unconfigured -/- -/- - - oos -']);
  const odd = parseProcDrbd(`${HEAD} 0: cs:Warped ro:Boss/Secondary ds:Shiny/UpToDate C r-----\n`);
  t.same(odd.minors[0]?.connection, { known: false, word: 'Warped' });
  t.same(odd.minors[0]?.role, { known: false, word: 'Boss' });
  t.same(
    odd.warnings.map(({ column }) => column),
    [8, 18, 36],
    'columns of the unknown words',
  );
  t.match(
    parseProcDrbd(`${HEAD}kref_put dev_r:2\n${LINE}`).warnings,
    [{ line: 3, column: 1 }],
    'unknown header line',
  );
  t.match(
    parseProcDrbd(`${HEAD}    ns:0 nr:0\n${LINE}`),
    { warnings: [{ line: 3, column: 5 }], minors: [{ minor: 0 }] },
    'counters of nobody',
  );
  t.match(parseProcDrbd(`${HEAD}${LINE}\tsomething else\n    ns:4\n`), {
    warnings: [{ line: 4, column: 2 }],
    minors: [{ counters: { sentKiB: 4 } }],
  });
  const twice = parseProcDrbd(`${HEAD}${LINE}${LINE.replace('Connected', 'WFConnection')}`);
  t.equal(twice.minors.length, 1);
  t.equal(twice.minors[0]?.connection.word, 'WFConnection', 'the last of two counts');
  t.equal(twice.warnings.length, 1);
  const cut = parseProcDrbd(`${HEAD}${LINE}    ns:0 nr:0 oos:245`);
  t.equal(cut.truncated, true, 'a reading that breaks off says so');
  const broken = parseProcDrbd(
    `${HEAD}${LINE}\t[>...] sync'ed: 1.0% (4/\n${LINE.replace('0', '1')}`,
  );
  t.equal(broken.warnings.length, 1, 'a bar that breaks off is reported');
  t.equal(
    parseProcDrbd('x\n'.repeat(1000)).warnings.length,
    100,
    'the list of warnings is bounded',
  );
  t.equal(parseProcDrbd('x\n'.repeat(1000)).warningsOmitted, 900);
  t.end();
});

/** Key facts of the public captures, derived by reading them. */
const SAMPLE_FACTS: Readonly<Record<string, readonly string[]>> = {
  'real/0.7-inconsistent-headless.txt': [
    '0 Connected Secondary/Secondary Inconsistent/- - - oos -',
    '1 Unconfigured -/- -/- - - oos -',
  ],
  'real/8.0.11-standalone-diskless.txt': [
    '0 StandAlone Primary/Unknown UpToDate/DUnknown - r--- oos -',
    '1 Connected Secondary/Secondary Diskless/Inconsistent C r--- oos -',
  ],
  'real/8.0.12-dual-primary.txt': [`0 Connected Primary/Primary ${UP} C r--- oos -`],
  'real/8.0.12-synctarget.txt': [
    '0 SyncTarget Secondary/Primary Inconsistent/UpToDate C r--- oos -' +
      ' resync 108 2543056/2843380 eta 762 3212 (3228)',
  ],
  'real/8.2.6-synctarget.txt': [
    '0 SyncTarget Secondary/Primary Inconsistent/UpToDate C r--- oos 10476008' +
      ' resync 2 10475520/10481664 eta 6547 1504 (1504)',
  ],
  'real/8.3.0-protocol-A.txt': [
    `0 Connected Primary/Secondary ${UP} A r--- oos 21`,
    `1 Connected Secondary/Secondary ${UP} C r--- oos 0`,
    `2 Connected Secondary/Secondary ${UP} C r--- oos 0`,
  ],
  'real/8.3.11-Mfinish-joined.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 194018468' +
      ' resync 4 194015232/194764800 eta 18846 10284 (10252)',
  ],
  'real/8.3.7-splitbrain-survivor-wfconnection.txt': [
    '0 WFConnection Primary/Unknown UpToDate/DUnknown C r---- oos 239648',
  ],
  'real/8.3.7-splitbrain-victim-standalone-outdated.txt': [
    '0 StandAlone Secondary/Unknown Outdated/DUnknown - r---- oos -',
  ],
  'real/8.3.7-diskless-wfconnection.txt': [
    '0 WFConnection Secondary/Unknown Diskless/DUnknown C r---- oos 0',
  ],
  'real/8.3.8-syncsource-delay_probe.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r---- oos 301729988' +
      ' resync 424 301727744/523169792 eta 5008 60172 (51448)',
  ],
  'real/8.3.8-syncsource-stalled.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r---- oos 523171100' +
      ' resync 1 523169792/523169792 eta - - (-) stalled',
  ],
  'real/8.4.0-splitbrain-node2.txt': [
    '0 StandAlone Primary/Unknown UpToDate/DUnknown - r----- oos 100',
  ],
  'real/8.4.10-syncsource.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 9770652' +
      ' resync 69 9768960/10481664 eta 54 178688 (178688)',
  ],
  'real/8.4.11-ecx-sb-6-splitbrain-sv1.txt': [
    '0 StandAlone Secondary/Unknown UpToDate/DUnknown - r----- oos 4',
  ],
  'real/8.4.11-wfconnection-after-peer-loss.txt': [
    '0 WFConnection Primary/Unknown UpToDate/DUnknown C r----- oos 24576',
  ],
  'real/8.4.3-Mfinish-joined-want-wrapped.txt': [
    '0 SyncTarget Secondary/Secondary Inconsistent/UpToDate C r----- oos 1842345780' +
      ' resync 47 1842343936/1932734464 eta 51091 36044 (36168)',
  ],
  'real/8.4.3-builtin-syncsource-net-congested.txt': [
    '1 SyncSource Primary/Secondary UpToDate/Inconsistent C r---n- oos 1715080' +
      ' resync 156 1715080/2026376 eta 44 38912 (38912)',
  ],
  'real/8.4.3-minors-3-and-301.txt': [
    `3 Connected Secondary/Secondary ${UP} C r----- oos 0`,
    `301 Connected Secondary/Secondary ${UP} C r----- oos 0`,
  ],
  'real/8.4.8-1-dual-primary-partition-node2-truncated.txt': [
    '0 WFConnection Primary/Unknown UpToDate/Outdated C r----- oos -',
  ],
  'real/8.4.x-Mfinish-joined-headless.txt': [
    '1 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 4555336' +
      ' resync 783 4554752/20971520 eta 74 61144 (58212)',
  ],
  'real/8.4.x-wfconnection-backing-congested-headless.txt': [
    '9 WFConnection Primary/Unknown UpToDate/DUnknown C r---b- oos -',
  ],
  'real/9.0.22-2-header-only.txt': [],
  'real/9.1.22-checkmk-header-plus-debugfs.txt': [
    `0 Established Secondary/Primary ${UP} C r----- oos 0`,
    `1 Established Secondary/Primary ${UP} C r----- oos 0`,
  ],
  'real/node_exporter-8.4.3.txt': [`1 Connected Primary/Primary ${UP} C r----- oos 12349`],
  'synthetic/8.2.4-verify.txt': [
    `0 VerifyS Primary/Secondary ${UP} C r--- oos - verify 230 8085760/10485760 eta - - (-)`,
  ],
  'synthetic/8.3.10-speed-garbled-million.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 52428800' +
      ' resync 501 52428800/104857600 eta - - (-)',
  ],
  'synthetic/8.4.11-resync-100pct.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 0' +
      ' resync 1000 0/2026376 eta 0 38912 (38000)',
  ],
  'synthetic/8.4.11-speed-over-1GiB.txt': [
    '0 SyncSource Primary/Secondary UpToDate/Inconsistent C r----- oos 1073741824' +
      ' resync 501 1073741824/2147483648 eta 859 1250003 (1000000)',
  ],
};

t.test('proc: public captures', { skip: skipWithoutSamples }, (t) => {
  const samples = new Map([...samplesIn('real'), ...samplesIn('synthetic')]);
  t.ok(samples.size >= 80, `${samples.size} captures`);
  for (const [path, text] of samples) {
    const proc = parseProcDrbd(text);
    const devices = text.split('\n').filter((line) => /^\s*\d+: cs:/.test(line)).length;
    t.equal(proc.minors.length, devices, `${path}: every device line gave a device`);
    t.equal(proc.header !== null, text.startsWith('version:'), `${path}: header`);
    const expected = path === 'synthetic/8.4.11-all-conn-states.txt' ? 1 : 0;
    t.equal(proc.warnings.length, expected, `${path}: warnings ${JSON.stringify(proc.warnings)}`);
  }
  for (const [path, expected] of Object.entries(SAMPLE_FACTS)) {
    t.same(parseProcDrbd(samples.get(path) ?? 'missing').minors.map(summary), expected, path);
  }
  const wrapped = parseProcDrbd(readSample('real/0.7.19-nine-minors-stalled-paused.txt'));
  const exact = parseProcDrbd(readSample('real/0.7.19-nine-minors-normalised.txt'));
  t.same(wrapped.minors, exact.minors, 'a mail-wrapped reading equals the unwrapped one');
  t.end();
});

// --- round trip -----------------------------------------------------------------------------

const u31 = fc.integer({ min: 0, max: 2_147_483_647 });
const count = fc.integer({ min: -5, max: 100_000 });
const speed = fc.integer({ min: 1, max: 99_999_999 });

const countersArbitrary: fc.Arbitrary<ProcCounters> = fc.record({
  sentKiB: u31,
  receivedKiB: u31,
  diskWriteKiB: u31,
  diskReadKiB: u31,
  activityLogUpdates: u31,
  bitmapUpdates: u31,
  localRequests: count,
  peerRequests: count,
  unacknowledged: count,
  applicationRequests: count,
  epochs: count,
  writeOrdering: fc.constantFrom('none', 'drain', 'flush', 'barrier'),
  outOfSyncKiB: fc.integer({ min: 0, max: 2 ** 34 }).map((bits) => bits * 4),
  extra: fc.constant({}),
});

const amountsArbitrary = fc
  .oneof(
    fc.record({ left: fc.nat(1_048_576), total: fc.nat(1_048_576), unit: fc.constant(4) }),
    fc.record({
      left: fc.nat(2 ** 30),
      total: fc.integer({ min: 1025, max: 2 ** 30 }),
      unit: fc.constant(4096),
    }),
  )
  .map(({ left, total, unit }) => ({ leftKiB: left * unit, totalKiB: total * unit }));

const progressArbitrary: fc.Arbitrary<ProcProgress> = fc
  .record({
    kind: fc.constantFrom('resync', 'verify'),
    donePermille: fc.nat(1000),
    amounts: amountsArbitrary,
    finishSeconds: fc.nat(10_000_000),
    currentKiBps: speed,
    shortKiBps: fc.option(speed),
    averageKiBps: speed,
    wantKiBps: fc.option(speed),
    stalled: fc.boolean(),
    sectors: fc.option(
      fc.record({
        sectorPosition: fc.nat(2 ** 39),
        sectorTotal: fc.integer({ min: 2 ** 39, max: 2 ** 40 }),
        stopSector: fc.option(fc.nat(2 ** 40)),
      }),
    ),
  })
  .map(({ amounts, sectors, ...rest }) => ({
    ...rest,
    ...amounts,
    delay: null,
    verifyOutOfSync: null,
    ...(sectors ?? { sectorPosition: null, sectorTotal: null, stopSector: null }),
  }));

const cacheArbitrary: fc.Arbitrary<CacheStatistics> = fc.record({
  used: fc.nat(),
  size: fc.nat(),
  hits: fc.nat(),
  misses: fc.nat(),
  starving: fc.nat(),
  locked: fc.nat(),
  changed: fc.nat(),
});

const flagsArbitrary = fc
  .tuple(
    fc.constantFrom('r', 's'),
    fc.constantFrom('-', 'a'),
    fc.constantFrom('-', 'p'),
    fc.constantFrom('-', 'u'),
    fc.constantFrom('-', 'd', 'c', 'b', 'n', 'a'),
    fc.constantFrom('-', 's'),
  )
  .map((letters) => {
    const raw = letters.join('');
    return only(`${HEAD}${LINE.replace('r-----', raw)}`).flags;
  });

const unconfigured: ProcMinor = only(`${HEAD} 0: cs:Unconfigured\n`);

const minorArbitrary: fc.Arbitrary<ProcMinor> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(unconfigured) },
  {
    weight: 9,
    arbitrary: fc.record({
      minor: fc.constant(0),
      connection: fc
        .constantFrom(
          'StandAlone',
          'Connected',
          'SyncSource',
          'SyncTarget',
          'WFConnection',
          'TOO_LARGE',
        )
        .map(connectionWord),
      role: fc.constantFrom('Primary', 'Secondary').map(roleWord),
      peerRole: fc.constantFrom('Primary', 'Secondary', 'Unknown').map(roleWord),
      disk: fc.constantFrom('UpToDate', 'Inconsistent', 'Diskless', 'Outdated').map(diskWord),
      peerDisk: fc.constantFrom('UpToDate', 'DUnknown').map(diskWord),
      protocol: fc.constantFrom('A', 'B', 'C', null),
      flags: flagsArbitrary,
      counters: countersArbitrary,
      progress: fc.option(progressArbitrary),
      resyncCache: fc.option(cacheArbitrary),
      activityLog: fc.option(cacheArbitrary),
      blockedOnActivityLog: fc.option(fc.nat().map((blocked) => [blocked])),
    }),
  },
);

const procArbitrary: fc.Arbitrary<Pick<ProcDrbd, 'header' | 'minors'>> = fc
  .record({
    header: fc.constantFrom(
      parseProcDrbd(HEAD).header,
      parseProcDrbd(readFixture('8.3.1-nul-flag.txt')).header,
      parseProcDrbd(readFixture('8.3.11-joined.txt')).header,
      null,
    ),
    minors: fc.uniqueArray(fc.tuple(fc.nat(1_048_575), minorArbitrary), {
      selector: ([at]) => at,
      maxLength: 12,
    }),
  })
  .map(({ header, minors }) => ({
    header,
    minors: minors.sort(([a], [b]) => a - b).map(([minor, model]) => ({ ...model, minor })),
  }));

/** A value as text that does not depend on the order of its keys. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

t.test('proc: what the printer prints, the parser reads back (any model)', (t) => {
  fc.assert(
    fc.property(procArbitrary, (model) => {
      const text = printProc84(model);
      const read = parseProcDrbd(text);
      const words = model.minors.filter(({ connection }) => !connection.known).length;
      // Not `t.same`: a failure must reach fast-check to be shrunk and to print its seed.
      return (
        read.warnings.length === words &&
        sorted(read.header) === sorted(model.header) &&
        sorted(read.minors) === sorted(model.minors)
      );
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('proc: the printer reproduces the 8.4 fixtures byte for byte', (t) => {
  for (const name of Object.keys(FIXTURE_FACTS).filter((file) => file.startsWith('8.4'))) {
    t.equal(printProc84(parseProcDrbd(readFixture(name))), readFixture(name), name);
  }
  t.end();
});

t.test(
  'proc: the printer reproduces captures of 8.4 kernels byte for byte',
  { skip: skipWithoutSamples },
  (t) => {
    for (const name of [
      '8.4.10-big-counters',
      '8.4.3-four-minors-protocol-A',
      '8.4.8-1-splitbrain-node1',
      '8.4.6-connected-secondary',
    ]) {
      const text = readSample(`real/${name}.txt`);
      t.equal(printProc84(parseProcDrbd(text)), text, name);
    }
    for (const name of [
      'all-conn-states',
      'holes-and-wide-minors',
      'io-suspended',
      'proc_details-2',
      'counter-wrap',
    ]) {
      const text = readSample(`synthetic/8.4.11-${name}.txt`);
      t.equal(printProc84(parseProcDrbd(text)), text, name);
    }
    t.end();
  },
);

t.test('proc: the printer leaves a line for each hole in the minors', (t) => {
  const minor = only(`${HEAD} 0: cs:Unconfigured\n`);
  const minors = [0, 2, 3, 7].map((at) => ({ ...minor, minor: at }));
  const text = printProc84({ header: null, minors });
  t.equal(text.replaceAll('cs:Unconfigured', ''), ' 0: \n\n 2: \n 3: \n\n 7: \n');
  t.end();
});

// --- hostile input --------------------------------------------------------------------------

t.test('proc: any truncation or mutation of a reading gives a value', (t) => {
  const texts = [
    ...Object.keys(FIXTURE_FACTS).map(readFixture),
    ...samplesIn('synthetic').values(),
  ];
  const mutation = fc.record({
    text: fc.constantFrom(...texts),
    cut: fc.nat(),
    at: fc.nat(),
    insert: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('\n', ' 0: cs:', '[', '(', 'finish: ', '/', '\0', '9'.repeat(40), '%'),
    ),
    remove: fc.nat(6),
  });
  fc.assert(
    fc.property(mutation, ({ text, cut, at, insert, remove }) => {
      const kept = text.slice(0, cut % (text.length + 1));
      const place = at % (kept.length + 1);
      const proc = parseProcDrbd(`${kept.slice(0, place)}${insert}${kept.slice(place + remove)}`);
      const minors = proc.minors.map(({ minor }) => minor);
      return (
        new Set(minors).size === minors.length &&
        proc.warnings.every(({ line, column }) => line > 0 && column > 0)
      );
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(parseProcDrbd(text).minors)),
    { numRuns: 1000 },
  );
  t.end();
});

t.test('proc: one line of 1 MB costs little, whatever it holds', (t) => {
  const MEGABYTE = 1_000_000;
  const long = (unit: string): string => unit.repeat(Math.ceil(MEGABYTE / unit.length));
  const lines = [
    long('9'),
    long(' '),
    long('['),
    `[${long('=')}`,
    `[>${long('.')}`,
    `[>.] sync'ed: ${long('1')}`,
    `[>.] sync'ed: 1.0% (1/1)M${long('finish: ')}`,
    `finish: ${long('0:0')}`,
    `finish: 0:00:01 speed: ${long('1,')}`,
    `finish: 0:00:01 speed: 1 (${long('1 ')}`,
    ` 0: cs:${long('A')}`,
    ` 0: cs:Connected ${long('ro:a/b ')}`,
    ` 0: cs:Connected ds:${long('/')}`,
    `    ns:${long('1')}`,
    `    ns:1 ${long('zz:1 ')}`,
    `resync: used:1/2 ${long('hits:1 ')}`,
    ` 23% ${long(' ')}`,
    ` 23% oos:1 ${long('1')}`,
    `version: ${long('(api:')}`,
    `GIT-hash: ${long(' build by ')}`,
    `Transports (api:1): ${long('a (')}`,
    `Transports (api:1): ${long(')')}`,
    long('a\n'),
    long("[>.] sync'ed: 1.0% (1/1)\n"),
    long('finish: \n'),
    long(' 1: cs:\n'),
  ];
  let slowest = { ms: 0, line: '' };
  for (const line of lines) {
    const before = process.hrtime.bigint();
    const text = `${HEAD}${LINE}${line}\n`;
    parseProcDrbd(text);
    parseProcDrbd(line);
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    if (ms > slowest.ms) slowest = { ms, line: JSON.stringify(line.slice(0, 30)) };
  }
  // Quadratic work on 1 MB would take minutes; the bound only has to tell the two apart.
  t.ok(slowest.ms < 2_000, `slowest ${slowest.ms.toFixed(0)} ms: ${slowest.line}`);
  t.comment(`slowest ${slowest.ms.toFixed(0)} ms: ${slowest.line}`);
  t.end();
});
