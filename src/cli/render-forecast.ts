import { formatDuration } from '../base/duration.js';
import type { ExpectedTime } from '../sim/expected-times.js';
import type { Forecast, ForecastGroup } from '../sim/forecast.js';
import { columns, folded, type Cell, type TextStyle } from './text.js';

/** Wide enough for `12 min 05 s  `. */
const TIME_COLUMNS = 13;

/** What would happen, in order; then how each group comes out of it, and what the times rest on. */
export function renderForecast(
  { forecast, self, savedAt }: { forecast: Forecast; self: string; savedAt: string },
  style: TextStyle,
): string {
  const { lines, repeated, groups, times, assumptions } = forecast;
  const width = Math.max(0, ...lines.map((line) => (line.node ?? '').length));
  const account = lines.flatMap(({ atMs, node, sentence }) => {
    const head = `${formatDuration(atMs).padStart(TIME_COLUMNS - 2)}  ${(node ?? '').padEnd(width)}  `;
    const [first = '', ...rest] = folded(style, head.length, sentence);
    return [head + first.trimStart(), ...rest];
  });
  const all = [
    ...folded(style, 0, `What would happen, as ${self} knew the cluster at ${savedAt}.`),
    ...folded(style, 0, 'Nothing is touched.'),
    '',
    ...account,
    ...(repeated === 0 ? [] : ['', `(${String(repeated)} more sentences like these)`]),
    '',
    'Result',
    ...groups.flatMap((group) => folded(style, 2, resultSentence(group))),
    ...(forecast.isAtRest
      ? []
      : folded(style, 2, `It had not come to rest after ${formatDuration(forecast.untilMs)}`)),
    ...section('Times', timeLines(times, style)),
    ...section('Assumed', assumptions.flatMap((sentence) => folded(style, 2, sentence))),
  ];
  return `${all.join('\n')}\n`;
}

/** How a group comes out of it. */
export function resultSentence({ name, node, state, reason, outageMs }: ForecastGroup): string {
  const outage = outageMs === 0 ? 'without an outage' : `after an outage of ${formatDuration(outageMs)}`;
  if (node !== null) return `${name} runs on ${node}, ${outage}`;
  return `${name} does not run (${state}): ${reason}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function timeLines(times: readonly ExpectedTime[], style: TextStyle): readonly string[] {
  const rows = times.map(({ phase, ms, basis, samples }): Cell[] => [
    { text: phase },
    { text: `${basis === 'timeout' ? 'at most ' : ''}${formatDuration(ms)}` },
    {
      text:
        basis === 'timeout'
          ? 'never measured here: its time-out'
          : `measured ${samples === 1 ? 'once' : `${String(samples)} times`}`,
    },
  ]);
  return columns(style, 2, rows);
}
