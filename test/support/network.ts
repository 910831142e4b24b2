/** A network namespace of a test's own, with another machine at the end of two cables. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { soon } from './temporary.js';

/** Set in a test that already runs in a namespace of its own. */
const OWN_NETWORK = 'TANDEM_TEST_NETWORK';

/** Where a test file runs: in a namespace of its own, in none, or it has yet to be started there. */
export function networkOf(): 'own' | 'startable' | 'shared' {
  if (process.env[OWN_NETWORK] !== undefined) return 'own';
  const tried = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']);
  return tried.status === 0 ? 'startable' : 'shared';
}

/** Runs the test file once more, in a network namespace of its own. */
export async function spawnInOwnNetwork(t: Test, moduleUrl: string): Promise<void> {
  const node = [process.execPath, ...process.execArgv, fileURLToPath(moduleUrl)];
  const argv = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...node];
  await t.spawn('unshare', argv, { env: { ...process.env, [OWN_NETWORK]: 'own' } }, 'own network');
}

export function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}

/** What the other machine got. */
export interface Got {
  readonly got: string;
  readonly from: string;
  readonly on: number;
}

export interface OtherMachine {
  readonly tell: (order: Readonly<Record<string, unknown>>) => void;
  readonly heard: Got[];
  /** Waits for its answer to an order that has one. */
  readonly ready: (order: Readonly<Record<string, unknown>>) => Promise<void>;
}

/**
 * Starts the other machine: `v0` here (10.9.0.1/24) leads to 10.9.0.2; `w0` here, without an
 * address yet, leads to 10.8.0.2.
 */
export async function connectOtherMachine(t: Test): Promise<OtherMachine> {
  const program = fileURLToPath(new URL('udp-peer.mjs', import.meta.url));
  const child = spawn('unshare', ['--net', process.execPath, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const heard: Got[] = [];
  let answers = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Got | { readonly ready: true };
    if ('got' in said) heard.push(said);
    else answers += 1;
  });
  await soon('the other machine', () => answers > 0);
  const pid = String(child.pid);
  const there = (...args: readonly string[]): void => {
    execFileSync('nsenter', ['-t', pid, '--net', 'ip', ...args]);
  };
  for (const [near, far, address] of [['v0', 'v1', '10.9.0.2/24'], ['w0', 'w1', '10.8.0.2/24']] as const) {
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    ip('link', 'set', far, 'netns', pid);
    there('addr', 'add', address, 'brd', '+', 'dev', far);
    there('link', 'set', far, 'up');
    ip('link', 'set', near, 'up');
  }
  ip('addr', 'add', '10.9.0.1/24', 'dev', 'v0');
  const tell = (order: Readonly<Record<string, unknown>>): void => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
  };
  return {
    tell,
    heard,
    ready: async (order) => {
      const before = answers;
      tell(order);
      await soon('an answer of the other machine', () => answers > before);
    },
  };
}
