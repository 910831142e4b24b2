import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../base/duration.js';
import {
  runState,
  STALLED_MS,
  standstill,
  type ResourceLook,
  type RunKind,
  type RunProgress,
  type RunState,
  type Standstill,
} from '../drbd/run-watch.js';
import type { Console } from './console.js';
import { formatBytes } from './render-status.js';
import { printable } from './text.js';

/** What is followed, and how it is told. */
export interface Following {
  readonly kind: RunKind;
  /** `r0/1`, for the lines. */
  readonly name: string;
  readonly volume: number | null;
  readonly look: () => Promise<ResourceLook>;
  readonly limitMs: number;
  readonly console: Console;
  /** No lines at all: JSON is wanted. */
  readonly quiet: boolean;
}

/** How it ended, with the last look. */
export interface Followed {
  readonly end: 'over' | 'broken' | 'timeout' | 'interrupted';
  /** The last thing that is known of it, one sentence without a final period. */
  readonly sentence: string;
  readonly look: ResourceLook;
  readonly durationMs: number;
}

/** How often the kernel's file is read: as often as a person sees a number change. */
const LOOK_MS = 500;

/** A state that only hints at the end is believed when it was seen this often in a row. */
const BROKEN_LOOKS = 3;

/** In a pipe: a line each ten percent, and when nothing else was said for a minute. */
const STEP_PERCENT = 10;
const SILENCE_MS = 60_000;

const CLEAR_LINE = '\r\u001b[K';

/** Follows a resync or verify to its end: a line redrawn on a terminal, sparse lines in a pipe. */
export async function follow(following: Following): Promise<Followed> {
  const { kind, look, volume, limitMs } = following;
  const startedMs = performance.now();
  const teller = createTeller(following);
  const interrupted = onInterrupt();
  let still: Standstill | null = null;
  let broken = 0;
  try {
    while (true) {
      const seen = await look();
      const state = runState(kind, seen, volume);
      const nowMs = performance.now();
      const ended = (end: Followed['end']): Followed => {
        const durationMs = Math.round(nowMs - startedMs);
        return { end, sentence: sentenceOf(state), look: seen, durationMs };
      };
      if (state.kind === 'over') return ended('over');
      broken = state.kind === 'broken' ? broken + 1 : 0;
      if (broken >= BROKEN_LOOKS) return ended('broken');
      if (interrupted.done) return ended('interrupted');
      if (nowMs - startedMs >= limitMs) return ended('timeout');
      still = standstill(still, state.kind === 'running' ? state.progress.leftBytes : null, nowMs);
      teller.tell(state, nowMs - still.sinceMs, nowMs);
      const leftMs = limitMs - (nowMs - startedMs);
      await Promise.race([interrupted.promise, sleep(Math.min(LOOK_MS, Math.max(1, leftMs)))]);
    }
  } finally {
    interrupted.dispose();
    teller.end();
  }
}

function sentenceOf(state: RunState): string {
  switch (state.kind) {
    case 'running':
      return progressText(state.progress);
    case 'waiting':
    case 'broken':
      return state.reason;
    case 'over':
      return 'it is over';
  }
}

/** `42.1 %, 118 MiB of 256 MiB left, 172 MiB/s, 1 s to go`; what is not known is left out. */
export function progressText(progress: RunProgress): string {
  const { donePercent, leftBytes, totalBytes, bytesPerSecond, finishSeconds } = progress;
  const parts = [
    donePercent === null ? 'running' : `${donePercent.toFixed(1)} %`,
    leftBytes === null || totalBytes === null
      ? ''
      : `${formatBytes(leftBytes)} of ${formatBytes(totalBytes)} left`,
    bytesPerSecond === null ? '' : `${formatBytes(bytesPerSecond)}/s`,
    finishSeconds === null ? '' : `${secondsText(finishSeconds)} to go`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function secondsText(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1_000);
}

// --- telling -------------------------------------------------------------------------------------

interface Teller {
  tell(state: RunState, stillMs: number, nowMs: number): void;
  end(): void;
}

function createTeller({ console, name, kind, quiet }: Following): Teller {
  const text = (state: RunState, stillMs: number): string => {
    const stalled = stillMs >= STALLED_MS ? `, stalled for ${formatDuration(stillMs)}` : '';
    return `${name}: ${kind} ${printable(sentenceOf(state))}${stalled}`;
  };
  if (quiet) return { tell: () => undefined, end: () => undefined };
  if (console.isTerminal) {
    return {
      tell: (state, stillMs) => {
        const line = text(state, stillMs).slice(0, console.style.columns - 1);
        console.out(`${CLEAR_LINE}${line}`);
      },
      end: () => console.out(CLEAR_LINE),
    };
  }
  let saidKey = '';
  let saidMs = -Infinity;
  return {
    tell: (state, stillMs, nowMs) => {
      const key = sparseKey(state, stillMs);
      if (key === saidKey && nowMs - saidMs < SILENCE_MS) return;
      saidKey = key;
      saidMs = nowMs;
      console.out(`${text(state, stillMs)}\n`);
    },
    end: () => undefined,
  };
}

/** Two looks with the same key are one line in a pipe. */
function sparseKey(state: RunState, stillMs: number): string {
  const stalled = stillMs >= STALLED_MS ? ' stalled' : '';
  if (state.kind !== 'running') return `${state.kind} ${sentenceOf(state)}`;
  const { donePercent } = state.progress;
  return `${donePercent === null ? 'running' : Math.floor(donePercent / STEP_PERCENT)}${stalled}`;
}

// --- waiting -------------------------------------------------------------------------------------

interface Interruption {
  readonly done: boolean;
  readonly promise: Promise<void>;
  dispose(): void;
}

/** The kernel goes on without us: the last word says so, instead of silence after Ctrl-C. */
function onInterrupt(): Interruption {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let done = false;
  let wake = (): void => undefined;
  const promise = new Promise<void>((resolve) => (wake = resolve));
  const heard = (): void => {
    done = true;
    wake();
  };
  for (const signal of signals) process.once(signal, heard);
  return {
    promise,
    get done() {
      return done;
    },
    dispose: () => signals.forEach((signal) => process.removeListener(signal, heard)),
  };
}
