/**
 * Bytes held in a string, one character a byte (0 to 255).
 *
 * Both framings mix text with raw bytes. As a byte string a frame can be searched and cut with the
 * string functions while its length is still its length in bytes. Text enters by `encodeText` and
 * leaves by `decodeText`; nothing else may put a character above 255 into one.
 */
export type ByteString = string;

/** The same bytes as a byte string. */
export function byteStringOf(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of a byte string, in memory of their own. */
export function bytesOf(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  Buffer.from(bytes.buffer).write(text, 'latin1');
  return bytes;
}

const ABOVE_ASCII = /[\u0080-\uffff]/;

/** Text as UTF-8. A lone surrogate, which UTF-8 cannot express, becomes U+FFFD. */
export function encodeText(text: string): ByteString {
  return ABOVE_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** UTF-8 as text, or undefined when the bytes are not UTF-8: nothing is replaced silently. */
export function decodeText(bytes: ByteString): string | undefined {
  if (!ABOVE_ASCII.test(bytes)) return bytes;
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return encodeText(text) === bytes ? text : undefined;
}
