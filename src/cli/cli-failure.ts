import type { ExitName } from '../base/exit-codes.js';

/**
 * A command that cannot go on: thrown by commands and caught once, in main, which prints the
 * sentence (and the JSON form of it) and exits with the code of the catalogue.
 */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exit: ExitName;

  constructor(exit: ExitName, sentence: string) {
    super(sentence);
    this.exit = exit;
  }
}

/** `tandem.error/1`: what `--json` prints instead of an answer. */
export function failureJson(failure: CliFailure, code: number): string {
  const { exit, message } = failure;
  return JSON.stringify({ schema: 'tandem.error/1', exit, code, message });
}
