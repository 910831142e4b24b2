/** S4's override: old data, used by order of a person. */
import t from 'tap';
import type { SavedFacts } from '../../src/failover/state.js';
import { NOTHING_SAVED } from '../../src/failover/state.js';
import { Driver, drbd } from './driver.js';

const BEHIND: SavedFacts = {
  ...NOTHING_SAVED,
  behind: { r0: 'n2' },
  behindSince: { r0: Date.UTC(2026, 10, 21, 9) },
};

type Disk = NonNullable<Parameters<typeof drbd>[0]>['disk'];

/** n1 alone, after initdead: its copy lacks what n2 wrote. */
function survivor(saved: SavedFacts = BEHIND, disk: Disk = 'UpToDate', spec = {}): Driver {
  const driver = new Driver(spec, saved);
  const alone = { connection: 'WFConnection', peerRole: 'Unknown', peerDisk: 'DUnknown', disk } as const;
  driver.give({ kind: 'drbd', facts: [drbd(alone)] });
  while (driver.group.life === 'unknown') driver.done('ok', 'stopped');
  return driver.pass(6_000);
}

function force(driver: Driver, change: { node?: string; loses?: string | null } = {}): Driver {
  const { node = 'n1', loses = 'n2' } = change;
  const request = { kind: 'forceOldData', group: 'mysql', node, by: 'kim', reason: 'n2 burnt', loses } as const;
  return driver.operator(request);
}

function answerOf(driver: Driver): string {
  const answer = driver.of('answer').at(-1)?.answer;
  return `${answer?.state ?? 'none'}: ${answer?.message ?? ''}`;
}

t.test('force: says what is lost, waits for the clearance (S2), then starts by force', (t) => {
  const driver = survivor(BEHIND, 'Outdated');
  t.match(driver.group.blocked, /the disk of DRBD resource r0\/0 on n1 is Outdated/);
  t.same(driver.deeds, [], 'nothing by itself');
  force(driver);
  t.match(answerOf(driver), /^accepted: kim starts mysql on n1 with old data \(n2 burnt\): what n2 wrote to r0 alone since 2026-11-21T09:00:00Z or before is lost$/);
  t.same(driver.deeds, ['status n2'], 'the other node first');
  driver.power('off');
  t.match(driver.of('run'), [{ verb: 'start', index: 0, forced: true }]);
  while (driver.group.life === 'starting') driver.done();
  t.match(answerOf(driver), /^done: mysql runs on n1 with old data, by order of kim/);
  t.match(driver.state.history.at(-1)?.trigger, /^kim starts mysql on n1 with old data \(n2 burnt\)/);
  t.equal(driver.of('run').some(({ forced }) => forced === true), false);
  t.end();
});

t.test('force: a copy that nobody knows of is told as such', (t) => {
  const driver = force(survivor(NOTHING_SAVED));
  t.match(answerOf(driver), /^accepted: .*what n2 wrote to r0 after n1 was last connected is lost, if it wrote anything$/);
  t.end();
});

t.test('force: a node that is on and was never heard is not shot for it (S5)', (t) => {
  const driver = force(survivor()).power('on').pass(6_000);
  t.notOk(driver.deeds.includes('shoot n2'));
  t.equal(driver.group.life, 'stopped');
  t.end();
});

t.test('force: refused', (t) => {
  const heard = survivor();
  heard.hear();
  const left = survivor();
  left.hear().hear({ phase: 'left' });
  const good = new Driver().running().pass(1_600);
  const rows: readonly (readonly [string, Driver, RegExp])[] = [
    ['an Inconsistent disk', force(survivor(BEHIND, 'Inconsistent')), /Inconsistent: it holds no whole copy/],
    ['no disk', force(survivor(BEHIND, 'Diskless')), /Diskless: it holds no whole copy/],
    ['the other node is heard', force(heard), /n2 is heard, and has the newer data/],
    ['the other node has left', force(left), /n2 has left, and its DRBD may still run/],
    ['no fence device', force(survivor(BEHIND, 'UpToDate', { fencing: {} })), /no fence device: once it is off/],
    ['the wrong loser', force(survivor(), { loses: 'n1' }), /It is the data of n2 that would be lost, not of "n1"/],
    ['another node', force(survivor(), { node: 'n2' }), /Only n2 can use its own copy/],
    ['no such node', force(survivor(), { node: 'n9' }), /There is no node of mysql "n9"/],
    ['it runs', force(good), /mysql is active on n1: there is nothing to be forced/],
  ];
  for (const [title, driver, sentence] of rows) {
    t.match(answerOf(driver), sentence, title);
    t.match(answerOf(driver), /^refused: /, title);
    t.same(driver.state.forces, {}, 'no order stands');
  }
  t.end();
});

t.test('force: given up when the other node is back, and after 5 min', (t) => {
  const back = force(survivor()).power('on').hear();
  t.match(answerOf(back), /^failed: The old data of n1 is not used for mysql: n2 is back/);
  const late = force(survivor()).power('on');
  let answer = '';
  for (let round = 0; round < 62 && answer === ''; round += 1) {
    late.pass(5_000);
    if (late.of('answer').length > 0) answer = answerOf(late);
    if (late.peer.fencing.running !== null) late.power('on');
  }
  t.match(answer, /^failed: The old data of n1 is not used for mysql: .*5 min 00 s/);
  t.end();
});

t.test('force: a restart of the daemon forgets the order', (t) => {
  const driver = force(survivor(BEHIND, 'Outdated'));
  const facts = driver.of('save').at(-1)?.facts ?? BEHIND;
  t.equal(survivor(facts, 'Outdated').group.claim, null);
  t.end();
});
