/** The watch over DRBD: its stream, its file and its programs are played, and so is its time. */
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import type { DrbdLook } from '../../src/daemon/drbd-source.js';
import { DrbdWatch } from '../../src/daemon/drbd-watch.js';
import { resourceFacts, unknownFacts, type Disk, type DrbdFacts } from '../../src/drbd/facts.js';
import type { FollowRequest } from '../../src/host/exec.js';

function factsWith(disk: Disk, syncedPercent: number | null = null): readonly DrbdFacts[] {
  const volume = {
    volume: 0,
    minor: 0,
    state: 'configured',
    role: 'Secondary',
    peerRole: 'Secondary',
    connection: 'Connected',
    disk,
    peerDisk: 'UpToDate',
    syncedPercent,
    verifiedPercent: null,
    finishSeconds: null,
    outOfSyncBytes: 0,
    ioSuspended: false,
  } as const;
  return [resourceFacts('r0', [volume])];
}

const DUMP = ['exists resource name:r0 role:Secondary', 'exists -'];
const EVENT = ['change resource name:r0 role:Primary'];

/** Lets promises settle; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

function bench(t: Test, kind: DrbdLook['kind'] = 'devices') {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let nowMs = 1_000;
  const now = { kind, facts: factsWith('UpToDate') };
  const started: FollowRequest[] = [];
  const told: string[] = [];
  const notes: string[] = [];
  const counts = { reads: 0, asked: 0, ended: 0, pictures: 0 };
  const watch = new DrbdWatch({
    source: {
      read: () => {
        counts.reads += 1;
        return Promise.resolve({ kind: now.kind, facts: now.facts });
      },
      ask: () => {
        counts.asked += 1;
        return Promise.resolve(now.facts);
      },
      takePicture: (picture) => {
        if (picture === null) return [];
        counts.pictures += 1;
        return [unknownFacts('r0', `picture ${picture.get('r0')?.role?.word ?? ''}`)];
      },
    },
    everyMs: 200,
    nowMs: () => nowMs,
    onFacts: ([facts]) => {
      const held = facts?.suspensions === undefined ? '' : ` held for ${facts.suspensions.join()}`;
      told.push(`${facts?.disk ?? ''} ${facts?.reason ?? ''}${held}`);
    },
    onNote: (level, sentence) => notes.push(`${level} ${sentence}`),
    follow: (request) => {
      started.push(request);
      return () => (counts.ended += 1);
    },
  });
  t.teardown(() => {
    watch.stop();
    mock.timers.reset();
  });
  const pass = async (forMs: number): Promise<void> => {
    await settle();
    for (let ms = 0; ms < forMs; ms += 200) {
      nowMs += 200;
      mock.timers.tick(200);
      await settle();
    }
  };
  const say = async (lines: readonly string[]): Promise<void> => {
    started.at(-1)?.onLines(lines);
    await settle();
  };
  return { watch, now, started, told, notes, counts, pass, say };
}

t.test('drbd watch: an event is answered by one reading at once, silence by few', async (t) => {
  const { watch, now, started, told, counts, pass, say, notes } = bench(t);
  await settle();
  t.equal(told.length, 1, 'the first reading needs no event');
  t.match(watch.status, { kind: 'proc', reason: /was not started yet.*every 200 ms$/ });
  await pass(200);
  t.match(started, [{ argv: ['drbdsetup', 'events2', '--timestamps', '--statistics', 'all'] }]);
  await say(DUMP);
  t.same(watch.status, { kind: 'events2', reason: 'drbdsetup events2 tells of every change' });
  t.match(notes, [/^info Changes of DRBD are told/]);
  const { reads } = counts;
  now.facts = factsWith('Outdated');
  await say(EVENT);
  t.equal(counts.reads, reads + 1);
  t.equal(told.at(-1), 'Outdated every volume is configured');
  await say(EVENT);
  t.equal(told.length, 2, 'told of changes only');
  const quiet = counts.reads;
  await pass(10_000);
  t.equal(counts.reads, quiet + 2, 'two checks in ten seconds');
  now.facts = factsWith('Inconsistent', 10);
  await say(EVENT);
  const running = counts.reads;
  await pass(4_000);
  t.equal(counts.reads, running + 4, 'progress is read each second');
  t.equal(started.length, 1, 'and no program was started');
});

t.test('drbd watch: what writes are held back for is told by the stream, not by the file', async (t) => {
  const { now, told, pass, say } = bench(t);
  await pass(200);
  const frozen = factsWith('UpToDate').map((facts) => ({ ...facts, ioSuspended: true }));
  now.facts = frozen;
  await pass(200);
  t.notMatch(told.at(-1), /held/, 'without a stream nobody knows');
  await say(['exists resource name:r0 role:Primary suspended:fencing', 'exists -']);
  t.match(told.at(-1), /held for fencing$/);
  await say(['change resource name:r0 suspended:user,fencing']);
  t.match(told.at(-1), /held for user,fencing$/);
  now.facts = factsWith('UpToDate');
  await say(['change resource name:r0 role:Secondary']);
  t.notMatch(told.at(-1), /held/, 'the file is right about whether');
});

t.test('drbd watch: events that come during a reading lead to one more', async (t) => {
  const { started, counts, pass, say } = bench(t);
  await pass(200);
  await say(DUMP);
  const { reads } = counts;
  for (let count = 0; count < 50; count += 1) started[0]?.onLines(EVENT);
  await settle();
  t.equal(counts.reads, reads + 2);
});

t.test('drbd watch: a stream that ends is started again, with pauses that grow to a minute', async (t) => {
  const { watch, started, counts, pass, say, notes } = bench(t);
  await pass(200);
  await say(DUMP);
  const end = async (): Promise<void> => {
    started.at(-1)?.onEnd({ exitCode: 20, said: 'error receiving: x\nmore' });
    await settle();
  };
  await end();
  const { reads } = counts;
  t.match(watch.status, {
    kind: 'proc',
    reason: 'drbdsetup events2 does not run: it ended with exit code 20: error receiving: x; ' +
      '/proc/drbd is read every 200 ms',
  });
  t.match(notes.at(-1), /^warn Drbdsetup events2 does not run: it ended/);
  await pass(800);
  t.equal(counts.reads, reads + 4, 'the file is read with each beat meanwhile');
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 60_000]) {
    const { length } = started;
    await pass(pauseMs === 1_000 ? 0 : pauseMs - 200);
    t.equal(started.length, length, `not before ${pauseMs} ms`);
    await pass(200);
    t.equal(started.length, length + 1, `after ${pauseMs} ms`);
    await end();
  }
  t.equal(notes.length, 2, 'a program that cannot run is told once');
  await pass(60_000);
  await say(DUMP);
  await pass(60_000);
  await end();
  await pass(1_000);
  const { length } = started;
  await end();
  t.equal(started.length, length);
  await pass(2_000);
  t.equal(started.length, length + 1, 'a stream that ran for a minute begins the pauses anew');
});

t.test('drbd watch: a stream that lost messages, is silent or prints no dump is replaced', async (t) => {
  const { watch, now, counts, pass, say } = bench(t);
  await pass(200);
  await say(DUMP);
  await say(['- skipped 3']);
  t.equal(counts.ended, 1);
  t.match(watch.status, { kind: 'proc', reason: /messages of the kernel were lost/ });
  await pass(1_000);
  await say(DUMP);
  for (const disk of ['Outdated', 'UpToDate'] as const) {
    t.equal(counts.ended, 1, 'one difference may be a race');
    now.facts = factsWith(disk);
    await pass(5_000);
  }
  t.equal(counts.ended, 2);
  t.match(watch.status, { kind: 'proc', reason: /silent while DRBD changed/ });
  await pass(12_400);
  t.equal(counts.ended, 3);
  t.match(watch.status, { reason: /no dump within 10000 ms/ });
});

t.test('drbd watch: DRBD 9 is told by the stream itself, without one asked seldom', async (t) => {
  const { watch, counts, pass, say, told, started } = bench(t, 'header');
  await pass(4_000);
  t.ok(counts.asked >= 2 && counts.asked <= 4, `asked ${counts.asked} times in 4 s`);
  t.match(watch.status, { kind: 'status', reason: /drbdsetup status is asked every 2000 ms$/ });
  await say(DUMP);
  t.match(told.at(-1), /picture Secondary/);
  const { asked, reads } = counts;
  await say(EVENT);
  t.match(told.at(-1), /picture Primary/);
  t.equal(counts.reads, reads, 'without reading anything');
  await pass(3_000);
  t.equal(counts.asked, asked);
  started.at(-1)?.onEnd({ exitCode: null, said: '' });
  await pass(2_000);
  t.ok(counts.asked > asked);
});

t.test('drbd watch: without the module no program is started; stopped it is silent', async (t) => {
  const { watch, now, started, told, pass, say, counts } = bench(t, 'unreadable');
  await settle();
  await pass(10_000);
  t.equal(started.length, 0);
  now.kind = 'devices';
  await pass(400);
  t.equal(started.length, 1, 'it is loaded');
  watch.stop();
  t.equal(counts.ended, 1);
  now.facts = factsWith('Failed');
  const { length } = told;
  await say(DUMP);
  await pass(2_000);
  t.equal(told.length, length);
});
