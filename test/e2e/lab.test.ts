// The lab works, and leaves nothing behind however it ends.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { repositoryRoot } from '../../lab/process.js';
import { labProblem } from '../../lab/sandbox.js';

const SELFTEST = path.join(repositoryRoot(), 'dist', 'lab', 'selftest.js');
const SELFTEST_TIMEOUT_MS = 400_000; // most of it only for the first build of the image
const HOLD_TIMEOUT_MS = 120_000;
/** Some 100 ms on an idle host; the kernel needs its share of a busy one for each process. */
const GONE_TIMEOUT_MS = 20_000;

type Run = {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
};

function start(args: readonly string[]): Run {
  const child = spawn(process.execPath, [SELFTEST, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: cleanEnvironment(),
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => text, ended };
}

/** The compiled program must not load this test's TypeScript loader. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^(NODE_|TAP|_TAPJS)/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function within<T>(
  what: string,
  timeoutMs: number,
  look: () => T | null,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = look();
    if (value !== null) return value;
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(20);
  }
}

/** The network, mount and process namespaces that a run said it lives in. */
function namespacesOf(output: string): readonly string[] | null {
  const line = /namespaces (.+)$/m.exec(output)?.[1];
  return line?.split(' ') ?? null;
}

/** The time since the host booted, in clock ticks (10 ms). */
function nowTicks(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100;
}

/** When a process started, in the same ticks; null when it is gone. */
function startTicks(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return null;
  }
}

/**
 * Processes of this host that live in one of those namespaces and started before `untilTicks`:
 * the kernel gives the number of a namespace that is gone to the next one, of somebody else.
 */
function inhabitants(namespaces: readonly string[], untilTicks: number): readonly string[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => (startTicks(pid) ?? Infinity) <= untilTicks);
  return pids.filter((pid) =>
    ['net', 'mnt', 'pid'].some((name) => {
      try {
        return namespaces.includes(readlinkSync(`/proc/${pid}/ns/${name}`));
      } catch {
        return false; // it ended while we looked
      }
    }),
  );
}

async function nothingLeft(
  test: Test,
  namespaces: readonly string[],
  endTicks: number,
): Promise<void> {
  await within('all processes of the lab to end', GONE_TIMEOUT_MS, () =>
    inhabitants(namespaces, endTicks).length === 0 ? true : null,
  );
  test.equal(namespaces.length, 3, 'the run named its namespaces');
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  test.notMatch(mounts, /tandem-lab/, 'no mount is left on the host');
  const taps = readdirSync('/sys/class/net').filter((name) => /^t1public|^lab-/.test(name));
  test.strictSame(taps, [], 'no tap and no bridge is left on the host');
}

const problem = labProblem();
const options = problem === null ? {} : { skip: problem };

t.setTimeout(SELFTEST_TIMEOUT_MS + 2 * HOLD_TIMEOUT_MS);

t.test('two nodes replicate, fail over and come back', options, async (t) => {
  t.setTimeout(SELFTEST_TIMEOUT_MS);
  t.ok(existsSync(SELFTEST), `${SELFTEST} is built (npm run build)`);
  const run = start([]);
  t.teardown(() => run.child.kill('SIGKILL'));
  const exitCode = await run.ended;
  t.comment(run.output());
  t.equal(exitCode, 0, 'the selftest passes');
  t.match(run.output(), /selftest passed/);
  await nothingLeft(t, namespacesOf(run.output()) ?? [], nowTicks());
});

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  t.test(`a lab that gets ${signal} is gone at once`, options, async (t) => {
    t.setTimeout(HOLD_TIMEOUT_MS);
    const run = start(['--hold']);
    t.teardown(() => run.child.kill('SIGKILL'));
    await within('the lab to run', HOLD_TIMEOUT_MS / 2, () =>
      run.output().includes('holding') ? true : null,
    );
    const namespaces = namespacesOf(run.output()) ?? [];
    t.not(inhabitants(namespaces, nowTicks()).length, 0, 'the lab runs in namespaces of its own');
    const endTicks = nowTicks();
    run.child.kill(signal);
    await nothingLeft(t, namespaces, endTicks);
    await run.ended;
  });
}
