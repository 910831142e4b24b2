import { CliFailure } from './cli-failure.js';

/** What a person is asked before something that may cost data. */
export interface Confirmation {
  /** What follows, in one or two lines, with a final newline. */
  readonly warning: string;
  /** `the node` */
  readonly what: string;
  /** The name to be typed. */
  readonly name: string;
  /** Completes "Nobody is there to confirm that ...": `n1 is off`. */
  readonly statement: string;
  /** What a script has to say instead. Default: --yes. */
  readonly cure?: string;
}

/**
 * Returns when the name was typed; otherwise throws (`unsafe`), also where nobody can type: a
 * script has to say --yes.
 */
export async function confirmTyped(confirmation: Confirmation): Promise<void> {
  const { warning, what, name, statement, cure: option = '--yes' } = confirmation;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    const cure = `repeat with ${option}, or on a terminal`;
    throw new CliFailure('unsafe', `Nobody is there to confirm that ${statement}: ${cure}`);
  }
  const { createInterface } = await import('node:readline');
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  process.stderr.write(warning);
  const typed = await new Promise<string | null>((resolve) => {
    asked.once('close', () => resolve(null));
    asked.question(`Type the name of ${what} (${name}) to confirm: `, resolve);
  });
  asked.close();
  if (typed === null) process.stderr.write('\n');
  if (typed?.trim() !== name) {
    throw new CliFailure('unsafe', `Not confirmed: nothing was changed for ${name}`);
  }
}
