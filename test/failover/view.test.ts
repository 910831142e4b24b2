import t from 'tap';
import type { Status } from '../../src/base/status.js';
import { viewStatus, type LinkCounters } from '../../src/failover/view.js';
import { drbd, Driver } from './driver.js';

const NODES = ['n1', 'n2', 'n3'];
const FENCING = { n1: [1], n2: [1], n3: [1] };

/** The group runs on n1, could run on n2; n3 is a witness. */
function three(): Driver {
  const driver = new Driver({ nodes: NODES, fencing: FENCING }).probed().hear().hear({ node: 'n3' });
  const epoch = driver.group.claim?.epoch ?? -1;
  driver.hear({ node: 'n3' }, { grant: { node: 'n1', generation: 7, epoch } }).hearGrant();
  while (driver.group.life === 'starting') driver.done();
  return driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
}

function verdict(driver: Driver): Status['verdict'] {
  return viewStatus(driver.state, [], driver.nowMs).verdict;
}

/** Time in which only that node is heard. */
function hearOnly(driver: Driver, node: string, forMs: number): Driver {
  for (let ms = 0; ms < forMs; ms += 200) driver.pass(200).hear({ node });
  return driver;
}

t.test('view: a witness is no heir, and its death is told with what it means', (t) => {
  const driver = three();
  t.same(verdict(driver), { state: 'ok', summary: 'mysql runs on n1; n2 is ready to take over' });
  hearOnly(driver, 'n2', 2_000);
  const dead = verdict(driver);
  t.equal(dead.state, 'degraded');
  t.match(dead.summary, /n3 is missing: silent for .*; asking its power device/);
  t.match(dead.summary, /2 of 3 nodes are members: without one more of them nobody may be fenced/);
  driver.power('off', 'n3');
  t.match(verdict(driver).summary, /n3 is fenced: off: it says off; 2 of 3/);
  driver.pass(2_000);
  const alone = verdict(driver).summary;
  t.match(alone, /no other node could take over mysql: n2 is not up/);
  t.notMatch(alone, /n2 is missing/, 'told once');
  t.match(alone, /1 of 3 nodes are members: too few to fence anybody/);
  t.end();
});

t.test('view: a node that left is away, not dead', (t) => {
  const driver = three().hear({ node: 'n3', phase: 'left' });
  t.match(verdict(driver).summary, /n3 is away: it stopped everything and left/);
  t.end();
});

t.test('view: of two nodes nothing is counted', (t) => {
  const driver = new Driver().running().pass(2_000);
  t.notMatch(verdict(driver).summary, /members/);
  t.match(verdict(driver).summary, /no other node could take over mysql: n2 is not up/);
  t.end();
});

function counters(name: string, toOne: string | null): LinkCounters {
  return { name, toOne, sent: 1, badAuth: 0, malformed: 0 };
}

const LINKS = [
  counters('ucast vec0 10.9.0.12', 'vec0'),
  counters('ucast vec0 10.9.0.13', 'vec0'),
  counters('bcast vec1', null),
  counters('serial /dev/ttyS1', '/dev/ttyS1'),
];

function shown(driver: Driver): readonly string[] {
  const { links } = viewStatus(driver.state, LINKS, driver.nowMs);
  return links.map(({ peer, medium }) => `${peer} ${medium}`);
}

function hearOver(driver: Driver, node: string, link: string): void {
  const report = driver.hear({ node }).state.peers[node]?.report;
  if (report != null) driver.give({ kind: 'report', link, report });
}

t.test('view: a link to one node alone is shown with that node', (t) => {
  const driver = three();
  t.equal(shown(driver).length, 8, 'nobody was heard over them: each may lead to each');
  hearOver(driver, 'n2', 'ucast vec0 10.9.0.12');
  hearOver(driver, 'n2', 'serial /dev/ttyS1');
  t.same(shown(driver), [
    'n2 ucast vec0 10.9.0.12',
    'n2 bcast vec1',
    'n2 serial /dev/ttyS1',
    'n3 ucast vec0 10.9.0.13',
    'n3 bcast vec1',
  ]);
  driver.pass(5_000);
  t.equal(shown(driver).length, 5, 'the same when it has fallen silent');
  t.end();
});
