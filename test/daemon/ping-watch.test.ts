/** The watch over the ping nodes: its lines, its ends and its silence, on a clock of the test's own. */
import { join } from 'node:path';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { findPing, isAnswer, isOwnFault, PingWatch } from '../../src/daemon/ping-watch.js';
import type { PingAnswer } from '../../src/heartbeat/ping.js';
import type { FollowRequest } from '../../src/host/exec.js';
import { folder, lives, script, soon, textOf } from '../support/temporary.js';

const ANSWER = '64 bytes from 10.9.0.254: icmp_seq=1 ttl=64 time=0.312 ms';

/** A watch whose programs and time are played by the test. */
function watch(t: Test, addresses: readonly string[], program: string | null = '/bin/ping') {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let nowMs = 10_000;
  const started: FollowRequest[] = [];
  const told: (readonly PingAnswer[])[] = [];
  let ended = 0;
  const pings = new PingWatch(addresses, {
    deadpingMs: 3_000,
    nowMs: () => nowMs,
    onChange: (answers) => told.push(answers),
    program,
    follow: (request) => {
      started.push(request);
      return () => (ended += 1);
    },
  });
  t.teardown(() => {
    pings.stop();
    mock.timers.reset();
  });
  /** Time passes; `each` happens every half second. */
  const pass = (forMs: number, each: () => void = () => undefined): void => {
    for (let ms = 0; ms < forMs; ms += 100) {
      nowMs += 100;
      if (nowMs % 500 === 0) each();
      mock.timers.tick(100);
    }
  };
  const standStill = (forMs: number): number => (nowMs += forMs);
  const states = (): string => (told.at(-1) ?? []).map(({ state }) => state).join(' ');
  return { pings, started, told, pass, standStill, states, ended: () => ended };
}

t.test('ping: what is an answer, and whose fault an end is', (t) => {
  for (const line of [
    ANSWER,
    '64 bytes from fe80::1%eth0: icmp_seq=1 ttl=64 time=0.3 ms',
    '56 bytes from 10.9.0.254: seq=0 ttl=64 time=0.071 ms',
    '64 bytes from 10.9.0.254: icmp_seq=3 ttl=64 time=0.3 ms (DUP!)',
  ]) {
    t.ok(isAnswer(line), line);
  }
  for (const line of [
    'PING 10.9.0.254 (10.9.0.254) 56(84) bytes of data.',
    'From 10.9.0.11 icmp_seq=1 Destination Host Unreachable',
    '92 bytes from 10.9.0.1: Destination Host Unreachable',
    '36 bytes from 10.9.0.1: Time to live exceeded',
    'no answer yet for icmp_seq=1',
    '10 packets transmitted, 0 received, 100% packet loss, time 9001ms',
    '',
  ]) {
    t.notOk(isAnswer(line), line);
  }
  const rows = [
    [1, '', false],
    [2, 'ping: connect: Network is unreachable', false],
    [2, 'ping: gw: Name or service not known', false],
    [0, '', false],
    [2, 'ping: socket: Operation not permitted', true],
    [1, 'ping: permission denied (are you root?)\nping: lacking privilege for icmp socket', true],
    [2, "ping: invalid argument: 'x'", true],
    [127, '', true],
    [null, 'spawn /bin/ping ENOENT', true],
  ] as const;
  for (const [exitCode, said, own] of rows) {
    t.equal(isOwnFault({ exitCode, said }), own, `${String(exitCode)} ${said}`);
  }
  t.end();
});

t.test('ping: one program for each address; told of changes only', (t) => {
  const { started, told, pass, states, pings, ended } = watch(t, ['10.9.0.254', '10.9.0.253']);
  t.same(started.map(({ argv }) => argv.join(' ')), [
    '/bin/ping -n -i 1 -w 600 10.9.0.254',
    '/bin/ping -n -i 1 -w 600 10.9.0.253',
  ]);
  t.equal(states(), 'unknown unknown', 'at first');
  started[0]!.onLines([ANSWER]);
  t.equal(states(), 'up unknown', 'an answer is told at once');
  pass(2_500, () => started[0]!.onLines([ANSWER]));
  t.equal(told.length, 2, 'and then nothing, as long as nothing changes');
  pass(1_000, () => started[0]!.onLines([ANSWER]));
  t.equal(states(), 'up silent', 'the other was never heard for deadping');
  t.match(told.at(-1)?.[1]?.reason, 'no answer for 3.00 s or more');
  pass(2_500);
  t.equal(states(), 'up silent');
  pass(1_000);
  t.equal(states(), 'silent silent');
  started[1]!.onLines([ANSWER]);
  t.equal(states(), 'silent up', 'and it comes back with the first answer');
  t.equal(told.length, 5);
  t.equal(started.length, 2, 'no program was started for all that');
  pings.stop();
  pass(10_000);
  t.equal(ended(), 2, 'stopped: both are ended');
  t.equal(told.length, 5, 'and nothing is told any more');
  t.end();
});

t.test('ping: a program that ends is started anew, with growing pauses', (t) => {
  const { started, pass, states } = watch(t, ['10.9.0.254']);
  const pauses = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
  for (const [index, pauseMs] of pauses.entries()) {
    started[index]!.onEnd({ exitCode: 2, said: 'ping: connect: Network is unreachable' });
    pass(pauseMs - 100);
    t.equal(started.length, index + 1, `not before ${String(pauseMs)} ms`);
    pass(100);
    t.equal(started.length, index + 2);
  }
  t.equal(states(), 'silent', 'no route is a network that does not work');
  started.at(-1)!.onLines([ANSWER]);
  t.equal(states(), 'up');
  started.at(-1)!.onEnd({ exitCode: 0, said: '' });
  pass(1_000);
  t.equal(started.length, pauses.length + 2, 'after an answer the pause is short again');
  t.end();
});

t.test('ping: what cannot be asked is unknown, with the reason, and once', (t) => {
  const missing = watch(t, ['10.9.0.254'], null);
  missing.pass(10_000);
  t.equal(missing.started.length, 0);
  t.same(missing.told, [
    [{ address: '10.9.0.254', state: 'unknown', reason: 'the program ping is not installed here' }],
  ]);
  missing.pings.stop();
  mock.timers.reset();
  const refused = watch(t, ['10.9.0.254']);
  refused.started[0]!.onEnd({ exitCode: 2, said: 'ping: socket: Operation not permitted\nmore' });
  refused.pass(10_000);
  t.equal(refused.states(), 'unknown');
  t.equal(refused.told.at(-1)?.[0]?.reason, 'ping cannot be used: ping: socket: Operation not permitted');
  t.end();
});

t.test('ping: a daemon that stood still reads first and judges then (S6)', (t) => {
  const { started, pass, states, standStill } = watch(t, ['10.9.0.254']);
  started[0]!.onLines([ANSWER]);
  standStill(8_000);
  pass(600, () => started[0]!.onLines([ANSWER]));
  t.equal(states(), 'up');
  pass(4_000);
  t.equal(states(), 'silent');
  t.end();
});

t.test('ping: without addresses nothing runs', (t) => {
  const { started, told, pass } = watch(t, []);
  pass(10_000);
  t.same([started.length, told.length], [0, 0]);
  t.end();
});

t.test('ping: a real program is followed and ended', async (t) => {
  const path = folder(t);
  const program = script(
    join(path, 'ping'),
    `echo $$ >${path}/pid; printf '%s\\n' "$*" >${path}/arguments
     printf '64 bytes from '; sleep 0.05; echo '10.9.0.254: icmp_seq=1'; exec sleep 60`,
  );
  t.equal(findPing(['/nowhere/ping', program]), program);
  t.equal(findPing(['/nowhere/ping']), null);
  let answers: readonly PingAnswer[] = [];
  const pings = new PingWatch(['10.9.0.254'], {
    deadpingMs: 60_000,
    nowMs: () => performance.now(),
    onChange: (now) => (answers = now),
    program,
  });
  await soon('the answer, which came in two pieces', () => answers[0]?.state === 'up');
  t.equal(textOf(join(path, 'arguments')), '-n -i 1 -w 600 10.9.0.254\n');
  const pid = Number(textOf(join(path, 'pid')));
  t.ok(lives(pid));
  pings.stop();
  await soon('its end', () => !lives(pid));
});
