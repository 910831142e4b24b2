// A client of the service: writes rows one by one, for ever, and remembers every acknowledgement.

import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection } from 'mariadb';
import { DATABASE } from './storage.js';

/** The service address that fails over. */
export const SERVICE_ADDRESS = '10.9.0.100';

/** How a writer behaves; times in ms. */
export type WriterOptions = {
  readonly host?: string;
  /** Pause after each acknowledged row; bounds the rate. */
  readonly pauseMs?: number;
  /** Pause between attempts to connect. */
  readonly retryMs?: number;
  /** How long a connected server may take for one row before the writer reconnects. */
  readonly socketTimeoutMs?: number;
};

/**
 * A gap between two acknowledgements. `fromMs` and `toMs` are wall clock (ms since 1970);
 * `toMs` is null while the gap lasts.
 */
export type Outage = {
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly durationMs: number;
};

/** What the database holds against what was acknowledged. `lost` must be empty. */
export type Verdict = {
  readonly acknowledged: number;
  readonly stored: number;
  readonly lost: readonly number[];
  /** Rows that are there although their acknowledgement never arrived: allowed. */
  readonly unacknowledged: number;
};

/** One acknowledged row: wall clock (ms since 1970) and monotonic clock. */
type Acknowledgement = { readonly id: number; readonly wallMs: number; readonly tickMs: number };

const PROBE_TIMEOUT_MS = 60;
const LOGIN_TIMEOUT_MS = 2000;

/** Inserts rows into shop.rows through the service address until stopped. */
export class Writer {
  readonly #host: string;
  readonly #pauseMs: number;
  readonly #retryMs: number;
  readonly #socketTimeoutMs: number;
  readonly #acknowledged: Acknowledgement[] = [];
  #nextId = 1;
  #stopping = false;
  #loop: Promise<void> | null = null;
  #lastError = 'none yet';

  constructor(options: WriterOptions = {}) {
    this.#host = options.host ?? SERVICE_ADDRESS;
    this.#pauseMs = options.pauseMs ?? 5;
    this.#retryMs = options.retryMs ?? 10;
    this.#socketTimeoutMs = options.socketTimeoutMs ?? 500;
  }

  /** Starts writing; returns at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Stops writing after the current row. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop;
  }

  /** How many rows the server has acknowledged. */
  get count(): number {
    return this.#acknowledged.length;
  }

  /** The newest reason why a row or a connection failed. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Waits until `rows` more rows than now are acknowledged. */
  async untilWritten(rows: number, { timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    const wanted = this.count + rows;
    const endMs = performance.now() + timeoutMs;
    while (this.count < wanted) {
      if (performance.now() >= endMs) {
        const words = `waited ${timeoutMs} ms for ${rows} acknowledged rows`;
        throw new Error(`${words}; last error: ${this.#lastError}`);
      }
      await sleep(5);
    }
  }

  /**
   * The gaps between acknowledgements of at least `minimumMs`, longest first. While the writer
   * runs, the time since the newest acknowledgement counts too.
   */
  outages({ minimumMs = 100 }: { readonly minimumMs?: number } = {}): readonly Outage[] {
    const gaps: Outage[] = [];
    for (const [index, { wallMs, tickMs }] of this.#acknowledged.entries()) {
      const next = this.#acknowledged[index + 1];
      if (next === undefined && this.#stopping) break;
      const durationMs = (next?.tickMs ?? performance.now()) - tickMs;
      gaps.push({ fromMs: wallMs, toMs: next?.wallMs ?? null, durationMs });
    }
    return gaps
      .filter((gap) => gap.durationMs >= minimumMs)
      .sort((a, b) => b.durationMs - a.durationMs);
  }

  /** Reads all rows back, from the service address or another host, and compares. */
  async verify({ host = this.#host }: { readonly host?: string } = {}): Promise<Verdict> {
    const connection = await connect(host, 10_000);
    try {
      const rows = await connection.query<{ id: bigint }[]>('SELECT id FROM `rows`');
      const stored = new Set(rows.map((row) => Number(row.id)));
      const acknowledged = this.#acknowledged.map(({ id }) => id);
      const lost = acknowledged.filter((id) => !stored.has(id));
      return {
        acknowledged: acknowledged.length,
        stored: stored.size,
        lost,
        unacknowledged: stored.size - (acknowledged.length - lost.length),
      };
    } finally {
      connection.destroy();
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopping()) {
      let connection: Connection | null = null;
      try {
        await probe(this.#host, DATABASE.port);
        connection = await connect(this.#host, this.#socketTimeoutMs);
        connection.on('error', () => undefined); // the next query reports it
        while (!this.#isStopping()) {
          await this.#writeRow(connection);
          await sleep(this.#pauseMs);
        }
      } catch (error) {
        this.#lastError = error instanceof Error ? error.message : String(error);
        await sleep(this.#retryMs);
      } finally {
        connection?.destroy();
      }
    }
  }

  /** An id is never used twice: a row whose answer got lost may be there. */
  async #writeRow(connection: Connection): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 1;
    await connection.query('INSERT INTO `rows` (id, at) VALUES (?, NOW(6))', [id]);
    this.#acknowledged.push({ id, wallMs: Date.now(), tickMs: performance.now() });
  }

  #isStopping(): boolean {
    return this.#stopping;
  }
}

function connect(host: string, socketTimeoutMs: number): Promise<Connection> {
  return createConnection({
    host,
    port: DATABASE.port,
    user: DATABASE.user,
    password: DATABASE.password,
    database: DATABASE.database,
    connectTimeout: LOGIN_TIMEOUT_MS,
    socketTimeout: socketTimeoutMs,
    keepAliveDelay: 0,
  });
}

/** A bare TCP connection attempt, given up quickly: a dead host must not cost a SYN retry. */
function probe(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === null) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => {
      settle(new Error(`${host}:${port} did not answer in ${PROBE_TIMEOUT_MS} ms`));
    }, PROBE_TIMEOUT_MS);
    socket.once('connect', () => settle(null));
    socket.once('error', settle);
  });
}
