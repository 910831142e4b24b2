// Three nodes: two that replicate, and a witness without disk and group, from cluster.yaml. Only
// a majority may shoot (S5).

import { PASSWORD_FILE, TIMING } from '../cluster.js';
import type { LabNode } from '../node.js';
import { POWER } from '../power.js';
import { reconfigureDrbd } from '../storage.js';
import { SERVICE_ADDRESS } from '../writer.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place, why } from './seen.js';
import type { Stage } from './stage.js';

const EXTRA_ADDRESS = '10.9.0.101';

/** A second group that every node may run: an address, at home on the third node. */
const EXTRA_GROUP = `
  extra:
    prefer: [n3, n1, n2]
    resources:
      - ip: { address: ${EXTRA_ADDRESS}/24, device: vec0 }`;

const NODES = ['n1', 'n2', 'n3'];

/** The cluster; with \`extra\` the third node is more than a witness. */
function clusterYaml(extra = ''): string {
  const device =
    `{ agent: fence_lab, ip: ${POWER.address}, ipport: ${POWER.port}, ` +
    `username: ${POWER.username}, password_file: ${PASSWORD_FILE}, timeout: 10s }`;
  return `
cluster: shop
nodes: [${NODES.join(', ')}]
heartbeat:
  keepalive: ${TIMING.keepaliveMs}ms
  warntime: ${TIMING.warntimeMs}ms
  deadtime: ${TIMING.deadtimeMs}ms
  initdead: 10s
  links:
    - { ucast: vec0, addresses: { n1: 10.9.0.11, n2: 10.9.0.12, n3: 10.9.0.13 } }
    - { bcast: vec1 }
fencing:
  "*": [${device}]
groups:
  mysql:
    prefer: [n1, n2]
    nodes: [n1, n2]
    resources:
      - drbd: r0
      - filesystem: { device: /dev/drbd0, directory: /db, fstype: ext4 }
      - ip: { address: ${SERVICE_ADDRESS}/24, device: vec0 }
      - mysql:${extra}
`;
}

function shots(stage: Stage): readonly string[] {
  return stage.requests().filter((request) => request.startsWith('OFF'));
}

/** A node was switched on again: it comes back and nothing moves. */
async function rejoin(stage: Stage, node: LabNode, holder: 'n1' | 'n2'): Promise<void> {
  await stage.untilBack(node);
  await stage.start(node);
  await stage.untilInSync();
  await stage.untilOk(holder);
}

const WITNESS_LINKS = [
  'n1 ucast vec0 10.9.0.11 up', 'n1 bcast vec1 up', 'n2 ucast vec0 10.9.0.12 up', 'n2 bcast vec1 up',
];

const powerCut: Scenario = {
  title: 'three nodes: the holder loses its power (the majority sees to it, the survivor takes over)',
  async play(stage) {
    const { n1, n2, lab } = stage;
    const n3 = lab.node('n3');
    await stage.raiseCluster({ yaml: clusterYaml() });
    const seen = await stage.until(n3, 'the witness sees all', (s) => place(s) === 'started n1');
    const states = seen.nodes.map(({ name, state }) => `${name} ${state}`).join(', ');
    stage.fact('the witness is a member like all', states === 'n1 up, n2 up, n3 up', states);
    stage.note(seen.verdict.summary);
    const links = seen.links.map(({ peer, medium, state }) => `${peer} ${medium} ${state}`);
    stage.fact('it hears each over two links', String(links) === String(WITNESS_LINKS), links);
    const refused = await stage.ask(n1, { kind: 'move', group: 'mysql', to: 'n3' });
    stage.fact('nothing moves to the witness', refused.state === 'refused', refused);
    stage.note(refused.message);
    const writer = await stage.write(n1);
    stage.begin();
    await n1.powerCut();
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await stage.untilWriting(writer);
    stage.fact('it was off already: nobody was shot', shots(stage).length === 0, stage.requests());
    await n1.boot();
    await rejoin(stage, n1, 'n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const frozenHolder: Scenario = {
  title: 'three nodes: the holder hangs (asked, shot by the majority, taken over; back as Secondary)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster({ yaml: clusterYaml() });
    const writer = await stage.write(n1);
    stage.begin();
    n1.freeze();
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await stage.untilWriting(writer);
    stage.fact('one shot, at n1', shots(stage).join() === 'OFF n1: OK OFF', stage.requests());
    await rejoin(stage, n1, 'n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const NO_MAJORITY = /n2 does not shoot n1: it sees 1 of 3 nodes, and 2 are needed/;

const noWitness: Scenario = {
  title: 'three nodes: the witness is dead (service goes on); then a hang: no majority, no shot',
  async play(stage) {
    const { n1, n2, lab } = stage;
    const n3 = lab.node('n3');
    await stage.raiseCluster({ yaml: clusterYaml() });
    const writer = await stage.write(n1);
    stage.begin();
    await n3.powerCut();
    await stage.until(n1, 'n1 knows it off', (s) => nodeOf(s, 'n3')?.state === 'fenced');
    await stage.until(n2, 'n2 misses it', (s) => nodeOf(s, 'n3')?.state === 'dead');
    for (const node of [n1, n2]) {
      const { verdict } = await stage.until(node, 'degraded', (s) => s.verdict.state === 'degraded');
      stage.fact(`${node.name} names it`, verdict.summary.includes('n3 is'), verdict);
      stage.note(verdict.summary);
    }
    await stage.untilWriting(writer);
    stage.factUnbroken(n1);
    stage.fact('nobody was shot', shots(stage).length === 0, stage.requests());

    n1.freeze();
    await stage.untilSaid(n2, NO_MAJORITY);
    const seen = await stage.until(n2, 'it says why', (s) => NO_MAJORITY.test(why(s)));
    stage.fact('and is blocked', place(seen) === 'blocked nowhere', place(seen));
    await stage.pass(7_000);
    stage.fact('nobody was shot', shots(stage).length === 0, stage.requests());
    const later = await stage.until(n2, 'still blocked', (s) => place(s) === 'blocked nowhere');
    stage.fact('the verdict is down', later.verdict.state === 'down', later.verdict);

    await stage.boot(n3);
    await stage.start(n3);
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    stage.fact('then it was shot', shots(stage).includes('OFF n1: OK OFF'), stage.requests());
    await stage.untilWriting(writer);
    await rejoin(stage, n1, 'n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const lastOne: Scenario = {
  title: 'three nodes: the witness and then the holder lose their power (off is off: taken over)',
  async play(stage) {
    const { n1, n2, lab } = stage;
    const n3 = lab.node('n3');
    await stage.raiseCluster({ yaml: clusterYaml() });
    const writer = await stage.write(n1);
    stage.begin();
    await n3.powerCut();
    await stage.until(n2, 'the witness is missed', (s) => nodeOf(s, 'n3')?.state === 'dead');
    await n1.powerCut();
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await stage.untilWriting(writer);
    stage.fact('nobody was shot', shots(stage).length === 0, stage.requests());
    await stage.boot(n3);
    await stage.start(n3);
    await n1.boot();
    await rejoin(stage, n1, 'n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

/** A client that still reaches n1 when all of the cluster's networks are cut: through the lab's own. */
const BACK_DOOR = '10.9.8.11';

const minority: Scenario = {
  title: 'three nodes: a partition leaves the holder alone (it must not shoot; the others shoot it)',
  async play(stage) {
    const { n1, n2, lab } = stage;
    await stage.reset({ yaml: clusterYaml() });
    await reconfigureDrbd(lab, { fencing: 'resource-and-stonith' });
    await stage.startBoth();
    await stage.untilOk('n1');
    const writer = await stage.write(n1, { host: BACK_DOOR });
    stage.begin();
    for (const link of ['public', 'replication'] as const) await lab.setLink(n1, link, 'down');
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    stage.fact('one shot, at the holder', shots(stage).join() === 'OFF n1: OK OFF', stage.requests());
    await stage.factNoRowLost(writer, { host: SERVICE_ADDRESS });

    await stage.untilBack(n1);
    await stage.start(n1);
    const alone = await stage.until(n1, 'n1 waits', (s) => place(s) === 'blocked nowhere');
    stage.fact('n1, back and cut off, holds still', /n2/.test(why(alone)), why(alone));
    await stage.pass(5_000);
    stage.fact('and shoots nobody', shots(stage).length === 1, stage.requests());
    await stage.healLinks();
    await stage.untilInSync();
    await stage.untilOk('n2');
    await stage.factNoRowLost(await stage.write(n2));
    stage.factOneHolder();
    await reconfigureDrbd(lab, {});
  },
};

const standbyAlone: Scenario = {
  title: 'three nodes: a partition leaves the other one alone (shot by the holder; nothing moves)',
  async play(stage) {
    const { n1, n2, lab } = stage;
    await stage.raiseCluster({ yaml: clusterYaml() });
    const writer = await stage.write(n1);
    stage.begin();
    for (const link of ['public', 'replication'] as const) await lab.setLink(n2, link, 'down');
    await stage.waitFor('a shot', () => shots(stage).length > 0);
    await stage.untilBack(n2);
    stage.fact('one shot, at n2', shots(stage).join() === 'OFF n2: OK OFF', stage.requests());
    await stage.untilWriting(writer);
    await stage.healLinks();
    await rejoin(stage, n2, 'n1');
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

const fullMember: Scenario = {
  title: 'three nodes: a group without disk at home on the third (moves when it dies, others stay)',
  async play(stage) {
    const { n1, n2, lab } = stage;
    const n3 = lab.node('n3');
    const at = (node: string, group: string): string => `${node} ${group}`;
    await stage.reset({ yaml: clusterYaml(EXTRA_GROUP) });
    await stage.startBoth();
    await stage.untilOk('n1');
    const homes = (await stage.until(n1, 'both run', isStarted)).groups;
    const where = homes.map(({ name, node }) => at(name, node ?? 'nowhere')).join(', ');
    stage.fact('each at home', where === 'mysql n1, extra n3', where);
    const writer = await stage.write(n1);
    stage.begin();
    n3.freeze();
    const seen = await stage.until(n2, 'extra is elsewhere', (s) => {
      return isStarted(s) && s.groups[1]?.node !== 'n3';
    });
    const now = seen.groups.map(({ name, node }) => at(name, node ?? 'nowhere')).join(', ');
    stage.fact('extra runs on n1, mysql stays', now === 'mysql n1, extra n1', now);
    stage.fact('one shot, at n3', shots(stage).join() === 'OFF n3: OK OFF', stage.requests());
    const held = await n1.must(`ip -o address show dev vec0 | grep -c ${EXTRA_ADDRESS}`);
    stage.fact('n1 has its address', held === '1', held);
    await stage.untilWriting(writer);
    await rejoin(stage, n3, 'n1');
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

function isStarted(seen: { readonly groups: readonly { readonly state: string }[] }): boolean {
  return seen.groups.every(({ state }) => state === 'started');
}

await playAll(
  import.meta.url,
  [powerCut, frozenHolder, noWitness, lastOne, minority, standbyAlone, fullMember],
  { nodes: NODES },
);
