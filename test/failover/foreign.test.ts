// S9: what is heard of a node whose words this program cannot read.
import t from 'tap';
import { Driver, SPEC } from './driver.js';

const HEARTBEAT = { kind: 'foreign', detail: 'tv', node: 'n2', stamp: null } as const;

/** n2 says something in another protocol. */
function speaks(driver: Driver, generation: number, sequence: number, protocol = '2'): Driver {
  const stamp = { generation, sequence };
  const fault = { kind: 'otherProtocol', detail: protocol, node: 'n2', stamp } as const;
  return driver.give({ kind: 'foreign', link: 'eth0', fault });
}

/** It goes on to, for five times deadtime; what this node asked of the power device. */
function goesOn(driver: Driver, speak: (round: number) => void): readonly string[] {
  const asked: string[] = [];
  for (let round = 1; round <= 40; round += 1) {
    driver.pass(200);
    asked.push(...driver.of('fence').map(({ step }) => step));
    speak(round);
  }
  return asked;
}

t.test('foreign: a node that is heard is alive, in whatever protocol: nobody asks for its power', (t) => {
  const driver = new Driver().probed().hear({}, { life: 'started', epoch: 1 });
  const asked = goesOn(driver, (round) => speaks(driver, 4, round));
  t.same(asked, []);
  t.match(driver.peer, { verdict: 'up', incompatible: 'it speaks protocol 2, we speak 1' });
  t.match(driver.group, { life: 'stopped', claim: null });
  driver.pass(3_000);
  t.equal(driver.peer.verdict, 'dead', 'its silence is silence, too');
  t.end();
});

t.test('foreign: a Heartbeat is heard, never replaced, and never said to be silent', (t) => {
  const driver = new Driver().probed();
  const asked = goesOn(driver, () => {
    driver.give({ kind: 'foreign', link: 'eth0', fault: HEARTBEAT });
  });
  t.same(asked, []);
  t.match(driver.peer, { verdict: 'up', incompatible: 'it runs Heartbeat, not Tandem' });
  driver.pass(10_000);
  if (driver.peer.fencing.running?.step === 'status') driver.power('off');
  driver.pass(1_000);
  t.equal(driver.group.claim, null, 'off is not enough: what ran there could not be read (S9)');
  driver.operator({ kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'pulled the plug' });
  driver.pass(3_000);
  t.equal(driver.group.life, 'starting', 'a person may vouch for it');
  t.end();
});

t.test('foreign: after another release was heard, what the old one said comes too late', (t) => {
  const driver = new Driver().probed().hear();
  speaks(driver, 4, 1);
  const before = driver.peer.report;
  driver.hear({ generation: 3, sequence: 99 }, { life: 'stopped', grant: null });
  t.equal(driver.peer.report, before);
  t.equal(driver.peer.incompatible, 'it speaks protocol 2, we speak 1', 'it is not what it was');
  driver.hear({ generation: 5, sequence: 1 });
  t.equal(driver.peer.incompatible, null, 'a newer life may speak our protocol again');
  t.equal(speaks(driver, 4, 2).peer.incompatible, null, 'and the other one is over');
  t.end();
});

t.test('foreign: a reload makes no words readable, also when the last that could be read fit it', (t) => {
  for (const digest of ['d1', 'd2']) {
    const driver = new Driver().probed().hear({ digest }, { life: 'stopped' });
    speaks(driver, 4, 1);
    driver.give({ kind: 'reload', requestId: 'q', spec: { ...SPEC, digest: 'd2' } });
    t.equal(driver.state.spec.digest, 'd2');
    t.equal(driver.peer.incompatible, 'it speaks protocol 2, we speak 1', digest);
    driver.hear({ generation: 5, sequence: 1, digest: 'd2' });
    t.equal(driver.peer.incompatible, null, 'its own new words do');
  }
  t.end();
});

t.test('foreign: off proves nothing of a life that spoke meanwhile', (t) => {
  const driver = new Driver().probed().hear();
  speaks(driver, 4, 1).pass(6_000);
  while (driver.peer.fencing.running?.step !== 'shoot') {
    if (driver.peer.fencing.running === null) driver.pass(200);
    else driver.power('on');
    if (driver.nowMs > 60_000) break;
  }
  t.equal(driver.peer.fencing.running?.step, 'shoot');
  speaks(driver.pass(100), 5, 1).power('off');
  t.equal(driver.peer.clearance, null);
  t.end();
});

t.test('fencing: a word in the very millisecond of the question speaks against its answer', (t) => {
  const driver = new Driver().probed().hear();
  while (driver.peer.fencing.running?.step !== 'status' && driver.nowMs < 60_000) driver.pass(1);
  t.equal(driver.peer.fencing.running?.startedMs, driver.nowMs);
  driver.hear().power('off');
  t.equal(driver.peer.clearance, null);
  t.end();
});
