// Tandem on the nodes of a lab: configured, by Heartbeat's own three files or by cluster.yaml,
// started, asked.

import { setTimeout as sleep } from 'node:timers/promises';
import type {
  HistoryAnswer,
  OperatorAnswer,
  OperatorEnvelope,
  OperatorRequest,
} from '../src/base/control.js';
import type { Status } from '../src/base/status.js';
import type { WhyAnswer } from '../src/base/why.js';
import type { Lab } from './lab.js';
import type { LabNode } from './node.js';
import { POWER } from './power.js';

/** The heartbeat's timing in the demo and the end-to-end tests. */
export const TIMING = { keepaliveMs: 200, warntimeMs: 800, deadtimeMs: 1500 } as const;

/** What the lab's only group is called: the last word of its haresources line. */
export const GROUP = 'mysql';

const KEY_WORDS = 'lab-only-key-that-guards-nothing';
const CONTROL_SOCKET = '/run/tandem/tandem.sock';
const DAEMON_LOG = '/var/log/tandemd.log';
const HA_FOLDER = '/etc/ha.d';
const YAML_FOLDER = '/etc/tandem';

/** The file with the power controller's password. */
export const PASSWORD_FILE = '/etc/ha.d/power.pass';

/** How a cluster of the lab differs from the usual. */
export type ClusterOptions = {
  /** False leaves the `fence` line out, as in most old ha.cf files. Default true. */
  readonly fencing?: boolean;
  readonly autoFailback?: 'on' | 'off';
  /** Seconds to wait for a peer that was never heard. Default 10. */
  readonly initdeadS?: number;
  /** The haresources line without its node. Default: the four words of the demo. */
  readonly resources?: string;
  /** Default 200. The head start of the node without the service is twice this, 500 ms at least. */
  readonly keepaliveMs?: number;
  /** Above it a peer counts as dead. Default 1500; a restart by hand on a busy host takes longer. */
  readonly deadtimeMs?: number;
  /** How long a fence agent may take, in seconds. Default 10. */
  readonly fenceTimeoutS?: number;
  /** Addresses to ping. Default: none. */
  readonly ping?: readonly string[];
  /** A watchdog device. Default: none. */
  readonly watchdog?: string;
  /** A whole cluster.yaml instead of Heartbeat's files; then nothing else of this counts. */
  readonly yaml?: string;
};

/** The resources of the demo, in Heartbeat's notation. */
export const RESOURCES =
  'drbddisk::r0 Filesystem::/dev/drbd0::/db::ext4 IPaddr::10.9.0.100/24/vec0 mysql';

/** ha.cf as the lab's nodes read it. */
export function haCfText(options: ClusterOptions = {}): string {
  const { keepaliveMs = TIMING.keepaliveMs, deadtimeMs = TIMING.deadtimeMs } = options;
  const fence =
    `fence * fence_lab ip=${POWER.address} ipport=${POWER.port} ` +
    `username=${POWER.username} password_file=${PASSWORD_FILE} timeout=${options.fenceTimeoutS ?? 10}s`;
  return [
    `keepalive ${keepaliveMs}ms`,
    `warntime ${Math.min(Math.max(TIMING.warntimeMs, 2 * keepaliveMs), Math.floor((2 * deadtimeMs) / 3))}ms`,
    `deadtime ${deadtimeMs}ms`,
    `initdead ${options.initdeadS ?? 10}`,
    'udpport 694',
    'baud 115200',
    'serial /dev/ttyS1',
    'bcast vec0 vec1',
    `auto_failback ${options.autoFailback ?? 'off'}`,
    'node n1 n2',
    ...(options.ping ?? []).map((address) => `ping ${address}`),
    ...(options.watchdog === undefined ? [] : [`watchdog ${options.watchdog}`]),
    ...(options.fencing === false ? [] : [fence]),
    '',
  ].join('\n');
}

/** Writes the configuration on every node; afterwards a node has that one only. */
export async function configure(lab: Lab, options: ClusterOptions = {}): Promise<void> {
  const { yaml } = options;
  const keys = `auth 1\n1 sha256 ${KEY_WORDS}\n`;
  const [folder, other] = yaml === undefined ? [HA_FOLDER, YAML_FOLDER] : [YAML_FOLDER, HA_FOLDER];
  await Promise.all(
    lab.nodes.map(async (node) => {
      await node.must(`rm -rf ${other}; mkdir -p ${folder} ${HA_FOLDER}`);
      if (yaml === undefined) {
        await node.writeFile(`${folder}/ha.cf`, haCfText(options));
        await node.writeFile(`${folder}/haresources`, `n1 ${options.resources ?? RESOURCES}\n`);
      } else {
        await node.writeFile(`${folder}/cluster.yaml`, yaml);
      }
      await node.writeFile(`${folder}/authkeys`, keys, { mode: 0o600 });
      await node.writeFile(PASSWORD_FILE, `${POWER.password}\n`, { mode: 0o600 });
    }),
  );
}

/**
 * Starts tandemd on a node; its process number. Its log is kept over restarts. `realtime`: its event
 * loop goes before everything else on the machine, and what it starts does not.
 */
export async function startTandemd(
  node: LabNode,
  { realtime = false }: { readonly realtime?: boolean } = {},
): Promise<number> {
  const before = realtime ? 'chrt --reset-on-fork --rr 20 ' : '';
  return node.spawn(`exec ${before}tandemd`, { logFile: DAEMON_LOG });
}

/** What tandemd wrote, parsed; lines that are no JSON (warnings of the configuration) left out. */
export async function daemonLog(node: LabNode): Promise<readonly Record<string, unknown>[]> {
  const text = await node.readFile(DAEMON_LOG);
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}

/** Asks the daemon of a node directly: a program started for each question would disturb it. */
async function ask<T>(node: LabNode, path: string, body: string | null = null): Promise<T | null> {
  const verb = body === null ? 'GET' : 'POST';
  const length = body === null ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const request = `${verb} ${path} HTTP/1.0\r\nConnection: close\r\n${length}\r\n${body ?? ''}`;
  const said = await node.talk(CONTROL_SOCKET, request).catch(() => '');
  const answer = said.split('\r\n\r\n').slice(1).join('\r\n\r\n');
  try {
    return JSON.parse(answer) as T;
  } catch {
    return null;
  }
}

/** The status as a node's daemon sees it; null when it does not answer. */
export async function status(node: LabNode): Promise<Status | null> {
  return ask<Status>(node, '/v1/status');
}

/** The accounts of a node's daemon; null when it does not answer. */
export async function history(node: LabNode): Promise<HistoryAnswer | null> {
  return ask<HistoryAnswer>(node, '/v1/history');
}

/** Why everything is as it is, as a node's daemon sees it; null when it does not answer. */
export async function whyAnswer(node: LabNode): Promise<WhyAnswer | null> {
  return ask<WhyAnswer>(node, '/v1/why');
}

/** Sends an operator's request to a node's daemon; its first answer. */
export async function operate(
  node: LabNode,
  request: OperatorRequest,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<OperatorAnswer> {
  const envelope: OperatorEnvelope = { request, dryRun };
  const answer = await ask<OperatorAnswer>(node, '/v1/requests', JSON.stringify(envelope));
  if (answer === null) throw new Error(`${node.name}: its daemon does not take requests`);
  return answer;
}

/** Waits until a request that was accepted is over; its last answer. */
export async function untilAnswered(
  node: LabNode,
  { id }: OperatorAnswer,
  { timeoutMs, everyMs = 100 }: Patience,
): Promise<OperatorAnswer> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask<OperatorAnswer>(node, `/v1/requests/${id}`).catch(() => null);
    if (answer !== null && answer.state !== 'accepted') return answer;
    if (performance.now() >= endMs) {
      const last = JSON.stringify(answer);
      throw new Error(`${node.name}: ${id} is not over after ${timeoutMs} ms; last: ${last}`);
    }
    await sleep(everyMs);
  }
}

/** How long to wait for what a predicate sees, and how often to look. */
export type Patience = { readonly timeoutMs: number; readonly everyMs?: number };

/** Asks a node until the predicate holds; the status then. Throws with the last status. */
export async function untilStatus(
  node: LabNode,
  what: string,
  holds: (seen: Status) => boolean,
  { timeoutMs, everyMs = 100 }: Patience,
): Promise<Status> {
  const endMs = performance.now() + timeoutMs;
  let seen: Status | null = null;
  while (performance.now() < endMs) {
    seen = await status(node).catch(() => null);
    if (seen !== null && holds(seen)) return seen;
    await sleep(everyMs);
  }
  const last = seen === null ? 'its daemon does not answer' : JSON.stringify(seen, null, 1);
  throw new Error(`${node.name}: ${what}: not so after ${timeoutMs} ms; last seen:\n${last}`);
}

/** True when the group is started on the node. */
export function startedOn(seen: Status, node: string): boolean {
  return seen.groups.some((group) => group.state === 'started' && group.node === node);
}

/** True when everything is as it should be: the group runs, the other node could take over. */
export function isOk(seen: Status): boolean {
  return seen.verdict.state === 'ok';
}
