/** Standby with an owner, a reason and an end. */
import t from 'tap';
import { viewStatus } from '../../src/failover/view.js';
import type { Order } from '../../src/heartbeat/report.js';
import { Driver } from './driver.js';

const WALL_MS = Date.UTC(2026, 10, 21, 9);

function placed(driver: Driver): Driver {
  return driver.give({ kind: 'clock', wallAheadMs: WALL_MS - driver.nowMs });
}

function standby(driver: Driver, forMs: number | null = null, reason: string | null = 'new; disk 50%'): Driver {
  return driver.operator({ kind: 'standby', node: 'n2', by: 'kim', reason, forMs });
}

function node(driver: Driver): ReturnType<typeof viewStatus>['nodes'][number] | undefined {
  return viewStatus(driver.state, [], driver.nowMs).nodes.find(({ name }) => name === 'n2');
}

t.test('standby: who, why and until when are shown, kept and told to the others', (t) => {
  const driver = standby(placed(new Driver().probed().hear()), 7_200_000);
  t.match(driver.of('answer')[0]?.answer.message, /^Setting n2 to standby by kim: new; disk 50% \(until 2026-11-21T11:00:00Z\)$/);
  t.match(node(driver), {
    mode: 'standby',
    standby: 'all',
    standbyHold: { by: 'kim', reason: 'new; disk 50%', until: '2026-11-21T11:00:00Z' },
    reason: /^in standby by kim: new; disk 50% .*; "tandem online n2" ends it$/,
  });
  const facts = driver.of('save').at(-1)?.facts;
  t.match(node(new Driver({}, facts)), { standbyHold: { by: 'kim' } }, 'over a restart');
  t.match(driver.state.history.at(-1), { group: '*', trigger: /^n2 is in standby by kim/ });
  const other = new Driver().probed().hear({ orders: Object.values(driver.state.orders) });
  t.match(other.sentences, [/^n2 is in standby by kim: new; disk 50%/]);
  t.end();
});

t.test('standby: it ends by the clock of the node on which it was asked for', (t) => {
  const driver = standby(placed(new Driver().probed().hear()), 10_000);
  driver.pass(9_000);
  t.equal(node(driver)?.mode, 'standby');
  driver.pass(2_000);
  t.equal(node(driver)?.mode, 'online');
  t.ok(driver.sentences.some((said) => said.startsWith('The standby of n2 ends: kim set it until')));
  t.end();
});

t.test('standby: another reason replaces it, none is "already"', (t) => {
  const driver = standby(placed(new Driver().probed().hear()));
  standby(driver, null, null);
  t.match(driver.of('answer')[0]?.answer, { state: 'done', message: /^n2 is in standby by kim: new; disk.* already$/ });
  standby(driver, null, 'the disk came');
  t.equal(node(driver)?.standbyHold?.reason, 'the disk came');
  driver.operator({ kind: 'online', node: 'n2', by: 'kim' });
  t.equal(node(driver)?.mode, 'online');
  t.equal(node(driver)?.standbyHold, undefined, 'no residue');
  t.end();
});

t.test('standby: what an older program saved or said is standby, too', (t) => {
  const old: Order = { key: 'mode.n2', value: 'standby-foreign', version: 3, origin: 'n2' };
  const driver = new Driver().probed().hear({ orders: [old] });
  t.match(node(driver), { mode: 'standby', standby: 'foreign', reason: /^in standby for foreign groups; / });
  t.equal(node(driver)?.standbyHold, undefined);
  driver.operator({ kind: 'standby', node: 'n1' });
  t.match(viewStatus(driver.state, [], driver.nowMs).nodes[0], { standbyHold: { by: 'an operator' } });
  t.end();
});
