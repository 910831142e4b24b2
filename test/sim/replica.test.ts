/** The model of DRBD, where the simulator has been wrong about it. */
import t from 'tap';
import { Lineage } from '../../src/sim/lineage.js';
import { EventQueue } from '../../src/sim/queue.js';
import { Replica } from '../../src/sim/replica.js';

const DETECT_MS = 1_000;

function pair(): { readonly queue: EventQueue; readonly replica: Replica; readonly asked: string[] } {
  const queue = new EventQueue();
  const asked: string[] = [];
  const replica = new Replica(
    queue,
    new Lineage(),
    {
      resource: 'r0',
      nodes: ['n1', 'n2'],
      timing: { detectMs: DETECT_MS, connectMs: 100, resyncMs: 500 },
      bootDisk: 'UpToDate',
      fencing: 'resource-and-stonith',
    },
    {
      changed: () => undefined,
      handler: (node) => asked.push(node),
      ioError: () => undefined,
      observe: () => undefined,
    },
  );
  for (const node of replica.nodes) replica.setUp(node, true);
  pass(queue, 1_000);
  return { queue, replica, asked };
}

function pass(queue: EventQueue, forMs: number): void {
  const untilMs = queue.nowMs + forMs;
  while (queue.runNext(untilMs));
}

t.test('replica: what becomes of a disk while its node is off, the other kernel hears with the next connection', (t) => {
  const { queue, replica } = pair();
  const seen = (): readonly unknown[] => {
    const [volume] = replica.facts('n1').volumes;
    return [volume?.connection, volume?.peerRole, volume?.peerDisk];
  };
  t.equal(replica.promote('n2', false), null);
  replica.failDisk('n2');
  t.same(seen(), ['Connected', 'Primary', 'Failed']);
  replica.setUp('n2', false);
  replica.reattachDisk('n2');
  t.same(seen(), ['Connected', 'Primary', 'Failed'], 'the connection is dead, and nobody has noticed');
  pass(queue, DETECT_MS);
  t.same(seen(), ['WFConnection', 'Unknown', 'DUnknown']);
  replica.setUp('n2', true);
  pass(queue, 1_000);
  t.same(seen(), ['Connected', 'Secondary', 'UpToDate']);
  t.end();
});

t.test('replica: a Primary without a disk does not ask what became of the other one', (t) => {
  for (const isBroken of [false, true]) {
    const { queue, replica, asked } = pair();
    t.equal(replica.promote('n1', false), null);
    if (isBroken) replica.failDisk('n1');
    replica.setCable(false);
    pass(queue, DETECT_MS);
    t.same(asked, isBroken ? [] : ['n1']);
    t.equal(replica.isHeldBack('n1'), !isBroken, 'nothing can be written that would have to wait');
  }
  t.end();
});

t.test('replica: a Primary asks also when a disk comes that has changes of its own', (t) => {
  const { queue, replica, asked } = pair();
  replica.setCable(false);
  pass(queue, DETECT_MS);
  for (const node of replica.nodes) t.equal(replica.promote(node, false, true), null, 'forced into split brain');
  replica.write('n2');
  replica.failDisk('n2');
  replica.demote('n2');
  replica.setCable(true);
  pass(queue, 1_000);
  t.same([replica.facts('n1').connection, asked], ['Connected', []], 'beside a half without a disk');
  replica.reattachDisk('n2');
  t.same([replica.facts('n1').connection, asked], ['StandAlone', ['n1']]);
  t.ok(replica.isHeldBack('n1'));
  t.end();
});
