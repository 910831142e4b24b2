/**
 * Broadcast, unicast and multicast over UDP. All links of a node share one receiving socket, as
 * they share one port; a datagram belongs to the link through whose network its sender is reached.
 */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { linkName, type LinkSpec } from '../link-spec.js';
import type { Transport, TransportEvents } from './transport.js';

type UdpLink = Exclude<LinkSpec, { kind: 'serial' }>;

/** Addresses of interfaces are looked up this often at most; they appear late at boot. */
const ADDRESSES_MAX_AGE_MS = 1_000;
/** The socket is opened again this long after it failed. */
const REOPEN_MS = 1_000;
/** IP_TTL of multicast defaults to the configured one; broadcasts stay on the wire by nature. */
const RECEIVE_BUFFER_BYTES = 262_144;

interface Ipv4Network {
  readonly address: number;
  readonly mask: number;
}

/** The receiving socket of one port with all its links. */
export class UdpPort {
  readonly transports: readonly Transport[];
  readonly #port: number;
  readonly #links: readonly UdpLink[];
  readonly #events: TransportEvents;
  readonly #troubles = new Map<string, string | null>();
  #socket: Socket | null = null;
  #ready = false;
  #closed = false;
  #addresses: { readonly atMs: number; readonly byDevice: ReadonlyMap<string, Ipv4Network> };

  constructor(port: number, links: readonly UdpLink[], events: TransportEvents) {
    this.#port = port;
    this.#links = links;
    this.#events = events;
    this.#addresses = { atMs: Number.NEGATIVE_INFINITY, byDevice: new Map() };
    this.transports = links.map((link) => this.#transport(link));
    this.#open();
  }

  #transport(link: UdpLink): Transport {
    return {
      name: linkName(link),
      framing: 'datagram',
      send: (bytes) => this.#send(link, bytes),
      close: async () => this.#close(),
    };
  }

  #open(): void {
    if (this.#closed) return;
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#socket = socket;
    socket.on('error', (error) => this.#reopen(error.message));
    socket.on('message', (bytes, from) => {
      const link = this.#linkOf(from.address);
      if (link !== null) this.#events.onFrame(linkName(link), bytes);
    });
    socket.bind(this.#port, () => {
      socket.setBroadcast(true);
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      this.#joinGroups(socket);
      this.#ready = true;
      for (const link of this.#links) this.#trouble(link, null);
    });
  }

  #reopen(reason: string): void {
    this.#ready = false;
    this.#socket?.close();
    this.#socket = null;
    for (const link of this.#links) this.#trouble(link, `UDP port ${this.#port}: ${reason}`);
    if (!this.#closed) setTimeout(() => this.#open(), REOPEN_MS).unref();
  }

  #joinGroups(socket: Socket): void {
    for (const link of this.#links) {
      if (link.kind !== 'mcast') continue;
      const own = this.#network(link.device);
      try {
        socket.addMembership(link.group, own === null ? undefined : dotted(own.address));
        socket.setMulticastTTL(link.ttl);
        socket.setMulticastLoopback(link.loop);
      } catch (error) {
        this.#trouble(link, messageOf(error));
      }
    }
  }

  #send(link: UdpLink, bytes: Uint8Array): void {
    const target = this.#targetOf(link);
    if (!this.#ready || this.#socket === null || target === null) {
      if (this.#ready) this.#trouble(link, `interface ${link.device} has no IPv4 address`);
      return;
    }
    this.#socket.send(bytes, target.port, target.address, (error) => {
      this.#trouble(link, error === null ? null : error.message);
    });
  }

  #targetOf(link: UdpLink): { readonly address: string; readonly port: number } | null {
    if (link.kind === 'ucast') return { address: link.address, port: this.#port };
    if (link.kind === 'mcast') return { address: link.group, port: link.port };
    const own = this.#network(link.device);
    if (own === null) return null;
    return { address: dotted((own.address | ~own.mask) >>> 0), port: this.#port };
  }

  /** The link through which the sender is reached; null for ourselves and for strangers. */
  #linkOf(address: string): UdpLink | null {
    const from = numeric(address);
    if (from === null) return null;
    const exact = this.#links.find((link) => link.kind === 'ucast' && link.address === address);
    if (exact !== undefined) return exact;
    for (const link of this.#links) {
      const own = this.#network(link.device);
      if (own === null) continue;
      if (own.address === from) return null;
      if ((own.address & own.mask) === (from & own.mask)) return link;
    }
    return this.#links.length === 1 ? (this.#links[0] ?? null) : null;
  }

  #network(device: string): Ipv4Network | null {
    const nowMs = performance.now();
    if (nowMs - this.#addresses.atMs > ADDRESSES_MAX_AGE_MS) {
      this.#addresses = { atMs: nowMs, byDevice: readNetworks() };
    }
    return this.#addresses.byDevice.get(device) ?? null;
  }

  #trouble(link: UdpLink, trouble: string | null): void {
    const name = linkName(link);
    if ((this.#troubles.get(name) ?? null) === trouble) return;
    this.#troubles.set(name, trouble);
    this.#events.onTrouble(name, trouble);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const socket = this.#socket;
    if (socket === null) return;
    await new Promise<void>((resolve) => {
      socket.close(() => resolve());
    });
  }
}

/** The first IPv4 network of each interface: service addresses are added behind it. */
function readNetworks(): ReadonlyMap<string, Ipv4Network> {
  const networks = new Map<string, Ipv4Network>();
  for (const [device, infos] of Object.entries(networkInterfaces())) {
    for (const info of infos ?? []) {
      const address = numeric(info.address);
      const mask = numeric(info.netmask);
      if (info.family !== 'IPv4' || address === null || mask === null) continue;
      if (!networks.has(device)) networks.set(device, { address, mask });
    }
  }
  return networks;
}

function numeric(address: string): number | null {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return parts.reduce((sum, part) => ((sum << 8) | part) >>> 0, 0);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => String((address >>> shift) & 255)).join('.');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
