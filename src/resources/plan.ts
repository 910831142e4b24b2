/**
 * What a resource kind asks of the world, as plain data. This folder never executes anything:
 *
 *     probes -> (the daemon reads) -> interpret -> facts
 *     facts  -> plan -> steps -> (the daemon executes) -> probes again, to confirm
 *
 * Facts come from files, sockets and process tables wherever that is possible, because a fork is
 * the dearest thing in a takeover. A plan forks only what changes the world.
 */
import type { ResourceSpec } from './spec.js';

/** One thing to read. `name` is the key of its reading; it is unique among a resource's probes. */
export type Probe =
  | FileProbe
  | PathProbe
  | AddressesProbe
  | ServerProbe
  | ProcessProbe
  | MysqlHandshakeProbe
  | CommandProbe;

/** The whole text of a file, such as /proc/drbd. Answered by `text`, `absent` or `unreadable`. */
export interface FileProbe {
  readonly kind: 'file';
  readonly name: string;
  readonly path: string;
}

/** stat(2) and realpath(3) of a path, links followed: `path`, `absent` or `unreadable`. */
export interface PathProbe {
  readonly kind: 'path';
  readonly name: string;
  readonly path: string;
}

/** The addresses of this machine's running interfaces (getifaddrs). Answered by `addresses`. */
export interface AddressesProbe {
  readonly kind: 'addresses';
  readonly name: string;
}

/**
 * The process that a pid file names, if it lives and its comm is one of `comms`; when there is no
 * such process, every live process whose comm is one of `comms` (a walk over /proc).
 * Answered by `server` or `unreadable`.
 */
export interface ServerProbe {
  readonly kind: 'server';
  readonly name: string;
  /** Null when the path is not known: then only the walk. */
  readonly pidFile: string | null;
  readonly comms: readonly string[];
}

/** One process by its number, without a walk. Answered by `server`: with it, or with nobody. */
export interface ProcessProbe {
  readonly kind: 'process';
  readonly name: string;
  readonly pid: number;
  /** A process of another name is another process, and counts as nobody. */
  readonly comms: readonly string[];
}

/**
 * Connects to a MySQL server's unix socket and waits for the first packet of the handshake.
 * Answered by `greeted`, `absent` (no socket), `refused` (nobody listens) or `timedOut`.
 */
export interface MysqlHandshakeProbe {
  readonly kind: 'mysqlHandshake';
  readonly name: string;
  readonly socketPath: string;
  readonly timeoutMs: number;
}

/** Runs a program. Answered by `exit`, `timedOut` or `unreadable` (it cannot be run). */
export interface CommandProbe {
  readonly kind: 'command';
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a probe found. */
export type Reading =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | PathReading
  | { readonly kind: 'addresses'; readonly addresses: readonly InterfaceAddress[] }
  | ServerReading
  | { readonly kind: 'greeted' }
  /** `byServer`: it greeted with an error packet, whose words `reason` holds; else the system's. */
  | { readonly kind: 'refused'; readonly byServer: boolean; readonly reason: string }
  | ExitReading
  | { readonly kind: 'timedOut'; readonly afterMs: number };

/** A path that exists. */
export interface PathReading {
  readonly kind: 'path';
  readonly realPath: string;
  readonly type: 'directory' | 'block' | 'file' | 'socket' | 'other';
  /** Device number of a block device (st_rdev) as `major:minor`, else null. */
  readonly deviceNumber: string | null;
  /** `st_dev:st_ino`: equal for one file under all its names. */
  readonly fileId: string;
}

/** One address of one interface. */
export interface InterfaceAddress {
  readonly device: string;
  /** In the system's canonical spelling. */
  readonly address: string;
  readonly prefixLength: number;
}

/** The processes that a ServerProbe or a ProcessProbe found. */
export interface ServerReading {
  readonly kind: 'server';
  /** The number in the pid file; null when there is no file or no number in it. */
  readonly pidFilePid: number | null;
  /** Live processes with one of the wanted names (zombies do not count). */
  readonly processes: readonly ProcessInfo[];
}

/** One live process, from /proc/PID (proc(5)). */
export interface ProcessInfo {
  readonly pid: number;
  readonly comm: string;
  /** The target of /proc/PID/exe; null when it cannot be read. */
  readonly exe: string | null;
  /** /proc/PID/cmdline, split at the zero bytes. */
  readonly argv: readonly string[];
  /** The target of /proc/PID/cwd; null when it cannot be read. A server's is its datadir. */
  readonly cwd: string | null;
  /** `st_dev:st_ino` of /proc/PID/cwd, links followed; null when it cannot be read. */
  readonly cwdId: string | null;
}

/** A program that ran to its end. */
export interface ExitReading {
  readonly kind: 'exit';
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Readings by the name of their probe. A name that is missing was not read. */
export type Readings = Readonly<Record<string, Reading | undefined>>;

/**
 * `started` and `stopped` are confirmed. `partial` is in between: something of it is there, but it
 * does not serve (yet). `failed` is a state that neither a start nor a stop of ours brought about
 * and that needs a person. `unknown` could not be read: never take it for stopped.
 */
export type ResourceState = 'started' | 'stopped' | 'partial' | 'failed' | 'unknown';

/** What the readings mean. */
export interface ResourceFacts<Detail = unknown> {
  readonly state: ResourceState;
  /** One sentence, no final period. */
  readonly reason: string;
  /** What the same kind's `plan` needs. */
  readonly detail: Detail;
}

/** What may be asked of a resource. */
export type ResourceAction = 'start' | 'stop';

/** The steps to the wanted state, in order, up to the first that fails; or why there are none. */
export type Plan =
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  | { readonly kind: 'refused'; readonly reason: string };

/** One step of a plan. `label` says in words what it does: `promote r0`. */
export type Step = ExecStep | SpawnStep | SignalStep | MkdirStep | EvictStep | UntilStep;

/** Runs a program to its end. */
export interface ExecStep {
  readonly kind: 'exec';
  readonly label: string;
  readonly argv: readonly [string, ...string[]];
  /** At the end of it the whole process group is killed and the step failed. */
  readonly timeoutMs: number;
  /** `any`: whatever comes of it, its time-out too, the plan goes on with a warning. */
  readonly okExits: readonly number[] | 'any';
  /**
   * `wait` is the usual. `background` starts it and goes on; `deferred` starts it when the last
   * resource of the group was started or the start was given up. The failure of either is a
   * warning, also when the program does not exist, and never fails the action.
   */
  readonly run: 'wait' | 'background' | 'deferred';
  readonly env?: Readonly<Record<string, string>>;
  /** It leaves no process behind it (no script, no mount helper): it need not have its own group. */
  readonly plain?: true;
  readonly retry?: Retry;
  /**
   * Used once, before `retry`: when the program exits with one of these, run the steps, then run
   * it again; from there on `retry` applies. A recovery step that fails fails the plan.
   */
  readonly recovery?: { readonly onExits: readonly number[]; readonly steps: readonly Step[] };
  /** Who can say in words what an exit code and its stderr mean. */
  readonly explain?: 'drbd';
}

/** A bounded repetition. */
export interface Retry {
  /** How often to try again after the first failure. */
  readonly times: number;
  readonly pauseMs: number;
  /** Exit codes worth another try; `any` is every code that is not ok. */
  readonly onExits: readonly number[] | 'any';
  /** And, when given, only if stderr contains one of these. */
  readonly stderrHas?: readonly string[];
}

/** Starts a server that must outlive the daemon: own session, stdin from /dev/null. */
export interface SpawnStep {
  readonly kind: 'spawn';
  readonly label: string;
  readonly argv: readonly [string, ...string[]];
  readonly workingDirectory: string;
  /** Standard output and error are appended to it. */
  readonly outputPath: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Sends a signal, if the process still has that name; a process that is gone is no failure. */
export interface SignalStep {
  readonly kind: 'signal';
  readonly label: string;
  readonly pid: number;
  readonly comm: string;
  readonly signal: 'SIGTERM' | 'SIGKILL';
}

/** Makes a directory with its parents; one that exists is left as it is. */
export interface MkdirStep {
  readonly kind: 'mkdir';
  readonly label: string;
  readonly path: string;
  /** Octal permissions, such as 0o755. */
  readonly mode: number;
  /** A user name, whose primary group becomes the group; null leaves the daemon's own. */
  readonly owner: string | null;
}

/**
 * Frees a mount of the processes that use it: finds them (holders.ts), names them in the report,
 * sends the signals in turn and waits after each until no holder is left or its grace is over.
 * Ends as soon as nobody is left; when some are left at the end the step failed and names them.
 */
export interface EvictStep {
  readonly kind: 'evict';
  readonly label: string;
  readonly mountPoint: string;
  readonly signals: readonly { readonly signal: 'SIGTERM' | 'SIGKILL'; readonly graceMs: number }[];
  readonly everyMs: number;
}

/** Probes and interprets again until the state is reached. */
export interface UntilStep {
  readonly kind: 'until';
  readonly label: string;
  readonly state: 'started' | 'stopped';
  /** The cheap part of the resource's probes; `interpret` bears with the absence of the rest. */
  readonly probes: readonly Probe[];
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Give up at once when the process of the spawn step before it has ended. */
  readonly endsWithSpawned: boolean;
  /** A log whose last lines, as far as written since the step began, tell why it failed. */
  readonly evidencePath: string | null;
}

/** The name of the phase in the timeline of a failover. */
export type ResourcePhase = 'promote' | 'mount' | 'address' | 'database' | 'script';

/** What DRBD says about one resource, as far as a plan depends on it. From `src/drbd`. */
export interface DrbdView {
  /** Interface of the tools: 8.4 addresses minors, 9 addresses resources. */
  readonly interface: '8.4' | '9';
  /** Every volume of the resource, by configuration; `Unconfigured` where the driver has none. */
  readonly volumes: readonly DrbdVolumeView[];
  /** For `drbdsetup disconnect` of 8.4, such as `ipv4:10.9.1.1:7788`; null when not known. */
  readonly addresses: { readonly local: string; readonly peer: string } | null;
  /** Whether S4 allows a promotion now; when not, the sentence that says why. */
  readonly promotable: { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** It has just connected: the peer is on, whatever was confirmed of it (I8). */
  readonly hasJustConnected?: boolean;
}

/** One volume, in DRBD's own words. */
export interface DrbdVolumeView {
  readonly minor: number;
  /** `Primary`, `Secondary`, `Unknown`; null when the minor is not configured. */
  readonly role: string | null;
  /** `Connected`, `WFConnection`, `StandAlone`, ...; null when not configured. */
  readonly connection: string | null;
  /** `UpToDate`, `Inconsistent`, ...; null when not configured. */
  readonly disk: string | null;
}

/** What a plan may depend on beside the readings; the daemon supplies it. */
export interface PlanContext {
  /** True when every other node is confirmed down now: fenced, or by the operator's word (I8). */
  readonly peerConfirmedDown: boolean;
  /** A person ordered to use a copy that is, or may be, old (S4). */
  readonly forced?: boolean;
  /** Reads `/proc/drbd` for one resource; null text when it is absent. Null: not in drbd.conf. */
  readonly drbd: (resource: string, procText: string | null) => DrbdView | null;
  /** Program name -> absolute path, of programs that exist (programs.ts lists the candidates). */
  readonly programs: Readonly<Record<string, string | undefined>>;
  /** Script name -> absolute path, of those that exist and are executable (script.ts). */
  readonly scripts: Readonly<Record<string, string | undefined>>;
  /** The readings of the kind's `discovery` probes for this resource. */
  readonly discovered: Readings;
  /** True when the daemon runs as root. */
  readonly isRoot: boolean;
  /** Where output of servers goes, such as /var/log/tandem. */
  readonly logDirectory: string;
}

/** All that there is to know about a kind of resource. Every method is pure. */
export interface ResourceKindLogic<Spec extends ResourceSpec, Detail = unknown> {
  readonly phase: ResourcePhase;
  /** The whole action, retries and waits included. */
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly monitorEveryMs: number;
  /**
   * One look that finds it stopped is certain: an address is there or is not. Otherwise a second
   * look confirms, for slow is not dead.
   */
  readonly isOneLookEnough: boolean;
  /**
   * What confirms an action. `probe`: the probes, read again, must show the wanted state.
   * `exit`: the steps' success is enough (a script of Heartbeat's need not have a true status).
   */
  readonly confirmedBy: 'probe' | 'exit';
  /** One line for people: `file system /dev/drbd0 on /db (ext4)`. */
  describe(spec: Spec): string;
  /**
   * Probes whose answer does not change while the daemon runs, so that their forks are not paid in
   * a takeover. Read before the first use; only an answer without fault is kept.
   */
  discovery(spec: Spec, context: PlanContext): readonly Probe[];
  probes(spec: Spec, context: PlanContext): readonly Probe[];
  interpret(spec: Spec, readings: Readings, context: PlanContext): ResourceFacts<Detail>;
  /**
   * Ask it also when the facts show the wanted state: it answers with no steps when nothing is to
   * do, and a script is stopped whatever its status says.
   */
  plan(
    spec: Spec,
    action: ResourceAction,
    facts: ResourceFacts<Detail>,
    context: PlanContext,
  ): Plan;
}
