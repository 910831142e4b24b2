/** The kernel's own log, and the clock that stamps it. */
import { runCommand } from './exec.js';

/** dmesg copies a ring of memory. */
const TIMEOUT_MS = 5_000;

/** The log with its seconds since the boot; empty when this user may not read it. Never rejects. */
export async function readKernelLog(): Promise<string> {
  const { stdout } = await runCommand({ argv: ['dmesg'], timeoutMs: TIMEOUT_MS });
  return stdout;
}

/** When this machine was booted, by the wall clock that shows `wallMs` now: CLOCK_MONOTONIC. */
export function bootWallMs(wallMs: number): number {
  return wallMs - Number(process.hrtime.bigint() / 1_000_000n);
}
