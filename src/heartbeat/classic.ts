/**
 * The framing of serial lines (cluster-glue 1.0.12, lib/clplumbing/cl_msg.c), and of datagrams of
 * Heartbeats older than cluster-glue 1.0.10:
 *
 *     >>>\n
 *     name=value\n              text; a newline in it travels as byte 19
 *     (1)name=<base64>\n        binary
 *     auth=<index> <mac>\n      always last
 *     <<<\n
 *
 * Signed are the lines between `>>>` and `auth=`, which is why the signature can be found and
 * verified before any of them is interpreted. On a datagram one NUL may follow the end.
 */
import { assert } from '../base/assert.js';
import { err, ok, type Result } from '../base/result.js';
import { byteStringOf, bytesOf, decodeText, encodeText, type ByteString } from './byte-string.js';
import { refuse, type DecodeResult } from './decode-result.js';
import { AUTH_FIELD, MAX_FIELDS, MAX_FRAME_BYTES, fieldTypeOf, isFieldName } from './frame.js';
import type { Field, Frame } from './frame.js';
import type { AuthKey, Keyring } from './keyring.js';
import { sign, verify } from './signature.js';

/** First line of a classic frame. */
export const CLASSIC_START = '>>>\n';
/** Last line of a classic frame. */
export const CLASSIC_END = '<<<\n';
const AUTH_START = `${AUTH_FIELD}=`;
const NEWLINE_STAND_IN = '\x13';
/** What a line may hold that it cannot hold as it is. */
const CONTROL = /\p{Cc}/u;

/**
 * Writes a frame and its signature. Frames are made by this program: a name that cannot travel, an
 * opaque field or too large a frame throws AssertionFailure.
 */
export function encodeClassic(frame: Frame, key: AuthKey): Uint8Array {
  const lines = classicLines(frame);
  const auth = `${AUTH_START}${sign(bytesOf(lines), key)}\n`;
  const bytes = bytesOf(`${CLASSIC_START}${lines}${auth}${CLASSIC_END}`);
  assert(bytes.length <= MAX_FRAME_BYTES, `a frame has at most ${MAX_FRAME_BYTES} bytes`);
  return bytes;
}

/** The lines that are signed. They are what an inner signature covers in a datagram, too. */
export function classicLines(frame: Frame): ByteString {
  assert(frame.length <= MAX_FIELDS, `a frame has at most ${MAX_FIELDS} fields`);
  return frame.map(encodeLine).join('');
}

function encodeLine({ name, type, value }: Field): ByteString {
  assert(isFieldName(name), 'a field name is printable ASCII without punctuation of the framing');
  assert(name !== AUTH_FIELD, 'the signature is not a field of the frame');
  assert(type <= 1, 'only text and binary fields are sent');
  if (type === 1) return `(1)${name}=${Buffer.from(value).toString('base64')}\n`;
  const raw = typeof value === 'string' ? encodeText(value) : byteStringOf(value);
  return `${name}=${oneLine(raw)}\n`;
}

/**
 * Makes text fit a line. Only the newline has a stand-in: byte 19 itself, the carriage return
 * (which a tty drops) and NUL (which ends a C string) cannot be told and become `?`.
 */
function oneLine(raw: ByteString): ByteString {
  if (!CONTROL.test(raw)) return raw;
  return raw
    .replaceAll(NEWLINE_STAND_IN, '?')
    .replaceAll('\r', '?')
    .replaceAll('\0', '?')
    .replaceAll('\n', NEWLINE_STAND_IN);
}

/** Verifies and reads a frame that begins with `>>>\n` and has a permitted size. */
export function decodeClassic(bytes: Uint8Array, keyring: Keyring): DecodeResult {
  const all = byteStringOf(bytes);
  const text = all.endsWith('\0') ? all.slice(0, -1) : all;
  if (!text.endsWith(`\n${CLASSIC_END}`)) return refuse('truncated', 'no <<< line ends the frame');
  const end = text.length - CLASSIC_END.length;
  const authAt = text.lastIndexOf('\n', end - 2) + 1;
  if (!text.startsWith(AUTH_START, authAt)) {
    return refuse('badAuth', 'the last line before <<< is not the signature');
  }
  const token = text.slice(authAt + AUTH_START.length, end - 1);
  const verified = verify(bytes.subarray(CLASSIC_START.length, authAt), token, keyring);
  if (!verified.ok) return verified;
  const fields = readLines(text, authAt);
  return fields.ok ? { ...verified, frame: fields.value } : refuse('malformed', fields.error);
}

/** Reads the lines after `>>>`, up to `end`, which follows a newline. */
function readLines(text: ByteString, end: number): Result<Frame, string> {
  const fields: Field[] = [];
  const fault = (why: string): Result<Frame, string> =>
    err(`line ${fields.length + 2} at byte ${position}: ${why}`);
  let position = CLASSIC_START.length;
  while (position < end) {
    if (fields.length === MAX_FIELDS) return fault('too many fields');
    const stop = text.indexOf('\n', position);
    const field = readLine(text.slice(position, stop));
    if (field === undefined) return fault('not name=value');
    fields.push(field);
    position = stop + 1;
  }
  return ok(fields);
}

/** Reads `name=value` or `(T)name=value`. */
function readLine(line: ByteString): Field | undefined {
  const typed = line[0] === '(' && line[2] === ')';
  const type = typed ? fieldTypeOf(line.charAt(1)) : 0;
  const equals = line.indexOf('=');
  const name = line.slice(typed ? 3 : 0, Math.max(equals, 0));
  if (type === undefined || !isFieldName(name) || name === AUTH_FIELD) return undefined;
  const raw = line.slice(equals + 1);
  if (type > 1) return { name, type, value: bytesOf(raw) };
  if (type === 1) return readBinary(name, raw);
  const value = raw.replaceAll(NEWLINE_STAND_IN, '\n');
  const decoded = decodeText(value);
  if (decoded === undefined) return { name, type: 0, value: bytesOf(value) };
  return { name, type: 0, value: decoded };
}

/** Reads padded base64 in its one canonical spelling. */
function readBinary(name: string, base64: ByteString): Field | undefined {
  const value = Buffer.from(base64, 'base64');
  if (value.toString('base64') !== base64) return undefined;
  return { name, type: 1, value: new Uint8Array(value) };
}
