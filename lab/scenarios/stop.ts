// Stops that fail (S3), and clusters without fencing: nobody starts what may still be active.

import { RESOURCES, operate, untilAnswered } from '../cluster.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place, why } from './seen.js';
import { PATIENCE, type Stage } from './stage.js';

const SCRIPT_FOLDER = '/etc/ha.d/resource.d';
/** While this file is there, `unruly` cannot be stopped. */
const STUBBORN = '/run/unruly.stubborn';
/** A script as many wrote them: it starts a process that keeps the script's own output open. */
const UNRULY = `#!/bin/sh
case $1 in
  start) touch /run/unruly; sleep 3600 & echo $! > /run/unruly.pid ;;
  stop) [ -e ${STUBBORN} ] && { echo "cannot end it" >&2; exit 1; }
        [ -e /run/unruly.pid ] && kill $(cat /run/unruly.pid); rm -f /run/unruly /run/unruly.pid ;;
  status) if [ -e /run/unruly ]; then echo running; else echo stopped; fi ;;
esac
exit 0
`;
const WITH_SCRIPT = RESOURCES.replace(' mysql', ' unruly mysql');

async function installScript(stage: Stage): Promise<void> {
  for (const node of stage.lab.nodes) {
    await node.must(`mkdir -p ${SCRIPT_FOLDER}; rm -f ${STUBBORN} /run/unruly*`);
    await node.writeFile(`${SCRIPT_FOLDER}/unruly`, UNRULY, { mode: 0o755 });
  }
}

const scriptWithoutFencing: Scenario = {
  title:
    'stop: a script cannot be stopped, no fencing (failed, nobody else starts it, cleanup helps)',
  async play(stage) {
    const { n1, n2 } = stage;
    await installScript(stage);
    await stage.reset({ resources: WITH_SCRIPT, fencing: false });
    await stage.startBoth();
    const seen = await stage.until(
      n1,
      'started',
      (s) => place(s) === 'started n1' && nodeOf(s, 'n2')?.state === 'up',
    );
    stage.fact(
      'the script started, though its process keeps its output',
      seen.groups[0]?.resources.every(({ state }) => state === 'started') === true,
      seen.groups,
    );
    stage.fact(
      'the verdict names the missing fencing',
      /no fencing is configured/.test(seen.verdict.summary),
      seen.verdict,
    );
    const writer = await stage.write(n1);
    stage.begin();
    await n1.must(`touch ${STUBBORN}`);
    const end = await stage.ask(n1, { kind: 'move', group: 'mysql', to: 'n2' });
    stage.fact(
      'the move failed, and says so',
      end.state === 'failed' && end.exit === 'failed',
      end,
    );
    const failed = await stage.until(n1, 'failed', (s) => place(s) === 'failed n1');
    stage.fact(
      'n1 names the script and its words',
      /unruly.*cannot end it/.test(why(failed)),
      why(failed),
    );
    stage.fact(
      'and what helps',
      /until n1 is fenced or "tandem cleanup mysql"/.test(why(failed)),
      why(failed),
    );
    const there = await stage.until(n2, 'failed', (s) => place(s) === 'failed n1');
    stage.fact('n2 knows it, too', /a stop failed on n1/.test(why(there)), why(there));
    await stage.pass(4_000);
    const still = await stage.until(n2, 'still failed', (s) => place(s) === 'failed n1');
    stage.fact('n2 does not start it', still.verdict.state === 'down', still.verdict);
    stage.fact(
      'n2 holds nothing',
      stage.observer.spans('P', stage.beganMs).every(({ node }) => node === 'n1'),
    );
    await n1.must(`rm ${STUBBORN}`);
    const cleaned = await stage.ask(n1, { kind: 'cleanup', group: 'mysql' });
    stage.fact('cleanup is done', cleaned.state === 'done', cleaned);
    await stage.until(n2, 'it runs again', (s) => s.groups[0]?.state === 'started');
    await stage.untilWriting(writer);
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const heldFileSystem: Scenario = {
  title: 'stop: the file system is held by a loop device, fencing works (fenced, taken over)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    await n1.must('modprobe loop; truncate -s 1M /db/held && losetup /dev/loop0 /db/held');
    stage.begin();
    const asked = await operate(n2, { kind: 'move', group: 'mysql', to: 'n2' });
    stage.fact('the move is accepted', asked.state === 'accepted', asked);
    const failed = await stage.untilSaid(n2, /^n2 fences n1/);
    stage.note(failed);
    const end = await untilAnswered(n2, asked, PATIENCE);
    stage.fact('in the end it is done', end.state === 'done', end);
    const requests = stage.requests();
    stage.fact(
      'n1 was shot, once',
      requests.filter((r) => r.startsWith('OFF')).join() === 'OFF n1: OK OFF',
      requests,
    );
    await stage.untilWriting(writer);
    await stage.untilBack(n1);
    await stage.start(n1);
    await stage.untilOk('n2');
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const openDevice: Scenario = {
  title:
    'stop: somebody holds the DRBD device open while the daemon leaves (it stays, nobody starts)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset({ fencing: false });
    await stage.startBoth();
    await stage.until(
      n1,
      'started',
      (s) => place(s) === 'started n1' && nodeOf(s, 'n2')?.state === 'up',
    );
    const pid = await n1.spawn('exec sleep 600 < /dev/drbd0', { logFile: '/dev/null' });
    stage.begin();
    await stage.signal(n1, 'TERM');
    const failed = await stage.until(n1, 'failed', (s) => place(s) === 'failed n1');
    stage.fact(
      'n1 names who holds the device open',
      /drbd:r0 failed.*held open: opened by sleep \(pid \d+, \/dev\/drbd0\)/.test(why(failed)),
      why(failed),
    );
    const there = await stage.until(n2, 'failed', (s) => place(s) === 'failed n1');
    stage.fact('n2 does not start it', there.verdict.state === 'down', there.verdict);
    stage.fact('the daemon has not left', nodeOf(failed, 'n1')?.state === 'leaving', failed.nodes);
    await n1.must(`kill ${pid}`);
    const cleaned = await stage.ask(n1, { kind: 'cleanup', group: 'mysql' });
    stage.fact('cleanup is done', cleaned.state === 'done', cleaned);
    stage.fact('now it leaves', (await stage.untilEnded(n1)) === 0);
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

const noFencing: Scenario = {
  title: 'no fencing: the active node loses its power (blocked; confirmed by a person: taken over)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset({ fencing: false });
    await stage.startBoth();
    await stage.until(
      n1,
      'started',
      (s) => place(s) === 'started n1' && nodeOf(s, 'n2')?.state === 'up',
    );
    const writer = await stage.write(n1);
    stage.begin();
    const early = await stage.ask(n2, {
      kind: 'fenceConfirm',
      node: 'n1',
      by: 'anna',
      reason: 'saw it',
    });
    stage.fact(
      'a node that was just heard cannot be confirmed off',
      early.state === 'refused',
      early,
    );
    await n1.powerCut();
    const seen = await stage.until(n2, 'blocked', (s) => place(s) === 'blocked nowhere');
    const words = why(seen);
    stage.fact(
      'status says why',
      /n1 is silent, which does not mean stopped, and has no fence device/.test(words),
      words,
    );
    stage.fact('and what helps', words.includes('tandem fence confirm n1'), words);
    await stage.pass(3_000);
    const later = await stage.until(n2, 'still blocked', (s) => place(s) === 'blocked nowhere');
    stage.fact('the verdict is down', later.verdict.state === 'down', later.verdict);
    const dry = await operate(
      n2,
      { kind: 'fenceConfirm', node: 'n1', by: 'anna', reason: 'saw it' },
      { dryRun: true },
    );
    stage.fact('a dry run says what would be done', /^Would be done: /.test(dry.message), dry);
    const confirmed = await stage.ask(n2, {
      kind: 'fenceConfirm',
      node: 'n1',
      by: 'anna',
      reason: 'plug pulled',
    });
    stage.fact('the confirmation is taken', confirmed.state === 'done', confirmed);
    const taken = await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    const reason = nodeOf(taken, 'n1')?.reason ?? '';
    stage.fact('who said it is on record', reason === 'confirmed off by anna: plug pulled', reason);
    await stage.untilWriting(writer);
    await stage.boot(n1);
    await stage.start(n1);
    await stage.untilInSync();
    await stage.until(
      n2,
      'n1 is back',
      (s) => nodeOf(s, 'n1')?.state === 'up' && place(s) === 'started n2',
    );
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

await playAll(import.meta.url, [scriptWithoutFencing, heldFileSystem, openDevice, noFencing]);
