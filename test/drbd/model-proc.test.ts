import { readdirSync } from 'node:fs';
import t from 'tap';
import { factsFromProc } from '../../src/drbd/facts.js';
import { factsFromModel, joinConnection } from '../../src/drbd/model-facts.js';
import { modelFromProc, splitConnection } from '../../src/drbd/model-proc.js';
import { readDrbdText } from '../../src/drbd/model-text.js';
import { parseProcDrbd } from '../../src/drbd/proc.js';
import { CONNECTION_WORDS, connectionWord } from '../../src/drbd/words.js';
import { FIXTURES, readFixture, samplesIn } from './samples.js';

const HEAD = 'version: 8.4.11 (api:1/proto:86-101)\nbuilt-in\n';

const TEXTS = new Map([
  ...readdirSync(FIXTURES)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => [name, readFixture(name)] as const),
  ...samplesIn('real'),
  ...samplesIn('synthetic'),
]);

t.test('model of /proc/drbd: the same facts as the reading itself (every capture)', (t) => {
  for (const [name, text] of TEXTS) {
    const proc = { ...parseProcDrbd(text), truncated: false };
    const shown = proc.minors.filter((minor) => minor.connection.word !== 'Unconfigured');
    const map = shown.map(({ minor }) => ({ resource: `drbd${minor}`, volume: 0, minor }));
    const wanted = factsFromProc({ kind: 'read', proc }, map);
    t.strictSame(modelFromProc(proc).resources.map(factsFromModel), wanted, name);
  }
  t.ok(TEXTS.size >= 15);
  t.end();
});

t.test('model of /proc/drbd: one word becomes two, and one again', (t) => {
  const lossy = ['Established', 'Connecting', 'Unconfigured', 'Off'];
  for (const word of CONNECTION_WORDS.filter((entry) => !lossy.includes(entry))) {
    const { link, replication } = splitConnection(connectionWord(word));
    t.ok(link?.known === true && replication.known, word);
    t.equal(joinConnection(link, replication).word, word);
  }
  const strange = splitConnection(connectionWord('TOO_LARGE'));
  t.strictSame(joinConnection(strange.link, strange.replication), { known: false, word: 'TOO_LARGE' });
  t.match(splitConnection(connectionWord('Off')), { link: null, replication: { word: 'Off' } });
  t.end();
});

t.test('model of /proc/drbd: volumes of one resource, in the order of their numbers', (t) => {
  const text =
    `${HEAD} 0: cs:SyncSource ro:Secondary/Unknown ds:UpToDate/Inconsistent C s--u--\n` +
    `    ns:4 nr:8 dw:12 dr:16 al:1 bm:2 lo:3 pe:4 ua:5 ap:6 ep:1 wo:f oos:400\n` +
    `\t[=====>..............] sync'ed: 31.3% (184276/262100)K\n` +
    `\tfinish: 0:00:04 speed: 38,912 (38,000) K/sec\n` +
    ` 1: cs:WFConnection ro:Primary/Secondary ds:UpToDate/DUnknown C r---n-\n` +
    ` 5: cs:Unconfigured\n`;
  const names = [
    { resource: 'r0', volume: 1, minor: 0 },
    { resource: 'r0', volume: 0, minor: 1 },
  ];
  const [r0, ...others] = modelFromProc(parseProcDrbd(text), names).resources;
  t.same(others, [], 'a device that is not configured is no resource');
  t.match(r0, {
    name: 'r0',
    role: { word: 'Primary' },
    suspended: ['io'],
    writeOrdering: 'flush',
    volumes: [
      { volume: 0, minor: 1 },
      { volume: 1, minor: 0, writtenKiB: 12, readKiB: 16, upperPending: 6, lowerPending: 3 },
    ],
    connections: [
      {
        link: { word: 'Connecting' },
        peerRole: { word: 'Unknown' },
        congested: true,
        protocol: 'C',
        volumes: [
          { volume: 0, replication: { word: 'Off' }, progress: null },
          {
            volume: 1,
            replication: { word: 'SyncSource' },
            resyncSuspended: ['user'],
            sentKiB: 4,
            receivedKiB: 8,
            outOfSyncKiB: 400,
            pending: 4,
            unacknowledged: 5,
            progress: { donePercent: 29.7, leftKiB: 184276, rateKiBps: 38912, finishSeconds: 4 },
          },
        ],
      },
    ],
  });
  t.end();
});

t.test('saved text: remarks tell what is missing; other texts are refused', (t) => {
  t.match(readDrbdText(readFixture('9.2.12-header-only.txt'))?.remarks, [/ask drbdsetup/]);
  t.match(readDrbdText(`${HEAD} 0: cs:Conn`)?.remarks, [/breaks off/]);
  t.equal(readDrbdText('root:x:0:0\n'), null);
  t.equal(readDrbdText(''), null);
  t.end();
});

t.test('model of /proc/drbd: what has no place of its own is kept as it stands', (t) => {
  const text = [
    'version: 8.4.11 (api:1/proto:86-101)',
    ' 0: cs:VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate C r-----',
    '    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:3 wo:f oos:0',
    '\t[==============>.....] verified: 77.3% (600000/2621440)K',
    '\tfinish: 0:00:16 speed: 37,412 (40,000 -- 35,000) want: 51,200 K/sec',
    '\t 77% sector pos: 4042880/5242880 stop sector: 5000000',
    '\tresync: used:1/61 hits:150527 misses:19 starving:0 locked:0 changed:19',
    '\tact_log: used:7/1237 hits:81041094 misses:2038141 starving:3 locked:0 changed:574410',
    '\tblocked on activity log: 3\n',
  ].join('\n');
  const [resource] = modelFromProc(parseProcDrbd(text)).resources;
  t.same(resource?.volumes[0]?.extra, {
    epochs: '3',
    act_log: 'used:7/1237 hits:81041094 misses:2038141 starving:3 locked:0 changed:574410',
    'blocked on activity log': '3',
  });
  t.same(resource?.connections[0]?.volumes[0]?.extra, {
    resync: 'used:1/61 hits:150527 misses:19 starving:0 locked:0 changed:19',
    sector: '4042880/5242880 until 5000000',
    'KiB/s just now': '40000',
  });
  t.end();
});
