/**
 * Signing and verifying, as Heartbeat 3.0.6 does it (lib/plugins/HBauth/{crc,md5,sha1}.c), plus
 * HMAC-SHA-256, which it never had. A token is `<index> <mac>`: the index names a line of authkeys,
 * the MAC is lower-case hexadecimal.
 *
 * A received index selects the method AND the key. Heartbeat selects only the method by it and
 * keeps the key of its own default, so that keys cannot be rolled there.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

import { assert } from '../base/assert.js';
import { refuse, type DecodeFailure } from './decode-result.js';
import type { AuthKey, AuthMethod, Keyring } from './keyring.js';

/** Longest token: index 15, a space, 64 digits of SHA-256. */
export const MAX_TOKEN_BYTES = 67;

const CRC_POLYNOMIAL = 0x04c11db7;

/** CRC of each value of the top byte, most significant bit first. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) {
    crc = crc & 0x8000_0000 ? (crc << 1) ^ CRC_POLYNOMIAL : crc << 1;
  }
  return crc >>> 0;
});

/**
 * CRC-32 in Heartbeat's variant: most significant bit first, initial 0, no length appended,
 * complemented at the end, printed without leading zeros (`%lx`).
 */
function crcHex(bytes: Uint8Array): string {
  let crc = 0;
  for (const byte of bytes) {
    crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0);
  }
  return (~crc >>> 0).toString(16);
}

/** The MAC of the bytes in hexadecimal. Throws AssertionFailure for an HMAC without a key. */
function macOf(bytes: Uint8Array, { method, key }: AuthKey): string {
  if (method === 'crc') return crcHex(bytes);
  assert(key !== '', `a key of method ${method} is not empty`);
  return createHmac(method, key).update(bytes).digest('hex');
}

/** Signs bytes: `<index> <mac>`. */
export function sign(bytes: Uint8Array, key: AuthKey): string {
  return `${key.index} ${macOf(bytes, key)}`;
}

/** Canonical only (no `01`, no capitals), so that a frame has one valid spelling. */
const TOKEN = /^(0|[1-9]\d?) ([0-9a-f]{1,64})$/;

/** The key that verified a signature. */
export interface Verified {
  readonly ok: true;
  readonly keyIndex: number;
  readonly method: AuthMethod;
}

/** Verifies a token over bytes with the accepted key of the token's index. Never throws. */
export function verify(
  bytes: Uint8Array,
  token: string,
  keyring: Keyring,
): Verified | DecodeFailure {
  const [, digits, mac] = TOKEN.exec(token) ?? [];
  if (digits === undefined || mac === undefined) {
    return refuse('malformed', 'the signature is not an index and a hexadecimal number');
  }
  const keyIndex = Number(digits);
  const key = keyring.accepted.find(({ index }) => index === keyIndex);
  if (key === undefined) return refuse('unknownKey', `key index ${keyIndex} is not accepted here`);
  if (key.method !== 'crc' && key.key === '') {
    return refuse('unknownKey', `key index ${keyIndex} is empty here`);
  }
  if (!sameText(mac, macOf(bytes, key))) {
    return refuse('badAuth', `the ${key.method} signature with key index ${keyIndex} is wrong`);
  }
  return { ok: true, keyIndex, method: key.method };
}

/** Compares in a time that depends on the lengths only, which are no secret. */
function sameText(received: string, expected: string): boolean {
  const a = Buffer.from(received, 'latin1');
  const b = Buffer.from(expected, 'latin1');
  return a.length === b.length && timingSafeEqual(a, b);
}
