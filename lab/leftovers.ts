// Proves that a lab left nothing on the host. Every process of a lab inherits a mark in its
// environment; a namespace without processes does not exist any more.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const MARK_NAME = 'TANDEM_LAB_MARK';
const SETTLE_MS = 3_000;
const SETTLE_EVERY_MS = 50;

/** What the host looked like before the lab. */
export type HostSnapshot = {
  readonly mark: string;
  readonly interfaces: readonly string[];
  readonly mounts: readonly string[];
};

/** Marks what is started from now on and remembers interfaces and mounts. */
export function snapshotHost(): HostSnapshot {
  const mark = `${process.pid}-${Math.round(performance.timeOrigin)}`;
  process.env[MARK_NAME] = mark;
  return { mark, interfaces: interfaces(), mounts: mounts() };
}

/**
 * What is there that was not there before, one sentence each; empty when all is clean. The kernel
 * needs a moment to end the processes of a namespace: they are given `SETTLE_MS` to be gone.
 */
export async function settledLeftovers(before: HostSnapshot): Promise<readonly string[]> {
  const endMs = performance.now() + SETTLE_MS;
  let left = leftovers(before);
  while (left.length > 0 && performance.now() < endMs) {
    await sleep(SETTLE_EVERY_MS);
    left = leftovers(before);
  }
  return left;
}

function leftovers(before: HostSnapshot): readonly string[] {
  return [
    ...markedProcesses(before.mark).map((process) => `process ${process}`),
    ...added(before.interfaces, interfaces()).map((name) => `network interface ${name}`),
    ...added(before.mounts, mounts()).map((mount) => `mount ${mount}`),
  ];
}

function added(before: readonly string[], after: readonly string[]): readonly string[] {
  return after.filter((entry) => !before.includes(entry));
}

function interfaces(): readonly string[] {
  return readdirSync('/sys/class/net');
}

function mounts(): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8').split('\n').filter((line) => line !== '');
}

function markedProcesses(mark: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (!environment.includes(`${MARK_NAME}=${mark}`)) continue;
      found.push(`${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`);
    } catch {
      // It ended while we looked, or it belongs to somebody else.
    }
  }
  return found;
}
