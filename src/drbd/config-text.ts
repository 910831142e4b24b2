/**
 * The language of DRBD's configuration as drbdsetup prints it: statements of words that end with a
 * semicolon, or that open a block.
 *
 *     resource r0 {
 *         net {
 *             timeout             20; # 1/10 seconds
 *             shared-secret       "a;b";
 *         }
 *     }
 *
 * Total: any text gives a tree, what does not fit is listed with its place, the work is linear.
 */
import { PROBLEMS_MAX, type ModelProblem } from './model.js';
import { excerpt } from './proc-line.js';

/** A word and its place. */
export interface ConfigWord {
  /** Without quotes. */
  readonly text: string;
  /** One-based. */
  readonly line: number;
  readonly column: number;
}

/** One statement: `timeout 20;`, or `net { ... }`. */
export interface ConfigStatement {
  /** At least one. */
  readonly words: readonly ConfigWord[];
  /** Null without a block. */
  readonly block: readonly ConfigStatement[] | null;
  /** What follows the sign # in the same line: `1/10 seconds, default`; empty when there is none. */
  readonly comment: string;
}

/** What was read. */
export interface ConfigTree {
  readonly statements: readonly ConfigStatement[];
  readonly problems: readonly ModelProblem[];
  readonly problemsOmitted: number;
}

/** Lists problems up to a number; more tell nothing new. */
export class ProblemList {
  readonly problems: ModelProblem[] = [];
  omitted = 0;

  add({ line, column }: { readonly line: number; readonly column: number }, message: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ line, column, message });
    else this.omitted += 1;
  }
}

/** drbdsetup nests six deep; a deeper text is not its. */
const DEPTH_MAX = 20;

/** One token: punctuation, a quoted text, or a word. A comment runs to the end of its line. */
const TOKEN = /[{};]|"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[^\s{};"#]+/g;

const WHOLE_QUOTE = /^"(?:[^"\\\n]|\\.)*"$/;

type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

interface Open {
  readonly words: readonly ConfigWord[];
  readonly block: ConfigStatement[];
}

/** Reads a text. Never throws. */
export function parseConfigText(text: string): ConfigTree {
  const list = new ProblemList();
  const top: ConfigStatement[] = [];
  const open: Open[] = [];
  let words: ConfigWord[] = [];
  const here = (): ConfigStatement[] => open.at(-1)?.block ?? top;
  let last: Last = null;
  const endStatement = (line: number): void => {
    if (words.length > 0) {
      const statement = { words, block: null, comment: '' };
      here().push(statement);
      last = { statement, line };
    }
    words = [];
  };
  for (const token of tokens(text)) {
    if (token.text.startsWith('#')) {
      takeComment(last, token);
    } else if (token.text === '{') {
      if (words.length === 0) list.add(token, 'a block without a name');
      if (open.length >= DEPTH_MAX) {
        list.add(token, `blocks are nested more than ${DEPTH_MAX} deep: the rest is not read`);
        break;
      }
      const name = words.length === 0 ? [{ ...token, text: '' }] : words;
      open.push({ words: name, block: [] });
      words = [];
    } else if (token.text === '}') {
      const [first] = words;
      if (first !== undefined) list.add(first, `no semicolon after ${excerpt(first.text)}`);
      endStatement(token.line);
      const closed = open.pop();
      if (closed === undefined) list.add(token, 'a closing brace without a block');
      else here().push({ ...closed, comment: '' });
    } else if (token.text === ';') {
      endStatement(token.line);
    } else {
      words.push(wordOf(token, list));
    }
  }
  const [first] = words;
  if (first !== undefined) list.add(first, `the text breaks off after ${excerpt(first.text)}`);
  endStatement(0);
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    const [name] = block.words;
    if (name !== undefined) list.add(name, `block ${excerpt(name.text)} is not closed`);
    here().push({ ...block, comment: '' });
  }
  return { statements: top, problems: list.problems, problemsOmitted: list.omitted };
}

type Last = { readonly statement: Draft<ConfigStatement>; readonly line: number } | null;

function takeComment(last: Last, token: ConfigWord): void {
  if (last?.line === token.line) last.statement.comment = token.text.slice(1).trim();
}

/** Quotes are taken off; a backslash stands before what it protects. */
function wordOf(token: ConfigWord, list: ProblemList): ConfigWord {
  if (!token.text.startsWith('"')) return token;
  const closed = WHOLE_QUOTE.test(token.text);
  if (!closed) list.add(token, 'a quoted text is not closed');
  const inside = token.text.slice(1, closed ? -1 : undefined);
  return { ...token, text: inside.replace(/\\(.)/g, '$1') };
}

function* tokens(text: string): Generator<ConfigWord> {
  let line = 1;
  let lineStart = 0;
  let lineEnd = text.indexOf('\n');
  for (const match of text.matchAll(TOKEN)) {
    while (lineEnd >= 0 && lineEnd < match.index) {
      line += 1;
      lineStart = lineEnd + 1;
      lineEnd = text.indexOf('\n', lineStart);
    }
    const [token] = match;
    yield { text: token, line, column: match.index - lineStart + 1 };
  }
}
