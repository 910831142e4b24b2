// Where the service should run, and what is done when parts of it fail.

import { isOk } from '../cluster.js';
import { hostAddress } from '../network.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place } from './seen.js';

/** Silence of 3 s, settling for 5 s, and the move itself; a busy host takes its time. */
const MOVED_WITHIN_MS = 30_000;

const clientNetwork: Scenario = {
  title: 'connectivity: the holder loses the network of its clients (a planned move, nobody fenced)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    const router = hostAddress('public');
    await stage.reset({ ping: [router] });
    await stage.startBoth();
    await stage.untilOk('n1');
    stage.begin();
    const pings = await n1.must('pgrep -x ping | wc -l');
    stage.fact('one ping runs for one address', pings.trim() === '1', pings);
    const writer = await stage.write(n1);
    stage.begin();
    await lab.setLink(n1, 'public', 'down');
    const pulledMs = Date.now();
    const moved = await stage.until(n2, 'on n2', (s) => place(s) === 'started n2');
    const tookMs = Date.now() - pulledMs;
    stage.fact(`it moved within ${MOVED_WITHIN_MS} ms`, tookMs < MOVED_WITHIN_MS, tookMs);
    stage.note(`the service ran on n2 ${tookMs} ms after the cable was pulled`);
    const said = await stage.untilSaid(n1, /^mysql moves to n2: n2 reaches 1 of 1 ping nodes/);
    stage.note(said);
    const worse = nodeOf(moved, 'n1')?.connectivity;
    stage.fact('n1 is shown without it', worse?.reached === 0 && worse.of === 1, moved.nodes);
    stage.fact('the verdict says so', /n1 reaches 0 of 1/.test(moved.verdict.summary), moved.verdict);
    await stage.untilWriting(writer);
    await stage.healLinks();
    await stage.untilOk('n2');
    await stage.pass(8_000);
    await stage.untilOk('n2');
    stage.fact('it stays there when all is well again', isOk(await stage.until(n1, 'ok', isOk)));
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const noPing: Scenario = {
  title: 'connectivity: without the program ping nothing moves (status says why)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset({ ping: [hostAddress('public')] });
    for (const node of [n1, n2]) await node.must('mv /usr/bin/ping /usr/bin/ping.away');
    await stage.startBoth();
    const seen = await stage.until(n1, 'on n1', (s) => place(s) === 'started n1');
    const words = seen.verdict.summary;
    stage.fact('the verdict is degraded', seen.verdict.state === 'degraded', seen.verdict);
    stage.fact('and says why', words.includes('the program ping is not installed here'), words);
    for (const node of [n1, n2]) await node.must('mv /usr/bin/ping.away /usr/bin/ping');
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

/** The database starts in about a second on an idle host; the next look of the monitor is up to 10 s away. */
const BACK_WITHIN_MS = 20_000;

const killedDatabase: Scenario = {
  title: 'recovery: kill -9 of the database (seen at once, back in place, no row lost)',
  async play(stage) {
    const { n1 } = stage;
    await stage.reset();
    await stage.startBoth();
    await stage.untilOk('n1');
    const writer = await stage.write(n1);
    const before = await stage.databasePid(n1);
    stage.begin();
    const killedMs = Date.now();
    await n1.must('pkill -KILL -x mariadbd');
    await stage.untilSaid(n1, 'mysql has ended: it was ended by SIGKILL; looking at once');
    await stage.untilSaid(n1, /^mysql is restarted on n1: restart 1 of 2 in 10 min/);
    await stage.untilOk('n1');
    const tookMs = Date.now() - killedMs;
    stage.note(`all was well again ${tookMs} ms after the kill`);
    stage.fact(`it was back within ${BACK_WITHIN_MS} ms`, tookMs < BACK_WITHIN_MS, tookMs);
    const after = await stage.databasePid(n1);
    stage.fact('another database runs', after !== '' && after !== before, { before, after });
    const looked = (await stage.sentences(n1)).filter((said) => /^mysql looks/.test(said));
    stage.fact('nobody waited for the next look', looked.length === 0, looked);
    await stage.untilWriting(writer);
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const lostDisk: Scenario = {
  title: 'disk: the holder loses its disk (it moves to the good copy, no row lost)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset();
    await stage.startBoth();
    await stage.untilOk('n1');
    const writer = await stage.write(n1);
    stage.begin();
    await n1.must('drbdadm detach r0 < /dev/null');
    await stage.untilSaid(n1, /^mysql moves to n2: the disk of DRBD resource r0 on n1 is Diskless/);
    const seen = await stage.until(n2, 'on n2', (s) => place(s) === 'started n2');
    stage.fact('the verdict names the disk', /Diskless/.test(seen.verdict.summary), seen.verdict);
    await stage.untilWriting(writer);
    await n1.must('drbdadm attach r0 < /dev/null');
    await stage.untilInSync();
    await stage.untilOk('n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

await playAll(import.meta.url, [clientNetwork, noPing, killedDatabase, lostDisk]);
