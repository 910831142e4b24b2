/**
 * Carries out one step of settling a split brain. Before this node gives up its changes it asks the
 * kernel once more, itself: Secondary, and still the data that the order was given for.
 */
import { connect, demote, disconnect, type DrbdCommand } from '../drbd/command.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { parseGenerations } from '../drbd/generation.js';
import { explainExit } from '../drbd/outcome.js';
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import { readGenerations } from '../host/drbd-tools.js';
import { runCommand } from '../host/exec.js';

type ReconnectEffect = Extract<Effect, { kind: 'reconnect' }>;
type ReconnectResult = Omit<Extract<FailoverEvent, { kind: 'reconnectResult' }>, 'kind'>;

/** What it needs of the daemon. */
export interface ReconnectWorld {
  readonly self: string;
  /** DRBD as it is now. */
  readonly facts: () => Promise<readonly DrbdFacts[]>;
}

/** The hand of the engine for this effect. */
export function reconnector(
  self: string,
  drbd: { readonly read: () => Promise<{ readonly facts: readonly DrbdFacts[] }> },
): (effect: ReconnectEffect) => Promise<ReconnectResult> {
  return async (effect) => reconnect(effect, { self, facts: async () => (await drbd.read()).facts });
}

/** `drbdadm connect` when the connection is there already. */
const ALREADY_CONFIGURED = 125;

/** Does it; always comes back, within the limits of its commands. */
export async function reconnect(
  effect: ReconnectEffect,
  world: ReconnectWorld,
): Promise<ReconnectResult> {
  const { reconnectId, resource, step } = effect;
  const commands = (await isConnecting(effect, world)) ? [] : commandsOf(resource, step);
  const failure = (await objection(effect, world)) ?? (await runAll(commands));
  if (failure !== null) return { reconnectId, outcome: 'failed', reason: `${world.self}: ${failure}` };
  const reason = {
    discard: `${world.self} waits for the other side of ${resource}, with its own changes given up`,
    connect: `${world.self} connects ${resource}`,
    withdraw: `${world.self} has disconnected ${resource}: its changes are no longer given up`,
  }[step];
  return { reconnectId, outcome: 'ok', reason };
}

/** Asked a second time before DRBD has told of the first: 8.4 would say "address in use" (102). */
async function isConnecting({ step, resource }: ReconnectEffect, world: ReconnectWorld): Promise<boolean> {
  if (step !== 'connect') return false;
  const facts = (await world.facts()).find((one) => one.resource === resource);
  return facts?.state === 'configured' && facts.connection !== 'StandAlone';
}

function commandsOf(resource: string, step: ReconnectEffect['step']): readonly DrbdCommand[] {
  switch (step) {
    case 'discard':
      return [disconnect(resource), demote(resource), connect(resource, { discardMyData: true })];
    case 'connect':
      return [connect(resource)];
    case 'withdraw':
      return [disconnect(resource)];
  }
}

async function objection(effect: ReconnectEffect, world: ReconnectWorld): Promise<string | null> {
  if (effect.step !== 'discard') return null;
  const { resource, generations } = effect;
  const facts = (await world.facts()).find((one) => one.resource === resource);
  if (facts?.role !== 'Secondary') return `it is ${facts?.role ?? 'Unknown'} of ${resource} now`;
  const lines = await readGenerations(resource);
  if (lines === null) return `the generation identifiers of ${resource} cannot be read`;
  const expected = Object.entries(generations);
  const isSame =
    expected.length === facts.volumes.length &&
    facts.volumes.every(({ volume }, index) => isSameData(lines[index], generations[volume]));
  return isSame ? null : `the data of ${resource} is not what the order was given for`;
}

function isSameData(now: string | undefined, expected: string | undefined): boolean {
  const [a] = parseGenerations(now ?? '').generations;
  const [b] = parseGenerations(expected ?? '').generations;
  // Bit 0 tells the role, not the data.
  return a !== undefined && b !== undefined && a.current >> 1n === b.current >> 1n;
}

/** Runs commands until one fails; why it failed, or null. */
async function runAll(commands: readonly DrbdCommand[]): Promise<string | null> {
  for (const command of commands) {
    const { argv, timeoutMs } = command;
    const result = await runCommand({ argv, timeoutMs: timeoutMs ?? 0 });
    if (result.startFailure !== null) return `${argv.join(' ')}: ${result.startFailure}`;
    const outcome = explainExit(command, result.exitCode, result.stderr);
    if (outcome.kind === 'ok' || outcome.number === ALREADY_CONFIGURED) continue;
    return `${argv.join(' ')}: ${outcome.cause}; ${outcome.cure}`;
  }
  return null;
}
