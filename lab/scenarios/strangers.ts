// What anybody on the network could send to the daemons.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { encodeDatagram } from '../../src/heartbeat/codec.js';
import { textField } from '../../src/heartbeat/frame.js';
import { daemonLog, isOk, status } from '../cluster.js';
import type { LabNode } from '../node.js';
import type { Scenario } from './play.js';
import { linkOf, nodeOf } from './seen.js';
import type { Stage } from './stage.js';

const HEARTBEAT_PORT = 694;

/** Hears what the nodes say to each other on the public network, for `ms`. */
async function eavesdrop(stage: Stage, ms: number): Promise<readonly Buffer[]> {
  const heard: Buffer[] = [];
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (bytes) => heard.push(bytes));
  await new Promise<void>((resolve) => socket.bind(HEARTBEAT_PORT, resolve));
  await stage.pass(ms);
  socket.close();
  return heard;
}

async function sendAll(
  socket: Socket,
  node: LabNode,
  datagrams: readonly Uint8Array[],
): Promise<void> {
  for (const bytes of datagrams) {
    await new Promise<void>((resolve, reject) => {
      socket.send(bytes, HEARTBEAT_PORT, node.addresses.public, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }
}

/** What a stranger without the key could send. */
function forgeries(captured: Buffer): readonly Uint8Array[] {
  const key = { index: 1, method: 'sha256', key: 'not-the-key-of-this-cluster' } as const;
  const fields = [
    ['t', 'status'],
    ['src', 'n2'],
    ['st', 'dead'],
    ['seq', 'fffffff'],
  ] as const;
  const frame = fields.map(([name, value]) => textField(name, value));
  const altered = Buffer.from(captured);
  altered.write('n3', altered.indexOf('n2'));
  return [encodeDatagram(frame, { signing: key, accepted: [key] }), altered];
}

function malformations(captured: Buffer): readonly Uint8Array[] {
  const whole = captured.length;
  return [
    Buffer.alloc(0),
    Buffer.from('###\n'),
    Buffer.from('>>>\nt=status\n'),
    ...[5, 60, whole - 1].map((length) => captured.subarray(0, length)),
    Buffer.concat([Buffer.from('###\n99999999999999:'), captured]),
    randomBytes(1_400),
    Buffer.alloc(60_000, '#'),
  ];
}

const FLOOD = 3_000;

/** Datagrams and bytes that come from nobody of the cluster. */
export const strangers: Scenario = {
  title: 'frames: garbage, truncated, oversized, forged and replayed (dropped, counted, no harm)',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.have('n1');
    const heard = await eavesdrop(stage, 1_500);
    const ofN2 = heard.filter((bytes) => bytes.includes('src=n2'));
    stage.fact('real datagrams were captured', ofN2.length > 2, heard.length);
    const [captured] = ofN2;
    if (captured === undefined) return;
    const counters = async (): Promise<ReturnType<typeof linkOf>> => {
      const seen = await status(n1);
      return seen === null ? undefined : linkOf(seen, 'bcast vec0');
    };
    const before = await counters();
    const socket = createSocket('udp4');
    const dropped = (at: typeof before): number => (at?.malformed ?? 0) + (at?.badAuth ?? 0);
    const { length: bad } = malformations(captured);
    await sendAll(socket, n1, malformations(captured));
    await stage.waitFor(
      'all to be dropped',
      async () => dropped(await counters()) - dropped(before) >= bad,
    );
    const spoilt = await counters();
    stage.fact('each is counted', dropped(spoilt) - dropped(before) === bad, { before, spoilt });
    const { length: forged } = forgeries(captured);
    await sendAll(socket, n1, forgeries(captured));
    await stage.waitFor(
      'forgeries',
      async () => dropped(await counters()) - dropped(spoilt) >= forged,
    );
    const accused = await counters();
    const lies = (accused?.badAuth ?? 0) - (spoilt?.badAuth ?? 0);
    stage.fact('forgeries are counted as such', lies === forged, { spoilt, accused });
    await sendAll(socket, n1, ofN2);
    await stage.waitFor('replays', async () => ((await counters())?.replayed ?? 0) >= ofN2.length);
    const after = await counters();
    stage.fact('replays are counted as such', after?.replayed === ofN2.length, after);
    stage.fact(
      'and change nothing',
      nodeOf(await stage.until(n1, 'well', isOk), 'n2')?.state === 'up',
    );
    const garbage = Array.from({ length: FLOOD }, () => randomBytes(200));
    for (const node of [n1, n2]) await sendAll(socket, node, garbage);
    socket.close();
    await n2.must('head -c 5000 /dev/urandom > /dev/ttyS1');
    await stage.waitFor('noise on the serial line', async () => {
      const seen = await status(n1);
      return seen !== null && (linkOf(seen, 'serial /dev/ttyS1')?.malformed ?? 0) > 0;
    });
    await stage.until(n1, 'all links up', (s) => isOk(s) && s.links.every((l) => l.state === 'up'));
    const defects = (await daemonLog(n1)).filter(({ level }) => level === 'error');
    stage.fact('nothing of it is an error', defects.length === 0, defects);
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
  },
};
