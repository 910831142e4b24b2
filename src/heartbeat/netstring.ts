/**
 * The framing of datagrams (cluster-glue 1.0.12, lib/clplumbing/cl_netstring.c):
 *
 *     ###\n  <len>:(T)name=<raw value>,  ...  %%%\n  <len>:<index> <mac>,
 *
 * Signed is everything from the first `#` through the newline of `%%%\n`. The signature cannot
 * contain a `%`, so the last `%%%\n` of a datagram is where it starts; it is found and verified
 * before any field is looked at. Heartbeat reads the fields first and dies of `###\n3:abc,%%%\n`.
 */
import { assert } from '../base/assert.js';
import { err, ok, type Result } from '../base/result.js';
import { byteStringOf, bytesOf, decodeText, encodeText, type ByteString } from './byte-string.js';
import { refuse, type DecodeFailure, type DecodeResult } from './decode-result.js';
import { AUTH_FIELD, MAX_FIELDS, MAX_FRAME_BYTES, fieldTypeOf, isFieldName } from './frame.js';
import type { Field, Frame } from './frame.js';
import type { AuthKey, Keyring } from './keyring.js';
import { MAX_TOKEN_BYTES, sign, verify } from './signature.js';

/** First line of a netstring frame. */
export const NETSTRING_START = '###\n';
const END = '%%%\n';

/** `67:<token>,` */
const MAX_TRAILER_BYTES = MAX_TOKEN_BYTES + 4;

/**
 * Writes a frame and its outer signature. Frames are made by this program: a name that cannot
 * travel, an opaque field or too large a frame throws AssertionFailure.
 */
export function encodeNetstring(frame: Frame, key: AuthKey): Uint8Array {
  assert(frame.length <= MAX_FIELDS, `a frame has at most ${MAX_FIELDS} fields`);
  const signed = `${NETSTRING_START}${frame.map(encodeField).join('')}${END}`;
  const bytes = bytesOf(signed + netstring(sign(bytesOf(signed), key)));
  assert(bytes.length <= MAX_FRAME_BYTES, `a frame has at most ${MAX_FRAME_BYTES} bytes`);
  return bytes;
}

function encodeField({ name, type, value }: Field): ByteString {
  assert(isFieldName(name), 'a field name is printable ASCII without punctuation of the framing');
  assert(type <= 1, 'only text and binary fields are sent');
  const raw = typeof value === 'string' ? encodeText(value) : byteStringOf(value);
  return netstring(`(${type})${name}=${raw}`);
}

function netstring(content: ByteString): ByteString {
  return `${content.length}:${content},`;
}

/** Verifies and reads a datagram that begins with `###\n` and has a permitted size. */
export function decodeNetstring(bytes: Uint8Array, keyring: Keyring): DecodeResult {
  const text = byteStringOf(bytes);
  const end = text.lastIndexOf(END);
  if (end < NETSTRING_START.length) return refuse('truncated', 'no %%% line ends the fields');
  const token = readTrailer(text.slice(end + END.length));
  if (!token.ok) return token.error;
  const verified = verify(bytes.subarray(0, end + END.length), token.value, keyring);
  if (!verified.ok) return verified;
  const fields = readFields(text, end);
  return fields.ok ? { ...verified, frame: fields.value } : refuse('malformed', fields.error);
}

/** Takes the token out of `<len>:<token>,`; the length has one spelling only. */
function readTrailer(trailer: ByteString): Result<string, DecodeFailure> {
  if (trailer === '') return err(refuse('badAuth', 'no signature follows the %%% line'));
  if (trailer.length > MAX_TRAILER_BYTES) return err(refuse('malformed', 'no signature ends it'));
  if (!trailer.endsWith(',')) return err(refuse('truncated', 'the signature is cut short'));
  const token = trailer.slice(trailer.indexOf(':') + 1, -1);
  if (netstring(token) === trailer) return ok(token);
  return err(refuse('malformed', 'the signature is not a netstring'));
}

/** Reads the fields between the markers; `end` is where `%%%\n` begins. */
function readFields(text: ByteString, end: number): Result<Frame, string> {
  const fields: Field[] = [];
  const fault = (why: string): Result<Frame, string> =>
    err(`field ${fields.length + 1} at byte ${position}: ${why}`);
  let position = NETSTRING_START.length;
  while (position < end) {
    if (fields.length === MAX_FIELDS) return fault('too many fields');
    const length = readLength(text, position);
    const stop = length === undefined ? end : length.start + length.value;
    if (length === undefined || text[stop] !== ',' || stop >= end) return fault('wrong length');
    const field = readField(text.slice(length.start, stop));
    if (field === undefined) return fault('not (type)name=value');
    if (field.name !== AUTH_FIELD) fields.push(field);
    position = stop + 1;
  }
  return ok(fields);
}

const MAX_LENGTH_DIGITS = String(MAX_FRAME_BYTES).length;
const CODE_0 = 0x30;

/** Reads `<len>:` in canonical decimal: where the content starts, and its length in bytes. */
function readLength(
  text: ByteString,
  position: number,
): { readonly start: number; readonly value: number } | undefined {
  let value = 0;
  for (let index = position; index <= position + MAX_LENGTH_DIGITS; index += 1) {
    if (text[index] === ':' && index > position) return { start: index + 1, value };
    const digit = text.charCodeAt(index) - CODE_0;
    if (!(digit >= 0 && digit <= 9) || (index > position && value === 0)) return undefined;
    value = value * 10 + digit;
  }
  return undefined;
}

/** Reads `(T)name=value`. */
function readField(content: ByteString): Field | undefined {
  const type = fieldTypeOf(content.charAt(1));
  const equals = content.indexOf('=');
  const name = content.slice(3, Math.max(equals, 3));
  if (type === undefined || content[0] !== '(' || content[2] !== ')' || !isFieldName(name)) {
    return undefined;
  }
  const raw = content.slice(equals + 1);
  const text = type === 0 ? decodeText(raw) : undefined;
  return text === undefined ? { name, type, value: bytesOf(raw) } : { name, type: 0, value: text };
}
