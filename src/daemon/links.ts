/**
 * All links to the peers: a report goes out on every one, whatever comes in is authenticated and
 * read before anybody hears of it, and everything that was dropped is counted.
 */
import { decode, encodeDatagram, encodeSerial } from '../heartbeat/codec.js';
import { textFields, textFrame } from '../heartbeat/frame.js';
import type { Keyring } from '../heartbeat/keyring.js';
import { linkName, type LinkSpec } from '../heartbeat/link-spec.js';
import { decodeReport, encodeReport } from '../heartbeat/report-codec.js';
import type { Report, ReportFault } from '../heartbeat/report.js';
import { SerialTransport } from '../heartbeat/transport/serial.js';
import type { Transport, TransportEvents } from '../heartbeat/transport/transport.js';
import { UdpPort } from '../heartbeat/transport/udp.js';
import type { LinkCounters } from '../failover/view.js';

/** What the links need, and whom they tell. */
export interface LinksOptions {
  readonly self: string;
  readonly specs: readonly LinkSpec[];
  readonly udpPort: number;
  readonly keyring: Keyring;
  readonly deadtimeMs: number;
  readonly ttl: number;
  readonly wallMs: () => number;
  readonly onReport: (link: string, report: Report) => void;
  readonly onForeign: (link: string, fault: ReportFault) => void;
  readonly onTrouble: (link: string, trouble: string | null) => void;
  /** The line of this node itself in a file for all nodes: no link of it. */
  readonly onSelf: (link: string) => void;
}

interface Counters {
  readonly toOne: string | null;
  sent: number;
  badAuth: number;
  malformed: number;
}

/** A datagram handed over is on the wire within microseconds; a frame at 115,200 baud takes this. */
const DRAIN_MS = 60;

/** The open links of this node. */
export class Links {
  readonly #options: LinksOptions;
  readonly #transports: readonly Transport[];
  readonly #counters = new Map<string, Counters>();

  constructor(options: LinksOptions) {
    this.#options = options;
    for (const spec of options.specs) {
      const counters = { toOne: toOne(spec), sent: 0, badAuth: 0, malformed: 0 };
      this.#counters.set(linkName(spec), counters);
    }
    const events: TransportEvents = {
      onFrame: (link, bytes) => this.#take(link, bytes),
      onNoise: (link) => this.#count(link, 'malformed'),
      onTrouble: options.onTrouble,
      onSelf: (link) => {
        this.#counters.delete(link);
        options.onSelf(link);
      },
    };
    this.#transports = open(options, events);
  }

  /** Sends the report on every link. */
  send(report: Report): void {
    const { keyring, deadtimeMs, ttl, wallMs } = this.#options;
    const wallSeconds = Math.floor(wallMs() / 1_000);
    const frame = textFrame(encodeReport(report, { deadtimeMs, wallSeconds, ttl }));
    let datagram: Uint8Array | null = null;
    for (const transport of this.#transports) {
      if (transport.framing === 'serial') transport.send(encodeSerial(frame, keyring));
      else transport.send((datagram ??= encodeDatagram(frame, keyring)));
      this.#count(transport.name, 'sent');
    }
  }

  /** Lets what was sent last go out, then closes all links. */
  async close(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    await Promise.all(this.#transports.map(async (transport) => transport.close()));
  }

  /** What was sent and dropped on each link. */
  counters(): readonly LinkCounters[] {
    return [...this.#counters].map(([name, counters]) => ({ name, ...counters }));
  }

  #take(link: string, bytes: Uint8Array): void {
    const decoded = decode(bytes, this.#options.keyring);
    if (!decoded.ok) {
      const forged = decoded.reason === 'badAuth' || decoded.reason === 'unknownKey';
      this.#count(link, forged ? 'badAuth' : 'malformed');
      return;
    }
    const report = decodeReport(textFields(decoded.frame));
    if (report.ok) {
      if (report.value.node !== this.#options.self) this.#options.onReport(link, report.value);
      return;
    }
    if (report.error.kind === 'notStatus' || report.error.node === this.#options.self) return;
    if (report.error.kind === 'malformed') this.#count(link, 'malformed');
    this.#options.onForeign(link, report.error);
  }

  #count(link: string, what: 'sent' | 'badAuth' | 'malformed'): void {
    const counters = this.#counters.get(link);
    if (counters !== undefined) counters[what] += 1;
  }
}

/** A unicast address and the other end of a serial line are one node. */
function toOne(spec: LinkSpec): string | null {
  if (spec.kind === 'serial') return spec.path;
  return spec.kind === 'ucast' ? spec.device : null;
}

function open(options: LinksOptions, events: TransportEvents): readonly Transport[] {
  const udp = options.specs.filter((spec) => spec.kind !== 'serial');
  const serial = options.specs.filter((spec) => spec.kind === 'serial');
  // A multicast link has a port of its own.
  const portOf = (spec: (typeof udp)[number]): number =>
    spec.kind === 'mcast' ? spec.port : options.udpPort;
  const ports = [...new Set(udp.map(portOf))];
  return [
    ...ports.flatMap((port) => {
      const links = udp.filter((spec) => portOf(spec) === port);
      return new UdpPort(port, links, events).transports;
    }),
    ...serial.map((spec) => new SerialTransport(linkName(spec), spec.path, spec.baud, events)),
  ];
}
