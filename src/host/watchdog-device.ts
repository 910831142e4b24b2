/**
 * What this machine tells of a watchdog device without arming it for long: Node has no ioctl, so the
 * timeout comes from /sys/class/watchdog, and from wdctl (util-linux) where the kernel was built
 * without that. wdctl opens the device for a moment.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { err, ok, type Result } from '../base/result.js';
import { majorMinor } from './device-number.js';
import { runCommand } from './exec.js';

/** What is known of a watchdog device; null: nothing tells. */
export interface WatchdogLook {
  readonly timeoutMs: number | null;
  readonly nowayout: boolean | null;
}

/** `/dev/watchdog` is this number, whatever the driver; the same device is watchdog0 there. */
const LEGACY_NUMBER = '10:130';
const WDCTL_TIMEOUT_MS = 3_000;
const TOOL_PATHS = '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin';

/** Looks at the device. The error is a sentence that says what to do. */
export async function lookAtWatchdog(path: string, sys = '/sys'): Promise<Result<WatchdogLook, string>> {
  const info = await stat(path).catch((error: unknown) => messageOf(error));
  if (typeof info === 'string') {
    return err(
      `watchdog ${path} cannot be used: ${info}. Load the driver of the board (or "modprobe softdog"), ` +
        'name another device, or take "watchdog" out of the configuration',
    );
  }
  const number = majorMinor(info.rdev);
  const folder = info.isCharacterDevice() ? await folderOf(number, sys) : null;
  if (folder === null) {
    return err(`watchdog ${path} is no watchdog device; expected one such as /dev/watchdog or /dev/watchdog0`);
  }
  const timeoutS = (await numberIn(`${folder}/timeout`)) ?? (await askWdctl(path));
  const nowayout = await numberIn(`${folder}/nowayout`);
  return ok({
    timeoutMs: timeoutS === null ? null : timeoutS * 1_000,
    nowayout: nowayout === null ? null : nowayout !== 0,
  });
}

/** Its folder in /sys; null when it is no watchdog. */
async function folderOf(number: string, sys: string): Promise<string | null> {
  if (number === LEGACY_NUMBER) return `${sys}/class/watchdog/watchdog0`;
  const folder = await realpath(`${sys}/dev/char/${number}`).catch(() => '');
  return /\/watchdog\/watchdog\d+$/.test(folder) ? folder : null;
}

async function numberIn(path: string): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^\d{1,9}\s*$/.test(text) ? Number(text) : null;
}

async function askWdctl(path: string): Promise<number | null> {
  const argv = ['wdctl', path];
  const { stdout } = await runCommand({ argv, timeoutMs: WDCTL_TIMEOUT_MS, env: { PATH: TOOL_PATHS } });
  return wdctlTimeoutS(stdout);
}

/** The timeout in what wdctl prints: `Timeout:       60 seconds`. */
export function wdctlTimeoutS(text: string): number | null {
  const [, seconds] = /^Timeout:\s+(\d{1,9}) seconds?$/m.exec(text) ?? [];
  return seconds === undefined ? null : Number(seconds);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
