// Split brains on real disks: made by hand, explained, settled each way; and what only looks like one.

import type { LabNode } from '../node.js';
import { cutReplication, healToStandAlone, inspect, splitBrain } from './apart.js';
import { playAll, type Scenario } from './play.js';
import { PATIENCE, type Stage } from './stage.js';
import { GROUP, history } from '../cluster.js';
import { reconfigureDrbd, waitForDrbd } from '../storage.js';

const MARK_BYTES = 2_097_152;

/** Writes a file of its own on a node, alone, without Tandem; what earlier plays left goes. */
async function writeAlone(node: LabNode, mount = '/mnt'): Promise<void> {
  await node.must(
    `set -e
    drbdadm primary r0
    mount /dev/drbd0 ${mount}
    rm -f ${mount}/mark-* ${mount}/bulk-*
    for i in $(seq 1000); do echo "only ${node.name} has this line $i"; done > ${mount}/mark-${node.name}
    head -c ${MARK_BYTES} /dev/urandom > ${mount}/bulk-${node.name}
    sync; umount ${mount}
    drbdadm secondary r0`,
    PATIENCE,
  );
}

/** Both nodes write alone, without a daemon; then DRBD meets itself again. */
async function diverge(stage: Stage): Promise<void> {
  await stage.reset();
  await cutReplication(stage);
  await writeAlone(stage.n1);
  await writeAlone(stage.n2);
  await healToStandAlone(stage);
  await stage.startBoth();
  await stage.untilSaid(stage.n1, 'n2 is up');
  await stage.untilSaid(stage.n2, 'n1 is up');
}

/** Which marks the file system on the node that runs the group has. */
async function marks(node: LabNode): Promise<string> {
  return node.must('cd /db; ls mark-* 2>/dev/null | tr "\\n" " "; cat mark-* | sort -u | wc -l');
}

async function factRunsWith(stage: Stage, node: LabNode, wanted: string): Promise<void> {
  await stage.untilOk(node.name);
  const found = await marks(node);
  stage.fact(`${node.name} serves with exactly: ${wanted}`, found.startsWith(`${wanted} `), found);
  await stage.untilInSync();
}

async function factInHistory(stage: Stage, words: RegExp): Promise<void> {
  for (const node of stage.lab.nodes) {
    const entries = (await history(node))?.entries ?? [];
    const entry = entries.find(({ trigger }) => words.test(trigger));
    const text = JSON.stringify(entry ?? entries.map(({ trigger }) => trigger));
    stage.fact(`the history of ${node.name} tells who, why and how`, entry?.outcome === 'done', text);
  }
}

const twoSides: Scenario = {
  title: 'both sides wrote alone: explained, n2 saved and discarded, n1 serves with its own data',
  async play(stage) {
    const { n1, n2 } = stage;
    await diverge(stage);
    const { ran, account } = await inspect(n1);
    stage.fact('inspect says split brain, exit 1', ran.exitCode === 1 && account.isSplitBrain, ran);
    stage.fact('by the common base', account.verdict === 'split-brain', account.sentence);
    for (const side of account.sides) {
      const { node, changedBytes, aloneSince } = side;
      stage.fact(`${node} has at least what was written`, (changedBytes ?? 0) >= MARK_BYTES, side);
      const age = Math.abs(Date.now() - Date.parse(aloneSince?.at ?? ''));
      const isTold = aloneSince?.source === 'kernel' && age < 120_000;
      stage.fact(`since when ${node} went its own way, by its kernel log`, isTold, aloneSince);
    }
    stage.fact('DRBD would do nothing', /disconnect/.test(account.policies?.sentence ?? ''), account.policies);
    stage.note((await splitBrain(n2, 'inspect')).stdout);
    const seen = await stage.until(n1, 'status tells of it', ({ drbd }) => drbd[0]?.splitBrain === true);
    stage.fact('status tells of it', seen.drbd[0]?.splitBrain === true);
    await stage.untilSaid(n2, /^DRBD resource r0: split brain: .*tandem split-brain inspect r0/);

    const elsewhere = await splitBrain(n1, 'resolve r0 --discard n2 --yes --save-to /root/saved');
    stage.fact('blocks are saved on their own node only', elsewhere.exitCode === 107, elsewhere);
    const unsure = await splitBrain(n1, 'resolve r0 --discard n2');
    stage.fact('nobody is asked in a pipe: refused', unsure.exitCode === 107, unsure);
    const dry = await splitBrain(n1, 'resolve r0 --discard n2 --dry-run');
    stage.fact('a dry run changes nothing', dry.exitCode === 0 && /Would be done/.test(dry.stdout), dry);
    const done = await splitBrain(
      n2,
      'resolve r0 --discard n2 --yes --save-to /root/saved --reason "n1 has the orders of today"',
    );
    stage.note(`${done.stderr}${done.stdout}`);
    stage.fact('resolve ends with 0', done.exitCode === 0, done);
    const saved = await n2.must('grep -c "only n2 has this line 1000" -a /root/saved/r0-0-n2.img; du -m /root/saved; cat /root/saved/README.txt');
    stage.fact('the saved image has what n2 alone had', /^[1-9]/.test(saved), saved);
    await factRunsWith(stage, n1, 'mark-n1');
    await factInHistory(stage, /settles the split brain of r0: what only n2 has .*orders of today/);
    const after = await inspect(n1);
    stage.fact('inspect says that all is well, exit 0', after.ran.exitCode === 0, after.ran);
  },
};

const otherWay: Scenario = {
  title: 'the other way, asked on the node that stays: n1 is discarded, n2 has the data',
  async play(stage) {
    const { n1, n2 } = stage;
    await diverge(stage);
    await n1.must('drbdadm get-gi r0 > /tmp/gi1; cat /proc/drbd > /tmp/proc1');
    const texts = [await n2.must('drbdadm get-gi r0'), await n2.readFile('/proc/drbd')];
    await n1.writeFile('/tmp/gi2', `${texts[0] ?? ''}\n`);
    await n1.writeFile('/tmp/proc2', texts[1] ?? '');
    const files = '--gi n1=/tmp/gi1 --gi n2=/tmp/gi2 --proc n1=/tmp/proc1 --proc n2=/tmp/proc2';
    const offline = await splitBrain(n1, `inspect r0 ${files}`);
    stage.fact('files tell the same', /^r0: SPLIT BRAIN/.test(offline.stdout), offline);
    const done = await splitBrain(n2, 'resolve r0 --discard n1 --yes');
    stage.fact('resolve ends with 0', done.exitCode === 0, done);
    stage.note(done.stdout);
    const again = await splitBrain(n2, 'resolve r0 --discard n1 --yes');
    stage.fact('asked again it is refused: not split', again.exitCode === 107, again);
    await factRunsWith(stage, n2, 'mark-n2');
  },
};

const underService: Scenario = {
  title: 'the service runs on n1 while n2 writes by hand: n1 cannot be discarded, n2 can, unbroken',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset();
    for (const node of [n1, n2]) {
      await node.must(`sed -i 's|^datadir.*|&\\nlog-bin = /db/mysql/binlog|' /etc/mysql/my.cnf`);
    }
    await stage.startBoth();
    await stage.untilOk('n1');
    const writer = await stage.write(n1);
    await cutReplication(stage);
    await writeAlone(n2);
    await healToStandAlone(stage);
    stage.begin();
    const { ran, account } = await inspect(n2);
    stage.fact('inspect says split brain', ran.exitCode === 1, ran);
    const [second, first] = account.sides;
    stage.fact('n1 was Primary when the link broke', first?.primaryWhenLinkBroke === true, first);
    stage.fact('n2 was made Primary afterwards', second?.primaryWhenLinkBroke === false, second);
    stage.fact('the binary log of n1 is told', /binlog\.\d+ at \d+, GTID/.test(first?.databaseSentence ?? ''), first);
    stage.fact('why that of n2 is not', /^unknown, because/.test(second?.databaseSentence ?? ''), second);
    const refused = await splitBrain(n2, 'resolve r0 --discard n1 --yes');
    stage.fact('n1 is not discarded under its service', refused.exitCode === 107, refused);
    stage.note(refused.stderr);
    const done = await splitBrain(n1, 'resolve r0 --discard n2 --yes --reason "n1 served all the time"');
    stage.note(`${done.stderr}${done.stdout}`);
    stage.fact('n2 is discarded', done.exitCode === 0, done);
    await stage.untilInSync();
    stage.factUnbroken(n1);
    await stage.untilWriting(writer);
    await stage.factNoRowLost(writer);
    stage.factNobodyFenced();
  },
};

async function factNoSplit(stage: Stage, what: string, verdict: string, advice: RegExp): Promise<void> {
  const { ran, account } = await inspect(stage.n2);
  const exit = verdict === 'unrelated' ? 1 : 0;
  const isRight = account.verdict === verdict && !account.isSplitBrain && ran.exitCode === exit;
  stage.fact(`${what}: ${verdict}, no split brain`, isRight, account);
  stage.fact(`${what}: it says what to do`, advice.test(account.advice.join('\n')), account.advice);
  const refused = await splitBrain(stage.n1, 'resolve r0 --discard n2 --yes');
  stage.fact(`${what}: resolve refuses`, refused.exitCode === 107, refused);
}

const falseAlarms: Scenario = {
  title: 'what only looks like it: StandAlone by hand, Outdated, an interrupted resync, other data',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    await n2.must('drbdadm disconnect r0');
    await stage.pass(2_500);
    await factNoSplit(stage, 'StandAlone by hand', 'one-newer', /n2# drbdadm connect r0/);
    await n2.must('drbdadm outdate r0');
    await factNoSplit(stage, 'Outdated', 'one-newer', /brings the older side up to date/);
    await n1.must('head -c 40000000 /dev/urandom > /db/bulk; sync');
    for (const node of [n1, n2]) await node.must('drbdsetup disk-options 0 --c-plan-ahead=0 --resync-rate=1000');
    await n2.must('drbdadm connect r0');
    await waitForDrbd(n2, 'cs:SyncTarget', PATIENCE.timeoutMs);
    await stage.pass(1_000);
    await n2.must('drbdadm disconnect r0');
    await waitForDrbd(n2, 'ds:Inconsistent', PATIENCE.timeoutMs);
    await factNoSplit(stage, 'an interrupted resync', 'one-newer', /drbdadm connect r0/);
    for (const node of [n1, n2]) await node.must('drbdadm adjust r0');
    await stage.untilInSync();

    await n2.must('drbdadm disconnect r0; drbdadm down r0; drbdadm create-md --force r0 < /dev/null');
    await stage.lab.setLink(n1, 'replication', 'down');
    await n2.must('drbdadm up r0; drbdadm primary --force r0; drbdadm secondary r0');
    await healToStandAlone(stage);
    await factNoSplit(stage, 'other data', 'unrelated', /create-md r0/);
    await n2.must('drbdadm down r0; drbdadm create-md --force r0 < /dev/null; drbdadm up r0');
    await n1.must('drbdadm connect r0 || true');
    await stage.untilInSync();
    const mounted = stage.observer.spans('M', stage.beganMs);
    const isWhole = mounted.length === 1 && mounted[0]?.node === 'n1';
    stage.fact('n1 served all the time', isWhole, mounted);
  },
};

const onlyConsistent: Scenario = {
  title: 'one side is only Consistent, after a start without its peer under DRBD fencing: no split brain',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    const hold = { group: GROUP, by: 'lab', reason: null, forMs: null };
    await stage.ask(n1, { kind: 'disable', ...hold });
    await reconfigureDrbd(stage.lab, { fencing: 'resource-only' });
    await cutReplication(stage);
    await n2.must('drbdadm down r0 && drbdadm up r0');
    await waitForDrbd(n2, 'ds:Consistent/DUnknown', PATIENCE.timeoutMs);
    await stage.pass(2_500);
    await factNoSplit(stage, 'only Consistent', 'in-sync', /replication network/);
    const { account } = await inspect(n1);
    const disks = account.sides.map(({ node, disk }) => `${node} ${disk}`);
    const isSeen = disks.join() === 'n1 UpToDate,n2 Consistent';
    stage.fact('it shows who is only Consistent', isSeen, disks);
    await stage.healLinks();
    await stage.untilInSync();
    await reconfigureDrbd(stage.lab, {});
    await stage.ask(n1, { kind: 'enable', group: GROUP, by: 'lab' });
    await stage.untilOk('n1');
  },
};

const bothConsistent: Scenario = {
  title: 'both sides are only Consistent, after an outage of both under DRBD fencing: n2 is discarded',
  async play(stage) {
    const { n1, n2, lab } = stage;
    await stage.reset();
    await cutReplication(stage);
    for (const node of lab.nodes) await writeAlone(node);
    await reconfigureDrbd(lab, { fencing: 'resource-only' });
    for (const node of lab.nodes) {
      await node.must('drbdadm down r0 && drbdadm up r0');
      await waitForDrbd(node, 'ds:Consistent/DUnknown', PATIENCE.timeoutMs);
    }
    await healToStandAlone(stage);
    await stage.startBoth();
    await stage.untilSaid(n2, /^DRBD resource r0: split brain: .*tandem split-brain inspect r0/);
    const { ran, account } = await inspect(n1);
    const disks = account.sides.map(({ node, disk }) => `${node} ${disk}`).sort();
    const isSeen = ran.exitCode === 1 && disks.join() === 'n1 Consistent,n2 Consistent';
    stage.fact('inspect says split brain of two disks that are only Consistent', isSeen, account);
    const done = await splitBrain(n1, 'resolve r0 --discard n2 --yes --reason "n1 served last"');
    stage.note(`${done.stderr}${done.stdout}`);
    stage.fact('resolve ends with 0', done.exitCode === 0, done);
    await factRunsWith(stage, n1, 'mark-n1');
    await reconfigureDrbd(lab, {});
  },
};

await playAll(import.meta.url, [
  ...[twoSides, otherWay, underService, falseAlarms, onlyConsistent, bothConsistent],
]);
