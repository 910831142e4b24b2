import t from 'tap';

import type { AuthKey, AuthMethod, Keyring } from '../../src/heartbeat/keyring.js';
import { sign, verify } from '../../src/heartbeat/signature.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ring = (...accepted: readonly [AuthKey, ...AuthKey[]]): Keyring => ({
  signing: accepted[0],
  accepted,
});
const key = (method: AuthMethod, index = 1, secret = 'Jefe'): AuthKey => ({
  index,
  method,
  key: method === 'crc' ? '' : secret,
});

t.test('signature: published vectors (RFC 2202, RFC 4231, case 2)', (t) => {
  const vectors: readonly (readonly [AuthMethod, string])[] = [
    ['md5', '750c783e6ab0b503eaa86e310a5db738'],
    ['sha1', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['sha256', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
  ];
  for (const [method, mac] of vectors) {
    t.equal(sign(bytes('what do ya want for nothing?'), key(method, 7)), `7 ${mac}`, method);
  }
  t.end();
});


/** The CRC of reference 2.2 one bit at a time: long division, most significant bit first. */
function slowCrc(data: Uint8Array): string {
  let crc = 0n;
  for (const byte of data) {
    crc ^= BigInt(byte) << 24n;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 0x8000_0000n ? ((crc << 1n) & 0xffff_ffffn) ^ 0x04c11db7n : crc << 1n;
    }
  }
  return (crc ^ 0xffff_ffffn).toString(16);
}

t.test('signature: crc is Heartbeat\'s variant, printed without leading zeros', (t) => {
  t.equal(sign(bytes(''), key('crc')), '1 ffffffff');
  let shorter = 0;
  for (let number = 0; number < 600; number += 1) {
    const data = bytes(`frame ${number}`);
    const mac = slowCrc(data);
    if (sign(data, key('crc')) !== `1 ${mac}`) t.fail(`crc of frame ${number}`);
    if (mac.length === 8) continue;
    shorter += 1;
    t.ok(verify(data, `1 ${mac}`, ring(key('crc'))).ok, `crc of ${mac.length} digits`);
    t.notOk(verify(data, `1 ${mac.padStart(8, '0')}`, ring(key('crc'))).ok, 'padded is refused');
  }
  t.ok(shorter > 0, 'some of them had a leading zero to omit');
  t.end();
});

t.test('signature: the received index selects method and key (keys are rolled by index)', (t) => {
  const before = key('sha1', 1, 'old');
  const after = key('sha256', 2, 'new');
  const data = bytes('t=status\n');
  t.same(verify(data, sign(data, after), ring(before, after)), {
    ok: true,
    keyIndex: 2,
    method: 'sha256',
  });
  t.same(verify(data, sign(data, before), ring(after, before)), {
    ok: true,
    keyIndex: 1,
    method: 'sha1',
  });
  const same = key('sha1', 2, 'new');
  t.ok(verify(data, sign(data, same), ring(before, same)).ok, 'same method, other key');
  const crossed = sign(data, before).replace(/^1/, '2');
  t.match(verify(data, crossed, ring(before, same)), { ok: false, reason: 'badAuth' });
  t.end();
});

t.test('signature: refused (wrong key, other data, unknown index, empty key)', (t) => {
  const data = bytes('t=status\n');
  for (const method of ['md5', 'sha1', 'sha256'] as const) {
    const token = sign(data, key(method));
    const wrong = verify(data, token, ring(key(method, 1, 'jefe')));
    t.match(wrong, { ok: false, reason: 'badAuth' }, `${method}: wrong key`);
    const other = verify(bytes('t=statuS\n'), token, ring(key(method)));
    t.match(other, { ok: false, reason: 'badAuth' }, `${method}: other data`);
    const unknown = verify(data, token, ring(key(method, 2)));
    t.match(unknown, { ok: false, reason: 'unknownKey' }, `${method}: unknown index`);
    const empty = verify(data, token, ring(key(method, 1, '')));
    t.match(empty, { ok: false, reason: 'unknownKey' }, `${method}: an empty key verifies nothing`);
    t.throws(() => sign(data, key(method, 1, '')), { name: 'AssertionFailure' });
  }
  const shortened = sign(data, key('sha1')).slice(0, -2);
  t.match(verify(data, shortened, ring(key('sha1'))), { reason: 'badAuth' }, 'a prefix is no MAC');
  const md5 = sign(data, key('md5'));
  t.match(verify(data, md5, ring(key('sha1'))), { reason: 'badAuth' }, 'other method');
  const ofSigning = verify(data, sign(data, key('sha1')), {
    signing: key('sha1', 1),
    accepted: [key('sha1', 2)],
  });
  t.match(ofSigning, { reason: 'unknownKey' }, 'what signs must be accepted, too, to verify');
  t.end();
});

t.test('signature: a token has one spelling', (t) => {
  const data = bytes('x');
  const token = sign(data, key('sha1', 1));
  const spellings = [
    '',
    token.toUpperCase(),
    ` ${token}`,
    `${token} `,
    `${token}\n`,
    `0${token}`,
    `+${token}`,
    token.replace(' ', '  '),
    token.replace(' ', '\t'),
    token.slice(2),
    `-${token}`,
    `1${'0'.repeat(5_000)} ab`,
    `1 ${'a'.repeat(65)}`,
  ];
  for (const spelling of spellings) {
    const result = verify(data, spelling, ring(key('sha1', 1)));
    t.match(result, { ok: false, reason: 'malformed' }, JSON.stringify(spelling.slice(0, 20)));
  }
  t.end();
});

t.test('signature: no refusal names a key or the expected token', (t) => {
  const data = bytes('x');
  const secret = key('sha256', 3, 'S3cret-Passphrase');
  const expected = sign(data, secret).slice(2);
  for (const token of [`3 ${'0'.repeat(64)}`, `4 ${expected}`, 'rubbish', '3 00']) {
    const text = JSON.stringify(verify(data, token, ring(secret)));
    t.notOk(text.includes('S3cret') || text.includes(expected.slice(0, 8)), text);
  }
  t.end();
});
