/**
 * Broadcast, unicast and multicast over UDP. All links of a port share one receiving socket; a
 * datagram belongs to the link through whose network its sender is reached.
 *
 * Interfaces come late at boot, vanish and come back: what a link needs of them is looked up when
 * it sends. Its trouble is said once, and its end once.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { linkName, type LinkSpec } from '../link-spec.js';
import {
  broadcastOf,
  contains,
  dotted,
  numeric,
  readLocalAddresses,
  type Ipv4Network,
  type LocalAddresses,
} from './ipv4.js';
import { MulticastSender } from './multicast.js';
import type { Transport, TransportEvents } from './transport.js';

type UdpLink = Exclude<LinkSpec, { kind: 'serial' }>;

/** Addresses of interfaces are looked up this often at most; they appear late at boot. */
const ADDRESSES_MAX_AGE_MS = 1_000;
/** The socket is opened again this long after it failed. */
const REOPEN_MS = 1_000;
/** A name that could not be resolved is tried again this long after. */
const RESOLVE_AGAIN_MS = 5_000;
/** Some 200 reports: a stall of ours must not cost what was heard in it. */
const RECEIVE_BUFFER_BYTES = 262_144;

/** What goes out through a link now: somewhere, nowhere (with the reason), or it names ourselves. */
type Route =
  | { readonly kind: 'to'; readonly address: string; readonly port: number }
  | { readonly kind: 'multicast'; readonly sender: MulticastSender }
  | { readonly kind: 'none'; readonly trouble: string }
  | { readonly kind: 'self' };

/** The receiving socket of one port with all its links. */
export class UdpPort {
  readonly transports: readonly Transport[];
  readonly #port: number;
  readonly #links: readonly UdpLink[];
  readonly #events: TransportEvents;
  readonly #troubles = new Map<UdpLink, string | null>();
  readonly #senders = new Map<UdpLink, MulticastSender>();
  /** Name of a peer -> its address; null while it is looked up. */
  readonly #resolved = new Map<string, string | null>();
  /** The line of this node itself, which a file for all nodes may hold. */
  readonly #selves = new Set<UdpLink>();
  /** Bound, or about to be. */
  #socket: Socket | null = null;
  #ready = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #local: LocalAddresses & { readonly atMs: number };

  constructor(port: number, links: readonly UdpLink[], events: TransportEvents) {
    this.#port = port;
    this.#links = links;
    this.#events = events;
    this.#local = { atMs: Number.NEGATIVE_INFINITY, byDevice: new Map(), all: new Set() };
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

  // --- the receiving socket ------------------------------------------------------------------------

  #open(): void {
    if (this.#closed) return;
    // Without reuseAddr: a second listener on the port would take our datagrams silently.
    const socket = createSocket({ type: 'udp4' });
    this.#socket = socket;
    const fail = (error: unknown): void => this.#lose(socket, messageOf(error));
    socket.on('error', fail);
    socket.on('message', (bytes, from) => this.#take(bytes, from.address));
    socket.bind(this.#port, () => {
      if (this.#closed) return;
      try {
        socket.setBroadcast(true);
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch (error) {
        fail(error);
        return;
      }
      this.#ready = true;
      for (const link of this.#links) this.#say(link, null);
    });
  }

  #lose(socket: Socket, reason: string): void {
    if (this.#closed) return;
    this.#ready = false;
    socket.removeAllListeners().on('error', () => undefined);
    socket.close();
    this.#socket = null;
    this.#dropSenders();
    for (const link of this.#links) this.#say(link, `UDP port ${this.#port}: ${reason}`);
    this.#timer = setTimeout(() => this.#open(), REOPEN_MS).unref();
  }

  #take(bytes: Uint8Array, sender: string): void {
    const link = this.#linkOf(sender);
    if (link !== null) this.#events.onFrame(linkName(link), bytes);
  }

  /** The link through which the sender is reached; null for ourselves and for strangers. */
  #linkOf(sender: string): UdpLink | null {
    const from = numeric(sender);
    if (from === null || this.#addresses().all.has(from)) return null;
    const exact = this.#links.find((link) => link.kind === 'ucast' && this.#peer(link) === sender);
    if (exact !== undefined) return exact;
    const near = this.#links.find((link) => {
      const own = this.#network(link.device);
      return own !== null && !this.#selves.has(link) && contains(own, from);
    });
    return near ?? (this.#links.length === 1 ? (this.#links[0] ?? null) : null);
  }

  // --- sending -------------------------------------------------------------------------------------

  #send(link: UdpLink, bytes: Uint8Array): void {
    const socket = this.#socket;
    if (socket === null || !this.#ready) return;
    const route = this.#route(link, socket);
    switch (route.kind) {
      case 'to':
        socket.send(bytes, route.port, route.address, (error) => {
          this.#say(link, error?.message ?? null);
        });
        return;
      case 'multicast':
        route.sender.send(bytes);
        return;
      case 'none':
        this.#say(link, route.trouble);
        return;
      case 'self':
        this.#noteSelf(link);
        return;
    }
  }

  #route(link: UdpLink, socket: Socket): Route {
    if (link.kind === 'ucast') {
      const address = this.#peer(link);
      if (address === null) return { kind: 'none', trouble: `${link.address} cannot be resolved` };
      const number = numeric(address);
      if (number !== null && this.#addresses().all.has(number)) return { kind: 'self' };
      return { kind: 'to', address, port: this.#port };
    }
    const own = this.#network(link.device);
    if (own === null) {
      return { kind: 'none', trouble: `interface ${link.device} has no IPv4 address` };
    }
    if (link.kind === 'mcast') return this.#multicast(link, socket, dotted(own.address));
    const broadcast = broadcastOf(own);
    const trouble = `the network of ${link.device} is too small for a broadcast`;
    if (broadcast === null) return { kind: 'none', trouble };
    return { kind: 'to', address: dotted(broadcast), port: this.#port };
  }

  /** Joins the group, again when the interface has got another address. */
  #multicast(link: Extract<UdpLink, { kind: 'mcast' }>, socket: Socket, own: string): Route {
    const known = this.#senders.get(link);
    if (known?.address === own) return { kind: 'multicast', sender: known };
    known?.close();
    this.#senders.delete(link);
    try {
      socket.addMembership(link.group, own);
    } catch (error) {
      // Joined through that address before.
      if (!messageOf(error).includes('EADDRINUSE')) {
        return { kind: 'none', trouble: `cannot join ${link.group}: ${messageOf(error)}` };
      }
    }
    const sender = new MulticastSender(own, link, (trouble) => {
      if (trouble !== null && this.#senders.get(link) === sender) this.#dropSender(link);
      this.#say(link, trouble);
    });
    this.#senders.set(link, sender);
    return { kind: 'multicast', sender };
  }

  #dropSender(link: UdpLink): void {
    this.#senders.get(link)?.close();
    this.#senders.delete(link);
  }

  #dropSenders(): void {
    for (const link of this.#senders.keys()) this.#dropSender(link);
  }

  // --- addresses -----------------------------------------------------------------------------------

  /** The address of a unicast peer. A name is resolved once, beside: a resolver may hang. */
  #peer(link: Extract<UdpLink, { kind: 'ucast' }>): string | null {
    const name = link.address;
    if (numeric(name) !== null) return name;
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    this.#resolved.set(name, null);
    lookup(name, { family: 4 }, (error, address) => {
      if (error === null) this.#resolved.set(name, address);
      else setTimeout(() => this.#resolved.delete(name), RESOLVE_AGAIN_MS).unref();
    });
    return null;
  }

  #network(device: string): Ipv4Network | null {
    return this.#addresses().byDevice.get(device) ?? null;
  }

  #addresses(): LocalAddresses {
    const nowMs = performance.now();
    if (nowMs - this.#local.atMs > ADDRESSES_MAX_AGE_MS) {
      this.#local = { atMs: nowMs, ...readLocalAddresses() };
    }
    return this.#local;
  }

  // --- news ----------------------------------------------------------------------------------------

  #noteSelf(link: UdpLink): void {
    if (this.#selves.has(link)) return;
    this.#selves.add(link);
    this.#events.onSelf(linkName(link));
  }

  #say(link: UdpLink, trouble: string | null): void {
    if (this.#closed || (this.#troubles.get(link) ?? null) === trouble) return;
    this.#troubles.set(link, trouble);
    this.#events.onTrouble(linkName(link), trouble);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dropSenders();
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    if (socket === null) return;
    await new Promise<void>((resolve) => {
      socket.close(() => resolve());
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
