/**
 * Heartbeat's haresources: each logical line is a group, `NODE RESOURCE RESOURCE...`, started from
 * left to right on the node that is named, or on another when it is gone.
 *
 * What Heartbeat 3.0.6 got wrong is mended: it left comments on continuation lines (they became
 * resources), took a backslash followed by a blank for a resource, and never checked a resource.
 */
import type { GroupSpec } from '../resources/spec.js';
import type { Failback } from './cluster-draft.js';
import { HEARTBEAT_DIALECT } from './dialect.js';
import { checkGroupNode, checkGroups, type DraftGroup } from './group-checks.js';
import { createReporter, inFileOrder } from './reporter.js';
import type { Parsed, Reporter } from './reporter.js';
import { nameOfWord, readResourceWord } from './resource-word.js';
import {
  quote,
  splitLines,
  WHOLE_FILE,
  withoutComment,
  words,
  type SourceFile,
  type Token,
} from './source-text.js';

/** What haresources does not say itself. */
export interface HaresourcesContext {
  /** The nodes of ha.cf; null when it could not be read, and names cannot be checked. */
  readonly nodes: readonly string[] | null;
  readonly failback: Failback;
  /** Names of the scripts in resource.d of this machine. */
  readonly existingScripts: readonly string[];
}

/** Reads haresources; all faults in one go, the value being the best reading. */
export function parseHaresources(
  file: SourceFile,
  context: HaresourcesContext,
): Parsed<readonly GroupSpec[]> {
  const report = createReporter(file.path);
  const drafts: DraftLine[] = [];
  for (const line of logicalLines(file.text, context.nodes ?? [], report)) {
    if (report.full) break;
    const draft = readGroup(line, context, report);
    if (draft !== undefined) drafts.push(draft);
  }
  checkGroups(drafts, HEARTBEAT_DIALECT, report);
  if (drafts.length === 0 && report.diagnostics.length === 0) {
    report.warning(WHOLE_FILE, 'There is no group', quote('NODE RESOURCE...'));
  }
  const value = nameGroups(drafts, context);
  return { value, diagnostics: inFileOrder(report.diagnostics) };
}

/** The words of each logical line: continuations joined, comments and empty lines gone. */
function logicalLines(
  text: string,
  nodes: readonly string[],
  report: Reporter,
): readonly (readonly Token[])[] {
  const lines: (readonly Token[])[] = [];
  let current: Token[] = [];
  let open: Token | undefined;
  for (const physical of splitLines(text)) {
    const tokens = [...words(withoutComment(physical))];
    // A comment between continued lines ends nothing; an empty line does.
    if (open !== undefined && tokens.length === 0 && physical.text.includes('#')) continue;
    if (open !== undefined) noteSwallowedLine(tokens, nodes, report);
    open = takeContinuation(tokens);
    // Not spread into push: a line of a hundred thousand words would exhaust the stack.
    for (const token of tokens) current.push(token);
    if (open !== undefined) continue;
    if (current.length > 0) lines.push(current);
    current = [];
  }
  if (open !== undefined) report.warning(open, 'Nothing follows this backslash', 'one more line');
  if (current.length > 0) lines.push(current);
  return lines;
}

/** Takes the backslash off the end of a line; undefined when there is none. */
function takeContinuation(tokens: Token[]): Token | undefined {
  const last = tokens.pop();
  if (last === undefined) return undefined;
  if (!last.text.endsWith('\\')) {
    tokens.push(last);
    return undefined;
  }
  const text = last.text.slice(0, -1);
  if (text !== '') tokens.push({ ...last, text });
  return { ...last, column: last.column + text.length, text: '\\' };
}

function noteSwallowedLine(
  tokens: readonly Token[],
  nodes: readonly string[],
  report: Reporter,
): void {
  const [first, ...rest] = tokens;
  if (first === undefined || rest.length === 0 || !nodes.includes(first.text.toLowerCase())) return;
  const message = `Node ${quote(first.text)} begins a line that continues the one above`;
  report.warning(first, message, 'no backslash above a new group');
}

interface DraftLine extends DraftGroup {
  readonly node: Token;
}

function readGroup(
  line: readonly Token[],
  context: HaresourcesContext,
  report: Reporter,
): DraftLine | undefined {
  const [node, ...resources] = line;
  if (node === undefined) return undefined;
  if (!checkNode(node, context.nodes, report) && resources.length === 0) return undefined;
  if (resources.length === 0) {
    const message = `The group of ${quote(node.text)} has no resources`;
    report.error(node, message, quote('NODE RESOURCE...'));
    return undefined;
  }
  const members = resources.flatMap((word) => {
    const spec = readResourceWord(word, context.existingScripts, report);
    return spec === null ? [] : [{ word, spec }];
  });
  return { node: { ...node, text: node.text.toLowerCase() }, members };
}

function checkNode(node: Token, nodes: readonly string[] | null, report: Reporter): boolean {
  const indented = node.column > 1 && node.line > 1;
  const cure = indented ? 'to continue a line, end it with a backslash' : undefined;
  return checkGroupNode(node, nodes ?? [], HEARTBEAT_DIALECT, report, cure);
}

/** Names by the last word, made unique by -2, -3; Heartbeat's key, the first word, is the alias. */
function nameGroups(
  drafts: readonly DraftLine[],
  context: HaresourcesContext,
): readonly GroupSpec[] {
  const used = new Map<string, number>();
  const named = drafts.flatMap((draft) => {
    const last = draft.members.at(-1);
    if (last === undefined) return [];
    return [{ draft, name: uniqueName(nameOfWord(last.word.text, last.spec), used) }];
  });
  return named.map(({ draft, name }) => {
    const key = draft.members[0]?.word.text ?? '';
    const preferred = draft.node.text;
    const others = (context.nodes ?? []).filter((node) => node !== preferred);
    return {
      name,
      aliases: used.has(key) ? [] : [key],
      prefer: [preferred, ...others],
      failback: context.failback,
      resources: draft.members.map(({ spec }) => spec),
    };
  });
}

/** `used` holds each name with the number that the next of its kind tries first. */
function uniqueName(wanted: string, used: Map<string, number>): string {
  let name = wanted;
  let next = used.get(wanted) ?? 2;
  for (; used.has(name); next += 1) name = `${wanted}-${String(next)}`;
  used.set(wanted, next);
  used.set(name, used.get(name) ?? 2);
  return name;
}
