import fc from 'fast-check';
import t from 'tap';

import { decode, encodeSerial } from '../../src/heartbeat/codec.js';
import { createDeframer, push, type DeframerState } from '../../src/heartbeat/deframer.js';
import { textFrame, type Frame } from '../../src/heartbeat/frame.js';
import type { Keyring } from '../../src/heartbeat/keyring.js';

const signing = { index: 1, method: 'sha256', key: 'line' } as const;
const keyring: Keyring = { signing, accepted: [signing] };
const status = (seq: number): Frame => textFrame([['t', 'status'], ['seq', seq.toString(16)]]);

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (raw: Uint8Array): string => Buffer.from(raw).toString('latin1');
const frameText = (seq: number): string => text(encodeSerial(status(seq), keyring));

interface Run {
  readonly frames: readonly string[];
  readonly skippedBytes: number;
  readonly oversizedFrames: number;
  readonly pendingBytes: number;
  /** Most bytes ever held between two reads. */
  readonly heldBytesMax: number;
}

/** Feeds a stream in pieces of the given sizes, the last size repeated. */
function run(stream: string, sizes: readonly number[], limitBytes?: number): Run {
  let state: DeframerState = createDeframer(limitBytes);
  const frames: string[] = [];
  let [skippedBytes, oversizedFrames, heldBytesMax] = [0, 0, 0];
  for (let position = 0, turn = 0; position < stream.length; turn += 1) {
    const size = Math.max(1, sizes[Math.min(turn, sizes.length - 1)] ?? 1);
    const read = push(state, bytes(stream.slice(position, position + size)));
    position += size;
    state = read.state;
    frames.push(...read.frames.map(text));
    skippedBytes += read.skippedBytes;
    oversizedFrames += read.oversizedFrames;
    heldBytesMax = Math.max(heldBytesMax, state.frame.length + state.line.length);
  }
  const pendingBytes = state.frame.length + state.line.length;
  return { frames, skippedBytes, oversizedFrames, pendingBytes, heldBytesMax };
}

/** The frames of a stream whose signature is right. */
const authentic = (frames: readonly string[]): readonly string[] =>
  frames.filter((frame) => decode(bytes(frame), keyring).ok);

t.test('deframer: frames in a clean stream (split at every byte)', (t) => {
  const stream = frameText(1) + frameText(2) + frameText(3);
  const expected = [frameText(1), frameText(2), frameText(3)];
  for (let cut = 1; cut < stream.length; cut += 1) {
    const { frames, skippedBytes } = run(stream, [cut, stream.length]);
    if (frames.join() !== expected.join() || skippedBytes !== 0) t.fail(`cut at ${cut}`);
  }
  t.same(run(stream, [1]).frames, expected, 'one byte at a time');
  t.end();
});

t.test('deframer: what a line does to frames (table)', (t) => {
  const [one, two] = [frameText(1), frameText(2)];
  const rows: readonly (readonly [string, string, readonly string[], number])[] = [
    ['noise before', `\xff\x00abc\n${one}`, [one], 6],
    ['noise on the >>> line itself', `\x80\x13${one}`, [one], 2],
    ['noise after >>>', one.replace('>>>\n', '>>>~~\n'), [one], 2],
    ['NUL after each frame', `${one}\0${two}\0`, [one, two], 1],
    ['carriage returns', (one + two).replaceAll('\n', '\r\n'), [one, two], 0],
    ['empty lines between', `\n\n${one}\n${two}`, [one, two], 3],
    ['attached in the middle of a frame', one.slice(9) + two, [two], one.length - 9],
    ['a frame without its end', one.slice(0, -4) + two, [two], one.length - 4],
    ['an end without a frame', `<<<\n${one}`, [one], 4],
    ['only a start', '>>>\n', [], 0],
    ['nothing', '', [], 0],
  ];
  for (const [name, stream, frames, skippedBytes] of rows) {
    for (const sizes of [[1], [5], [stream.length]]) {
      t.match(run(stream, sizes), { frames, skippedBytes, oversizedFrames: 0 }, name);
    }
  }
  t.end();
});

t.test('deframer: a value that ends in >>> or <<< starts and ends nothing', (t) => {
  const fields = textFrame([['t', 'status'], ['info', 'a>>>'], ['x', '<<<']]);
  const frame = text(encodeSerial(fields, keyring));
  t.same(run(frame + frame, [3]).frames, [frame, frame]);
  t.end();
});

t.test('deframer: garbage inside a frame costs that frame only', (t) => {
  const damaged = frameText(1).replace('t=status', 't=st\xc3\x28\ntus');
  const { frames } = run(damaged + frameText(2), [4]);
  t.same(authentic(frames), [frameText(2)], 'the damaged one does not verify');
  t.end();
});

t.test('deframer: a frame above the limit is dropped and counted (in lines, in one line)', (t) => {
  const limitBytes = 256;
  const lines = `>>>\n${'name=value\n'.repeat(100)}<<<\n`;
  const oneLine = `>>>\nname=${'v'.repeat(2_000)}\n<<<\n`;
  const endless = 'x'.repeat(5_000);
  for (const [name, flood, oversized] of [
    ['lines', lines, 1],
    ['one line', oneLine, 1],
    ['no frame, no newline', endless, 0],
  ] as const) {
    const stream = `${flood}\n${frameText(2)}`;
    for (const size of [1, 100, stream.length]) {
      const result = run(stream, [size], limitBytes);
      t.same(result.frames, [frameText(2)], `${name}: the next frame is found (steps of ${size})`);
      t.equal(result.oversizedFrames, oversized, `${name}: counted`);
      t.equal(result.skippedBytes, flood.length + 1, `${name}: every byte of it is skipped`);
      t.ok(result.heldBytesMax <= limitBytes, `${name}: never holds more than the limit`);
    }
  }
  for (let length = limitBytes - 5; length <= limitBytes + 5; length += 1) {
    const { frames } = run('x'.repeat(length) + frameText(2), [1], limitBytes);
    t.same(frames, [frameText(2)], `>>> right after ${length} bytes of noise is found`);
  }
  const exact = frameText(2);
  t.same(run(exact, [7], exact.length).frames, [exact], 'exactly the limit is accepted');
  t.match(run(exact, [7], exact.length - 1), { frames: [], oversizedFrames: 1 }, 'one less is not');
  t.end();
});

/** Streams of frames, pieces of frames and noise rich in the bytes that matter. */
const noise = fc.string({ unit: fc.constantFrom('>', '<', '\n', '\r', '\0', '=', 'a', '\xff') });
const piece = fc.oneof(
  noise,
  fc.nat(30).map(frameText),
  fc.tuple(fc.nat(30), fc.nat(120)).map(([seq, cut]) => frameText(seq).slice(cut)),
  fc.tuple(fc.nat(30), fc.nat(120)).map(([seq, cut]) => frameText(seq).slice(0, cut)),
);
const stream = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 });

t.test('deframer: property: how a stream is split changes nothing', (t) => {
  fc.assert(
    fc.property(stream, sizes, (stream, sizes) => {
      const whole = run(stream, [Math.max(1, stream.length)]);
      const split = run(stream, sizes);
      return split.frames.join('|') === whole.frames.join('|')
        && split.skippedBytes === whole.skippedBytes;
    }),
  );
  t.end();
});

t.test('deframer: property: every byte is in a frame, skipped or pending', (t) => {
  fc.assert(
    fc.property(stream, sizes, fc.integer({ min: 16, max: 300 }), (stream, sizes, limitBytes) => {
      const { frames, skippedBytes, pendingBytes, heldBytesMax } = run(stream, sizes, limitBytes);
      const total = frames.join('').length + skippedBytes + pendingBytes;
      return total === stream.replaceAll('\r', '').length
        && heldBytesMax <= limitBytes
        && frames.every((frame) => frame.length <= limitBytes);
    }),
  );
  t.end();
});

t.test('deframer: property: a whole frame on lines of its own is never lost', (t) => {
  fc.assert(
    fc.property(stream, fc.nat(30), stream, sizes, (before, seq, after, sizes) => {
      const { frames } = run(`${before}\n${frameText(seq)}${after}`, sizes);
      return authentic(frames).includes(frameText(seq));
    }),
  );
  t.end();
});
