/** One line of /proc/drbd: indentation means nothing, it is mangled by mail, `watch` and blogs. */
export interface ProcLine {
  /** Without blanks on either side. NUL is not a blank: 8.3.1 prints it as a flag. */
  readonly text: string;
  /** One-based. */
  readonly number: number;
  /** One-based column of the first character of `text`. */
  readonly column: number;
}

/** Something that was read but not understood. The rest of the reading stands. */
export interface ProcWarning {
  /** One-based. */
  readonly line: number;
  /** One-based, in characters. */
  readonly column: number;
  readonly message: string;
}

/** Receives what was not understood: where in the line's text (zero-based) and why. */
export type Warn = (line: ProcLine, offset: number, message: string) => void;

/** The longest piece of input repeated in a warning, so that a hostile line cannot flood a log. */
const EXCERPT_CHARS_MAX = 60;

/** The input as it may be shown: printable, short, quoted. */
export function excerpt(text: string): string {
  const short = text.length > EXCERPT_CHARS_MAX ? `${text.slice(0, EXCERPT_CHARS_MAX)}...` : text;
  return JSON.stringify(short);
}

const TAB = 9;
const CARRIAGE_RETURN = 13;
const BLANK = 32;

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB || code === CARRIAGE_RETURN;
}

/** Calls `take` with each blank-separated token from `from` on and its zero-based offset. */
export function eachToken(
  text: string,
  from: number,
  take: (token: string, offset: number) => void,
): void {
  let at = from;
  while (at < text.length) {
    while (at < text.length && isBlank(text.charCodeAt(at))) at += 1;
    const start = at;
    while (at < text.length && !isBlank(text.charCodeAt(at))) at += 1;
    if (at > start) take(text.slice(start, at), start);
  }
}

/** A decimal integer that a JavaScript number holds exactly, or null. */
export function exactInteger(text: string): number | null {
  if (!/^-?\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
