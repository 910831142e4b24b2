import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { assert } from '../../src/base/assert.js';
import type { OperatorAnswer, OperatorEnvelope, Status } from '../../src/base/control.js';
import { type ControlBackend, createControlServer } from '../../src/daemon/control-server.js';
import type { ControlServerOptions } from '../../src/daemon/control-server.js';
import { groupId } from '../../src/daemon/control-socket.js';
import type { Log, LogFields } from '../../src/daemon/log.js';

const STATUS: Status = {
  schema: 'tandem.status/1',
  cluster: 'shop',
  self: 'n1',
  verdict: { state: 'ok', summary: 'mysql runs on n1' },
  nodes: [],
  links: [],
  groups: [],
  drbd: [],
  fencing: { configured: false, lastTestedAt: null },
};

const ACCEPTED: OperatorAnswer = {
  id: 'r-1',
  state: 'accepted',
  message: 'Moving mysql to n2',
  progress: [],
  exit: 'ok',
};

interface Said {
  readonly level: string;
  readonly sentence: string;
  readonly fields: LogFields | undefined;
}

function recorder(): { readonly log: Log; readonly said: Said[] } {
  const said: Said[] = [];
  const at = (level: string) => (sentence: string, fields?: LogFields) =>
    void said.push({ level, sentence, fields });
  return { said, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

interface Fixture {
  readonly path: string;
  readonly said: Said[];
  readonly requests: OperatorEnvelope[];
  readonly options: ControlServerOptions;
}

function fixture(t: Test, change: Partial<ControlBackend> = {}): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'tandem.sock');
  writeFileSync(join(folder, 'group'), groupFileText());
  const { log, said } = recorder();
  const requests: OperatorEnvelope[] = [];
  const backend: ControlBackend = {
    status: () => STATUS,
    history: () => ({ schema: 'tandem.history/1', self: 'n1', entries: [] }),
    why: () => ({ schema: 'tandem.why/1', self: 'n1', groups: [], nodes: [] }),
      dump: () => ({ schema: 'tandem.dump/1', savedAt: '', nowMs: 0, links: [], state: {} }),
    splitBrain: () => ({ schema: 'tandem.split-brain-sides/1', self: 'n1', resources: [] }),
    request: (envelope) => {
      requests.push(envelope);
      return ACCEPTED;
    },
    answer: (id) => (id === 'r-1' ? ACCEPTED : null),
    ...change,
  };
  const options = { path, backend, log, groupFile: join(folder, 'group') };
  return { path, said, requests, options };
}

/** The running user's own group, which it may give files to without being root. */
function groupFileText(): string {
  return `root:x:0:\nhaclient:x:${process.getgid!()}:hacluster\nbroken\n`;
}

async function opened(t: Test, change: Partial<ControlBackend> = {}): Promise<Fixture> {
  const made = fixture(t, change);
  const server = createControlServer(made.options);
  t.teardown(() => server.close());
  t.strictSame(await server.listen(), { ok: true, value: null });
  return made;
}

interface Got {
  readonly code: number;
  readonly body: unknown;
  readonly allow: string | undefined;
}

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
}

function ask(socketPath: string, { method = 'GET', path, body }: Ask): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath, path, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const { allow } = response.headers;
        resolve({ code: response.statusCode!, body: JSON.parse(text) as unknown, allow });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function post(path: string, value: unknown): Promise<Got> {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return ask(path, { method: 'POST', path: '/v1/requests', body });
}

/** Sends bytes as they are; resolves with what came back before the connection closed. */
function raw(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('close', () => resolve(answer));
    socket.on('error', () => resolve(answer));
    socket.write(text);
  });
}

t.test('control: status and history are what the backend says', async (t) => {
  const { path } = await opened(t);
  t.strictSame((await ask(path, { path: '/v1/status' })).body, STATUS);
  t.strictSame((await ask(path, { path: '/v1/status?x=1' })).code, 200);
  t.match(await ask(path, { path: '/v1/history' }), { code: 200, body: { self: 'n1' } });
});

t.test('control: every kind of request reaches the backend as it was sent', async (t) => {
  const { path, requests } = await opened(t);
  const sent: OperatorEnvelope[] = [
    { request: { kind: 'move', group: 'mysql', to: null }, dryRun: true },
    { request: { kind: 'move', group: 'mysql', to: 'n2' }, dryRun: false },
    { request: { kind: 'standby', node: null }, dryRun: false },
    { request: { kind: 'online', node: 'n1' }, dryRun: false },
    { request: { kind: 'cleanup', group: 'mysql' }, dryRun: false },
    { request: { kind: 'fenceConfirm', node: 'n2', by: 'ops', reason: 'Pulled the plug' }, dryRun: false },
  ];
  for (const envelope of sent) {
    t.match(await post(path, envelope), { code: 200, body: ACCEPTED }, envelope.request.kind);
  }
  t.strictSame(requests, sent);
  t.match(await ask(path, { path: '/v1/requests/r-1' }), { code: 200, body: ACCEPTED });
});

t.test('control: a bad body is refused with its fault and never reaches the backend', async (t) => {
  const { path, requests } = await opened(t);
  const move = { kind: 'move', group: 'mysql', to: null };
  const rows: readonly (readonly [string, unknown, RegExp])[] = [
    ['empty', '', /not JSON/],
    ['no JSON', '{"request":', /not JSON/],
    ['a list', [], /The body/],
    ['null', null, /The body/],
    ['no dryRun', { request: move }, /Field "dryRun"/],
    ['dryRun of a wrong type', { request: move, dryRun: 'no' }, /Field "dryRun"/],
    ['a field too much', { request: move, dryRun: false, force: true }, /force/],
    ['a field too much inside', { request: { ...move, force: true }, dryRun: false }, /force/],
    ['an unknown kind', { request: { kind: 'explode' }, dryRun: false }, /Field "request.kind"/],
    ['a missing field', { request: { kind: 'move', group: 'a' }, dryRun: false }, /"request.to"/],
    ['an empty name', { request: { ...move, group: '' }, dryRun: false }, /"request.group": is empty/],
    ['a long name', { request: { ...move, group: 'x'.repeat(254) }, dryRun: false }, /"request.group"/],
    ['a control character', { request: { ...move, to: 'n\u001b2' }, dryRun: false }, /control char/],
    [
      'a blank reason',
      { request: { kind: 'fenceConfirm', node: 'n2', by: 'ops', reason: '  ' }, dryRun: false },
      /"request.reason": is empty/,
    ],
  ];
  for (const [title, body, error] of rows) {
    t.match(await post(path, body), { code: 400, body: { error } }, title);
  }
  t.strictSame(requests, []);
});

t.test('control: unknown paths, ids and methods', async (t) => {
  const { path } = await opened(t);
  for (const unknown of ['/', '/v1', '/v1/statu', '/v2/status', '/v1/requests/', '/v1/requests/a/b']) {
    t.match(await ask(path, { path: unknown }), { code: 404, body: { error: String } }, unknown);
  }
  t.match(await ask(path, { path: '/v1/requests/r-2' }), {
    code: 404,
    body: { error: 'No request has the id r-2' },
  });
  t.equal((await ask(path, { path: `/v1/requests/${'x'.repeat(65)}` })).code, 404);
  const wrong: readonly (readonly [string, string, string])[] = [
    ['POST', '/v1/status', 'GET'],
    ['DELETE', '/v1/history', 'GET'],
    ['GET', '/v1/requests', 'POST'],
    ['PUT', '/v1/requests/r-1', 'GET'],
  ];
  for (const [method, at, allow] of wrong) {
    t.match(await ask(path, { method, path: at }), { code: 405, allow }, `${method} ${at}`);
  }
});

t.test('control: a body over the limit is cut off (65,536 bytes)', async (t) => {
  const { path, requests } = await opened(t);
  const fits = JSON.stringify({ request: { kind: 'standby', node: null }, dryRun: true });
  t.equal((await post(path, fits.padEnd(65_536))).code, 200);
  t.match(await post(path, fits.padEnd(65_537)), { code: 413, body: { error: /65536 bytes/ } });
  t.equal(requests.length, 1);
});

t.test('control: what is not HTTP gets one line and the door', async (t) => {
  const { path } = await opened(t);
  t.match(await raw(path, 'hello\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request\r\n/);
  const long = `GET /v1/status HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`;
  t.match(await raw(path, long), /^HTTP\/1\.1 400 /);
  t.equal((await ask(path, { path: '/v1/status' })).code, 200, 'and others are still served');
});

t.test('control: a defect is an answer and a log line, not the end', async (t) => {
  const { path, said } = await opened(t, {
    status: () => {
      throw new TypeError('oops');
    },
  });
  const got = await ask(path, { path: '/v1/status' });
  t.match(got, { code: 500, body: { error: 'A defect of Tandem; its log says more' } });
  t.match(said.at(-1), { level: 'error', fields: { error: { message: 'oops' } } });
});

t.test('control: a broken invariant is not swallowed', async (t) => {
  const { path } = await opened(t, {
    status: () => {
      assert(false, 'one owner');
      return STATUS;
    },
  });
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const caught = once(process, 'uncaughtException') as Promise<[Error]>;
  const client = connect(path);
  client.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n');
  const [error] = await caught;
  for (const listener of listeners) process.on('uncaughtException', listener);
  client.destroy();
  t.match(error, { name: 'AssertionFailure', message: /one owner/ });
});

t.test('control: the group may connect and others may not', async (t) => {
  const { path, said } = await opened(t);
  const { mode, gid } = lstatSync(path);
  t.equal(mode & 0o777, 0o660);
  t.equal(gid, process.getgid!());
  t.strictSame(said.filter(({ level }) => level !== 'debug'), []);
});

t.test('control: without the group the socket is the owner\u2019s, and that is said', async (t) => {
  const { options, path, said } = fixture(t);
  writeFileSync(options.groupFile!, 'haclient2:x:1:\n');
  const server = createControlServer(options);
  t.teardown(() => server.close());
  t.ok((await server.listen()).ok);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  t.match(said[0], { level: 'warn', sentence: /^Group haclient does not exist: only the owner/ });
});

t.test('control: an unreadable group file, and a wish for no group', async (t) => {
  const { options, path, said } = fixture(t);
  const unreadable = createControlServer({ ...options, groupFile: `${path}.none` });
  t.ok((await unreadable.listen()).ok);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  t.match(said[0], { level: 'warn', sentence: /^Cannot give group haclient access/ });
  await unreadable.close();
  said.length = 0;
  const owner = createControlServer({ ...options, group: null });
  t.ok((await owner.listen()).ok);
  t.equal(lstatSync(path).mode & 0o777, 0o600);
  t.strictSame(said.filter(({ level }) => level !== 'debug'), []);
  await owner.close();
});

t.test('control: group(5) lines', (t) => {
  const text = 'root:x:0:\nhaclient-old:x:7:\n\nhaclient\nhaclient:x:abc:\nhaclient:x:112:a,b\n';
  t.equal(groupId(text, 'haclient'), 112);
  t.equal(groupId(text, 'root'), 0);
  t.equal(groupId(text, 'haclien'), null);
  t.equal(groupId('', 'haclient'), null);
  t.end();
});

t.test('control: a living daemon keeps its socket', async (t) => {
  const { options, path } = await opened(t);
  const second = createControlServer(options);
  t.strictSame(await second.listen(), { ok: false, error: `Another tandemd answers on ${path}` });
  await second.close();
  t.equal((await ask(path, { path: '/v1/status' })).code, 200, 'the first still answers');
});

t.test('control: what a dead daemon left is replaced', async (t) => {
  const { options, path } = fixture(t);
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script]), 'exit');
  t.ok(lstatSync(path).isSocket(), 'left behind');
  const server = createControlServer(options);
  t.ok((await server.listen()).ok);
  t.equal((await ask(path, { path: '/v1/status' })).code, 200);
  await server.close();
});

t.test('control: what is not a socket is left alone', async (t) => {
  const { options, path } = fixture(t);
  writeFileSync(path, 'precious');
  const server = createControlServer(options);
  t.match(await server.listen(), { ok: false, error: /exists and is not a socket; remove it first/ });
  t.equal(readFileSync(path, 'utf8'), 'precious');
});

t.test('control: a path that cannot be', async (t) => {
  const { options, path } = fixture(t);
  const long = createControlServer({ ...options, path: `/tmp/${'x'.repeat(120)}` });
  t.match(await long.listen(), { ok: false, error: /is 125 bytes long; the limit is 107/ });
  writeFileSync(path, '');
  const under = createControlServer({ ...options, path: join(path, 'below', 'x.sock') });
  t.match(await under.listen(), { ok: false, error: /^Cannot use .*ENOTDIR/ });
});

t.test('control: missing directories are made', async (t) => {
  const { options, path } = fixture(t);
  const server = createControlServer({ ...options, path: join(path, '..', 'run', 'tandem.sock') });
  t.ok((await server.listen()).ok);
  await server.close();
});

t.test('control: closing removes the file, lets idle clients go, and can be repeated', async (t) => {
  const { options, path } = fixture(t);
  const server = createControlServer(options);
  await server.close();
  t.ok((await server.listen()).ok);
  const idle = connect(path);
  const half = connect(path);
  const gone = Promise.all([once(idle, 'close'), once(half, 'close')]);
  half.write('GET /v1/status HTTP/1.1\r\n');
  idle.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(idle, 'data');
  idle.resume();
  half.resume();
  await server.close();
  t.notOk(existsSync(path));
  await gone;
  await server.close();
});

t.test('control: clients over the limit are turned away, and that is said once', async (t) => {
  const { path, said } = await opened(t);
  const clients = Array.from({ length: 32 }, () => connect(path));
  t.teardown(() => clients.forEach((client) => client.destroy()));
  await Promise.all(clients.map((client) => once(client, 'connect')));
  for (let extra = 0; extra < 3; extra += 1) {
    const refused = connect(path);
    refused.on('error', () => undefined);
    await once(refused, 'close');
  }
  const warnings = said.filter(({ level }) => level === 'warn');
  t.match(warnings, [{ sentence: /32 are connected/ }], 'said once');
  t.equal(warnings.length, 1);
});

t.test('control: a listener that hangs is not replaced', async (t) => {
  const { options, path } = fixture(t);
  const other = createNetServer();
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.match(await createControlServer(options).listen(), { ok: false, error: /Another tandemd/ });
  other.close();
});
