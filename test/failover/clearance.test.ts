/** S2, S3, S9: what counts as an account of the other node, and what does not. */
import t from 'tap';
import { blockers, isOff, isOtherHalfOff } from '../../src/failover/clearance.js';
import { viewStatus } from '../../src/failover/view.js';
import { Driver, drbd, GROUP, SPEC } from './driver.js';

function waitingFor(driver: Driver): string {
  return blockers(driver.state, driver.group)
    .map(({ standing }) => `${standing.kind}: ${standing.because}`)
    .join('; ');
}

t.test('clearance: an up member must have granted this very claim (S2)', (t) => {
  const driver = new Driver().probed().hear();
  t.match(driver.group.claim, { epoch: 1 });
  t.equal(waitingFor(driver), 'waiting: n2 has not granted the claim yet');
  const grants = [
    ['another epoch', { node: 'n1', generation: 7, epoch: 2 }],
    ['an earlier run of this node', { node: 'n1', generation: 6, epoch: 1 }],
    ['another node', { node: 'n3', generation: 7, epoch: 1 }],
  ] as const;
  for (const [name, grant] of grants) {
    driver.hear({}, { grant });
    t.equal(driver.group.life, 'stopped', `a grant to ${name} does not count`);
  }
  driver.hearGrant();
  t.equal(driver.group.life, 'starting');
  t.end();
});

t.test('clearance: a last word that does not name the group clears nothing of it (seed 9101275)', (t) => {
  const other = { digest: 'another configuration', groups: [] } as const;
  const driver = new Driver().probed().hear().hear(other).hear({ ...other, phase: 'left' });
  t.match(waitingFor(driver), /waiting: n2 is incompatible: its configuration has digest/);
  t.equal(driver.group.life, 'stopped', 'what it has stopped is what its configuration has');
  t.end();
});

t.test('clearance: what a live node says of the group (S2, S3, S9)', (t) => {
  const rows = [
    ['started', 'waiting: it is started on n2'],
    ['stopping', 'waiting: it is stopping on n2'],
    ['unknown', 'waiting: n2 has not found out yet what runs there'],
    ['stopFailed', 'stuck: a stop failed on n2, so it may still be active there'],
  ] as const;
  for (const [life, sentence] of rows) {
    const driver = new Driver().probed().hear();
    const grant = { node: 'n1', generation: 7, epoch: 1 };
    driver.hear({}, { life, grant });
    t.equal(waitingFor(driver), sentence);
    t.notOk(driver.deeds.includes('start 0'), `${life}: nothing is started, whatever is granted`);
  }
  const driver = new Driver().probed().hear();
  driver.hear({ digest: 'd2' }, { grant: { node: 'n1', generation: 7, epoch: 1 } });
  t.match(waitingFor(driver), /digest d2, ours has d1/);
  t.equal(driver.group.life, 'stopped', 'S9: a grant under other rules does not count');
  t.end();
});

t.test('clearance: silent is not dead (S2)', (t) => {
  const bare = new Driver({ fencing: {} }).probed().hear().pass(60_000);
  t.match(waitingFor(bare), /silent: n2 is silent, which does not mean stopped/);
  t.equal(bare.group.life, 'stopped');
  t.end();
});

t.test('clearance: a last word, a fence and an operator clear, until the node is heard', (t) => {
  const left = new Driver().probed().hear().hear({ phase: 'left' });
  t.equal(left.group.life, 'starting');
  t.notOk(isOtherHalfOff(left.state, 'mysql', left.nowMs), 'DRBD of a node that left still runs');

  const fenced = new Driver().probed().hear().pass(2_000).power('off');
  t.equal(fenced.group.life, 'starting');
  t.ok(isOtherHalfOff(fenced.state, 'mysql', fenced.nowMs));
  t.notOk(isOtherHalfOff(fenced.state, 'other', fenced.nowMs), 'nothing is known of another group');
  fenced.hear();
  t.equal(fenced.peer.clearance, null, 'void as soon as it is heard');
  t.equal(fenced.group.life, 'starting', 'the start that it cleared goes on');
  t.notOk(isOtherHalfOff(fenced.state, 'mysql', fenced.nowMs), 'and cuts nobody off any more (I8)');

  const confirmed = new Driver({ fencing: {} }).probed().hear().pass(2_000);
  confirmed.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'unplugged' });
  t.match(confirmed.peer.clearance, { kind: 'confirmed', by: 'kim', reason: 'unplugged' });
  t.equal(confirmed.group.life, 'starting');
  t.end();
});

t.test('clearance: a half that connects is on again: enough for S2, and no proof for DRBD (seed 110014205)', (t) => {
  const apart = { connection: 'WFConnection', peerRole: 'Unknown', peerDisk: 'Unknown' } as const;
  const cleared = () => {
    const driver = new Driver().probed().hear().give({ kind: 'drbd', facts: [drbd()] }).pass(2_000);
    driver.power('off');
    t.equal(driver.peer.clearance?.kind, 'fenced');
    return driver;
  };
  const believing = cleared().give({ kind: 'drbd', facts: [drbd({ peerDisk: 'Outdated' })] });
  t.ok(isOff(believing.peer), 'the kernel still believes in a dead connection');
  const back = cleared().give({ kind: 'drbd', facts: [drbd(apart)] });
  back.give({ kind: 'drbd', facts: [drbd({ ...apart, connection: 'WFReportParams' })] });
  t.ok(isOff(back.peer));
  back.give({ kind: 'drbd', facts: [drbd({ connection: 'WFBitMapS', peerDisk: 'Inconsistent' })] });
  t.match(back.sentences[0], /n2 is on again: its half of DRBD resource r0 has connected/);
  back.give({ kind: 'drbd', facts: [drbd({ connection: 'SyncSource', peerDisk: 'Inconsistent' })] });
  t.notOk(isOff(back.peer));
  t.equal(blockers(back.state, back.group).length, 0, 'nothing that runs there was started by a tandemd');
  t.notOk(isOtherHalfOff(back.state, 'mysql', back.nowMs), 'nobody cuts it off');
  t.match(viewStatus(back.state, [], back.nowMs).nodes.find(({ name }) => name === 'n2')?.reason, /its DRBD has connected since/);
  t.same(back.pass(60_000).of('fence'), [], 'nobody shoots a machine that comes up');

  back.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'I think so' });
  t.match(back.of('answer')[0]?.answer, { state: 'refused', message: /^n2 is not off: .*r0 is connected here$/ });

  back.give({ kind: 'drbd', facts: [drbd(apart)] });
  back.operator({ kind: 'fencePeer', resource: 'r0', peer: 'n2', waitMs: 60_000 });
  t.equal(back.peer.clearance, null, 'what is it doing now?');
  t.match(back.of('answer').map(({ answer }) => answer.state), ['accepted']);

  const unused = new Driver({ groups: [] }).hear().give({ kind: 'drbd', facts: [drbd(apart)] }).pass(2_000);
  unused.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'unplugged' });
  unused.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(unused.peer.clearance?.kind, 'back', 'also of what no group uses at the time (160003642)');

  const nodes = ['n1', 'n2', 'n3'];
  const later = new Driver({ nodes, groups: [] }).hear({ drbd: [] }).give({ kind: 'drbd', facts: [drbd(apart)] }).pass(2_000);
  later.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'unplugged' });
  later.give({ kind: 'drbd', facts: [drbd()] });
  t.ok(isOff(later.peer), 'whose half that is nobody knows');
  later.pass(10).give({ kind: 'reload', requestId: 'q', spec: { ...SPEC, nodes } });
  t.equal(later.peer.clearance?.kind, 'back', 'until a group says it (220013596)');

  const unread = cleared().give({ kind: 'drbd', facts: [drbd({ connection: 'Unknown' })] });
  unread.give({ kind: 'drbd', facts: [drbd()] });
  t.ok(isOff(unread.peer), 'one that could not be read for a moment');
  unread.give({ kind: 'drbd', facts: [drbd(apart)] }).give({ kind: 'drbd', facts: [drbd({ connection: 'Unknown' })] });
  unread.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(unread.peer.clearance?.kind, 'back', 'nor does that hide a connection');

  const three = { nodes: ['n1', 'n2', 'n3'], groups: [{ ...GROUP, prefer: ['n1', 'n2', 'n3'] }] };
  const third = new Driver(three).hear().give({ kind: 'drbd', facts: [drbd(apart)] });
  third.operator({ kind: 'fenceConfirm', node: 'n3', by: 'kim', reason: 'unplugged' });
  third.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(third.state.peers['n3']?.clearance?.kind, 'confirmed', 'it is n2 that has told of the other half');

  const left = new Driver().probed().give({ kind: 'drbd', facts: [drbd(apart)] }).hear().hear({ phase: 'left' });
  left.give({ kind: 'drbd', facts: [drbd()] });
  t.strictSame(left.peer.clearance?.kind, 'left', 'DRBD of a node that left runs on');
  t.end();
});

t.test('clearance: away for longer than deadtime, no old clearance is kept (S7)', (t) => {
  const driver = new Driver().probed().hear().pass(2_000).power('off');
  const { deadtimeMs } = driver.state.spec.heartbeat;
  const away = (forMs: number) => isOtherHalfOff(driver.state, 'mysql', driver.nowMs + forMs);
  t.same([deadtimeMs - 1, deadtimeMs].map(away), [true, false], 'also before it is turned again');
  driver.nowMs += 4_000;
  driver.give({ kind: 'tick' });
  t.equal(driver.peer.clearance, null);
  t.match(driver.sentences[0], /stood still for .*holds no old clearance/);
  t.end();
});

t.test('clearance: a last word that does not name this life of ours came late (S1, seed 18006179)', (t) => {
  for (const hears of [{}, { n2: 7 }, { n1: 6 }] as Record<string, number>[]) {
    const driver = new Driver().probed().hear({ hears }).hear({ hears, phase: 'left' });
    t.equal(driver.peer.clearance, null);
    t.equal(driver.group.life, 'stopped');
  }
  const driver = new Driver().probed().hear();
  t.match(driver.pass(300).of('send').at(-1)?.report.hears, { n2: 3 }, 'this node says whom it hears');
  t.end();
});
