/** What a daemon of the world has done to DRBD beside starts and stops, and how long it takes. */
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import type { MachineSetup } from './machine-setup.js';
import type { Replica } from './replica.js';

type Of<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

/** Effects that are a command of DRBD. */
export type DrbdEffect = Of<'outdate' | 'reconnect' | 'resumeIo'>;

/** How long each of them takes, in ms: a run of drbdadm, or three. */
export const DRBD_TAKES_MS: Readonly<Record<DrbdEffect['kind'], number>> = {
  outdate: 20,
  reconnect: 100,
  resumeIo: 20,
};

/** Does it; the result as the daemon would report it, null when there is no such half to ask. */
export function driveDrbd(
  node: string,
  effect: DrbdEffect,
  { replicas, observe }: Pick<MachineSetup, 'replicas' | 'observe'>,
): FailoverEvent | null {
  const { resource } = effect;
  const found = replicas[resource];
  const replica = found?.has(node) === true ? found : null;
  switch (effect.kind) {
    case 'outdate': {
      if (replica === null) return null;
      observe({ kind: 'outdating', node, resource, role: replica.role(node) });
      const outcome = replica.outdate(node);
      return { kind: 'outdateResult', outdateId: effect.outdateId, outcome, reason: 'as DRBD says' };
    }
    case 'reconnect':
      if (replica !== null) {
        observe({ kind: 'reconnect', node, resource, step: effect.step, role: replica.role(node) });
      }
      return reconnected(found, node, effect);
    case 'resumeIo':
      replica?.resumeIo(node, 'tandemd');
      return { kind: 'resumeResult', resumeId: effect.resumeId, outcome: 'ok', reason: 'as DRBD says' };
  }
}

/** One step of settling a split brain. */
function reconnected(
  replica: Replica | undefined,
  node: string,
  { reconnectId, resource, step }: Of<'reconnect'>,
): FailoverEvent {
  const refusal = step === 'discard' ? (replica?.offer(node) ?? null) : null;
  if (step === 'connect') replica?.connect(node);
  if (step === 'withdraw') replica?.withdraw(node);
  const outcome = refusal === null ? 'ok' : 'failed';
  const reason = refusal ?? `${node}: ${step} of ${resource} is done`;
  return { kind: 'reconnectResult', reconnectId, outcome, reason };
}
