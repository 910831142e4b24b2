/**
 * Real traffic of Heartbeat 3.0.6 through the codec. The captures are not part of the project; they
 * are looked for beside it, or where TANDEM_SAMPLES says, and the test is skipped without them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { decode, encodeDatagram, encodeSerial } from '../../src/heartbeat/codec.js';
import { createDeframer, push } from '../../src/heartbeat/deframer.js';
import type { Frame } from '../../src/heartbeat/frame.js';
import type { AuthMethod, Keyring } from '../../src/heartbeat/keyring.js';
import { encodeNetstring } from '../../src/heartbeat/netstring.js';

const samples =
  process.env['TANDEM_SAMPLES'] ??
  fileURLToPath(new URL('../../../shared/samples', import.meta.url));
const folder = `${samples}/hb-wire`;
const skip = existsSync(`${folder}/manifest.json`) ? false : `no captures in ${folder}`;

interface KeyOf {
  readonly method: AuthMethod;
  readonly key?: string;
  readonly authIndex: number;
}
type RawField = readonly [type: number, name: string, value: string];
interface Sample extends KeyOf {
  readonly file: string;
  readonly fields?: readonly RawField[];
  readonly innerAuth?: boolean;
}
interface Capture extends KeyOf {
  readonly dir: string;
  readonly outerOk?: number;
}
interface Datagram {
  readonly n: number;
  readonly hex: string;
  readonly format: string;
  readonly fields?: readonly RawField[];
  readonly innerAuthOk?: boolean | null;
}
interface Manifest {
  readonly captures: readonly Capture[];
  readonly samples: readonly Sample[];
}

const manifest: Manifest =
  skip === false
    ? (JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as Manifest)
    : { captures: [], samples: [] };

function keyringOf({ method, key = '', authIndex: index }: KeyOf): Keyring {
  const signing = { index, method, key };
  return { signing, accepted: [signing] };
}

/** Fields as the captures list them: binary in hexadecimal, without the signature. */
function rawFields(frame: Frame): readonly RawField[] {
  return frame.map(({ type, name, value }) => [
    type,
    name,
    typeof value === 'string' ? value : Buffer.from(value).toString('hex'),
  ]);
}
const unsigned = (fields: readonly RawField[] | undefined): readonly RawField[] =>
  (fields ?? []).filter(([, name]) => name !== 'auth');

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The bytes again from the frame, in the framing and with the tokens that the original had. */
function reencode(original: Uint8Array, frame: Frame, keyring: Keyring, inner: boolean): string {
  if (original[0] === 0x3e) {
    const nul = original.at(-1) === 0 ? '00' : '';
    return hex(encodeSerial(frame, keyring)) + nul;
  }
  return hex(inner ? encodeDatagram(frame, keyring) : encodeNetstring(frame, keyring.signing));
}

t.test('captures: every sample decodes, verifies and re-encodes to its bytes', { skip }, (t) => {
  let accepted = 0;
  for (const sample of manifest.samples) {
    const bytes = readFileSync(`${folder}/${sample.file}`);
    const keyring = keyringOf(sample);
    const result = decode(bytes, keyring);
    if (!result.ok) {
      t.fail(`${sample.file}: ${result.reason}: ${result.detail}`);
      continue;
    }
    accepted += 1;
    t.equal(result.keyIndex, sample.authIndex);
    t.equal(result.method, sample.method);
    if (sample.fields !== undefined) {
      t.same(rawFields(result.frame), unsigned(sample.fields), sample.file);
    }
    const again = reencode(bytes, result.frame, keyring, sample.innerAuth === true);
    t.equal(again, hex(bytes), `${sample.file} re-encoded`);
  }
  t.ok(accepted >= 86, `${accepted} samples`);
  t.end();
});

t.test('captures: refused with another key, index or method', { skip }, (t) => {
  const rejected = readFileSync(`${folder}/samples/injected-REJECTED__netstr-badkey.bin`);
  const cluster = keyringOf({ method: 'sha1', key: 'TestKey-0123', authIndex: 1 });
  t.match(decode(rejected, cluster), { ok: false, reason: 'badAuth' }, 'as the real daemon did');
  for (const sample of manifest.samples) {
    const bytes = readFileSync(`${folder}/${sample.file}`);
    const index = sample.authIndex + 1;
    const otherIndex = decode(bytes, keyringOf({ ...sample, authIndex: index }));
    if (otherIndex.ok || otherIndex.reason !== 'unknownKey') t.fail(`${sample.file}: other index`);
    const otherKey = { method: 'sha256', key: 'other', authIndex: sample.authIndex } as const;
    const wrong = decode(bytes, keyringOf(otherKey));
    if (wrong.ok || wrong.reason !== 'badAuth') t.fail(`${sample.file}: other key`);
  }
  t.end();
});

for (const dir of ['bcast-sha1', 'ucast-md5-netstring', 'stonith-null']) {
  t.test(`captures: every datagram of ${dir}`, { skip }, (t) => {
    const capture = manifest.captures.find((each) => each.dir === dir)!;
    const keyring = keyringOf(capture);
    const lines = readFileSync(`${folder}/${dir}/datagrams.jsonl`, 'utf8').trim().split('\n');
    let accepted = 0;
    for (const line of lines) {
      const datagram = JSON.parse(line) as Datagram;
      if (datagram.format !== 'netstring') continue;
      const bytes = Buffer.from(datagram.hex, 'hex');
      const result = decode(bytes, keyring);
      if (!result.ok) {
        t.fail(`datagram ${datagram.n}: ${result.reason}: ${result.detail}`);
        continue;
      }
      accepted += 1;
      const fields = JSON.stringify(rawFields(result.frame));
      if (fields !== JSON.stringify(unsigned(datagram.fields))) {
        t.fail(`datagram ${datagram.n}: fields differ`);
      }
      const again = reencode(bytes, result.frame, keyring, datagram.innerAuthOk === true);
      if (again !== datagram.hex) t.fail(`datagram ${datagram.n} re-encodes differently`);
    }
    t.equal(accepted, capture.outerOk, 'all that the capture calls authentic');
    t.end();
  });
}

t.test('captures: both serial streams (split anywhere)', { skip }, (t) => {
  const capture = manifest.captures.find(({ dir }) => dir === 'serial-sha1')!;
  const keyring = keyringOf(capture);
  for (const side of ['alpha', 'beta']) {
    const stream = readFileSync(`${folder}/serial-sha1/from-${side}.raw`);
    // The manifest says 67 a side; the streams hold 72 and 77, so the streams are counted.
    const messages = stream.toString('latin1').split('\n<<<\n').length - 1;
    t.ok(messages > 67, `${side}: ${messages} messages`);
    for (const step of [1, 7, 512, stream.length]) {
      let state = createDeframer();
      let skipped = 0;
      let position = 0;
      const again: string[] = [];
      for (; position < stream.length; position += step) {
        const read = push(state, stream.subarray(position, position + step));
        state = read.state;
        skipped += read.skippedBytes;
        for (const candidate of read.frames) {
          const result = decode(candidate, keyring);
          if (result.ok) again.push(hex(encodeSerial(result.frame, keyring)));
          else t.fail(`${side}: ${result.reason}: ${result.detail}`);
        }
      }
      t.equal(again.length, messages, `${side}: all messages in steps of ${step}`);
      t.equal(skipped, 0, `${side}: nothing skipped`);
      t.ok(again.join('') === hex(stream), `${side}: the stream again, byte for byte`);
    }
  }
  t.end();
});
