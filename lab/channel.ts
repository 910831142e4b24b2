// The command channel: one TCP connection a request to the agent in a node (guest/agent.pl).

import net from 'node:net';

/** What a script in a guest left behind. Signals end as exit code 128 + n, as in a shell. */
export type ExecResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** A request to the agent: its verb, the parts whose lengths the header names, a file mode. */
export type AgentRequest = {
  readonly verb: 'RUN' | 'SPAWN' | 'WRITE' | 'READ' | 'TALK';
  readonly parts: readonly string[];
  readonly mode?: number;
};

/** Where the agent listens, how long to wait, and what ends the wait early (the node's death). */
export type ChannelOptions = {
  readonly address: string;
  readonly timeoutMs: number;
  readonly what: string;
  readonly signal: AbortSignal;
};

export const AGENT_PORT = 7100;

/** A node that has just come up, or a busy host: nothing was asked yet, so it is tried again. */
const CONNECT_AGAIN_MS = 100;

/**
 * Sends one request and collects the reply. Throws when the node ends meanwhile, the connection breaks,
 * or the reply is not complete within `timeoutMs` (the agent then kills the script). An agent that cannot
 * be reached is tried again within that time.
 */
export function ask(request: AgentRequest, options: ChannelOptions): Promise<ExecResult> {
  const { address, timeoutMs, what, signal } = options;
  return new Promise((resolve, reject) => {
    const reply = new ReplyReader();
    let socket: net.Socket | null = null;
    let again: NodeJS.Timeout | undefined;
    let refusal = '';
    let isOver = false;
    const settle = (error: Error | null): void => {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(again);
      signal.removeEventListener('abort', onAbort);
      socket?.destroy();
      if (error === null) resolve(reply.result());
      else reject(error);
    };
    const onAbort = (): void => settle(new Error(`the node ended during ${what}`));
    const timer = setTimeout(() => {
      settle(new Error(`waited ${timeoutMs} ms for ${what}${refusal}`));
    }, timeoutMs);
    const connect = (): void => {
      let isConnected = false;
      socket = net.connect({ host: address, port: AGENT_PORT, noDelay: true });
      socket.once('connect', () => {
        isConnected = true;
        socket?.write(encode(request));
      });
      socket.on('data', (chunk) => {
        try {
          if (reply.push(chunk)) settle(null);
        } catch (error) {
          settle(error instanceof Error ? error : new Error(String(error)));
        }
      });
      socket.once('error', (error) => {
        if (isConnected) settle(new Error(`${what}: ${error.message}`));
        refusal = ` (${error.message})`;
      });
      socket.once('close', () => {
        if (isConnected) settle(new Error(`${what}: the agent closed the connection`));
        else if (!isOver) again = setTimeout(connect, CONNECT_AGAIN_MS);
      });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else connect();
  });
}

function encode({ verb, parts, mode }: AgentRequest): Buffer {
  const bodies = parts.map((part) => Buffer.from(part, 'utf8'));
  const numbers = bodies.map((body) => String(body.length));
  if (mode !== undefined) numbers.push(mode.toString(8).padStart(4, '0'));
  return Buffer.concat([Buffer.from(`${verb} ${numbers.join(' ')}\n`), ...bodies]);
}

/** Splits the agent's frames: `O n`, `E n` with n bytes each, at last `X code`. */
class ReplyReader {
  #pending = Buffer.alloc(0);
  #exitCode = -1;
  readonly #streams = { O: [] as Buffer[], E: [] as Buffer[] };

  /** Takes more bytes; true once the reply is complete. */
  push(chunk: Buffer): boolean {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const end = this.#pending.indexOf(10);
      if (end < 0) return false;
      const [kind = '', text = ''] = this.#pending.toString('latin1', 0, end).split(' ');
      const value = Number(text);
      if (kind === 'X') {
        this.#exitCode = value;
        return true;
      }
      if (kind !== 'O' && kind !== 'E') throw new Error(`unknown frame ${kind} from the agent`);
      if (this.#pending.length < end + 1 + value) return false;
      this.#streams[kind].push(this.#pending.subarray(end + 1, end + 1 + value));
      this.#pending = this.#pending.subarray(end + 1 + value);
    }
  }

  result(): ExecResult {
    const text = (kind: 'O' | 'E'): string => Buffer.concat(this.#streams[kind]).toString('utf8');
    return { exitCode: this.#exitCode, stdout: text('O'), stderr: text('E') };
  }
}
