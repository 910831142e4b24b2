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
import type { Report } from '../heartbeat/report.js';
import { chance } from './draw.js';

/** A checksum refuses noise as a signature does, and is cheaper. */
const KEY = { index: 1, method: 'crc', key: '' } as const;
const KEYRING: Keyring = { signing: KEY, accepted: [KEY] };
/** Nobody decides by these. */
const HEADER = { deadtimeMs: 1_500, wallSeconds: 1_768_208_400, ttl: 3 };
/** Bits that a burst of noise turns, at most. */
const FLIPS_MAX = 8;

interface Written {
  serial: Uint8Array | null;
  datagram: Uint8Array | null;
}

/** What a node says goes out on every line to every other one. */
const written = new WeakMap<Report, Written>();

/** A report as it goes out. */
function write(report: Report, isSerial: boolean): Uint8Array {
  const known = written.get(report) ?? { serial: null, datagram: null };
  written.set(report, known);
  const bytes = isSerial ? known.serial : known.datagram;
  if (bytes !== null) return bytes;
  const frame = textFrame(encodeReport(report, HEADER));
  if (isSerial) return (known.serial = encodeSerial(frame, KEYRING));
  return (known.datagram = encodeDatagram(frame, KEYRING));
}

/** What a receiver makes of a report that was damaged; null when it drops it. */
export function damaged(report: Report, prng: Prng): Report | null {
  const whole = write(report, chance(prng, 0.5));
  const cut = chance(prng, 0.3) ? whole.slice(0, prng.below(whole.length)) : Uint8Array.from(whole);
  const flips = 1 + prng.below(FLIPS_MAX);
  for (let flip = 0; flip < flips && cut.length > 0; flip += 1) {
    const at = prng.below(cut.length);
    cut[at] = (cut[at] ?? 0) ^ (1 << prng.below(8));
  }
  const decoded = decode(cut, KEYRING);
  if (!decoded.ok) return null;
  const read = decodeReport(textFields(decoded.frame));
  return read.ok ? read.value : null;
}
