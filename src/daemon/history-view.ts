import type { HistoryAnswer, HistoryEntry } from '../base/control.js';
import type { Operation } from '../failover/history.js';
import type { State } from '../failover/state.js';

/**
 * The account of what happened, with wall-clock times. `offsetMs` is wall clock minus monotonic
 * clock now: the core knows only the latter.
 */
export function viewHistory(state: State, offsetMs: number): HistoryAnswer {
  const { self } = state.spec;
  const entries = state.history.map((operation) => viewOperation(self, operation, offsetMs));
  return { schema: 'tandem.history/1', self, entries };
}

/** One operation of the node `self`. */
export function viewOperation(self: string, operation: Operation, offsetMs: number): HistoryEntry {
  const rfc3339 = (atMs: number): string => new Date(atMs + offsetMs).toISOString();
  const since = (atMs: number): number => Math.round(atMs - operation.startedMs);
  return {
    id: operation.id,
    group: operation.group,
    node: self,
    startedAt: rfc3339(operation.startedMs),
    endedAt: operation.endedMs === null ? null : rfc3339(operation.endedMs),
    outcome: operation.outcome,
    trigger: operation.trigger,
    phases: operation.phases.map((phase) => ({
      name: phase.name,
      startedAtMs: since(phase.startedMs),
      durationMs: phase.endedMs === null ? null : Math.round(phase.endedMs - phase.startedMs),
      outcome: phase.outcome,
    })),
    account: operation.account.map(({ atMs, text }) => ({ atMs: since(atMs), sentence: text })),
  };
}
