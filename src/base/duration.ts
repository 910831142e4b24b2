import { err, ok, type Result } from './result.js';

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration of the native configuration and of command options: a number and a unit
 * (`200ms`, `1.5s`, `2m`, `1h`, `7d`). A bare number is refused: it hides its unit.
 * Returns whole milliseconds, or what was expected.
 */
export function parseDuration(text: string): Result<number, string> {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]{1,3})$/.exec(text.trim());
  const unitMs = match === null ? undefined : MS_PER_UNIT[match[2] ?? ''];
  if (match === null || unitMs === undefined) {
    return err('a duration with its unit, such as 200ms, 1.5s, 2m or 1h');
  }
  return ok(Math.round(Number(match[1]) * unitMs));
}

/** Writes milliseconds the way a person says them: `640 ms`, `1.40 s`, `2 min 05 s`, `3 h 10 min`. */
export function formatDuration(ms: number): string {
  // The borders are where rounding would cross them: 999.6 ms is "1.00 s", not "1000 ms".
  if (ms < 999.5) return `${String(Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const totalSeconds = Math.round(ms / 1_000);
  const minutes = Math.floor(totalSeconds / 60);
  if (minutes < 60) return `${String(minutes)} min ${pad2(totalSeconds % 60)} s`;
  return `${String(Math.floor(minutes / 60))} h ${pad2(minutes % 60)} min`;
}

function pad2(value: number): string {
  return String(value).padStart(2, '0');
}

/** How long ago something was, roughly, as a person says it: `just now`, `5 minutes ago`, `3 days ago`. */
export function formatAge(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const;
  for (const [name, unitMs] of units) {
    const count = Math.floor(ms / unitMs);
    if (count >= 1) return `${String(count)} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}
