// Writes that DRBD holds back and nobody asks about any more: when they go on, and when they wait.

import t from 'tap';
import type { DrbdFacts } from '../../src/drbd/facts.js';
import { viewStatus } from '../../src/failover/view.js';
import { drbd, Driver } from './driver.js';

const HELD = { role: 'Primary', connection: 'WFConnection', peerRole: 'Unknown', ioSuspended: true } as const;

function held(change: Partial<DrbdFacts> = {}): DrbdFacts {
  return { ...drbd(HELD), fencing: 'resource-and-stonith', suspensions: ['fencing'], ...change };
}

/** It runs here; DRBD has lost n2 and holds back the writes; n2 falls silent and is confirmed off. */
function alone(facts = held()): Driver {
  const driver = new Driver().running();
  driver.give({ kind: 'drbd', facts: [facts] }).pass(2_500);
  return driver.power('off');
}

function summary(driver: Driver): string {
  return viewStatus(driver.state, [], driver.nowMs).verdict.summary;
}

/** The orders of the time that passes, with DRBD read as ever. */
function ordersIn(driver: Driver, forMs = 20_000): readonly unknown[] {
  return driver.pass(forMs).of('resumeIo');
}

t.test('resume: once the other half is confirmed off the writes go on, and that is said', (t) => {
  const driver = alone();
  t.same(ordersIn(driver, 2_900), [], 'a handler that was just answered comes first');
  t.match(summary(driver), /held back: n2 is confirmed off: n1 lets them go on/);
  t.match(driver.pass(200).of('resumeIo'), [{ resource: 'r0' }]);
  t.match(driver.sentences, [/^n1 lets the writes to DRBD resource r0 go on .*n2 is confirmed off, and no handler/]);
  const { resumeId } = driver.of('resumeIo')[0]!;
  t.same(ordersIn(driver), [], 'one order at a time');
  driver.give({ kind: 'resumeResult', resumeId, outcome: 'ok', reason: 'it succeeded' });
  t.match(driver.sentences, [/^The writes to DRBD resource r0 go on: it succeeded/]);
  driver.give({ kind: 'drbd', facts: [drbd({ ...HELD, ioSuspended: false })] });
  t.same(driver.state.resumes, {});
  t.same(ordersIn(driver), []);
  t.match(driver.state.copies['r0'], { kind: 'current', ahead: true }, 'what is written now nobody else has');
  t.end();
});

t.test('resume: a silent node is not off, nor is one that has left or is heard again', (t) => {
  const silent = new Driver().running();
  silent.give({ kind: 'drbd', facts: [held()] });
  t.same(ordersIn(silent), []);
  t.match(summary(silent), /once n2 is confirmed off, by fencing or by a person: tandem fence confirm n2/);

  const left = new Driver().running().hear({ phase: 'left' });
  left.give({ kind: 'drbd', facts: [held()] });
  t.same(ordersIn(left), []);

  const heard = alone().hear();
  t.same(ordersIn(heard), []);

  const back = alone(drbd({ role: 'Primary' }));
  back.give({ kind: 'drbd', facts: [drbd({ ...HELD, ioSuspended: false })] });
  back.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
  t.equal(back.peer.clearance?.kind, 'back');
  back.give({ kind: 'drbd', facts: [held()] });
  t.equal(back.peer.clearance, null, 'lost again, and no handler asks');
  t.same(back.pass(500).of('resumeIo'), []);
  t.match(back.state.peers['n2']?.fencing.running, { step: 'status' }, 'it is found out anew');
  t.end();
});

t.test('resume: a person’s word is an account like any other', (t) => {
  const driver = new Driver({ fencing: {} }).running();
  driver.give({ kind: 'drbd', facts: [held()] }).pass(5_000);
  driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'I pulled the plug' });
  t.equal(ordersIn(driver).length, 1);
  t.end();
});

t.test('resume: only writes that wait for fencing alone, of a good copy that is used here', (t) => {
  const rows: readonly (readonly [string, DrbdFacts])[] = [
    ['suspended by a person', held({ suspensions: ['user'] })],
    ['by both', held({ suspensions: ['user', 'fencing'] })],
    ['no disk', held({ suspensions: ['no-data'] })],
    ['a source that does not tell', { ...drbd(HELD), fencing: 'resource-and-stonith' }],
    ['nothing is held back', held({ ioSuspended: false })],
    ['connected', held({ connection: 'Connected' })],
    ['syncing', held({ connection: 'SyncSource' })],
    ['Secondary', held({ role: 'Secondary' })],
    ['not UpToDate', held({ disk: 'Consistent' })],
  ];
  for (const [name, facts] of rows) t.same(ordersIn(alone(facts)), [], name);
  t.equal(ordersIn(alone()).length, 1, 'and with none of it they go on');
  t.end();
});

t.test('resume: not while a handler asks, nor while operators hold it', (t) => {
  const asked = alone();
  asked.state = {
    ...asked.state,
    fencePeers: [{ requestId: 'q9', resource: 'r0', node: 'n3', version: 1, askedMs: 0, untilMs: 1e9, waitsFor: '' }],
  };
  t.same(ordersIn(asked), []);
  for (const hold of [{ kind: 'maintenance' }, { kind: 'freeze', group: 'mysql' }] as const) {
    const driver = alone();
    driver.operator({ ...hold, by: 'kim', reason: null, forMs: null });
    t.same(ordersIn(driver), [], hold.kind);
  }
  t.end();
});

t.test('resume: a group that is stopped here is none that waits', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'drbd', facts: [held()] });
  driver.hear({}, { barred: true }).pass(2_500);
  t.not(driver.group.life, 'started');
  t.same(ordersIn(driver), []);
  t.end();
});

t.test('resume: a refusal is tried again, five times in all, and then a person is told', (t) => {
  const driver = alone().pass(3_100);
  let orders = 0;
  for (let wait = 0; wait < 20; wait += 1) {
    for (const { resumeId } of driver.of('resumeIo')) {
      orders += 1;
      driver.give({ kind: 'resumeResult', resumeId, outcome: 'failed', reason: 'it says no' });
      t.match(driver.sentences, [/do not go on: it says no/]);
    }
    driver.pass(2_100);
  }
  t.equal(orders, 5);
  t.match(summary(driver), /letting them go on has failed: it says no \(drbdadm resume-io r0\)/);
  t.end();
});
