/**
 * A frame that is damaged on its way, through the very codec of the daemon: written, signed, some
 * bits turned or its end cut off, verified and read. What the signature lets through is delivered
 * as it then reads.
 */
import type { Prng } from '../base/prng.js';
import { decode, encodeDatagram, encodeSerial } from '../heartbeat/codec.js';
import { textFields, textFrame } from '../heartbeat/frame.js';
import type { Keyring } from '../heartbeat/keyring.js';
import { decodeReport, encodeReport } from '../heartbeat/report-codec.js';
import { numbered, saysTheSame, type Report } from '../heartbeat/report.js';
import { chance } from './draw.js';

/** A checksum refuses noise as a signature does, and is cheaper. */
const KEY = { index: 1, method: 'crc', key: '' } as const;
const KEYRING: Keyring = { signing: KEY, accepted: [KEY] };
/** Nobody decides by these. */
const HEADER = { deadtimeMs: 1_500, wallSeconds: 1_768_208_400, ttl: 3 };
/** Bits that a burst of noise turns, at most. */
const FLIPS_MAX = 8;

/** In the place of its number: noise there is refused as anywhere else. */
const ANY_SEQUENCE = 1;

/** What a node says again and again, on every line and to every other node, is written once. */
function once(encode: typeof encodeDatagram): (report: Report) => Uint8Array {
  const written = new WeakMap<Report['groups'], { readonly report: Report; readonly bytes: Uint8Array }>();
  return (report) => {
    const known = written.get(report.groups);
    if (known !== undefined && saysTheSame(known.report, report)) return known.bytes;
    const bytes = encode(textFrame(encodeReport(numbered(report, ANY_SEQUENCE), HEADER)), KEYRING);
    written.set(report.groups, { report, bytes });
    return bytes;
  };
}
const datagramOf = once(encodeDatagram);
const serialOf = once(encodeSerial);

/** What a receiver makes of a report that was damaged; null when it drops it. */
export function damaged(report: Report, prng: Prng): Report | null {
  const whole = chance(prng, 0.5) ? serialOf(report) : datagramOf(report);
  const cut = chance(prng, 0.3) ? whole.slice(0, prng.below(whole.length)) : Uint8Array.from(whole);
  const flips = 1 + prng.below(FLIPS_MAX);
  for (let flip = 0; flip < flips && cut.length > 0; flip += 1) {
    const at = prng.below(cut.length);
    cut[at] = (cut[at] ?? 0) ^ (1 << prng.below(8));
  }
  const decoded = decode(cut, KEYRING);
  if (!decoded.ok) return null;
  const read = decodeReport(textFields(decoded.frame));
  return read.ok ? numbered(read.value, report.sequence) : null;
}
