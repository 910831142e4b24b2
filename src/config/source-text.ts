/**
 * Text as the operator wrote it: lines and words that know where they stand, so that every
 * diagnostic can point at the word it is about.
 */

/** A file as the shell read it. `modeBits` are the permission bits of stat(2). */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly modeBits: number;
}

/** A place in a file; both one-based, the column in UTF-16 units. 0 and 0: the file as a whole. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A word and where it begins. */
export interface Token extends Place {
  readonly text: string;
}

/** One physical line without its line end; `number` is one-based. */
export interface SourceLine {
  readonly number: number;
  readonly text: string;
}

/** The place of a fault that no single line is to blame for. */
export const WHOLE_FILE: Place = { line: 0, column: 0 };

/** What separates words in Heartbeat's files. A byte order mark counts as blank. */
export const BLANKS = ' \t\r\f\v\ufeff';

/** Splits a text into its physical lines. */
export function splitLines(text: string): readonly SourceLine[] {
  return text.split('\n').map((line, index) => ({ number: index + 1, text: line }));
}

/** Cuts a line at its first `#`: in Heartbeat's files there is no quoting and no escape. */
export function withoutComment(line: SourceLine): SourceLine {
  const hash = line.text.indexOf('#');
  return hash < 0 ? line : { number: line.number, text: line.text.slice(0, hash) };
}

/** The words of a line from UTF-16 offset `from` on, separated by any of `separators`. */
export function words(line: SourceLine, separators = BLANKS, from = 0): readonly Token[] {
  const tokens: Token[] = [];
  let start = -1;
  for (let index = from; index <= line.text.length; index += 1) {
    const blank = index === line.text.length || separators.includes(line.text.charAt(index));
    if (!blank && start < 0) start = index;
    if (blank && start >= 0) {
      tokens.push({
        line: line.number,
        column: start + 1,
        text: line.text.slice(start, index),
      });
      start = -1;
    }
  }
  return tokens;
}

/** A part of a token, `offset` UTF-16 units in, as a token of its own. */
export function within(token: Token, offset: number, text: string): Token {
  return { line: token.line, column: token.column + offset, text };
}

/** Splits a token at each `separator`; the parts know their columns and may be empty. */
export function splitToken(token: Token, separator: string): readonly Token[] {
  let offset = 0;
  return token.text.split(separator).map((text) => {
    const part = within(token, offset, text);
    offset += text.length + separator.length;
    return part;
  });
}

/** A stretch longer than this is shortened in a message: a terminal line, roughly. */
const QUOTED_LENGTH_MAX = 60;

/** A word of the file in double quotes, shortened, and harmless to a terminal. */
export function quote(text: string): string {
  const short = text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}...` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e]/g, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Quotes each and joins: `"a", "b" or "c"`. */
export function quoteList(texts: readonly string[]): string {
  const quoted = texts.map(quote);
  if (quoted.length < 2) return quoted.join('');
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}
