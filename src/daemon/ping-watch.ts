/**
 * Watches the ping nodes. Node.js cannot send ICMP, so one `ping` for each address runs on and its
 * lines are read: no program is started for a probe, and a takeover pays nothing for it.
 *
 *     64 bytes from 10.9.0.254: icmp_seq=7 ttl=64 time=0.3 ms      it answers
 *     no such line for deadping                                    it is silent
 *     the program cannot be run                                    unknown, and status says why
 */
import { accessSync, constants } from 'node:fs';
import { formatDuration } from '../base/duration.js';
import type { PingAnswer } from '../heartbeat/ping.js';
import { followProgram, type FollowEnd, type FollowRequest } from '../host/exec.js';

/** Where distributions keep ping(8). */
const PING_PATHS = ['/usr/bin/ping', '/bin/ping', '/usr/sbin/ping', '/sbin/ping'] as const;
/** Seconds from one question to the next: ping(8)'s own pace, which needs no privilege. */
const EVERY_S = 1;
/** Seconds after which a ping ends by itself and is started anew: none outlives the daemon for long. */
const LIFE_S = 600;
/** Pauses before a ping that ended at once is started again (no route, no permission). */
const RESTART_PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;
/** How often silence is looked for. */
const LOOK_EVERY_MS = 500;

/** What the watch needs of the daemon. */
export interface PingWorld {
  readonly deadpingMs: number;
  readonly nowMs: () => number;
  /** Told whenever an answer has changed. */
  readonly onChange: (answers: readonly PingAnswer[]) => void;
  /** Null when ping(8) is not installed. */
  readonly program?: string | null;
  readonly follow?: (request: FollowRequest) => () => void;
}

/** The path of ping(8), or null. */
export function findPing(paths: readonly string[] = PING_PATHS): string | null {
  const isThere = (path: string): boolean => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return paths.find(isThere) ?? null;
}

/** True for the line with which ping(8) of iputils, busybox and inetutils tells of an answer. */
export function isAnswer(line: string): boolean {
  return /^\d{1,6} bytes from [^ ]/.test(line) && !/unreachable|exceeded/i.test(line);
}

/** True for an end that says nothing of the network: ping itself may not, or cannot, run. */
export function isOwnFault({ exitCode, said }: FollowEnd): boolean {
  if (exitCode === null || exitCode === 127 || exitCode === 126) return true;
  return /socket|privilege|capabilit|must be root|usage:|invalid|unrecognized/i.test(said);
}

interface Watched {
  readonly address: string;
  readonly sinceMs: number;
  /** As it was told last. */
  isUp: boolean;
  answeredMs: number | null;
  /** Why ping cannot be used. */
  fault: string | null;
  fruitlessStarts: number;
  end: () => void;
  restart: NodeJS.Timeout | null;
}

/** Asks all addresses until it is stopped. */
export class PingWatch {
  readonly #world: PingWorld;
  readonly #watched: readonly Watched[];
  readonly #program: string | null;
  readonly #looking: NodeJS.Timeout;
  #last = '';
  #lookedMs: number;
  #stopped = false;

  constructor(addresses: readonly string[], world: PingWorld) {
    this.#world = world;
    this.#lookedMs = world.nowMs();
    this.#program = world.program === undefined ? findPing() : world.program;
    this.#watched = addresses.map((address) => ({
      address,
      sinceMs: world.nowMs(),
      isUp: false,
      answeredMs: null,
      fault: this.#program === null ? 'the program ping is not installed here' : null,
      fruitlessStarts: 0,
      end: () => undefined,
      restart: null,
    }));
    if (this.#program !== null) for (const watched of this.#watched) this.#start(watched);
    this.#looking = setInterval(() => this.#lookInTime(), LOOK_EVERY_MS);
    if (addresses.length > 0) this.#look();
    else clearInterval(this.#looking);
  }

  /** Ends every ping; nothing is told any more. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#looking);
    for (const { end, restart } of this.#watched) {
      if (restart !== null) clearTimeout(restart);
      end();
    }
  }

  #start(watched: Watched): void {
    const { address } = watched;
    const follow = this.#world.follow ?? followProgram;
    watched.restart = null;
    watched.end = follow({
      argv: [this.#program ?? 'ping', '-n', '-i', String(EVERY_S), '-w', String(LIFE_S), address],
      onLines: (lines) => {
        if (!lines.some(isAnswer)) return;
        watched.answeredMs = this.#world.nowMs();
        watched.fault = null;
        watched.fruitlessStarts = 0;
        if (!watched.isUp) this.#look();
      },
      onEnd: (end) => this.#onEnd(watched, end),
    });
  }

  #onEnd(watched: Watched, end: FollowEnd): void {
    if (this.#stopped) return;
    const [first = ''] = end.said.split('\n');
    watched.fault = isOwnFault(end) ? `ping cannot be used: ${first}` : null;
    const at = Math.min(watched.fruitlessStarts, RESTART_PAUSES_MS.length - 1);
    watched.fruitlessStarts += 1;
    watched.end = () => undefined;
    watched.restart = setTimeout(() => this.#start(watched), RESTART_PAUSES_MS[at]);
  }

  /** S6: after this process stood still, the answers that came meanwhile are read first. */
  #lookInTime(): void {
    const nowMs = this.#world.nowMs();
    const lateMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (lateMs < 2 * LOOK_EVERY_MS) this.#look();
  }

  #look(): void {
    if (this.#stopped) return;
    const answers = this.#watched.map((watched) => this.#judge(watched));
    for (const [index, watched] of this.#watched.entries()) {
      watched.isUp = answers[index]?.state === 'up';
    }
    const text = JSON.stringify(answers);
    if (text === this.#last) return;
    this.#last = text;
    this.#world.onChange(answers);
  }

  #judge({ address, answeredMs, fault, sinceMs }: Watched): PingAnswer {
    const { deadpingMs } = this.#world;
    const silentMs = this.#world.nowMs() - (answeredMs ?? sinceMs);
    if (silentMs < deadpingMs && answeredMs !== null) {
      return { address, state: 'up', reason: 'it answers' };
    }
    if (fault !== null) return { address, state: 'unknown', reason: fault };
    if (silentMs < deadpingMs) return { address, state: 'unknown', reason: 'no answer yet' };
    const reason = `no answer for ${formatDuration(deadpingMs)} or more`;
    return { address, state: 'silent', reason };
  }
}
