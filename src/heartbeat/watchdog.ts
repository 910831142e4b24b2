/**
 * The watchdog of this machine (S6): a device that resets it unless it is fed. Feeding says "this node
 * is in its right mind", so it hangs on the one thing that proves it: a turn of the core, and a disk
 * that still takes what is to outlive a restart. A node that stands still feeds nothing.
 */
import { formatDuration } from '../base/duration.js';

/** What is known of the device. */
export interface WatchdogSettings {
  readonly device: string;
  /** How long after the last feeding it resets the machine; null when nothing tells. */
  readonly timeoutMs: number | null;
  /** True: once opened it cannot be disarmed; null when nothing tells. */
  readonly nowayout: boolean | null;
}

/** What the core decides by, as far as the device has to fit it. */
export interface WatchdogTiming {
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
  /** How long another node holds its fire after it has taken this one for dead (S5). */
  readonly headStartMs: number;
}

/** A disk that is only busy has written a line by then. */
export const DISK_LIMIT_MS = 30_000;
/** Between two writes that only prove the disk. */
export const PROVE_EVERY_MS = 10_000;

/**
 * Why the watchdog must not be fed in a turn of the core, or null. `diskSinceMs`: since when a write
 * beside the state file has not come back; null when none is under way. A disk that refuses at once
 * (full, read-only) is no reason: it would reset the machine again and again.
 */
export function starvingBecause(nowMs: number, diskSinceMs: number | null): string | null {
  const waitedMs = diskSinceMs === null ? 0 : nowMs - diskSinceMs;
  if (waitedMs <= DISK_LIMIT_MS) return null;
  return (
    `a write to the disk of the state file has not come back for ${formatDuration(waitedMs)} ` +
    `(limit ${formatDuration(DISK_LIMIT_MS)})`
  );
}

/** Why this device cannot serve a node with that pace, or null: it would be reset again and again. */
export function watchdogObjection(
  { device, timeoutMs }: WatchdogSettings,
  { keepaliveMs }: WatchdogTiming,
): string | null {
  if (timeoutMs === null || timeoutMs >= 2 * keepaliveMs) return null;
  return (
    `watchdog ${device} resets this machine ${formatDuration(timeoutMs)} after it was fed last, which is ` +
    `less than two heartbeats (keepalive ${formatDuration(keepaliveMs)}): give it a longer timeout`
  );
}

/** What is risky about the settings of the device: one sentence each. */
export function watchdogRisks(settings: WatchdogSettings, timing: WatchdogTiming): readonly string[] {
  const { device, timeoutMs, nowayout } = settings;
  const risks: string[] = [];
  if (timeoutMs === null) {
    risks.push(
      `nothing tells after how long watchdog ${device} resets this machine (no timeout in ` +
        '/sys/class/watchdog, and no wdctl): whether that is before another node acts is not known',
    );
  } else risks.push(...timeoutRisks(device, timeoutMs, timing));
  if (nowayout === true) {
    const after = timeoutMs === null ? '' : `${formatDuration(timeoutMs)} later`;
    risks.push(
      `watchdog ${device} cannot be disarmed (nowayout): stopping tandemd, even cleanly, resets this ` +
        `machine ${after || 'soon after'}, unless it is started again before`,
    );
  }
  return risks;
}

function timeoutRisks(device: string, timeoutMs: number, timing: WatchdogTiming): string[] {
  const { deadtimeMs, headStartMs } = timing;
  const actsMs = deadtimeMs + headStartMs;
  const resets = `watchdog ${device} resets this machine ${formatDuration(timeoutMs)} after it was fed last`;
  if (timeoutMs > actsMs) {
    return [
      `${resets}, but the other nodes take it for dead after ${formatDuration(deadtimeMs)} and may act ` +
        `${formatDuration(headStartMs)} later: for ${formatDuration(timeoutMs - actsMs)} only their ` +
        'fencing makes sure that nothing runs here any more; a shorter timeout closes that gap',
    ];
  }
  if (timeoutMs < deadtimeMs) {
    return [
      `${resets}, sooner than the other nodes take it for dead (deadtime ${formatDuration(deadtimeMs)}): ` +
        'it is reset for a standstill that they would have waited for',
    ];
  }
  return [];
}
