/**
 * Heartbeat's ha.cf: one directive a line, `#` begins a comment wherever it stands, nothing is
 * quoted (but in our `fence` lines). Directives are case-sensitive. Unlike Heartbeat, the order
 * of lines has no meaning: udpport and baud count for media above them as well.
 *
 * docs/ha-cf.md tells for each directive what Tandem does with it.
 */
import { finishCluster, type Cluster } from './cluster-checks.js';
import { createDraft, type Draft, type Failback } from './cluster-draft.js';
import { HEARTBEAT_DIALECT } from './dialect.js';
import type { DirectiveLine } from './ha-cf-draft.js';
import { directiveOf, DIRECTIVES } from './ha-cf-directives.js';
import { createReporter, didYouMean, inFileOrder, type Parsed } from './reporter.js';
import {
  BLANKS,
  quote,
  splitLines,
  WHOLE_FILE,
  withoutComment,
  words,
  type SourceFile,
  type SourceLine,
} from './source-text.js';

/** What ha.cf says, complete with defaults. */
export interface HaCf extends Cluster {
  /** For all groups of haresources. */
  readonly failback: Failback;
}

/**
 * Reads ha.cf for the node that calls itself `self`. All faults are reported in one go; the value
 * is the best reading, to be used only when none of them is an error.
 */
export function parseHaCf(file: SourceFile, self: string): Parsed<HaCf> {
  const report = createReporter(file.path);
  const draft = createDraft(HEARTBEAT_DIALECT, report);
  for (const line of splitLines(file.text)) {
    if (report.full) break;
    const directiveLine = splitDirective(line);
    if (directiveLine === undefined) continue;
    const { name } = directiveLine;
    const directive = directiveOf(name.text);
    if (directive !== undefined) directive(draft, directiveLine);
    else report.error(name, ...unknownDirective(name.text));
  }
  const cluster = finishCluster(draft, self);
  noteFailback(draft);
  const value = { ...cluster, failback: draft.failback?.value ?? 'never' };
  return { value, diagnostics: inFileOrder(report.diagnostics) };
}

function noteFailback(draft: Draft): void {
  const tried = draft.seen.has('auto_failback') || draft.seen.has('nice_failback');
  if (draft.failback !== null || tried) return;
  draft.report.warning(
    WHOLE_FILE,
    'Nothing says whether groups go back to their preferred node; they stay where they are',
    '"auto_failback on" or "auto_failback off"',
  );
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
