/**
 * A MySQL or MariaDB server, started without mysqld_safe: the daemon watches it itself.
 *
 *     started   its process lives and it greets on its unix socket
 *     partial   its process lives but does not greet: recovering, or hung
 *     stopped   no process has that data directory
 *
 * A process is ours by its data directory, which a server makes its working directory. A pid file
 * alone proves nothing, since it may be left over from before a crash; a path alone neither, since
 * a server in a container may use the same one. A stop is SIGTERM and
 * patience: InnoDB flushes for as long as it needs, and a time-out is a failed stop, never a KILL.
 */
import { mysqlDiscovery, mysqlSettings, type MysqlSettings } from './mysql-settings.js';
import type {
  MkdirStep,
  Plan,
  PlanContext,
  Probe,
  ProcessInfo,
  Reading,
  Readings,
  ResourceAction,
  ResourceFacts,
  ResourceKindLogic,
  ServerReading,
  SpawnStep,
  Step,
} from './plan.js';
import { programPath } from './programs.js';
import type { MysqlSpec } from './spec.js';

/** Crash recovery replays the redo log, which may hold gigabytes. */
const READY_TIMEOUT_MS = 300_000;
/** A clean shutdown writes all dirty pages of the buffer pool. */
const SHUTDOWN_TIMEOUT_MS = 120_000;
/** A connection to a unix socket costs microseconds; what is waited for is the client's outage. */
const READY_EVERY_MS = 20;
const GONE_EVERY_MS = 20;
/** A server that has not greeted by then is hung or starved, which is for the core to judge. */
const GREETING_TIMEOUT_MS = 2_000;
const SERVER_COMMS = ['mysqld', 'mariadbd'] as const;

/** A server starts here and moves to its data directory. */
const STARTED_IN = '/';

/** What a plan for a server depends on. */
export interface MysqlDetail {
  /** Null when the option files could not be read. */
  readonly settings: MysqlSettings | null;
  /** Ours, alive. */
  readonly server: ProcessInfo | null;
  /** Why a start would disturb another server; null when it would not. */
  readonly obstacle: string | null;
}

/** The logic of kind `mysql`. */
export const MYSQL: ResourceKindLogic<MysqlSpec, MysqlDetail> = {
  phase: 'database',
  startTimeoutMs: READY_TIMEOUT_MS + 10_000,
  stopTimeoutMs: SHUTDOWN_TIMEOUT_MS + 10_000,
  // Every greeting without a login is a warning in MariaDB's error log: not more than needed.
  monitorEveryMs: 10_000,
  isOneLookEnough: false,
  confirmedBy: 'probe',
  describe: ({ datadir }) => `MySQL server${datadir === null ? '' : ` on ${datadir}`}`,
  discovery: mysqlDiscovery,
  probes,
  interpret,
  plan,
};

function probes(spec: MysqlSpec, context: PlanContext): readonly Probe[] {
  const settings = mysqlSettings(spec, context);
  const pidFile = settings?.pidFile ?? null;
  return [
    { kind: 'server', name: 'server', pidFile, comms: SERVER_COMMS },
    ...(settings === null
      ? []
      : [
          { kind: 'path', name: 'datadir', path: settings.datadir } as const,
          handshakeProbe(settings),
        ]),
  ];
}

function handshakeProbe({ socket }: MysqlSettings): Probe {
  return {
    kind: 'mysqlHandshake',
    name: 'handshake',
    socketPath: socket,
    timeoutMs: GREETING_TIMEOUT_MS,
  };
}

function interpret(
  spec: MysqlSpec,
  readings: Readings,
  context: PlanContext,
): ResourceFacts<MysqlDetail> {
  const settings = mysqlSettings(spec, context);
  const detail: MysqlDetail = { settings, server: null, obstacle: null };
  const server = readings['server'];
  if (settings === null) return withoutSettings(server, context, detail);
  const greeting = greetingOf(readings['handshake']);
  const ending = readings['ending'];
  if (ending?.kind === 'server') return judgeEnding(ending, detail);
  if (server === undefined) {
    // The cheap probe of a start: only the greeting was asked for.
    const reason = `The server ${greeting.sentence}`;
    return { state: greeting.talks ? 'started' : 'partial', reason, detail };
  }
  if (server.kind !== 'server') {
    return { state: 'unknown', reason: `Cannot read the process table${why(server)}`, detail };
  }
  const datadir = readings['datadir'];
  const ours = server.processes.find((process) => isOn(process, settings.datadir, datadir));
  if (ours !== undefined) {
    return {
      state: greeting.talks ? 'started' : 'partial',
      reason: `${ours.comm} (pid ${ours.pid}) ${greeting.sentence}`,
      detail: { ...detail, server: ours },
    };
  }
  const hidden = server.processes.find(({ cwd }) => cwd === null);
  if (hidden !== undefined) {
    const reason = `Cannot tell which data directory ${hidden.comm} (pid ${hidden.pid}) uses`;
    return { state: 'unknown', reason, detail };
  }
  const stale = server.pidFilePid === null ? '' : `; ${settings.pidFile} is left over`;
  const obstacle = greeting.talks ? `Another server already uses ${settings.socket}` : null;
  return {
    state: 'stopped',
    reason: `No server runs on ${settings.datadir}${stale}`,
    detail: { ...detail, obstacle },
  };
}

/** The option files may lie on the very disk that is not mounted: then nobody may run. */
function withoutSettings(
  server: Reading | undefined,
  context: PlanContext,
  detail: MysqlDetail,
): ResourceFacts<MysqlDetail> {
  const cause = `Cannot read the server's option files${why(context.discovered['options'])}`;
  if (server?.kind === 'server' && server.processes.length === 0) {
    const reason = 'No MySQL server runs on this machine';
    return { state: 'stopped', reason, detail: { ...detail, obstacle: cause } };
  }
  return { state: 'unknown', reason: cause, detail };
}

function why(reading: Reading | undefined): string {
  if (reading?.kind === 'unreadable') return `: ${reading.reason}`;
  if (reading?.kind === 'timedOut') return `: no answer within ${reading.afterMs} ms`;
  if (reading?.kind === 'exit') return `: ${reading.stderr.trim().split('\n')[0] ?? ''}`;
  return '';
}

/** The cheap probe of a stop: the one process that was told to end. */
function judgeEnding(
  { processes }: ServerReading,
  detail: MysqlDetail,
): ResourceFacts<MysqlDetail> {
  const [server] = processes;
  if (server === undefined) return { state: 'stopped', reason: 'The server has ended', detail };
  const reason = `${server.comm} (pid ${server.pid}) still shuts down`;
  return { state: 'partial', reason, detail: { ...detail, server } };
}

/** By its working directory; by its arguments while it has not gone there yet. */
function isOn(process: ProcessInfo, path: string, reading: Reading | undefined): boolean {
  const { cwd, cwdId, argv } = process;
  if (cwd === STARTED_IN) return argv.includes(`--datadir=${path}`);
  if (reading?.kind === 'path' && cwdId !== null) return cwdId === reading.fileId;
  return cwd !== null && cwd.replace(/ \(deleted\)$/, '') === path;
}

interface Greeting {
  /** True also for an error packet: a server that says "Too many connections" is alive. */
  readonly talks: boolean;
  readonly sentence: string;
}

function greetingOf(reading: Reading | undefined): Greeting {
  if (reading?.kind === 'greeted') return { talks: true, sentence: 'answers' };
  if (reading?.kind === 'refused') {
    return reading.byServer
      ? { talks: true, sentence: `answers "${reading.reason}"` }
      : { talks: false, sentence: `does not answer: ${reading.reason}` };
  }
  if (reading?.kind === 'timedOut') {
    return { talks: false, sentence: `has not greeted within ${reading.afterMs} ms` };
  }
  if (reading?.kind === 'absent') return { talks: false, sentence: 'has no socket yet' };
  return { talks: false, sentence: `does not answer${why(reading)}` };
}

function plan(
  spec: MysqlSpec,
  action: ResourceAction,
  facts: ResourceFacts<MysqlDetail>,
  context: PlanContext,
): Plan {
  const { settings, server, obstacle } = facts.detail;
  if (facts.state === 'unknown') return { kind: 'refused', reason: facts.reason };
  if (action === 'stop') {
    return { kind: 'steps', steps: server === null ? [] : shutdown(server) };
  }
  if (facts.state === 'started') return { kind: 'steps', steps: [] };
  if (obstacle !== null) return { kind: 'refused', reason: obstacle };
  if (settings === null) return { kind: 'refused', reason: facts.reason };
  // A server that recovers is waited for, not started a second time.
  const logPath = settings.logError ?? outputPath(spec, context);
  if (server !== null) return { kind: 'steps', steps: [untilReady(settings, logPath, false)] };
  return { kind: 'steps', steps: startup(spec, settings, context) };
}

function startup(
  spec: MysqlSpec,
  settings: MysqlSettings,
  context: PlanContext,
): readonly Step[] {
  const spawn: SpawnStep = {
    kind: 'spawn',
    label: `start the server on ${settings.datadir}`,
    argv: [
      serverProgram(context),
      ...(spec.defaultsFile === null ? [] : [`--defaults-file=${spec.defaultsFile}`]),
      ...settings.args,
    ],
    workingDirectory: STARTED_IN,
    outputPath: outputPath(spec, context),
  };
  const logPath = settings.logError ?? spawn.outputPath;
  return [...runDirectories(settings), spawn, untilReady(settings, logPath, true)];
}

function serverProgram(context: PlanContext): string {
  return context.programs['mariadbd'] ?? programPath(context, 'mysqld');
}

/** Where the server's own output goes: `mysql:/db/mysql` -> `mysql-db-mysql.log`. */
function outputPath({ id }: MysqlSpec, { logDirectory }: PlanContext): string {
  return `${logDirectory}/${id.replace(/[^A-Za-z0-9.]{1,64}/g, '-')}.log`;
}

/** /run is empty after a boot; systemd's tmpfiles would only fill it for the server's own unit. */
function runDirectories({ socket, pidFile, user }: MysqlSettings): readonly MkdirStep[] {
  const directories = [socket, pidFile].map((path) => path.slice(0, path.lastIndexOf('/')));
  const volatile = directories.filter((path) => /^\/(?:var\/)?run\/./.test(path));
  return [...new Set(volatile)].map((path) => ({
    kind: 'mkdir',
    label: `make ${path}`,
    path,
    mode: 0o755,
    owner: user,
  }));
}

function untilReady(settings: MysqlSettings, logPath: string, spawned: boolean): Step {
  return {
    kind: 'until',
    label: 'wait for the greeting',
    state: 'started',
    probes: [handshakeProbe(settings)],
    everyMs: READY_EVERY_MS,
    timeoutMs: READY_TIMEOUT_MS,
    endsWithSpawned: spawned,
    evidencePath: logPath,
  };
}

function shutdown({ pid, comm }: ProcessInfo): readonly Step[] {
  return [
    { kind: 'signal', label: `end ${comm} (pid ${pid})`, pid, comm, signal: 'SIGTERM' },
    {
      kind: 'until',
      label: 'wait for its clean end',
      state: 'stopped',
      probes: [{ kind: 'process', name: 'ending', pid, comms: [comm] }],
      everyMs: GONE_EVERY_MS,
      timeoutMs: SHUTDOWN_TIMEOUT_MS,
      endsWithSpawned: false,
      evidencePath: null,
    },
  ];
}
