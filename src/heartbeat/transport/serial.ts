/**
 * A null modem. 19,200 baud carry 1,920 bytes a second, so there is no queue: while a frame is
 * under way at most one more waits, and a newer one takes its place (design 3).
 */
import type { SerialPort } from 'serialport';
import { createDeframer, push, type DeframerState } from '../deframer.js';
import type { Transport, TransportEvents } from './transport.js';

/** The device is opened again this long after it failed or closed. */
const REOPEN_MS = 1_000;

/** One serial line. The package that drives it is loaded on first use only. */
export class SerialTransport implements Transport {
  readonly name: string;
  readonly framing = 'serial';
  readonly #path: string;
  readonly #baud: number;
  readonly #events: TransportEvents;
  #port: SerialPort | null = null;
  #deframer: DeframerState = createDeframer();
  #writing = false;
  #waiting: Uint8Array | null = null;
  #closed = false;
  #trouble: string | null = null;

  constructor(name: string, path: string, baud: number, events: TransportEvents) {
    this.name = name;
    this.#path = path;
    this.#baud = baud;
    this.#events = events;
    void this.#open();
  }

  send(bytes: Uint8Array): void {
    if (this.#port === null || !this.#port.isOpen) return;
    if (this.#writing) {
      this.#waiting = bytes;
      return;
    }
    this.#write(bytes);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const port = this.#port;
    this.#port = null;
    if (port === null || !port.isOpen) return;
    await new Promise<void>((resolve) => {
      port.close(() => resolve());
    });
  }

  #write(bytes: Uint8Array): void {
    const port = this.#port;
    if (port === null) return;
    this.#writing = true;
    port.write(Buffer.from(bytes), (error) => {
      if (error instanceof Error) this.#say(error.message);
    });
    port.drain(() => {
      this.#writing = false;
      const next = this.#waiting;
      this.#waiting = null;
      if (next !== null) this.#write(next);
    });
  }

  async #open(): Promise<void> {
    if (this.#closed) return;
    try {
      const { SerialPort: Port } = await import('serialport');
      const options = { path: this.#path, baudRate: this.#baud, autoOpen: false };
      const port = new Port(options);
      port.on('data', (bytes: Buffer) => this.#take(bytes));
      port.on('error', (error: Error) => this.#reopen(error.message));
      port.on('close', () => this.#reopen('the device was closed'));
      port.open((error) => {
        if (error !== null) {
          this.#reopen(error.message);
          return;
        }
        this.#port = port;
        this.#writing = false;
        this.#waiting = null;
        this.#say(null);
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#say(`no serial driver for this machine: ${reason}`);
    }
  }

  #reopen(reason: string): void {
    if (this.#closed) return;
    this.#port = null;
    this.#writing = false;
    this.#say(reason);
    setTimeout(() => void this.#open(), REOPEN_MS).unref();
  }

  #take(bytes: Uint8Array): void {
    const { state, frames, skippedBytes } = push(this.#deframer, bytes);
    this.#deframer = state;
    if (skippedBytes > 0) this.#events.onNoise(this.name, skippedBytes);
    for (const frame of frames) this.#events.onFrame(this.name, frame);
  }

  #say(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#events.onTrouble(this.name, trouble);
  }
}
