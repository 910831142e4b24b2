// A healthy cluster: what must not happen to it, and what operators ask of it.

import { history, isOk } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';
import type { Stage } from './stage.js';
import { link, nodeOf, place } from './seen.js';

const ALL_LINKS = ['serial /dev/ttyS1', 'bcast vec0', 'bcast vec1'];

const bootTogether: Scenario = {
  title: 'boot: two daemons start together (one start, on the first node of haresources)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.reset();
    await stage.startBoth();
    await stage.untilOk('n1');
    for (const node of [n1, n2]) {
      const seen = await stage.until(node, 'all links up', (s) =>
        s.links.every((l) => l.state === 'up'),
      );
      const media = seen.links.map(({ medium }) => medium);
      stage.fact(
        `${node.name} hears its peer on each link`,
        String(media) === String(ALL_LINKS),
        media,
      );
      stage.fact(`${node.name} sees fencing configured`, seen.fencing.configured);
    }
    const [first, second] = [await history(n1), await history(n2)];
    stage.fact('n1 has started it once', first?.entries.length === 1, first);
    stage.fact('n2 has started nothing', second?.entries.length === 0, second);
    const phases = first?.entries[0]?.phases.map(({ name }) => name).join(' ');
    stage.fact('in order', phases === 'promote mount address database', phases);
    const { verdict } = await stage.until(n1, 'well', isOk);
    stage.fact('the verdict says who stands by', /n2 is ready/.test(verdict.summary), verdict);
    const held = stage.observer.spans('M', stage.beganMs);
    stage.fact('only n1 mounted /db, once', held.length === 1 && held[0]?.node === 'n1', held);
    stage.factNobodyFenced();
  },
};

const links: Scenario = {
  title: 'links: cables are pulled one after the other (nothing moves while one link lives)',
  async play(stage) {
    const { lab, n1, n2 } = stage;
    await stage.have('n1');
    const writer = await stage.write(n1);
    stage.begin();
    await lab.setLink(n2, 'replication', 'down');
    const cut = await stage.until(
      n2,
      'n2 behind',
      (s) => !isOk(s) && /has writes/.test(s.verdict.summary),
    );
    stage.fact(
      'n2 knows that it lacks rows',
      /n1 was Primary of DRBD/.test(cut.verdict.summary),
      cut.verdict,
    );
    await stage.untilWriting(writer);
    const refused = await stage.ask(n2, { kind: 'move', group: 'mysql', to: 'n2' });
    stage.fact('a move to the old copy is refused', refused.state === 'refused', refused);
    stage.fact(
      'as unsafe, with the reason',
      refused.exit === 'unsafe' && /n2/.test(refused.message),
      refused,
    );
    await lab.setLink(n2, 'public', 'down');
    for (const node of [n1, n2]) {
      const seen = await stage.until(node, 'only serial', (s) => {
        return link(s, 'bcast vec0') === 'dead' && link(s, 'bcast vec1') === 'dead';
      });
      stage.fact(
        `${node.name} still hears the serial line`,
        link(seen, 'serial /dev/ttyS1') !== 'dead',
        seen.links,
      );
      const peer = seen.nodes.find(({ self }) => !self);
      stage.fact(
        `${node.name} knows that its peer lives`,
        peer?.state === 'up' || peer?.state === 'late',
        peer,
      );
    }
    const said = (await stage.until(n1, 'degraded', (s) => !isOk(s))).verdict;
    stage.fact('the verdict is degraded, not down', said.state === 'degraded', said);
    await stage.untilWriting(writer);
    await stage.healLinks();
    await stage.untilInSync();
    await stage.untilOk('n1');
    await lab.cutSerial();
    for (const node of [n1, n2]) {
      const seen = await stage.until(
        node,
        'serial dead',
        (s) => link(s, 'serial /dev/ttyS1') === 'dead',
      );
      const words = seen.verdict.summary;
      stage.fact(`${node.name} names the dead line`, words.includes('serial /dev/ttyS1'), words);
    }
    await lab.healSerial();
    await stage.untilOk('n1');
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const moves: Scenario = {
  title: 'move: there and back, standby and online (one holder, no row lost)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.have('n1');
    const writer = await stage.write(n1);
    stage.begin();
    for (const [by, to] of [
      [n1, 'n2'],
      [n2, null],
    ] as const) {
      const end = await stage.ask(by, { kind: 'move', group: 'mysql', to });
      const target = to ?? 'n1';
      stage.fact(`the move to ${target} is done`, end.state === 'done' && end.exit === 'ok', end);
      stage.fact('its progress was told', end.progress.length > 1, end);
      await stage.untilWriting(writer);
      await stage.untilOk(target);
    }
    const away = await stage.ask(n2, { kind: 'standby', node: 'n1' });
    stage.fact('standby of n1 is done', away.state === 'done', away);
    await stage.until(n2, 'on n2', (s) => place(s) === 'started n2');
    await stage.untilWriting(writer);
    const mode = (
      await stage.until(n2, 'n1 in standby', (s) => nodeOf(s, 'n1')?.mode === 'standby')
    ).nodes[0]?.mode;
    stage.fact('n1 is shown in standby', mode === 'standby', mode);
    const back = await stage.ask(n1, { kind: 'move', group: 'mysql', to: 'n1' });
    stage.fact('nothing moves to a node in standby', back.state === 'refused', back);
    const online = await stage.ask(n1, { kind: 'online', node: null });
    stage.fact('n1 is online again', online.state === 'done', online);
    await stage.untilOk('n2');
    await stage.pass(1_000);
    await stage.untilOk('n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

/** How often the kernel of a node lost or gave up its DRBD connection since it booted. */
async function connectionLosses(node: LabNode): Promise<number> {
  const lines = (await node.must('dmesg')).split('\n');
  return lines.filter((line) => /drbd r0: .*conn\( Connected -> /.test(line)).length;
}

const leaving: Scenario = {
  title: 'leave: SIGTERM to the active daemon, then to a passive one (no fence, at once)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.have('n2');
    const writer = await stage.write(n2);
    stage.begin();
    const cutBefore = await connectionLosses(n1);
    await stage.signal(n2, 'TERM');
    const code = await stage.untilEnded(n2);
    stage.fact('tandemd ends with 0', code === 0, code);
    const stops = (await stage.sentences(n2)).filter((s) => / is stopped: /.test(s)).slice(-4);
    const order = stops.map((sentence) => sentence.split(/[: ]/)[0]).join(' ');
    stage.fact('the group stopped in order', order === 'mysql ip filesystem drbd', stops);
    const seen = await stage.until(n1, 'n1 has it', (s) => place(s) === 'started n1');
    const gone = nodeOf(seen, 'n2');
    stage.fact('n2 is shown as left', gone?.state === 'left', gone);
    await stage.untilWriting(writer);
    const proc = await n1.readFile('/proc/drbd');
    stage.fact(
      'the replication was never cut',
      / cs:Connected ro:Primary\/Secondary/.test(proc),
      proc,
    );
    const cuts = (await connectionLosses(n1)) - cutBefore;
    stage.fact('not even for a moment', cuts === 0, cuts);
    await stage.pass(2_000);
    await stage.start(n2);
    await stage.untilOk('n1');
    await stage.signal(n2, 'TERM');
    stage.fact('a passive daemon ends with 0, too', (await stage.untilEnded(n2)) === 0);
    const alone = await stage.until(n1, 'n2 left', (s) => s.nodes[1]?.state === 'left');
    stage.fact(
      'n1 runs on, and says that it is alone',
      alone.verdict.state === 'degraded',
      alone.verdict,
    );
    await stage.start(n2);
    await stage.untilOk('n1');
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

/** Something of the service ends, which must be noticed. True when a second look came first. */
async function breakAndMend(stage: Stage, script: string, id: string): Promise<boolean> {
  const { n1 } = stage;
  const since = (await stage.sentences(n1)).length;
  const told = async (words: RegExp): Promise<boolean> =>
    (await stage.sentences(n1)).slice(since).some((sentence) => words.test(sentence));
  await n1.must(script);
  await stage.waitFor(`${id} to be missed`, async () => told(new RegExp(`^${id} failed on n1`)));
  return told(new RegExp(`^${id} (looks .* looking again|has ended.* looking at once)`));
}

const databaseDies: Scenario = {
  title: 'failure: parts of the service end (restart in place; the third time it moves)',
  async play(stage) {
    const { n1 } = stage;
    await stage.have('n1');
    const writer = await stage.write(n1);
    const before = await stage.databasePid(n1);
    stage.begin();
    const looked = await breakAndMend(stage, 'pkill -KILL -x mariadbd', 'mysql');
    stage.fact('the end of the server was looked into before anything was done', looked);
    await stage.untilOk('n1');
    const said = await stage.sentences(n1);
    stage.fact('what it stands on was looked at and stayed', said.some((one) => /^filesystem:\S+ stays: /.test(one)), said.slice(-20));
    const after = await stage.databasePid(n1);
    stage.fact('the database runs again on n1', after !== '' && after !== before, {
      before,
      after,
    });
    await stage.untilWriting(writer);
    const twice = await breakAndMend(
      stage,
      'ip address del 10.9.0.100/24 dev vec0',
      'ip:10.9.0.100',
    );
    stage.fact('that the address is gone is certain at the first look', !twice);
    await stage.untilOk('n1');
    await stage.untilWriting(writer);
    await breakAndMend(stage, 'pkill -KILL -x mariadbd', 'mysql');
    const seen = await stage.until(stage.n2, 'on n2', (s) => place(s) === 'started n2');
    stage.fact(
      'n1 is said to be unfit',
      /n1 failed to run it/.test(seen.verdict.summary),
      seen.verdict,
    );
    await stage.untilWriting(writer);
    const cleaned = await stage.ask(n1, { kind: 'cleanup', group: 'mysql' });
    stage.fact('cleanup is done', cleaned.state === 'done', cleaned);
    await stage.untilOk('n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

const bothLeave: Scenario = {
  title: 'leave: both daemons get SIGTERM at once (everything stopped, nobody shot; back together)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.have('n1');
    await Promise.all([stage.signal(n1, 'TERM'), stage.signal(n2, 'TERM')]);
    const codes = [await stage.untilEnded(n1), await stage.untilEnded(n2)];
    stage.fact('both end with 0', codes.join() === '0,0', codes);
    const proc = await n1.readFile('/proc/drbd');
    stage.fact('nothing runs any more', / ro:Secondary\/Secondary /.test(proc), proc);
    stage.factOneHolder();
    await stage.startBoth();
    await stage.untilOk('n1');
    stage.factNobodyFenced();
  },
};

await playAll(import.meta.url, [bootTogether, links, moves, leaving, databaseDies, bothLeave]);
