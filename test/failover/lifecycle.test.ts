/** The life of a group on one node: order, failures, stops that fail, what is found at the start. */
import t from 'tap';
import { Driver } from './driver.js';

t.test('lifecycle: starts left to right, each after the one before (S10)', (t) => {
  const driver = new Driver().probed().hear().hearGrant();
  const deeds = [...driver.deeds];
  while (driver.group.life === 'starting') deeds.push(...driver.done().deeds);
  t.same(deeds, ['start 0', 'start 1', 'start 2', 'start 3']);
  t.equal(driver.group.life, 'started');
  t.end();
});

t.test('lifecycle: a start that fails is taken back from right to left, and bars the node', (t) => {
  for (const outcome of ['failed', 'timeout'] as const) {
    const driver = new Driver().probed().hear().hearGrant().done().done();
    const deeds = [...driver.done(outcome).deeds];
    while (driver.group.life === 'stopping') deeds.push(...driver.done().deeds);
    t.same(deeds, ['stop 2', 'stop 1', 'stop 0'], outcome);
    t.match(driver.group, { life: 'stopped', claim: null });
    t.match(driver.group.barred, { reason: /the start of ip:10.9.0.100 failed on n1/ });
    t.notOk(driver.pass(30_000).deeds.includes('start 0'), 'not tried again here');
  }
  t.end();
});

t.test('lifecycle: a stop that fails leaves the state open, until a cleanup looks (S3)', (t) => {
  for (const outcome of ['failed', 'timeout'] as const) {
    const driver = new Driver().running();
    driver.operator({ kind: 'standby', node: 'n1' }).done(outcome);
    t.match(driver.group, { life: 'stopFailed', claim: null });
    t.match(driver.sentences.join(), /no node starts mysql until n1 is fenced or "tandem cleanup/);
    t.same(driver.pass(10_000).deeds, [], 'nothing is tried behind the operator’s back');
    driver.operator({ kind: 'cleanup', group: 'mysql' });
    t.same(driver.deeds, ['probe 0']);
    while (driver.group.life === 'unknown') driver.done('ok', 'stopped');
    t.equal(driver.group.life, 'stopped');
  }
  t.end();
});

t.test('lifecycle: what runs at the start is adopted, what half runs is stopped (S7)', (t) => {
  const whole = new Driver({}, { generation: 6, peers: {}, epochs: { mysql: 4 }, orders: [] });
  whole.give({ kind: 'tick' });
  while (whole.group.life === 'unknown') whole.done('ok', 'started');
  t.match(whole.group, { life: 'started', epoch: 4 });

  const half = new Driver().give({ kind: 'tick' });
  half.done('ok', 'started').done('ok', 'stopped').done('ok', 'stopped').done('ok', 'stopped');
  t.equal(half.group.life, 'stopping');
  t.same(half.deeds, ['stop 0']);

  const blind = new Driver().give({ kind: 'tick' });
  for (let index = 0; index < 4; index += 1) blind.done('failed', 'unknown');
  t.equal(blind.group.life, 'unknown', 'no answer is not stopped');
  t.equal(blind.state.phase, 'starting');
  t.ok(blind.pass(3_000).deeds.includes('probe 0'), 'looked at again');
  t.end();
});

t.test('lifecycle: a failure is confirmed by a second look, then restarted in place', (t) => {
  const driver = new Driver().running();
  driver.pass(2_100);
  while (driver.group.action === null) driver.hear().pass(100);
  driver.done('ok', 'stopped');
  t.equal(driver.group.life, 'started', 'one look is not enough');
  t.match(driver.sentences[0], /looks stopped: .*; looking again/);
  driver.hear().pass(250).done('ok', 'started');
  t.equal(driver.group.life, 'started');
  t.same(driver.group.suspects, {}, 'slow is not dead');
  t.same(driver.group.failuresMs, []);
  t.end();
});

t.test('lifecycle: who runs it under an older claim stops itself (S1)', (t) => {
  const driver = new Driver().running();
  driver.hear({}, { life: 'started', epoch: 2 });
  t.equal(driver.group.life, 'stopping');
  t.match(driver.sentences[0], /n2 runs mysql under a newer claim than n1/);
  for (const epoch of [0, 1]) {
    const even = new Driver().running().hear({}, { life: 'stopping', epoch });
    t.equal(even.group.life, 'started', 'no newer claim, no stop');
  }
  const older = new Driver().running().hear({}, { life: 'started', epoch: 0 });
  t.equal(older.group.life, 'started', 'the newer claim goes on');
  t.end();
});

t.test('lifecycle: leaving stops everything, then says so, then ends', (t) => {
  const driver = new Driver().running().give({ kind: 'leave' });
  const deeds = [...driver.deeds];
  while (driver.group.life === 'stopping') {
    t.equal(driver.of('send').at(-1)?.report.phase ?? 'leaving', 'leaving');
    deeds.push(...driver.done().deeds);
  }
  t.same(deeds, ['stop 3', 'stop 2', 'stop 1', 'stop 0']);
  t.equal(driver.of('send').at(-1)?.report.phase, 'left');
  driver.pass(500);
  t.same(driver.deeds, ['exit']);
  t.ok(driver.of('send').length >= 2, 'the last word is said again: a lost one would be shot at');
  t.end();
});
