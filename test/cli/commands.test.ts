import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type {
  HistoryAnswer,
  HistoryEntry,
  OperatorAnswer,
  OperatorEnvelope,
  OperatorRequest,
  ReloadRequest,
  Status,
} from '../../src/base/control.js';
import { EXIT } from '../../src/base/exit-codes.js';
import { createControlServer } from '../../src/daemon/control-server.js';
import { DONE, fakeControl } from './fake-control.js';
import { noTerminal, notBuilt, tandem, tandemOnTerminal } from './run-tandem.js';
import { PROC_DRBD, STARTED, STATUSES } from './statuses.js';

const built = { skip: notBuilt };
const terminal = { skip: noTerminal };

t.test('status: the exit code follows the verdict', built, async (t) => {
  const rows: readonly (readonly [string, number])[] = [
    ['started', EXIT.ok],
    ['syncing', EXIT.failed],
    ['fence-failed', EXIT.failed],
    ['first-start', EXIT.unknown],
  ];
  await Promise.all(
    rows.map(async ([name, code]) => {
      const { socket } = await fakeControl(t, { status: () => STATUSES[name]! });
      const ran = await tandem(['status', '--socket', socket]);
      const { state, summary } = STATUSES[name]!.verdict;
      t.equal(ran.out.split('\n')[0], `${state.toUpperCase()}: ${summary}`, name);
      t.match(ran, { code, err: '' }, name);
      t.notMatch(ran.out, '\u001b', 'a pipe gets no colours');
    }),
  );
});

t.test('status: --json is what the daemon said; the socket comes from the environment', built, async (t) => {
  const { socket } = await fakeControl(t);
  const ran = await tandem(['status', '--json'], { env: { TANDEM_SOCKET: socket } });
  t.strictSame(JSON.parse(ran.out), STARTED);
  t.match(ran, { code: 0, err: '' });
});

t.test('status: without a daemon the kernel is asked', built, async (t) => {
  const { folder } = await fakeControl(t);
  writeFileSync(join(folder, 'proc'), PROC_DRBD);
  const args = ['status', '--socket', join(folder, 'none'), '--proc-drbd', join(folder, 'proc')];
  const text = await tandem(args);
  t.equal(text.code, EXIT.daemonDown);
  t.match(text.out, /^UNKNOWN: tandemd is not running: no socket /);
  t.match(text.out, ' 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n');
  t.equal(text.err, '');
  const json = await tandem([...args, '--json']);
  t.equal(json.code, EXIT.daemonDown);
  t.match(JSON.parse(json.out), {
    schema: 'tandem.status/1',
    self: hostname(),
    verdict: { state: 'unknown' },
    nodes: [],
    daemon: { running: false, reason: /not running/ },
  });
});

t.test('status: a socket file without a listener', built, async (t) => {
  const { folder } = await fakeControl(t);
  writeFileSync(join(folder, 'file'), '');
  const ran = await tandem(['status', '--socket', join(folder, 'file'), '--proc-drbd', '/none']);
  t.match(ran, { code: EXIT.daemonDown, out: /nobody listens on .*\n\/proc\/drbd: the DRBD module is not loaded/s });
});

t.test('status: a daemon that hangs (2 s)', built, async (t) => {
  const { socket } = await fakeControl(t, { instead: () => true });
  const [text, json, move] = await Promise.all([
    tandem(['status', '--socket', socket]),
    tandem(['status', '--socket', socket, '--json']),
    tandem(['move', 'mysql', '--socket', socket]),
  ]);
  t.match(text, { code: EXIT.unavailable, out: /^UNKNOWN: tandemd did not answer within 2 s\n/ });
  t.match(JSON.parse(json.out), { daemon: { running: true }, verdict: { state: 'unknown' } });
  t.match(move, {
    code: EXIT.unavailable,
    out: '',
    err: 'tandem: tandemd did not answer within 2 s\n',
  });
});

t.test('status: an answer that never ends is cut off (2 s)', built, async (t) => {
  const { socket } = await fakeControl(t, {
    instead: (_request, response) => {
      response.writeHead(200).write('{"schema');
      return true;
    },
  });
  const ran = await tandem(['status', '--socket', socket]);
  t.match(ran, { code: EXIT.unavailable, out: /^UNKNOWN: tandemd did not answer within 2 s\n/ });
});

t.test('status: a daemon that talks nonsense', built, async (t) => {
  const rows: readonly (readonly [number, string, RegExp])[] = [
    [200, 'hello', /without JSON/],
    [200, '[]', /schema null/],
    [200, '{"schema":"tandem.status/9"}', /schema "tandem.status\/9"/],
    [200, '{"schema":"tandem.status/1","nodes":{}}', /something else/],
    [500, '{"error":"A defect"}', /could not answer: A defect/],
    [502, 'null', /HTTP 502/],
  ];
  await Promise.all(
    rows.map(async ([code, body, out]) => {
      const { socket } = await fakeControl(t, {
        instead: (_request, response) => {
          response.writeHead(code).end(body);
          return true;
        },
      });
      const ran = await tandem(['status', '--socket', socket]);
      t.match(ran, { code: EXIT.unavailable, out }, `${code} ${body}`);
    }),
  );
  const raw = join((await fakeControl(t)).folder, 'raw');
  const server = createServer((socket) => socket.end('SSH-2.0-x\r\n'));
  server.listen(raw);
  t.match(await tandem(['status', '--socket', raw]), { code: EXIT.unavailable });
  server.close();
});

t.test('status: no access to the socket', { skip: notBuilt || notRoot() }, async (t) => {
  const asNobody = true;
  if ((await tandem(['--version'], { asNobody })).code !== 0) {
    t.pass('cannot be asked', { skip: 'the user nobody cannot read this tree' });
    return;
  }
  const { socket } = await fakeControl(t);
  const ran = await tandem(['status', '--socket', socket], { asNobody });
  t.match(ran, { code: EXIT.permission, out: '', err: /as a member of group haclient\n$/ });
});

function notRoot(): string | false {
  return process.getuid!() === 0 ? false : 'only root can run the command as another user';
}

t.test('usage: one line, the nearest word, exit 64', built, async (t) => {
  const rows: readonly (readonly [readonly string[], string])[] = [
    [[], 'no command given; see "tandem --help"'],
    [['statu'], "unknown command 'statu' (did you mean status?)"],
    [['status', '--jsn'], "unknown option '--jsn' (did you mean --json?)"],
    [['status', 'extra'], "too many arguments for 'status'. Expected 0 arguments but got 1."],
    [['move'], "missing required argument 'group'"],
    [['move', ''], 'the group is empty'],
    [['move', 'a', '--to', ' '], 'the node of --to is empty'],
    [['move', 'a', '--to'], "option '--to <node>' argument missing"],
    [['move', 'a', '--wait', '5'], 'option --wait: "5" is not a duration with its unit, such as 200ms, 1.5s, 2m or 1h'],
    [['move', 'a', '--wait', '9d'], 'option --wait: the limit is 24 h 00 min'],
    [['move', 'a', '--wait', '\u001b[2J'], 'option --wait: "" is not a duration with its unit, such as 200ms, 1.5s, 2m or 1h'],
    [['standby', 'a', 'b'], "too many arguments for 'standby'. Expected 1 argument but got 2."],
    [['online', ''], 'the node is empty'],
    [
      ['standby', '--local', '--foreign'],
      'only one of --all, --foreign and --local can be given, not --foreign and --local',
    ],
    [['freeze', ' '], 'the group is empty'],
    [['freeze', 'a', '--reason', ''], 'the reason is empty'],
    [['freeze', 'a', '--for', '10'], 'option --for: "10" is not a duration with its unit, such as 200ms, 1.5s, 2m or 1h'],
    [['disable', 'a', '--for', '10ms'], 'option --for: 10ms is not within 1.00 s to 8784 h 00 min'],

    [['maintenance', 'of'], "unknown command 'of' (did you mean one of off, on?)"],
    [['restart'], "missing required argument 'group'"],
    [['config', 'reload', 'x'], "too many arguments for 'reload'. Expected 0 arguments but got 1."],
    [['cleanup'], "missing required argument 'group'"],
    [['fence', 'confrm', 'n2'], "unknown command 'confrm' (did you mean confirm?)"],
    [['fence'], "missing required argument 'node'"],
    [['fence', ' '], 'the node is empty'],
    [['fence', 'n1', 'n2'], "unknown command 'n1'; only one node can be named"],
    [['fence', 'n1', '--reason', ''], 'the reason is empty'],
    [['fence', 'test', 'a', 'b'], "too many arguments for 'test'. Expected 1 argument but got 2."],
    [['fence', 'confirm', 'n2'], "required option '--reason <text>' not specified"],
    [['fence', 'confirm', 'n2', '--reason', ' '], 'the reason is empty'],
    [['status', '--socket', ''], 'option --socket needs a path'],
  ];
  await Promise.all(
    rows.map(async ([args, sentence]) => {
      const ran = await tandem(args);
      t.strictSame(ran, { code: EXIT.usage, out: '', err: `tandem: ${sentence}\n` }, args.join(' '));
    }),
  );
});

t.test('usage: help and version are not errors', built, async (t) => {
  const [help, version, sub] = await Promise.all([
    tandem(['--help']),
    tandem(['--version']),
    tandem(['help', 'fence', 'confirm']),
  ]);
  t.match(help, { code: 0, err: '', out: /^Usage: tandem \[options\] \[command\]/ });
  for (const code of Object.values(EXIT)) t.match(help.out, new RegExp(`\n +${code}  \\S`));
  t.match(version, { code: 0, out: /^\d+\.\d+\.\d+\n$/ });
  t.match(sub, { code: 0, out: /^Usage: tandem fence/ });
});

t.test('requests: what is typed is what is sent', built, async (t) => {
  const user = userInfo().username;
  const wish = { by: user, reason: null, forMs: null };
  const rows: readonly (readonly [readonly string[], OperatorRequest | ReloadRequest])[] = [
    [['move', 'mysql'], { kind: 'move', group: 'mysql', to: null }],
    [['move', 'mysql', '--to', 'n2'], { kind: 'move', group: 'mysql', to: 'n2' }],
    [['standby'], { kind: 'standby', node: null, ...wish }],
    [
      ['standby', 'n2', '--reason', 'new disk', '--for', '2h'],
      { kind: 'standby', node: 'n2', by: user, reason: 'new disk', forMs: 7_200_000 },
    ],
    [['standby', '--foreign'], { kind: 'standby', node: null, ...wish, scope: 'foreign' }],
    [['standby', 'n2', '--local'], { kind: 'standby', node: 'n2', ...wish, scope: 'local' }],
    [['standby', '--all'], { kind: 'standby', node: null, ...wish }],
    [['online', 'n1'], { kind: 'online', node: 'n1', by: user }],
    [
      ['freeze', 'mysql', '--for', '2h', '--reason', 'new disk'],
      { kind: 'freeze', group: 'mysql', by: user, reason: 'new disk', forMs: 7_200_000 },
    ],
    [['unfreeze', 'mysql'], { kind: 'unfreeze', group: 'mysql', by: user }],
    [
      ['disable', 'mysql'],
      { kind: 'disable', group: 'mysql', by: user, reason: null, forMs: null },
    ],
    [['enable', 'mysql'], { kind: 'enable', group: 'mysql', by: user }],
    [['restart', 'mysql'], { kind: 'restart', group: 'mysql', by: user }],
    [['maintenance', 'on'], { kind: 'maintenance', by: user, reason: null, forMs: null }],
    [['maintenance', 'off'], { kind: 'endMaintenance', by: user }],
    [['config', 'reload'], { kind: 'reload' }],
    [['cleanup', 'mysql'], { kind: 'cleanup', group: 'mysql' }],
    [['fence', 'n2'], { kind: 'fence', node: 'n2', by: user, reason: null, sure: false }],
    [
      ['fence', 'n2', '--yes', '--reason', 'it hangs'],
      { kind: 'fence', node: 'n2', by: user, reason: 'it hangs', sure: true },
    ],
    [['fence', 'test'], { kind: 'fenceTest', node: null, by: user }],
    [['fence', 'test', 'n2'], { kind: 'fenceTest', node: 'n2', by: user }],
    [
      ['fence', 'confirm', 'n2', '--reason', 'Pulled it', '--yes'],
      { kind: 'fenceConfirm', node: 'n2', by: user, reason: 'Pulled it' },
    ],
  ];
  await Promise.all(
    rows.map(async ([args, request]) => {
      const { socket, envelopes } = await fakeControl(t);
      const ran = await tandem([...args, '--socket', socket]);
      t.strictSame(ran, { code: 0, out: 'mysql runs on n2\n', err: '' }, args.join(' '));
      t.strictSame(envelopes, [{ request, dryRun: false }], args.join(' '));
    }),
  );
  const { socket, envelopes } = await fakeControl(t);
  const args = ['fence', 'confirm', 'n2', '--reason', 'x', '--yes', '--socket', socket];
  await tandem(args, { env: { SUDO_USER: 'alice' } });
  t.match(envelopes, [{ request: { by: 'alice' } }], 'the person behind sudo');
});

t.test('requests: a dry run says what would be, and does not wait', built, async (t) => {
  const would: OperatorAnswer = {
    ...DONE,
    state: 'accepted',
    message: 'mysql would move to n2',
    progress: ['stop mysql on n1', 'start mysql on n2'],
  };
  const { socket, envelopes, calls } = await fakeControl(t, { request: () => would });
  const ran = await tandem(['move', 'mysql', '--dry-run', '--socket', socket]);
  t.strictSame(ran, {
    code: 0,
    out: 'Dry run: mysql would move to n2\n  stop mysql on n1\n  start mysql on n2\n',
    err: '',
  });
  t.match(envelopes, [{ dryRun: true }]);
  t.strictSame(calls, ['POST /v1/requests']);
});

t.test('fence: on a terminal the name is typed, after what would follow', terminal, async (t) => {
  const would: OperatorAnswer = { ...DONE, message: 'Would be done: kim fences n2: no reason given' };
  const request = (envelope: OperatorEnvelope): OperatorAnswer => (envelope.dryRun ? would : DONE);
  const run = async (typed: string): Promise<readonly unknown[]> => {
    const { socket, envelopes } = await fakeControl(t, { request });
    let asked = false;
    const ran = await tandemOnTerminal(['fence', 'n2', '--socket', socket], {
      onOutput: (out, child) => {
        if (asked || !out.includes('to confirm: ')) return;
        asked = true;
        child.stdin?.write(`${typed}\r`);
      },
    });
    t.match(ran.out, /fences n2: no reason given\r\nIts power is cut/);
    return envelopes.map(({ dryRun }) => dryRun);
  };
  t.strictSame(await run('n2'), [true, false]);
  t.strictSame(await run('n1'), [true], 'another name changes nothing');
});

t.test('fence test: what was found, device by device, also in a pipe', built, async (t) => {
  const answer: OperatorAnswer = {
    ...DONE,
    message: 'The fence device of n2 answered (41 ms)',
    fenceTests: [
      {
        node: 'n2',
        grade: 'ready',
        summary: 'The fence device of n2 answered',
        devices: [{ level: 1, device: 'fence_apc 10.9.9.254', outcome: 'on', reason: 'on', tookMs: 41 }],
        unproven: 'Not proven: that n2 can be switched off. Only a real shot proves that; n1 has never made one',
      },
    ],
  };
  const { socket } = await fakeControl(t, { request: () => answer });
  const ran = await tandem(['fence', 'test', '--socket', socket]);
  t.equal(
    ran.out.replace(/\s+/g, ' '),
    'The fence device of n2 answered (41 ms) n2, level 1: fence_apc 10.9.9.254 says on (41 ms) ' +
      'Not proven: that n2 can be switched off. Only a real shot proves that; n1 has never made one ',
  );
});

t.test('requests: refusals and failures have their own exit codes', built, async (t) => {
  const rows: readonly (readonly [OperatorAnswer['state'], OperatorAnswer['exit'], number])[] = [
    ['refused', 'unsafe', 107],
    ['refused', 'noSuch', 105],
    ['refused', 'ok', 1],
    ['failed', 'failed', 1],
    ['failed', 'unknown', 4],
    ['failed', 'timeout', 124],
  ];
  await Promise.all(
    rows.map(async ([state, exit, code]) => {
      const answer: OperatorAnswer = { ...DONE, state, exit, message: 'n2 holds no good data' };
      const { socket } = await fakeControl(t, { request: () => answer });
      const word = state === 'refused' ? 'Refused' : 'Failed';
      const text = await tandem(['move', 'mysql', '--socket', socket]);
      t.strictSame(text, { code, out: '', err: `${word}: n2 holds no good data\n` }, exit);
      const json = await tandem(['move', 'mysql', '--json', '--socket', socket]);
      t.equal(json.code, code);
      t.strictSame(JSON.parse(json.out), answer);
    }),
  );
});

t.test('requests: an unknown name comes with the nearest one', built, async (t) => {
  const { socket } = await fakeControl(t, {
    request: () => ({ ...DONE, state: 'refused', exit: 'noSuch', message: 'There is no such name' }),
  });
  const run = (...args: string[]): Promise<unknown> => tandem([...args, '--socket', socket]);
  const said = (hint: string): unknown => ({ code: 105, out: '', err: `Refused: There is no such name${hint}\n` });
  t.strictSame(await run('move', 'mysqk', '--to', 'n3'), said(' (did you mean mysql, n1?)'));
  t.strictSame(await run('cleanup', 'mysqll'), said(' (did you mean mysql?)'));
  t.strictSame(await run('standby', 'N2x'), said(' (did you mean n2?)'));
  t.strictSame(await run('standby', 'zebra'), said(''));
});

/** A request that tells one more sentence each time it is asked, and ends after all of them. */
function slowly(end: Partial<OperatorAnswer> = {}): {
  readonly request: () => OperatorAnswer;
  readonly answer: () => OperatorAnswer;
} {
  const sentences = ['stopped mysql on n1', 'demoted r0 on n1', 'started mysql on n2'];
  let told = 0;
  const accepted: OperatorAnswer = { ...DONE, state: 'accepted', message: 'Moving mysql to n2' };
  return {
    request: () => accepted,
    answer: () => {
      told += 1;
      if (told > sentences.length) return { ...DONE, progress: sentences, ...end };
      return { ...accepted, progress: sentences.slice(0, told) };
    },
  };
}

t.test('requests: a slow one is waited for; a pipe gets the last word only', built, async (t) => {
  const { socket, calls } = await fakeControl(t, slowly());
  const ran = await tandem(['move', 'mysql', '--socket', socket]);
  t.strictSame(ran, { code: 0, out: 'mysql runs on n2\n', err: '' });
  t.equal(calls.filter((call) => call === 'GET /v1/requests/r-1').length, 4);
  const failing = await fakeControl(t, slowly({ state: 'failed', exit: 'failed', message: 'No' }));
  const failed = await tandem(['move', 'mysql', '--socket', failing.socket, '--json']);
  t.equal(failed.code, 1);
  t.match(JSON.parse(failed.out), { state: 'failed', progress: { length: 3 } });
  t.equal(failed.out.trim().split('\n').length, 1, 'one JSON value');
});

t.test('requests: a terminal sees the progress as it comes', terminal, async (t) => {
  const { socket } = await fakeControl(t, slowly());
  const ran = await tandemOnTerminal(['move', 'mysql', '--socket', socket]);
  t.strictSame(ran.out.split('\r\n'), [
    '  stopped mysql on n1',
    '  demoted r0 on n1',
    '  started mysql on n2',
    'mysql runs on n2',
    '',
  ]);
  t.equal(ran.code, 0);
});

t.test('requests: the time to wait has an end (300 ms, 0 s)', built, async (t) => {
  const accepted: OperatorAnswer = { ...DONE, state: 'accepted', message: 'Moving mysql to n2' };
  const never = { request: () => accepted, answer: () => accepted };
  const { socket, calls } = await fakeControl(t, never);
  const ran = await tandem(['move', 'mysql', '--wait', '300ms', '--socket', socket]);
  t.strictSame(ran, {
    code: EXIT.timeout,
    out: '',
    err: 'Not done within 300 ms; tandemd goes on with it: Moving mysql to n2\n',
  });
  calls.length = 0;
  const unwaited = await tandem(['move', 'mysql', '--wait', '0s', '--socket', socket]);
  t.strictSame(unwaited, { code: 0, out: 'Moving mysql to n2\n', err: '' });
  t.strictSame(calls, ['POST /v1/requests']);
});

t.test('requests: a daemon that forgets, and one that stumbles on the way', built, async (t) => {
  const accepted: OperatorAnswer = { ...DONE, state: 'accepted' };
  const forgetful = await fakeControl(t, { request: () => accepted, answer: () => null });
  t.match(await tandem(['move', 'mysql', '--socket', forgetful.socket]), {
    code: EXIT.unknown,
    err: /^tandem: tandemd does not know request r-1 any more/,
  });
  let stumbles = 2;
  const stumbling = await fakeControl(t, {
    request: () => accepted,
    instead: (request) => {
      if (request.method !== 'GET' || stumbles === 0) return false;
      stumbles -= 1;
      request.socket.destroy();
      return true;
    },
  });
  t.match(await tandem(['move', 'mysql', '--socket', stumbling.socket]), { code: 0 });
  const broken = await fakeControl(t, {
    request: () => accepted,
    instead: (request) => request.method === 'GET' && !request.socket.destroy().writable,
  });
  const ran = await tandem(['move', 'mysql', '--socket', broken.socket]);
  t.match(ran, { code: EXIT.unavailable, err: /^tandem: tandemd broke off the answer/ });
  t.equal(broken.calls.length, 7, 'one request, then six tries');
});

t.test('requests: what the daemon does not understand is a usage error', built, async (t) => {
  const { socket } = await fakeControl(t, {
    instead: (_request, response) => {
      response.writeHead(400).end('{"error":"Field \\"request.reason\\": too long"}');
      return true;
    },
  });
  const ran = await tandem(['move', 'mysql', '--json', '--socket', socket]);
  const message = 'tandemd refused the request: Field "request.reason": too long';
  t.strictSame(JSON.parse(ran.out), { schema: 'tandem.error/1', exit: 'usage', code: 64, message });
  t.match(ran, { code: 64, err: `tandem: ${message}\n` });
});

t.test('fence confirm: nobody at a pipe means no', built, async (t) => {
  const { socket, calls } = await fakeControl(t);
  const args = ['fence', 'confirm', 'n2', '--reason', 'off', '--socket', socket];
  const ran = await tandem(args, { input: 'n2\n' });
  t.match(ran, { code: EXIT.unsafe, out: '', err: /^tandem: Nobody is there to confirm that n2 is off: repeat with --yes/ });
  t.strictSame(calls, []);
  t.match(await tandem([...args, '--dry-run']), { code: 0 }, 'a dry run need not be confirmed');
});

t.test('fence confirm: a terminal wants the name typed out', terminal, async (t) => {
  const answerWith = (typed: string) => {
    let asked = false;
    return (out: string, child: { readonly stdin: NodeJS.WritableStream | null }): void => {
      if (asked || !out.includes('to confirm: ')) return;
      asked = true;
      child.stdin?.write(typed);
    };
  };
  const rows: readonly (readonly [string, number])[] = [
    ['n2\r', 0],
    ['n1\r', EXIT.unsafe],
    ['\r', EXIT.unsafe],
    ['yes\r', EXIT.unsafe],
    ['\u0004', EXIT.unsafe],
    ['\u0003', EXIT.unsafe],
  ];
  await Promise.all(
    rows.map(async ([typed, code]) => {
      const { socket, calls } = await fakeControl(t);
      const args = ['fence', 'confirm', 'n2', '--reason', 'off', '--socket', socket];
      const ran = await tandemOnTerminal(args, { onOutput: answerWith(typed) });
      t.equal(ran.code, code, JSON.stringify(typed));
      t.equal(calls.length, code === 0 ? 1 : 0);
      t.match(ran.out, 'one of the two copies will be lost');
    }),
  );
});

t.test('history: all, one, and an unknown one', built, async (t) => {
  const entry: HistoryEntry = {
    id: 'f-12',
    group: 'mysql',
    node: 'n1',
    startedAt: '2026-01-31T03:12:09Z',
    endedAt: '2026-01-31T03:12:10.400Z',
    outcome: 'done',
    trigger: 'n2 died',
    phases: [],
    account: [],
  };
  const history: HistoryAnswer = { schema: 'tandem.history/1', self: 'n1', entries: [entry] };
  const { socket } = await fakeControl(t, { history: () => history });
  const run = (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['history', ...args, '--socket', socket]);
  const line = '2026-01-31 03:12:09Z  f-12  mysql on n1  done  in 1.40 s\n    n2 died\n';
  t.strictSame(await run(), { code: 0, out: line, err: '' });
  t.strictSame(JSON.parse((await run('--json')).out), history);
  t.match(await run('f-12'), { code: 0, out: /^f-12: mysql on n1, done in 1.40 s\n/ });
  t.strictSame(JSON.parse((await run('f-12', '--json')).out), entry);
  t.match(await run('f-13'), {
    code: 105,
    err: 'tandem: No entry of the history has the id f-13 (did you mean f-12?)\n',
  });
});

t.test('history: without the daemon, what it had kept', built, async (t) => {
  const { folder } = await fakeControl(t);
  const run = async (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['history', ...args, '--socket', join(folder, 'none'), '--state-dir', folder]);
  t.match(await run(), {
    code: EXIT.daemonDown,
    out: 'Nothing was moved or taken over yet\n',
    err: /^tandemd is not running: .*this\s+is\s+what\s+it\s+had\s+kept/s,
  });
  const entry = {
    ...{ id: 'op-6', group: 'mysql', node: 'n2', startedAt: '2026-01-12T03:00:00.000Z' },
    ...{ endedAt: null, outcome: 'running', trigger: 'n2 takes over mysql', phases: [] },
    account: [{ atMs: 0, sentence: 'n2 takes over mysql' }],
  };
  writeFileSync(join(folder, 'history.jsonl'), `${JSON.stringify(entry)}\n`);
  t.match(await run('op-6'), { code: EXIT.daemonDown, out: /failed.*tandemd ended before/s });
  t.match(await run('op-7'), { code: EXIT.noSuch, err: /did you mean op-6/ });
  t.match(JSON.parse((await run('--json')).out), { self: 'n2', entries: [{ id: 'op-6' }] });
});

t.test('watch: a pipe gets a line for each change', built, async (t) => {
  const shown: readonly Status[] = [STARTED, STARTED, STATUSES['split-brain']!];
  let looks = 0;
  const { socket } = await fakeControl(t, { status: () => shown[looks++] ?? shown.at(-1)! });
  const ran = await tandem(['status', '--watch', '--socket', socket], {
    onOutput: (out, child) => {
      if (out.includes('StandAlone')) child.kill('SIGTERM');
    },
  });
  const lines = ran.out.trim().split('\n').map((line) => line.replace(/^\S+Z /, ''));
  t.equal(lines[0], 'OK: mysql runs on n1; n2 is ready to take over');
  t.strictSame(lines.slice(-2), [
    'DEGRADED: mysql runs on n1, but its data is in split brain with n2',
    'drbd r0: Primary/Unknown, StandAlone, split brain, volume 0 UpToDate/DUnknown',
  ]);
  t.equal(lines.filter((line) => line.startsWith('OK')).length, 1, 'no line without a change');
  t.equal(ran.code, 0);
});

t.test('watch: a terminal is redrawn and left as it was', terminal, async (t) => {
  const { socket } = await fakeControl(t);
  let stopped = false;
  const ran = await tandemOnTerminal(['status', '--watch', '--socket', socket], {
    onOutput: (out, child) => {
      if (stopped || out.split('\u001b[H').length < 3) return;
      stopped = true;
      child.stdin?.write('\u0003');
    },
  });
  t.equal(ran.code, 0);
  const entered = '\u001b[?1049h\u001b[?25l\u001b[H';
  t.ok(ran.out.startsWith(`${entered}\u001b[32mOK\u001b[39m: mysql runs on n1`));
  t.ok(ran.out.replace('^C', '').endsWith('\u001b[?25h\u001b[?1049l'), 'the screen is given back');
  t.match(ran.out, '(more below)', 'what does not fit into 24 rows is said');
});

t.test('output: a reader that goes away is not an error', built, async (t) => {
  let looks = 0;
  const { socket } = await fakeControl(t, {
    status: () => ({ ...STARTED, verdict: { state: 'ok', summary: `look n${looks++}` } }),
  });
  const ran = await tandem(['status', '--watch', '--json', '--socket', socket], {
    onOutput: (_out, child) => child.stdout?.destroy(),
  });
  t.strictSame({ code: ran.code, err: ran.err }, { code: 0, err: '' });
});

t.test('contract: the commands and the real control server understand each other', built, async (t) => {
  const { folder } = await fakeControl(t);
  const accepted: OperatorAnswer = { ...DONE, id: 'm-2026.1_a', state: 'accepted' };
  const envelopes: OperatorEnvelope[] = [];
  const silent = (): void => undefined;
  const path = join(folder, 'real');
  const server = createControlServer({
    path,
    group: null,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    backend: {
      status: () => STARTED,
      history: () => ({ schema: 'tandem.history/1', self: 'n1', entries: [] }),
      why: () => ({ schema: 'tandem.why/1', self: 'n1', groups: [], nodes: [] }),
      dump: () => ({ schema: 'tandem.dump/1', savedAt: '', nowMs: 0, links: [], state: {} }),
      splitBrain: () => ({ schema: 'tandem.split-brain-sides/1', self: 'n1', resources: [] }),
      request: (envelope) => {
        envelopes.push(envelope);
        return accepted;
      },
      answer: (id) => (id === accepted.id ? { ...accepted, state: 'done' } : null),
    },
  });
  t.ok((await server.listen()).ok);
  t.teardown(() => server.close());
  const run = (...args: string[]): ReturnType<typeof tandem> => tandem([...args, '--socket', path]);
  t.match(await run('status'), { code: 0, out: /^OK: mysql runs on n1/ });
  t.match(await run('history'), { code: 0, out: 'Nothing was moved or taken over yet\n' });
  t.match(await run('fence', 'confirm', 'n2', '--reason', 'Pulled "it" \u00e4', '--yes'), { code: 0 });
  t.match(envelopes, [{ request: { kind: 'fenceConfirm', reason: 'Pulled "it" \u00e4' } }]);
  const long = await run('fence', 'confirm', 'n2', '--reason', 'x'.repeat(501), '--yes');
  t.match(long, { code: EXIT.usage, err: /Field "request.reason"/ });
  t.equal(envelopes.length, 1);
});
