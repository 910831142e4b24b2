/**
 * Frames to bytes and back, as Heartbeat 3.0.6 speaks: netstring in datagrams, classic text on
 * serial lines, either of them understood on both. Reading is total: any bytes yield a frame or a
 * reason, and nothing is interpreted before its signature is verified.
 */
import { byteStringOf, bytesOf } from './byte-string.js';
import { CLASSIC_START, classicLines, decodeClassic, encodeClassic } from './classic.js';
import { refuse, type DecodeResult } from './decode-result.js';
import { AUTH_FIELD, MAX_FRAME_BYTES, textField, type Frame } from './frame.js';
import type { Keyring } from './keyring.js';
import { NETSTRING_START, decodeNetstring, encodeNetstring } from './netstring.js';
import { sign } from './signature.js';

/**
 * Writes a frame for a UDP or ICMP medium, signed twice as Heartbeat's default `msgfmt classic`
 * does: an inner `auth` field over the classic text, and the outer signature that receivers check.
 * Throws AssertionFailure for a frame that cannot travel (see encodeNetstring).
 */
export function encodeDatagram(frame: Frame, { signing }: Keyring): Uint8Array {
  const inner = sign(bytesOf(classicLines(frame)), signing);
  return encodeNetstring([...frame, textField(AUTH_FIELD, inner)], signing);
}

/**
 * Writes a frame for a serial line. Throws AssertionFailure for a frame that cannot travel.
 * Text above ASCII needs a line of eight bits: a tty of Heartbeat strips the eighth, and the
 * signature fails there.
 */
export function encodeSerial(frame: Frame, { signing }: Keyring): Uint8Array {
  return encodeClassic(frame, signing);
}

/** Verifies and reads what came from any medium. Never throws. */
export function decode(bytes: Uint8Array, keyring: Keyring): DecodeResult {
  if (bytes.length > MAX_FRAME_BYTES) return refuse('oversized', `${bytes.length} bytes`);
  switch (byteStringOf(bytes.subarray(0, NETSTRING_START.length))) {
    case NETSTRING_START:
      return decodeNetstring(bytes, keyring);
    case CLASSIC_START:
      return decodeClassic(bytes, keyring);
    default:
      return refuse('unknownFraming', 'begins with neither ### nor >>>');
  }
}
