/** What the directives of ha.cf have in common: how many words, one value, a time, on or off. */
import { err, type Result } from '../base/result.js';
import type { Draft, TimeName } from './cluster-draft.js';
import { parseBoolean, parseHeartbeatTime } from './heartbeat-values.js';
import { quote, type SourceLine, type Token } from './source-text.js';

/** One directive with its words; `line` is the physical line with its comment. */
export interface DirectiveLine {
  readonly name: Token;
  /** Separated by blanks and commas, as Heartbeat's option directives are. */
  readonly values: readonly Token[];
  /** Separated by blanks only, as in the directives that take the rest of the line. */
  readonly words: readonly Token[];
  readonly line: SourceLine;
}

/** Reads one directive into the draft and reports what is wrong with it. */
export type Directive = (draft: Draft, line: DirectiveLine) => void;

/** Reports a directive that lacks its words; true when it does. */
export function lacksWords(draft: Draft, line: DirectiveLine, min: number, form: string): boolean {
  if (line.words.length >= min) return false;
  const lack = line.words.length === 0 ? 'has no value' : 'has too few words';
  draft.report.error(line.name, `Directive ${quote(line.name.text)} ${lack}`, quote(form));
  return true;
}

/** Reports words beyond those a directive understands. */
export function refuseExtraWords(
  draft: Draft,
  line: DirectiveLine,
  max: number,
  form: string,
): void {
  const extra = line.words[max];
  if (extra === undefined) return;
  const message = `Directive ${quote(line.name.text)} has a word too many: ${quote(extra.text)}`;
  draft.report.error(extra, message, quote(form));
}

/** A directive of one value; of several values, or several lines, the last counts. */
export function scalar<T>(
  form: string,
  read: (text: string) => Result<T, string>,
  assign: (draft: Draft, value: T, at: Token) => void,
): Directive {
  return (draft, line) => {
    if (lacksWords(draft, line, 1, form)) return;
    noteRepetition(draft, line);
    for (const [index, token] of line.values.entries()) {
      const previous = line.values[index - 1];
      const result = read(token.text);
      if (result.ok) {
        assign(draft, result.value, token);
        if (previous !== undefined) noteSecondValue(draft, line, token);
      } else if (previous !== undefined && isUnit(token.text)) {
        reportSplitTime(draft, previous, token);
        // What was meant is plain: reading on with it spares faults that only follow from this.
        const joined = read(previous.text + token.text);
        if (joined.ok) assign(draft, joined.value, previous);
      } else {
        const name = quote(line.name.text);
        draft.report.error(token, `Directive ${name} cannot be ${quote(token.text)}`, result.error);
      }
    }
  };
}

function isUnit(text: string): boolean {
  return /^[a-z]{1,12}$/.test(text) && parseHeartbeatTime(`1${text}`).ok;
}

function reportSplitTime(draft: Draft, number: Token, unit: Token): void {
  draft.report.error(
    unit,
    `A blank separates ${quote(number.text)} from its unit ${quote(unit.text)}`,
    'number and unit as one word',
    `write ${quote(number.text + unit.text)}`,
  );
}

function noteSecondValue(draft: Draft, line: DirectiveLine, at: Token): void {
  draft.report.warning(
    at,
    `Directive ${quote(line.name.text)} has several values; the last one counts`,
    'one value',
  );
}

function noteRepetition(draft: Draft, line: DirectiveLine): void {
  const name = line.name.text;
  const first = draft.seen.get(name);
  if (first === undefined) {
    draft.seen.set(name, line.name.line);
    return;
  }
  draft.report.warning(
    line.name,
    `Directive ${quote(name)} was given on line ${String(first)} already; the last one counts`,
    'one line of it',
  );
}

/** A directive that holds a time. */
export function time(name: TimeName): Directive {
  return scalar(`${name} TIME`, parsePositiveTime, (draft, ms, at) => {
    draft.times.set(name, { ms, at });
  });
}

function parsePositiveTime(text: string): Result<number, string> {
  const result = parseHeartbeatTime(text);
  if (!result.ok || result.value > 0) return result;
  return err('a time of 0.5 ms or more');
}

/** A directive that is on or off. */
export function boolean(
  name: string,
  assign: (draft: Draft, value: boolean, at: Token) => void,
): Directive {
  return scalar(`${name} on|off`, parseBoolean, assign);
}
