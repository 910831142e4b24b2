/** One fault of an input file: where it is, what was found, what was expected and what to do. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Path as the operator knows it. */
  readonly file: string;
  /** One-based; 0 when the fault is about the whole file. */
  readonly line: number;
  /** One-based, in characters; 0 when the fault is about the whole line. */
  readonly column: number;
  /** What is wrong, with the offending value quoted. No final period. */
  readonly message: string;
  /** What would have been accepted. */
  readonly expected: string;
  /** What to do, when it is not plain from `expected`. */
  readonly cure?: string;
}

/** Renders a diagnostic as `file:line:column: error: message; expected ...; cure`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message, expected, cure } = diagnostic;
  const place = [file, ...(line > 0 ? [line] : []), ...(line > 0 && column > 0 ? [column] : [])];
  const tail = cure === undefined ? '' : `; ${cure}`;
  return `${place.join(':')}: ${severity}: ${message}; expected ${expected}${tail}`;
}

/**
 * The known word closest to `word`, for "did you mean": at most 2 edits away, 1 for short words. An
 * edit is a letter too many, missing or wrong, or two neighbours swapped.
 */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const limit = word.length <= 4 ? 1 : 2;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

/** Optimal string alignment distance: each row needs the two above it, for the swaps. */
function editDistance(a: string, b: string): number {
  let beforePrevious: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (beforePrevious[j - 2] ?? Infinity) + 1 : Infinity;
      const changed = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      current.push(Math.min(substituted, changed, swap));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
