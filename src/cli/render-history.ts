import type { HistoryAnswer, HistoryEntry, HistoryPhase } from '../base/control.js';
import { formatDuration } from '../base/duration.js';
import { columns, folded, paint, printable, type Cell, type Colour, type TextStyle } from './text.js';

const OUTCOME_COLOUR: Readonly<Record<HistoryEntry['outcome'], Colour>> = {
  running: 'yellow',
  done: 'green',
  failed: 'red',
};

/** Every failover, move and recovery, newest first: when, what, how it ended, and why. */
export function renderHistory(history: HistoryAnswer, style: TextStyle): string {
  if (history.entries.length === 0) return 'Nothing was moved or taken over yet\n';
  const newestFirst = [...history.entries].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  const rows = newestFirst.map((entry): Cell[] => [
    { text: moment(entry.startedAt) },
    { text: entry.id },
    { text: `${entry.group} on ${entry.node}` },
    { text: entry.outcome, colour: OUTCOME_COLOUR[entry.outcome] },
    { text: totalText(entry) },
  ]);
  const lines = columns(style, 0, rows).flatMap((line, index) => [
    line,
    ...folded(style, 4, newestFirst[index]?.trigger ?? ''),
  ]);
  return `${lines.join('\n')}\n`;
}

/** One entry in full: its phases with their times, and every sentence since the start. */
export function renderHistoryEntry(entry: HistoryEntry, style: TextStyle): string {
  const outcome = paint(style, OUTCOME_COLOUR[entry.outcome], entry.outcome);
  const total = totalText(entry);
  const phases = entry.phases.map((phase): Cell[] => [
    { text: phase.name },
    { text: `after ${formatDuration(phase.startedAtMs)}` },
    { text: phaseText(phase), colour: phase.outcome === 'failed' ? 'red' : null },
  ]);
  const account = entry.account.flatMap(({ atMs, sentence }) => {
    const at = `+${formatDuration(atMs)}`.padEnd(ACCOUNT_INDENT - 2);
    const [first = '', ...rest] = folded(style, ACCOUNT_INDENT, sentence);
    return [`  ${at}${first.slice(ACCOUNT_INDENT)}`, ...rest];
  });
  const lines = [
    `${printable(entry.id)}: ${printable(entry.group)} on ${printable(entry.node)}, ${outcome}` +
      (total === '' ? '' : ` ${total}`),
    ...folded(style, 0, `Started ${moment(entry.startedAt)}: ${entry.trigger}`),
    ...section('Phases', columns(style, 2, phases)),
    ...section('Account', account),
  ];
  return `${lines.join('\n')}\n`;
}

/** Wide enough for `  +12 min 05 s  `. */
const ACCOUNT_INDENT = 16;

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function phaseText({ outcome, durationMs }: HistoryPhase): string {
  if (durationMs === null) return outcome;
  return `${outcome} in ${formatDuration(durationMs)}`;
}

function totalText({ startedAt, endedAt }: HistoryEntry): string {
  const elapsedMs = endedAt === null ? NaN : Date.parse(endedAt) - Date.parse(startedAt);
  return Number.isFinite(elapsedMs) && elapsedMs >= 0 ? `in ${formatDuration(elapsedMs)}` : '';
}

/** `2026-01-31T03:12:09.481Z` as `2026-01-31 03:12:09Z`; anything else as it is. */
function moment(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  return match === null ? printable(text) : `${match[1]} ${match[2]}${match[3]}`;
}
