// How the daemon learns what DRBD does: from the event stream of the real driver, from /proc/drbd
// while there is none, and at once.

import { status } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';

const STREAM = 'drbdsetup(-84)? events2 --timestamps';

async function streams(node: LabNode): Promise<number> {
  const { stdout } = await node.exec(`pgrep -c -f '^${STREAM}'`);
  return Number(stdout.trim());
}

const stream: Scenario = {
  title: 'DRBD: the daemon listens to the driver (one stream; killed: the file, then a new one)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.have('n1');
    for (const node of [n1, n2]) {
      await stage.until(node, 'it listens', (seen) => seen.drbdSource?.kind === 'events2');
      stage.fact(`${node.name} has one stream`, (await streams(node)) === 1, await streams(node));
    }
    await n1.must(`pkill -KILL -f '^${STREAM}'`);
    const without = await stage.until(n1, 'it reads', (seen) => seen.drbdSource?.kind === 'proc');
    stage.note(without.drbdSource?.reason ?? '');
    await stage.until(n1, 'it listens again', (seen) => seen.drbdSource?.kind === 'events2');
    stage.fact('there is one stream again', (await streams(n1)) === 1);
    stage.factNobodyFenced();
  },
};

const changes: Scenario = {
  title: 'DRBD: what the driver does is in status at once (cable, detach, pause, resync)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    await stage.have('n1');
    await stage.until(n1, 'it listens', (seen) => seen.drbdSource?.kind === 'events2');
    const seesOf = async (node: LabNode, what: string, words: string): Promise<void> => {
      await stage.until(node, what, ({ drbd }) => {
        const [r0] = drbd;
        const [volume] = r0?.volumes ?? [];
        const said = [r0?.role, r0?.connection, volume?.disk, volume?.peerDisk].join(' ');
        return said === words;
      });
      const seen = await status(node);
      stage.fact(`${node.name}: ${what}: ${words}`, seen?.drbdSource?.kind === 'events2', seen);
    };
    await n2.must('drbdadm detach r0');
    await seesOf(n1, 'the peer has no disk', 'Primary Connected UpToDate Diskless');
    await seesOf(n2, 'its own disk is gone', 'Secondary Connected Diskless UpToDate');
    await n2.must('drbdadm attach r0');
    await seesOf(n1, 'the disk is back', 'Primary Connected UpToDate UpToDate');
    await lab.setLink('n2', 'replication', 'down');
    await seesOf(n1, 'the cable is pulled', 'Primary WFConnection UpToDate DUnknown');
    await lab.setLink('n2', 'replication', 'up');
    await seesOf(n1, 'the cable is plugged', 'Primary Connected UpToDate UpToDate');
    await n2.must('drbdadm disconnect r0');
    await seesOf(n2, 'disconnected by hand', 'Secondary StandAlone UpToDate DUnknown');
    await n2.must('drbdadm connect r0');
    await seesOf(n2, 'connected again', 'Secondary Connected UpToDate UpToDate');
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
  },
};

await playAll(import.meta.url, [stream, changes]);
