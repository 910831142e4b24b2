/**
 * Heartbeat's authkeys: `auth N` names the key that signs, each `N METHOD KEY` is accepted.
 *
 * No word of this file is ever repeated in a message: a line that is broken or cut short can hold
 * its secret anywhere.
 */
import type { AuthKey, AuthMethod, Keyring } from '../heartbeat/keyring.js';
import { isDecimal } from './ip-address.js';
import { createReporter, didYouMean, inFileOrder, type Parsed, type Reporter } from './reporter.js';
import { quote, splitLines, WHOLE_FILE, words } from './source-text.js';
import type { SourceFile, Token } from './source-text.js';

/** Group and others: neither may read the keys, nor put in their own. */
const OTHERS_MODE = 0o077;

/** Heartbeat keeps sixteen keys (MAXAUTH), 0 to 15. */
const INDEX_MAX = 15;
const INDEX_EXPECTED = `an index, 0 to ${String(INDEX_MAX)}`;
const LINE_FORM = 'auth N, or N METHOD KEY';

const METHODS: Readonly<Record<string, AuthMethod>> = {
  crc: 'crc',
  md5: 'md5',
  sha1: 'sha1',
  sha256: 'sha256',
  'hmac-sha-256': 'sha256',
};

interface Draft {
  readonly report: Reporter;
  readonly keys: Map<number, AuthKey>;
  readonly lineOf: Map<number, number>;
  auth: { readonly index: number; readonly at: Token } | null;
}

/** Reads authkeys; the value is null when no usable set of keys came out. */
export function parseAuthkeys(file: SourceFile): Parsed<Keyring | null> {
  const report = createReporter(file.path);
  const draft: Draft = { report, keys: new Map(), lineOf: new Map(), auth: null };
  checkMode(file, report);
  for (const line of splitLines(file.text)) {
    if (report.full) break;
    const tokens = words(line);
    const [first] = tokens;
    if (first === undefined || first.text.startsWith('#')) continue;
    if (first.text === 'auth') readAuth(draft, tokens);
    else readKey(draft, tokens);
  }
  const value = finish(draft);
  return { value, diagnostics: inFileOrder(report.diagnostics) };
}

function checkMode(file: SourceFile, report: Reporter): void {
  if ((file.modeBits & OTHERS_MODE) === 0) return;
  const mode = (file.modeBits & 0o7777).toString(8).padStart(4, '0');
  const message = `The keys are open to others than root: mode ${mode}`;
  report.error(WHOLE_FILE, message, 'mode 0600', `run "chmod 600 ${file.path}"`);
}

function readAuth(draft: Draft, tokens: readonly Token[]): void {
  const { report } = draft;
  const [word, number] = tokens;
  if (word === undefined) return;
  const extra = tokens[2];
  if (extra !== undefined && !extra.text.startsWith('#')) {
    report.error(extra, 'The auth line has a word too many', quote('auth N'));
  }
  if (number === undefined || !isDecimal(number.text, 0, INDEX_MAX)) {
    report.error(number ?? word, 'The auth line names no key', INDEX_EXPECTED);
  } else if (draft.auth !== null) {
    const message = `Line ${String(draft.auth.at.line)} names the signing key already`;
    report.error(word, message, 'one auth line');
  } else {
    draft.auth = { index: Number(number.text), at: number };
  }
}

function readKey(draft: Draft, tokens: readonly Token[]): void {
  const { report } = draft;
  const [number, methodWord] = tokens;
  if (number === undefined) return;
  if (!isDecimal(number.text, 0, INDEX_MAX)) {
    // Only a known word may come back: the word itself could be half of a key.
    const guess = didYouMean(number.text, ['auth']);
    const message = 'The line does not begin with "auth" or an index';
    report.error(number, message, quote(LINE_FORM), guess);
    return;
  }
  const index = Number(number.text);
  const earlier = draft.lineOf.get(index);
  if (earlier !== undefined) {
    const message = `Key ${String(index)} is on line ${String(earlier)} already`;
    report.error(number, message, 'each index once');
    return;
  }
  draft.lineOf.set(index, number.line);
  const method = readMethod(draft, methodWord ?? number, methodWord);
  if (method === undefined || methodWord === undefined) return;
  const key = readSecret(draft, method, tokens);
  if (key !== undefined) draft.keys.set(index, { index, method, key });
}

function readMethod(draft: Draft, at: Token, word: Token | undefined): AuthMethod | undefined {
  const name = word?.text.toLowerCase() ?? '';
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (method === undefined) {
    const guess = didYouMean(name, Object.keys(METHODS));
    const message = word === undefined ? 'The key has no method' : 'The method is not known';
    draft.report.error(at, message, 'sha256, sha1, md5 or crc', guess);
  } else if (method !== 'sha256') {
    const weakness = method === 'crc' ? 'anybody can forge it' : 'sha256 is stronger';
    const message = `Method "${method}" is kept for compatibility with Heartbeat; ${weakness}`;
    draft.report.warning(at, message, 'sha256 once all nodes run Tandem');
  }
  return method;
}

/** The key of the line; empty for crc. Undefined when an error was reported. */
function readSecret(
  draft: Draft,
  method: AuthMethod,
  tokens: readonly Token[],
): string | undefined {
  const { report } = draft;
  const [, methodWord, secret, extra] = tokens;
  if (methodWord === undefined) return undefined;
  if (method === 'crc') {
    if (secret === undefined || secret.text.startsWith('#')) return '';
    report.error(secret, 'Method "crc" takes no key', 'nothing after "crc"');
    return undefined;
  }
  if (secret === undefined || secret.text === '#') {
    const cure = 'write a long random word there';
    report.error(secret ?? methodWord, `Method "${method}" needs a key`, 'one word after it', cure);
    return undefined;
  }
  if (extra !== undefined && !extra.text.startsWith('#')) {
    const message = 'The key ends at the first blank; the rest of the line is not used';
    report.warning(extra, message, 'a key without blanks');
  }
  return secret.text;
}

function finish(draft: Draft): Keyring | null {
  const { auth, keys, lineOf, report } = draft;
  if (auth === null) {
    const known = [...lineOf.keys()].map((index) => `"auth ${String(index)}"`).join(' or ');
    const expected = known === '' ? quote('auth N') : known;
    report.error(WHOLE_FILE, 'No auth line says which key signs', expected);
    return null;
  }
  const signing = keys.get(auth.index);
  if (signing === undefined) {
    if (!lineOf.has(auth.index)) {
      const message = `There is no key ${String(auth.index)}`;
      report.error(auth.at, message, `a line "${String(auth.index)} sha256 KEY"`);
    }
    return null;
  }
  return { signing, accepted: [...keys.values()] };
}
