/**
 * S4's override: a person orders that a group is started with the copy of this node, although
 * another node has newer data, or may have it. The order makes the copy eligible and nothing else:
 * the other node has to be confirmed off as ever (S2), and a disk that is Inconsistent stays unused.
 * It ends when the group runs, and after a limit; it does not outlive this run.
 */
import { formatDuration } from '../base/duration.js';
import { isSeen } from './membership.js';
import type { Force, Group, Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** For the fence of the other node, with its retries, and the start. */
const FORCE_LIMIT_MS = 300_000;

/** The order that stands for a group, or null. */
export function forceOf(state: State, group: string): Force | null {
  const force = state.forces[group];
  return force?.end === null ? force : null;
}

/** The other nodes that have a copy of the group's data. */
export function othersWithCopy(state: State, group: Group): readonly Peer[] {
  return Object.values(state.peers).filter(({ name }) => group.spec.prefer.includes(name));
}

/** Ends orders that are fulfilled, or that nothing will come of. */
export function reviewForces(turn: Turn): void {
  for (const { spec } of turn.groups) {
    const { name } = spec;
    const force = forceOf(turn.state, name);
    const group = turn.group(name);
    if (force === null || group === undefined) continue;
    const failure = failureOf(turn, group, force);
    if (group.life === 'started') {
      const message = `${name} runs on ${turn.self} with old data, by order of ${force.by}: ${force.loss}`;
      end(turn, force, { ok: true, message });
    } else if (failure !== null) {
      const message = `The old data of ${turn.self} is not used for ${name}: ${failure}`;
      end(turn, force, { ok: false, message });
    }
  }
}

function failureOf(turn: Turn, group: Group, force: Force): string | null {
  if (group.barred !== null) return group.barred.reason;
  if (group.life !== 'stopped') return null;
  const back = othersWithCopy(turn.state, group).find(isSeen);
  if (back !== undefined && back.clearance === null) return `${back.name} is back`;
  if (turn.nowMs - force.askedMs < FORCE_LIMIT_MS) return null;
  return `${group.blocked ?? group.reason} (${formatDuration(FORCE_LIMIT_MS)})`;
}

function end(turn: Turn, force: Force, outcome: NonNullable<Force['end']>): void {
  const { group } = force;
  turn.update({ forces: { ...turn.state.forces, [group]: { ...force, end: outcome } } });
  turn.say(outcome.ok ? 'warn' : 'error', outcome.message, { group });
}
