import fc from 'fast-check';
import t from 'tap';

import { bytesOf, byteStringOf } from '../../src/heartbeat/byte-string.js';
import { decode, encodeDatagram, encodeSerial } from '../../src/heartbeat/codec.js';
import type { DecodeResult } from '../../src/heartbeat/decode-result.js';
import {
  MAX_FIELDS,
  MAX_FRAME_BYTES,
  MAX_NAME_BYTES,
  UNFRAGMENTED_FRAME_BYTES,
  bytesField,
  fieldBytes,
  fieldText,
  isFieldName,
  textField,
  textFields,
  textFrame,
  type Field,
  type Frame,
} from '../../src/heartbeat/frame.js';
import type { AuthKey, AuthMethod, Keyring } from '../../src/heartbeat/keyring.js';
import { encodeNetstring } from '../../src/heartbeat/netstring.js';
import { sign } from '../../src/heartbeat/signature.js';

const METHODS: readonly AuthMethod[] = ['crc', 'md5', 'sha1', 'sha256'];

function ringOf(method: AuthMethod, key = 'Correct-Horse', index = 1): Keyring {
  const signing: AuthKey = { index, method, key: method === 'crc' ? '' : key };
  return { signing, accepted: [signing] };
}
const ring = ringOf('sha256');

/** Signs fields that no encoder would write. */
function signedNetstring(fields: string, { signing }: Keyring = ring): Uint8Array {
  const signed = `###\n${fields}%%%\n`;
  const token = sign(bytesOf(signed), signing);
  return bytesOf(`${signed}${token.length}:${token},`);
}
function signedClassic(lines: string, { signing }: Keyring = ring): Uint8Array {
  return bytesOf(`>>>\n${lines}auth=${sign(bytesOf(lines), signing)}\n<<<\n`);
}
const netstring = (content: string): string => `${content.length}:${content},`;

function frameOf(result: DecodeResult): Frame {
  if (!result.ok) throw new Error(`refused: ${result.reason}: ${result.detail}`);
  return result.frame;
}

/** Both framings of a frame. */
const ENCODERS = [
  ['netstring', encodeDatagram],
  ['classic', encodeSerial],
] as const;

const ALPHA = Uint8Array.from(Buffer.from('jdm6lD6DRQuiWkao6RnxKw==', 'base64'));
const ALPHA_RAW = byteStringOf(ALPHA);
const status = textFrame([
  ['t', 'status'],
  ['st', 'active'],
  ['src', 'alpha'],
  ['seq', '11'],
]).concat(bytesField('srcuuid', ALPHA));

// ---- What Heartbeat 3.0.6 itself sent

t.test('codec: `starting` as Heartbeat sends it (sha1, both tokens)', (t) => {
  const keyring = ringOf('sha1', 'GoldenKey');
  const wire =
    '###\n13:(0)t=starting,12:(0)src=alpha,' +
    `27:(1)srcuuid=${ALPHA_RAW},9:(0)seq=11,14:(0)hg=6b00ef27,14:(0)ts=6b00f35b,` +
    '31:(0)ld=1.57 1.09 0.89 4/125 6197,8:(0)ttl=3,' +
    '50:(0)auth=1 ef9bb4772c3537f898e3b5cf7f595c629b11e5f6,%%%\n' +
    '42:1 8b5f5fcf2150dc0535cfc6fecd53cb1b68e371a2,';
  t.equal(wire.length, 266);
  const result = decode(bytesOf(wire), keyring);
  t.match(result, { ok: true, keyIndex: 1, method: 'sha1' });
  const expected: Frame = [
    textField('t', 'starting'),
    textField('src', 'alpha'),
    bytesField('srcuuid', ALPHA),
    textField('seq', '11'),
    textField('hg', '6b00ef27'),
    textField('ts', '6b00f35b'),
    textField('ld', '1.57 1.09 0.89 4/125 6197'),
    textField('ttl', '3'),
  ];
  t.strictSame(frameOf(result), expected);
  t.equal(byteStringOf(encodeDatagram(expected, keyring)), wire);
  t.end();
});

t.test('codec: `NS_st` (md5, index 2) and `status` (crc) as Heartbeat sends them', (t) => {
  const rows: readonly (readonly [string, Keyring, string])[] = [
    [
      'md5',
      ringOf('md5', 'Secret-Key-md5', 2),
      '###\n10:(0)t=NS_st,10:(0)st=ping,12:(0)info=ping,18:(0)src=10.77.0.254,' +
        '14:(0)ts=6b00f082,42:(0)auth=2 99151e598f983e4a0bb5fdfcf8226f00,%%%\n' +
        '34:2 b4e180bfda32f1402faaccfa3db85a2e,',
    ],
    [
      'crc',
      ringOf('crc'),
      '###\n11:(0)t=status,12:(0)st=active,10:(0)dt=1388,13:(0)protocol=1,12:(0)src=alpha,' +
        `27:(1)srcuuid=${ALPHA_RAW},9:(0)seq=10,14:(0)hg=6b00ef0d,14:(0)ts=6b00f137,` +
        '31:(0)ld=0.52 1.25 0.87 1/108 3040,8:(0)ttl=3,18:(0)auth=1 b0a44b67,%%%\n' +
        '10:1 abe06b78,',
    ],
  ];
  for (const [name, keyring, wire] of rows) {
    const frame = frameOf(decode(bytesOf(wire), keyring));
    t.equal(byteStringOf(encodeDatagram(frame, keyring)), wire, name);
  }
  t.end();
});

t.test('codec: classic text as Heartbeat accepts it (with and without NUL)', (t) => {
  const keyring = ringOf('sha1', 'TestKey-0123');
  const wire =
    '>>>\nt=status\nst=init\ndt=fa0\nprotocol=1\nsrc=alpha\n' +
    '(1)srcuuid=FEyd76wElpx7+tjvqo6hlA==\nseq=1\nhg=6b021aa1\nts=6b00f061\n' +
    'ld=0.00 0.01 0.05 1/99 77\nttl=3\nauth=1 0f200118b2e5cefef9e4e5542e4639f7f0baff68\n<<<\n';
  const frame = frameOf(decode(bytesOf(wire), keyring));
  t.equal(fieldText(frame, 'ld'), '0.00 0.01 0.05 1/99 77');
  t.equal(fieldBytes(frame, 'srcuuid')?.length, 16);
  t.equal(byteStringOf(encodeSerial(frame, keyring)), wire);
  t.strictSame(frameOf(decode(bytesOf(`${wire}\0`), keyring)), frame);
  t.match(decode(bytesOf(`${wire}\0\0`), keyring), { ok: false, reason: 'truncated' });
  t.end();
});

// ---- Frames

t.test('frame: lookup by name (first wins, duplicates kept, __proto__ is a name)', (t) => {
  const frame: Frame = [
    textField('__proto__', 'polluted'),
    textField('constructor', 'x'),
    textField('t', 'first'),
    textField('t', 'second'),
    bytesField('b', ALPHA),
    textField('b', 'late'),
  ];
  for (const [name, encode] of ENCODERS) {
    const again = frameOf(decode(encode(frame, ring), ring));
    t.strictSame(again, frame, name);
    t.equal(fieldText(again, 't'), 'first');
    t.equal(fieldText(again, 'absent'), undefined);
    t.equal(fieldText(again, 'toString'), undefined);
    t.equal(fieldText(again, '__proto__'), 'polluted');
    t.equal(fieldText(again, 'b'), undefined, 'the first b is binary');
    t.strictSame(fieldBytes(again, 'b'), ALPHA);
    t.equal(fieldBytes(again, 't'), undefined);
    t.strictSame([...textFields(again)], [
      ['__proto__', 'polluted'],
      ['constructor', 'x'],
      ['t', 'first'],
    ]);
  }
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
  t.end();
});

t.test('frame: names that can travel', (t) => {
  for (const name of ['t', 'tg.mysql', '_compression_algorithm', '#', 'a:b', '%%%']) {
    t.ok(isFieldName(name), name);
  }
  for (const name of ['', ' ', 'a b', 'a=b', '(1)a', '>>>', '<<<', 'a\nb', 'é', '\x7f', '\0']) {
    t.notOk(isFieldName(name), JSON.stringify(name));
    t.throws(() => encodeDatagram([textField(name, '')], ring), { name: 'AssertionFailure' });
    t.throws(() => encodeSerial([textField(name, '')], ring), { name: 'AssertionFailure' });
    t.throws(() => encodeNetstring([textField(name, '')], ring.signing), {
      name: 'AssertionFailure',
    });
  }
  t.ok(isFieldName('n'.repeat(MAX_NAME_BYTES)));
  t.notOk(isFieldName('n'.repeat(MAX_NAME_BYTES + 1)));
  t.end();
});

t.test('codec: what our own program must not send (opaque, auth, too many, too large)', (t) => {
  const opaque: Field = { name: 'list', type: 3, value: ALPHA };
  const large = Array.from({ length: 2 }, () => textField('v', 'x'.repeat(MAX_FRAME_BYTES / 2)));
  const rows: readonly (readonly [string, Frame])[] = [
    ['opaque', [opaque]],
    ['auth', [textField('auth', '1 00')]],
    ['too many', Array.from({ length: MAX_FIELDS + 1 }, () => textField('n', ''))],
    ['too large', large],
  ];
  for (const [name, frame] of rows) {
    t.throws(() => encodeDatagram(frame, ring), { name: 'AssertionFailure' }, name);
    t.throws(() => encodeSerial(frame, ring), { name: 'AssertionFailure' }, name);
  }
  t.ok(encodeDatagram(status, ring).length < UNFRAGMENTED_FRAME_BYTES);
  t.end();
});

// ---- Round trips

const nameUnit = fc.constantFrom('a', 'Z', '0', '9', '_', '.', '#', '%', ':', '*', '-', '~', '$');
const nameArb = fc
  .string({ unit: nameUnit, minLength: 1, maxLength: 20 })
  .map((name) => (name === 'auth' ? 'Auth' : name));
const binaryArb = fc.tuple(nameArb, fc.uint8Array({ maxLength: 40 })).map(
  ([name, value]): Field => bytesField(name, Uint8Array.from(value)),
);
/** Text rich in what the framings use, and any other character. */
const textArb = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: fc.constantFrom('%', '\n', '<', '>', ',', '=', '#', '(', '1', ':', '\ufeff') }),
);
const anyFrame = (text: fc.Arbitrary<string>): fc.Arbitrary<Frame> =>
  fc.array(
    fc.oneof(fc.tuple(nameArb, text).map(([name, value]) => textField(name, value)), binaryArb),
    { maxLength: 30 },
  );
const ringArb = fc
  .tuple(fc.constantFrom(...METHODS), fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 15 }))
  .map(([method, key, index]) => ringOf(method, key, index));

t.test('codec: property: a datagram yields the frame that was sent', (t) => {
  fc.assert(
    fc.property(anyFrame(textArb), ringArb, (frame, keyring) => {
      return t.strictSame(decode(encodeDatagram(frame, keyring), keyring), {
        ok: true,
        keyIndex: keyring.signing.index,
        method: keyring.signing.method,
        frame,
      });
    }),
  );
  t.end();
});

t.test('codec: property: a serial frame yields the frame (but for three control bytes)', (t) => {
  fc.assert(
    fc.property(anyFrame(textArb), ringArb, (frame, keyring) => {
      const expected = frame.map((field) =>
        typeof field.value === 'string'
          ? // eslint-disable-next-line no-control-regex -- these are the three
            textField(field.name, field.value.replace(/[\x00\r\x13]/g, '?'))
          : field,
      );
      const wire = encodeSerial(frame, keyring);
      if (byteStringOf(wire).includes('\r')) return false;
      return t.strictSame(frameOf(decode(wire, keyring)), expected);
    }),
  );
  t.end();
});

t.test('codec: a newline crosses a serial line as byte 19', (t) => {
  const wire = encodeSerial(textFrame([['info', 'one\ntwo']]), ring);
  t.match(byteStringOf(wire), 'info=one\x13two\n');
  t.equal(fieldText(frameOf(decode(wire, ring)), 'info'), 'one\ntwo');
  t.end();
});

t.test('codec: text that is not UTF-8 stays as it came', (t) => {
  const raw = 'caf\xe9';
  const datagram = signedNetstring(netstring(`(0)info=${raw}`));
  const frame = frameOf(decode(datagram, ring));
  t.strictSame(frame, [{ name: 'info', type: 0, value: bytesOf(raw) }]);
  t.equal(fieldText(frame, 'info'), undefined);
  t.equal(fieldBytes(frame, 'info'), undefined);
  t.strictSame(encodeNetstring(frame, ring.signing), datagram);
  t.strictSame(frameOf(decode(encodeSerial(frame, ring), ring)), frame);
  t.end();
});

t.test('codec: types of Heartbeat that we never send are kept unread (2 to 5)', (t) => {
  for (const type of [2, 3, 4, 5] as const) {
    const expected = [{ name: 'x', type, value: bytesOf('4:a=b,') }];
    const datagram = signedNetstring(netstring(`(${type})x=4:a=b,`));
    t.strictSame(frameOf(decode(datagram, ring)), expected);
    t.strictSame(frameOf(decode(signedClassic(`(${type})x=4:a=b,\n`), ring)), expected);
  }
  t.match(decode(signedNetstring(netstring('(6)x=y')), ring), { reason: 'malformed' });
  t.match(decode(signedClassic('(6)x=y\n'), ring), { reason: 'malformed' });
  t.strictSame(frameOf(decode(signedClassic('(0)x=y\n'), ring)), textFrame([['x', 'y']]));
  t.end();
});

// ---- Refusals

t.test('codec: the datagram that kills Heartbeat is refused (reference 3.10)', (t) => {
  t.match(decode(bytesOf('###\n3:abc,%%%\n'), ring), { ok: false, reason: 'badAuth' });
  const signed = signedNetstring('3:abc,');
  t.match(decode(signed, ring), { ok: false, reason: 'malformed' }, 'signed too');
  t.end();
});

t.test('codec: why a frame is refused (table)', (t) => {
  const good = byteStringOf(encodeDatagram(status, ring));
  const classic = byteStringOf(encodeSerial(status, ring));
  const trailerAt = good.lastIndexOf('%%%\n') + 4;
  const [body, trailer] = [good.slice(0, trailerAt), good.slice(trailerAt)];
  const unsignedClassic = classic.replace(/auth=.*\n/, '');
  const authLine = /auth=.*\n/.exec(classic)?.[0] ?? '';
  const rows: readonly (readonly [string, string, string])[] = [
    ['nothing', '', 'unknownFraming'],
    ['half a marker', '##', 'unknownFraming'],
    ['no marker', 'GET / HTTP/1.0\r\n', 'unknownFraming'],
    ['marker without newline', `###${good.slice(4)}`, 'unknownFraming'],
    ['larger than a datagram', `###\n${'x'.repeat(MAX_FRAME_BYTES)}`, 'oversized'],
    ['only the marker', '###\n', 'truncated'],
    ['without %%%', good.slice(0, trailerAt - 4), 'truncated'],
    ['unsigned', good.slice(0, trailerAt), 'badAuth'],
    ['signature cut', good.slice(0, -1), 'truncated'],
    ['bytes after the signature', `${good}\0`, 'truncated'],
    ['many bytes after the signature', `${good}${'x'.repeat(100)},`, 'malformed'],
    ['wrong length of the signature', `${body}9${trailer}`, 'malformed'],
    ['padded length of the signature', `${body}0${trailer}`, 'malformed'],
    ['signature is not one', `${good.slice(0, trailerAt)}3:abc,`, 'malformed'],
    ['only >>>', '>>>\n', 'truncated'],
    ['>>> and <<<', '>>>\n<<<\n', 'badAuth'],
    ['without <<<', classic.slice(0, -4), 'truncated'],
    ['<<< without newline', classic.slice(0, -1), 'truncated'],
    ['bytes after <<<', `${classic}x`, 'truncated'],
    ['classic unsigned', unsignedClassic, 'badAuth'],
    ['auth not last', unsignedClassic.replace('>>>\n', `>>>\n${authLine}`), 'badAuth'],
    ['two frames at once', classic + classic, 'badAuth'],
    ['empty line inside', classic.replace('st=', '\nst='), 'badAuth'],
  ];
  for (const [name, wire, reason] of rows) {
    t.match(decode(bytesOf(wire), ring), { ok: false, reason }, name);
  }
  t.end();
});

t.test('codec: a signed frame with a broken field is malformed (netstring)', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['no type', '3:a=b,'],
    ['no equals sign', '4:(0)a,'],
    ['no name', '4:(0)=,'],
    ['no opening parenthesis', '6:[0)a=b,'],
    ['no closing parenthesis', '6:(0]a=b,'],
    ['no comma after it', '6:(0)a=b;'],
    ['type of two digits', '7:(00)a=b,'],
    ['type is a letter', '6:(x)a=b,'],
    ['equals sign in the type', '6:(=)a=b,'],
    ['blank in the name', '8:(0)a b=c,'],
    ['empty', '0:,'],
    ['length too short', '5:(0)a=b,'],
    ['length too long', '7:(0)a=b,'],
    ['length up to the marker', '10:(0)a=b,'],
    ['padded length', '06:(0)a=b,'],
    ['length signed', '+6:(0)a=b,'],
    ['length negative', '-6:(0)a=b,'],
    ['length hexadecimal', '0x6:(0)a=b,'],
    ['length missing', ':(0)a=b,'],
    ['length of 20 digits', '99999999999999999999:(0)a=b,'],
    ['length of 60,000 digits', `${'9'.repeat(60_000)}:(0)a=b,`],
    ['length of 2^32 + 6', '4294967302:(0)a=b,'],
    ['newline between fields', '6:(0)a=b,\n6:(0)a=b,'],
    ['too long a name', netstring(`(0)${'n'.repeat(MAX_NAME_BYTES + 1)}=b`)],
    ['too many fields', '5:(0)a=,'.repeat(MAX_FIELDS + 1)],
  ];
  for (const [name, fields] of rows) {
    t.match(decode(signedNetstring(fields), ring), { ok: false, reason: 'malformed' }, name);
  }
  t.equal(frameOf(decode(signedNetstring('5:(0)a=,'.repeat(MAX_FIELDS)), ring)).length, MAX_FIELDS);
  t.end();
});

t.test('codec: a field that claims the signature as its value is malformed', (t) => {
  // `%%%`, a newline, `66:`, an index and 64 digits follow the field, then the last comma.
  const claimed = '(0)a=b'.length + 4 + 3 + 66;
  const wire = signedNetstring(`${claimed}:(0)a=b`);
  t.equal(byteStringOf(wire).indexOf('(0)a=b') + claimed, wire.length - 1);
  t.match(decode(wire, ring), { ok: false, reason: 'malformed' });
  t.end();
});

t.test('codec: a value may hold the markers', (t) => {
  const frame = textFrame([
    ['a', '%%%\n66:1 00,'],
    ['b', '###\n3:abc,%%%\n'],
    ['c', '\n<<<\n>>>\nauth=1 00\n<<<\n'],
  ]);
  for (const [name, encode] of ENCODERS) {
    t.strictSame(frameOf(decode(encode(frame, ring), ring)), frame, name);
  }
  t.end();
});

t.test('codec: a signed frame with a broken line is malformed (classic)', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['no equals sign', 'abc\n'],
    ['no name', '=b\n'],
    ['empty line', 'a=b\n\n'],
    ['<<< inside', 'a=b\n<<<\n'],
    ['>>> inside', 'a=b\n>>>\n'],
    ['auth inside', 'auth=1 00\n'],
    ['base64 with junk', '(1)a=AA*=\n'],
    ['base64 not padded', '(1)a=AA\n'],
    ['base64 with stray bits', '(1)a=AB==\n'],
    ['type without end', '(1a=b\n'],
    ['too long a name', `${'n'.repeat(MAX_NAME_BYTES + 1)}=b\n`],
    ['too many lines', 'a=\n'.repeat(MAX_FIELDS + 1)],
  ];
  for (const [name, lines] of rows) {
    t.match(decode(signedClassic(lines), ring), { ok: false, reason: 'malformed' }, name);
  }
  t.end();
});

t.test('codec: keys can be rolled (sign with 2, accept 1 and 2)', (t) => {
  const before: AuthKey = { index: 1, method: 'sha1', key: 'old' };
  const after: AuthKey = { index: 2, method: 'sha1', key: 'new' };
  const accepted = [before, after];
  for (const [name, encode] of ENCODERS) {
    const bySecond = encode(status, { signing: after, accepted });
    t.match(decode(bySecond, { signing: before, accepted }), { ok: true, keyIndex: 2 }, name);
    const byFirst = encode(status, { signing: before, accepted });
    t.match(decode(byFirst, { signing: after, accepted }), { ok: true, keyIndex: 1 }, name);
    const only = { signing: after, accepted: [after] };
    t.match(decode(byFirst, only), { ok: false, reason: 'unknownKey' }, `${name}: rolled out`);
    const wrong = { signing: before, accepted: [before, { ...after, key: 'newer' }] };
    t.match(decode(bySecond, wrong), { ok: false, reason: 'badAuth' }, `${name}: wrong key`);
  }
  t.end();
});

t.test('codec: a crc with a leading zero is short on the wire', (t) => {
  const keyring = ringOf('crc');
  let found = 0;
  for (let seq = 0; seq < 200; seq += 1) {
    const frame = textFrame([['seq', String(seq)]]);
    for (const [name, encode] of ENCODERS) {
      const wire = encode(frame, keyring);
      t.strictSame(frameOf(decode(wire, keyring)), frame, `${name} ${seq}`);
      if (/ [0-9a-f]{1,7}(,|\n<<<\n)$/.test(byteStringOf(wire))) found += 1;
    }
  }
  t.ok(found > 0, `${found} had a leading zero`);
  t.end();
});

// ---- Hostile input

t.test('codec: no single bit may flip and no byte may be cut off (all of them)', (t) => {
  for (const method of METHODS) {
    const keyring = ringOf(method);
    for (const [name, encode] of ENCODERS) {
      const wire = encode(status, keyring);
      const accepted: string[] = [];
      for (let position = 0; position < wire.length; position += 1) {
        if (decode(wire.subarray(0, position), keyring).ok) accepted.push(`cut at ${position}`);
        for (let bit = 0; bit < 8; bit += 1) {
          const changed = Uint8Array.from(wire);
          changed[position]! ^= 1 << bit;
          if (decode(changed, keyring).ok) accepted.push(`bit ${bit} of byte ${position}`);
        }
      }
      t.strictSame(accepted, [], `${method}, ${name}: ${wire.length} bytes`);
    }
  }
  t.end();
});

/** A change to make to a frame's bytes; positions are taken modulo its length. */
interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const hostileText = fc.oneof(
  fc.string({
    unit: fc.constantFrom('%%%\n', '###\n', '>>>\n', '<<<\n', 'auth=', ':', ',', '=', '(0)', '\0'),
    maxLength: 8,
  }),
  fc.uint8Array({ maxLength: 20 }).map(byteStringOf),
  fc.nat().map((length) => `${length}:(0)a=b,`),
  fc.constantFrom('9'.repeat(400), byteStringOf(encodeDatagram(status, ring)).slice(0, 200)),
);
const changeArb: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  remove: fc.oneof(fc.constant(0), fc.nat(40)),
  insert: hostileText,
});
function mutate(wire: string, changes: readonly Change[]): string {
  return changes.reduce((text, { at, remove, insert }) => {
    const position = at % (text.length + 1);
    return text.slice(0, position) + insert + text.slice(position + remove);
  }, wire);
}

t.test('codec: property: a changed frame is never accepted as another frame', (t) => {
  const rings = METHODS.map((method) => ringOf(method));
  fc.assert(
    fc.property(
      fc.array(changeArb, { minLength: 1, maxLength: 5 }),
      fc.nat(3),
      fc.nat(1),
      (changes, method, framing) => {
        const keyring = rings[method]!;
        const wire = ENCODERS[framing]![1](status, keyring);
        const result = decode(bytesOf(mutate(byteStringOf(wire), changes)), keyring);
        // A NUL appended to a classic frame is no change, nor is a change that restores the text.
        return !result.ok || JSON.stringify(result.frame) === JSON.stringify(status);
      },
    ),
    { numRuns: 3_000 },
  );
  t.end();
});

t.test('codec: property: any bytes yield a refusal, never a throw', (t) => {
  fc.assert(
    fc.property(fc.array(hostileText, { maxLength: 30 }), (pieces) => {
      const body = pieces.join('');
      return ['', '###\n', '>>>\n'].every((start) => !decode(bytesOf(start + body), ring).ok);
    }),
    { numRuns: 1_000 },
  );
  t.end();
});

/** Field-like rubbish, so that some of it is well formed. */
const fieldish = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(nameArb, textArb.map((text) => byteStringOf(Buffer.from(text))))
    .map(([name, value]) => netstring(`(0)${name}=${value}`)) },
  { weight: 1, arbitrary: hostileText },
);

t.test('codec: property: a signed netstring is malformed or has this one spelling', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(fieldish, { maxLength: 4 }), (pieces) => {
      const wire = signedNetstring(pieces.join(''));
      const result = decode(wire, ring);
      if (!result.ok) return result.reason === 'malformed';
      accepted += 1;
      return byteStringOf(encodeNetstring(result.frame, ring.signing)) === byteStringOf(wire);
    }),
    { numRuns: 1_000 },
  );
  t.ok(accepted > 50, `${accepted} of 1,000 were well formed`);
  t.end();
});

t.test('codec: property: signed classic rubbish is malformed or read, never thrown at', (t) => {
  const line = fc.oneof(hostileText, fc.tuple(nameArb, hostileText).map(([n, v]) => `${n}=${v}`));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const result = decode(signedClassic(lines.map((each) => `${each}\n`).join('')), ring);
      return result.ok || result.reason === 'malformed';
    }),
    { numRuns: 1_000 },
  );
  t.end();
});

t.test('codec: no refusal holds a key, a token or a value', (t) => {
  const keyring = ringOf('sha256', 'S3cret-Passphrase');
  for (const [name, encode] of ENCODERS) {
    const wire = byteStringOf(encode(textFrame([['info', 'private']]), keyring));
    const tokens = wire.match(/[0-9a-f]{64}/g)!;
    for (let cut = 0; cut < wire.length; cut += 1) {
      for (const changed of [wire.slice(0, cut), `${wire.slice(0, cut)}x${wire.slice(cut)}`]) {
        const text = JSON.stringify(decode(bytesOf(changed), keyring));
        const leaks = ['S3cret', 'private', ...tokens.map((token) => token.slice(0, 12))];
        if (leaks.some((leak) => text.includes(leak))) t.fail(`${name}: ${text}`);
      }
    }
  }
  const broken = signedNetstring(netstring('(0)=private'), keyring);
  t.notOk(JSON.stringify(decode(broken, keyring)).includes('private'));
  t.end();
});
