/**
 * Fence agents, called as the fence-agents project defines it (FenceAgentAPI.md): no arguments,
 * `name=value` lines on standard input, exit code 0 for success; `status` answers 0 for on and 2
 * for off. Secrets come from files and go through standard input only.
 */
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FenceDevice } from '../config/config.js';
import type { Effect } from '../failover/effect.js';
import { runCommand, type CommandResult } from './exec.js';

type FenceEffect = Extract<Effect, { kind: 'fence' }>;

/** What came of it, as the core takes it in. */
export interface FenceResult {
  readonly fenceId: string;
  readonly outcome: 'off' | 'on' | 'failed';
  readonly reason: string;
}

/** Where distributions keep fence agents. */
const AGENT_DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/local/sbin'] as const;
/** A status question is quick or worthless; the shot has the device's own limit. */
const STATUS_TIMEOUT_MS = 5_000;
const EXIT_STATUS_OFF = 2;

/**
 * Asks or uses the device of a node. A device that does not do its work gives way to the node's
 * next one at the next attempt. The shot is `off`, confirmed by the agent; nobody waits for the
 * `on` that follows it, so that the node comes back without costing the takeover a moment.
 * Never rejects.
 */
export async function useFenceDevice(
  effect: FenceEffect,
  devices: readonly FenceDevice[],
  warn: (sentence: string) => void,
): Promise<FenceResult> {
  const device = devices[effect.attempt % Math.max(1, devices.length)];
  if (device === undefined) return failed(effect, `${effect.node} has no fence device`);
  const agent = findAgent(device.agent);
  if (agent === null) {
    const places = AGENT_DIRECTORIES.join(', ');
    return failed(effect, `fence agent ${device.agent} is not an executable file in ${places}`);
  }
  const action = effect.step === 'status' ? 'status' : 'off';
  let input: string;
  try {
    input = await agentInput(device, action);
  } catch (error) {
    return failed(effect, error instanceof Error ? error.message : String(error));
  }
  const timeoutMs =
    effect.step === 'status' ? Math.min(STATUS_TIMEOUT_MS, device.timeoutMs) : device.timeoutMs;
  const result = await runCommand({ argv: [agent], input, timeoutMs });
  const verdict = judge(effect, `${device.agent} ${action}`, result, timeoutMs);
  if (action === 'off' && verdict.outcome === 'off') {
    void switchOn(agent, device, effect.node, warn);
  }
  return verdict;
}

async function switchOn(
  agent: string,
  device: FenceDevice,
  node: string,
  warn: (sentence: string) => void,
): Promise<void> {
  const { timeoutMs } = device;
  const input = await agentInput(device, 'on').catch(() => '');
  const { exitCode } = await runCommand({ argv: [agent], input, timeoutMs });
  if (exitCode !== 0) warn(`${node} was not switched on again by ${device.agent}: do it by hand`);
}

function judge(
  effect: FenceEffect,
  what: string,
  result: CommandResult,
  timeoutMs: number,
): FenceResult {
  const { fenceId } = effect;
  if (result.timedOut) {
    return failed(effect, `${what} did not answer within ${String(timeoutMs)} ms`);
  }
  if (effect.step === 'status') {
    if (result.exitCode === EXIT_STATUS_OFF) {
      return { fenceId, outcome: 'off', reason: `${what} says it is off already` };
    }
    if (result.exitCode === 0) return { fenceId, outcome: 'on', reason: `${what} says it is on` };
  } else if (result.exitCode === 0) {
    return { fenceId, outcome: 'off', reason: `${what} succeeded` };
  }
  const said = result.startFailure ?? (result.stderr.trim() || result.stdout.trim());
  const exit = `exit code ${String(result.exitCode ?? 'none')}`;
  const words = said.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 300);
  return failed(effect, `${what} failed with ${exit}${words === '' ? '' : `: ${words}`}`);
}

function failed(effect: FenceEffect, reason: string): FenceResult {
  return { fenceId: effect.fenceId, outcome: 'failed', reason };
}

async function agentInput(device: FenceDevice, action: string): Promise<string> {
  const secrets = await Promise.all(
    Object.entries(device.paramFiles).map(async ([name, path]) => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`the file for "${name}" of ${device.agent} cannot be read: ${why}`);
      });
      return [name, text.trimEnd()] as const;
    }),
  );
  const params = { ...device.params, ...Object.fromEntries(secrets), action };
  return Object.entries(params)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function findAgent(agent: string): string | null {
  const paths = agent.startsWith('/')
    ? [agent]
    : AGENT_DIRECTORIES.map((directory) => `${directory}/${agent}`);
  const found = paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return found ?? null;
}
