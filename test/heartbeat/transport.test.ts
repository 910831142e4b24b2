/**
 * Real sockets and real terminals. The tests that need networks of their own run once more in a
 * namespace; without the right to make one they are skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Links, type LinksOptions } from '../../src/daemon/links.js';
import { encodeDatagram } from '../../src/heartbeat/codec.js';
import { textFrame } from '../../src/heartbeat/frame.js';
import type { Keyring } from '../../src/heartbeat/keyring.js';
import type { LinkSpec } from '../../src/heartbeat/link-spec.js';
import { encodeReport } from '../../src/heartbeat/report-codec.js';
import type { Report } from '../../src/heartbeat/report.js';
import { SerialTransport } from '../../src/heartbeat/transport/serial.js';
import type { TransportEvents } from '../../src/heartbeat/transport/transport.js';
import { UdpPort } from '../../src/heartbeat/transport/udp.js';
import { connectOtherMachine, ip, networkOf, spawnInOwnNetwork } from '../support/network.js';
import { folder, soon, textOf } from '../support/temporary.js';

interface Ear extends TransportEvents {
  readonly frames: string[];
  readonly noise: number[];
  readonly news: string[];
}

/** Writes down all that a transport says. */
function ear(): Ear {
  const frames: string[] = [];
  const noise: number[] = [];
  const news: string[] = [];
  return {
    frames,
    noise,
    news,
    onFrame: (link, bytes) => void frames.push(`${link}: ${Buffer.from(bytes).toString('latin1')}`),
    onNoise: (_link, count) => void noise.push(count),
    onTrouble: (link, trouble) => void news.push(`${link}: ${trouble ?? 'works'}`),
    onSelf: (link) => void news.push(`${link}: self`),
  };
}

type UdpSpec = Exclude<LinkSpec, { kind: 'serial' }>;

function openPort(t: Test, port: number, ...links: readonly UdpSpec[]): { udp: UdpPort; heard: Ear } {
  const heard = ear();
  const udp = new UdpPort(port, links, heard);
  t.teardown(async () => Promise.all(udp.transports.map(async (link) => link.close())));
  return { udp, heard };
}

const ucast = (device: string, address: string): UdpSpec => ({ kind: 'ucast', device, address });
const bcast = (device: string): UdpSpec => ({ kind: 'bcast', device });

/** Repeats, as a keepalive does: what is sent before a socket is open is lost. */
async function until(what: string, send: () => void, done: () => boolean): Promise<void> {
  let turns = 0;
  await soon(what, () => {
    if (turns++ % 8 === 0) send();
    return done();
  });
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

// --- networks ------------------------------------------------------------------------------------

async function testNetworks(t: Test): Promise<void> {
  const other = await connectOtherMachine(t);
  const text = Buffer.from('hello');

  await t.test('udp: both directions, and each datagram belongs to the link of its network', async (t) => {
    await other.ready({ listen: 694 });
    const { udp, heard } = openPort(t, 694, ucast('v0', '10.9.0.2'), bcast('w0'));
    const [first, second] = udp.transports;
    await until('a datagram', () => first?.send(text), () => other.heard.length > 0);
    t.match(other.heard[0], { got: 'hello', from: '10.9.0.1', on: 694 });
    second?.send(text);
    second?.send(text);
    t.strictSame(heard.news, ['bcast w0: interface w0 has no IPv4 address'], 'said once');
    ip('addr', 'add', '10.8.0.1/24', 'dev', 'w0');
    await until('a broadcast', () => second?.send(text), () => other.heard.some(({ from }) => from === '10.8.0.1'));
    t.equal(heard.news.at(-1), 'bcast w0: works');
    other.tell({ send: 'one', to: '10.9.0.1', port: 694 });
    other.tell({ send: 'two', to: '10.8.0.255', port: 694 });
    other.tell({ send: 'three', to: '10.8.0.1', port: 694 });
    await soon('three datagrams', () => heard.frames.length >= 3);
    t.strictSame(new Set(heard.frames), new Set(['ucast v0 10.9.0.2: one', 'bcast w0: two', 'bcast w0: three']));
    ip('link', 'set', 'w0', 'down');
    await until('the loss', () => second?.send(text), () => heard.news.at(-1) === 'bcast w0: interface w0 has no IPv4 address');
    ip('link', 'set', 'w0', 'up');
    await until('the return', () => second?.send(text), () => heard.news.at(-1) === 'bcast w0: works');
    other.heard.length = 0;
    await until('a broadcast', () => second?.send(text), () => other.heard.some(({ from }) => from === '10.8.0.1'));
    t.equal(heard.frames.length, 3, 'its own broadcasts come back and are nobody\'s');
  });

  await t.test('udp: the line of this node itself and names', async (t) => {
    const self = ucast('v0', '10.9.0.1');
    const named = ucast('lo', 'localhost');
    const nameless = ucast('v0', 'no-such-host.invalid');
    const { udp, heard } = openPort(t, 695, ucast('v0', '10.9.0.2'), self, named, nameless);
    const sendAll = (): void => udp.transports.forEach((link) => link.send(text));
    await until('both lines', sendAll, () => heard.news.filter((said) => said.endsWith('self')).length === 2);
    sendAll();
    t.strictSame(new Set(heard.news), new Set([
      'ucast v0 10.9.0.1: self',
      'ucast lo localhost: self',
      'ucast v0 no-such-host.invalid: no-such-host.invalid cannot be resolved',
      // Until the answer of the resolver.
      ...(heard.news.includes('ucast lo localhost: localhost cannot be resolved') ? ['ucast lo localhost: localhost cannot be resolved'] : []),
    ]));
    other.tell({ send: 'from the peer', to: '10.9.0.1', port: 695 });
    await soon('the datagram', () => heard.frames.length > 0);
    t.strictSame(heard.frames, ['ucast v0 10.9.0.2: from the peer']);
  });

  await t.test('udp: strangers belong to no link, unless there is only one', async (t) => {
    const many = openPort(t, 696, ucast('v0', '10.9.0.77'), bcast('w0'));
    const single = openPort(t, 697, ucast('v0', '10.7.0.9'));
    await until('the ports', () => {
      other.tell({ send: 'stranger', to: '10.8.0.1', port: 697 });
    }, () => single.heard.frames.length > 0);
    t.equal(single.heard.frames[0], 'ucast v0 10.7.0.9: stranger');
    await until('a neighbour', () => {
      other.tell({ send: 'neighbour', to: '10.9.0.1', port: 696 });
    }, () => many.heard.frames.length > 0);
    t.equal(many.heard.frames[0], 'ucast v0 10.9.0.77: neighbour', 'by network, when no line names it');
  });

  await t.test('udp: multicast leaves through its own interface and joins one that comes late', async (t) => {
    ip('addr', 'flush', 'dev', 'w0');
    await other.ready({ join: '239.1.1.2', port: 7000, through: '10.8.0.2' });
    await other.ready({ join: '239.1.1.1', port: 7000, through: '10.9.0.2' });
    other.heard.length = 0;
    const mcast = (device: string, group: string): UdpSpec => ({
      kind: 'mcast', device, group, port: 7000, ttl: 1, loop: false,
    });
    const { udp, heard } = openPort(t, 7000, mcast('v0', '239.1.1.1'), mcast('w0', '239.1.1.2'));
    const sendAll = (): void => udp.transports.forEach((link) => link.send(text));
    await until('the first', sendAll, () => other.heard.some(({ from }) => from === '10.9.0.1'));
    t.strictSame(heard.news, ['mcast w0 239.1.1.2: interface w0 has no IPv4 address']);
    ip('addr', 'add', '10.8.0.5/24', 'dev', 'w0');
    await until('the second', sendAll, () => other.heard.some(({ from }) => from === '10.8.0.5'));
    t.equal(heard.news.at(-1), 'mcast w0 239.1.1.2: works');
    await until('what the other sends', () => {
      other.tell({ send: 'x', to: '239.1.1.1', port: 7000, from: '10.9.0.2' });
      other.tell({ send: 'y', to: '239.1.1.2', port: 7000, from: '10.8.0.2' });
    }, () => new Set(heard.frames).size >= 2);
    t.strictSame([...new Set(heard.frames)].sort(), ['mcast v0 239.1.1.1: x', 'mcast w0 239.1.1.2: y']);
  });
}

// --- the loopback is enough for these ------------------------------------------------------------

function testLoopback(t: Test): void {
  t.test('udp: a port that is taken is told, and opened when it is free', async (t) => {
    const taker = createSocket('udp4');
    taker.bind(0);
    await once(taker, 'listening');
    const { port } = taker.address();
    const { udp, heard } = openPort(t, port, ucast('lo', '127.0.0.2'));
    const name = 'ucast lo 127.0.0.2';
    await soon('the complaint', () => heard.news.length > 0);
    t.match(heard.news, [new RegExp(`^${name}: UDP port ${String(port)}: .*EADDRINUSE`)]);
    udp.transports[0]?.send(Buffer.from('nowhere to go'));
    await new Promise<void>((resolve) => taker.close(() => resolve()));
    await soon('the opening', () => heard.news.length > 1);
    t.strictSame(heard.news.slice(1), [`${name}: works`]);
  });

  t.test('udp: a closed port is silent, whatever is asked of it', async (t) => {
    const { udp, heard } = openPort(t, await freePort(), ucast('lo', '127.0.0.2'));
    const [link] = udp.transports;
    await link?.close();
    await link?.close();
    link?.send(Buffer.from('late'));
    t.strictSame(heard.news, []);
  });

  t.test('links: what comes in is counted, and reports reach their owner', async (t) => linksCase(t));
}

const KEYRING: Keyring = { signing: key('secret'), accepted: [key('secret')] };

function key(text: string): Keyring['signing'] {
  return { index: 1, method: 'sha256', key: text };
}

function report(node: string, change: Partial<Report> = {}): Report {
  return {
    node,
    generation: 1_700_000_000,
    sequence: 1,
    protocol: 1,
    digest: '0123456789abcdef',
    phase: 'up',
    mode: 'online',
    health: 'ok',
    groups: [],
    drbd: [],
    orders: [],
    outdateAsks: [],
    outdateWords: [],
    ...change,
  };
}

function signed(words: Report, secret = 'secret'): Uint8Array {
  const fields = encodeReport(words, { deadtimeMs: 1_500, wallSeconds: 1_700_000_000, ttl: 3 });
  return encodeDatagram(textFrame(fields), { signing: key(secret), accepted: [] });
}

async function linksCase(t: Test): Promise<void> {
  const port = await freePort();
  const reports: string[] = [];
  const foreign: string[] = [];
  const options: LinksOptions = {
    self: 'n1',
    specs: [ucast('lo', '127.0.0.2'), ucast('lo', '127.0.0.1')],
    udpPort: port,
    keyring: KEYRING,
    deadtimeMs: 1_500,
    ttl: 3,
    wallMs: () => 1_700_000_000_000,
    onReport: (link, { node, sequence }) => void reports.push(`${link}: ${node} ${String(sequence)}`),
    onForeign: (link, { kind, node }) => void foreign.push(`${link}: ${kind} ${String(node)}`),
    onTrouble: () => undefined,
    onSelf: () => undefined,
  };
  const links = new Links(options);
  t.teardown(async () => links.close());
  const peer = createSocket('udp4');
  t.teardown(() => peer.close());
  peer.bind({ address: '127.0.0.2', port: 0 });
  await once(peer, 'listening');
  const say = (bytes: Uint8Array): void => peer.send(bytes, port, '127.0.0.1');
  await until('the first report', () => say(signed(report('n2'))), () => reports.length > 0);
  const before = reports.length;
  say(signed(report('n2'), 'another'));
  say(Buffer.from('###\nnoise'));
  say(Buffer.alloc(0));
  say(Buffer.alloc(60_000, 0x78));
  say(signed(report('n1')));
  say(signed(report('n2', { protocol: 99 })));
  say(signed(report('n2', { sequence: 77 })));
  await soon('the last report', () => reports.at(-1)?.endsWith(' 77'));
  t.strictSame(reports.slice(before).filter((line) => !line.endsWith(' 1')), ['ucast lo 127.0.0.2: n2 77']);
  t.notMatch(reports.join(), 'n1', 'what a node hears of itself is no news');
  t.strictSame(foreign, ['ucast lo 127.0.0.2: otherProtocol n2']);
  links.send(report('n1'));
  links.send(report('n1'));
  const [counters, ...rest] = links.counters();
  t.match(counters, { name: 'ucast lo 127.0.0.2', sent: 2, badAuth: 1, malformed: 3 });
  t.strictSame(rest, [], 'the line of the node itself is no link');
}

// --- serial lines --------------------------------------------------------------------------------

interface Cable {
  readonly near: string;
  readonly far: string;
  readonly cut: () => Promise<void>;
}

async function cable(path: string): Promise<Cable> {
  const [near, far] = [join(path, 'near'), join(path, 'far')];
  const end = (name: string): string => `pty,raw,echo=0,link=${name}`;
  const child = spawn('socat', [end(near), end(far)], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await soon('the cable', () => textOf('/proc/self/stat') !== '' && exists(near) && exists(far));
  return {
    near,
    far,
    cut: async () => {
      child.kill('SIGKILL');
      await ended;
      for (const name of [near, far]) rmSync(name, { force: true });
    },
  };
}

function exists(path: string): boolean {
  return spawnSync('test', ['-c', path]).status === 0;
}

const frame = (text: string): Buffer => Buffer.from(`>>>\nx=${text}\n<<<\n`);
const line = (name: string, text: string): string => `${name}: >>>\nx=${text}\n<<<\n`;

/** What a terminal has for its reader now. */
function taken(descriptor: number): string {
  const buffer = Buffer.alloc(65_536);
  try {
    return buffer.toString('latin1', 0, readSync(descriptor, buffer));
  } catch {
    return '';
  }
}

function testSerial(t: Test): void {
  t.test('serial: both directions, noise, a cut and a new cable', async (t) => {
    const path = folder(t);
    const heard = ear();
    const transport = new SerialTransport('near', join(path, 'near'), 115_200, heard);
    t.teardown(async () => transport.close());
    transport.send(frame('too early'));
    await soon('the missing device', () => heard.news.length > 0);
    t.match(heard.news, [/near: .*(No such file|cannot open)/]);
    let wire = await cable(path);
    await soon('the opening', () => heard.news.at(-1) === 'near: works');
    const farEar = ear();
    const far = new SerialTransport('far', wire.far, 115_200, farEar);
    t.teardown(async () => far.close());
    await until('a frame', () => transport.send(frame('out')), () => farEar.frames.length > 0);
    t.equal(farEar.frames[0], line('far', 'out'));
    await until('a frame', () => far.send(frame('in')), () => heard.frames.length > 0);
    const raw = openSync(wire.far, constants.O_WRONLY | constants.O_NOCTTY);
    writeSync(raw, `\x00\xff\n>>>\nx=cut\n${String(frame('whole'))}`);
    closeSync(raw);
    await soon('the whole frame', () => heard.frames.at(-1) === line('near', 'whole'));
    t.ok(heard.noise.length > 0, 'the cut frame and the garbage are counted');
    t.equal(heard.news.length, 2);
    await wire.cut();
    await soon('the loss', () => heard.news.length === 3);
    t.not(heard.news[2], 'near: works');
    transport.send(frame('into the void'));
    wire = await cable(path);
    t.teardown(wire.cut);
    await soon('the second opening', () => heard.news.at(-1) === 'near: works');
    await soon('the second opening', () => farEar.news.at(-1) === 'far: works');
    const seen = farEar.frames.length;
    await until('a frame', () => transport.send(frame('again')), () => farEar.frames.length > seen);
    t.equal(farEar.frames.at(-1), line('far', 'again'));
    t.equal(descriptorsOn('/dev/pt'), 2, 'one descriptor for each end: nothing piled up');
  });

  t.test('serial: a line that nobody reads keeps only the newest and blocks nothing', async (t) => {
    const wire = await cable(folder(t));
    t.teardown(wire.cut);
    const heard = ear();
    const transport = new SerialTransport('near', wire.near, 19_200, heard);
    // A terminal that nobody has open would throw away what comes.
    const raw = openSync(wire.far, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    t.teardown(() => closeSync(raw));
    const read = (): string => taken(raw);
    let text = '';
    await until('the line', () => transport.send(frame('begin')), () => (text += read()).includes('begin'));
    const pad = '.'.repeat(2_000);
    let turns = 0;
    for (; turns < 200; turns += 1) {
      transport.send(frame(`${String(turns)}${pad}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    transport.send(frame('newest'));
    t.ok(process.memoryUsage().external < 100_000_000);
    await soon('the newest', () => (text += read()).includes('x=newest\n<<<\n'));
    const frames = text.split('<<<').length;
    t.ok(frames < 100, `${String(frames)} of 200 frames went out: what the kernel holds, no queue`);
    t.strictSame(heard.news, []);
    for (let more = 0; more < 50; more += 1) {
      transport.send(frame(`${String(more)}${pad}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const startedMs = performance.now();
    await transport.close();
    t.ok(performance.now() - startedMs < 10_000, 'closing does not wait for the reader');
  });
}

function testStuckLine(t: Test): void {
  t.test('serial: what a stuck line holds is thrown away, and said once', async (t) => {
    const wire = await cable(folder(t));
    t.teardown(wire.cut);
    const heard = ear();
    const transport = new SerialTransport('near', wire.near, 19_200, heard, 100);
    t.teardown(async () => transport.close());
    const raw = openSync(wire.far, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    t.teardown(() => closeSync(raw));
    const pad = '.'.repeat(2_000);
    const send = (): void => transport.send(frame(pad));
    await until('the line to be stuck', send, () => heard.news.length > 0);
    t.match(heard.news, [/^near: it has taken nothing for 100 ms/]);
    let text = '';
    const read = (): string => taken(raw);
    await until('it to go on', () => transport.send(frame('fresh')), () => (text += read()).includes('x=fresh\n<<<'));
    await soon('the good news', () => heard.news.length === 2);
    t.equal(heard.news[1], 'near: works');
  });
}

function descriptorsOn(prefix: string): number {
  const listed = spawnSync('ls', ['-l', `/proc/${String(process.pid)}/fd`], { encoding: 'utf8' });
  return listed.stdout.split('\n').filter((entry) => entry.includes(`-> ${prefix}`)).length;
}

// -------------------------------------------------------------------------------------------------

const network = networkOf();
if (network === 'startable') {
  await spawnInOwnNetwork(t, import.meta.url);
} else {
  const networks = network === 'own' ? {} : { skip: 'it takes the right to make a network namespace' };
  const socat = spawnSync('socat', ['-V']).status === 0 ? {} : { skip: 'socat is not installed' };
  t.test('networks', networks, async (t) => testNetworks(t));
  t.test('loopback', (t) => {
    testLoopback(t);
    t.end();
  });
  t.test('serial lines', socat, (t) => {
    testSerial(t);
    testStuckLine(t);
    t.end();
  });
}
