import { nearestWord, type Diagnostic } from '../base/diagnostic.js';
import { quote, type Place } from './source-text.js';

/** What a parser hands back: the best reading of the file, and all that is to be said about it. */
export interface Parsed<T> {
  /** Complete only when no diagnostic is an error. */
  readonly value: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** Collects the faults of one file, so that all of them are reported in one go. */
export interface Reporter {
  readonly diagnostics: readonly Diagnostic[];
  /** True when the limit is reached: further faults are not kept, and reading on is no use. */
  readonly full: boolean;
  error(at: Place, message: string, expected: string, cure?: string): void;
  warning(at: Place, message: string, expected: string, cure?: string): void;
}

/** A file with more faults is not a configuration, and nobody reads a longer list. */
const FAULTS_MAX = 200;

/** Always an error, so that a fault beyond the limit cannot pass unseen. */
const TOO_MANY_FAULTS = {
  message: 'There are too many faults; what follows is not shown',
  expected: `at most ${String(FAULTS_MAX)} faults`,
} as const;

/** A reporter for the file the operator knows as `file`. */
export function createReporter(file: string): Reporter {
  const diagnostics: Diagnostic[] = [];
  const add =
    (severity: Diagnostic['severity']) =>
    (at: Place, message: string, expected: string, cure?: string): void => {
      const { line, column } = at;
      if (diagnostics.length > FAULTS_MAX) return;
      if (diagnostics.length === FAULTS_MAX) {
        diagnostics.push({ severity: 'error', file, line, column, ...TOO_MANY_FAULTS });
        return;
      }
      const fault = { severity, file, line, column, message, expected };
      diagnostics.push(cure === undefined ? fault : { ...fault, cure });
    };
  return {
    diagnostics,
    get full() {
      return diagnostics.length > FAULTS_MAX;
    },
    error: add('error'),
    warning: add('warning'),
  };
}

/** True when one of them forbids the configuration. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}

/** By line and column; faults of the whole file come first. */
export function inFileOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** No word of ours is longer, and the edit distance of longer ones would only cost time. */
const GUESSED_LENGTH_MAX = 64;

/** `did you mean "x"`, or undefined when nothing known is near. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word.length > GUESSED_LENGTH_MAX) return undefined;
  const nearest = nearestWord(word, known);
  return nearest === undefined ? undefined : `did you mean ${quote(nearest)}`;
}
