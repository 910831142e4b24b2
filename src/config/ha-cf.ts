/**
 * Heartbeat's ha.cf: one directive a line, `#` begins a comment wherever it stands, nothing is
 * quoted (but in our `fence` lines). Directives are case-sensitive. Unlike Heartbeat, the order
 * of lines has no meaning: udpport and baud count for media above them as well.
 *
 * docs/ha-cf.md tells for each directive what Tandem does with it.
 */
import type { DirectiveLine } from './ha-cf-draft.js';
import { createDraft } from './ha-cf-draft.js';
import { finishHaCf, type HaCf } from './ha-cf-checks.js';
import { directiveOf, DIRECTIVES } from './ha-cf-directives.js';
import { createReporter, didYouMean, inFileOrder, type Parsed } from './reporter.js';
import {
  BLANKS,
  quote,
  splitLines,
  withoutComment,
  words,
  type SourceFile,
  type SourceLine,
} from './source-text.js';

/**
 * Reads ha.cf for the node that calls itself `self`. All faults are reported in one go; the value
 * is the best reading, to be used only when none of them is an error.
 */
export function parseHaCf(file: SourceFile, self: string): Parsed<HaCf> {
  const report = createReporter(file.path);
  const draft = createDraft(report);
  for (const line of splitLines(file.text)) {
    if (report.full) break;
    const directiveLine = splitDirective(line);
    if (directiveLine === undefined) continue;
    const { name } = directiveLine;
    const directive = directiveOf(name.text);
    if (directive !== undefined) directive(draft, directiveLine);
    else report.error(name, ...unknownDirective(name.text));
  }
  const value = finishHaCf(draft, self);
  return { value, diagnostics: inFileOrder(report.diagnostics) };
}

function splitDirective(line: SourceLine): DirectiveLine | undefined {
  const bare = withoutComment(line);
  const [name, ...rest] = words(bare);
  if (name === undefined) return undefined;
  const values = words(bare, `${BLANKS},`, name.column - 1 + name.text.length);
  return { name, values, words: rest, line };
}

function unknownDirective(name: string): readonly [string, string, string?] {
  const guess = didYouMean(name, Object.keys(DIRECTIVES));
  const message = `Unknown directive ${quote(name)}`;
  if (guess !== undefined) return [message, 'a directive of ha.cf', guess];
  // Copied from a web page, a line often holds blanks and quotes that only look like ASCII.
  const foreign = /[^\x20-\x7e]/.test(name);
  const cure = 'retype the line: it holds characters that are not plain ASCII';
  return foreign ? [message, 'a directive of ha.cf', cure] : [message, 'a directive of ha.cf'];
}
