/** Another configuration while the node runs: the table of reload.ts, row by row. */
import t from 'tap';
import type { ClusterSpec } from '../../src/failover/spec.js';
import { databaseGroup } from '../../src/sim/household.js';
import { Driver, GROUP, SPEC } from './driver.js';

const SHORTER = { ...GROUP, resources: GROUP.resources.slice(0, 3) };
const FILES = { ...databaseGroup('files', ['n2', 'n1']), name: 'files' };

function reload(driver: Driver, change: Partial<ClusterSpec>): string {
  const spec = { ...SPEC, digest: 'd2', ...change };
  const [given] = driver.give({ kind: 'reload', requestId: 'q', spec }).of('answer');
  return `${given?.answer.state ?? 'none'}: ${given?.answer.message ?? ''}`;
}

t.test('reload: the same again changes nothing and does nothing', (t) => {
  const driver = new Driver().running().hear();
  const before = driver.state;
  t.match(reload(driver, { digest: 'd1' }), /^done: .*nothing changes for the groups$/);
  t.same(driver.deeds, []);
  t.strictSame(driver.state.groups, before.groups);
  t.equal(driver.state.timingToCome, null);
  t.end();
});

t.test('reload: edits of a group (running, resting)', (t) => {
  const rows: readonly (readonly [string, Partial<ClusterSpec>, RegExp, RegExp])[] = [
    ['failback', { groups: [{ ...GROUP, failback: 'when-synced' }] }, /^done/, /^done/],
    ['nodes', { groups: [{ ...GROUP, prefer: ['n2', 'n1'] }] }, /^done/, /^done/],
    ['resources', { groups: [SHORTER] }, /^refused: .*the resources of mysql differ and it is started on n1; first: tandem disable mysql$/, /^done/],
    ['removed', { groups: [] }, /^refused: .*group mysql is removed and does not rest/, /^done/],
    ['added', { groups: [GROUP, FILES] }, /^done: .*group files is added$/, /^done/],
    ['all nodes', { nodes: ['n1', 'n2', 'n3'] }, /^refused: .*the nodes cannot be changed/, /^refused/],
    ['cluster', { cluster: 'store' }, /^refused: .*the name of the cluster/, /^refused/],
  ];
  for (const [name, change, whileRunning, atRest] of rows) {
    const running = new Driver().running().hear();
    const { state } = running;
    t.match(reload(running, change), whileRunning, `${name}: running`);
    t.equal(running.state.groups['mysql']?.life ?? 'gone', 'started', `${name}: it runs on`);
    if (whileRunning.source.startsWith('^refused')) {
      t.equal(running.state.spec.digest, 'd1', 'nothing was taken');
      t.strictSame(running.state.groups, state.groups);
    }
    t.same(running.deeds.filter((deed) => /^(start|stop)/.test(deed)), [], `${name}: no deed`);
    t.match(reload(new Driver().probed().hear(), change), atRest, `${name}: at rest`);
  }
  t.end();
});

t.test('reload: what is removed leaves nothing behind, what is changed is looked at anew', (t) => {
  const driver = new Driver().probed().hear();
  driver.operator({ kind: 'disable', group: 'mysql', by: 'kim', reason: null, forMs: null });
  reload(driver, { groups: [SHORTER] });
  t.equal(driver.group.life, 'unknown');
  t.same(driver.deeds, ['probe 0']);
  t.equal(driver.state.orders['disable.mysql']?.version, 1, 'still disabled');
  while (driver.group.life === 'unknown') driver.done('ok', 'stopped');
  reload(driver, { groups: [], digest: 'd3' });
  t.strictSame(driver.state.groups, {});
  t.equal(driver.state.orders['disable.mysql'], undefined);
  driver.hear({ orders: [{ key: 'disable.mysql', value: 'kim;;', version: 9, origin: 'n2' }] });
  t.equal(driver.state.orders['disable.mysql'], undefined, 'nor does it come back from others');
  t.end();
});

t.test('reload: timing waits for the other node, both ways (faster, slower)', (t) => {
  const slow = { keepaliveMs: 2_000, warntimeMs: 8_000, deadtimeMs: 15_000, initdeadMs: 50_000 };
  const driver = new Driver().running().hear();
  reload(driver, { heartbeat: slow });
  t.match(driver.state.spec.heartbeat, { keepaliveMs: 200, deadtimeMs: 15_000 });
  driver.hear({ digest: 'd2' });
  t.strictSame(driver.state.spec.heartbeat, slow);
  t.match(driver.sentences, ['Every node has configuration d2 now']);
  reload(driver, { digest: 'd1' });
  t.match(driver.state.spec.heartbeat, { keepaliveMs: 200, deadtimeMs: 15_000 });
  driver.hear({ digest: 'd1' });
  t.strictSame(driver.state.spec.heartbeat, SPEC.heartbeat);
  t.end();
});

t.test('reload: nobody takes over from a node with another configuration (S9)', (t) => {
  const there = { life: 'started', epoch: 4, claim: { epoch: 4, rank: 1 } } as const;
  const driver = new Driver().probed().hear({ digest: 'd2' }, there);
  t.equal(driver.group.claim, null);
  driver.pass(8_000);
  t.equal(driver.peer.verdict, 'dead');
  t.equal(driver.group.claim, null);
  t.match(driver.group.blocked, /n1 takes over nothing from n2, which ran mysql and is incompatible/);
  reload(driver, {});
  t.not(driver.group.claim, null, 'the same configuration: the usual rules');
  t.end();
});

t.test('reload: a last word says nothing of a group that comes later (S2)', (t) => {
  const driver = new Driver({ groups: [GROUP] }).probed().hear().hear({ phase: 'left' });
  t.equal(driver.peer.clearance?.kind, 'left');
  const files = { ...FILES, resources: FILES.resources.slice(2) };
  t.match(reload(driver, { groups: [GROUP, files] }), /^done/);
  for (let round = 0; round < 40; round += 1) {
    const { action } = driver.state.groups['files'] ?? {};
    if (action == null) driver.pass(100);
    else driver.give({ kind: 'actionResult', actionId: action.actionId, outcome: 'ok', state: 'stopped', reason: '' });
    if (driver.group.action?.verb === 'start') driver.done();
  }
  const { life, blocked } = driver.state.groups['files'] ?? {};
  t.equal(life, 'stopped');
  t.match(blocked, /n2 has left with a configuration without files, .*tandem fence confirm n2/);
  t.same(driver.of('fence'), [], 'nobody is shot for it');
  driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'it is off' });
  t.equal(driver.state.groups['files']?.life, 'starting');
  t.end();
});

t.test('reload: a grant to a claim of before says nothing for a group that was away (S2, seed 120000620)', (t) => {
  const driver = new Driver().probed().hear();
  const { epoch = 0 } = driver.group.claim ?? {};
  t.equal(epoch, 1);
  const away = new Driver().probed().hear();
  reload(away, { groups: [] });
  reload(away, { digest: 'd1' });
  away.hear({}, { grant: { node: 'n1', generation: 7, epoch } });
  while (away.group.life === 'unknown') away.done('ok', 'stopped');
  t.match(away.group.claim, { epoch: epoch + 1 });
  t.equal(away.group.life, 'stopped');
  t.end();
});

t.test('reload: a node that leaves takes no configuration any more (S1, seeds 110008914, 110018472)', (t) => {
  const leaving = new Driver().running().hear().give({ kind: 'leave' });
  t.equal(leaving.state.phase, 'leaving');
  t.match(reload(leaving, { groups: [GROUP, FILES] }), /^refused: .*n1 is leaving; the next start of tandemd reads/);
  const left = new Driver({ groups: [] }).give({ kind: 'tick' }).give({ kind: 'leave' });
  t.equal(left.state.phase, 'left');
  t.match(reload(left, {}), /^refused/, 'what runs here of a new group has no place in a last word');
  t.same(left.pass(300).of('send').at(-1)?.report.groups, []);

  const driver = new Driver().probed().hear().hear({ phase: 'left' }, { life: 'unknown' });
  t.equal(driver.peer.clearance, null, 'nor is a word the last one that says less than "stopped"');
  t.end();
});

t.test('reload: an order to settle a split brain outlives it, as long as its resource is used', (t) => {
  const orders = { 'discard.r0': { key: 'discard.r0', value: 'x', version: 1, origin: 'n1' } };
  const after = (groups: ClusterSpec['groups']): string[] => {
    const driver = new Driver().probed().hear();
    driver.state = { ...driver.state, orders };
    reload(driver, { groups });
    return Object.keys(driver.state.orders);
  };
  t.ok(after([{ ...GROUP, failback: 'when-synced' }]).includes('discard.r0'));
  t.notOk(after([{ ...GROUP, resources: GROUP.resources.slice(1) }]).includes('discard.r0'));
  t.end();
});
