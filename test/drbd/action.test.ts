import t from 'tap';
import {
  commandFor,
  describeState,
  DRBD_ACTIONS,
  judge,
  type DrbdAction,
} from '../../src/drbd/action.js';
import { isVolumeName } from '../../src/drbd/command.js';
import { factsFromProc, unknownFacts, type DrbdFacts } from '../../src/drbd/facts.js';
import { modelFromProc } from '../../src/drbd/model-proc.js';
import { explainExit } from '../../src/drbd/outcome.js';
import { parseProcDrbd } from '../../src/drbd/proc.js';
import { runState, standstill, type ResourceLook } from '../../src/drbd/run-watch.js';

const NAMES = [
  { resource: 'r0', volume: 0, minor: 0 },
  { resource: 'r0', volume: 1, minor: 1 },
];

/** One or two volumes, each as the rest of its line after `cs:`. */
function look(...lines: readonly string[]): ResourceLook {
  const text = lines.map((line, minor) => ` ${minor}: cs:${line}\n`).join('');
  const proc = parseProcDrbd(`version: 8.4.11 (api:1/proto:86-101)\n${text}`);
  const names = NAMES.slice(0, lines.length);
  const [facts] = factsFromProc({ kind: 'read', proc }, names);
  return { facts: facts!, model: modelFromProc(proc, names).resources[0] ?? null };
}

const facts = (...lines: readonly string[]): DrbdFacts => look(...lines).facts;

const R0 = { resource: 'r0', volume: null };
const SECONDARY = 'Connected ro:Secondary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0';
const PRIMARY = 'Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0';
const PEER_PRIMARY = 'Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0';
const ALONE = 'StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----\n    ns:0 oos:0';
const WAITING = 'WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C r-----\n    ns:0 oos:0';
const OUTDATED = 'WFConnection ro:Secondary/Unknown ds:Outdated/DUnknown C r-----\n    ns:0 oos:0';
const DISKLESS = 'Connected ro:Secondary/Primary ds:Diskless/UpToDate C r-----\n    ns:0 oos:0';
const CONSISTENT = 'WFConnection ro:Secondary/Unknown ds:Consistent/DUnknown C r-----\n    ns:0 oos:0';
const VERIFYING = 'VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0';
const DOWN = 'Unconfigured';
const TARGET =
  'SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n    ns:0 oos:184276\n' +
  "\t[=====>..............] sync'ed: 31.3% (184276/262100)K\n" +
  '\tfinish: 0:00:04 speed: 38,912 (38,912) want: 40,960 K/sec';

t.test('action: what is looked at before DRBD is asked', (t) => {
  const rows: readonly (readonly [DrbdAction, string, string, RegExp?])[] = [
    ['promote', SECONDARY, 'go'],
    ['promote', PRIMARY, 'done', / r0 is Primary already$/],
    ['promote', PEER_PRIMARY, 'go'],
    ['promote', WAITING, 'go'],
    ['promote', CONSISTENT, 'go'],
    ['promote', DOWN, 'go'],
    ['promote', OUTDATED, 'refused', /r0\/0 is Outdated: the peer has newer data/],
    ['promote', TARGET, 'refused', /Inconsistent/],
    ['promote', DISKLESS, 'refused', /Diskless/],
    ['demote', PRIMARY, 'go'],
    ['demote', SECONDARY, 'done', /Secondary already/],
    ['demote', DOWN, 'done'],
    ['up', DOWN, 'go'],
    ['up', ALONE, 'done'],
    ['down', DOWN, 'done'],
    ['down', PRIMARY, 'go'],
    ['connect', ALONE, 'go'],
    ['connect', WAITING, 'done'],
    ['disconnect', ALONE, 'done'],
    ['disconnect', WAITING, 'go'],
    ['attach', DISKLESS, 'go'],
    ['attach', SECONDARY, 'done'],
    ['detach', DISKLESS, 'done'],
    ['detach', SECONDARY, 'go'],
    ['adjust', SECONDARY, 'go'],
    ['outdate', WAITING, 'go'],
    ['outdate', OUTDATED, 'done'],
    ['outdate', SECONDARY, 'refused', /a connected disk/],
    ['outdate', PRIMARY, 'refused', /is Primary/],
    ['invalidate', SECONDARY, 'go'],
    ['invalidate', PRIMARY, 'refused', /a Primary does not discard its data/],
    ['invalidate', ALONE, 'refused', /StandAlone, peer DUnknown\): this may be the only copy/],
    ['invalidate', DOWN, 'refused', /only copy/],
    ['verify', SECONDARY, 'go'],
    ['verify', VERIFYING, 'done'],
  ];
  for (const [action, line, kind, words] of rows) {
    const judgement = judge(action, R0, facts(line));
    t.equal(judgement.kind, kind, `${action} of ${line.split('\n')[0]!}`);
    if (words !== undefined) t.match(Object.values(judgement).join(' '), words);
  }
  t.strictSame(new Set(rows.map(([action]) => action)), new Set(DRBD_ACTIONS), 'all are in the table');
  t.end();
});

t.test('action: several volumes, and one of them', (t) => {
  t.equal(judge('promote', R0, facts(PRIMARY, SECONDARY)).kind, 'go', 'half a Primary is none');
  t.equal(judge('promote', R0, facts(SECONDARY, OUTDATED)).kind, 'refused');
  t.equal(judge('attach', R0, facts(SECONDARY, DISKLESS)).kind, 'go');
  t.equal(judge('attach', { resource: 'r0', volume: 0 }, facts(SECONDARY, DISKLESS)).kind, 'done');
  t.match(judge('attach', { resource: 'r0', volume: 0 }, facts(SECONDARY, DISKLESS)), { sentence: /^r0\/0 / });
  t.equal(describeState(R0, facts(PRIMARY, PRIMARY)), 'it is Primary, UpToDate, Connected');
  t.equal(
    describeState(R0, facts(PRIMARY, DISKLESS)),
    'volume 0 is Primary, UpToDate, Connected; volume 1 is Secondary, Diskless, Connected',
  );
  t.equal(describeState(R0, facts(DOWN)), 'it is down');
  t.end();
});

t.test('action: what cannot be read is left to DRBD', (t) => {
  const blind = unknownFacts('r0', 'not read');
  for (const action of DRBD_ACTIONS) t.equal(judge(action, R0, blind).kind, 'go', action);
  t.equal(describeState(R0, blind), 'its state is not known: not read');
  t.end();
});

t.test('action: commands name the volume where drbdadm repeats them for each', (t) => {
  const one = { resource: 'r0', volume: 1 };
  t.strictSame(commandFor('verify', one).argv, ['drbdadm', 'verify', 'r0/1']);
  t.strictSame(commandFor('attach', one).argv, ['drbdadm', 'attach', 'r0/1']);
  t.strictSame(commandFor('promote', R0).argv, ['drbdadm', 'primary', 'r0']);
  for (const action of DRBD_ACTIONS) t.equal(commandFor(action, R0).argv.at(-1), 'r0', action);
  for (const name of ['r0', 'r0/0', 'r0/65534']) t.ok(isVolumeName(name), name);
  for (const name of ['r0/', 'r0/65535', 'r0/x', 'r0/1/2', '/1', '--force', 'all/0', 'r0/-1']) {
    t.notOk(isVolumeName(name), name);
  }
  t.end();
});

t.test('outcome: one number means other things for other commands', (t) => {
  const failed = '0: State change failed: (-2) Need access to UpToDate data\n';
  const rows: readonly (readonly [DrbdAction, string])[] = [
    ['promote', 'needUpToDateData'],
    ['outdate', 'primaryDisk'],
    ['disconnect', 'lastGoodCopy'],
    ['detach', 'lastGoodCopy'],
  ];
  for (const [action, name] of rows) {
    t.match(explainExit(commandFor(action, R0), 17, failed), { name, number: -2 }, action);
    t.match(explainExit(commandFor(action, R0), 17, ''), { name }, `${action} without words`);
  }
  const locked = "open(/var/lock/drbd-147-0): Permission denied\nCommand 'drbdsetup-84 secondary 0' terminated with exit code 20\n";
  t.match(explainExit(commandFor('demote', R0), 20, locked), { name: 'permission' });
  const attached = "Device '0' is configured!\nCommand 'drbdmeta 0 v08 /dev/ubdb internal apply-al' terminated with exit code 20\n";
  t.match(explainExit(commandFor('up', R0), 1, attached), { name: 'alreadyAttached' });
  t.end();
});

t.test('run: how a resync or verify is doing', (t) => {
  const rows: readonly (readonly ['verify' | 'resync', string, string, RegExp?])[] = [
    ['resync', SECONDARY, 'over'],
    ['resync', VERIFYING, 'over'],
    ['resync', TARGET, 'running'],
    ['resync', WAITING, 'waiting', /waits for the peer/],
    ['resync', ALONE, 'broken', /tandem drbd connect r0/],
    ['resync', DOWN, 'broken', /tandem drbd up r0/],
    ['resync', DISKLESS, 'broken', /Diskless, its peer UpToDate, and no resync runs/],
    ['resync', 'PausedSyncT ro:Secondary/Primary ds:Inconsistent/UpToDate C r-a---\n ns:0 oos:4', 'waiting', /held up/],
    ['verify', VERIFYING, 'running'],
    ['verify', SECONDARY, 'over'],
    ['verify', WAITING, 'broken', /the verify broke off/],
  ];
  for (const [kind, line, state, words] of rows) {
    const seen = runState(kind, look(line), null);
    t.equal(seen.kind, state, `${kind} of ${line.split('\n')[0]!}`);
    if (words !== undefined) t.match(Object.values(seen).join(' '), words);
  }
  t.equal(runState('resync', { facts: unknownFacts('r0', 'why'), model: null }, null).kind, 'waiting');
  t.equal(runState('resync', look(SECONDARY, ALONE), 0).kind, 'over', 'one volume only');
  t.equal(runState('resync', look(TARGET, ALONE), null).kind, 'broken', 'one that never ends counts');
  t.end();
});

t.test('run: progress of one volume, and the sum of two', (t) => {
  t.strictSame(runState('resync', look(TARGET), null), {
    kind: 'running',
    progress: {
      donePercent: 29.7,
      leftBytes: 184276 * 1024,
      totalBytes: 262100 * 1024,
      bytesPerSecond: 38912 * 1024,
      finishSeconds: 4,
    },
  });
  const nearly = TARGET.replace('31.3% (184276/262100)', '90.0% (26210/262100)').replace('0:00:04', '0:00:09');
  t.match(runState('resync', look(TARGET, nearly), null), {
    progress: {
      donePercent: 59.8,
      leftBytes: (184276 + 26210) * 1024,
      bytesPerSecond: 2 * 38912 * 1024,
      finishSeconds: 9,
    },
  });
  t.match(runState('verify', look(VERIFYING), null), { progress: { donePercent: null, leftBytes: null } });
  t.end();
});

t.test('run: a standstill is counted from the last change', (t) => {
  const first = standstill(null, 100, 1_000);
  const second = standstill(first, 100, 40_000);
  t.equal(second.sinceMs, 1_000);
  t.equal(standstill(second, 90, 41_000).sinceMs, 41_000);
  t.equal(standstill(standstill(null, null, 5), null, 50).sinceMs, 50, 'what is not told does not stall');
  t.end();
});
