/**
 * Sees changes of DRBD at once, without starting a program for it:
 *
 *     drbdsetup events2 ──lines──▶ fold ─┬─ DRBD 9: the facts are in the fold
 *     (one child, runs on)               └─ 8.x: /proc/drbd is read, one small file
 *
 * The stream of the 8.4 driver tells of a change of state, but not what became of counters and
 * out-of-sync since; the file tells all. Where there is no stream the file is read as often as
 * the heart beats (DRBD 9: drbdsetup is asked, seldom), and beside a stream it is read slowly, as a
 * check: a stream that missed changes is started anew.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DrbdSourceStatus } from '../base/status.js';
import { watchEvents } from '../drbd/command.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { withSuspensions } from '../drbd/model-facts.js';
import { EMPTY_FOLD, foldEvents2, type Events2Fold } from '../drbd/model-events.js';
import { followProgram, type FollowEnd, type FollowRequest } from '../host/exec.js';
import type { DrbdLook } from './drbd-source.js';

/** What the watch reads. */
export interface WatchedSource {
  readonly read: () => Promise<DrbdLook>;
  readonly ask: () => Promise<readonly DrbdFacts[]>;
  readonly takePicture: (picture: Events2Fold['resources'] | null) => readonly DrbdFacts[];
}

/** What the watch needs of the daemon. */
export interface DrbdWatchWorld {
  readonly source: WatchedSource;
  /** How often the file is read while there is no stream. */
  readonly everyMs: number;
  readonly nowMs: () => number;
  /** Told whenever something changed. */
  readonly onFacts: (facts: readonly DrbdFacts[]) => void;
  readonly onNote: (level: 'info' | 'warn', sentence: string) => void;
  readonly follow?: (request: FollowRequest) => () => void;
}

/** Beside a stream: often enough to find one that went silent within seconds. */
const CHECK_EVERY_MS = 5_000;
/** While a resync or verify runs: its progress is in no event. */
const PROGRESS_EVERY_MS = 1_000;
/** DRBD 9 without a stream: each question is a program. */
const ASK_EVERY_MS = 2_000;
/** Changes that no event told, one check after the other: more than a race between the two. */
const MISSED_MAX = 2;
/** Before a stream that ended is started again. */
const RESTART_PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/** A stream that ran this long was sound: the pauses begin anew. */
const SOUND_AFTER_MS = 60_000;
/** The dump of a thousand devices takes a fraction of it. */
const DUMP_LIMIT_MS = 10_000;

/** Watches until it is stopped. */
export class DrbdWatch {
  readonly #world: DrbdWatchWorld;
  readonly #polling: NodeJS.Timeout;
  #facts: readonly DrbdFacts[] = [];
  #fold: Events2Fold = EMPTY_FOLD;
  /** Ends the child; null when there is none. */
  #endStream: (() => void) | null = null;
  #startedMs = 0;
  #restartMs = 0;
  #starts = 0;
  #why = 'it was not started yet';
  #kind: DrbdLook['kind'] | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking = false;
  #lookAgain = false;
  #heardSinceLook = false;
  #missed = 0;
  #stopped = false;

  constructor(world: DrbdWatchWorld) {
    this.#world = world;
    this.#polling = setInterval(() => this.#tick(), world.everyMs);
    this.#look();
  }

  /** Ends the stream and the polling; nothing is told any more. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#polling);
    this.#endStream?.();
  }

  /** Where the facts come from, for status. */
  get status(): DrbdSourceStatus {
    const kind = this.#isLive ? 'events2' : this.#kind === 'header' ? 'status' : 'proc';
    const without = `drbdsetup events2 does not run: ${this.#why}`;
    const reason = {
      events2: 'drbdsetup events2 tells of every change',
      status: `${without}; drbdsetup status is asked every ${ASK_EVERY_MS} ms`,
      proc: `${without}; /proc/drbd is read every ${this.#world.everyMs} ms`,
    }[kind];
    return { kind, reason };
  }

  get #isLive(): boolean {
    return this.#endStream !== null && this.#fold.complete;
  }

  #tick(): void {
    const nowMs = this.#world.nowMs();
    if (this.#endStream !== null && !this.#isLive && nowMs - this.#startedMs > DUMP_LIMIT_MS) {
      this.#restart(`it printed no dump within ${DUMP_LIMIT_MS} ms`);
    }
    const mayStart = this.#kind === 'devices' || this.#kind === 'header';
    if (this.#endStream === null && mayStart && nowMs >= this.#restartMs) this.#start();
    if (nowMs - this.#lookedMs >= this.#lookEveryMs) this.#look();
  }

  get #lookEveryMs(): number {
    if (!this.#isLive) return this.#kind === 'header' ? ASK_EVERY_MS : 0;
    return this.#facts.some(isRunning) ? PROGRESS_EVERY_MS : CHECK_EVERY_MS;
  }

  // --- the stream --------------------------------------------------------------------------------

  #start(): void {
    const follow = this.#world.follow ?? followProgram;
    this.#fold = EMPTY_FOLD;
    this.#missed = 0;
    this.#startedMs = this.#world.nowMs();
    this.#why = 'it has not told what exists yet';
    this.#endStream = follow({
      argv: watchEvents().argv,
      onLines: (lines) => this.#take(lines),
      onEnd: (end) => this.#onEnd(end),
    });
  }

  #take(lines: readonly string[]): void {
    if (this.#stopped || this.#endStream === null) return;
    const wasLive = this.#isLive;
    this.#fold = foldEvents2(this.#fold, lines);
    this.#heardSinceLook = true;
    if (this.#fold.lost) {
      this.#restart('messages of the kernel were lost');
      return;
    }
    if (!this.#isLive) return;
    if (!wasLive) this.#world.onNote('info', 'Changes of DRBD are told by drbdsetup events2');
    if (this.#kind === 'header') this.#tell(this.#world.source.takePicture(this.#fold.resources));
    else this.#look();
  }

  #onEnd({ exitCode, said }: FollowEnd): void {
    const code = exitCode === null ? '' : ` with exit code ${exitCode}`;
    const [words = ''] = said.split('\n');
    this.#over(`it ended${code}${words === '' ? '' : `: ${words}`}`);
  }

  #restart(reason: string): void {
    const end = this.#endStream;
    this.#over(reason);
    end?.();
  }

  /** The stream is gone; the file takes its place until it is started again. */
  #over(reason: string): void {
    if (this.#stopped || this.#endStream === null) return;
    const nowMs = this.#world.nowMs();
    if (nowMs - this.#startedMs >= SOUND_AFTER_MS) this.#starts = 0;
    const pauseMs = RESTART_PAUSES_MS[Math.min(this.#starts, RESTART_PAUSES_MS.length - 1)] ?? 0;
    // A program that cannot run here is told once, not each minute.
    const isNews = this.#starts === 0 || this.#fold.complete;
    this.#starts += 1;
    this.#restartMs = nowMs + pauseMs;
    this.#endStream = null;
    this.#why = reason;
    this.#world.source.takePicture(null);
    if (isNews) this.#world.onNote('warn', sentenceStart(this.status.reason));
    this.#look();
  }

  // --- the file ----------------------------------------------------------------------------------

  /** Reads the file; events that come meanwhile are answered by one more reading. */
  #look(): void {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    void this.#lookOnce().finally(() => {
      this.#looking = false;
      const again = this.#lookAgain && !this.#stopped;
      this.#lookAgain = false;
      if (again) this.#look();
    });
  }

  async #lookOnce(): Promise<void> {
    this.#lookedMs = this.#world.nowMs();
    const toldBefore = this.#heardSinceLook;
    this.#heardSinceLook = false;
    const look = await this.#world.source.read();
    if (this.#stopped) return;
    this.#kind = look.kind;
    if (look.kind !== 'header') {
      this.#check(look.facts, toldBefore);
      this.#tell(this.#isLive ? withSuspensions(look.facts, this.#fold.resources) : look.facts);
    } else if (this.#isLive) {
      this.#tell(this.#world.source.takePicture(this.#fold.resources));
    } else {
      await this.#ask();
    }
  }

  /** The stream may come to life while the program is asked: it knows better. */
  async #ask(): Promise<void> {
    const facts = await this.#world.source.ask();
    if (!this.#isLive) this.#tell(facts);
  }

  /** A state that changed without an event, and again: the stream cannot be relied on. */
  #check(facts: readonly DrbdFacts[], toldBefore: boolean): void {
    if (!this.#isLive || toldBefore || this.#heardSinceLook) {
      this.#missed = 0;
      return;
    }
    if (isDeepStrictEqual(facts.map(statesOf), this.#facts.map(statesOf))) return;
    this.#missed += 1;
    if (this.#missed >= MISSED_MAX) this.#restart('it was silent while DRBD changed');
  }

  #tell(facts: readonly DrbdFacts[]): void {
    if (this.#stopped || isDeepStrictEqual(facts, this.#facts)) return;
    this.#facts = facts;
    this.#world.onFacts(facts);
  }
}

function isRunning({ volumes }: DrbdFacts): boolean {
  return volumes.some((volume) => volume.syncedPercent !== null || volume.verifiedPercent !== null);
}

/** What every event stream tells: the states, without amounts. */
function statesOf({ resource, role, connection, disk }: DrbdFacts): readonly string[] {
  return [resource, role, connection, disk];
}

function sentenceStart(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
