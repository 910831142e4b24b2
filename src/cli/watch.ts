import { setTimeout as sleep } from 'node:timers/promises';
import type { Look } from './commands/status.js';
import type { Console } from './console.js';
import { renderChanges } from './render-changes.js';

/** How often the status is read; the daemon tells ages in whole heartbeats anyway. */
const WATCH_INTERVAL_MS = 1_000;

/** Alternate screen, cursor hidden; home; clear to end of line, of screen; and all back. */
const SCREEN = {
  enter: '\u001b[?1049h\u001b[?25l',
  home: '\u001b[H',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
  leave: '\u001b[?25h\u001b[?1049l',
} as const;

/**
 * Shows the status until it is interrupted (Ctrl-C, SIGTERM, the reader of the pipe goes away).
 * A terminal is redrawn each second and is left as it was found; a pipe gets a line for each change
 * (with `json` a whole status for each change).
 */
export async function watch(
  look: () => Promise<Look>,
  json: boolean,
  console: Console,
): Promise<void> {
  const interrupted = interruption();
  const show = console.isTerminal && !json ? screen(console) : changes(json, console);
  try {
    while (!interrupted.done) {
      show.next(await look());
      await Promise.race([interrupted.promise, sleep(WATCH_INTERVAL_MS)]);
    }
  } finally {
    show.end();
  }
}

interface Show {
  next(look: Look): void;
  end(): void;
}

function screen(console: Console): Show {
  console.out(SCREEN.enter);
  return {
    next({ text }) {
      const rows = Math.max(process.stdout.rows, 2);
      const lines = text(console.style).trimEnd().split('\n');
      const cut = lines.length > rows - 1;
      const shown = cut ? [...lines.slice(0, rows - 2), '(more below)'] : lines;
      const drawn = shown.map((line) => `${line}${SCREEN.clearLine}\n`).join('');
      console.out(`${SCREEN.home}${drawn}${SCREEN.clearBelow}`);
    },
    end: () => console.out(SCREEN.leave),
  };
}

function changes(json: boolean, console: Console): Show {
  let before: Look['status'] | null = null;
  return {
    next({ status }) {
      const lines = renderChanges(before, status);
      before = status;
      const at = new Date().toISOString();
      const text = json
        ? `${JSON.stringify(status)}\n`
        : lines.map((line) => `${at} ${line}\n`).join('');
      if (lines.length > 0) console.out(text);
    },
    end: () => undefined,
  };
}

interface Interruption {
  readonly done: boolean;
  readonly promise: Promise<void>;
}

function interruption(): Interruption {
  const state = { done: false };
  const promise = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        state.done = true;
        resolve();
      });
    }
  });
  return {
    promise,
    get done() {
      return state.done;
    },
  };
}
