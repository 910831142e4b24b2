import type { IncomingMessage, RequestOptions } from 'node:http';
import {
  CONTROL_PATH,
  type HistoryAnswer,
  type OperatorAnswer,
  type OperatorEnvelope,
  type Status,
} from '../base/control.js';
import type { StateDump } from '../base/dump.js';
import type { SplitBrainSides } from '../base/split-brain.js';
import type { ExitName } from '../base/exit-codes.js';
import type { WhyAnswer } from '../base/why.js';
import { CliFailure } from './cli-failure.js';

/**
 * The other end of the control socket. Every call has one limit, from the first byte to the last;
 * every failure is a CliFailure whose exit name says what kind it was:
 *
 *     daemonDown    nobody listens there             permission   the socket is not ours
 *     unavailable   no answer in time, or no sense   usage        the daemon refused our words
 */
export interface Client {
  status(): Promise<Status>;
  history(): Promise<HistoryAnswer>;
  splitBrain(): Promise<SplitBrainSides>;
  why(): Promise<WhyAnswer>;
  /** The state of the core; what is in it is not looked at here. */
  dump(): Promise<StateDump>;
  request(envelope: OperatorEnvelope): Promise<OperatorAnswer>;
  /** How a request stands; null when the daemon does not know it (any more). */
  answer(id: string): Promise<OperatorAnswer | null>;
}

/** A daemon on the same machine answers within milliseconds; two seconds is a stalled one. */
const ANSWER_TIMEOUT_MS = 2_000;

/** Bytes of an answer; a status of many nodes with a long history stays far below. */
const ANSWER_BYTES_MAX = 16_777_216;

/** Makes a client; nothing is opened before the first call. */
export function createClient(socketPath: string): Client {
  const get = async (path: string): Promise<Reply> => call({ socketPath, path, method: 'GET' }, '');
  return {
    status: async () => sensible(await get(CONTROL_PATH.status), isStatus),
    history: async () => sensible(await get(CONTROL_PATH.history), isHistory),
    dump: async () => sensible(await get(CONTROL_PATH.dump), isDump),
    why: async () => sensible(await get(CONTROL_PATH.why), isWhy),
    splitBrain: async () => sensible(await get(CONTROL_PATH.splitBrain), isSides),
    async request(envelope) {
      const options = { socketPath, path: CONTROL_PATH.requests, method: 'POST' };
      return sensible(await call(options, JSON.stringify(envelope)), isAnswer);
    },
    async answer(id) {
      const reply = await get(`${CONTROL_PATH.requests}/${encodeURIComponent(id)}`);
      return reply.code === 404 ? null : sensible(reply, isAnswer);
    },
  };
}

interface Reply {
  readonly code: number;
  readonly text: string;
}

async function call(options: RequestOptions, body: string): Promise<Reply> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, agent: false });
    const limit = setTimeout(() => asked.destroy(slow()), ANSWER_TIMEOUT_MS);
    asked.once('close', () => clearTimeout(limit));
    asked.once('error', (error) => reject(failureOf(error, options.socketPath ?? '')));
    asked.once('response', (response) => {
      readAll(response).then(
        (text) => resolve({ code: response.statusCode ?? 0, text }),
        (error: unknown) => reject(failureOf(error, options.socketPath ?? '')),
      );
    });
    if (body !== '') asked.setHeader('content-type', 'application/json');
    asked.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw nonsense(`more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function slow(): CliFailure {
  const sentence = `tandemd did not answer within ${ANSWER_TIMEOUT_MS / 1_000} s`;
  return new CliFailure('unavailable', sentence);
}

function nonsense(found: string): CliFailure {
  return new CliFailure('unavailable', `tandemd answered something else than expected: ${found}`);
}

function failureOf(error: unknown, socketPath: string): CliFailure {
  if (error instanceof CliFailure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const known = FAILURES[code ?? ''];
  if (known !== undefined) return new CliFailure(known[0], known[1](socketPath));
  return new CliFailure('unavailable', `tandemd broke off the answer: ${message}`);
}

type KnownFailure = readonly [ExitName, (socketPath: string) => string];

const NO_FILE: KnownFailure = ['daemonDown', (path) => `tandemd is not running: no socket ${path}`];
const NO_LISTENER: KnownFailure = [
  'daemonDown',
  (path) => `tandemd is not running: nobody listens on ${path}`,
];
const NO_ACCESS: KnownFailure = [
  'permission',
  (path) => `No access to ${path}: run as root or as a member of group haclient`,
];

/** What connect(2) says about a Unix socket: unix(7). */
const FAILURES: Readonly<Record<string, KnownFailure>> = {
  ENOENT: NO_FILE,
  ENOTDIR: NO_FILE,
  ECONNREFUSED: NO_LISTENER,
  ENOTSOCK: NO_LISTENER,
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
};

/** Checks an answer just far enough that nothing later stumbles over a foreign program's words. */
function sensible<T extends object>(reply: Reply, isIt: (value: object) => value is T): T {
  let value: unknown;
  try {
    value = JSON.parse(reply.text);
  } catch {
    throw nonsense(`HTTP ${reply.code} without JSON`);
  }
  if (typeof value !== 'object' || value === null) throw nonsense(`HTTP ${reply.code}`);
  if (reply.code === 200 && isIt(value)) return value;
  const fields = value as Fields;
  if (reply.code === 200) throw nonsense(`schema ${JSON.stringify(fields['schema'] ?? null)}`);
  const said = typeof fields['error'] === 'string' ? fields['error'] : `HTTP ${reply.code}`;
  if (reply.code === 400) throw new CliFailure('usage', `tandemd refused the request: ${said}`);
  throw new CliFailure('unavailable', `tandemd could not answer: ${said}`);
}

type Fields = Readonly<Record<string, unknown>>;

function isStatus(answer: object): answer is Status {
  const value = answer as Fields;
  const lists = ['nodes', 'links', 'groups', 'drbd'];
  return (
    value['schema'] === 'tandem.status/1' &&
    lists.every((name) => Array.isArray(value[name])) &&
    typeof value['verdict'] === 'object' &&
    typeof value['fencing'] === 'object'
  );
}

function isHistory(answer: object): answer is HistoryAnswer {
  const value = answer as Fields;
  return value['schema'] === 'tandem.history/1' && Array.isArray(value['entries']);
}

function isWhy(answer: object): answer is WhyAnswer {
  const value = answer as Fields;
  const lists = ['groups', 'nodes'];
  return value['schema'] === 'tandem.why/1' && lists.every((name) => Array.isArray(value[name]));
}

function isDump(answer: object): answer is StateDump {
  return (answer as Fields)['schema'] === 'tandem.dump/1';
}

function isSides(answer: object): answer is SplitBrainSides {
  const value = answer as Fields;
  return value['schema'] === 'tandem.split-brain-sides/1' && Array.isArray(value['resources']);
}

function isAnswer(answer: object): answer is OperatorAnswer {
  const value = answer as Fields;
  return (
    ['id', 'state', 'message', 'exit'].every((name) => typeof value[name] === 'string') &&
    Array.isArray(value['progress'])
  );
}
