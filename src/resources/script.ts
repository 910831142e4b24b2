/**
 * A script of Heartbeat's resource.d or of init.d, as a word of haresources names it.
 *
 * Heartbeat judges `status` by its output alone: "not ... running" is stopped, else "running" or
 * "OK" is started, else it is stopped; and by standard output only. An init script that follows
 * the LSB says it by its exit code too, which catches those that print something else. Whether
 * start and stop succeeded only their exit codes tell: many scripts have no true status.
 */
import type {
  CommandProbe,
  ExecStep,
  ExitReading,
  Plan,
  PlanContext,
  Probe,
  Readings,
  ResourceAction,
  ResourceFacts,
  ResourceKindLogic,
  Retry,
} from './plan.js';
import type { ScriptSpec } from './spec.js';

/** Where scripts are looked for, in this order; only executable regular files count. */
export const SCRIPT_DIRECTORIES = ['/etc/ha.d/resource.d', '/etc/init.d'] as const;

/** Heartbeat waits for ever; an hour-long hang of a script is an outage that nobody explains. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const STATUS_TIMEOUT_MS = 20_000;
/** HA_STOPRETRYMAX of Heartbeat: ten tries more, one a second. */
const STOP_RETRY: Retry = { times: 10, pauseMs: 1_000, onExits: 'any' };

/** What a plan for a script depends on: its path, or null when this machine has none. */
export type ScriptDetail = string | null;

/** The logic of kind `script`. */
export const SCRIPT: ResourceKindLogic<ScriptSpec, ScriptDetail> = {
  phase: 'script',
  startTimeoutMs: START_TIMEOUT_MS,
  stopTimeoutMs: 2 * STOP_TIMEOUT_MS,
  monitorEveryMs: 30_000,
  isOneLookEnough: false,
  confirmedBy: 'exit',
  describe: ({ name, args }) => `script ${[name, ...args].join(' ')}`,
  discovery: () => [],
  probes: (spec, context): readonly Probe[] => {
    const path = context.scripts[spec.name];
    return path === undefined ? [] : [statusProbe(spec, path)];
  },
  interpret,
  plan,
};

function statusProbe({ args }: ScriptSpec, path: string): CommandProbe {
  const argv = [path, ...args, 'status'] as const;
  return { kind: 'command', name: 'status', argv, timeoutMs: STATUS_TIMEOUT_MS };
}

function interpret(
  { name }: ScriptSpec,
  readings: Readings,
  context: PlanContext,
): ResourceFacts<ScriptDetail> {
  const path = context.scripts[name];
  if (path === undefined) {
    const reason = `There is no executable script ${name} in ${SCRIPT_DIRECTORIES.join(' or ')}`;
    return { state: 'stopped', reason, detail: null };
  }
  const status = readings['status'];
  if (status?.kind === 'timedOut') {
    const reason = `${path} status did not end within ${status.afterMs} ms`;
    return { state: 'unknown', reason, detail: path };
  }
  if (status?.kind !== 'exit') {
    const why = status?.kind === 'unreadable' ? `: ${status.reason}` : '';
    return { state: 'unknown', reason: `Cannot run ${path} status${why}`, detail: path };
  }
  const state = path.startsWith('/etc/init.d/') ? lsbState(status) : heartbeatState(status.stdout);
  return { state, reason: `${path} status says ${quote(status)}`, detail: path };
}

function quote({ stdout, exitCode }: ExitReading): string {
  const line = stdout.trim().split('\n')[0] ?? '';
  const end = exitCode === null ? 'killed by a signal' : `exit ${exitCode}`;
  return line === '' ? `nothing (${end})` : `"${line}" (${end})`;
}

/** The output of `status`, judged as Heartbeat 3 does (ResourceManager, we_own_resource). */
export function heartbeatState(output: string): 'started' | 'stopped' {
  if (saysNotRunning(output)) return 'stopped';
  const says = output.includes('running') || output.includes('Running') || output.includes('OK');
  return says ? 'started' : 'stopped';
}

/**
 * The word "not", a blank, and anywhere after it "running" or "Running". Heartbeat's pattern takes
 * "cannot determine status, may be running" of drbddisk for stopped too, against what its authors
 * meant and the safe way; so here the word must stand alone.
 */
function saysNotRunning(output: string): boolean {
  const not = /(?<![a-z])not /i.exec(output);
  const running = Math.max(output.lastIndexOf('running'), output.lastIndexOf('Running'));
  return not !== null && running >= not.index + not[0].length;
}

/**
 * LSB 3.1, "Init Script Actions": 0 running, 1 and 2 dead with leftovers, 3 not running, 4 unknown.
 * Text overrules an exit code of 0, which scripts give that only print.
 */
function lsbState({ exitCode, stdout }: ExitReading): ResourceFacts['state'] {
  switch (exitCode) {
    case 0:
      return saysNotRunning(stdout) ? 'stopped' : 'started';
    case 1:
    case 2:
      return 'failed';
    case 3:
      return 'stopped';
    case null:
    default:
      return 'unknown';
  }
}

function plan(
  spec: ScriptSpec,
  action: ResourceAction,
  facts: ResourceFacts<ScriptDetail>,
): Plan {
  const path = facts.detail;
  if (action === 'start') {
    if (path === null) return { kind: 'refused', reason: facts.reason };
    if (facts.state === 'started') return { kind: 'steps', steps: [] };
    return { kind: 'steps', steps: [actionStep(spec, path, 'start')] };
  }
  // As Heartbeat does, also when status says stopped: it may not tell the truth.
  return { kind: 'steps', steps: path === null ? [] : [actionStep(spec, path, 'stop')] };
}

function actionStep({ id, args }: ScriptSpec, path: string, action: ResourceAction): ExecStep {
  return {
    kind: 'exec',
    label: `${action} ${id}`,
    argv: [path, ...args, action],
    timeoutMs: action === 'start' ? START_TIMEOUT_MS : STOP_TIMEOUT_MS,
    okExits: [0],
    run: 'wait',
    ...(action === 'stop' ? { retry: STOP_RETRY } : {}),
  };
}
