// A node dies, hangs or is cut off: detection, fencing and takeover on real parts.

import { daemonLog, history, isOk } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place, why } from './seen.js';
import type { Stage } from './stage.js';

/** As configured: keepalive 200 ms gives a head start of 500 ms. */
const DEADTIME_MS = 1_500;
const HEAD_START_MS = 500;
/** Timers fire late, never early; two clocks are read, hence a little less than the rule says. */
const SLACK_MS = 50;

/** The exit code of a refusal for the data's sake. */
const UNSAFE = 107;

/** When a node said something, on the wall clock. */
async function saidAt(node: LabNode, words: RegExp): Promise<number> {
  const line = (await daemonLog(node)).find((entry) => words.test(String(entry['msg'])));
  return line === undefined ? Number.NaN : Date.parse(String(line['time']));
}

/** n2 has taken over from n1, which was shot by it. */
async function factTakenOver(stage: Stage): Promise<void> {
  const { n2 } = stage;
  await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
  const asked = stage.requests();
  stage.fact('the state of n1 was asked first', asked[0] === 'STATUS n1: OK ON', asked);
  const shots = asked.filter((request) => request.startsWith('OFF'));
  stage.fact('one shot, at n1', shots.length === 1 && shots[0] === 'OFF n1: OK OFF', asked);
  const entry = (await history(n2))?.entries.at(-1);
  const names = entry?.phases.map(({ name }) => name).join(' ');
  const wanted = 'detection fencing promote mount address database';
  stage.fact('the account has all phases', names === wanted && entry?.outcome === 'done', entry);
  const detection = entry?.phases[0]?.durationMs ?? 0;
  stage.fact('it was not declared dead early', detection >= DEADTIME_MS - SLACK_MS, entry?.phases);
  const dead = await saidAt(n2, /^n1 is silent on every link .*taken for dead/);
  const shot = await saidAt(n2, /^n2 fences n1/);
  stage.fact('the head start was kept', shot - dead >= HEAD_START_MS - SLACK_MS, { dead, shot });
  const parts = entry?.phases.map(({ name, durationMs }) => `${name} ${durationMs ?? '?'} ms`);
  stage.note(`the takeover: ${parts?.join(', ') ?? ''}`);
}

/** n1 was switched on again; it must rejoin, resync and change nothing. */
async function factRejoined(stage: Stage): Promise<void> {
  const { n1, n2 } = stage;
  await stage.untilBack(n1);
  const before = (await history(n2))?.entries.length;
  await stage.start(n1);
  await stage.untilOk('n2');
  await stage.untilInSync();
  const proc = await n1.readFile('/proc/drbd');
  stage.fact(
    'n1 is Secondary and in sync',
    / ro:Secondary\/Primary ds:UpToDate\/UpToDate /.test(proc),
    proc,
  );
  stage.fact('nothing moved when it came back', (await history(n2))?.entries.length === before);
}

const frozen: Scenario = {
  title:
    'hang: the active node freezes (asked, head start, shot, taken over; it comes back by "on")',
  async play(stage) {
    const { n1 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    stage.begin();
    n1.freeze();
    await stage.untilWriting(writer);
    await factTakenOver(stage);
    await stage.waitFor('n1 to be switched on', () => stage.requests().includes('ON n1: OK ON'));
    await factRejoined(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const thawed: Scenario = {
  title:
    'hang: the active node freezes and thaws while it cannot be fenced (nobody shot, no takeover)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    const database = await stage.databasePid(n1);
    stage.begin();
    lab.power.setFault(n1, 'fail');
    n1.freeze();
    const failed = /fencing it has not worked/;
    const seen = await stage.until(
      n2,
      'blocked',
      (s) => place(s) === 'blocked nowhere' && failed.test(why(s)),
    );
    stage.fact(
      'n2 says what failed and what to do',
      /outlet failure.*tandem fence confirm n1/.test(why(seen)),
      why(seen),
    );
    stage.fact('the verdict is down', seen.verdict.state === 'down', seen.verdict);
    stage.fact('n1 is shown as dead', nodeOf(seen, 'n1')?.state === 'dead', seen.nodes);
    n1.thaw();
    await stage.untilWriting(writer);
    const warned = await stage.until(n2, 'n1 serves on', (s) => place(s) === 'started n1');
    const { verdict } = warned;
    stage.fact('the device is not forgotten', /fence devices of n1 did not work/.test(verdict.summary), verdict);
    lab.power.setFault(n1, 'none');
    await stage.pass(2_000);
    const tested = await n2.exec('tandem fence test n1', { timeoutMs: 60_000 });
    stage.fact('a test of the mended device succeeds', tested.exitCode === 0, tested);
    stage.note(tested.stdout);
    await stage.untilOk('n1');
    const asked = stage.requests();
    stage.fact(
      'nobody was switched off',
      !asked.some((request) => request.endsWith('OK OFF')),
      asked,
    );
    stage.fact(
      'n1 never asked for a shot',
      !asked.some((request) => request.includes('n2')),
      asked,
    );
    stage.fact('the database is the same process', (await stage.databasePid(n1)) === database);
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

/** The pauses between attempts, in ms: from one question for the state to the next. */
function pauses(stage: Stage): readonly number[] {
  const asked = stage.lab.power.requests().filter(({ atMs }) => atMs >= stage.beganMs);
  const shots = asked.filter(({ command }, at) => command === 'STATUS' && at % 2 === 0);
  return shots.slice(1).map(({ atMs }, at) => atMs - (shots[at]?.atMs ?? 0));
}

const badAgent: Scenario = {
  title: 'fencing: the agent fails, then hangs, then works (no takeover before; growing pauses)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    await stage.raiseCluster({ fenceTimeoutS: 2 });
    const writer = await stage.write(n1);
    stage.begin();
    lab.power.setFault(n1, 'fail');
    await n1.powerCut();
    await stage.untilSaid(n2, /^Fencing n1 failed \(3 so far\)/);
    const seen = await stage.until(n2, 'blocked', (s) => place(s) === 'blocked nowhere');
    stage.fact(
      'status says that fencing fails, and why',
      /fencing it has not worked \(.*outlet failure/.test(why(seen)),
      why(seen),
    );
    const grown = pauses(stage);
    const growing = grown.length >= 2 && grown.every((ms, at) => ms >= 1_000 * 2 ** at - SLACK_MS);
    stage.fact('the pauses grow', growing, grown);
    stage.note(`pauses between attempts: ${grown.join(', ')} ms`);
    lab.power.setFault(n1, 'hang');
    await stage.untilSaid(n2, /^Fencing n1 failed \(4 so far\)/);
    const hung = await stage.until(n2, 'hung', (s) => /did not answer within/.test(why(s)));
    stage.fact(
      'a hang is told as such',
      /fence_lab off did not answer within 2000 ms/.test(why(hung)),
      why(hung),
    );
    const left = (await n2.exec('pgrep -x fence_lab')).stdout;
    stage.fact('no agent is left running', left === '', left);
    stage.fact(
      'nothing was started meanwhile',
      stage.observer.spans('P', stage.beganMs).every(({ node }) => node === 'n1'),
    );
    lab.power.setFault(n1, 'none');
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    const off = stage
      .requests()
      .filter((request) => request.startsWith('OFF') && request.endsWith('OFF'));
    stage.fact('it was off already: nobody was shot', off.length === 0, stage.requests());
    await stage.untilWriting(writer);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

/** A head start of 2 s: a busy host lets a node stand still for longer than the usual 500 ms. */
const UNHURRIED = { keepaliveMs: 1_000, deadtimeMs: 5_000 } as const;

const partition: Scenario = {
  title: 'partition: all heartbeats and DRBD cut, power reachable (the holder wins; never two)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    await stage.raiseCluster(UNHURRIED);
    const writer = await stage.write(n1);
    stage.begin();
    for (const link of ['public', 'replication'] as const) await lab.setLink(n2, link, 'down');
    await lab.cutSerial();
    await stage.waitFor('a shot', () =>
      stage.requests().some((request) => /^OFF n\d: OK OFF/.test(request)),
    );
    await stage.pass(1_000);
    const shots = stage.requests().filter((request) => request.startsWith('OFF'));
    stage.fact(
      'the holder n1 has shot n2',
      shots.length === 1 && shots[0] === 'OFF n2: OK OFF',
      stage.requests(),
    );
    await stage.untilWriting(writer);
    await stage.untilBack(n2);
    await stage.start(n2);
    await stage.untilSaid(n2, /not known whether n2 or n1 has the newer copy/);
    const alone = await stage.until(n2, 'n2 holds still', (s) => place(s) === 'blocked nowhere');
    stage.fact('n2, back and cut off, waits for n1', /n1/.test(why(alone)), why(alone));
    await stage.pass(3_000);
    const later = stage.requests().filter((request) => request.startsWith('OFF'));
    stage.fact(
      'no second shot on either side: no fence loop',
      later.length === 1,
      stage.requests(),
    );
    const there = await stage.until(n1, 'n1 goes on', (s) => place(s) === 'started n1');
    stage.fact(
      'n1 says that it is alone',
      there.verdict.state === 'degraded' && !isOk(there),
      there.verdict,
    );
    await stage.healLinks();
    await stage.untilInSync();
    await stage.untilOk('n1');
    stage.factUnbroken(n1);
    await stage.factNoRowLost(writer);
  },
};

const daemonDies: Scenario = {
  title: 'daemon: the active one dies and stays dead (its node is fenced, for it may still write)',
  async play(stage) {
    const { n1 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    stage.begin();
    await stage.signal(n1, 'KILL');
    await stage.waitFor('n1 to be shot', () => stage.requests().includes('OFF n1: OK OFF'));
    await stage.untilWriting(writer);
    await factTakenOver(stage);
    await factRejoined(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const coldBoot: Scenario = {
  title: 'cold boot of one (S4): the older copy waits, the one that wrote alone starts by itself',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    await n2.powerCut();
    await stage.until(n1, 'n2 is confirmed off', (s) => nodeOf(s, 'n2')?.state === 'fenced');
    await stage.untilWriting(writer);
    await n1.powerCut();

    await stage.boot(n2);
    await stage.start(n2);
    const older = /not known whether n2 or n1 has the newer copy .*tandem fence confirm n1/;
    const seen = await stage.until(n2, 'it says what it waits for', (s) => older.test(why(s)));
    stage.fact('the older copy is not started', place(seen) === 'blocked nowhere', place(seen));
    const proc = await n2.readFile('/proc/drbd');
    stage.fact('nor promoted', / ro:Secondary/.test(proc), proc);
    await n2.powerCut();

    await stage.boot(n1);
    await stage.start(n1);
    await stage.until(n1, 'the newer copy starts alone', (s) => place(s) === 'started n1');
    await stage.untilWriting(writer);
    await stage.boot(n2);
    await stage.start(n2);
    await stage.untilOk('n1');
    await stage.untilInSync();
    await stage.factNoRowLost(writer);
  },
};

const forcedOldData: Scenario = {
  title: 'old data by order (S4): refused, then forced; the node with the newer data returns',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    await n2.powerCut();
    await stage.until(n1, 'n2 is confirmed off', (s) => nodeOf(s, 'n2')?.state === 'fenced');
    await stage.untilWriting(writer);
    await n1.powerCut();

    await stage.boot(n2);
    await stage.start(n2);
    await stage.until(n2, 'it says that its copy may be old', (s) => /newer copy/.test(why(s)));
    const planned = await n2.exec('tandem move mysql --to n2');
    stage.fact('a plain move is refused', planned.exitCode === UNSAFE, planned);
    const force = 'tandem move mysql --to n2 --force-old-data --reason "n1 burnt"';
    const untyped = await n2.exec(`${force} </dev/null`);
    stage.fact('nobody typed it: refused', untyped.exitCode === UNSAFE, untyped);
    const wrong = await n2.exec(`${force} --yes-lose-data n2`);
    stage.fact('the wrong node is refused', wrong.exitCode === UNSAFE, wrong);
    const preview = await n2.exec(`${force} --dry-run`);
    stage.fact('a dry run says what is lost', /what n1 wrote to r0 .* is lost/.test(preview.stdout), preview);
    const idle = await n2.readFile('/proc/drbd');
    stage.fact('nothing is promoted so far', / ro:Secondary/.test(idle), idle);

    const done = await n2.exec(`${force} --yes-lose-data n1`, { timeoutMs: 60_000 });
    stage.fact('the order starts the service', done.exitCode === 0, done);
    const seen = await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    stage.note(`n2 after the order: ${seen.verdict.summary}`);
    const entry = (await history(n2))?.entries.findLast(({ group }) => group === 'mysql');
    stage.fact('who and why are in the history', /with old data \(n1 burnt\)/.test(entry?.trigger ?? ''), entry);
    const pid = await stage.databasePid(n2);

    await stage.boot(n1);
    await stage.start(n1);
    await stage.untilSaid(n2, /r0: split brain/);
    const there = await n1.readFile('/proc/drbd');
    stage.fact('the data of n1 is not used', / ro:Secondary/.test(there), there);
    stage.fact('the service goes on', (await stage.databasePid(n2)) === pid, pid);
  },
};

await playAll(import.meta.url, [frozen, thawed, badAgent, partition, daemonDies, coldBoot, forcedOldData]);
