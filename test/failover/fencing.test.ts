/** S5, S6: who may shoot, when, and how often. */
import t from 'tap';
import { drbd, Driver } from './driver.js';

function takeover(): Driver {
  return new Driver().probed().hear().pass(1_600);
}

t.test('fencing: the status is asked first, the shot waits for the head start (S5)', (t) => {
  const driver = takeover();
  t.same(driver.deeds, ['status n2']);
  driver.power('on');
  t.same(driver.deeds, [], 'no shot before the head start is over');
  driver.pass(600);
  t.same(driver.deeds, ['shoot n2']);
  driver.power('off');
  t.equal(driver.group.life, 'starting');
  t.end();
});

t.test('fencing: a node that is off already is not shot', (t) => {
  const driver = takeover().power('off');
  t.equal(driver.group.life, 'starting');
  t.notOk(driver.pass(5_000).deeds.includes('shoot n2'));
  t.end();
});

/** DRBD loses the other half and finds it again, while the power device is asked. */
function connecting(driver: Driver): Driver {
  driver.give({ kind: 'drbd', facts: [drbd({ connection: 'WFConnection', peerDisk: 'DUnknown' })] });
  return driver.give({ kind: 'drbd', facts: [drbd()] }).pass(10);
}

t.test('fencing: a power state that was read before DRBD connected proves nothing (S2)', (t) => {
  const driver = connecting(takeover()).power('off');
  t.match(driver.sentences, [/DRBD connected to n2 while its power device was asked: it is asked again/, /asks/]);
  t.equal(driver.peer.clearance, null);
  t.same(driver.deeds, ['status n2'], 'it is asked anew');
  t.match(driver.power('off').peer.clearance, { kind: 'fenced' }, 'and believed, as long as nothing connects');
  t.end();
});

t.test('fencing: what DRBD heard during a shot was heard before it (S2)', (t) => {
  const driver = takeover().power('on').pass(600);
  t.match(driver.peer.fencing.running, { step: 'shoot' });
  t.match(connecting(driver).power('off').peer.clearance, { kind: 'fenced' });
  t.equal(driver.group.life, 'starting', 'its connection may be cut off');
  t.end();
});

t.test('fencing: an order of a person goes on when DRBD connects while the device is asked', (t) => {
  const driver = takeover();
  driver.operator({ kind: 'fence', node: 'n2', by: 'kim', reason: 'it hangs', sure: true });
  connecting(driver).power('off');
  t.equal(driver.peer.fencing.order?.end, null);
  t.same(driver.deeds, ['status n2']);
  driver.power('off');
  t.match(driver.peer.fencing.order?.end, { ok: true });
  t.end();
});

t.test('fencing: the holder gives no head start', (t) => {
  const driver = new Driver().running().pass(1_600);
  t.ok(driver.deeds.includes('status n2'));
  driver.power('on');
  t.same(driver.deeds, ['shoot n2']);
  t.end();
});

t.test('fencing: a node that boots alone asks, and never shoots (S5)', (t) => {
  const driver = new Driver().probed().pass(6_000);
  t.ok(driver.deeds.includes('status n2'));
  const deeds: string[] = [];
  for (let round = 0; round < 10; round += 1) {
    driver.power('on');
    deeds.push(...driver.pass(6_000).deeds);
  }
  t.same([...new Set(deeds)], ['status n2'], 'asked again and again, never shot');
  t.match(driver.group.blocked, /has not heard it since its own start/);
  t.end();
});

t.test('fencing: failures pause longer and longer, and nothing is started meanwhile', (t) => {
  const driver = takeover();
  const shotsMs: number[] = [];
  const untilMs = driver.nowMs + 120_000;
  while (driver.nowMs < untilMs) {
    const running = driver.peer.fencing.running;
    if (running === null) driver.pass(50);
    else {
      if (running.step === 'shoot') shotsMs.push(driver.nowMs);
      driver.power('failed');
    }
    t.equal(driver.group.life, 'stopped');
  }
  const pauses = shotsMs
    .slice(1)
    .map((at, index) => Math.round((at - (shotsMs[index] ?? 0)) / 1_000));
  t.same(pauses.slice(0, 7), [1, 2, 4, 8, 15, 30, 30]);
  t.end();
});

t.test('fencing: shots that worked count as well: no loop forms', (t) => {
  const driver = takeover();
  const shotsMs: number[] = [];
  const untilMs = driver.nowMs + 60_000;
  let generation = 10;
  while (driver.nowMs < untilMs) {
    const running = driver.peer.fencing.running;
    if (running === null) driver.pass(50);
    else if (running.step === 'status') driver.power('on');
    else {
      shotsMs.push(driver.nowMs);
      // It comes up and is heard just before the power goes again.
      generation += 1;
      driver.hear({ generation });
      driver.power('off');
    }
  }
  t.ok(shotsMs.length >= 4 && shotsMs.length <= 7, `${String(shotsMs.length)} shots in a minute`);
  t.end();
});

t.test('fencing: a reading older than the last word proves nothing', (t) => {
  const status = takeover().hear().power('off');
  t.equal(status.peer.clearance, null, 'it spoke after the question');
  t.equal(status.group.life, 'stopped');

  const reborn = takeover().power('on').pass(600).hear({ generation: 4 }).power('off');
  t.equal(reborn.peer.clearance, null, 'a new generation speaks: the shot hit the one before');

  const last = takeover().power('on').pass(600).hear().power('off');
  t.match(last.peer.clearance, { kind: 'fenced' }, 'its own last word, while it was being shot');
  t.end();
});

t.test('fencing: three nodes shoot only with a majority (S5)', (t) => {
  const nodes = ['n1', 'n2', 'n3'];
  const fencing = { n1: [1], n2: [1], n3: [1] };
  const driver = new Driver({ nodes, fencing }).probed().hear();
  driver.hear({ node: 'n3' }).pass(2_000);
  driver.power('on', 'n2').power('on', 'n3');
  const { deeds, sentences } = driver.pass(3_000);
  t.notOk(deeds.some((deed) => deed.startsWith('shoot')));
  t.match(driver.peer.fencing.lastFailure, /sees 1 of 3 nodes, and 2 are needed/, sentences.join());
  t.end();
});

t.test('fencing: a node that stood still listens before it judges (S6)', (t) => {
  const driver = new Driver().probed().hear().pass(200);
  driver.nowMs += 1_400;
  driver.give({ kind: 'tick' });
  t.same(driver.deeds, []);
  t.equal(driver.peer.verdict, 'up', 'its own stall is no silence of the other');
  t.end();
});

t.test('fencing: a stop that failed gets the node fenced, at once and without a head start', (t) => {
  const driver = new Driver().probed().hear({}, { life: 'started', epoch: 1 });
  driver.hear({}, { life: 'stopFailed', epoch: 1 });
  t.same(driver.deeds, ['status n2']);
  driver.power('on');
  t.same(driver.deeds, ['shoot n2']);
  t.end();
});
