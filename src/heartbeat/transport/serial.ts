/**
 * A null modem. 19,200 baud carry 1,920 bytes a second, so there is no queue: while a frame is
 * under way at most one more waits, and a newer one takes its place (design 3).
 *
 *     closed --- open ---> open --- error, hang-up, unplugged ---> failed --- 1 s ---> closed
 *
 * Each opening makes a new port; whatever a former one still reports is not heard any more.
 */
import type { SerialPort } from 'serialport';
import { formatDuration } from '../../base/duration.js';
import { createDeframer, push, type DeframerState } from '../deframer.js';
import type { Transport, TransportEvents } from './transport.js';

/** The device is opened again this long after it failed or closed. */
const REOPEN_MS = 1_000;
/** Longer than the largest frames of a small cluster take at 9,600 baud. */
const STUCK_MS = 10_000;
/** A frame of 600 bytes takes 0.3 s at 19,200 baud; a peer that does not read must not keep us. */
const LAST_WORD_MS = 1_000;

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
  #drained: () => void = () => undefined;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #trouble: string | null = null;
  readonly #stuckMs: number;

  constructor(
    name: string,
    path: string,
    baud: number,
    events: TransportEvents,
    stuckMs = STUCK_MS,
  ) {
    this.#stuckMs = stuckMs;
    this.name = name;
    this.#path = path;
    this.#baud = baud;
    this.#events = events;
    void this.#open();
  }

  send(bytes: Uint8Array): void {
    if (this.#port?.isOpen !== true) return;
    if (this.#writing) this.#waiting = bytes;
    else this.#write(this.#port, bytes);
  }

  /** Lets the newest frame out if the line takes it in time, then closes. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#writing) {
      await atMost(LAST_WORD_MS, (done) => {
        this.#drained = done;
      });
    }
    const port = this.#port;
    this.#port = null;
    if (port?.isOpen !== true) return;
    await atMost(LAST_WORD_MS, (done) => {
      // What the line did not take would keep close(2) waiting for 30 s.
      port.flush(() => port.close(done));
    });
  }

  #write(port: SerialPort, bytes: Uint8Array): void {
    this.#writing = true;
    const stuck = setInterval(() => {
      // A port that was given up may never say that it has drained.
      if (port === this.#port) this.#unstick(port);
      else clearInterval(stuck);
    }, this.#stuckMs).unref();
    // A failed write closes the port, which is where it is told.
    port.write(Buffer.from(bytes));
    port.drain(() => {
      clearInterval(stuck);
      if (port !== this.#port) return;
      this.#writing = false;
      this.#say(null);
      const next = this.#waiting;
      this.#waiting = null;
      if (next !== null) this.#write(port, next);
      else this.#drained();
    });
  }

  /**
   * The line has taken nothing for long: what waits in it is old news. It is thrown away, so that the
   * newest truth is the first that gets through; again and again, for as long as the port is open.
   */
  #unstick(port: SerialPort): void {
    if (!port.isOpen) return;
    this.#say(`it has taken nothing for ${formatDuration(this.#stuckMs)}: is the other end read?`);
    port.flush(() => undefined);
  }

  async #open(): Promise<void> {
    try {
      const { SerialPort: Port } = await import('serialport');
      if (this.#closed) return;
      const options = { path: this.#path, baudRate: this.#baud, autoOpen: false };
      const port = new Port(options);
      this.#port = port;
      port.on('data', (bytes: Buffer) => {
        if (port === this.#port) this.#take(bytes);
      });
      port.on('error', (error: Error) => this.#lose(port, error.message));
      port.on('close', () => this.#lose(port, 'the device was closed'));
      port.on('end', () => this.#lose(port, 'the device hung up'));
      port.open((error) => {
        if (error !== null) this.#lose(port, error.message);
        else if (port === this.#port) this.#say(null);
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#say(`no serial driver for this machine: ${reason}`);
    }
  }

  /** Gives up a port that failed, once for all that it says about it, and opens another later. */
  #lose(port: SerialPort, reason: string): void {
    if (port !== this.#port) return;
    this.#port = null;
    this.#writing = false;
    this.#waiting = null;
    this.#deframer = createDeframer();
    this.#drained();
    if (port.isOpen) port.close(() => undefined);
    if (this.#closed) return;
    this.#say(reason);
    this.#timer = setTimeout(() => void this.#open(), REOPEN_MS).unref();
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

/** Waits for `done` to be called, but not longer than the limit. */
async function atMost(limitMs: number, start: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
