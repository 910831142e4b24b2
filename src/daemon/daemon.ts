/** Puts the parts together for one node and keeps them running until it has left. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../base/exit-codes.js';
import type { DrbdSourceStatus } from '../base/status.js';
import { err, ok, type Result } from '../base/result.js';
import type { Config } from '../config/config.js';
import { initialState } from '../failover/state.js';
import { Actor } from './actor.js';
import type { Clock } from './clock.js';
import { scriptDirectories } from '../host/configuration.js';
import { runCommand } from '../host/exec.js';
import { Hands } from '../host/hands.js';
import { createControlServer } from './control-server.js';
import { claimSocketPath } from './control-socket.js';
import { DrbdSource } from './drbd-source.js';
import { DrbdWatch } from './drbd-watch.js';
import { Engine } from './engine.js';
import { useFenceDevice } from './fence-agent.js';
import { Links } from './links.js';
import type { Log } from './log.js';
import { PingWatch } from './ping-watch.js';
import { outdateDisk } from './outdate.js';
import { StateFile } from './state-file.js';

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
  /** The exit code, when it has ended. */
  readonly ended: Promise<number>;
}

/** Starts the daemon. The error is a sentence; nothing was started then. */
export async function startDaemon(
  config: Config,
  folders: Folders,
  clock: Clock,
  log: Log,
): Promise<Result<Daemon, string>> {
  const socketPath = join(folders.run, 'tandem.sock');
  // Before anything is touched: the state file may belong to a daemon that runs.
  const free = await claimSocketPath(socketPath);
  if (!free.ok) return free;
  const stateFile = new StateFile(folders.state);
  const begun = stateFile.begin(Math.floor(clock.wallMs() / 1_000));
  if (!begun.ok) return begun;
  const logFolder = makeFolder(folders.log);
  if (!logFolder.ok) return logFolder;
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
    warn: (sentence, group) => log.warn(sentence, { group }),
    ended: (group, index, reason) => engine.post({ kind: 'ended', group, index, reason }),
  });
  const untilQuiet = async (): Promise<void> => actor.untilQuiet(SWITCH_ON_LATEST_MS);
  // Before the first turn of the core: a slow start must not look like a stall.
  await actor.prepare();
  const { saved, generation } = begun.value;
  const engine: Engine = new Engine(initialState(config, generation, saved, clock.monotonicMs()), {
    clock,
    log,
    send: (report) => links.send(report),
    counters: () => links.counters(),
    drbdSource: () => watches.drbdSource(),
    run: async (effect) => actor.run(effect),
    fence: async (effect) =>
      useFenceDevice(effect, config.fencing[effect.node] ?? [], { warn, untilQuiet }),
    outdate: async (effect) => outdateDisk(effect),
    save: (facts) => stateFile.save(facts, (sentence) => log.error(sentence)),
    exit: (clean) => void close(clean ? EXIT.ok : EXIT.failed),
  });
  const control = createControlServer({ path: socketPath, backend: engine, log });
  const listening = await control.listen();
  if (!listening.ok) return err(listening.error);
  const links = openLinks(config, clock, log, engine);
  const watches: Watches = watchMachine(drbd, config, { clock, log }, engine);
  const close = async (code: number): Promise<void> => {
    engine.stop();
    watches.stop();
    hands.close();
    if (code === EXIT.ok) await links.close();
    await Promise.all([control.close(), stateFile.settled()]);
    end(code);
  };
  engine.post({ kind: 'tick' });
  let asked = false;
  const leave = (): void => {
    if (asked) {
      log.error('Asked a second time: ending at once, without a last word; the peer will fence us');
      void close(EXIT.failed);
    } else engine.post({ kind: 'leave' });
    asked = true;
  };
  return ok({ leave, ended });
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

function drbdResources(config: Config): readonly string[] {
  const specs = config.groups.flatMap((group) => group.resources);
  return specs.flatMap((spec) => (spec.kind === 'drbd' ? [spec.resource] : []));
}

function openLinks(config: Config, clock: Clock, log: Log, engine: Engine): Links {
  return new Links({
    self: config.self,
    specs: config.heartbeat.links,
    udpPort: config.heartbeat.udpPort,
    keyring: config.keyring,
    deadtimeMs: config.heartbeat.deadtimeMs,
    ttl: config.nodes.length + 1,
    wallMs: clock.wallMs,
    onReport: (link, report) => engine.post({ kind: 'report', link, report }),
    onForeign: (link, fault) => engine.post({ kind: 'foreign', link, fault }),
    onTrouble: (link, trouble) => {
      if (trouble === null) log.info(`Link ${link} is open`, { link });
      else log.warn(`Link ${link} does not work: ${trouble}`, { link });
    },
    onSelf: (link) => log.info(`Link ${link} leads to this node itself: it is not used`, { link }),
  });
}

/** What watches this machine. */
interface Watches {
  readonly stop: () => void;
  readonly drbdSource: () => DrbdSourceStatus | null;
}

/** Tells the engine what changes by itself. */
function watchMachine(
  drbd: DrbdSource,
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  engine: Engine,
): Watches {
  const pings = watchPings(config, clock, engine);
  if (!drbd.isNeeded) return { stop: () => pings.stop(), drbdSource: () => null };
  const watch = new DrbdWatch({
    source: drbd,
    everyMs: config.heartbeat.keepaliveMs,
    nowMs: clock.monotonicMs,
    onFacts: (facts) => engine.post({ kind: 'drbd', facts }),
    onNote: (level, sentence) => log[level](sentence),
  });
  const stop = (): void => {
    watch.stop();
    pings.stop();
  };
  return { stop, drbdSource: () => watch.status };
}

function watchPings({ heartbeat }: Config, clock: Clock, engine: Engine): PingWatch {
  return new PingWatch(heartbeat.ping.flatMap(({ addresses }) => addresses), {
    deadpingMs: heartbeat.deadpingMs,
    nowMs: clock.monotonicMs,
    onChange: (answers) => engine.post({ kind: 'pings', answers }),
  });
}
