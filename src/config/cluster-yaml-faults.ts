/**
 * What the package yaml finds wrong, in our words: where it is found out is seldom where it was
 * caused, so the words name the usual cause. Nothing of the file is repeated: it may be secret.
 */
import type { ErrorCode, YAMLError } from 'yaml';

/** A fault of syntax without its place. */
export interface YamlFault {
  readonly message: string;
  readonly expected: string;
  readonly cure?: string;
}

const QUOTES = 'put text that begins with a special character in quotes';
const NO_TAGS = { message: 'Tags (!) are not used here', expected: 'the value alone', cure: QUOTES };
const TOO_LONG_KEY = { message: 'The key has no end', expected: '"key: value" on one line' };
const LEFT_OVER = {
  message: 'Something is left over here',
  expected: 'one value, or a comma before the next',
  cure: 'look for a quote, bracket or brace without its partner',
};
const DEFECT = { message: 'This cannot be read as YAML', expected: 'YAML 1.2' };

const FAULTS: Readonly<Record<ErrorCode, YamlFault>> = {
  ALIAS_PROPS: { message: 'An alias (*) has an anchor or a tag', expected: 'the alias alone' },
  BAD_ALIAS: { message: 'An alias (*) or anchor (&) has no name', expected: 'a name', cure: QUOTES },
  BAD_COLLECTION_TYPE: NO_TAGS,
  BAD_DIRECTIVE: { message: 'A line that begins with % is a directive', expected: 'none' },
  BAD_DQ_ESCAPE: {
    message: 'Unknown escape after a backslash in double quotes',
    expected: '"\\\\" for a backslash',
    cure: 'use single quotes, where a backslash is one',
  },
  BAD_INDENT: {
    message: 'The indentation does not fit the lines above',
    expected: 'entries of one list or mapping at the same column',
  },
  BAD_PROP_ORDER: { message: 'An anchor or tag stands before "-", "?" or ":"', expected: 'after it' },
  BAD_SCALAR_START: {
    message: 'Text cannot begin with this character',
    expected: 'text in quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'A list or a second key begins on the line of a key',
    expected: 'it on the next line, indented',
    cure: 'put text that holds ": " in quotes',
  },
  BLOCK_IN_FLOW: {
    message: 'Lines with "-" or "key:" stand in brackets or braces',
    expected: '[a, b] or { key: value }',
  },
  DUPLICATE_KEY: { message: 'A key is given twice', expected: 'each key once' },
  IMPOSSIBLE: LEFT_OVER,
  KEY_OVER_1024_CHARS: TOO_LONG_KEY,
  MISSING_CHAR: DEFECT,
  MULTILINE_IMPLICIT_KEY: TOO_LONG_KEY,
  MULTIPLE_ANCHORS: { message: 'There are two anchors (&)', expected: 'one', cure: QUOTES },
  MULTIPLE_DOCS: { message: 'A second document begins here', expected: 'one document, no "---"' },
  MULTIPLE_TAGS: NO_TAGS,
  NON_STRING_KEY: { message: 'The key is no plain word', expected: '"key: value"' },
  RESOURCE_EXHAUSTION: {
    message: 'Lists or mappings are nested too deep',
    expected: 'a few levels',
  },
  TAB_AS_INDENT: { message: 'The line is indented with a tab', expected: 'blanks' },
  TAG_RESOLVE_FAILED: NO_TAGS,
  UNEXPECTED_TOKEN: LEFT_OVER,
};

/** The faults that share MISSING_CHAR (and BAD_INDENT), by how the package begins to tell of them. */
const MISSING: readonly (readonly [RegExp, YamlFault])[] = [
  [/^Missing closing/, { message: 'The quoted text has no end', expected: 'a closing quote' }],
  [/ with a ([\]}])$/, { message: 'The list or mapping has no end', expected: 'a closing ] or }' }],
  [/^Missing , /, { message: 'A comma is missing before this', expected: '[a, b] or { a: b, c: d }' }],
  [/^Missing space after :/, { message: 'A blank is missing after the colon', expected: '"key: value"' }],
  [/^Comments must/, { message: 'A blank is missing before #', expected: 'a blank', cure: QUOTES }],
  [
    /^Block collection|directives-end/,
    { message: 'The marker --- of a document is missing or not alone', expected: 'no marker at all' },
  ],
  [/^Missing newline/, { message: 'A list begins after an anchor (&) or tag', expected: 'a new line' }],
  [/^Tags and anchors/, { message: 'A blank is missing after an anchor (&) or tag', expected: 'a blank' }],
  [
    /^Block scalars/,
    { message: 'The lines of this text are indented unevenly', expected: 'text on one line' },
  ],
  [/^Implicit map keys/, { message: 'A colon with a blank is missing', expected: '"key: value"' }],
  [
    /^Sequence item/,
    {
      message: 'This line has no "- "',
      expected: '"- value"',
      cure: 'to continue the entry above, indent it as far as the text after its "- "',
    },
  ],
];

/** The fault in our words. */
export function faultOf({ code, message }: YAMLError): YamlFault {
  if (code !== 'MISSING_CHAR' && code !== 'BAD_INDENT') return FAULTS[code];
  return MISSING.find(([begin]) => begin.test(message))?.[1] ?? FAULTS[code];
}
