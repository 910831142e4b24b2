// The daemon itself: killed and started again, badly configured, fed with garbage, without DRBD.

import { history } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place } from './seen.js';
import type { Stage } from './stage.js';
import { strangers } from './strangers.js';

/** Node.js starts in a second here, and in five when the host is busy with other things. */
const LONG_DEADTIME = { deadtimeMs: 20_000, initdeadS: 20 } as const;
const EXIT_CONFIG = 78;

// --- restarts ------------------------------------------------------------------------------------

type Running = { readonly pid: string; readonly mount: string; readonly operations: number };

async function running(stage: Stage, node: LabNode): Promise<Running> {
  const mount = await node.must(`grep ' /db ' /proc/self/mountinfo`);
  const operations = (await history(node))?.entries.length ?? 0;
  return { pid: await stage.databasePid(node), mount, operations };
}

async function killAndStart(stage: Stage, node: LabNode, pauseMs: number): Promise<void> {
  await stage.signal(node, 'KILL');
  await stage.untilEnded(node);
  await stage.pass(pauseMs);
  await stage.start(node);
}

const restart: Scenario = {
  title: 'restart: a daemon is killed and started again (its group is adopted, nothing restarts)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster(LONG_DEADTIME);
    const writer = await stage.write(n1);
    stage.begin();
    for (const [label, pauseMs] of [
      ['at once', 0],
      ['after 2 s', 2_000],
    ] as const) {
      const before = await running(stage, n1);
      const since = (await stage.sentences(n1)).length;
      await killAndStart(stage, n1, pauseMs);
      await stage.untilOk('n1');
      const after = await running(stage, n1);
      stage.fact(`${label}: the database is the same process`, after.pid === before.pid, {
        before,
        after,
      });
      stage.fact(`${label}: the mount is the same`, after.mount === before.mount, {
        before,
        after,
      });
      const said = (await stage.sentences(n1)).slice(since);
      const adopted = said.some((s) => s.includes('was already running on n1 and was adopted'));
      stage.fact(`${label}: it says that it adopted the group`, adopted, said);
      const isNothingNew = after.operations === before.operations && after.operations > 0;
      stage.fact(`${label}: it kept its history and added nothing to it`, isNothingNew, after);
      await stage.untilWriting(writer);
    }
    const before = (await history(n2))?.entries.length;
    await killAndStart(stage, n2, 0);
    await stage.untilOk('n1');
    const after = (await history(n2))?.entries.length;
    stage.fact('a passive daemon comes back and does nothing', after === before, { before, after });
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const secondDaemon: Scenario = {
  title: 'second daemon: on the same socket it is refused (the first one goes on)',
  async play(stage) {
    const { n1 } = stage;
    await stage.have('n1');
    const saved = await n1.readFile('/var/lib/tandem/state.json');
    const second = await n1.exec('tandemd --config /etc/ha.d', { timeoutMs: 60_000 });
    stage.fact('the second one ends with 1', second.exitCode === 1, second);
    const words = second.stdout + second.stderr;
    stage.fact(
      'it says why',
      words.includes('Another tandemd answers on /run/tandem/tandem.sock'),
      words,
    );
    const after = await n1.readFile('/var/lib/tandem/state.json');
    stage.fact('it did not touch the state of the first', after === saved, { saved, after });
    await stage.untilOk('n1');
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
  },
};

const killedHalfway: Scenario = {
  title: 'restart: a daemon is killed in the middle of a start (it tidies up, one holder)',
  async play(stage) {
    const { n1 } = stage;
    await stage.reset(LONG_DEADTIME);
    await stage.startBoth();
    await stage.untilSaid(n1, 'filesystem:/db is started');
    await killAndStart(stage, n1, 0);
    await stage.untilOk('n1');
    stage.factOneHolder();
    stage.factNobodyFenced();
    const writer = await stage.write(n1);
    await stage.factNoRowLost(writer);
  },
};

// --- configuration -------------------------------------------------------------------------------

type BadCase = {
  readonly what: string;
  readonly script: string;
  readonly says: RegExp;
};

const BAD_CASES: readonly BadCase[] = [
  {
    what: 'a malformed ha.cf',
    script: `sed -i '3s/.*/deadtime soon/' ha.cf`,
    says: /^\/etc\/bad\/ha\.cf:3:10: error: .*soon.*; expected /m,
  },
  {
    what: 'a haresources line for a node that is no node',
    script: `sed -i 's/^n1 /n3 /' haresources`,
    says: /^\/etc\/bad\/haresources:1:1: error: .*n3.*; expected /m,
  },
  {
    what: 'an authkeys that others can read',
    script: 'chmod 0644 authkeys',
    says: /^\/etc\/bad\/authkeys: error: .*; expected .*0?600/m,
  },
  {
    what: 'an authkeys without the key that signs',
    script: `sed -i 's/^auth 1/auth 2/' authkeys`,
    says: /^\/etc\/bad\/authkeys:1:6: error: .*; expected /m,
  },
];

const badConfiguration: Scenario = {
  title: 'configuration: bad files (exit 78 with file, line and column; nothing started)',
  async play(stage) {
    const { n1 } = stage;
    await stage.reset();
    for (const { what, script, says } of BAD_CASES) {
      await n1.must(`rm -rf /etc/bad; cp -a /etc/ha.d /etc/bad; cd /etc/bad; ${script}`);
      const result = await n1.exec('tandemd --config /etc/bad', { timeoutMs: 60_000 });
      stage.fact(`${what}: exit code 78`, result.exitCode === EXIT_CONFIG, result);
      stage.fact(
        `${what}: file, line, column and what was expected`,
        says.test(result.stderr),
        result,
      );
      const told = result.stderr.includes('nothing was started');
      stage.fact(`${what}: it says that nothing was started`, told, result);
    }
    const traces = await n1.must('ls -d /run/tandem /var/lib/tandem 2>/dev/null; true');
    stage.fact('no socket, no state', traces === '', traces);
    const proc = await n1.readFile('/proc/drbd');
    stage.fact('DRBD was left alone', / ro:Secondary\/Secondary /.test(proc), proc);
    stage.factNobodyFenced();
  },
};

// --- DRBD is not there ---------------------------------------------------------------------------

const noDrbd: Scenario = {
  title: 'DRBD: its module is not loaded on one node (said, not started there; the other runs it)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset();
    await stage.start(n2);
    await stage.until(n2, 'DRBD seen', (s) => s.drbd[0]?.connection === 'Connected');
    await n1.must('drbdadm down r0 && rmmod drbd && test ! -e /proc/drbd');
    await stage.start(n1);
    for (const node of [n1, n2])
      await stage.until(node, 'n2 runs it', (s) => place(s) === 'started n2');
    const seen = await stage.until(n1, 'n1 is up', (s) => nodeOf(s, 'n1')?.state === 'up');
    const reason = seen.drbd[0]?.reason ?? '';
    stage.fact(
      'n1 says that /proc/drbd is missing',
      /\/proc\/drbd .*not loaded/.test(reason),
      seen.drbd,
    );
    const { verdict } = await stage.until(n2, 'n2 alone', (s) => s.verdict.state === 'degraded');
    stage.fact(
      'n2 says why n1 could not take over',
      /no other node could take over.*n1/.test(verdict.summary),
      verdict,
    );
    const refused = await stage.ask(n2, { kind: 'move', group: 'mysql', to: 'n1' });
    stage.fact('a move there is refused', refused.state === 'refused', refused);
    const held = stage.observer.spans('M', stage.beganMs);
    stage.fact(
      'n1 never mounted /db',
      held.every(({ node }) => node === 'n2'),
      held,
    );
    await n1.must('modprobe drbd && drbdadm up r0');
    await stage.untilOk('n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

await playAll(import.meta.url, [
  badConfiguration,
  noDrbd,
  killedHalfway,
  restart,
  secondDaemon,
  strangers,
]);
