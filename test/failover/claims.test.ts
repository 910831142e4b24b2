import t from 'tap';
import { databaseGroup } from '../../src/sim/household.js';
import { Driver, SPEC } from './driver.js';

const { initdeadMs } = SPEC.heartbeat;

/** n1 is up, and n2, which comes first, is still looking at what runs there. */
function booting(change: Parameters<Driver['hear']>[0] = {}): Driver {
  const driver = new Driver({ groups: [databaseGroup('mysql', ['n2', 'n1'])] });
  return driver.probed().hear({ phase: 'starting', ...change });
}

/** Time in which n2 goes on to say how it is. */
function hearing(driver: Driver, forMs: number, change: Parameters<Driver['hear']>[0]): Driver {
  for (let ms = 0; ms < forMs; ms += 200) driver.pass(200).hear(change);
  return driver;
}

t.test('claims: the preferred node is waited for while it starts', (t) => {
  const driver = hearing(booting(), 2_000, { phase: 'starting' });
  t.equal(driver.group.claim, null);
  t.equal(driver.group.blocked, 'n1 waits for n2, which comes first and is still starting');
  driver.hear({ phase: 'up' }, { claim: { epoch: 1, rank: 2 } });
  t.match(driver.group.grant, { node: 'n2', epoch: 1 }, 'it is up and has it');
  t.equal(driver.group.blocked, null);
  t.end();
});

t.test('claims: not longer than initdead', (t) => {
  const driver = hearing(booting(), initdeadMs, { phase: 'starting' });
  t.match(driver.group.claim, { epoch: 1 });
  t.end();
});

t.test('claims: nor when it could not have it, or comes later', (t) => {
  const orders = [{ key: 'mode.n2', value: 'standby', version: 1, origin: 'n2' }];
  t.match(booting({ orders }).group.claim, { epoch: 1 }, 'standby');
  const later = new Driver().probed().hear({ phase: 'starting' });
  t.match(later.group.claim, { epoch: 1 }, 'n1 comes first');
  t.end();
});

t.test('claims: a node that stood still listens before it starts anything, however short (S6)', (t) => {
  const driver = new Driver().probed().hear();
  driver.nowMs += 700;
  driver.hearGrant();
  t.equal(driver.group.life, 'stopped');
  t.match(driver.group.blocked, /this node stood still and listens again first/);
  driver.pass(500);
  t.equal(driver.group.life, 'starting');
  t.end();
});
