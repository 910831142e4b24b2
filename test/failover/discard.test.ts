/** Split brain: found by both halves, settled by order only, step by step, each step with a limit. */
import t, { type Test } from 'tap';
import type { OperatorRequest } from '../../src/base/control.js';
import type { SideReport } from '../../src/heartbeat/report.js';
import { copyObjection } from '../../src/failover/copies.js';
import { objectionTo } from '../../src/failover/placement.js';
import { drbd, Driver } from './driver.js';

const ZERO = '0000000000000000';
const BASE = '977BC1D2E3F414DC';
const MINE = `0E00F5D4B1A06EAA:${BASE}:${ZERO}:${ZERO}:1:1:0:0:0:0:0`;
const THEIRS = `A2C9F5D4B1A05EFE:${BASE}:${ZERO}:${ZERO}:1:1:0:0:0:0:0`;
const SAME = `1111F5D4B1A05EFE:${ZERO}:${ZERO}:${ZERO}:1:1:0:0:0:0:0`;

function side(generation: string, change: Partial<SideReport> = {}): SideReport {
  const volumes = [{ volume: 0, generation, outOfSyncBytes: 4_096 }];
  return { resource: 'r0', disk: 'UpToDate', volumes, began: null, database: '', offers: null, ...change };
}

const ASK: Extract<OperatorRequest, { kind: 'discard' }> = {
  kind: 'discard',
  resource: 'r0',
  node: 'n1',
  fingerprint: null,
  by: 'kim',
  reason: 'n2 has the orders',
};
const ALONE = { role: 'Secondary', connection: 'StandAlone' } as const;

/** Booted apart: this half is StandAlone and told, nothing runs here, n2 is up. */
function split(): Driver {
  const driver = new Driver();
  driver.give({ kind: 'drbd', facts: [drbd({ connection: 'StandAlone', peerDisk: 'DUnknown' })] });
  while (driver.group.life === 'unknown') driver.done('ok', 'stopped');
  driver.hear({}, {}, ALONE);
  driver.give({ kind: 'side', resource: 'r0', side: side(MINE) });
  return driver;
}

function hearThere(driver: Driver, change: Partial<SideReport> = {}, disk = {}): Driver {
  return driver.hear({ sides: [side(THEIRS, change)] }, {}, { ...ALONE, ...disk });
}

function fingerprintOf(driver: Driver): string {
  return driver.state.splits['r0'] ?? '';
}

t.test('split brain: found from both halves, said once, and taken back', (t) => {
  const driver = split();
  t.strictSame(driver.sentences, []);
  hearThere(driver);
  t.match(driver.sentences.join('\n'), /DRBD resource r0: split brain: n1 and n2 .*split-brain inspect r0/);
  hearThere(driver);
  t.strictSame(driver.sentences, [], 'no news');
  driver.give({ kind: 'drbd', facts: [drbd()] });
  driver.give({ kind: 'side', resource: 'r0', side: null }).hear();
  t.match(driver.sentences.join('\n'), /r0 is no longer split/);
  t.end();
});

t.test('split brain: a side that is made Primary by hand is not chosen by that (S4)', (t) => {
  const driver = split();
  hearThere(driver);
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  driver.give({ kind: 'drbd', facts: [drbd({ ...ALONE, role: 'Primary' })] });
  hearThere(driver);
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  t.equal(driver.pass(5_000).group.claim, null, 'the service is not started on it');
  driver.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(copyObjection(driver.state, 'r0'), null, 'a connection is DRBD\'s own word');
  t.end();
});

t.test('split brain: the side that serves when it is found goes on, and may start again', (t) => {
  const driver = split();
  driver.give({ kind: 'drbd', facts: [drbd({ ...ALONE, role: 'Primary' })] });
  hearThere(driver, {}, { disk: 'Outdated' });
  t.not(driver.state.splits['r0'], undefined);
  driver.give({ kind: 'drbd', facts: [drbd(ALONE)] });
  t.equal(copyObjection(driver.state, 'r0'), null);
  t.end();
});

t.test('split brain: the side that wrote alone once, and does not serve, waits for a person (S4)', (t) => {
  const driver = split();
  driver.state = { ...driver.state, copies: { r0: { kind: 'current', than: null, ahead: true } } };
  hearThere(driver, {}, { disk: 'Consistent' });
  t.match(driver.sentences.join('\n'), /DRBD resource r0: split brain/);
  t.match(copyObjection(driver.state, 'r0'), /not known whether n1 or n2 has the newer copy/);
  t.equal(driver.pass(5_000).group.claim, null);
  t.end();
});

t.test('discard: refused, with the reason (what speaks against it)', (t) => {
  const rows: readonly (readonly [string, (driver: Driver) => void, Partial<typeof ASK>, RegExp])[] = [
    ['unknown resource', () => undefined, { resource: 'r9' }, /no DRBD resource "r9"; there is: r0/],
    ['unknown node', () => undefined, { node: 'n7' }, /"n7"; there is: n1, n2/],
    ['one side untold', (d) => void d.hear({}, {}, ALONE), {}, /not known whether r0 is split/],
    ['the other is silent', (d) => void d.pass(2_500), {}, /n2 is not heard now/],
    [
      'no split brain',
      (d) => void d.hear({ sides: [side(MINE)] }, {}, ALONE),
      {},
      /r0 is not split: n1 and n2 have the same data/,
    ],
    [
      'old history only',
      (d) =>
        void d.hear(
          { sides: [side(THEIRS.replace(BASE, '5555555555555554'))] },
          {},
          ALONE,
        ),
      {},
      /r0 is not split: .*unrelated|share old history only/,
    ],
    ['looked at other data', () => undefined, { fingerprint: '000000000000' }, /changed since you looked/],
    [
      'victim Primary',
      (d) => void hearThere(d, {}, { role: 'Primary' }),
      { node: 'n2' },
      /n2 is Primary of r0: stop what uses it/,
    ],
    [
      'group active on the victim',
      (d) => void d.hear({ sides: [side(THEIRS)] }, { life: 'started', claim: { epoch: 1, rank: 0 } }, ALONE),
      { node: 'n2' },
      /mysql is started on n2/,
    ],
    [
      'the other disk is bad',
      (d) => void hearThere(d, { disk: 'Inconsistent' }),
      {},
      /disk of n2 is Inconsistent, neither UpToDate nor Consistent/,
    ],
  ];
  for (const [name, prepare, change, words] of rows) {
    const driver = hearThere(split());
    prepare(driver);
    const [answer] = driver.operator({ ...ASK, ...change }).of('answer');
    t.equal(answer?.answer.state, 'refused', name);
    t.match(answer?.answer.message, words, name);
    t.equal(driver.state.orders['discard.r0'], undefined, `${name}: no order goes out`);
    t.strictSame(driver.of('reconnect'), [], name);
  }
  t.end();
});

function ordered(): Driver {
  const driver = hearThere(split());
  driver.operator({ ...ASK, fingerprint: fingerprintOf(driver) });
  return driver;
}

function idOf(driver: Driver): string {
  return driver.of('reconnect')[0]?.reconnectId ?? '';
}

function succeed(driver: Driver, id: string): Driver {
  return driver.give({ kind: 'reconnectResult', reconnectId: id, outcome: 'ok', reason: 'it waits' });
}

t.test('discard: the victim offers, is synced, and the identifiers have the last word', (t) => {
  const driver = ordered();
  t.match(driver.of('answer')[0]?.answer, { state: 'accepted' });
  t.match(driver.of('reconnect'), [{ resource: 'r0', step: 'discard', generations: { 0: MINE } }]);
  t.match(driver.of('send').at(-1)?.report.orders, [{ key: 'discard.r0', version: 1 }]);
  t.strictSame(driver.of('send').at(-1)?.report.sides?.[0]?.offers, null, 'not yet');
  succeed(driver, idOf(driver));
  t.equal(driver.of('send').at(-1)?.report.sides?.[0]?.offers, fingerprintOf(driver));
  const target = { connection: 'SyncTarget', disk: 'Inconsistent', syncedPercent: 40 } as const;
  driver.give({ kind: 'drbd', facts: [drbd({ ...target, outOfSyncBytes: 9_000 })] });
  driver.give({ kind: 'drbd', facts: [drbd({ ...target, outOfSyncBytes: 8_000 })] });
  t.match(driver.state.requests['q1']?.progress, ['it waits', /connected r0/, /n1 is 40 % in sync/]);
  driver.give({ kind: 'drbd', facts: [drbd()] });
  t.equal(driver.state.requests['q1']?.outcome, 'running', 'DRBD says so; the identifiers do not yet');
  driver.give({ kind: 'side', resource: 'r0', side: side(SAME) });
  driver.hear({ sides: [side(SAME)] });
  t.match(driver.of('answer')[0]?.answer, {
    state: 'done',
    message: /The split brain of r0 is settled: n2 and n1 have the same data; what only n1 had was/,
  });
  t.match(driver.state.history, [{ group: 'mysql', outcome: 'done', trigger: /^kim settles.*orders/ }]);
  t.equal(driver.state.orders['discard.r0']?.value, '-', 'the register is empty');
  t.end();
});

t.test('discard: after an outage, under a fencing policy, both disks are only Consistent', (t) => {
  const driver = split();
  driver.give({ kind: 'drbd', facts: [drbd({ ...ALONE, disk: 'Consistent' })] });
  driver.give({ kind: 'side', resource: 'r0', side: side(MINE, { disk: 'Consistent' }) });
  hearThere(driver, { disk: 'Consistent' }, { disk: 'Consistent' });
  driver.operator({ ...ASK, fingerprint: fingerprintOf(driver) });
  t.match(driver.of('answer')[0]?.answer, { state: 'accepted' });
  t.match(driver.of('reconnect'), [{ resource: 'r0', step: 'discard' }]);
  t.end();
});

t.test('discard: the survivor connects when the victim offers this very split brain', (t) => {
  const driver = hearThere(split());
  driver.operator({ ...ASK, node: 'n2' });
  t.strictSame(driver.of('reconnect'), [], 'the victim comes first');
  hearThere(driver, { offers: '000000000000' });
  t.strictSame(driver.of('reconnect'), [], 'an offer of another split brain is none');
  hearThere(driver, { offers: fingerprintOf(driver) });
  t.match(driver.of('reconnect'), [{ resource: 'r0', step: 'connect' }]);
  hearThere(driver, { offers: fingerprintOf(driver) });
  t.strictSame(driver.of('reconnect'), [], 'once');
  t.end();
});

/** An order from elsewhere that names this node, with the fingerprint of what is there now. */
function orderFromThere(driver: Driver, value: string, version = 5, origin = 'n2'): Driver {
  const orders = [{ key: 'discard.r0', value, version, origin }];
  return driver.hear({ orders, sides: [side(THEIRS)] }, {}, ALONE);
}

t.test('discard: a late or stray order discards nothing (what has changed since)', (t) => {
  const wrong = orderFromThere(hearThere(split()), 'n1/000000000000/kim/why');
  t.strictSame(wrong.of('reconnect'), [], 'the data is not what was looked at');

  const known = fingerprintOf(hearThere(split()));
  const good = orderFromThere(hearThere(split()), `n1/${known}/kim/why`);
  t.equal(good.of('reconnect')[0]?.step, 'discard', 'the same order with the right data is obeyed');

  const primary = hearThere(split());
  primary.give({ kind: 'drbd', facts: [drbd({ connection: 'StandAlone', role: 'Primary' })] });
  orderFromThere(primary, `n1/${known}/kim/why`);
  t.strictSame(primary.of('reconnect'), [], 'never under a Primary');

  const stranger = orderFromThere(hearThere(split()), `n7/${known}/kim/why`);
  t.strictSame(stranger.of('reconnect'), []);
  for (const value of ['n1', 'n1/', '/x/y', '%%%/%/%/%']) {
    t.strictSame(orderFromThere(hearThere(split()), value).of('reconnect'), [], value);
  }
  t.end();
});

t.test('discard: of two orders given at once the one that wins is carried out, on both nodes', (t) => {
  const driver = ordered();
  const id = idOf(driver);
  const { version } = driver.state.orders['discard.r0'] ?? {};
  orderFromThere(driver, `n2/${fingerprintOf(driver)}/lee/n1%20is%20newer`, version, 'm9');
  succeed(driver, id);
  t.match(driver.state.discards['r0'], { victim: 'n2', by: 'lee', end: null }, 'the same version');
  t.end();
});

t.test('discard: a node with an order against it starts nothing on that data', (t) => {
  const driver = ordered();
  t.match(objectionTo(driver.state, driver.group, 'n1'), /what n1 has of DRBD resource r0 is being discarded, by kim/);
  t.end();
});

function giveUp(t: Test, driver: Driver, words: RegExp): void {
  const answer = driver.of('answer').at(-1)?.answer;
  t.equal(answer?.state, 'failed');
  t.match(answer?.message, words);
  t.equal(driver.state.orders['discard.r0']?.value, '-', 'the register is empty');
}

t.test('discard: every wait ends, says what was not done, and takes the offer back', (t) => {
  const driver = ordered();
  succeed(driver, idOf(driver));
  const seen: string[] = [];
  for (let second = 0; second < 62; second += 1) {
    driver.nowMs += 1_000;
    hearThere(driver);
    seen.push(...driver.of('reconnect').map(({ step }) => step));
    if (driver.of('answer').length > 0) break;
  }
  giveUp(t, driver, /not settled: DRBD did not connect within 1 min 00 s; nothing was thrown away/);
  t.strictSame(seen, ['withdraw']);
  const failing = ordered();
  for (let round = 0; round < 3; round += 1) {
    const [step] = failing.of('reconnect');
    t.equal(step?.step, 'discard', `try ${String(round + 1)}`);
    const reconnectId = step?.reconnectId ?? '';
    failing.give({ kind: 'reconnectResult', reconnectId, outcome: 'failed', reason: 'it says no' });
    if (round === 2) break;
    for (let wait = 0; wait < 25 && failing.of('reconnect').length === 0; wait += 1) {
      failing.nowMs += 100;
      hearThere(failing);
    }
  }
  giveUp(t, failing, /it failed 3 times/);
  t.end();
});

t.test('discard: taken back elsewhere, a node that waits withdraws its offer', (t) => {
  const driver = ordered();
  succeed(driver, idOf(driver));
  orderFromThere(driver, '-', 9);
  t.match(driver.of('reconnect'), [{ step: 'withdraw' }]);
  t.match(driver.of('answer')[0]?.answer, { state: 'failed', message: /the order was withdrawn/ });
  t.end();
});
