import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AssertionFailure } from '../base/assert.js';
import {
  CONTROL_BODY_BYTES_MAX,
  CONTROL_PATH,
  type HistoryAnswer,
  type OperatorAnswer,
  type OperatorEnvelope,
  type Status,
} from '../base/control.js';
import type { StateDump } from '../base/dump.js';
import type { SplitBrainSides } from '../base/split-brain.js';
import { err, ok, type Result } from '../base/result.js';
import type { WhyAnswer } from '../base/why.js';
import { parseEnvelope } from './control-request.js';
import { claimSocketPath, grantGroup, listenPrivately } from './control-socket.js';
import type { Log } from './log.js';

/**
 * The door for operators: HTTP and JSON on a Unix socket (src/base/control.ts is the contract).
 *
 * The file's rights are the whole access control. Every answer is made synchronously from the state
 * at hand, so a client can neither hold up the event loop nor see a half-made decision; what takes
 * long is asked for again by its id.
 */

/** What the daemon answers with. All are called on the event loop and return at once. */
export interface ControlBackend {
  status(): Status;
  history(): HistoryAnswer;
  why(): WhyAnswer;
  dump(): StateDump;
  splitBrain(): SplitBrainSides;
  request(envelope: OperatorEnvelope): OperatorAnswer;
  /** How an earlier request stands; null when the id is not known (any more). */
  answer(id: string): OperatorAnswer | null;
}

export interface ControlServerOptions {
  readonly path: string;
  readonly backend: ControlBackend;
  readonly log: Log;
  /** Rights of the socket file once the group owns it. Default 0660. */
  readonly mode?: number;
  /** The group that may connect; null for the owner only. Default haclient. */
  readonly group?: string | null;
  /** Where groups are looked up. Default /etc/group. */
  readonly groupFile?: string;
}

export interface ControlServer {
  /** Opens the socket. The error is a whole sentence; nothing is left open then. */
  listen(): Promise<Result<null, string>>;
  /** Stops answering and removes the socket file (Node does that). Safe to call twice, and without `listen`. */
  close(): Promise<void>;
}

/** A client on the same machine sends its few hundred bytes at once; more is a stuck client. */
const REQUEST_TIMEOUT_MS = 5_000;

/** How often the timeout above is looked at. */
const REQUEST_CHECK_MS = 1_000;

/** An idle connection of `status --watch`, which asks each second, survives; others go. */
const KEEP_ALIVE_MS = 5_000;

/** Bytes of all request headers; ours are some 150. */
const HEADER_BYTES_MAX = 8_192;

/** Clients at once: a few operators and a few monitors; more would be a leak or an attack. */
const CONNECTIONS_MAX = 32;

/** What an answer being sent gets to leave before the daemon closes for good. */
const CLOSE_GRACE_MS = 500;

/** Makes the server; nothing is touched before `listen`. */
export function createControlServer(options: ControlServerOptions): ControlServer {
  const { path, backend, log } = options;
  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => handle({ backend, log, request, response }),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', refuseMalformed);
  warnWhenFull(server, log);

  return {
    async listen() {
      const claimed = await claimSocketPath(path);
      if (!claimed.ok) return claimed;
      const listening = await listenPrivately(server, path);
      if (!listening.ok) return listening;
      server.on('error', (error) => log.error(`Control socket: ${error.message}`));
      const access = grantGroup(path, {
        group: options.group === undefined ? 'haclient' : options.group,
        mode: options.mode ?? 0o660,
        groupFile: options.groupFile ?? '/etc/group',
      });
      if (access.warning !== null) log.warn(access.warning);
      log.debug('Control socket is open', { path, group: access.group });
      return ok(null);
    },
    async close() {
      if (!server.listening) return;
      const left = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearTimeout(left);
    },
  };
}

/** One line each time the server fills up, however many clients are then turned away. */
function warnWhenFull(server: Server, log: Log): void {
  let told = false;
  server.on('connection', () => (told = false));
  server.on('drop', () => {
    if (!told) log.warn(`Control socket refuses clients: ${CONNECTIONS_MAX} are connected`);
    told = true;
  });
}

interface Exchange {
  readonly backend: ControlBackend;
  readonly log: Log;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What goes back: an HTTP status and the JSON value of the body. */
interface Reply {
  readonly code: number;
  readonly body: unknown;
  readonly allow?: string;
}

function handle(exchange: Exchange): void {
  const { request, response } = exchange;
  readBody(request, (body) => {
    if (response.destroyed) return;
    const reply = body.ok ? guardedRoute(exchange, body.value) : problem(413, body.error);
    if (!body.ok) response.shouldKeepAlive = false;
    send(response, reply);
  });
}

/** A defect becomes an answer and a log line; a broken invariant still ends the daemon. */
function guardedRoute(exchange: Exchange, body: string): Reply {
  try {
    return route(exchange, body);
  } catch (error) {
    if (error instanceof AssertionFailure) throw error;
    exchange.log.error('Control request failed', { url: exchange.request.url, error });
    return problem(500, 'A defect of Tandem; its log says more');
  }
}

function route({ backend, request }: Exchange, body: string): Reply {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const id = requestId(path);
  const expected = path === CONTROL_PATH.requests ? 'POST' : 'GET';
  const known = id !== null || Object.values<string>(CONTROL_PATH).includes(path);
  if (!known) return problem(404, `Nothing is at ${path}`);
  if (request.method !== expected) {
    return { ...problem(405, `${path} takes ${expected} only`), allow: expected };
  }
  if (id !== null) return answered(backend.answer(id), id);
  if (path === CONTROL_PATH.status) return { code: 200, body: backend.status() };
  if (path === CONTROL_PATH.history) return { code: 200, body: backend.history() };
  if (path === CONTROL_PATH.why) return { code: 200, body: backend.why() };
  if (path === CONTROL_PATH.dump) return { code: 200, body: backend.dump() };
  if (path === CONTROL_PATH.splitBrain) return { code: 200, body: backend.splitBrain() };
  const envelope = parseEnvelope(body);
  if (!envelope.ok) return problem(400, envelope.error);
  return { code: 200, body: backend.request(envelope.value) };
}

function requestId(path: string): string | null {
  const match = /^\/v1\/requests\/([A-Za-z0-9._-]{1,64})$/.exec(path);
  return match?.[1] ?? null;
}

function answered(answer: OperatorAnswer | null, id: string): Reply {
  return answer === null ? problem(404, `No request has the id ${id}`) : { code: 200, body: answer };
}

function problem(code: number, error: string): Reply {
  return { code, body: { error } };
}

/** Calls back once, when the body is whole or too long; never when the client breaks off. */
function readBody(request: IncomingMessage, done: (body: Result<string, string>) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    const fitted = bytes <= CONTROL_BODY_BYTES_MAX;
    bytes += chunk.length;
    if (bytes <= CONTROL_BODY_BYTES_MAX) chunks.push(chunk);
    else if (fitted) done(err(`The body is longer than ${CONTROL_BODY_BYTES_MAX} bytes`));
  });
  request.on('end', () => {
    if (bytes <= CONTROL_BODY_BYTES_MAX) done(ok(Buffer.concat(chunks).toString('utf8')));
  });
  request.on('error', () => request.destroy());
}

function send(response: ServerResponse, reply: Reply): void {
  const text = `${JSON.stringify(reply.body)}\n`;
  response.writeHead(reply.code, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(reply.allow === undefined ? {} : { allow: reply.allow }),
  });
  response.end(text);
}

/** Not HTTP, headers too large, or too slow: one line back, and the connection is closed. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const line = slow ? '408 Request Timeout' : '400 Bad Request';
  const body = `${JSON.stringify({ error: slow ? 'The request took too long' : 'Not HTTP/1.1' })}\n`;
  const length = Buffer.byteLength(body);
  const head = `content-type: application/json\r\ncontent-length: ${length}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${line}\r\n${head}\r\n\r\n${body}`);
}
