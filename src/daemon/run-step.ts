/** Carries out the steps of a plan, one after the other. */
import { chmod, chown, mkdir, open, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainExit, type DrbdOutcome } from '../drbd/outcome.js';
import type {
  EvictStep,
  ExecStep,
  MkdirStep,
  Readings,
  ResourceFacts,
  SignalStep,
  Step,
  UntilStep,
} from '../resources/plan.js';
import { cureForHolders, describeDeviceHolders } from '../resources/device-holders.js';
import { describeHolders, type Holder } from '../resources/holders.js';
import { runCommand, startServer, type CommandResult, type StartedServer } from '../host/exec.js';
import type { RunCommand } from '../host/hands.js';
import { findDrbdHolders, findHolders } from '../host/find-holders.js';
import { readProbes } from './read-probe.js';

/** What a plan runs in. */
export interface StepWorld {
  readonly interpret: (readings: Readings) => ResourceFacts;
  /** Runs what is plain. */
  readonly run: RunCommand;
  readonly warn: (sentence: string) => void;
  /** Keeps a deferred step until the group has started or the start was given up. */
  readonly defer: (step: ExecStep) => void;
  /** Told when a server that a step started has ended, however long after. */
  readonly serverEnded: (ending: string) => void;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: () => number;
  /** When the whole action must be over. */
  readonly deadlineMs: number;
}

/** How a step or plan ended. */
export type StepOutcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'timeout'; readonly reason: string };

const OK: StepOutcome = { kind: 'ok' };
/** Lines of a server's own log that go into the sentence about its failure. */
const EVIDENCE_LINES = 3;
const EVIDENCE_BYTES_MAX = 65_536;

/** Runs the steps; the first that fails ends it. */
export async function runSteps(steps: readonly Step[], world: StepWorld): Promise<StepOutcome> {
  let spawned: StartedServer | null = null;
  for (const step of steps) {
    if (world.nowMs() >= world.deadlineMs) return timeout(step, 'the time for all of it is over');
    if (step.kind === 'spawn') {
      try {
        spawned = await startServer({ ...step, onEnd: world.serverEnded });
      } catch (error) {
        return failed(step, messageOf(error));
      }
      continue;
    }
    const outcome = await runStep(step, world, spawned);
    if (outcome.kind !== 'ok') return outcome;
  }
  return OK;
}

type OtherStep = Exclude<Step, { kind: 'spawn' }>;

async function runStep(
  step: OtherStep,
  world: StepWorld,
  spawned: StartedServer | null,
): Promise<StepOutcome> {
  switch (step.kind) {
    case 'exec':
      return runExec(step, world);
    case 'signal':
      return runSignal(step);
    case 'mkdir':
      return runMkdir(step);
    case 'evict':
      return runEvict(step, world);
    case 'until':
      return runUntil(step, world, spawned);
  }
}

function failed(step: Pick<Step, 'label'>, reason: string): StepOutcome {
  return { kind: 'failed', reason: `${step.label}: ${reason}` };
}

function timeout(step: Pick<Step, 'label'>, reason: string): StepOutcome {
  return { kind: 'timeout', reason: `${step.label}: ${reason}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// --- programs ------------------------------------------------------------------------------------

async function runExec(step: ExecStep, world: StepWorld): Promise<StepOutcome> {
  if (step.run === 'deferred') {
    world.defer(step);
    return OK;
  }
  if (step.run === 'background') {
    void runAside(step, world);
    return OK;
  }
  let result = await runOnce(step, world);
  if (step.recovery?.onExits.includes(result.exitCode ?? -1) === true) {
    const outcome = await runSteps(step.recovery.steps, world);
    if (outcome.kind !== 'ok') return outcome;
    result = await runOnce(step, world);
  }
  for (let tries = 0; worthAnother(step, result, tries); tries += 1) {
    const pauseMs = step.retry?.pauseMs ?? 0;
    if (world.nowMs() + pauseMs >= world.deadlineMs) break;
    await sleep(pauseMs);
    result = await runOnce(step, world);
  }
  if (isOk(step, result)) return OK;
  const reason = await whatWentWrong(step, result);
  if (step.okExits !== 'any') return result.timedOut ? timeout(step, reason) : failed(step, reason);
  world.warn(`${step.label}: ${reason}`);
  return OK;
}

/** Runs a program beside the plan; its failure is a warning. Bounded by its own time-out. */
export async function runAside(
  step: ExecStep,
  { run, warn }: Pick<StepWorld, 'run' | 'warn'>,
): Promise<void> {
  const result = await starter(step, run)({
    argv: step.argv,
    timeoutMs: step.timeoutMs,
    ...(step.env === undefined ? {} : { env: step.env }),
  });
  if (!isOk(step, result)) warn(`${step.label}: ${await whatWentWrong(step, result)}`);
}

/** A group of its own is what a time-out kills with all that a program started. */
function starter(step: ExecStep, plain: RunCommand): RunCommand {
  return step.plain === true ? plain : runCommand;
}

async function runOnce(step: ExecStep, world: StepWorld): Promise<CommandResult> {
  const leftMs = Math.max(1, world.deadlineMs - world.nowMs());
  return starter(step, world.run)({
    argv: step.argv,
    timeoutMs: Math.min(step.timeoutMs, leftMs),
    ...(step.env === undefined ? {} : { env: step.env }),
  });
}

function isOk(step: ExecStep, result: CommandResult): boolean {
  const okExits = step.okExits === 'any' ? [0] : step.okExits;
  return result.exitCode !== null && okExits.includes(result.exitCode);
}

function worthAnother(step: ExecStep, result: CommandResult, tries: number): boolean {
  const { retry } = step;
  if (retry === undefined || tries >= retry.times || isOk(step, result)) return false;
  if (result.exitCode === null) return false;
  if (retry.onExits !== 'any' && !retry.onExits.includes(result.exitCode)) return false;
  return retry.stderrHas?.some((part) => result.stderr.includes(part)) ?? true;
}

async function whatWentWrong(step: ExecStep, result: CommandResult): Promise<string> {
  const program = step.argv[0];
  if (result.startFailure !== null) return `cannot run ${program}: ${result.startFailure}`;
  if (result.timedOut) return `${program} did not end within ${String(step.timeoutMs)} ms`;
  if (step.explain === 'drbd') {
    const kind = step.argv.includes('secondary') ? 'demote' : 'promote';
    const command = { ...step, kind, target: step.label } as const;
    const outcome = explainExit(command, result.exitCode, result.stderr);
    const named = await heldOpenBy(step, outcome);
    if (named !== null) return named;
    if (outcome.kind === 'refused') return `${outcome.cause}; ${outcome.cure}`;
  }
  const said = result.stderr.trim() === '' ? result.stdout.trim() : result.stderr.trim();
  const exit = `exit code ${String(result.exitCode ?? 'none, ended by a signal')}`;
  return said === '' ? exit : `${exit}: ${said.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 500)}`;
}

/** The 8.4 driver does not tell who holds a minor open (-12): Linux does. Null for all else. */
async function heldOpenBy(step: ExecStep, outcome: DrbdOutcome): Promise<string | null> {
  const object = step.argv.at(-1) ?? '';
  if (outcome.kind !== 'refused' || outcome.name !== 'heldOpen') return null;
  if (outcome.openers.length > 0 || !/^\d{1,7}$/.test(object)) return null;
  const holders = await findDrbdHolders(Number(object));
  if (holders.length === 0) return null;
  return `${outcome.cause}: ${describeDeviceHolders(holders)}; ${cureForHolders(holders)}`;
}

// --- processes and directories -------------------------------------------------------------------

async function runSignal(step: SignalStep): Promise<StepOutcome> {
  const comm = await readFile(`/proc/${String(step.pid)}/comm`, 'utf8').catch(() => null);
  if (comm?.trim() !== step.comm) return OK;
  try {
    process.kill(step.pid, step.signal);
    return OK;
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    return gone ? OK : failed(step, messageOf(error));
  }
}

async function runMkdir(step: MkdirStep): Promise<StepOutcome> {
  try {
    const made = await mkdir(step.path, { recursive: true, mode: step.mode });
    if (made === undefined) return OK;
    // The mode of mkdir(2) is subject to the umask.
    await chmod(step.path, step.mode);
    if (step.owner !== null) await giveTo(step.path, step.owner);
    return OK;
  } catch (error) {
    return failed(step, messageOf(error));
  }
}

async function giveTo(path: string, owner: string): Promise<void> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  const entry = passwd.split('\n').find((line) => line.startsWith(`${owner}:`))?.split(':');
  if (entry === undefined) throw new Error(`there is no user "${owner}"`);
  await chown(path, Number(entry[2]), Number(entry[3]));
}

// --- waiting -------------------------------------------------------------------------------------

async function runUntil(
  step: UntilStep,
  world: StepWorld,
  spawned: StartedServer | null,
): Promise<StepOutcome> {
  const endMs = Math.min(world.nowMs() + step.timeoutMs, world.deadlineMs);
  const logFrom = await sizeOf(step.evidencePath);
  while (true) {
    const facts = world.interpret(await readProbes(step.probes));
    if (facts.state === step.state) return OK;
    const ending = step.endsWithSpawned ? (spawned?.ended() ?? null) : null;
    if (ending !== null) {
      return failed(step, `${ending}${await evidence(step.evidencePath, logFrom)}`);
    }
    if (world.nowMs() + step.everyMs >= endMs) {
      const late = `not ${step.state} after ${String(step.timeoutMs)} ms: ${facts.reason}`;
      return timeout(step, `${late}${await evidence(step.evidencePath, logFrom)}`);
    }
    await sleep(step.everyMs);
  }
}

async function sizeOf(path: string | null): Promise<number> {
  if (path === null) return 0;
  return stat(path).then((info) => info.size).catch(() => 0);
}

/** The last lines of a log since the step began, for the sentence about the failure. */
async function evidence(path: string | null, from: number): Promise<string> {
  if (path === null) return '';
  const text = await readTail(path, from).catch(() => '');
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const said = (lines.some(isError) ? lines.filter(isError) : lines).slice(-EVIDENCE_LINES);
  return said.length === 0 ? '' : `; ${path} says: ${said.join(' | ')}`;
}

/** The bytes from an offset on, or the last of them when there are many; all of a younger file. */
async function readTail(path: string, from: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(size < from ? 0 : from, size - EVIDENCE_BYTES_MAX);
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.max(1, size - start)),
      position: start,
    });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function isError(line: string): boolean {
  return /\bERROR\b|\[ERROR\]/i.test(line);
}

// --- who holds a mount ---------------------------------------------------------------------------

async function runEvict(step: EvictStep, world: StepWorld): Promise<StepOutcome> {
  for (const { signal, graceMs } of step.signals) {
    const endMs = Math.min(world.nowMs() + graceMs, world.deadlineMs);
    const first = await findHolders(step.mountPoint);
    if (first.length === 0) return OK;
    world.warn(`${step.label}: ${step.mountPoint} is used by ${describeHolders(first)}: ${signal}`);
    for (const holder of first) signalHolder(holder, signal);
    while (world.nowMs() < endMs) {
      await sleep(step.everyMs);
      if ((await findHolders(step.mountPoint)).length === 0) return OK;
    }
  }
  const left = await findHolders(step.mountPoint);
  if (left.length === 0) return OK;
  return failed(step, `${step.mountPoint} is still used by ${describeHolders(left)}`);
}

function signalHolder(holder: Holder, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!holder.mayEvict) return;
  try {
    process.kill(holder.pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
