/**
 * Holds a tree of YAML against the schema and hands out the same tree, typed, with the place of
 * every word. What does not fit is reported and left out, so that one run tells of all faults.
 *
 * zod decides what fits; but zod sees values without places, and tells of a union only that nothing
 * in it matched. So the schema is walked along with the tree, and each leaf is given to zod.
 */
import { z } from 'zod';
import type { YamlEntry, YamlList, YamlMapping, YamlNode } from './cluster-yaml-source.js';
import { didYouMean, type Reporter } from './reporter.js';
import { quote, quoteList, type Place, type Token } from './source-text.js';

type Scalar = string | number | boolean | null;

/** A value of type T whose every part knows its place. */
export type Placed<T> = T extends Scalar
  ? PlacedScalar<T>
  : T extends readonly (infer Item)[]
    ? PlacedList<Placed<Item>>
    : string extends keyof T
      ? PlacedRecord<Placed<T[keyof T]>>
      : PlacedObject<T>;

/** A single value, and the token with its text as it was written. */
export interface PlacedScalar<T> {
  readonly kind: 'scalar';
  readonly token: Token;
  readonly value: T;
}

/** The items that fit. */
export interface PlacedList<Item> {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: readonly Item[];
}

/** A mapping whose keys are known. */
export interface PlacedObject<T> {
  readonly kind: 'object';
  readonly at: Place;
  readonly fields: { readonly [Key in keyof T]: Placed<Exclude<T[Key], undefined>> };
}

/** A mapping with keys of the operator's own, in the order of the file. */
export interface PlacedRecord<Value> {
  readonly kind: 'record';
  readonly at: Place;
  readonly entries: readonly { readonly key: Token; readonly value: Value }[];
}

/** Reads `node` as `schema` has it; undefined when an error was reported that leaves nothing. */
export function readShape<Schema extends z.ZodType>(
  schema: Schema,
  node: YamlNode,
  report: Reporter,
): Placed<z.infer<Schema>> | undefined {
  const walker = new Walker(report);
  return walker.walk(schema, node, 'The file') as Placed<z.infer<Schema>> | undefined;
}

/** What a part of the tree became; its type follows from the schema. */
type AnyPlaced =
  | PlacedScalar<Scalar>
  | PlacedList<AnyPlaced>
  | PlacedRecord<AnyPlaced>
  | { readonly kind: 'object'; readonly at: Place; readonly fields: Record<string, AnyPlaced> };

class Walker {
  readonly #report: Reporter;

  constructor(report: Reporter) {
    this.#report = report;
  }

  /** `label` begins the sentence about a value that does not fit: `Key "port"`. */
  walk(schema: z.ZodType, node: YamlNode, label: string): AnyPlaced | undefined {
    if (this.#report.full) return undefined;
    if (schema instanceof z.ZodOptional) return this.walk(schema.unwrap() as z.ZodType, node, label);
    if (schema instanceof z.ZodUnion) return this.#walkUnion(schema, node, label);
    if (schema instanceof z.ZodObject && node.kind === 'mapping') {
      return this.#walkObject(schema, node, []);
    }
    if (schema instanceof z.ZodRecord && node.kind === 'mapping') {
      const entries = node.entries.flatMap(({ key, node: inner }) => {
        const value = this.walk(schema.valueType as z.ZodType, inner, labelOf(key));
        return value === undefined ? [] : [{ key, value }];
      });
      return { kind: 'record', at: node.at, entries };
    }
    if (schema instanceof z.ZodArray && node.kind === 'list') {
      return this.#walkList(schema, node, label);
    }
    return this.#walkLeaf(schema, node, label);
  }

  #walkLeaf(schema: z.ZodType, node: YamlNode, label: string): AnyPlaced | undefined {
    if (node.kind === 'scalar' && schema.safeParse(node.value).success) {
      return { kind: 'scalar', token: node.token, value: node.value };
    }
    this.#refuse(schema, node, label);
    return undefined;
  }

  #walkList(schema: z.ZodArray, node: YamlList, label: string): AnyPlaced | undefined {
    if (node.items.length === 0 && !schema.safeParse([]).success) {
      this.#report.error(node.at, `${label} is empty`, expectedBy(schema, []));
      return undefined;
    }
    const items = node.items.flatMap((item) => {
      const value = this.walk(schema.element as z.ZodType, item, `An entry of ${lower(label)}`);
      return value === undefined ? [] : [value];
    });
    return { kind: 'list', at: node.at, items };
  }

  /** `elsewhere` are keys that belong into an entry of their own beside this mapping. */
  #walkObject(
    schema: z.ZodObject,
    node: YamlMapping,
    elsewhere: readonly string[],
  ): AnyPlaced | undefined {
    const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
    const rest = schema.def.catchall as z.ZodType | undefined;
    const open = rest !== undefined && !(rest instanceof z.ZodNever);
    const placed: { key: Token; value: AnyPlaced }[] = [];
    let complete = true;
    for (const { key, node: inner } of node.entries) {
      const own = Object.hasOwn(shape, key.text) ? shape[key.text] : undefined;
      const field = own ?? (open ? rest : undefined);
      if (field === undefined) {
        this.#refuseKey(key, Object.keys(shape), elsewhere);
        continue;
      }
      const value = this.walk(field, inner, labelOf(key));
      if (value !== undefined) placed.push({ key, value });
      else if (!(field instanceof z.ZodOptional)) complete = false;
    }
    complete = this.#hasRequired(shape, node) && complete;
    if (!complete) return undefined;
    if (open) return { kind: 'record', at: node.at, entries: placed };
    const fields = Object.fromEntries(placed.map(({ key, value }) => [key.text, value]));
    return { kind: 'object', at: node.at, fields };
  }

  #hasRequired(shape: Readonly<Record<string, z.ZodType>>, node: YamlMapping): boolean {
    const given = new Set(node.entries.map(({ key }) => key.text));
    const missing = Object.entries(shape).filter(
      ([name, field]) => !(field instanceof z.ZodOptional) && !given.has(name),
    );
    for (const [name, field] of missing) {
      this.#report.error(node.at, `Key ${quote(name)} is missing`, expectedBy(field, UNFIT));
    }
    return missing.length === 0;
  }

  #walkUnion(schema: z.ZodUnion, node: YamlNode, label: string): AnyPlaced | undefined {
    const options = schema.options as readonly z.ZodType[];
    if (node.kind === 'mapping') {
      const objects = options.filter((option) => option instanceof z.ZodObject);
      if (objects.length > 0) return this.#walkVariant(schema, objects, node);
    }
    if (node.kind === 'list') {
      const list = options.find((option) => option instanceof z.ZodArray);
      if (list !== undefined) return this.walk(list, node, label);
    }
    return this.#walkLeaf(schema, node, label);
  }

  /** The variant that a key belongs to, the first such key deciding: `{ drbd: r0 }`. */
  #walkVariant(
    union: z.ZodUnion,
    variants: readonly z.ZodObject[],
    node: YamlMapping,
  ): AnyPlaced | undefined {
    const [only] = variants;
    if (only === undefined) return undefined;
    if (variants.length === 1) return this.#walkObject(only, node, []);
    const heads = variants.map(headOf);
    const chosen = this.#choose(variants, node.entries);
    if (chosen !== undefined) {
      return this.#walkObject(chosen, node, heads.filter((head) => head !== headOf(chosen)));
    }
    const [first] = node.entries;
    const cure = `write ${expectedBy(union, UNFIT)}`;
    if (first !== undefined) this.#refuseKey(first.key, heads, [], cure);
    else this.#report.error(node.at, 'The mapping is empty', quoteList(heads), cure);
    return undefined;
  }

  #choose(
    variants: readonly z.ZodObject[],
    entries: readonly YamlEntry[],
  ): z.ZodObject | undefined {
    for (const { key } of entries) {
      const knowing = variants.filter((variant) => Object.hasOwn(variant.shape, key.text));
      if (knowing.length === 1) return knowing[0];
    }
    return undefined;
  }

  #refuseKey(
    key: Token,
    known: readonly string[],
    elsewhere: readonly string[],
    otherwise?: string,
  ): void {
    const cure = elsewhere.includes(key.text)
      ? `begin an entry of its own with "- ${key.text}:"`
      : (didYouMean(key.text, known) ?? didYouMean(key.text, elsewhere) ?? otherwise);
    this.#report.error(key, `Unknown key ${quote(key.text)}`, quoteList(known), cure);
  }

  #refuse(schema: z.ZodType, node: YamlNode, label: string): void {
    const message = `${label} ${isNothing(node) ? 'has no value' : `cannot be ${shown(node)}`}`;
    const value = node.kind === 'scalar' ? node.value : UNFIT;
    const at = node.kind === 'scalar' ? node.token : node.at;
    this.#report.error(at, message, expectedBy(schema, value), cureOf(schema, node));
  }
}

/** No schema accepts it, so that every schema says what it expects. */
const UNFIT = Symbol('no value');

function expectedBy(schema: z.ZodType, value: unknown): string {
  const result = schema.safeParse(value);
  return result.error?.issues[0]?.message ?? 'another value';
}

/** The key that makes a mapping this variant: its first. */
function headOf(variant: z.ZodObject): string {
  return Object.keys(variant.shape)[0] ?? '';
}

function labelOf(key: Token): string {
  return `Key ${quote(key.text)}`;
}

function lower(label: string): string {
  return `${label.charAt(0).toLowerCase()}${label.slice(1)}`;
}

function isNothing(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

/** The value in quotes, unless it may hold a password. */
function shown(node: YamlNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'mapping') return 'a mapping';
  const { text } = node.token;
  return /pass|secret|token|api_?key/i.test(text) ? 'this text' : quote(text);
}

function cureOf(schema: z.ZodType, node: YamlNode): string | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  const { text } = node.token;
  const guess = didYouMean(text, wordsOf(schema));
  if (guess !== undefined) return guess;
  if (typeof node.value !== 'string') {
    return schema.safeParse(text).success ? `write it in quotes: ${quote(text)}` : undefined;
  }
  const number = text.trim() === '' ? NaN : Number(text);
  return schema.safeParse(number).success ? 'write it without quotes' : undefined;
}

function wordsOf(schema: z.ZodType): readonly string[] {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  return schema instanceof z.ZodLiteral ? [...schema.values].map(String) : [];
}
