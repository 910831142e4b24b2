import t from 'tap';
import type { Recovery } from '../../src/resources/spec.js';
import { RECOVERY_DEFAULT } from '../../src/resources/spec.js';
import { DEFAULT_RECOVERY } from '../../src/config/cluster-schema.js';
import { drbd, Driver, GROUP } from './driver.js';

const MYSQL = 3;

function running(recovery: Partial<Recovery> = {}): Driver {
  return new Driver({ groups: [{ ...GROUP, recovery }] }).running().hear();
}

/** The database ends; a look confirms it; everything is stopped. */
function fail(driver: Driver): readonly string[] {
  const said: string[] = [];
  const note = (): unknown => said.push(...driver.sentences);
  driver.give({ kind: 'ended', group: 'mysql', index: MYSQL, reason: 'it was ended by SIGKILL' });
  note();
  driver.done('ok', 'stopped');
  note();
  while (driver.group.life === 'stopping') {
    driver.done();
    note();
  }
  return said;
}

function startAgain(driver: Driver): void {
  driver.hear().hearGrant();
  while (driver.group.life === 'starting') driver.done();
  driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] }).hear();
}

t.test('recovery: a server that ends is looked at once, and one look confirms it', (t) => {
  const driver = running();
  driver.give({ kind: 'ended', group: 'mysql', index: MYSQL, reason: 'it was ended by SIGKILL' });
  t.match(driver.sentences, ['mysql has ended: it was ended by SIGKILL; looking at once']);
  t.same(driver.deeds, [`monitor ${String(MYSQL)}`]);
  t.equal(driver.group.life, 'started', 'nothing is done before the look');
  driver.done('ok', 'stopped');
  t.equal(driver.group.life, 'stopping');
  t.equal(driver.state.history.at(-1)?.trigger, 'mysql failed on n1: as asked');
  t.end();
});

t.test('recovery: what ended and runs again is left alone, and looked at once more', (t) => {
  const driver = running();
  driver.give({ kind: 'ended', group: 'mysql', index: MYSQL, reason: 'exit code 0' });
  driver.done('ok', 'started');
  t.equal(driver.group.life, 'started');
  t.ok(driver.pass(250).deeds.includes(`monitor ${String(MYSQL)}`), 'the look may have come too early');
  driver.done('ok', 'started');
  t.notOk(driver.pass(1_000).deeds.includes(`monitor ${String(MYSQL)}`));
  for (const [group, index] of [['mysql', 9], ['other', MYSQL]] as const) {
    driver.give({ kind: 'ended', group, index, reason: 'gone' });
    t.same(driver.sentences, [], 'what is not configured is nothing');
  }
  const stopping = running();
  stopping.operator({ kind: 'move', group: 'mysql', to: 'n2' });
  stopping.give({ kind: 'ended', group: 'mysql', index: MYSQL, reason: 'exit code 0' });
  t.same(stopping.sentences, [], 'an end that was asked for is no failure');
  t.end();
});

t.test('recovery: restart in place, then elsewhere (max_restarts, restart_expire_time)', (t) => {
  for (const restartsMax of [0, 1, 2, 5]) {
    const driver = running({ restartsMax, restartExpireMs: 60_000 });
    for (let count = 1; count <= restartsMax; count += 1) {
      const words = `mysql is restarted on n1: restart ${String(count)} of ${String(restartsMax)} in 1 min 00 s`;
      t.ok(fail(driver).some((said) => said.startsWith(words)), words);
      t.equal(driver.group.barred, null);
      startAgain(driver);
      t.equal(driver.group.life, 'started', 'it runs here again');
    }
    fail(driver);
    const times = restartsMax === 0 ? 'once' : `${String(restartsMax + 1)} times`;
    t.equal(driver.group.barred?.reason, `mysql failed ${times} in 1 min 00 s on n1`);
    t.equal(driver.hear().group.claim, null, 'it does not want it any more');
    driver.pass(59_000).hear();
    t.not(driver.group.barred, null);
    driver.pass(1_500).hear();
    t.equal(driver.group.barred, null, 'until its failures are old');
    t.not(driver.group.claim, null);
  }
  t.end();
});

t.test('recovery: failures that are old do not count', (t) => {
  const driver = running({ restartsMax: 1, restartExpireMs: 5_000 });
  for (let round = 0; round < 4; round += 1) {
    fail(driver);
    t.equal(driver.group.barred, null);
    startAgain(driver);
    for (let ms = 0; ms < 6_000; ms += 200) {
      driver.pass(200).hear();
      while (driver.group.action?.verb === 'monitor') driver.done();
    }
  }
  fail(driver);
  startAgain(driver);
  fail(driver);
  t.not(driver.group.barred, null, 'two within the window do');
  driver.operator({ kind: 'cleanup', group: 'mysql' });
  t.equal(driver.group.barred, null, 'cleanup forgets them');
  t.same(driver.group.failuresMs, []);
  t.end();
});

t.test('recovery: relocate goes elsewhere at once, and restarts here when nobody else can', (t) => {
  const driver = running({ onFailure: 'relocate' });
  fail(driver);
  t.equal(driver.group.barred?.reason, 'mysql failed on n1, and its recovery is "relocate"');
  const alone = running({ onFailure: 'relocate' });
  alone.hear({}, {}, { disk: 'Inconsistent' });
  const said = fail(alone);
  t.ok(said.some((one) => one.startsWith('mysql is restarted on n1: restart 1 of 2 in 10 min 00 s')), said.join('\n'));
  t.equal(alone.group.barred, null);
  t.end();
});

t.test('recovery: disable stops it everywhere until somebody enables it', (t) => {
  const driver = running({ onFailure: 'disable' });
  const said = fail(driver);
  const words = 'mysql is disabled by n1: it failed, and its recovery is "disable"; "tandem enable mysql" ends that';
  t.ok(said.includes(words), words);
  driver.pass(60_000).hear();
  t.equal(driver.group.claim, null);
  t.match(driver.state.orders['disable.mysql']?.value, /^n1;;/);
  driver.operator({ kind: 'enable', group: 'mysql', by: 'kim' }).hear();
  t.not(driver.group.claim, null);
  t.end();
});

t.test('recovery: nowhere left: blocked, with the reason of every node', (t) => {
  const driver = running({ restartsMax: 0 });
  fail(driver);
  driver.hear({}, { barred: true });
  t.equal(
    driver.group.blocked,
    'no node can run it: mysql failed once in 10 min 00 s on n1; ' +
      'n2 failed to run it and waits for "tandem cleanup"',
  );
  t.end();
});

t.test('recovery: the default of the configuration is that of the core', (t) => {
  t.same(DEFAULT_RECOVERY, RECOVERY_DEFAULT);
  t.end();
});

/** mysql has ended and was looked at; its stop runs. */
function ended(driver: Driver): Driver {
  driver.give({ kind: 'ended', group: 'mysql', index: MYSQL, reason: 'exit code 1' });
  return driver.done('ok', 'stopped');
}

t.test('recovery: the first restart is of what failed and what needs it, under the same claim (S10)', (t) => {
  const driver = running();
  const { epoch, claim } = driver.group;
  ended(driver);
  t.same(driver.deeds, [`stop ${String(MYSQL)}`]);
  driver.done();
  for (const kept of [0, 1, 2]) {
    t.same(driver.deeds, [`probe ${String(kept)}`], 'what it stands on is looked at, not touched');
    driver.done('ok', 'started');
  }
  t.same(driver.deeds, [`start ${String(MYSQL)}`]);
  driver.done();
  t.match(driver.group, { life: 'started', epoch, claim, restartFrom: null, failuresMs: [driver.nowMs] });
  ended(driver);
  const stopped: string[] = [...driver.deeds];
  while (driver.group.life === 'stopping') stopped.push(...driver.done().deeds);
  t.same(stopped.filter((deed) => deed.startsWith('stop')), ['stop 3', 'stop 2', 'stop 1', 'stop 0'], 'the next one is whole');
  t.end();
});

t.test('recovery: a start that fails on what was kept restarts the whole group, and counts', (t) => {
  const driver = ended(running()).done();
  for (let kept = 0; kept < MYSQL; kept += 1) driver.done('ok', 'started');
  driver.done('failed');
  t.equal(driver.group.barred, null);
  t.match(driver.group, { life: 'stopping', restartFrom: null });
  t.equal(driver.group.failuresMs.length, 2);
  while (driver.group.life === 'stopping') driver.done();
  t.equal(driver.group.life, 'stopped', 'all of it');
  t.end();
});

t.test('recovery: what was to stay and is gone, or cannot be looked at, goes with the rest (S10)', (t) => {
  for (const [outcome, state] of [['ok', 'stopped'], ['failed', 'unknown'], ['timeout', 'unknown']] as const) {
    const driver = ended(running()).done().done('ok', 'started');
    driver.done(outcome, state);
    t.match(driver.sentences.join('\n'), /^mysql stops on n1: filesystem:.*, which was to stay, is not sound on n1: /m);
    t.equal(driver.group.failuresMs.length, 1, 'it is the same failure');
    const stopped: string[] = [...driver.deeds];
    while (driver.group.life === 'stopping') stopped.push(...driver.done().deeds);
    t.same(stopped.filter((deed) => /^st/.test(deed)), ['stop 2', 'stop 1', 'stop 0'], outcome);
    t.equal(driver.group.barred, null);
  }
  t.end();
});

t.test('recovery: an order that comes meanwhile stops the rest, too', (t) => {
  const driver = ended(running());
  driver.operator({ kind: 'standby', node: 'n1' });
  const stopped: string[] = [];
  while (driver.group.life === 'stopping') stopped.push(...driver.done().deeds);
  t.ok(stopped.includes('stop 0'), stopped.join());
  t.notOk(stopped.some((deed) => deed.startsWith('start')));
  t.end();
});

t.test('recovery: one look is enough where the kernel tells for sure: an address', (t) => {
  const driver = running();
  const ip = driver.group.resources.findIndex(({ id }) => id.startsWith('ip:'));
  for (let round = 0; round < 400 && driver.group.action?.index !== ip; round += 1) {
    if (driver.group.action === null) driver.hear().pass(100);
    else driver.done();
  }
  driver.done('ok', 'stopped');
  t.equal(driver.group.life, 'stopping');
  t.match(driver.sentences[0], /^ip:.* failed on n1/);
  t.end();
});
