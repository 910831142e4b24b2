import t from 'tap';
import type { Connectivity } from '../../src/heartbeat/ping.js';
import { viewStatus } from '../../src/failover/view.js';
import { drbd, Driver, GROUP, SPEC } from './driver.js';

const PING = [
  { name: 'gate', addresses: ['10.9.0.254'] },
  { name: 'routers', addresses: ['10.9.1.1', '10.9.1.2'] },
];
const HEARTBEAT = { ...SPEC.heartbeat, ping: PING };

type Word = 'up' | 'silent' | 'unknown';

/** What n1 hears of its three addresses. */
function pings(driver: Driver, gate: Word, first: Word = 'up', second: Word = 'up'): Driver {
  const states = { '10.9.0.254': gate, '10.9.1.1': first, '10.9.1.2': second };
  const answers = Object.entries(states).map(([address, state]) => ({
    address,
    state,
    reason: state === 'up' ? 'it answers' : 'no answer for 3.00 s or more',
  }));
  return driver.give({ kind: 'pings', answers });
}

/** Time in which n2 goes on to say what it reaches. */
function hearing(driver: Driver, forMs: number, connectivity: Connectivity | null): string[] {
  const said: string[] = [];
  for (let ms = 0; ms < forMs; ms += 200) {
    driver.pass(200);
    said.push(...driver.sentences);
    driver.hear(connectivity === null ? {} : { connectivity });
    said.push(...driver.sentences);
    while (driver.group.action?.verb === 'monitor') {
      driver.done();
      said.push(...driver.sentences);
    }
  }
  return said;
}

const BOTH = { reached: 2, of: 2 };

function running(spec: Partial<typeof SPEC> = {}): Driver {
  const driver = new Driver({ heartbeat: HEARTBEAT, ...spec }).running();
  driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', peerRole: 'Secondary' })] });
  pings(driver, 'up');
  hearing(driver, 600, BOTH);
  return driver;
}

t.test('connectivity: what is reached goes into the report (one of a group is enough)', (t) => {
  const driver = new Driver({ heartbeat: HEARTBEAT });
  const reported = (): unknown => driver.pass(250).of('send').at(-1)?.report.connectivity;
  t.equal(reported(), undefined, 'not known yet');
  for (const [words, reach] of [
    [['up', 'up', 'up'], BOTH],
    [['up', 'silent', 'up'], BOTH],
    [['up', 'silent', 'unknown'], undefined],
    [['up', 'silent', 'silent'], { reached: 1, of: 2 }],
    [['unknown', 'up', 'up'], undefined],
    [['silent', 'silent', 'silent'], { reached: 0, of: 2 }],
  ] as const) {
    const [gate, first, second] = words;
    pings(driver, gate, first, second);
    t.same(reported(), reach, words.join(' '));
  }
  t.equal(new Driver().running().pass(250).of('send').at(-1)?.report.connectivity, undefined);
  t.end();
});

t.test('connectivity: the better connected node gets the group, after the settling time', (t) => {
  const driver = running();
  pings(driver, 'silent');
  t.match(driver.sentences, ['n2 reaches 2 of 2 ping nodes, n1 reaches 1 of 2']);
  hearing(driver, 4_800, BOTH);
  t.equal(driver.group.life, 'started', 'not before');
  const said = hearing(driver, 400, BOTH);
  t.equal(driver.group.life, 'stopping');
  const why =
    'mysql moves to n2: n2 reaches 2 of 2 ping nodes, n1 reaches 1 of 2, for 5.00 s or more';
  t.ok(said.includes(why), why);
  t.equal(driver.state.history.at(-1)?.trigger, why, 'and the account begins with it');
  t.end();
});

t.test('connectivity: nothing moves', (t) => {
  const stays = (title: string, driver: Driver, theirs: Connectivity | null): void => {
    hearing(driver, 20_000, theirs);
    t.equal(driver.group.life, 'started', title);
  };
  stays('when nobody is better', pings(running(), 'silent', 'silent', 'silent'), { reached: 0, of: 2 });
  stays('when it is not known what the other reaches', pings(running(), 'silent'), null);
  stays('when the other pings other hosts', pings(running(), 'silent'), { reached: 3, of: 3 });
  stays('when it is not known what this node reaches', pings(running(), 'unknown'), BOTH);
  const flapping = running();
  for (let round = 0; round < 10; round += 1) {
    pings(flapping, 'silent');
    hearing(flapping, 4_000, BOTH);
    pings(flapping, 'up');
    hearing(flapping, 400, BOTH);
  }
  t.equal(flapping.group.life, 'started', 'when it never lasts for the settling time');
  const old = pings(running(), 'silent');
  for (let ms = 0; ms < 20_000; ms += 200) {
    old.pass(200).hear({ connectivity: BOTH }, {}, { disk: 'Inconsistent' });
    while (old.group.action?.verb === 'monitor') old.done();
  }
  t.equal(old.group.life, 'started', 'when the better node has no good copy');
  const stalled = pings(running(), 'silent');
  hearing(stalled, 4_000, BOTH);
  stalled.nowMs += 4_000;
  t.equal(stalled.give({ kind: 'tick' }).group.life, 'started', 'when this node stood still');
  t.end();
});

t.test('connectivity: a group that was moved rests, longer each time', (t) => {
  const driver = running();
  const told = { key: 'reach.mysql', value: 'n1', origin: 'n2' };
  for (const [version, restMs] of [[1, 60_000], [2, 120_000], [3, 300_000], [4, 600_000], [5, 600_000]] as const) {
    driver.hear({ connectivity: BOTH, orders: [{ ...told, version }] });
    pings(driver, 'silent');
    hearing(driver, restMs - 1_000, BOTH);
    t.equal(driver.group.life, 'started', `move ${String(version)}: rests for ${String(restMs)} ms`);
    pings(driver, 'up');
    hearing(driver, 1_000, BOTH);
  }
  pings(driver, 'silent');
  hearing(driver, 6_000, BOTH);
  t.equal(driver.group.life, 'stopping', 'then it is free');
  t.same(driver.state.orders['reach.mysql'], { ...told, value: 'n2', version: 6, origin: 'n1' });
  t.end();
});

t.test('connectivity: a group stays where an operator ordered it, until connections change', (t) => {
  const driver = new Driver({ heartbeat: HEARTBEAT });
  pings(driver, 'silent');
  driver.probed().hear({ connectivity: BOTH });
  hearing(driver, 10_000, BOTH);
  driver.operator({ kind: 'move', group: 'mysql', to: 'n1' });
  const epoch = driver.group.claim?.epoch ?? -1;
  driver.hear({ connectivity: BOTH }, { grant: { node: 'n1', generation: 7, epoch } });
  while (driver.group.life === 'starting') driver.done();
  driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
  hearing(driver, 120_000, BOTH);
  t.equal(driver.group.life, 'started', 'n2 reaches more, as it did when the order was given');
  pings(driver, 'up');
  hearing(driver, 1_000, BOTH);
  pings(driver, 'silent');
  hearing(driver, 6_000, BOTH);
  t.equal(driver.group.life, 'stopping', 'lost anew: it moves');
  t.end();
});

t.test('connectivity: of nodes that could start it the better connected one does', (t) => {
  const driver = new Driver({ heartbeat: HEARTBEAT });
  pings(driver, 'silent');
  driver.probed();
  driver.hear({ connectivity: BOTH });
  t.equal(driver.group.claim, null, 'n1 is preferred, and leaves it to n2');
  driver.hear({ connectivity: { reached: 1, of: 2 } });
  t.not(driver.group.claim, null, 'equal again: n1 is preferred');
  t.end();
});

t.test('connectivity: failback waits until the preferred node reaches as much', (t) => {
  const group = { ...GROUP, prefer: ['n2', 'n1'], failback: 'when-synced' } as const;
  const driver = new Driver({ heartbeat: HEARTBEAT, groups: [group] });
  driver.probed().hear().operator({ kind: 'move', group: 'mysql', to: 'n1' }).hearGrant();
  while (driver.group.life === 'starting') driver.done();
  driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
  t.equal(driver.group.life, 'started');
  pings(driver, 'up');
  hearing(driver, 10_000, { reached: 1, of: 2 });
  t.equal(driver.group.life, 'started', 'n2 reaches less: it stays');
  hearing(driver, 4_000, BOTH);
  t.equal(driver.group.life, 'started', 'as much, for a moment');
  hearing(driver, 2_000, BOTH);
  t.equal(driver.group.life, 'stopping', 'as much, settled');
  t.end();
});

t.test('connectivity: status says what is reached and what is not', (t) => {
  const driver = pings(running(), 'up', 'silent', 'silent');
  driver.hear({ connectivity: BOTH });
  const status = viewStatus(driver.state, [], driver.nowMs);
  t.match(status.ping, [
    { name: 'gate', state: 'up', reason: 'it answers' },
    { name: 'routers', state: 'silent', reason: /^10\.9\.1\.1: no answer .*; 10\.9\.1\.2: no answer/ },
  ]);
  t.same(status.nodes.map((node) => node.connectivity), [{ reached: 1, of: 2 }, BOTH]);
  t.equal(status.verdict.state, 'degraded');
  t.match(status.verdict.summary, /n1 does not reach ping node routers: 10\.9\.1\.1: no answer/);
  t.end();
});
