import { stripVTControlCharacters, styleText } from 'node:util';

/** How a text is to be written: for a terminal of some width, or plain. */
export interface TextStyle {
  readonly colour: boolean;
  readonly columns: number;
}

/** Columns of text that goes to a pipe or a file, and of terminals that do not tell. */
export const PLAIN_COLUMNS = 80;

/** Narrower terminals get lines that the terminal folds itself. */
const COLUMNS_MIN = 40;

export type Colour = 'green' | 'yellow' | 'red' | 'magenta' | 'bold';

/** Colours a text when the style says so. Pad before: the escape codes have no width. */
export function paint(style: TextStyle, colour: Colour | null, text: string): string {
  if (!style.colour || colour === null) return text;
  return styleText(colour, text, { validateStream: false });
}

/** What others said (peers, agents, files) without anything that would steer the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, ' ');
}

/** Folds a sentence at blanks into lines of the style's width, each after `indent` blanks. */
export function folded(style: TextStyle, indent: number, sentence: string): string[] {
  const width = Math.max(style.columns, COLUMNS_MIN) - indent;
  const lines: string[] = [];
  let line = '';
  for (const word of printable(sentence).split(' ').filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((text) => ' '.repeat(indent) + text);
}

/** One cell of a table; the colour is applied after padding. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | null;
}

/** Rows as lines: each column as wide as its widest cell, two blanks between, none at the end. */
export function columns(style: TextStyle, indent: number, rows: readonly Cell[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, printable(cell.text).length);
    });
  }
  return rows.map((row) => {
    const last = row.findLastIndex((cell) => cell.text !== '');
    const cells = row.slice(0, last + 1).map((cell, index) => {
      const text = printable(cell.text);
      const padded = index === last ? text : text.padEnd(widths[index] ?? 0);
      return paint(style, cell.colour ?? null, padded);
    });
    return ' '.repeat(indent) + cells.join('  ');
  });
}

/** `1 resource`, `2 resources`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
