import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { HistoryAnswer, HistoryEntry, OperatorAnswer } from '../../src/base/control.js';
import type { Status } from '../../src/base/status.js';
import { offlineStatus, renderOffline } from '../../src/cli/offline-status.js';
import { renderAnswer } from '../../src/cli/render-answer.js';
import { renderChanges } from '../../src/cli/render-changes.js';
import { renderHistory, renderHistoryEntry } from '../../src/cli/render-history.js';
import { formatBytes, renderStatus } from '../../src/cli/render-status.js';
import { columns, folded, type TextStyle } from '../../src/cli/text.js';
import { DOWN, PROC_DRBD, STARTED, STATUSES } from './statuses.js';

const PLAIN: TextStyle = { colour: false, columns: 80 };

/** Compares with test/cli/golden/NAME.txt; TANDEM_GOLDEN=write writes what is to be reviewed. */
function golden(t: Test, name: string, text: string): void {
  const path = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(path, text);
  t.ok(existsSync(path), `${name} has a golden file`);
  t.equal(text, readFileSync(path, 'utf8'), name);
}

t.test('render: the status in every situation', (t) => {
  for (const [name, status] of Object.entries(STATUSES)) {
    const text = renderStatus(status, PLAIN);
    golden(t, `status-${name}`, text);
    const wide = text.split('\n').filter((line) => line.length > 80);
    t.strictSame(wide, [], `${name} fits into 80 columns`);
    t.notMatch(text, /[^\n\x20-\x7e]/, `${name} has nothing that steers a terminal`);
    t.match(text, new RegExp(`^${status.verdict.state.toUpperCase()}: `), 'verdict first');
  }
  t.end();
});

t.test('render: colours change nothing but colour', (t) => {
  for (const [name, status] of Object.entries(STATUSES)) {
    const coloured = renderStatus(status, { colour: true, columns: 80 });
    // eslint-disable-next-line no-control-regex
    t.equal(coloured.replace(/\u001b\[\d+m/g, ''), renderStatus(status, PLAIN), name);
  }
  const first = (status: Status): string =>
    renderStatus(status, { colour: true, columns: 80 }).split(':')[0]!;
  t.equal(first(STARTED), '\u001b[32mOK\u001b[39m');
  t.equal(first(STATUSES['syncing']!), '\u001b[33mDEGRADED\u001b[39m');
  t.equal(first(STATUSES['fence-failed']!), '\u001b[31mDOWN\u001b[39m');
  t.equal(first(STATUSES['first-start']!), '\u001b[35mUNKNOWN\u001b[39m');
  t.end();
});

t.test('render: missing fencing is said before the parts', (t) => {
  const text = renderStatus(STATUSES['blocked-without-fencing']!, PLAIN);
  t.ok(text.indexOf('Warning: no fencing is configured') > 0);
  t.ok(text.indexOf('Warning: no fencing') < text.indexOf('\nNodes\n'));
  t.notMatch(renderStatus(STARTED, PLAIN), 'Warning');
  t.end();
});

t.test('render: without the daemon', (t) => {
  const proc = (procDrbd: Parameters<typeof renderOffline>[0]['procDrbd']): string =>
    renderOffline({ status: DOWN, procDrbd }, PLAIN);
  golden(t, 'offline', proc({ text: PROC_DRBD }));
  golden(t, 'offline-no-module', proc({ missing: 'the DRBD module is not loaded' }));
  golden(t, 'offline-no-device', proc({ text: 'version: 8.4.11 (api:1/proto:86-101)\n' }));
  const long = ` 0: cs:Connected\n`.repeat(300);
  t.match(proc({ text: long }), '(100 more lines)', 'bounded');
  t.match(DOWN, { verdict: { state: 'unknown' }, daemon: { running: false } });
  t.equal(offlineStatus('n1', true, 'hangs').daemon?.running, true);
  t.end();
});

const ENTRY: HistoryEntry = {
  id: 'f-12',
  group: 'mysql',
  node: 'n1',
  startedAt: '2026-01-31T03:12:09.481Z',
  endedAt: '2026-01-31T03:12:13.090Z',
  outcome: 'done',
  trigger: 'n2 fell silent on every link and is confirmed fenced, so n1 takes over mysql',
  phases: [
    { name: 'detection', startedAtMs: 0, durationMs: 1_500, outcome: 'done' },
    { name: 'fencing', startedAtMs: 1_500, durationMs: 1_209, outcome: 'done' },
    { name: 'promote', startedAtMs: 2_709, durationMs: 120, outcome: 'failed' },
    { name: 'database', startedAtMs: 3_000, durationMs: null, outcome: 'running' },
  ],
  account: [
    { atMs: 0, sentence: 'Nothing heard from n2 since 03:12:07.981' },
    {
      atMs: 725_000,
      sentence:
        'fence_ipmilan on 10.9.9.12 confirmed that n2 is off, 1.21 s after it was asked; the status was asked first',
    },
  ],
};

t.test('render: the history', (t) => {
  const history: HistoryAnswer = {
    schema: 'tandem.history/1',
    self: 'n1',
    entries: [
      { ...ENTRY, id: 'f-11', startedAt: '2026-01-30T22:00:00Z', endedAt: null, outcome: 'running' },
      ENTRY,
      { ...ENTRY, id: 'f-9', startedAt: 'yesterday', outcome: 'failed' },
    ],
  };
  golden(t, 'history', renderHistory(history, PLAIN));
  golden(t, 'history-entry', renderHistoryEntry(ENTRY, PLAIN));
  t.equal(renderHistory({ ...history, entries: [] }, PLAIN), 'Nothing was moved or taken over yet\n');
  t.end();
});

t.test('render: the last word of a request', (t) => {
  const answer = (state: OperatorAnswer['state']): OperatorAnswer => ({
    id: 'r-1',
    state,
    message: 'mysql runs on n2',
    progress: ['stopped mysql on n1'],
    exit: 'ok',
  });
  t.equal(renderAnswer(answer('done'), false, PLAIN), 'mysql runs on n2\n');
  t.equal(renderAnswer(answer('failed'), false, PLAIN), 'Failed: mysql runs on n2\n');
  t.equal(
    renderAnswer(answer('refused'), false, PLAIN),
    'Refused: mysql runs on n2\n  stopped mysql on n1\n',
    'a refusal may have more than one reason, such as each fault of a file',
  );
  t.equal(
    renderAnswer(answer('accepted'), true, PLAIN),
    'Dry run: mysql runs on n2\n  stopped mysql on n1\n',
  );
  t.end();
});

t.test('render: changes, one line each', (t) => {
  t.strictSame(renderChanges(STARTED, STARTED), []);
  t.strictSame(renderChanges(null, STATUSES['empty']!), ['OK: nothing to keep alive']);
  t.strictSame(renderChanges(STARTED, STATUSES['split-brain']!), [
    'DEGRADED: mysql runs on n1, but its data is in split brain with n2',
    'drbd r0: Primary/Unknown, StandAlone, split brain, volume 0 UpToDate/DUnknown',
  ]);
  t.strictSame(renderChanges(STARTED, { ...STARTED, groups: [] }), [
    'group mysql: no longer there',
    ...STARTED.groups[0]!.resources.map(({ id }) => `resource mysql/${id}: no longer there`),
  ]);
  t.strictSame(renderChanges(STARTED, DOWN), [`UNKNOWN: ${DOWN.verdict.summary}`], 'parts unknown');
  t.match(renderChanges(STARTED, STATUSES['taking-over']!), [
    /^DOWN: n2 died 2.31 s ago/,
    /^node n2: fenced, fence_ipmilan/,
    /^link n2 ucast eth0 10.9.0.2: dead$/,
    /^link n2 serial/,
    /^group mysql: starting on n1, n2 is confirmed fenced/,
    /^resource mysql\/filesystem:\/db: starting$/,
    /^resource mysql\/ip:10.9.0.100: stopped$/,
    /^resource mysql\/mysql: stopped$/,
    /^drbd r0: Primary\/Unknown, WFConnection/,
  ]);
  t.end();
});

t.test('render: what moves on by itself is not a change', (t) => {
  const later: Status = {
    ...STATUSES['taking-over']!,
    verdict: { state: 'down', summary: 'n2 died 3.40 s ago; n1 takes over mysql: mounting /db' },
    nodes: STATUSES['taking-over']!.nodes.map((node) => ({ ...node, lastSeenMs: 3_400 })),
    links: STATUSES['taking-over']!.links.map((link) => ({ ...link, sent: 9_999 })),
  };
  t.strictSame(renderChanges(STATUSES['taking-over']!, later), []);
  const retried: Status = {
    ...STATUSES['fence-failed']!,
    verdict: { state: 'down', summary: 'mysql is down: n2 is silent and could not be fenced yet (attempt 3 of 5)' },
  };
  t.equal(renderChanges(STATUSES['fence-failed']!, retried).length, 1, 'an attempt is a change');
  t.end();
});

t.test('render: text', (t) => {
  t.strictSame(folded({ colour: false, columns: 40 }, 2, 'x'.repeat(60)), [`  ${'x'.repeat(60)}`]);
  t.strictSame(folded({ colour: false, columns: 1 }, 0, 'aa bb'), ['aa bb'], 'never below 40');
  t.strictSame(folded(PLAIN, 4, ''), []);
  t.strictSame(columns(PLAIN, 0, [[{ text: 'a' }, { text: '' }], [{ text: 'bbb' }, { text: 'c' }]]), [
    'a',
    'bbb  c',
  ]);
  const sizes: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [1_536, '1.5 KiB'],
    [12_288, '12 KiB'],
    [5_368_709_120, '5 GiB'],
    [2 ** 60, '1024 PiB'],
  ];
  for (const [bytes, text] of sizes) t.equal(formatBytes(bytes), text);
  t.end();
});

t.test('status: how DRBD is watched is told when changes are not told at once', (t) => {
  const reason = 'drbdsetup events2 does not run: it ended; /proc/drbd is read every 200 ms';
  const polled = renderStatus({ ...STARTED, drbdSource: { kind: 'proc', reason } }, PLAIN);
  t.match(polled, /^DRBD$[^]*^ {2}drbdsetup events2 does not run: it ended;/m);
  const told = renderStatus({ ...STARTED, drbdSource: { kind: 'events2', reason: 'told' } }, PLAIN);
  t.equal(told, renderStatus(STARTED, PLAIN));
  t.end();
});
