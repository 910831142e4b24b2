import { PLAIN_COLUMNS, type TextStyle } from './text.js';

/** Where a command writes, and what it may do there. */
export interface Console {
  /** Standard output is a terminal: colours, progress and redrawing are welcome. */
  readonly isTerminal: boolean;
  readonly style: TextStyle;
  out(text: string): void;
  err(text: string): void;
}

/** The console of this process. A reader that goes away (`| head`) ends the program quietly. */
export function processConsole(): Console {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  const isTerminal = process.stdout.isTTY;
  return {
    isTerminal,
    get style() {
      const noColour = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
      const columns = isTerminal ? process.stdout.columns : PLAIN_COLUMNS;
      return { colour: isTerminal && !noColour, columns: columns || PLAIN_COLUMNS };
    },
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
}
