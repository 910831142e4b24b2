/** What operators are answered: every answer is a sentence, and `done` is a fact. */
import t from 'tap';
import type { OperatorRequest } from '../../src/base/control.js';
import type { Order } from '../../src/heartbeat/report.js';
import { Driver } from './driver.js';

function answer(driver: Driver, request: OperatorRequest): string {
  const [given] = driver.operator(request).of('answer');
  return `${given?.answer.state ?? 'none'} ${given?.answer.exit ?? ''}: ${given?.answer.message ?? ''}`;
}

t.test('requests: what is refused, and what is done already', (t) => {
  const driver = new Driver().running().hear();
  const rows: readonly (readonly [OperatorRequest, string])[] = [
    [{ kind: 'move', group: 'nosuch', to: null }, 'refused noSuch: There is no group "nosuch"'],
    [{ kind: 'move', group: 'mysql', to: 'n9' }, 'refused noSuch: There is no node "n9"'],
    [{ kind: 'move', group: 'mysql', to: 'n1' }, 'done ok: mysql runs on n1 already'],
    [{ kind: 'standby', node: 'n9' }, 'refused noSuch: There is no node "n9"'],
    [{ kind: 'online', node: 'n1' }, 'done ok: n1 is online already'],
    [{ kind: 'cleanup', group: 'x' }, 'refused noSuch: There is no group "x"'],
    [
      { kind: 'fenceConfirm', node: 'n2', by: 'kim', reason: 'x' },
      'refused unsafe: n2 was heard a moment ago, so it is not off',
    ],
    [
      { kind: 'fenceConfirm', node: 'n1', by: 'kim', reason: 'x' },
      'refused unsafe: n1 is this node, and it runs',
    ],
  ];
  for (const [request, sentence] of rows) {
    t.ok(answer(driver, request).startsWith(sentence), sentence);
    t.equal(driver.group.life, 'started', 'nothing is touched');
  }
  t.end();
});

t.test('requests: a move is done when the group runs there', (t) => {
  const driver = new Driver().running().hear();
  t.match(answer(driver, { kind: 'move', group: 'mysql', to: 'n2' }), /^accepted ok: Moving/);
  t.same(driver.deeds, ['stop 3']);
  while (driver.group.life === 'stopping') driver.done();
  driver.hear({}, { claim: { epoch: 2, rank: 0 } });
  t.match(driver.group.grant, { node: 'n2', generation: 3, epoch: 2 });
  driver.hear({}, { life: 'starting', epoch: 2, claim: { epoch: 2, rank: 0 } });
  t.same(driver.of('answer'), [], 'not yet');
  const emptied = { key: 'move.mysql', value: '-', version: 2, origin: 'n2' };
  driver.hear({ orders: [emptied] }, { life: 'started', epoch: 2, claim: { epoch: 2, rank: 0 } });
  t.match(driver.of('answer'), [{ answer: { state: 'done', message: /^mysql runs on n2 \(/ } }]);
  t.end();
});

type Rival = Pick<Order, 'key'> & Partial<Order>;

/** Orders that were given on n2 before it heard of this one here, and stand: their origin sorts first. */
const RIVALS: readonly (readonly [OperatorRequest, Rival, RegExp])[] = [
  [
    { kind: 'standby', node: 'n1', by: 'kim' },
    { key: 'mode.n1', value: '-' },
    /^n1 is online: its standby was ended meanwhile$/,
  ],
  [
    { kind: 'standby', node: 'n1', by: 'kim', reason: 'new disk' },
    { key: 'mode.n1', value: 'standby-foreign;lee;;x' },
    /^n1 is in standby for foreign groups by lee: x .*: that was asked for meanwhile, and stands instead$/,
  ],
  [
    { kind: 'disable', group: 'mysql', by: 'kim', reason: 'new disk', forMs: null },
    { key: 'disable.mysql', value: 'lee;;x' },
    /^mysql is disabled by lee: x .*stands instead$/,
  ],
  [
    { kind: 'disable', group: 'mysql', by: 'kim', reason: 'new disk', forMs: null },
    { key: 'disable.mysql', value: '-' },
    /^mysql was enabled again meanwhile$/,
  ],
];

/** What was laid before, and lifted here while somebody laid something else on n2. */
const RIVAL_LIFTS: readonly (readonly [OperatorRequest, OperatorRequest, Rival, RegExp])[] = [
  [
    { kind: 'standby', node: 'n2', by: 'kim' },
    { kind: 'online', node: 'n2', by: 'kim' },
    { key: 'mode.n2', value: 'standby;lee;;x' },
    /^n2 is in standby by lee: x .*stands instead$/,
  ],
  [
    { kind: 'disable', group: 'mysql', by: 'kim', reason: 'x', forMs: null },
    { kind: 'enable', group: 'mysql', by: 'kim' },
    { key: 'disable.mysql', value: 'lee;;y' },
    /^mysql is disabled by lee: y .*stands instead$/,
  ],
  [
    { kind: 'freeze', group: 'mysql', by: 'kim', reason: 'x', forMs: null },
    { kind: 'unfreeze', group: 'mysql', by: 'kim' },
    { key: 'freeze.mysql', value: 'lee;;y' },
    /^mysql is frozen by lee: y .*stands instead$/,
  ],
];

/** The last answer to a request, after n2 says which order it has. */
function after(driver: Driver, request: OperatorRequest, theirs: Rival): string[] {
  const first = answer(driver, request);
  const own = driver.state.orders[theirs.key];
  if (own === undefined) throw new Error(`nothing was ordered: ${first}`);
  driver.hear({ orders: [{ ...own, ...theirs }] });
  return driver.of('answer').map(({ answer: { state, message } }) => `${state}: ${message}`);
}

t.test('requests: of two orders given at once the one that lost is not told to be done', (t) => {
  for (const [request, theirs, sentence] of RIVALS) {
    const driver = new Driver().probed().hear();
    const [said = 'nothing', ...more] = after(driver, request, { ...theirs, origin: 'm9' });
    t.match(said.replace(/^failed: /, ''), sentence);
    t.match(said, /^failed: /);
    t.same(more, []);
    const other = new Driver().probed().hear();
    t.match(after(other, request, { key: theirs.key })[0], /^done: /, 'with nobody else it is done when n2 has it');
  }
  for (const [laying, request, theirs, sentence] of RIVAL_LIFTS) {
    const driver = new Driver().probed().hear();
    after(driver, laying, { key: theirs.key });
    const [said = 'nothing'] = after(driver, request, { ...theirs, origin: 'm9' });
    t.match(said.replace(/^failed: /, ''), sentence);
    t.match(said, /^failed: /);
  }
  t.end();
});

t.test('requests: a group that is to be moved on is not told to have arrived', (t) => {
  const driver = new Driver({ nodes: ['n1', 'n2', 'n3'] }).probed().hear();
  const there = { life: 'started', epoch: 2, claim: { epoch: 2, rank: 0 } } as const;
  driver.hear({ orders: [{ key: 'move.mysql', value: 'n1', version: 1, origin: 'n2' }] }, there);
  const request = { kind: 'move', group: 'mysql', to: 'n2' } as const;
  t.match(answer(driver, request), /^accepted ok: Moving/);
  t.equal(driver.of('answer').length, 1, 'it runs there, and n2 may have another order');
  const theirs = { key: 'move.mysql', value: 'n1', version: 2, origin: 'm9' };
  driver.hear({ orders: [theirs] }, there);
  t.match(driver.of('answer'), [
    { answer: { state: 'failed', message: /does not stay on n2; it moves to n1: that was asked for meanwhile/ } },
  ]);
  t.end();
});

t.test('requests: a move that failed is answered when the group has come to rest', (t) => {
  const driver = new Driver().running().hear();
  driver.operator({ kind: 'move', group: 'mysql', to: 'n2' });
  while (driver.group.life === 'stopping') driver.done();
  driver.hear({}, { claim: { epoch: 2, rank: 0 } });
  const order = { key: 'move.mysql', value: '-', version: 2, origin: 'n2' };
  driver.hear({ orders: [order] }, { life: 'stopping', epoch: 2, barred: true });
  t.same(driver.of('answer'), [], 'it is still being stopped over there');
  driver.hear({ orders: [order] }, { epoch: 2, barred: true }).hearGrant();
  while (driver.group.life === 'starting') driver.done();
  t.match(driver.of('answer'), [
    { answer: { state: 'failed', message: /did not arrive on n2; it is on n1/ } },
  ]);
  t.end();
});
