/**
 * The devices of one level are used together: a node with two power supplies is off only when both
 * are. A level that does not do its work gives way to the next one at the next attempt.
 */
import type { Effect } from './effect.js';

type FenceEffect = Extract<Effect, { kind: 'fence' }>;

/** What came of a question or a shot, as the core takes it in. */
export interface FenceResult {
  readonly fenceId: string;
  readonly outcome: 'off' | 'on' | 'failed';
  readonly reason: string;
}

/** The level whose turn it is; undefined when there is none. */
export function levelAt<Level>(levels: readonly Level[], attempt: number): Level | undefined {
  return levels[attempt % Math.max(1, levels.length)];
}

/**
 * What the answers of all devices of a level prove together: off only when each of them says so,
 * on as soon as one does, for a node may have two power supplies.
 */
export function judgeLevel(
  { fenceId, step }: Pick<FenceEffect, 'fenceId' | 'step'>,
  results: readonly FenceResult[],
): FenceResult {
  const reason = results.map((result) => result.reason).join('; ');
  const outcomes = results.map(({ outcome }) => outcome);
  if (outcomes.length > 0 && outcomes.every((outcome) => outcome === 'off')) {
    return { fenceId, outcome: 'off', reason };
  }
  if (step === 'status' && outcomes.includes('on')) return { fenceId, outcome: 'on', reason };
  const why = results.length < 2 ? reason : `not all devices of the level succeeded: ${reason}`;
  return { fenceId, outcome: 'failed', reason: why };
}
