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
  error(at: Place, message: string, expected: string, cure?: string): void;
  warning(at: Place, message: string, expected: string, cure?: string): void;
}

/** A reporter for the file the operator knows as `file`. */
export function createReporter(file: string): Reporter {
  const diagnostics: Diagnostic[] = [];
  const add =
    (severity: Diagnostic['severity']) =>
    (at: Place, message: string, expected: string, cure?: string): void => {
      const { line, column } = at;
      const fault = { severity, file, line, column, message, expected };
      diagnostics.push(cure === undefined ? fault : { ...fault, cure });
    };
  return { diagnostics, error: add('error'), warning: add('warning') };
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
