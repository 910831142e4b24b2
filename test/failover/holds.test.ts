/** What operators lay on the cluster: registers with a name, a reason and an end. */
import fc from 'fast-check';
import t from 'tap';
import type { OperatorRequest } from '../../src/base/control.js';
import { holdKey, holdSentence, layHold, maintenanceOf, standstillOf } from '../../src/failover/holds.js';
import { NOTHING_SAVED } from '../../src/failover/state.js';
import { Turn } from '../../src/failover/turn.js';
import { viewStatus } from '../../src/failover/view.js';
import type { Order } from '../../src/heartbeat/report.js';
import { Driver, drbd } from './driver.js';

const WALL_AHEAD_MS = 1_768_208_400_000;
const FREEZE = { kind: 'freeze', group: 'mysql', by: 'kim', reason: 'new disk', forMs: null } as const;
const MAINTENANCE = { kind: 'maintenance', by: 'kim', reason: null, forMs: null } as const;

function order(driver: Driver, key: string): Order | undefined {
  return driver.state.orders[key];
}

/** n2 says what n1 says. */
function known(driver: Driver): Driver {
  return driver.hear({ orders: Object.values(driver.state.orders) });
}

function answer(driver: Driver, request: OperatorRequest): string {
  const [given] = driver.operator(request).of('answer');
  return `${given?.answer.state ?? 'none'}: ${given?.answer.message ?? ''}`;
}

t.test('holds: what is written into a register is what is read from it', (t) => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
  const property = fc.property(text, fc.option(text), fc.option(fc.nat(4_000_000_000)), (...args) => {
    const [by, reason, until] = args;
    const untilWallMs = until === null ? null : until * 1_000;
    const turn = new Turn(new Driver().state, 0);
    const hold = { kind: 'maintenance', group: null, by, reason, untilWallMs } as const;
    layHold(turn, hold);
    const value = turn.state.orders['maintenance']?.value ?? '';
    t.notMatch(value, /[ \n\r]/, 'one word on the wire');
    t.strictSame(maintenanceOf(turn.state), hold);
  });
  fc.assert(property, { numRuns: 200 });
  t.end();
});

t.test('holds: a register that cannot be read is a hold all the same', (t) => {
  for (const value of ['kim', ';;', 'kim;soon;%zz', '%;;;;', 'kim;99999999999999;x']) {
    const driver = new Driver().running();
    driver.hear({ orders: [{ key: 'freeze.mysql', value, version: 1, origin: 'n2' }] });
    t.equal(standstillOf(driver.state, 'mysql')?.untilWallMs, null, value);
  }
  const driver = new Driver().running();
  driver.hear({ orders: [{ key: 'freeze.other', value: 'kim', version: 1, origin: 'n2' }] });
  t.equal(order(driver, 'freeze.other'), undefined, 'a group that is not known here');
  t.end();
});

t.test('holds: of two laid at once the one that lost is not told to stand', (t) => {
  const driver = new Driver().running().hear();
  answer(driver, FREEZE);
  const { version = 0 } = order(driver, 'freeze.mysql') ?? {};
  const theirs = { key: 'freeze.mysql', value: 'lee;1768212000;x', version, origin: 'm9' };
  driver.hear({ orders: [theirs] });
  const [given] = driver.of('answer');
  t.equal(given?.answer.state, 'failed');
  t.match(given?.answer.message, /frozen by lee: x \(until .*\): that was asked for meanwhile, and stands instead$/);
  t.end();
});

t.test('holds: a freeze is done when every node that is heard has it', (t) => {
  const driver = new Driver().running().hear();
  t.equal(
    answer(driver, FREEZE),
    'accepted: mysql is frozen by kim: new disk (no end set)',
  );
  driver.hear();
  t.same(driver.of('answer'), [], 'n2 does not say so yet');
  known(driver);
  t.match(driver.of('answer'), [{ answer: { state: 'done', message: /; every node knows$/ } }]);
  driver.pass(2_000);
  t.match(answer(driver, FREEZE), /^accepted/);
  driver.pass(300);
  t.match(driver.of('answer'), [], 'done at once: nobody is heard');
  t.match(
    Object.values(driver.state.requests).at(-1)?.message,
    /; n2 cannot be told before it is heard, and may act as if it were not so$/,
  );
  t.end();
});

t.test('holds: the same words of another node prove nothing: they are given once more (80037241)', (t) => {
  const driver = new Driver().running().hear();
  answer(driver, FREEZE);
  const lost = order(driver, 'freeze.mysql') ?? { key: '', value: '', version: 0, origin: '' };
  const theirs = { ...lost, origin: 'm9' };
  driver.hear({ orders: [theirs] });
  t.same(driver.of('answer'), [], 'it may be lifted there already');
  const again = { ...lost, version: lost.version + 1, origin: 'n1' };
  t.same(order(driver, 'freeze.mysql'), again);
  driver.hear({ orders: [{ ...again, origin: 'm9' }] });
  t.match(order(driver, 'freeze.mysql'), { version: again.version, origin: 'm9' }, 'once, and no more');
  t.match(driver.of('answer'), [{ answer: { state: 'done', message: /; every node knows$/ } }]);

  const lifted = new Driver().running().hear();
  answer(lifted, FREEZE);
  lifted.hear({ orders: [theirs] }).hear({ orders: [{ ...theirs, version: again.version, value: '-' }] });
  t.match(lifted.of('answer'), [{ answer: { state: 'failed', message: /it was lifted meanwhile$/ } }]);
  t.end();
});

t.test('holds: a group that is stopping is not frozen half way', (t) => {
  const driver = new Driver().running().hear();
  driver.operator({ kind: 'move', group: 'mysql', to: 'n2' });
  t.match(answer(driver, FREEZE), /^refused: mysql is stopping just now/);
  t.match(answer(driver, MAINTENANCE), /^refused: mysql is stopping just now/);
  t.equal(order(driver, 'freeze.mysql'), undefined);
  t.end();
});

t.test('holds: an order to move from elsewhere moves nothing that is frozen', (t) => {
  const frozen = new Driver().running().hear();
  frozen.operator(FREEZE);
  frozen.hear({ orders: [{ key: 'move.mysql', value: 'n2', version: 4, origin: 'n2' }] });
  t.equal(frozen.group.life, 'started', 'it does not move while it is frozen');
  frozen.operator(FREEZE);
  t.equal(order(frozen, 'move.mysql')?.value, '-', 'frozen anew, the old errand is dropped');
  t.end();
});

t.test('holds: nothing is fenced for what is frozen, and nobody takes it over', (t) => {
  const driver = new Driver().running().hear();
  driver.operator(FREEZE);
  driver.pass(4_000);
  t.equal(driver.peer.verdict, 'dead');
  t.same(driver.deeds.filter((deed) => /n2/.test(deed)), [], 'n2 is silent and left alone');
  driver.operator({ kind: 'unfreeze', group: 'mysql', by: 'kim' });
  t.same(driver.deeds, ['status n2'], 'now it is the old rule again');
  t.end();
});

t.test('holds: an end by the clock of the node that set it (clocks apart, clock set)', (t) => {
  const driver = new Driver().running().hear();
  t.match(answer(driver, { ...FREEZE, forMs: 60_000 }), /^refused: The time of day is not known/);
  driver.give({ kind: 'clock', wallAheadMs: WALL_AHEAD_MS });
  t.match(answer(driver, { ...FREEZE, forMs: 60_000 }), /\(until 2026-01-12T09:01:0\dZ\)$/);
  driver.pass(30_000).give({ kind: 'clock', wallAheadMs: WALL_AHEAD_MS - 3_600_000 });
  driver.pass(60_000);
  t.not(standstillOf(driver.state, 'mysql'), null, 'the clock was set back an hour');
  driver.give({ kind: 'clock', wallAheadMs: WALL_AHEAD_MS }).pass(1_000);
  t.equal(standstillOf(driver.state, 'mysql'), null);

  const other = new Driver().running().hear();
  other.give({ kind: 'clock', wallAheadMs: WALL_AHEAD_MS });
  const value = `kim;${String(WALL_AHEAD_MS / 1_000)};`;
  const theirs = { key: 'freeze.mysql', value, version: 1, origin: 'n2' };
  other.hear({ orders: [theirs] });
  t.not(standstillOf(other.state, 'mysql'), null, 'over by our clock, and theirs counts');
  other.pass(4_000);
  t.equal(standstillOf(other.state, 'mysql'), null, 'they are away: ours counts');
  t.equal(order(other, 'freeze.mysql')?.version, 2, 'and they hear of it');
  t.end();
});

t.test('holds: they outlive a restart, errands do not', (t) => {
  const keys = ['freeze.mysql', 'disable.mysql', 'maintenance', 'mode.n1', 'move.mysql', 'restart.mysql'];
  const orders = keys.map((key) => ({ key, value: 'kim;;', version: 3, origin: 'n1' }));
  const driver = new Driver({}, { ...NOTHING_SAVED, orders });
  t.strictSame(Object.keys(driver.state.orders), keys.slice(0, 4));
  t.end();
});

t.test('holds: a node that leaves in maintenance leaves what runs, and says no last word', (t) => {
  const driver = new Driver().running().hear();
  driver.operator(MAINTENANCE);
  known(driver).give({ kind: 'leave' });
  t.same(driver.deeds, ['exit']);
  t.not(driver.state.phase, 'left');
  t.match(driver.sentences, ['n1 is asked to leave: it leaves what operators hold as it is', /leaves mysql as it is/]);
  t.end();
});

t.test('holds: what was found half started stays so, and is looked at again', (t) => {
  const saved = { ...NOTHING_SAVED, orders: [{ key: 'maintenance', value: 'kim;;', version: 1, origin: 'n1' }] };
  const driver = new Driver({}, saved).give({ kind: 'drbd', facts: [drbd()] });
  for (const state of ['started', 'started', 'started', 'stopped'] as const) driver.done('ok', state);
  t.equal(driver.group.life, 'unknown');
  t.equal(driver.state.phase, 'up', 'the node takes part all the same');
  driver.hear().pass(5_100);
  t.match(driver.deeds, ['probe 0'], 'looked at again');
  for (let at = 0; at < 4; at += 1) driver.done('ok', 'started');
  t.equal(driver.group.life, 'started', 'somebody started the rest: adopted');
  t.end();
});

t.test('holds: a restart needs a group that runs; every name is checked', (t) => {
  const driver = new Driver().probed().hear();
  const rows: readonly (readonly [OperatorRequest, RegExp])[] = [
    [{ kind: 'restart', group: 'mysql', by: 'kim' }, /^refused: .*it runs nowhere/],
    [{ kind: 'restart', group: 'x', by: 'kim' }, /^refused: There is no group "x"/],
    [{ ...FREEZE, group: 'x' }, /^refused: There is no group "x"/],
    [{ kind: 'unfreeze', group: 'mysql', by: 'kim' }, /^done: There is no freeze of mysql/],
    [{ kind: 'enable', group: 'mysql', by: 'kim' }, /^done: mysql is not disabled/],
    [{ kind: 'endMaintenance', by: 'kim' }, /^done: There is no maintenance/],
  ];
  for (const [request, sentence] of rows) t.match(answer(driver, request), sentence);
  t.end();
});

t.test('holds: shown in status with owner, reason and end, and kept in the history', (t) => {
  const driver = new Driver().running().hear().give({ kind: 'clock', wallAheadMs: WALL_AHEAD_MS });
  driver.operator({ ...FREEZE, forMs: 3_600_000 });
  known(driver).operator(MAINTENANCE);
  const status = viewStatus(driver.state, [], driver.nowMs);
  const until = '2026-01-12T10:00:01Z';
  t.match(status.maintenance, { kind: 'maintenance', by: 'kim', reason: null, until: null });
  t.match(status.groups[0]?.holds, [{ kind: 'freeze', by: 'kim', reason: 'new disk', until }]);
  t.strictSame(status.nodes.map(({ mode }) => mode), ['maintenance', 'maintenance']);
  const triggers = driver.state.history.map(({ group, trigger }) => `${group}: ${trigger}`);
  t.match(triggers.slice(-2), [`mysql: mysql is frozen by kim: new disk (until ${until})`, /^\*: the cluster/]);
  const hold = maintenanceOf(driver.state);
  t.equal(hold === null ? '' : holdSentence(hold), 'the cluster is in maintenance by kim: no reason given (no end set)');
  t.equal(holdKey('maintenance', null), 'maintenance');
  t.end();
});

t.test('holds: a daemon that comes back stops nothing by old orders before it has heard the others', (t) => {
  const orders = [{ key: 'mode.n1', value: 'standby;kim;;', version: 1, origin: 'n1' }];
  const adopted = (): Driver => {
    const driver = new Driver({}, { ...NOTHING_SAVED, orders });
    driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
    while (driver.group.life === 'unknown') driver.done('ok', 'started');
    return driver.pass(1_000);
  };
  t.equal(adopted().group.life, 'started', 'its orders may be old news');
  t.equal(adopted().hear().pass(500).group.life, 'stopping', 'they are not');
  const online = [{ key: 'mode.n1', value: 'online;kim;;', version: 2, origin: 'n2' }];
  t.equal(adopted().hear({ orders: online }).pass(500).group.life, 'started', 'they are');
  const alone = adopted();
  for (let round = 0; round < 12 && alone.group.life === 'started'; round += 1) {
    alone.pass(500);
    if (alone.group.action?.verb === 'monitor') alone.done();
  }
  t.ok(alone.nowMs > 6_000, 'not before');
  t.equal(alone.group.life, 'stopping', 'nobody is there to tell: initdead is over');
  t.end();
});
