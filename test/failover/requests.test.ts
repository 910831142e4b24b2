/** What operators are answered: every answer is a sentence, and `done` is a fact. */
import t from 'tap';
import type { OperatorRequest } from '../../src/base/control.js';
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
  driver.hear({}, { life: 'started', epoch: 2, claim: { epoch: 2, rank: 0 } });
  t.match(driver.of('answer'), [{ answer: { state: 'done', message: /^mysql runs on n2 \(/ } }]);
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
