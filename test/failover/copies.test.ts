/** S4: when the copy on this disk may be used. */
import t from 'tap';
import { copyObjection, reportedDisk } from '../../src/failover/copies.js';
import { drbd, Driver } from './driver.js';

const APART = { connection: 'WFConnection', peerRole: 'Unknown' } as const;

function withDrbd(change: Parameters<typeof drbd>[0]): Driver {
  return new Driver().probed().give({ kind: 'drbd', facts: [drbd(change)] });
}

/** Apart, and the bitmap marks what was written here meanwhile. */
const WROTE = { ...APART, outOfSyncBytes: 4_096 } as const;

t.test('copies: connected is current; not connected since the start is in doubt', (t) => {
  const linked = withDrbd({}).hear();
  t.equal(copyObjection(linked.state, 'r0'), null);

  const apart = new Driver().give({ kind: 'drbd', facts: [drbd(APART)] }).hear();
  t.match(copyObjection(apart.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  t.equal(reportedDisk(apart.state, drbd(APART)), 'Consistent');
  apart.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(copyObjection(apart.state, 'r0'), null, 'a connection settles it');
  t.end();
});

t.test('copies: what the other node wrote alone is missing here, also after a restart', (t) => {
  const driver = withDrbd({}).hear();
  driver.give({ kind: 'drbd', facts: [drbd(APART)] });
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  t.match(copyObjection(driver.state, 'r0'), /n2 was Primary .*without a connection/);
  t.equal(reportedDisk(driver.state, drbd(APART)), 'Outdated');
  const saved = driver.pass(300).of('save').at(-1)?.facts ?? driver.of('save')[0]?.facts;
  const facts = saved ?? { generation: 7, peers: {}, epochs: {}, orders: [], behind: { r0: 'n2' } };
  t.same(facts.behind, { r0: 'n2' });

  const restarted = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(WROTE)] });
  t.match(copyObjection(restarted.state, 'r0'), /writes that the disk of n1 lacks/);
  t.equal(restarted.pass(20_000).group.claim, null, 'it does not even claim');
  t.end();
});

t.test('copies: the word of the other node beats our kernel’s belief in a connection', (t) => {
  const driver = withDrbd({}).hear();
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  t.match(copyObjection(driver.state, 'r0'), /n2 was Primary/);
  t.end();
});

t.test('copies: a connection that came up later than the word makes up for it (seed 100024)', (t) => {
  const driver = withDrbd(APART).hear();
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  t.match(copyObjection(driver.state, 'r0'), /n2 was Primary/);
  driver.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'the kernels have made up for it');
  driver.give({ kind: 'drbd', facts: [drbd(APART)] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'and the old word does not come back');
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  t.match(copyObjection(driver.state, 'r0'), /n2 was Primary/, 'a new one does');
  t.end();
});

t.test('copies: booted alone, a power device cannot tell who wrote last; a person can', (t) => {
  const alone = new Driver().give({ kind: 'drbd', facts: [drbd(APART)] });
  while (alone.group.life === 'unknown') alone.done('ok', 'stopped');
  alone.pass(6_000);
  t.match(copyObjection(alone.state, 'r0'), /since n1 started. Start n2, or.* fence confirm n2/);
  t.equal(alone.group.claim, null);
  t.match(alone.group.blocked, /not known whether n1 or n2 has the newer copy/);
  const by = { node: 'n2', by: 'kim', reason: 'it burnt down' };
  alone.give({
    kind: 'operator',
    requestId: 'request-1',
    request: { kind: 'fenceConfirm', ...by },
  });
  t.equal(copyObjection(alone.state, 'r0'), null);
  t.equal(alone.group.life, 'starting');
  t.end();
});

t.test('copies: who wrote alone lacks nothing, also after a restart', (t) => {
  const driver = withDrbd({}).hear().pass(2_000);
  driver.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] });
  const saved = driver.pass(300).of('save').at(-1)?.facts ?? driver.of('save')[0]?.facts;
  t.same(driver.state.copies['r0'], { kind: 'current', than: null, ahead: true });
  const facts = saved ?? { generation: 7, peers: {}, epochs: {}, orders: [], ahead: ['r0'] };
  t.same(facts.ahead, ['r0']);

  const restarted = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(WROTE)] });
  while (restarted.group.life === 'unknown') restarted.done('ok', 'stopped');
  t.equal(copyObjection(restarted.state, 'r0'), null);
  t.not(restarted.pass(6_000).group.claim, null, 'it claims, and has the other fenced');
  restarted.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(restarted.state.copies['r0']?.ahead, false, 'connected: the other has it all now');
  t.end();
});

t.test('copies: who wrote alone long ago, and has nothing now that the other lacks (seed 8301296)', (t) => {
  const facts = { generation: 7, peers: {}, epochs: {}, orders: [], ahead: ['r0'] };
  // While no daemon ran here they were connected: the other one has all of it, and may have more.
  const overtaken = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(APART)] });
  t.match(copyObjection(overtaken.state, 'r0'), /not known whether n1 or n2 has the newer copy/);

  const diskless = { ...APART, disk: 'Diskless', outOfSyncBytes: null } as const;
  const later = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(diskless)] });
  later.give({ kind: 'drbd', facts: [drbd(APART)] });
  t.match(copyObjection(later.state, 'r0'), /not known whether/, 'the disk came later');

  const beside = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(diskless)] });
  beside.give({ kind: 'drbd', facts: [drbd({ peerDisk: 'Diskless' })] });
  t.match(copyObjection(beside.state, 'r0'), /not known whether/, 'the other has no disk to compare with (110033110)');

  const untold = new Driver({}, facts);
  untold.give({ kind: 'drbd', facts: [drbd({ ...APART, outOfSyncBytes: null })] });
  t.equal(copyObjection(untold.state, 'r0'), null, 'how much differs is not told: what was saved counts');

  const running = withDrbd({}).hear().pass(2_000);
  running.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] });
  running.give({ kind: 'drbd', facts: [drbd(APART)] });
  t.equal(running.state.copies['r0']?.ahead, true, 'seen by this daemon: no matter how little it wrote');
  t.end();
});

t.test('copies: a node that was out of sight and is back may have written (seed 2235)', (t) => {
  const driver = withDrbd({}).hear();
  driver.give({ kind: 'drbd', facts: [drbd(APART)] }).pass(2_000);
  t.equal(copyObjection(driver.state, 'r0'), null, 'silent: this copy is all there is');
  driver.hear({ generation: 4 });
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2/);
  t.end();
});

t.test('copies: so may one that only the replication was heard of (seed 1068)', (t) => {
  const driver = withDrbd({});
  t.equal(copyObjection(driver.state, 'r0'), null, 'connected: current');
  driver.give({ kind: 'drbd', facts: [drbd(APART)] }).pass(20_000);
  t.equal(driver.state.copies['r0']?.kind, 'unknown', 'silent, and its half may go on');
  driver.hear();
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  t.end();
});

t.test('copies: disks that are no good are never claimed for (S4)', (t) => {
  for (const disk of ['Inconsistent', 'Outdated', 'Diskless', 'Failed'] as const) {
    const driver = withDrbd({ disk }).hear({}, { barred: true });
    t.equal(driver.group.claim, null, disk);
    t.match(driver.group.blocked, new RegExp(`on n1 is ${disk}`));
  }
  t.end();
});

t.test('copies: who wrote alone beside newer data lacks that, and says what it has (seed 40000371)', (t) => {
  const driver = withDrbd({}).hear().pass(2_000);
  driver.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] });
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  driver.give({ kind: 'drbd', facts: [drbd(APART)] });
  const both = { kind: 'behind', than: 'n2', ahead: true };
  t.same(driver.state.copies['r0'], both);
  const facts = driver.state.lastSaved;
  t.match(facts, { behind: { r0: 'n2' }, ahead: ['r0'] });

  const restarted = new Driver({}, facts ?? undefined).give({ kind: 'drbd', facts: [drbd(WROTE)] });
  t.same(restarted.state.copies['r0'], both, 'after a restart, too');
  t.match(restarted.pass(300).of('send').at(-1)?.report.drbd, [{ disk: 'Outdated', ahead: true }]);
  t.end();
});

t.test('copies: a Primary without a whole disk and without a connection writes nothing (seed 120008361)', (t) => {
  const facts = { generation: 7, peers: {}, epochs: {}, orders: [], ahead: ['r0'] };
  for (const [disk, kind] of [['Inconsistent', 'current'], ['Diskless', 'current'], ['UpToDate', 'behind']] as const) {
    const driver = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(WROTE)] });
    driver.hear({}, {}, { role: 'Primary', connection: 'WFConnection', disk });
    t.match(driver.state.copies['r0'], { kind, ahead: true }, disk);
  }
  t.end();
});

t.test('copies: of two that each wrote alone neither is used (seed 41231274)', (t) => {
  const facts = { generation: 7, peers: {}, epochs: {}, orders: [], ahead: ['r0'] };
  const driver = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(WROTE)] });
  const theirs = { connection: 'StandAlone', role: 'Secondary' } as const;
  driver.hear({}, {}, { ...theirs, disk: 'Consistent' });
  t.equal(copyObjection(driver.state, 'r0'), null, 'the other does not count its copy as the newest');
  driver.hear({}, {}, { ...theirs, disk: 'UpToDate' });
  t.match(copyObjection(driver.state, 'r0'), /n1 and n2 each wrote .*alone \(split brain\).*inspect r0/);
  driver.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'a connection: there is no split brain any more');
  t.end();
});

t.test('copies: what a node wrote alone is missing here, also when its disk is gone and it has left (80013426)', (t) => {
  const facts = { generation: 7, peers: {}, epochs: {}, orders: [], ahead: ['r0'] };
  const ahead = new Driver({}, facts).give({ kind: 'drbd', facts: [drbd(WROTE)] });
  t.match(ahead.pass(300).of('send').at(-1)?.report.drbd, [{ resource: 'r0', ahead: true }]);

  const there = { role: 'Secondary', disk: 'Diskless', connection: 'Connected', ahead: true } as const;
  const driver = withDrbd(APART).hear({}, {}, there);
  t.same(driver.state.copies['r0'], { kind: 'behind', than: 'n2', ahead: false });
  t.match(driver.state.lastSaved, { behind: { r0: 'n2' } }, 'kept over a restart');
  t.match(copyObjection(driver.state, 'r0'), /^n2 was Primary .* disk is Diskless now.*force-old-data/);
  driver.hear({ phase: 'left' }, {}, there).pass(3_000);
  t.match(copyObjection(driver.state, 'r0'), /^n2 was Primary of .* the disk of n1 lacks$/);

  const mended = { ...there, disk: 'UpToDate', connection: 'WFConnection' } as const;
  driver.hear({}, {}, mended).give({ kind: 'drbd', facts: [drbd()] });
  t.match(driver.state.copies['r0'], { kind: 'current' }, 'DRBD has made up for it: that word is older');

  const both = ahead.hear({}, {}, there);
  t.same(both.state.copies['r0'], { kind: 'behind', than: 'n2', ahead: true }, 'both wrote alone');
  both.hear({}, {}, mended);
  t.match(copyObjection(both.state, 'r0'), /and the other way round \(split brain\): .*inspect r0"$/);

  const verifying = withDrbd({ role: 'Primary', connection: 'VerifyS' });
  t.equal(verifying.state.copies['r0']?.ahead, false, 'a verify reads: every write goes to both disks');
  t.end();
});

t.test('copies: what was compared in this run stays so when the other daemon comes later', (t) => {
  const driver = new Driver().give({ kind: 'drbd', facts: [drbd()] });
  driver.give({ kind: 'drbd', facts: [drbd({ connection: 'WFConnection', peerDisk: 'Unknown' })] });
  driver.hear({}, {}, { disk: 'Unknown', connection: 'Unconfigured' });
  t.equal(copyObjection(driver.state, 'r0'), null, 'nobody has written to the other half since');
  t.end();
});

t.test('copies: a connection that the other node does not have compares nothing', (t) => {
  const driver = new Driver().give({ kind: 'drbd', facts: [drbd()] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'our kernel says Connected');
  driver.hear({}, {}, { disk: 'Consistent', connection: 'StandAlone' });
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  driver.hear({}, {}, { disk: 'UpToDate', connection: 'Connected' });
  t.equal(copyObjection(driver.state, 'r0'), null, 'both say so');
  t.end();
});

t.test('copies: what is written while one half has no disk is on the other one only', (t) => {
  const gone = withDrbd({}).hear();
  gone.give({ kind: 'drbd', facts: [drbd({ disk: 'Diskless', peerRole: 'Primary' })] });
  gone.give({ kind: 'drbd', facts: [drbd({ ...APART, peerDisk: 'DUnknown' })] });
  t.match(copyObjection(gone.state, 'r0'), /has writes that the disk of n1 lacks/, 'it came back');
  t.same(gone.pass(300).state.copies['r0'], { kind: 'behind', than: 'n2', ahead: false });

  const kept = withDrbd({}).hear();
  kept.give({ kind: 'drbd', facts: [drbd({ peerRole: 'Primary', peerDisk: 'Diskless' })] });
  kept.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', disk: 'Diskless' });
  kept.give({ kind: 'drbd', facts: [drbd(APART)] });
  const cutOff = { role: 'Primary', disk: 'Diskless', connection: 'WFConnection' };
  kept.hear({}, { life: 'started', epoch: 1 }, cutOff);
  t.equal(copyObjection(kept.state, 'r0'), null, 'a Primary without disk and peer writes nothing');

  const none = withDrbd({}).hear().pass(2_000);
  none.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', peerDisk: 'Diskless' })] });
  const both = { role: 'Primary', disk: 'Diskless', peerDisk: 'Diskless' } as const;
  none.give({ kind: 'drbd', facts: [drbd(both)] });
  const ahead = { kind: 'current', than: null, ahead: true };
  t.same(none.state.copies['r0'], ahead, 'both broken: nobody writes (seed 6000210)');

  const late = withDrbd({}).hear().give({ kind: 'drbd', facts: [drbd(APART)] });
  late.hear({}, { life: 'started', epoch: 1 }, cutOff);
  t.match(copyObjection(late.state, 'r0'), /n2 was Primary/, 'cut before: it may have written');
  t.end();
});

t.test('copies: what was written without a disk is remembered, whoever has told of himself', (t) => {
  const diskless = { role: 'Primary', disk: 'Diskless' } as const;
  const found = new Driver().give({ kind: 'drbd', facts: [drbd({ ...APART, ...diskless })] });
  t.same(found.state.copies['r0'], { kind: 'behind', than: 'n2', ahead: false }, 'no daemon ran (80018618)');
  t.same(found.pass(300).state.lastSaved?.behind, { r0: 'n2' }, 'it is saved');

  const early = new Driver().hear({ drbd: [] });
  early.give({ kind: 'drbd', facts: [drbd(diskless)] });
  t.same(early.pass(300).state.lastSaved?.behind, { r0: 'n2' }, 'n2 has not told of its DRBD');

  const without = new Driver({ groups: [] }).give({ kind: 'drbd', facts: [drbd(diskless)] });
  const saved = without.pass(300).state.lastSaved ?? undefined;
  t.same(saved?.behind, { r0: '' }, 'no group uses it now (80026060)');
  const copy = new Driver({}, saved).state.copies['r0'];
  t.same(copy, { kind: 'behind', than: null, ahead: false }, 'one did, and will');

  const again = new Driver({}, saved).probed().give({ kind: 'drbd', facts: [drbd()] });
  t.equal(again.state.copies['r0']?.kind, 'behind', 'our own kernel alone may be wrong');
  again.hear({}, {}, { connection: 'Connected', disk: 'Outdated' });
  t.equal(again.state.copies['r0']?.kind, 'current', 'both say that they are connected (160006206)');
  t.end();
});

t.test('copies: a connection to a half without a disk settles no doubt', (t) => {
  const diskless = { peerDisk: 'Diskless' } as const;
  const booted = new Driver().give({ kind: 'drbd', facts: [drbd(APART)] });
  booted.hear({}, {}, { disk: 'Diskless', connection: 'WFConnection' });
  booted.give({ kind: 'drbd', facts: [drbd(diskless)] });
  booted.hear({}, {}, { disk: 'Diskless' });
  t.match(copyObjection(booted.state, 'r0'), /n2 has no disk to compare with/);

  const back = withDrbd({}).hear().give({ kind: 'drbd', facts: [drbd(APART)] }).pass(1_600).power('off');
  back.give({ kind: 'drbd', facts: [drbd(diskless)] });
  t.equal(back.peer.clearance?.kind, 'back');
  t.match(copyObjection(back.state, 'r0'), /newer copy .*: n2 has no disk to compare with/);
  const alone = new Driver().give({ kind: 'drbd', facts: [drbd(APART)] }).pass(6_000);
  alone.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'unplugged' });
  alone.give({ kind: 'drbd', facts: [drbd(diskless)] });
  t.equal(alone.peer.clearance?.kind, 'back');
  t.match(copyObjection(alone.state, 'r0'), /newer copy .*: n2 has no disk to compare with/, 'untold');

  const behind = withDrbd({}).hear().give({ kind: 'drbd', facts: [drbd(APART)] });
  behind.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  behind.give({ kind: 'drbd', facts: [drbd(diskless)] });
  behind.hear({}, {}, { disk: 'Diskless' });
  t.match(copyObjection(behind.state, 'r0'), /n2 was Primary/, 'its writes are on that disk');
  t.end();
});

t.test('copies: a Primary that fills its new disk over the network has not written alone', (t) => {
  const source = withDrbd({ connection: 'SyncSource', peerRole: 'Primary' }).hear();
  const filling = { role: 'Primary', disk: 'Inconsistent', connection: 'SyncTarget' };
  source.hear({}, { life: 'started', epoch: 1 }, filling);
  t.equal(copyObjection(source.state, 'r0'), null);

  const target = withDrbd({}).hear().pass(2_000);
  const facts = { role: 'Primary', disk: 'Inconsistent', connection: 'SyncTarget' } as const;
  target.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', disk: 'Diskless' })] });
  target.give({ kind: 'drbd', facts: [drbd(facts)] });
  t.same(target.state.copies['r0'], { kind: 'behind', than: 'n2', ahead: false });
  t.end();
});

t.test('copies: the restart of a witness says nothing of the data, that of the other half does', (t) => {
  const nodes = ['n1', 'n2', 'n3'];
  const driver = new Driver({ nodes }).probed().hear().hear({ node: 'n3' });
  driver.give({ kind: 'drbd', facts: [drbd(APART)] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'connected before');
  driver.hear({ node: 'n3', generation: 4 });
  t.equal(copyObjection(driver.state, 'r0'), null, 'the witness was restarted');
  for (let ms = 0; ms < 2_000; ms += 200) driver.pass(200).hear({ node: 'n3', generation: 4 });
  t.equal(driver.state.copies['r0']?.kind, 'unknown', 'n2 is out of sight');
  t.equal(copyObjection(driver.state, 'r0'), null, 'the witness, which is up, has no copy to wait for');
  driver.hear({ generation: 4 });
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  t.end();
});

t.test('copies: news of old data while the promotion is under way ends the start (seed 12000404)', (t) => {
  const driver = withDrbd(APART).hear();
  driver.give({ kind: 'drbd', facts: [drbd()] });
  driver.give({ kind: 'drbd', facts: [drbd(APART)] }).pass(1_600);
  driver.power('off');
  t.same(driver.deeds, ['start 0'], 'as far as it knows its copy is as new as any');
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  driver.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] }).done();
  t.same(driver.deeds, ['stop 0'], 'nothing is mounted');
  t.match(driver.sentences.join('\n'), /mysql stops on n1: n2 was Primary .* writes that the disk of n1 lacks/);
  driver.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] }).done();
  t.equal(driver.group.life, 'stopped');
  t.match(copyObjection(driver.state, 'r0'), /writes that the disk of n1 lacks/);
  t.end();
});

t.test('copies: an old disk that comes back while the other one breaks is not the newest (seed 12001287)', (t) => {
  const driver = new Driver().running();
  const facts = (change: Parameters<typeof drbd>[0]): Driver =>
    driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', ...change })] });
  facts({ disk: 'Diskless' });
  t.match(copyObjection(driver.state, 'r0'), /writes that the disk of n1 lacks/);
  facts({ disk: 'Diskless', peerDisk: 'Diskless' });
  driver.give({ kind: 'ended', group: 'mysql', index: 3, reason: 'its disk is gone' });
  facts({ peerDisk: 'Diskless' });
  t.match(copyObjection(driver.state, 'r0'), /writes that the disk of n1 lacks/, 'nothing was compared');
  driver.done('ok', 'stopped');
  let deeds = '';
  for (let i = 0; i < 12 && driver.group.action !== null; i += 1) {
    deeds += `${driver.deeds.join()} `;
    driver.done();
  }
  t.notMatch(deeds, /start/, 'and nothing is started on it');
  t.equal(driver.group.life, 'stopped');
  t.end();
});

t.test('copies: in a split brain a person who orders a start with old data chooses; one who only looks does not', (t) => {
  const force = { group: 'mysql', by: 'kim', reason: null, loss: '', askedMs: 0, end: null } as const;
  for (const [life, forces, copy] of [
    ['starting', {}, { kind: 'behind', ahead: false }],
    ['stopped', { mysql: force }, { kind: 'behind', ahead: false }],
    ['starting', { mysql: force }, { kind: 'current', ahead: true }],
  ] as const) {
    const driver = withDrbd(APART);
    const copies = { r0: { kind: 'behind', than: 'n2', ahead: false } } as const;
    const groups = { mysql: { ...driver.group, life } };
    driver.state = { ...driver.state, splits: { r0: 'found' }, copies, forces, groups };
    driver.give({ kind: 'drbd', facts: [drbd({ ...APART, role: 'Primary' })] });
    t.match(driver.state.copies['r0'], copy, 'seed 190029765');
  }
  t.end();
});
