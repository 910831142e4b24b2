/** Amounts of data as a person types them: `512M`, `2G`, `1.5GiB`, `1048576`. Powers of 1024. */
import { err, ok, type Result } from './result.js';

const UNITS = ['', 'K', 'M', 'G', 'T'] as const;
const SHAPE = /^(\d{1,12}(?:\.\d{1,3})?) ?(?:([KMGT])(?:i?B)?|B)?$/i;

/** Whole bytes. The error says what was expected, to follow "is not". */
export function parseByteSize(text: string): Result<number, string> {
  const match = SHAPE.exec(text.trim());
  const unit = UNITS.indexOf((match?.[2] ?? '').toUpperCase() as (typeof UNITS)[number]);
  const bytes = Math.round(Number(match?.[1]) * 1024 ** unit);
  if (match === null || bytes <= 0 || !Number.isSafeInteger(bytes)) {
    return err('an amount of data such as 512M or 2G');
  }
  return ok(bytes);
}
