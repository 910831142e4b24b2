/** Puts the parts together for one node and keeps them running until it has left. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OperatorAnswer, PositionRequest } from '../base/control.js';
import type { Diagnostic } from '../base/diagnostic.js';
import { EXIT } from '../base/exit-codes.js';
import { err, ok, type Result } from '../base/result.js';
import type { Config, FenceDevice } from '../config/config.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { headStartMs } from '../failover/spec.js';
import { initialState, type SavedFacts } from '../failover/state.js';
import type { WatchdogSettings, WatchdogTiming } from '../heartbeat/watchdog.js';
import { Actor } from './actor.js';
import type { Clock } from './clock.js';
import { scriptDirectories } from '../host/configuration.js';
import { runCommand } from '../host/exec.js';
import { HistoryFile } from '../host/history-file.js';
import { Hands } from '../host/hands.js';
import { createControlServer, type ControlBackend } from './control-server.js';
import { claimSocketPath } from './control-socket.js';
import { DrbdSource } from './drbd-source.js';
import { Engine, type EngineWorld } from './engine.js';
import { testFenceDevices, useFenceDevice } from './fence-agent.js';
import type { Log } from './log.js';
import { outdateDisk } from './outdate.js';
import { reconnector } from './reconnect.js';
import { Reloader } from './reload.js';
import { resumeHeldWrites } from './resume-io.js';
import { StateFile } from './state-file.js';
import { drbdResources, Surroundings } from './surroundings.js';
import { armWatchdog, findWatchdog, type Watchdog } from './watchdog.js';

/** One program that a start waits for, and one beside it. */
const HANDS = 2;
/** A fenced node stays off while its service starts elsewhere, but not for ever. */
const SWITCH_ON_LATEST_MS = 60_000;

/** The folders of a node; two daemons on one machine have different ones. */
export interface Folders {
  readonly state: string;
  readonly run: string;
  readonly log: string;
}

/** A running daemon. */
export interface Daemon {
  /** Stops everything in order and leaves; asked a second time it ends at once. */
  readonly leave: () => void;
  /** Reads the configuration again; what comes of it is in the log. */
  readonly reload: () => void;
  /** The exit code, when it has ended. */
  readonly ended: Promise<number>;
}

/** Starts the daemon. The error is a sentence; nothing was started then. */
export async function startDaemon(
  config: Config,
  folders: Folders,
  clock: Clock,
  log: Log,
  read: () => Result<Config, readonly Diagnostic[]>,
): Promise<Result<Daemon, string>> {
  const ground = await prepareGround(config, folders, clock);
  if (!ground.ok) return ground;
  const { socketPath, stateFile, saved, generation } = ground.value;
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (end = resolve));
  const warn = (sentence: string): void => log.warn(sentence);
  const drbd = new DrbdSource(config.self, drbdResources(config));
  const hands = new Hands(HANDS, runCommand);
  const actor = new Actor({
    groups: config.groups,
    drbd,
    run: hands.run,
    logDirectory: folders.log,
    scriptDirectories: scriptDirectories(config),
    nowMs: clock.monotonicMs,
    core: () => engine,
    warn: (sentence, group) => log.warn(sentence, { group }),
    ended: (group, index, reason) => engine.post({ kind: 'ended', group, index, reason }),
  });
  // Before the first turn of the core: a slow start must not look like a stall.
  await actor.prepare();
  const history = new HistoryFile(folders.state, warn);
  let watchdog: Watchdog | null = null;
  const first = initialState(config, generation, saved, clock.monotonicMs());
  const engine: Engine = new Engine({ ...first, nextId: history.highestNumber + 1 }, {
    clock,
    log,
    send: (report) => around.links.send(report),
    counters: () => around.links.counters(),
    drbdSource: () => around.drbdSource(),
    run: async (effect) => actor.run(effect),
    ...fencingHands((node) => reloader.config.fencing[node] ?? [], { warn, actor, clock }),
    ...drbdHands(config.self, drbd),
    history,
    watchdog: () => watchdog,
    save: (facts) => stateFile.save(facts, (sentence) => log.error(sentence)),
    exit: (clean) => void close(clean ? EXIT.ok : EXIT.failed),
  });
  const backend = backendOf(engine, () => ({ reloader, around }));
  const control = createControlServer({ path: socketPath, backend, log });
  const listening = await control.listen();
  if (!listening.ok) return listening;
  const around = new Surroundings(config, { drbd, clock, log, engine, actor, folders });
  const guard = (): Watchdog | null => watchdog;
  const reloader = reloaderFor(config, { read, engine, log, drbd, actor, around, guard });
  const close = async (code: number): Promise<void> => {
    engine.stop();
    if (code === EXIT.ok) watchdog?.disarm();
    else watchdog?.abandon();
    around.stopWatching();
    hands.close();
    if (code === EXIT.ok) await around.links.close();
    await Promise.all([control.close(), stateFile.settled(), history.settled()]);
    end(code);
  };
  // The last that may fail: once armed, only a clean end disarms it.
  const timing = (): WatchdogTiming => watchdogTiming(reloader.config);
  const armed = await armWatchdog(ground.value.watchdog, { timing, disk: stateFile, log });
  if (!armed.ok) return close(EXIT.failed).then(() => armed);
  watchdog = armed.value;
  around.watch(config);
  engine.post({ kind: 'tick' });
  const leave = leaver(engine, log, () => void close(EXIT.failed));
  return ok({ leave, ended, reload: () => void reloader.request(false) });
}

/** What uses the power devices of the nodes. A node that was fenced waits for the takeover to be over. */
function fencingHands(
  devices: (node: string) => readonly FenceDevice[],
  { warn, actor, clock }: { warn: (sentence: string) => void; actor: Actor; clock: Clock },
): Pick<EngineWorld, 'fence' | 'fenceTest'> {
  const untilQuiet = async (): Promise<void> => actor.untilQuiet(SWITCH_ON_LATEST_MS);
  return {
    fence: async (effect) => useFenceDevice(effect, devices(effect.node), { warn, untilQuiet }),
    fenceTest: async (node) => testFenceDevices(devices(node), clock.monotonicMs),
  };
}

/** What the core has done to DRBD beside starts and stops. */
function drbdHands(self: string, drbd: DrbdSource): Pick<EngineWorld, 'outdate' | 'resumeIo' | 'reconnect'> {
  const facts = async (): Promise<readonly DrbdFacts[]> => (await drbd.read()).facts;
  return {
    outdate: async (effect) => outdateDisk(effect),
    resumeIo: async (effect) => resumeHeldWrites(effect, { facts }),
    reconnect: reconnector(self, drbd),
  };
}

interface Ground {
  readonly socketPath: string;
  readonly stateFile: StateFile;
  readonly saved: SavedFacts;
  readonly generation: number;
  readonly watchdog: WatchdogSettings | null;
}

/** What may be refused before anything runs. */
async function prepareGround(
  config: Config,
  folders: Folders,
  clock: Clock,
): Promise<Result<Ground, string>> {
  const socketPath = join(folders.run, 'tandem.sock');
  // Before anything is touched: the state file may belong to a daemon that runs.
  const free = await claimSocketPath(socketPath);
  if (!free.ok) return free;
  const watchdog = await findWatchdog(config.watchdog, watchdogTiming(config));
  if (!watchdog.ok) return watchdog;
  const stateFile = new StateFile(folders.state);
  const begun = stateFile.begin(Math.floor(clock.wallMs() / 1_000));
  if (!begun.ok) return begun;
  const logFolder = makeFolder(folders.log);
  if (!logFolder.ok) return logFolder;
  return ok({ socketPath, stateFile, ...begun.value, watchdog: watchdog.value });
}

function watchdogTiming(config: Config): WatchdogTiming {
  const { keepaliveMs, deadtimeMs } = config.heartbeat;
  return { keepaliveMs, deadtimeMs, headStartMs: headStartMs(config) };
}

interface ReloaderParts {
  readonly read: () => Result<Config, readonly Diagnostic[]>;
  readonly engine: Engine;
  readonly log: Log;
  readonly drbd: DrbdSource;
  readonly actor: Actor;
  readonly around: Surroundings;
  readonly guard: () => Watchdog | null;
}

function reloaderFor(config: Config, parts: ReloaderParts): Reloader {
  const { read, engine, log, drbd, actor, around, guard } = parts;
  const reloader: Reloader = new Reloader(config, {
    read,
    engine,
    log,
    objection: (next) => guard()?.objectionTo(watchdogTiming(next)) ?? null,
    prepare: async (next) => {
      await drbd.use([...new Set([...drbdResources(reloader.config), ...drbdResources(next)])]);
      await actor.learn(next.groups);
    },
    use: (next) => actor.use(next.groups, scriptDirectories(next)),
    adopt: async (next, { reopensLinks }) => {
      guard()?.tellRisks();
      await drbd.use(drbdResources(next));
      await around.reopen(next, reopensLinks);
    },
  });
  return reloader;
}

/** Asked once: leaves in order. Asked again: ends at once. */
function leaver(engine: Engine, log: Log, end: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) {
      log.error('Asked a second time: ending at once, without a last word; the peer will fence us');
      end();
    } else engine.post({ kind: 'leave' });
    asked = true;
  };
}

/** What is not the core's: files, and what others have read of this machine. */
interface BesideEngine {
  readonly reloader: Reloader;
  readonly around: Surroundings;
}

function backendOf(engine: Engine, beside: () => BesideEngine): ControlBackend {
  return {
    status: () => engine.status(),
    history: () => engine.history(),
    why: () => engine.why(),
    dump: () => engine.dump(),
    splitBrain: () => engine.splitBrain(),
    answer: (id) => engine.answer(id),
    request: ({ request, dryRun }) => {
      const { reloader, around } = beside();
      if (request.kind === 'reload') return reloader.request(dryRun);
      if (request.kind === 'databasePosition') {
        return positionAnswer(around.givePosition(request), request);
      }
      return engine.request({ request, dryRun });
    },
  };
}

function positionAnswer(isTaken: boolean, { resource }: PositionRequest): OperatorAnswer {
  const taken = `The other nodes are told how far the database on ${resource} came`;
  const refused = `${resource} is connected, its identifiers are not read yet, or its data is other than what was read`;
  return {
    id: 'position',
    state: isTaken ? 'done' : 'refused',
    message: isTaken ? taken : refused,
    progress: [],
    exit: isTaken ? 'ok' : 'unknown',
  };
}

function makeFolder(path: string): Result<null, string> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return ok(null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err(`${path} cannot be used: ${reason}`);
  }
}
