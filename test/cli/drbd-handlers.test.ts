/** DRBD's handlers: exit codes are DRBD's, and whatever goes wrong is 1 and one sentence. */
import t from 'tap';
import type { OperatorAnswer, PeerFate } from '../../src/base/control.js';
import { fakeControl } from './fake-control.js';
import { notBuilt, tandem, type Ran } from './run-tandem.js';

const ANSWER: OperatorAnswer = { id: 'q-1', state: 'accepted', message: 'n1 asks n2', progress: [], exit: 'ok' };

function handler(
  socket: string,
  env: Readonly<Record<string, string>> = { DRBD_RESOURCE: 'r0', DRBD_PEER: 'n2' },
  wait = '1s',
): Promise<Ran> {
  return tandem(['drbd', 'fence-peer', '--socket', socket, '--wait', wait], { env });
}

t.test('fence-peer: the fate of the peer as DRBD’s exit codes', { skip: notBuilt }, async (t) => {
  const rows: readonly (readonly [PeerFate, number])[] = [
    ['inconsistent', 3],
    ['outdated', 4],
    ['down', 5],
    ['primary', 6],
    ['fenced', 7],
  ];
  for (const [peerFate, code] of rows) {
    let asked = 0;
    const control = await fakeControl(t, {
      request: () => ANSWER,
      answer: () => {
        asked += 1;
        return asked < 3 ? ANSWER : { ...ANSWER, state: 'done', message: 'it is so', peerFate };
      },
    });
    const { code: exit, err } = await handler(control.socket);
    t.equal(exit, code, peerFate);
    t.equal(err, 'tandem drbd fence-peer: it is so\n');
    t.match(control.envelopes[0]?.request, { kind: 'fencePeer', resource: 'r0', peer: 'n2' });
  }
});

t.test('fence-peer: whatever goes wrong is 1: never 3 or 4', { skip: notBuilt }, async (t) => {
  const down = await handler('/nowhere/tandem.sock', undefined, '100ms');
  t.equal(down.code, 1);
  t.match(down.err, /tandemd is not running.*DRBD is told nothing \(exit code 1\)/);
  t.equal(down.err.split('\n').length, 2, 'one sentence');
  t.equal((await handler('/nowhere/s', {})).code, 1, 'not called by DRBD');
  t.equal((await handler('/nowhere/s', { DRBD_RESOURCE: '-r0' })).code, 1);

  const refused = await fakeControl(t, {
    request: () => ({ ...ANSWER, state: 'refused', message: 'no group has it', exit: 'noSuch' }),
  });
  t.equal((await handler(refused.socket)).code, 1);
  const failed = await fakeControl(t, {
    request: () => ({ ...ANSWER, state: 'failed', message: 'nobody knows', exit: 'unknown' }),
  });
  t.equal((await handler(failed.socket)).code, 1);
});

t.test('fence-peer: a daemon that was restarted is asked anew', { skip: notBuilt }, async (t) => {
  const done: OperatorAnswer = { ...ANSWER, state: 'done', peerFate: 'fenced' };
  let requests = 0;
  const control = await fakeControl(t, {
    request: () => {
      requests += 1;
      return requests === 1 ? ANSWER : done;
    },
    answer: () => null,
  });
  t.equal((await handler(control.socket)).code, 7);
  t.equal(requests, 2);
});

t.test('fence-peer: the peer as each release names it', { skip: notBuilt }, async (t) => {
  const rows = [
    [{ DRBD_PEER: 'n2' }, 'n2'],
    [{ DRBD_PEERS: 'n2' }, 'n2'],
    [{ DRBD_PEERS: 'n2 n3' }, null],
    [{ DRBD_PEER_NODE_ID: '1', DRBD_NODE_ID_0: 'n1', DRBD_NODE_ID_1: 'n2', DRBD_PEERS: 'x' }, 'n2'],
    [{}, null],
  ] as const;
  for (const [env, peer] of rows) {
    const control = await fakeControl(t, {
      request: () => ({ ...ANSWER, state: 'done', peerFate: 'down' }),
    });
    t.equal((await handler(control.socket, { DRBD_RESOURCE: 'r0', ...env })).code, 5);
    t.match(control.envelopes[0]?.request, { peer });
  }
});

t.test('handlers with nothing to do succeed, whatever is there', { skip: notBuilt }, async (t) => {
  for (const name of ['unfence-peer', 'before-resync-target', 'after-resync-target']) {
    const { code, err } = await tandem(['drbd', name]);
    t.equal(code, 0, name);
    t.match(err, /^tandem drbd [a-z-]+: nothing to do: .*\n$/);
  }
});
