/**
 * How many status frames a second one core writes and reads. Prints the median of five runs for
 * each method and framing. Run: npm run build && node dist/bench/codec.js
 */
import { decode, encodeDatagram, encodeSerial } from '../src/heartbeat/codec.js';
import { bytesField, textField, textFrame, type Frame } from '../src/heartbeat/frame.js';
import type { AuthMethod, Keyring } from '../src/heartbeat/keyring.js';

const FRAME_BYTES = 600;
const RUNS = 5;
const RUN_MS = 300;
const BATCH = 200;

/** A status of ours with a group and a DRBD resource, padded to the wanted size on the wire. */
function statusFrame(keyring: Keyring): Frame {
  const frame = [
    ...textFrame([
      ['t', 'status'],
      ['st', 'active'],
      ['dt', '5dc'],
      ['protocol', '1'],
      ['src', 'alpha'],
    ]),
    bytesField('srcuuid', Uint8Array.from({ length: 16 }, (_, index) => index * 15)),
    ...textFrame([
      ['seq', '1f4'],
      ['hg', '6b00ef27'],
      ['ts', '6b00f35b'],
      ['ld', '0.52 1.25 0.87 1/108 3040'],
      ['ttl', '3'],
      ['tv', '1'],
      ['tm', 'online'],
      ['tg.mysql', 'started 3 claim=3/1'],
      ['td.r0', 'Primary UpToDate Connected'],
    ]),
  ];
  const withPadding = (length: number): Frame => [...frame, textField('tc', 'c'.repeat(length))];
  let padding = 0;
  while (encodeDatagram(withPadding(padding), keyring).length < FRAME_BYTES) padding += 1;
  return withPadding(padding);
}

/** Calls a second of one run. */
function rate(call: () => void): number {
  const start = performance.now();
  let calls = 0;
  let elapsedMs = 0;
  while (elapsedMs < RUN_MS) {
    for (let turn = 0; turn < BATCH; turn += 1) call();
    calls += BATCH;
    elapsedMs = performance.now() - start;
  }
  return (calls / elapsedMs) * 1_000;
}

/** The median of five runs, after one that warms up. */
function medianRate(call: () => void): number {
  rate(call);
  const rates = Array.from({ length: RUNS }, () => rate(call)).sort((a, b) => a - b);
  return rates[Math.floor(RUNS / 2)] ?? 0;
}

function measure(method: AuthMethod): void {
  const signing = { index: 1, method, key: 'benchmark' };
  const keyring: Keyring = { signing, accepted: [signing] };
  const frame = statusFrame(keyring);
  for (const [framing, encode] of [
    ['netstring', encodeDatagram],
    ['classic', encodeSerial],
  ] as const) {
    const wire = encode(frame, keyring);
    const encodeRate = medianRate(() => encode(frame, keyring));
    const decodeRate = medianRate(() => decode(wire, keyring));
    const [written, read] = [encodeRate, decodeRate].map((each) => Math.round(each));
    console.log(
      `${method.padEnd(6)} ${framing.padEnd(9)} ${wire.length} bytes: ` +
        `encode ${written ?? 0}/s, decode ${read ?? 0}/s`,
    );
  }
}

for (const method of ['sha1', 'sha256'] as const) measure(method);
