/** DRBD's own fencing: what its handlers are told, and what is made of the disk here. */
import t from 'tap';
import type { FencingPolicy } from '../../src/drbd/config-query.js';
import type { DrbdFacts } from '../../src/drbd/facts.js';
import { copyObjection } from '../../src/failover/copies.js';
import { explain } from '../../src/failover/explain.js';
import { viewStatus } from '../../src/failover/view.js';
import type { OutdateOutcome } from '../../src/heartbeat/report.js';
import { drbd, Driver, GROUP } from './driver.js';

const APART = { connection: 'WFConnection', peerRole: 'Unknown' } as const;
const WAIT_MS = 60_000;

function facts(
  change: Parameters<typeof drbd>[0],
  fencing: FencingPolicy = 'resource-and-stonith',
): DrbdFacts {
  return { ...drbd(change), fencing };
}

/** Primary here, and DRBD has just lost n2. */
function apart(fencing?: FencingPolicy): Driver {
  const driver = new Driver().running();
  return driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ...APART }, fencing)] });
}

function asked(driver: Driver, peer: string | null = null): Driver {
  return driver.operator({ kind: 'fencePeer', resource: 'r0', peer, waitMs: WAIT_MS });
}

/** What the handler was told last. */
function told(driver: Driver): string {
  const answer = driver.of('answer').at(-1)?.answer;
  return answer === undefined ? 'nothing' : `${answer.state} ${answer.peerFate ?? '-'}`;
}

/** The word of n2 on the newest ask. */
function word(driver: Driver, outcome: OutdateOutcome, change: object = {}): Driver {
  const version = driver.state.fencePeers.at(-1)?.version ?? -1;
  const said = { resource: 'r0', asker: 'n1', generation: 7, version, outcome, ...change };
  return driver.hear({ outdateWords: [said] });
}

t.test('fence peer: a node that is heard is asked, and its own word is the answer', (t) => {
  const rows = [
    ['outdated', 'done outdated'],
    ['inconsistent', 'done inconsistent'],
    ['primary', 'done primary'],
  ] as const;
  for (const [outcome, answer] of rows) {
    const driver = asked(apart());
    t.equal(told(driver), 'accepted -');
    const ask = driver.of('send').at(-1)?.report.outdateAsks[0];
    t.match(ask, { resource: 'r0', node: 'n2' }, 'it goes out at once');
    driver.pass(2_000);
    t.equal(told(driver), 'nothing', 'no word, no answer');
    t.equal(told(word(driver, outcome)), answer);
    t.same(driver.state.fencePeers, []);
    t.same(driver.of('send').at(-1)?.report.outdateAsks, [], 'nothing is asked any more');
  }
  t.end();
});

t.test('fence peer: a word on another ask, or for another run, is none', (t) => {
  for (const change of [{ version: 1 }, { generation: 6 }, { asker: 'n3' }, { resource: 'r1' }]) {
    const driver = asked(apart());
    t.equal(told(word(driver, 'outdated', change)), 'nothing', JSON.stringify(change));
  }
  t.end();
});

t.test('fence peer: a silent node is fenced first; the handler hears 7 once it is off', (t) => {
  const driver = asked(apart()).pass(2_500);
  t.equal(told(driver), 'nothing', 'silence is no answer');
  driver.power('on').pass(100);
  t.equal(told(driver), 'nothing', 'nor is a shot that is under way');
  t.equal(told(driver.power('off')), 'done fenced');
  t.end();
});

t.test('fence peer: under resource-only the same is told as 4, which DRBD takes for no mistake', (t) => {
  const driver = asked(apart('resource-only')).pass(2_500);
  t.equal(told(driver.power('off')), 'done outdated');
  t.end();
});

t.test('fence peer: inside a takeover the answer is there at once', (t) => {
  const driver = new Driver().probed().hear({}, { life: 'started', epoch: 1 }).pass(3_000);
  driver.power('off');
  t.equal(driver.group.life, 'starting');
  driver.give({ kind: 'drbd', facts: [facts(APART)] });
  t.equal(told(asked(driver)), 'done fenced');
  t.end();
});

t.test('fence peer: a node that has left is down, not fenced', (t) => {
  const driver = apart().hear({ phase: 'left' });
  t.equal(told(asked(driver)), 'done down');
  t.end();
});

t.test('fence peer: a person’s word ends the wait', (t) => {
  const driver = new Driver({ fencing: {} }).running();
  driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ioSuspended: true, ...APART })] });
  asked(driver).pass(10_000);
  t.equal(told(driver), 'nothing', 'without fencing it waits, and so do the writes');
  driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'I pulled the plug' });
  t.equal(told(driver), 'done fenced');
  t.end();
});

t.test('fence peer: it ends in time, knowing nothing, and says what to do', (t) => {
  const driver = new Driver({ fencing: {} }).running();
  driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ioSuspended: true, ...APART })] });
  asked(driver).pass(WAIT_MS - 1);
  t.equal(told(driver), 'nothing');
  driver.pass(200);
  t.equal(told(driver), 'failed -');
  const { message } = driver.of('answer').at(-1)!.answer;
  t.match(message, /not known after 1 min.*fence confirm n2, then drbdadm resume-io r0$/);

  const free = new Driver({ fencing: {} }).running();
  free.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ...APART }, 'resource-only')] });
  t.equal(told(asked(free).pass(2_000)), 'failed -', 'nothing is held back: nobody waits in vain');
  t.end();
});

t.test('fence peer: a connection that has come back needs no answer', (t) => {
  const driver = asked(apart());
  driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary' })] });
  t.equal(told(driver), 'nothing', 'what was read may be older than the question');
  driver.hear().pass(1_400).hear().pass(1_400).hear().pass(300);
  t.equal(told(driver), 'failed -');
  t.end();
});

t.test('fence peer: after standing still DRBD here is heard before a word that may be old (S6)', (t) => {
  const promoting = (): Driver => {
    const driver = new Driver().probed().hear({}, { life: 'started', epoch: 1 });
    driver.give({ kind: 'drbd', facts: [facts(APART)] });
    asked(driver).nowMs += 700;
    t.equal(told(word(driver, 'outdated')), 'nothing', 'it stood still, and n2 speaks first');
    t.equal(driver.state.copies['r0']?.ahead, false);
    return driver;
  };
  const connected = promoting().give({ kind: 'drbd', facts: [facts({})] });
  connected.pass(100);
  t.match(connected.state.copies['r0'], { kind: 'current', ahead: false }, 'DRBD has connected meanwhile');
  const still = promoting();
  t.equal(told(still.pass(500)), 'done outdated', 'it has not');
  t.equal(still.state.copies['r0']?.ahead, true);
  t.end();
});

t.test('fence peer: what is no resource or no peer of ours is refused', (t) => {
  const driver = new Driver().running();
  driver.operator({ kind: 'fencePeer', resource: 'r9', peer: null, waitMs: 1 });
  t.equal(told(driver), 'refused -');
  t.equal(told(asked(driver, 'N2.')), 'accepted -', 'with one other half the name does not matter');
  const nodes = ['n1', 'n2', 'n3'];
  const many = new Driver({ nodes, groups: [{ ...GROUP, prefer: nodes }] });
  t.equal(told(asked(many, 'other')), 'refused -');
  t.equal(told(asked(many, 'N3')), 'accepted -');
  t.equal(many.state.fencePeers[0]?.node, 'n3');
  t.end();
});

t.test('fence peer: who had the other disk outdated lacks nothing, also after a restart (S4)', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'drbd', facts: [facts(APART)] });
  word(asked(driver), 'outdated');
  t.same(driver.state.copies['r0'], { kind: 'current', than: null, ahead: true });

  const diskless = new Driver().probed().hear();
  diskless.give({ kind: 'drbd', facts: [facts({ role: 'Primary', disk: 'Diskless' })] });
  diskless.give({ kind: 'drbd', facts: [facts({ ...APART, disk: 'Diskless' })] });
  word(asked(diskless), 'outdated');
  t.match(diskless.state.copies['r0'], { kind: 'behind', ahead: false }, 'its disk lacks it all the same (110034172)');
  t.end();
});

/** n2 asks n1 to outdate its disk. */
function asking(driver: Driver, version = 5, group = {}): Driver {
  const outdateAsks = [{ resource: 'r0', node: 'n1', version }];
  return driver.hear({ outdateAsks }, group, { role: 'Primary', connection: 'WFConnection' });
}

function words(driver: Driver): readonly unknown[] {
  return driver.of('send').at(-1)?.report.outdateWords ?? [];
}

const ANSWERED = { resource: 'r0', asker: 'n2', generation: 3, version: 5 } as const;

t.test('outdate: asked, the disk is marked, and only then is that said', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'drbd', facts: [facts(APART)] });
  driver.hear({ outdateAsks: [{ resource: 'r0', node: 'n1', version: 5 }] });
  const [effect] = driver.of('outdate');
  t.match(effect, { resource: 'r0' });
  t.same(words(driver), []);
  t.equal(driver.pass(100).of('outdate').length, 0, 'once');
  const outdateId = effect!.outdateId;
  driver.give({ kind: 'outdateResult', outdateId, outcome: 'outdated', reason: '' });
  t.same(words(driver), [{ ...ANSWERED, outcome: 'outdated' }]);
  t.match(copyObjection(driver.state, 'r0'), /lacks/, 'what was read of the disk may be older');
  const saved = driver.of('save').at(-1)?.facts;
  t.same(saved?.behind, { r0: 'n2' });
  driver.hear();
  t.same(words(driver), [], 'the ask is over');
  t.end();
});

t.test('outdate: while it is asked nothing is claimed or started on that disk', (t) => {
  const driver = new Driver().probed();
  driver.give({ kind: 'drbd', facts: [facts({})] });
  driver.hear({ outdateAsks: [{ resource: 'r0', node: 'n1', version: 5 }] });
  t.equal(driver.group.claim, null);
  t.equal(driver.of('outdate').length, 0, 'DRBD marks no disk that it believes to be connected');
  t.not(driver.hear().group.claim, null, 'the ask is over');
  t.end();
});

t.test('outdate: the ask of a node is over when it is off (seed 160003187)', (t) => {
  const driver = new Driver().probed().give({ kind: 'drbd', facts: [facts({})] });
  driver.hear({ outdateAsks: [{ resource: 'r0', node: 'n1', version: 5 }] }).pass(2_000);
  t.match(driver.group.blocked, /n2 has lost n1 in DRBD resource r0/, 'silent: it may go on');
  t.same(driver.of('fence'), []);
  driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'unplugged' });
  t.equal(driver.state.outdatings.length, 0);
  t.equal(driver.group.life, 'starting');
  driver.give({ kind: 'drbd', facts: [facts(APART)] }).give({ kind: 'drbd', facts: [facts({})] });
  t.equal(driver.peer.clearance?.kind, 'back');
  t.equal(driver.state.outdatings.length, 0, 'nor does it come back with its machine');
  t.end();
});

t.test('outdate: a disk in use is not given up', (t) => {
  const running = asking(new Driver().running());
  t.same(words(running), [{ ...ANSWERED, outcome: 'primary' }]);
  t.equal(running.of('outdate').length, 0);

  const byHand = new Driver().probed().hear({}, { barred: true });
  byHand.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ...APART })] });
  t.same(words(asking(byHand)), [{ ...ANSWERED, outcome: 'primary' }]);
  t.end();
});

t.test('outdate: what DRBD says already needs no command', (t) => {
  for (const [disk, outcome] of [['Outdated', 'outdated'], ['Inconsistent', 'inconsistent']] as const) {
    const driver = new Driver().probed().hear();
    driver.give({ kind: 'drbd', facts: [facts({ disk, ...APART })] });
    t.same(words(asking(driver)), [{ ...ANSWERED, outcome }]);
  }
  t.end();
});

t.test('outdate: a refusal of DRBD is tried again, with a pause, as long as it is asked', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'drbd', facts: [facts(APART)] });
  const [first] = asking(driver).of('outdate');
  const { outdateId } = first!;
  driver.give({ kind: 'outdateResult', outdateId, outcome: 'failed', reason: 'it says no' });
  t.match(driver.sentences, [/was not marked Outdated: it says no/]);
  t.equal(driver.pass(900).of('outdate').length, 0);
  t.equal(driver.pass(300).of('outdate').length, 1);
  t.same(words(driver), []);
  t.end();
});

// --- what operators hold ---------------------------------------------------------------------------

const HOLD = { by: 'kim', reason: 'new switches', forMs: null } as const;
const HOLDS = [
  [{ kind: 'maintenance', ...HOLD }, /in maintenance by kim: new switches/],
  [{ kind: 'freeze', group: 'mysql', ...HOLD }, /mysql is frozen by kim: new switches/],
] as const;

t.test('outdate: a disk is given up also while operators hold everything', (t) => {
  for (const [hold] of HOLDS) {
    const driver = new Driver().probed().hear();
    driver.give({ kind: 'drbd', facts: [facts(APART)] });
    driver.operator(hold);
    const [effect] = asking(driver).of('outdate');
    t.match(effect, { resource: 'r0' }, hold.kind);
  }
  t.end();
});

t.test('fence peer: writes that are held back are told whatever else there is to tell', (t) => {
  const suspended = [facts({ role: 'Primary', ioSuspended: true, ...APART })];
  const starting = new Driver().give({ kind: 'drbd', facts: suspended });
  const summaryOf = (driver: Driver): string =>
    viewStatus(driver.state, [], driver.nowMs).verdict.summary;
  t.match(summaryOf(starting), /still finding out what runs where; writes to DRBD resource r0 are held back/);
  const frozen = new Driver().probed().hear({}, { life: 'started', epoch: 4 });
  frozen.operator({ kind: 'maintenance', by: 'kim', reason: null, forMs: null });
  frozen.give({ kind: 'drbd', facts: suspended }).pass(2_000);
  t.match(summaryOf(frozen), /^mysql does not run: .*; writes to DRBD resource r0 are held back/);
  t.end();
});

t.test('fence peer: a disk that is gone got no mark, and is behind all the same when it comes back', (t) => {
  const driver = new Driver().probed().give({ kind: 'drbd', facts: [facts(APART)] });
  const outdateAsks = [{ resource: 'r0', node: 'n1', version: 5 }];
  driver.hear({ outdateAsks }, {}, { connection: 'WFConnection' });
  const outdateId = driver.of('outdate')[0]?.outdateId ?? '';
  const reason = 'State change failed: (-16) Disk state is lower than outdated';
  driver.give({ kind: 'outdateResult', outdateId, outcome: 'inconsistent', reason });
  t.match(copyObjection(driver.state, 'r0'), /n2 was Primary .*writes that the disk of n1 lacks/);
  t.end();
});

t.test('fence peer: while operators hold everything nobody is shot for it, and a person ends the wait', (t) => {
  for (const [hold, sentence] of HOLDS) {
    const driver = new Driver().running();
    driver.operator(hold);
    driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ioSuspended: true, ...APART })] });
    asked(driver).pass(20_000);
    t.same(driver.of('fence'), [], 'nobody is shot');
    t.equal(driver.state.fencePeers.length, 1, 'no answer yet');
    const { summary } = viewStatus(driver.state, [], driver.nowMs).verdict;
    t.match(summary, /writes to DRBD resource r0 are held back: .* waits until n2 is confirmed off/);
    t.match(summary, sentence);
    t.match(summary, /nobody fences it; once it is off for certain: tandem fence confirm n2/);
    t.match(explain(driver.state, driver.nowMs).groups[0]?.evidence[0], /^writes to DRBD resource r0/);
    driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'I pulled the plug' });
    t.equal(told(driver), 'done fenced');
  }
  t.end();
});

t.test('fence peer: under resource-only nothing waits, so a hold makes the answer quick', (t) => {
  const driver = new Driver().running();
  driver.operator(HOLDS[0][0]);
  driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ...APART }, 'resource-only')] });
  const answers = asked(driver).pass(2_500).of('answer').map(({ answer }) => answer.state);
  t.ok(answers.includes('failed'), answers.join());
  t.same(driver.state.fencePeers, []);
  t.end();
});

t.test('held writes: status says what they wait for when no handler asks any more', (t) => {
  const rows: readonly (readonly [Parameters<typeof drbd>[0], RegExp])[] = [
    [APART, /no handler asks any more; .* once n2 is off for certain: tandem fence confirm n2, then drbdadm resume-io r0/],
    [{ ...APART, disk: 'Diskless' }, /no disk here and no connection to one \(tandem drbd attach r0/],
    [{}, /nothing is lost that they would wait for \(drbdadm resume-io r0\)/],
  ];
  for (const [change, sentence] of rows) {
    const driver = new Driver().running();
    driver.give({ kind: 'drbd', facts: [facts({ role: 'Primary', ioSuspended: true, ...change })] });
    const { state, summary } = viewStatus(driver.state, [], driver.nowMs).verdict;
    t.match({ state, summary }, { state: /degraded|down/, summary: sentence });
  }
  t.end();
});
