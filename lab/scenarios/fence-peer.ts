// DRBD's own fencing on real parts: the kernel calls Tandem's handler, under both policies.

import { setTimeout as sleep } from 'node:timers/promises';
import { GROUP, history } from '../cluster.js';
import type { LabNode } from '../node.js';
import { reconfigureDrbd, waitForDrbd, type DrbdFencing } from '../storage.js';
import type { Writer } from '../writer.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place } from './seen.js';
import { PATIENCE, type Stage } from './stage.js';

/** Everything new from here on, with this policy in DRBD's configuration; mysql runs on n1. */
async function raise(stage: Stage, fencing: DrbdFencing): Promise<void> {
  await stage.reset();
  await reconfigureDrbd(stage.lab, { fencing });
  for (const node of stage.lab.nodes) await node.must('dmesg --clear');
  await stage.startBoth();
  await stage.untilOk('n1');
  stage.begin();
}

/** The same, and a client writes on n1. */
async function raiseWriting(stage: Stage, fencing: DrbdFencing): Promise<Writer> {
  await raise(stage, fencing);
  const writer = await stage.write(stage.n1);
  stage.begin();
  return writer;
}

/** The machine is up: its daemon, too, until everything is as it should be and mysql runs on `holder`. */
async function rejoin(stage: Stage, node: LabNode, holder: string): Promise<void> {
  await stage.start(node);
  await stage.untilInSync();
  await stage.untilOk(holder);
}

async function cutReplication(stage: Stage): Promise<void> {
  await stage.lab.setLink('n2', 'replication', 'down');
}

/** What the kernel says of the handlers that it ran. */
async function factHandler(stage: Stage, node: LabNode, exit: number): Promise<void> {
  const words = `fence-peer helper returned ${exit}`;
  let seen = '';
  const until = Date.now() + PATIENCE.timeoutMs;
  while (!seen.includes(words) && Date.now() < until) {
    seen = (await node.exec('dmesg | grep -E "fence-peer|helper"')).stdout;
    await sleep(100);
  }
  stage.fact(`the kernel of ${node.name} was told ${exit}`, seen.includes(words), seen);
  stage.fact('no handler failed', !seen.includes('broken'), seen);
}

async function proc(node: LabNode): Promise<string> {
  return node.readFile('/proc/drbd');
}

/** How long the client waited: detection, the handler, and what the host did beside. */
function noteOutage(stage: Stage, gaps: readonly { readonly durationMs: number }[]): void {
  const longest = Math.round(Math.max(0, ...gaps.map(({ durationMs }) => durationMs)));
  stage.note(`the longest time without an acknowledged row: ${longest} ms`);
}

const replicationOnly: Scenario = {
  title: 'replication cut, resource-only: n1 writes on, n2 is Outdated and refused, resync clears it',
  async play(stage) {
    const { n1, n2 } = stage;
    const writer = await raiseWriting(stage, 'resource-only');
    await cutReplication(stage);
    await waitForDrbd(n2, 'ds:Outdated/', PATIENCE.timeoutMs);
    await waitForDrbd(n1, 'ds:UpToDate/Outdated', PATIENCE.timeoutMs);
    await factHandler(stage, n1, 4);
    await stage.untilWriting(writer);

    const refused = await stage.ask(n2, { kind: 'move', group: GROUP, to: 'n2' });
    const words = /cannot move to n2: the disk of DRBD resource r0.* on n2 is Outdated/;
    stage.fact('a move to n2 is refused, and said why', words.test(refused.message), refused);
    const byHand = await n1.exec('tandem move mysql --to n2');
    stage.fact('by command, too', byHand.exitCode === 107 && words.test(byHand.stderr), byHand);
    stage.note(byHand.stderr.trim());
    const promoted = await n2.exec('drbdadm primary r0', { timeoutMs: 30_000 });
    stage.fact('the kernel of n2 refuses, too', promoted.exitCode === 17, promoted);

    await stage.signal(n2, 'TERM');
    await stage.untilEnded(n2);
    await stage.start(n2);
    await stage.until(n1, 'n2 is back', (s) => nodeOf(s, 'n2')?.state === 'up');
    const again = await stage.ask(n1, { kind: 'move', group: GROUP, to: 'n2' });
    stage.fact('and after a restart of its daemon', words.test(again.message), again);

    await stage.healLinks();
    await stage.untilInSync();
    await stage.untilOk('n1');
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
    noteOutage(stage, writer.outages());
    const moved = await stage.ask(n1, { kind: 'move', group: GROUP, to: 'n2' });
    stage.fact('the resync has cleared it: n2 takes the service', moved.state === 'done', moved);
    await stage.untilWriting(writer);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const replicationFrozen: Scenario = {
  title: 'replication cut, resource-and-stonith: writes wait until n2 has said that it is Outdated',
  async play(stage) {
    const { n1, n2 } = stage;
    const writer = await raiseWriting(stage, 'resource-and-stonith');
    await cutReplication(stage);
    await waitForDrbd(n1, 'ds:UpToDate/Outdated', PATIENCE.timeoutMs);
    await factHandler(stage, n1, 4);
    stage.fact('n2 is Outdated', / ds:Outdated\//.test(await proc(n2)), await proc(n2));
    await stage.untilWriting(writer);
    stage.fact('writes go on', / r-----/.test(await proc(n1)), await proc(n1));
    noteOutage(stage, writer.outages());
    await stage.healLinks();
    await stage.untilInSync();
    await stage.untilOk('n1');
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const peerPower: Scenario = {
  title: 'power of the Secondary cut, resource-and-stonith: 7 after the fence, writing goes on',
  async play(stage) {
    const { n1, n2 } = stage;
    const writer = await raiseWriting(stage, 'resource-and-stonith');
    await n2.powerCut();
    await waitForDrbd(n1, 'ds:UpToDate/Outdated', PATIENCE.timeoutMs);
    await factHandler(stage, n1, 7);
    const asked = stage.requests();
    stage.fact('its power device was asked before', asked[0] === 'STATUS n2: OK OFF', asked);
    await stage.untilWriting(writer);
    noteOutage(stage, writer.outages());
    await stage.boot(n2);
    await rejoin(stage, n2, 'n1');
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

const machineBack: Scenario = {
  title: 'a machine that is back without tandemd: nobody shoots it; lost again, its old proof is none',
  async play(stage) {
    const { n1, n2 } = stage;
    const writer = await raiseWriting(stage, 'resource-and-stonith');
    await n2.powerCut();
    await factHandler(stage, n1, 7);
    await stage.boot(n2);
    stage.note(await stage.untilSaid(n1, /^n2 is on again: its half of DRBD resource r0 has connected$/));
    await waitForDrbd(n1, 'ds:UpToDate/UpToDate', PATIENCE.timeoutMs);
    const seen = await stage.until(n1, 'n1 serves on', (s) => place(s) === 'started n1');
    const { state, reason = '' } = nodeOf(seen, 'n2') ?? {};
    stage.fact('status says so', state === 'fenced' && /its tandemd is not heard yet/.test(reason), seen.nodes);
    await stage.pass(10_000);
    const asked = stage.requests();
    const isLeft = asked.length > 0 && asked.every((request) => request === 'STATUS n2: OK OFF');
    stage.fact('nobody shoots it while it comes up', isLeft, asked);
    await n1.must('dmesg --clear');
    await n2.must('drbdadm down r0', { timeoutMs: 30_000 });
    await waitForDrbd(n1, 'cs:WFConnection', PATIENCE.timeoutMs);
    await stage.pass(3_000);
    const kernel = (await n1.exec('dmesg | grep fence-peer')).stdout;
    const disks = await proc(n1);
    stage.fact('taken down cleanly, it is Outdated', / ds:UpToDate\/Outdated/.test(disks), disks);
    stage.fact('and DRBD asks nobody', kernel === '', kernel);
    await n2.must('drbdadm up r0', { timeoutMs: 30_000 });
    await waitForDrbd(n1, 'ds:UpToDate/UpToDate', PATIENCE.timeoutMs);

    stage.begin();
    await cutReplication(stage);
    stage.note(await stage.untilSaid(n1, /^n2 was on again and is silent/));
    await factHandler(stage, n1, 7);
    const again = stage.requests();
    stage.fact('it is switched off before DRBD is told', again.includes('OFF n2: OK OFF'), again);
    await stage.untilWriting(writer);
    noteOutage(stage, writer.outages());
    await stage.waitFor('n2 to be switched on', () => stage.requests().includes('ON n2: OK ON'));
    await stage.untilBack(n2);
    await stage.healLinks();
    await rejoin(stage, n2, 'n1');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const activePower: Scenario = {
  title: 'power of the Primary cut, resource-and-stonith: the handler inside the promotion hears 7',
  async play(stage) {
    const { n1, n2 } = stage;
    const writer = await raiseWriting(stage, 'resource-and-stonith');
    await n1.powerCut();
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await factHandler(stage, n2, 7);
    await stage.untilWriting(writer);
    const parts = (await history(n2))?.entries.at(-1)?.phases ?? [];
    const words = parts.map(({ name, durationMs }) => `${name} ${durationMs ?? '?'} ms`);
    stage.note(`the takeover: ${words.join(', ')}`);
    await stage.boot(n1);
    await rejoin(stage, n1, 'n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const noDaemon: Scenario = {
  title: 'no daemon anywhere: the handler says so within its time, and DRBD changes nothing',
  async play(stage) {
    const { n1, n2 } = stage;
    await raise(stage, 'resource-and-stonith');
    for (const node of [n2, n1]) {
      await stage.signal(node, 'TERM');
      await stage.untilEnded(node);
    }
    await cutReplication(stage);
    await waitForDrbd(n1, 'cs:WFConnection', PATIENCE.timeoutMs);
    const began = Date.now();
    const byHand = await n1.exec('drbdadm primary r0', { timeoutMs: 90_000 });
    stage.note(`drbdadm primary r0: ${byHand.stderr.trim()} (${Date.now() - began} ms)`);
    stage.fact('the promotion is refused', byHand.exitCode !== 0 && /-7/.test(byHand.stderr), byHand);
    const kernel = (await n1.exec('dmesg | grep fence-peer')).stdout;
    stage.fact('the kernel was told 1', /helper broken, returned 1/.test(kernel), kernel);
    const disks = await proc(n1);
    stage.fact('nothing has changed', / ds:UpToDate\/DUnknown/.test(disks), disks);
    const command = 'DRBD_RESOURCE=r0 DRBD_PEER=n2 tandem drbd fence-peer';
    const { exitCode, stderr } = await n1.exec(command, { timeoutMs: 30_000 });
    stage.fact('by hand it exits with 1', exitCode === 1, exitCode);
    const isSentence = /^tandem drbd fence-peer: tandemd is not running: .*changes nothing\n$/;
    stage.fact('and one sentence', isSentence.test(stderr), stderr);
    await stage.reset();
    await reconfigureDrbd(stage.lab, {});
  },
};

const lateDaemon: Scenario = {
  title: 'no daemon when DRBD asks, n2 without power: back, tandemd has it confirmed off and writing goes on',
  async play(stage) {
    const { n1, n2 } = stage;
    await raise(stage, 'resource-and-stonith');
    const writer = await stage.write(n1);
    const database = await stage.databasePid(n1);
    stage.begin();
    await stage.signal(n1, 'KILL');
    await n2.powerCut();
    await stage.waitFor('the kernel to be told 1', async () => {
      const { stdout } = await n1.exec('dmesg | grep fence-peer');
      return stdout.includes('helper broken, returned 1');
    });
    const held = await proc(n1);
    stage.fact('writes are held back', / ro:Primary\/Unknown .* s-----/.test(held), held);
    const rows = writer.count;
    await stage.pass(3_000);
    stage.fact('and none gets through', writer.count === rows, { rows, now: writer.count });

    await stage.start(n1);
    stage.note(await stage.untilSaid(n1, /^n1 lets the writes to DRBD resource r0 go on .*n2 is confirmed off/));
    await stage.untilWriting(writer);
    stage.fact('the kernel holds nothing back', / r-----/.test(await proc(n1)), await proc(n1));
    const asked = stage.requests();
    const isSure = asked.length > 0 && asked.every((request) => request === 'STATUS n2: OK OFF');
    stage.fact('n2 was found off before, and not shot', isSure, asked);
    noteOutage(stage, writer.outages());
    stage.fact('the database ran on', (await stage.databasePid(n1)) === database);
    await stage.boot(n2);
    await rejoin(stage, n2, 'n1');
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

await playAll(import.meta.url, [
  replicationOnly,
  replicationFrozen,
  peerPower,
  machineBack,
  activePower,
  lateDaemon,
  noDaemon,
]);
