/**
 * Fence agents, called as the fence-agents project defines it (FenceAgentAPI.md): no arguments,
 * `name=value` lines on standard input, exit code 0 for success; `status` answers 0 for on and 2
 * for off. Secrets come from files and go through standard input only.
 */
import { access, constants, readFile, stat } from 'node:fs/promises';
import type { FenceDeviceTest } from '../base/fence-test.js';
import type { FenceDevice } from '../config/config.js';
import type { Effect } from '../failover/effect.js';
import { judgeLevel, levelAt, type FenceResult } from '../failover/fence-levels.js';
import { runCommand, type CommandResult } from '../host/exec.js';
import { within } from '../host/limit.js';

type FenceEffect = Extract<Effect, { kind: 'fence' }>;

/** Where distributions keep fence agents. */
const AGENT_DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/local/sbin'] as const;
/** A status question is quick or worthless; the shot has the device's own limit. */
const STATUS_TIMEOUT_MS = 5_000;
const EXIT_STATUS_OFF = 2;
/** A secret is some bytes on a local disk; nothing waits longer for a disk that hangs. */
const SECRET_TIMEOUT_MS = 2_000;

/** What a device does beside its answer. */
export interface FenceWorld {
  readonly warn: (sentence: string) => void;
  /** Resolves when nothing that a client waits for goes on here. */
  readonly untilQuiet: () => Promise<void>;
}

/**
 * Asks or uses the devices of a node: those of one level together. A level that does not do its
 * work gives way to the node's next one at the next attempt. The shot is `off`, confirmed by every
 * agent of the level; the `on` that follows waits for the takeover, so that the node's return does
 * not cost it a moment. Never rejects.
 */
export async function useFenceDevice(
  effect: FenceEffect,
  devices: readonly FenceDevice[],
  world: FenceWorld,
): Promise<FenceResult> {
  const level = levelAt(levelsOf(devices), effect.attempt);
  if (level === undefined) return failed(effect, `${effect.node} has no fence device`);
  const used = await Promise.all(level.map(async (device) => useOne(effect, device)));
  const verdict = judgeLevel(effect, used.map(({ result }) => result));
  if (effect.step === 'status') return verdict;
  const shot = used.filter(({ result, device }) => result.outcome === 'off' && device.reboot !== false);
  const isFailed = verdict.outcome === 'failed';
  const quiet = isFailed ? { ...world, untilQuiet: async () => Promise.resolve() } : world;
  const restored = shot.map(async ({ device, agent }) => switchOn(agent, device, effect.node, quiet));
  // The next attempt must not meet an "on" of this one: two supplies would be switched off one
  // after the other, and never at the same time.
  if (isFailed) await Promise.all(restored);
  return verdict;
}

/** Asks every device of a node for `status`, one level beside the other. Never rejects. */
export async function testFenceDevices(
  devices: readonly FenceDevice[],
  nowMs: () => number,
): Promise<readonly FenceDeviceTest[]> {
  const tests = levelsOf(devices).flatMap((level, index) =>
    level.map(async (device): Promise<FenceDeviceTest> => {
      const beganMs = nowMs();
      const effect = { kind: 'fence', fenceId: '', node: '', step: 'status', attempt: index } as const;
      const { outcome, reason } = (await useOne(effect, device)).result;
      const tookMs = Math.round(nowMs() - beganMs);
      return { level: index + 1, device: deviceName(device), outcome, reason, tookMs };
    }),
  );
  return Promise.all(tests);
}

/** What tells one device from another; never a secret. */
function deviceName({ agent, params }: FenceDevice): string {
  const address = params['ip'] ?? params['ipaddr'];
  const plug = params['plug'] ?? params['port'];
  return [agent, address, plug === undefined ? undefined : `plug ${plug}`]
    .filter((word) => word !== undefined)
    .join(' ');
}

/** The devices that are used together, in the order in which that is tried. */
export function levelsOf(devices: readonly FenceDevice[]): readonly (readonly FenceDevice[])[] {
  const levels = new Map<number | FenceDevice, FenceDevice[]>();
  for (const device of devices) {
    const key = device.level ?? device;
    levels.set(key, [...(levels.get(key) ?? []), device]);
  }
  return [...levels.values()];
}

interface Used {
  readonly device: FenceDevice;
  readonly agent: string;
  readonly result: FenceResult;
}

async function useOne(effect: FenceEffect, device: FenceDevice): Promise<Used> {
  const agent = await findAgent(device.agent);
  if (agent === null) {
    const places = device.agent.startsWith('/') ? '' : ` in ${AGENT_DIRECTORIES.join(', ')}`;
    const reason = `fence agent ${device.agent} is not an executable file${places}`;
    return { device, agent: device.agent, result: failed(effect, reason) };
  }
  return { device, agent, result: await runAgent(effect, device, agent) };
}

async function runAgent(
  effect: FenceEffect,
  device: FenceDevice,
  agent: string,
): Promise<FenceResult> {
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
  return judge(effect, `${device.agent} ${action}`, result, timeoutMs);
}

async function switchOn(
  agent: string,
  device: FenceDevice,
  node: string,
  { warn, untilQuiet }: FenceWorld,
): Promise<void> {
  await untilQuiet();
  const { timeoutMs } = device;
  // Without input an agent would take its default action, which is a reboot: never run it so.
  const input = await agentInput(device, 'on').catch(() => null);
  const exitCode =
    input === null ? null : (await runCommand({ argv: [agent], input, timeoutMs })).exitCode;
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

/** `name=value` lines, the action last: of two lines with one name an agent takes the last. */
async function agentInput(device: FenceDevice, action: string): Promise<string> {
  const secrets = await Promise.all(
    Object.entries(device.paramFiles).map(
      async ([name, path]) => [name, await readSecret(name, path, device.agent)] as const,
    ),
  );
  return [...Object.entries(device.params), ...secrets, ['action', action] as const]
    .map(([name, value]) => inputLine(name, value, device.agent))
    .join('');
}

async function readSecret(name: string, path: string, agent: string): Promise<string> {
  const reading = readFile(path, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the file for "${name}" of ${agent} cannot be read: ${why}`);
  });
  const text = await within(reading, SECRET_TIMEOUT_MS);
  if (text !== null) return text.replace(/\r?\n$/, '');
  throw new Error(`the file for "${name}" of ${agent} could not be read in time: ${path}`);
}

/** The value itself is never told: it may be a secret. */
function inputLine(name: string, value: string, agent: string): string {
  if (/[\r\n\0]/.test(value)) {
    throw new Error(`the value of "${name}" of ${agent} has more than one line`);
  }
  // An agent trims its lines and takes one pair of quotes off a value.
  const quoted = value !== value.trim() || /^".*"$/.test(value);
  return quoted ? `${name}="${value}"\n` : `${name}=${value}\n`;
}

async function findAgent(agent: string): Promise<string | null> {
  const paths = agent.startsWith('/')
    ? [agent]
    : AGENT_DIRECTORIES.map((directory) => `${directory}/${agent}`);
  for (const path of paths) if (await isExecutableFile(path)) return path;
  return null;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
