/**
 * Moments of the wall clock as text. The core may not ask for the time of day, but it has to name
 * moments in its sentences; this is arithmetic alone.
 */

const DAY_MS = 86_400_000;
/** Days of 400 Gregorian years, after which the calendar repeats. */
const ERA_DAYS = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

/** Milliseconds since 1970 as RFC 3339 in UTC, whole seconds: `2026-11-21T09:00:00Z`. */
export function formatWallTime(wallMs: number): string {
  const days = Math.floor(wallMs / DAY_MS);
  const { year, month, day } = civilDate(days);
  const seconds = Math.floor((wallMs - days * DAY_MS) / 1_000);
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const date = `${String(year).padStart(4, '0')}-${pad2(month)}-${pad2(day)}`;
  return `${date}T${parts.map(pad2).join(':')}Z`;
}

/**
 * The Gregorian date of a day since 1970. Years begin in March here, so that the leap day is the
 * last of its year; after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
function civilDate(epochDays: number): { year: number; month: number; day: number } {
  const days = epochDays + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const dayOfEra = days - era * ERA_DAYS;
  const leaps =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function pad2(value: number): string {
  return String(value).padStart(2, '0');
}
