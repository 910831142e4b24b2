/** A person's order to fence a node, and tests of fence devices. */
import t from 'tap';
import type { FenceDeviceTest } from '../../src/base/fence-test.js';
import { viewStatus } from '../../src/failover/view.js';
import { Driver } from './driver.js';

const DAY_MS = 86_400_000;

function fence(driver: Driver, change: { sure?: boolean; node?: string } = {}): Driver {
  const { sure = true, node = 'n2' } = change;
  return driver.operator({ kind: 'fence', node, by: 'kim', reason: 'it hangs', sure });
}

function answerOf(driver: Driver): string {
  const answer = driver.of('answer').at(-1)?.answer;
  return `${answer?.state ?? 'none'}: ${answer?.message ?? ''}`;
}

t.test('fence: the status is asked first, then it is shot at once, though it is heard', (t) => {
  const driver = fence(new Driver().probed().hear());
  t.same(driver.deeds, ['status n2']);
  t.match(answerOf(driver), /^accepted: kim fences n2: it hangs$/);
  driver.hear().power('on');
  t.same(driver.deeds, ['shoot n2']);
  driver.power('off');
  t.equal(driver.peer.clearance?.kind, 'fenced');
  t.match(answerOf(driver), /^done: n2 is confirmed off: it says off/);
  const account = driver.state.history.find(({ group }) => group === '*');
  t.match(account, { outcome: 'done', trigger: 'kim fences n2: it hangs' });
  t.end();
});

t.test('fence: a node that is up needs a second word', (t) => {
  const driver = fence(new Driver().probed().hear(), { sure: false });
  t.same(driver.deeds, []);
  t.match(answerOf(driver), /^refused: n2 is up: .* repeat with --yes/);
  driver.hear({}, { life: 'started', epoch: 4 });
  t.match(answerOf(fence(driver, { sure: false })), /^refused: n2 is up and runs mysql: first "tandem move mysql"/);
  t.end();
});

t.test('fence: a silent node needs none', (t) => {
  const driver = new Driver().running().pass(1_600);
  driver.power('failed').power('failed');
  fence(driver, { sure: false });
  t.same(driver.deeds, ['status n2'], 'and no pause of the failure before is waited for');
  t.end();
});

t.test('fence: a silent node that is heard again meanwhile is not shot without a second word', (t) => {
  const silent = (): Driver => new Driver().running().pass(1_600).power('failed').power('failed');
  const back = fence(silent(), { sure: false });
  t.same(back.deeds, ['status n2']);
  t.match(answerOf(back.hear()), /^failed: n2 is heard again and is not shot: .* repeat with --yes/);
  t.notOk(back.power('on').pass(1_200).deeds.includes('shoot n2'));
  const left = fence(silent(), { sure: false }).hear().hear({ phase: 'left' });
  t.equal(left.peer.clearance?.kind, 'left', 'while its device was still asked');
  t.same(left.power('failed').deeds, [], 'nor one that has been back and left (80030386)');
  const shot = fence(silent(), { sure: false }).power('on').pass(1_200);
  t.equal(shot.peer.fencing.running?.step, 'shoot');
  shot.hear().hear({ phase: 'left' }).power('failed');
  t.match(answerOf(shot), /^failed: n2 was heard while it was shot, and is not shot again/);
  t.same(shot.pass(60_000).of('fence'), [], 'no second shot at one that was heard meanwhile (130005338)');
  const meant = fence(fence(silent(), { sure: false }));
  meant.hear().power('on').pass(1_200).hear().power('on');
  t.same(meant.deeds, ['shoot n2'], 'a second person has said it');
  t.end();
});

t.test('fence: the machine of a node that has left is switched off', (t) => {
  const driver = new Driver().probed().hear().hear({ phase: 'left' }).pass(1_600);
  t.equal(driver.peer.clearance?.kind, 'left');
  t.same(fence(driver).deeds, ['status n2']);
  driver.power('on').power('off');
  t.equal(driver.peer.clearance?.kind, 'fenced');
  t.match(answerOf(driver), /^done: n2 is confirmed off/);
  t.end();
});

t.test('fence: refused where it makes no sense', (t) => {
  const rows: readonly (readonly [Driver, string, RegExp])[] = [
    [new Driver().probed().hear(), 'n1', /^refused: n1 is this node/],
    [new Driver().probed().hear(), 'n9', /^refused: There is no node "n9"/],
    [new Driver({ fencing: {} }).probed().hear(), 'n2', /^refused: n2 has no fence device; .*fence confirm n2/],
  ];
  for (const [driver, node, message] of rows) {
    t.match(answerOf(fence(driver, { node })), message, node);
    t.same(driver.deeds, [], 'nothing is asked of any device');
  }
  t.end();
});

t.test('fence: a node that is confirmed off is not shot again', (t) => {
  const driver = fence(new Driver().probed().hear()).power('on').power('off');
  t.match(answerOf(fence(driver)), /^done: n2 is confirmed off already .*nobody was shot/);
  t.same(driver.deeds, []);
  t.end();
});

t.test('fence: in maintenance, and for a frozen group, nobody is fenced', (t) => {
  const wish = { by: 'kim', reason: null, forMs: null };
  const calm = new Driver().probed().hear().operator({ kind: 'maintenance', ...wish });
  t.match(answerOf(fence(calm)), /^refused: n2 cannot be fenced: the cluster is in maintenance/);
  const frozen = new Driver().probed().hear({}, { life: 'started', epoch: 4 });
  frozen.operator({ kind: 'freeze', group: 'mysql', ...wish });
  t.match(answerOf(fence(frozen)), /^refused: n2 cannot be fenced: it runs mysql, and mysql is frozen/);
  t.end();
});

t.test('fence: a device that says off of a node that is heard proves nothing', (t) => {
  const driver = fence(new Driver().probed().hear());
  driver.nowMs += 50;
  driver.hear().power('off');
  t.equal(driver.peer.clearance, null);
  t.match(answerOf(driver), /^failed: n2 was heard .* another machine\?/);
  t.end();
});

t.test('fence: the order is given up after three shots, and each waits longer', (t) => {
  const driver = fence(new Driver().probed().hear());
  const shotsMs: number[] = [];
  const untilMs = driver.nowMs + 60_000;
  let answer = '';
  while (driver.nowMs < untilMs) {
    const { running } = driver.peer.fencing;
    if (running === null) {
      driver.nowMs += 50;
      driver.hear();
    } else {
      if (running.step === 'shoot') shotsMs.push(driver.nowMs);
      driver.power(running.step === 'status' ? 'on' : 'failed');
    }
    if (driver.of('answer').length > 0) answer = answerOf(driver);
  }
  t.equal(shotsMs.length, 3);
  t.match(answer, /^failed: n2 is not confirmed off: 3 shots proved nothing, .*fence confirm n2/);
  const pauses = shotsMs.slice(1).map((at, index) => at - (shotsMs[index] ?? 0));
  t.ok(pauses.every((pause, index) => pause >= [1_000, 2_000][index]!), String(pauses));
  t.end();
});

t.test('fence: an order that is given twice is one order', (t) => {
  const driver = fence(new Driver().probed().hear());
  fence(driver);
  t.same(driver.deeds, []);
  t.match(answerOf(driver), /^accepted: kim is fencing n2 already/);
  t.end();
});

t.test('fence: in a cluster of three only with a majority (S5)', (t) => {
  const three = { nodes: ['n1', 'n2', 'n3'], fencing: { n1: ['d'], n2: ['d'], n3: ['d'] } };
  const driver = new Driver(three).probed().hear().pass(6_000);
  t.match(answerOf(fence(driver)), /^refused: n1 does not shoot n2: it sees 1 of 3 nodes/);
  t.end();
});

t.test('fence: what ran there is taken over as soon as it is off, not after deadtime', (t) => {
  const driver = new Driver().probed();
  const claim = { epoch: 4, rank: 1 };
  driver.hear({}, { life: 'started', epoch: 4, claim }, { role: 'Primary' });
  fence(driver).power('on').power('off');
  t.same(driver.deeds, ['start 0']);
  t.ok(driver.sentences.includes('n1 claims mysql: n2 was fenced by order'));
  t.end();
});

t.test('fence: a dry run shows the question and changes nothing', (t) => {
  const driver = new Driver().probed().hear({}, { life: 'started', epoch: 4 });
  t.match(answerOf(fence(driver)), /mysql dies there and is taken over by n1$/);
  t.end();
});

// --- tests of devices ----------------------------------------------------------------------------

const WALL_MS = Date.UTC(2026, 10, 21, 9);

function device(change: Partial<FenceDeviceTest> = {}): FenceDeviceTest {
  return { level: 1, device: 'fence_lab 10.9.9.254', outcome: 'on', reason: 'on', tookMs: 41, ...change };
}

function test(driver: Driver, devices: readonly FenceDeviceTest[]): Driver {
  driver.give({ kind: 'clock', wallAheadMs: WALL_MS - driver.nowMs });
  driver.operator({ kind: 'fenceTest', node: null, by: 'kim' });
  const testId = driver.of('fenceTest')[0]?.testId ?? '';
  return driver.give({ kind: 'fenceTested', testId, devices });
}

function fencing(driver: Driver): ReturnType<typeof viewStatus>['fencing'] {
  return viewStatus(driver.state, [], driver.nowMs).fencing;
}

t.test('fence test: every device is asked, the time is kept and grows old', (t) => {
  const driver = test(new Driver().probed().hear(), [device()]);
  t.same(driver.deeds, [], 'nobody is shot');
  t.match(answerOf(driver), /^done: The fence device of n2 answered/);
  t.match(driver.of('answer').at(-1)?.answer.fenceTests, [
    { node: 'n2', grade: 'ready', unproven: /Only a real shot proves that; n1 has never made one/ },
  ]);
  const saved = driver.pass(200).of('save').at(-1)?.facts;
  t.equal(saved?.fenceRecords?.['n2']?.testedWallMs, WALL_MS);
  t.match(fencing(driver), { lastTestedAt: '2026-11-21T09:00:00Z', nodes: [{ lastTestedAgoMs: 200 }] });
  const later = new Driver({}, saved);
  later.give({ kind: 'clock', wallAheadMs: WALL_MS + 3 * DAY_MS - later.nowMs });
  t.match(fencing(later), { lastTestedAt: '2026-11-21T09:00:00Z', nodes: [{ lastTestedAgoMs: 3 * DAY_MS }] });
  t.end();
});

t.test('fence test: never tested is null, and a fault is no test', (t) => {
  const fresh = new Driver().running();
  t.match(fencing(fresh), { lastTestedAt: null, nodes: [{ name: 'n2', lastTestedAt: null, fault: null }] });
  const driver = test(fresh, [device({ outcome: 'failed', reason: 'no route' })]);
  t.match(answerOf(driver), /^failed: n2 could not be fenced from here now: fence_lab 10.9.9.254: no route/);
  t.match(fencing(driver), { lastTestedAt: null, nodes: [{ fault: { at: '2026-11-21T09:00:00Z' } }] });
  t.match(viewStatus(driver.state, [], driver.nowMs).verdict.summary, /fence devices of n2 did not work just now/);
  t.end();
});

t.test('fence test: graded by level', (t) => {
  const bad = device({ outcome: 'failed', reason: 'no route' });
  const rows: readonly (readonly [readonly FenceDeviceTest[], string])[] = [
    [[device(), device({ level: 2 })], 'ready'],
    [[bad, device({ level: 2 })], 'partial'],
    [[device(), bad], 'broken'],
    [[device({ outcome: 'off' })], 'broken'],
  ];
  for (const [devices, grade] of rows) {
    const driver = test(new Driver().probed().hear(), devices);
    t.equal(driver.of('answer').at(-1)?.answer.fenceTests?.[0]?.grade, grade);
  }
  t.end();
});

t.test('fence test: a node that is silent may well be off', (t) => {
  const driver = new Driver().running().pass(1_600).power('failed').power('failed');
  test(driver, [device({ outcome: 'off' })]);
  t.equal(driver.of('answer').at(-1)?.answer.fenceTests?.[0]?.grade, 'ready');
  t.equal(driver.peer.clearance, null, 'a test clears nobody');
  t.end();
});

t.test('fence test: a confirmed shot counts as one', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'clock', wallAheadMs: WALL_MS - driver.nowMs });
  fence(driver).power('on').power('off');
  t.match(fencing(driver), {
    lastTestedAt: '2026-11-21T09:00:00Z',
    nodes: [{ lastShotAt: '2026-11-21T09:00:00Z' }],
  });
  t.end();
});

t.test('fence test: not while the node is being fenced; a lost answer has a limit', (t) => {
  const busy = fence(new Driver().probed().hear());
  busy.operator({ kind: 'fenceTest', node: 'n2', by: 'kim' });
  t.match(answerOf(busy), /^refused: n2 is being fenced just now/);
  const driver = new Driver().probed().hear().operator({ kind: 'fenceTest', node: 'n2', by: 'kim' });
  driver.pass(31_000);
  t.match(answerOf(driver), /^failed: nothing was heard of those of n2 in 30.0 s/);
  t.end();
});
