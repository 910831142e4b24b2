/**
 * YAML as text -> a tree of values that know where they stand, or diagnostics.
 *
 *     text -> package yaml (version 1.2, core schema) -> YamlNode: mapping, list, scalar
 *
 * Whatever could surprise is refused here: tags, a second document, an older version of YAML, keys
 * given twice, and aliases that multiply. The tree is small and flat whatever the text was.
 */
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Alias, Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import { faultOf } from './cluster-yaml-faults.js';
import type { Reporter } from './reporter.js';
import { quote, WHOLE_FILE, type Place, type SourceFile, type Token } from './source-text.js';

/** A value of the file with its place. */
export type YamlNode = YamlScalar | YamlList | YamlMapping;

/** Text, a number, true, false or nothing; `token` holds it as it was written. */
export interface YamlScalar {
  readonly kind: 'scalar';
  readonly at: Place;
  readonly token: Token;
  readonly value: string | number | boolean | null;
}

/** `[a, b]`, or lines that begin with `-`. */
export interface YamlList {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: readonly YamlNode[];
}

/** `{ a: b }`, or lines with a key each. Every key stands in it once. */
export interface YamlMapping {
  readonly kind: 'mapping';
  readonly at: Place;
  readonly entries: readonly YamlEntry[];
}

/** A key and its value. */
export interface YamlEntry {
  readonly key: Token;
  readonly node: YamlNode;
}

/** A hundred nodes with their devices need a fifth of it; hostile text of this length costs 1 s. */
const TEXT_LENGTH_MAX = 131_072;

/** Values after the expansion of aliases: beyond this it is not a configuration but a bomb. */
const VALUES_MAX = 20_000;

/** The deepest value of a valid file, an argument of a script, stands seven levels deep. */
const DEPTH_MAX = 16;

/**
 * Reads a file. The tree is null when it cannot be trusted, which has been reported then, or when
 * the file is empty; single values that were reported are left out of it.
 */
export function readYaml(file: SourceFile, report: Reporter): YamlNode | null {
  if (file.text.length > TEXT_LENGTH_MAX) {
    const size = `${String(file.text.length)} characters`;
    const expected = `at most ${String(TEXT_LENGTH_MAX)} characters`;
    report.error(WHOLE_FILE, `The file is too large, ${size}`, expected);
    return null;
  }
  const document = parse(file.text);
  if (document === null) {
    report.error(WHOLE_FILE, 'The file cannot be read as YAML', 'YAML 1.2');
    return null;
  }
  const reader = new Reader(report, file.text);
  reader.reportFaults(document);
  if (report.diagnostics.length > 0) return null;
  if (document.contents === null) return null;
  const tree = reader.read(document.contents, WHOLE_FILE, 0);
  return reader.full ? null : tree;
}

type Parsed = Document.Parsed;

function parse(text: string): Parsed | null {
  try {
    return parseDocument(text, {
      version: '1.2',
      schema: 'core',
      customTags: null,
      resolveKnownTags: false,
      merge: false,
      strict: true,
      // Compared pairwise there, which takes minutes for a hostile file; the reader looks itself.
      uniqueKeys: false,
      // They repeat lines of the file, which may hold a password.
      prettyErrors: false,
      // 'silent' would also be silent about a second document.
      logLevel: 'error',
    });
  } catch {
    // The package promises not to throw; a configuration must never end a daemon all the same.
    return null;
  }
}

/** Size counts the values in a node, so that an alias costs what it stands for. */
interface Anchored {
  readonly node: YamlNode;
  readonly size: number;
}

class Reader {
  readonly #report: Reporter;
  /** Where each line begins. The package's own counter loses lines where text is faulty. */
  readonly #starts: readonly number[];
  readonly #anchors = new Map<string, Anchored>();
  #values = 0;
  /** True when the tree was given up: what was read of it would only lead to more faults. */
  full = false;

  constructor(report: Reporter, text: string) {
    this.#report = report;
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#starts = starts;
  }

  /** One fault a line: those that follow on the same line mostly follow from the first. */
  reportFaults(document: Parsed): void {
    const { yaml } = document.directives;
    if (yaml.explicit === true && yaml.version !== '1.2') {
      const cure = 'delete the line "%YAML"';
      this.#report.error({ line: 1, column: 1 }, `YAML ${yaml.version} is too old`, '1.2', cure);
    }
    // A bracket that closes at the column of its key is bad form, but what it means is plain.
    const faults = document.errors.concat(
      document.warnings.filter(({ code }) => code !== 'BAD_INDENT'),
    );
    const lines = new Set<number>();
    for (const fault of faults.toSorted((a, b) => a.pos[0] - b.pos[0])) {
      const at = this.#place(fault.pos[0]);
      if (lines.has(at.line)) continue;
      lines.add(at.line);
      const { message, expected, cure } = faultOf(fault);
      this.#report.error(at, message, expected, cure);
    }
  }

  /** Reads a node; `above` is where an empty value is shown, at its key. */
  read(node: Node | null, above: Place, depth: number): YamlNode | null {
    this.#values += 1;
    const at = this.#placeOf(node, above);
    if (this.#isTooMuch(at, depth)) return null;
    if (isAlias(node)) return this.#readAlias(node, at);
    const before = this.#values;
    const tree = this.#readPlain(node, at, depth);
    const anchor = node === null || !('anchor' in node) ? undefined : node.anchor;
    if (typeof anchor === 'string' && tree !== null) {
      this.#anchors.set(anchor, { node: tree, size: this.#values - before + 1 });
    }
    return tree;
  }

  #readPlain(node: Node | null, at: Place, depth: number): YamlNode | null {
    if (isMap(node)) return this.#readMap(node, at, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item as Node | null, at, depth + 1));
      return { kind: 'list', at, items: items.filter((item) => item !== null) };
    }
    if (node === null) return { kind: 'scalar', at, token: { ...at, text: '' }, value: null };
    if (isScalar(node)) return this.#readScalar(node, at);
    this.#report.error(at, 'This is no value of YAML', 'text, a number, a list or a mapping');
    return null;
  }

  #isTooMuch(at: Place, depth: number): boolean {
    if (this.full || this.#report.full) return true;
    if (depth > DEPTH_MAX) {
      this.#report.error(at, 'Lists or mappings are nested too deep', `at most ${DEPTH_MAX} levels`);
    } else if (this.#values > VALUES_MAX) {
      this.#report.error(at, 'There are too many values', `at most ${VALUES_MAX}`);
    } else {
      return false;
    }
    this.full = true;
    return true;
  }

  /** An alias stands for a finished value above it: none can contain itself. */
  #readAlias(alias: Alias, at: Place): YamlNode | null {
    const anchored = this.#anchors.get(alias.source);
    if (anchored === undefined) {
      const message = `Alias ${quote(`*${alias.source}`)} stands for nothing`;
      const cure = 'put text that begins with * in quotes';
      this.#report.error(at, message, `"&${alias.source}" at a value above it`, cure);
      return null;
    }
    this.#values += anchored.size - 1;
    return this.#isTooMuch(at, 0) ? null : anchored.node;
  }

  #readMap(map: YAMLMap, at: Place, depth: number): YamlNode {
    const seen = new Map<string, Token>();
    const entries: YamlEntry[] = [];
    for (const pair of map.items as readonly Pair<Node | null, Node | null>[]) {
      const key = this.#readKey(pair.key, at);
      if (key === null) continue;
      const first = seen.get(key.text);
      if (first !== undefined) {
        const place = `line ${String(first.line)}, column ${String(first.column)}`;
        const message = `Key ${quote(key.text)} is given twice; the first time on ${place}`;
        this.#report.error(key, message, 'each key once');
        continue;
      }
      seen.set(key.text, key);
      const node = this.read(pair.value, key, depth + 1);
      if (node !== null) entries.push({ key, node });
    }
    return { kind: 'mapping', at, entries };
  }

  #readKey(key: Node | null, above: Place): Token | null {
    const at = key?.range ? this.#place(key.range[0]) : above;
    if (isScalar(key)) return { ...at, text: textOf(key) };
    this.#report.error(at, 'A key is missing, or is no plain word', '"key: value"');
    return null;
  }

  #readScalar(scalar: Scalar, at: Place): YamlNode {
    const { value } = scalar;
    const plain = ['string', 'number', 'boolean'].includes(typeof value);
    return {
      kind: 'scalar',
      at,
      token: { ...at, text: textOf(scalar) },
      value: plain ? (value as YamlScalar['value']) : null,
    };
  }

  #placeOf(node: Node | null, above: Place): Place {
    const range = node?.range ?? null;
    // An empty value has no extent: it is shown where its key or list is.
    if (range === null || (range[0] === range[1] && !isAlias(node))) return above;
    return this.#place(range[0]);
  }

  /** By halving: the last line that does not begin after the offset. */
  #place(offset: number): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

/** As written, without quotes and escapes: `0644` and `1e3` stay what they are. */
function textOf(scalar: Scalar): string {
  if (typeof scalar.value === 'string') return scalar.value;
  return scalar.source ?? '';
}

