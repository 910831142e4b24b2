/**
 * The sending half of a multicast link. It has a socket of its own, because the interface, the time
 * to live and the loop are properties of a socket and not of a datagram.
 */
import { createSocket, type Socket } from 'node:dgram';

/** Where to send, and how. */
export interface MulticastTarget {
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
  readonly loop: boolean;
}

/** Sends to one group through the interface that has `address`. */
export class MulticastSender {
  readonly address: string;
  readonly #target: MulticastTarget;
  readonly #onResult: (trouble: string | null) => void;
  readonly #socket: Socket;
  #ready = false;

  constructor(
    address: string,
    target: MulticastTarget,
    onResult: (trouble: string | null) => void,
  ) {
    this.address = address;
    this.#target = target;
    this.#onResult = onResult;
    this.#socket = createSocket('udp4');
    this.#socket.on('error', (error) => onResult(error.message));
    this.#socket.bind({ address, port: 0 }, () => this.#prepare());
  }

  #prepare(): void {
    try {
      this.#socket.setMulticastInterface(this.address);
      this.#socket.setMulticastTTL(this.#target.ttl);
      this.#socket.setMulticastLoopback(this.#target.loop);
      this.#ready = true;
    } catch (error) {
      this.#onResult(error instanceof Error ? error.message : String(error));
    }
  }

  send(bytes: Uint8Array): void {
    if (!this.#ready) return;
    const { port, group } = this.#target;
    this.#socket.send(bytes, port, group, (error) => this.#onResult(error?.message ?? null));
  }

  close(): void {
    this.#ready = false;
    this.#socket.close();
  }
}
