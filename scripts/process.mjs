/**
 * Child processes of the scripts: argument lists, no shell, the exit code kept, signals passed on.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { clearTimeout, setTimeout } from 'node:timers';

/** What a child gets between the polite and the final signal, in milliseconds. */
const KILL_AFTER_MS = 5_000;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program to its end and resolves with its exit code (128 + signal when it was killed).
 * `onLine` gets each line of its output and `onErrorLine` (else the same) each of its standard error;
 * without them the child writes where this process writes.
 */
export function run(command, args, { onLine, onErrorLine = onLine, env, timeoutMs } = {}) {
  const stdio = onLine === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'];
  const child = spawn(command, args, { stdio, env: { ...process.env, ...env } });
  const stopForwarding = forwardSignals(child);
  const limit = timeoutMs === undefined ? undefined : setTimeout(() => end(child), timeoutMs);
  const lines =
    onLine === undefined ? [] : [allLines(child.stdout, onLine), allLines(child.stderr, onErrorLine)];
  return new Promise((resolve) => {
    const finish = (code) => {
      clearTimeout(limit);
      const received = stopForwarding();
      if (received !== null) process.exit(128 + constants.signals[received]);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`Cannot run ${command}: ${error.message}`);
      finish(127);
    });
    child.once('close', async (code, signal) => {
      await Promise.all(lines);
      finish(code ?? 128 + constants.signals[signal]);
    });
  });
}

async function allLines(stream, onLine) {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
}

function end(child) {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
}

/**
 * Passes signals on until the returned function is called, which tells the one that came, if any:
 * who stops this script wants the steps after the child to be left out too. A terminal sends Ctrl-C
 * to the whole group itself; sending it again would mean "at once".
 */
function forwardSignals(child) {
  let received = null;
  const forward = (signal) => {
    received = signal;
    if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED) process.off(signal, forward);
    return received;
  };
}

/** A step's duration for people: `0.4 s`, `73 s`. */
export function seconds(sinceMs) {
  const elapsed = (performance.now() - sinceMs) / 1_000;
  return `${elapsed.toFixed(elapsed < 10 ? 1 : 0)} s`;
}
