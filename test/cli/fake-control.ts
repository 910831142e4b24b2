import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type {
  HistoryAnswer,
  OperatorAnswer,
  OperatorEnvelope,
  Status,
} from '../../src/base/control.js';
import { STARTED } from './statuses.js';

/** What the daemon is to say; each function is asked anew for every call. */
export interface FakeBackend {
  readonly status: () => Status;
  readonly history: () => HistoryAnswer;
  readonly request: (envelope: OperatorEnvelope) => OperatorAnswer;
  readonly answer: (id: string) => OperatorAnswer | null;
  /** Says something else than the contract: true when it has dealt with the response. */
  readonly instead: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface FakeControl {
  readonly socket: string;
  /** A folder of this test alone. */
  readonly folder: string;
  readonly envelopes: OperatorEnvelope[];
  /** `METHOD /path` of every call, in order. */
  readonly calls: string[];
}

export const DONE: OperatorAnswer = {
  id: 'r-1',
  state: 'done',
  message: 'mysql runs on n2',
  progress: [],
  exit: 'ok',
};

/** A control server that speaks the contract of src/base/control.ts, on a socket of its own. */
export async function fakeControl(
  t: Test,
  change: Partial<FakeBackend> = {},
): Promise<FakeControl> {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-'));
  const control: FakeControl = { socket: join(folder, 's'), folder, envelopes: [], calls: [] };
  const backend: FakeBackend = {
    status: () => STARTED,
    history: () => ({ schema: 'tandem.history/1', self: 'n1', entries: [] }),
    request: () => DONE,
    answer: () => DONE,
    instead: () => false,
    ...change,
  };
  const server = createServer((request, response) => {
    control.calls.push(`${request.method!} ${request.url!}`);
    if (!backend.instead(request, response)) void reply(backend, control, request, response);
  });
  server.listen(control.socket);
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  return control;
}

async function reply(
  backend: FakeBackend,
  control: FakeControl,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const path = request.url!;
  if (path === '/v1/status') send(response, backend.status());
  else if (path === '/v1/history') send(response, backend.history());
  else if (path === '/v1/requests') {
    const envelope = JSON.parse(body) as OperatorEnvelope;
    control.envelopes.push(envelope);
    send(response, backend.request(envelope));
  } else {
    const id = decodeURIComponent(path.slice('/v1/requests/'.length));
    send(response, backend.answer(id));
  }
}

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(value === null ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value ?? { error: 'No such request' }));
}
