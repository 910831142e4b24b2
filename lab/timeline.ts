// The timeline of a takeover or a move, as a table that a person reads.

import type { HistoryEntry } from '../src/base/control.js';
import type { Outage } from './writer.js';

/** What the phases are called in the table. */
const WORDS: Readonly<Record<string, string>> = {
  detection: 'detection (deadtime)',
  fencing: 'fencing',
  promote: 'promote DRBD',
  mount: 'mount the file system',
  address: 'raise the address',
  database: 'start the database',
  'stop:database': 'stop the database',
  'stop:address': 'lower the address',
  'stop:mount': 'unmount',
  'stop:promote': 'demote DRBD',
};

const BAR_CHARS = 30;

/** One row: a phase, from and for how long in ms. */
export type Row = { readonly name: string; readonly fromMs: number; readonly durationMs: number };

/** The phases of several accounts on one time axis that begins at `zeroMs` (wall clock). */
export function rowsOf(entries: readonly HistoryEntry[], zeroMs: number): readonly Row[] {
  return entries.flatMap((entry) => {
    const offsetMs = Date.parse(entry.startedAt) - zeroMs;
    return entry.phases.map((phase) => ({
      name: `${WORDS[phase.name] ?? phase.name} (${entry.node})`,
      fromMs: offsetMs + phase.startedAtMs,
      durationMs: phase.durationMs ?? 0,
    }));
  });
}

/** The table, with the client's outage as its last row. */
export function timelineText(title: string, rows: readonly Row[], outage: Outage): string {
  const last = rows.reduce((endMs, row) => Math.max(endMs, row.fromMs + row.durationMs), 0);
  const firstWrite: Row = {
    name: 'first acknowledged write',
    fromMs: last,
    durationMs: Math.max(0, outage.durationMs - last),
  };
  const all = [...rows, firstWrite];
  const lines = all.map((row) => line(row, outage.durationMs));
  const total = `${'the client waited'.padEnd(32)}${String(Math.round(outage.durationMs)).padStart(14)} ms`;
  return [title, `${'phase'.padEnd(32)}${'from'.padStart(7)}${'took'.padStart(7)} ms`, ...lines, total].join(
    '\n',
  );
}

function line(row: Row, totalMs: number): string {
  const from = Math.max(0, Math.round((row.fromMs / totalMs) * BAR_CHARS));
  const width = Math.max(1, Math.round((row.durationMs / totalMs) * BAR_CHARS));
  const bar = `${' '.repeat(Math.min(from, BAR_CHARS))}${'█'.repeat(Math.min(width, BAR_CHARS))}`;
  const numbers = [row.fromMs, row.durationMs].map((ms) => String(Math.round(ms)).padStart(7));
  return `${row.name.padEnd(32)}${numbers.join('')} ms |${bar.slice(0, BAR_CHARS + 1)}`;
}
