/**
 * A JSON reader that knows where each value stands, for the output of drbdsetup, which is nearly
 * JSON: `nan`, `-nan` and `inf` stand where a division by zero was printed (read as null), and
 * counters may be larger than a number holds exactly (null too). Total: a text that breaks off
 * gives what was read of it, and the place of the fault. The work is linear.
 */
import { excerpt } from './proc-line.js';

/** A value and its place. */
export type JsonNode = { readonly line: number; readonly column: number } & (
  | { readonly kind: 'object'; readonly entries: ReadonlyMap<string, JsonNode> }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly text: string }
  /** `value` is null when the number printed is none, or not exact. */
  | { readonly kind: 'number'; readonly text: string; readonly value: number | null }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
);

/** A fault of the text. */
export interface JsonFault {
  /** One-based. */
  readonly line: number;
  /** One-based, in characters. */
  readonly column: number;
  readonly message: string;
}

/** What was read: `node` is null when there was nothing to read. */
export interface JsonReading {
  readonly node: JsonNode | null;
  readonly fault: JsonFault | null;
}

/** drbdsetup nests five deep; a deeper text is not its. */
const DEPTH_MAX = 20;

/** Ends the reading; caught in `readJson`, never seen outside. */
class Fault extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get place(): { readonly line: number; readonly column: number } {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  /** Skips blanks and looks at the next character; empty at the end. */
  peek(): string {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#text.charAt(this.#at);
      if (char === '\n') {
        this.#line += 1;
        this.#lineStart = this.#at + 1;
      } else if (char !== ' ' && char !== '\t' && char !== '\r') {
        return char;
      }
    }
    return '';
  }

  /** Takes the character if it is next. */
  take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  /** Takes a word: letters, digits, sign and point. */
  word(): string {
    const pattern = /[-+.\w]+/y;
    pattern.lastIndex = this.#at;
    const word = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += word.length;
    return word;
  }

  /** Takes the rest of a string after its opening quote. drbdsetup does not escape names. */
  string(): string {
    let text = '';
    for (;;) {
      const pattern = /[^"\\\n]*/y;
      pattern.lastIndex = this.#at;
      const plain = pattern.exec(this.#text)?.[0] ?? '';
      text += plain;
      this.#at += plain.length;
      const char = this.#text.charAt(this.#at);
      if (char === '"') {
        this.#at += 1;
        return text;
      }
      const escaped = char === '\\' ? this.#text.charAt(this.#at + 1) : '';
      if (escaped === '' || escaped === '\n') throw new Fault('a string that does not end on its line');
      text += escaped;
      this.#at += 2;
    }
  }
}

/** Reads a text. Never throws. */
export function readJson(text: string): JsonReading {
  const reader = new Reader(text);
  if (reader.peek() === '') return { node: null, fault: null };
  const root: { node: JsonNode | null } = { node: null };
  try {
    readValue(reader, 0, (node) => (root.node = node));
    if (reader.peek() !== '') throw new Fault('more text after the end');
    return { node: root.node, fault: null };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { node: root.node, fault: { ...reader.place, message: error.message } };
  }
}

/** Hands the value over before its inside is read, so that a broken text keeps what it had. */
function readValue(reader: Reader, depth: number, keep: (node: JsonNode) => void): void {
  const char = reader.peek();
  const { place } = reader;
  if (depth > DEPTH_MAX) throw new Fault(`nested deeper than ${DEPTH_MAX}`);
  if (reader.take('{')) {
    const entries = new Map<string, JsonNode>();
    keep({ ...place, kind: 'object', entries });
    readMembers(reader, '}', () => {
      if (!reader.take('"')) throw new Fault(`expected a name in quotes${found(reader)}`);
      const key = reader.string();
      if (!reader.take(':')) throw new Fault(`expected ":"${found(reader)}`);
      readValue(reader, depth + 1, (node) => entries.set(key, node));
    });
  } else if (reader.take('[')) {
    const items: JsonNode[] = [];
    keep({ ...place, kind: 'array', items });
    readMembers(reader, ']', () => readValue(reader, depth + 1, (node) => items.push(node)));
  } else if (reader.take('"')) {
    keep({ ...place, kind: 'string', text: reader.string() });
  } else {
    const word = char === '' ? '' : reader.word();
    const value = scalarOf(word);
    if (value === null) throw new Fault(word === '' ? `expected a value${found(reader)}` : `not a value: ${excerpt(word)}`);
    keep({ ...place, ...value });
  }
}

function found(reader: Reader): string {
  const char = reader.peek();
  return char === '' ? ', but the text ends' : `, found ${excerpt(char)}`;
}

function readMembers(reader: Reader, close: string, member: () => void): void {
  if (reader.take(close)) return;
  do {
    // drbdsetup before 9.33 leaves a comma before the closing bracket.
    if (reader.take(close)) return;
    member();
  } while (reader.take(','));
  if (!reader.take(close)) throw new Fault(`expected "," or "${close}"${found(reader)}`);
}

type Scalar =
  | { readonly kind: 'number'; readonly text: string; readonly value: number | null }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' };

function scalarOf(word: string): Scalar | null {
  if (word === 'true' || word === 'false') return { kind: 'boolean', value: word === 'true' };
  if (word === 'null') return { kind: 'null' };
  if (/^[-+]?(?:nan|inf|infinity)$/i.test(word)) return { kind: 'number', text: word, value: null };
  if (!/^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(word)) return null;
  const value = Number(word);
  const exact = Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return { kind: 'number', text: word, value: exact ? value : null };
}
