/**
 * The account of what happened to a group: one operation from its trigger to its end, with the
 * time of each phase and every sentence that was said on the way. Built while it happens, so the
 * answer to "why did it fail over, and why is it here" needs no log archaeology.
 */

/** One failover, move, start or stop of a group on this node. Times are the core's clock. */
export interface Operation {
  readonly id: string;
  readonly group: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly trigger: string;
  readonly phases: readonly Phase[];
  readonly account: readonly Sentence[];
}

export interface Phase {
  readonly name: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly outcome: 'running' | 'done' | 'failed';
}

export interface Sentence {
  readonly atMs: number;
  readonly text: string;
}

/** Operations kept in memory: enough for a bad night, bounded for a bad year. */
export const OPERATIONS_MAX = 50;
/** Sentences kept of one operation; retries of a fence that never works must not grow for ever. */
export const SENTENCES_MAX = 200;

/** Begins an operation. It may have begun before now: at the peer's last sign of life, say. */
export function openOperation(
  history: readonly Operation[],
  begin: Pick<Operation, 'id' | 'group' | 'startedMs' | 'trigger'>,
): readonly Operation[] {
  const operation: Operation = {
    ...begin,
    endedMs: null,
    outcome: 'running',
    phases: [],
    account: [],
  };
  return [...history, operation].slice(-OPERATIONS_MAX);
}

/** The operation that goes on for a group, if any. */
export function currentOperation(
  history: readonly Operation[],
  group: string,
): Operation | undefined {
  return history.findLast((operation) => operation.group === group && operation.endedMs === null);
}

/** Changes the running operation of a group; no operation running, nothing changed. */
export function amendOperation(
  history: readonly Operation[],
  group: string,
  change: (operation: Operation) => Operation,
): readonly Operation[] {
  const current = currentOperation(history, group);
  if (current === undefined) return history;
  const changed = change(current);
  if (changed === current) return history;
  return history.map((operation) => (operation === current ? changed : operation));
}

/** Adds a sentence. */
export function withSentence(operation: Operation, atMs: number, text: string): Operation {
  if (operation.account.at(-1)?.text === text) return operation;
  return { ...operation, account: [...operation.account, { atMs, text }].slice(-SENTENCES_MAX) };
}

/** Begins a phase, unless that phase goes on already. */
export function withPhase(operation: Operation, name: string, startedMs: number): Operation {
  const running = operation.phases.some((phase) => phase.name === name && phase.endedMs === null);
  if (running) return operation;
  const phase: Phase = { name, startedMs, endedMs: null, outcome: 'running' };
  return { ...operation, phases: [...operation.phases, phase].slice(-SENTENCES_MAX) };
}

/** Ends the running phase of that name. */
export function withPhaseEnded(
  operation: Operation,
  name: string,
  endedMs: number,
  outcome: 'done' | 'failed',
): Operation {
  const phases = operation.phases.map((phase) =>
    phase.name === name && phase.endedMs === null ? { ...phase, endedMs, outcome } : phase,
  );
  return { ...operation, phases };
}

/** Ends the operation and whatever phase of it is open. */
export function ended(
  operation: Operation,
  endedMs: number,
  outcome: 'done' | 'failed',
): Operation {
  const phases = operation.phases.map((phase) =>
    phase.endedMs === null ? { ...phase, endedMs, outcome } : phase,
  );
  return { ...operation, endedMs, outcome, phases };
}
