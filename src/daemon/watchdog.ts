/**
 * Feeds the watchdog of this machine at the turns of the core, and disarms it only when the node has
 * left cleanly. Any other end, a crash and SIGKILL among them, leaves it armed: the kernel resets the
 * machine unless a new tandemd takes over the feeding in time.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { formatDuration } from '../base/duration.js';
import { err, ok, type Result } from '../base/result.js';
import type { WatchdogStatus } from '../base/status.js';
import {
  PROVE_EVERY_MS,
  starvingBecause,
  watchdogObjection,
  watchdogRisks,
  type WatchdogSettings,
  type WatchdogTiming,
} from '../heartbeat/watchdog.js';
import { findOpeners } from '../host/find-holders.js';
import { lookAtWatchdog } from '../host/watchdog-device.js';
import type { Log } from './log.js';

/** The opened device. Both calls may throw. */
export interface WatchdogDevice {
  /** Any byte feeds it; `V` as the last one before the close disarms it ("magic close"). */
  readonly write: (text: string) => void;
  readonly close: () => void;
}

/** What a watchdog needs of the daemon. */
export interface WatchdogWorld {
  readonly device: WatchdogDevice;
  readonly settings: WatchdogSettings;
  /** By the configuration in force. */
  readonly timing: () => WatchdogTiming;
  /** The disk of the state file: whatever the end of a durable write, it proves that the disk answers. */
  readonly disk: { readonly proveDisk: () => Promise<void> };
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

const MAGIC_CLOSE = 'V';
const FOOD = '\0';

/** A watchdog that is armed from the moment on in which its device was opened. */
export class Watchdog {
  readonly #world: WatchdogWorld;
  /** Why it is not fed; null while it is. */
  #hungry: string | null = null;
  #disarmed = false;
  #fedMs = Number.NEGATIVE_INFINITY;
  #diskSinceMs: number | null = null;
  #provedMs: number | null = null;
  #told: readonly string[] = [];

  constructor(world: WatchdogWorld) {
    this.#world = world;
    const { settings, log } = world;
    log.info(`Watchdog ${settings.device} is armed: ${resetWords(settings)}`);
    this.tellRisks();
  }

  /** The core was turned at `nowMs`: feeds the device if this node is sound. Twice a keepalive is enough. */
  turned(nowMs: number): void {
    if (this.#disarmed) return;
    this.#watchDisk(nowMs);
    if (nowMs - this.#fedMs < this.#world.timing().keepaliveMs / 2) return;
    const because = starvingBecause(nowMs, this.#diskSinceMs) ?? this.#feed(nowMs);
    this.#tell(because);
    this.#hungry = because;
  }

  /** Why it cannot serve a node with another timing, or null. */
  objectionTo(timing: WatchdogTiming): string | null {
    return watchdogObjection(this.#world.settings, timing);
  }

  /** Says what is risky about the settings, once: at the start, and after a reload. */
  tellRisks(): void {
    const { settings, timing, log } = this.#world;
    const risks = watchdogRisks(settings, timing());
    for (const risk of risks.filter((one) => !this.#told.includes(one))) log.warn(`Watchdog: ${risk}`);
    this.#told = risks;
  }

  /** Everything is confirmed stopped, or left to its operator: the machine may go on without. */
  disarm(): void {
    const { device, settings, log } = this.#world;
    if (this.#disarmed) return;
    this.#disarmed = true;
    try {
      device.write(MAGIC_CLOSE);
      device.close();
      const still = settings.nowayout === true ? ', which it does not heed (nowayout)' : '';
      log.info(`Watchdog ${settings.device} was told to stop${still}`);
    } catch (error) {
      log.error(`Watchdog ${settings.device} could not be disarmed and resets this machine: ${messageOf(error)}`);
    }
  }

  /** It stays armed although this daemon ends. */
  abandon(): void {
    const { settings, log } = this.#world;
    if (this.#disarmed) return;
    this.#disarmed = true;
    log.error(`Watchdog ${settings.device} stays armed: ${resetWords(settings)}, unless tandemd runs again by then`);
  }

  status(): WatchdogStatus {
    const { settings, timing } = this.#world;
    const { device, timeoutMs } = settings;
    const fed = resetWords(settings);
    return {
      device,
      state: this.#hungry === null ? 'armed' : 'starving',
      timeoutMs,
      reason: this.#hungry === null ? fed : `it is not fed: ${this.#hungry}; ${fed}`,
      warnings: watchdogRisks(settings, timing()),
    };
  }

  #feed(nowMs: number): string | null {
    try {
      this.#world.device.write(FOOD);
      this.#fedMs = nowMs;
      return null;
    } catch (error) {
      return `the device does not take it: ${messageOf(error)}`;
    }
  }

  #watchDisk(nowMs: number): void {
    if (this.#diskSinceMs !== null) return;
    if (this.#provedMs !== null && nowMs - this.#provedMs < PROVE_EVERY_MS) return;
    this.#provedMs = nowMs;
    this.#diskSinceMs = nowMs;
    const ended = (): void => {
      this.#diskSinceMs = null;
    };
    this.#world.disk.proveDisk().then(ended, ended);
  }

  /** Only the beginning and the end of it: the sentence itself counts the time. */
  #tell(because: string | null): void {
    const { log, settings } = this.#world;
    if (because !== null && this.#hungry === null) {
      log.error(`Watchdog ${settings.device} is not fed: ${because}; ${resetWords(settings)}`);
    }
    if (because === null && this.#hungry !== null) {
      log.warn(`Watchdog ${settings.device} is fed again`);
    }
  }
}

function resetWords({ timeoutMs }: WatchdogSettings): string {
  const when = timeoutMs === null ? 'some time' : formatDuration(timeoutMs);
  return `this machine is reset ${when} after it was fed last`;
}

/** Looks at the device that the configuration names, without arming it; null when it names none. */
export async function findWatchdog(
  device: string | null,
  timing: WatchdogTiming,
): Promise<Result<WatchdogSettings | null, string>> {
  if (device === null) return ok(null);
  const look = await lookAtWatchdog(device);
  if (!look.ok) return look;
  const settings = { device, ...look.value };
  const objection = watchdogObjection(settings, timing);
  return objection === null ? ok(settings) : err(objection);
}

/** Opens the device and so arms it; null when there is none. The error says what to do. */
export async function armWatchdog(
  settings: WatchdogSettings | null,
  world: Omit<WatchdogWorld, 'device' | 'settings'>,
): Promise<Result<Watchdog | null, string>> {
  if (settings === null) return ok(null);
  const opened = await openDevice(settings.device);
  return opened.ok ? ok(new Watchdog({ ...world, settings, device: opened.value })) : opened;
}

/** The error is a sentence that says what to do. */
async function openDevice(path: string): Promise<Result<WatchdogDevice, string>> {
  try {
    // Without O_CREAT: a device that is not there must not become a file.
    const fd = openSync(path, constants.O_WRONLY);
    return ok({ write: (text) => void writeSync(fd, text), close: () => closeSync(fd) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    return err(code === 'EBUSY' ? await busyWords(path) : refusedWords(path, messageOf(error)));
  }
}

async function busyWords(path: string): Promise<string> {
  // The first device has two names.
  const isFirst = path === '/dev/watchdog' || path === '/dev/watchdog0';
  const openers = await findOpeners(isFirst ? ['/dev/watchdog', '/dev/watchdog0'] : [path]);
  const holders = openers.map(({ comm, pid }) => `${comm} (pid ${String(pid)})`).join(', ');
  const by = holders === '' ? '' : ` by ${holders}`;
  return (
    `watchdog ${path} is in use${by}: only one program can feed it. Who usually does: systemd ` +
    '(RuntimeWatchdogSec=), watchdog, sbd, another tandemd. End that, or name another device'
  );
}

function refusedWords(path: string, reason: string): string {
  return (
    `watchdog ${path} cannot be opened: ${reason}. The configuration asks for its protection, so this ` +
    'node does not start without it: mend that, or take "watchdog" out'
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
