// One node of a lab: its power, and what runs in it.

import { ask, type AgentRequest, type ExecResult } from './channel.js';
import { powerOn, type MachineOptions, type PowerOn } from './machine.js';
import { nodeAddress } from './network.js';
import { signalProcess, untracedMembers, waitFor } from './process.js';

/** How a script is run. `input` is its standard input (default: empty). */
export type ExecOptions = { readonly timeoutMs?: number; readonly input?: string };

/** Why a node's machine ended: `cut` by the lab, or `self` (reboot, panic, watchdog). */
export type ExitReason = 'cut' | 'self';

/** A busy host, whose disk may stand still for seconds, is no fault of the node. */
const EXEC_TIMEOUT_MS = 30_000;
const BOOT_TIMEOUT_MS = 30_000;
const SHOWN_SCRIPT_CHARS = 60;
const SHOWN_CONSOLE_CHARS = 1500;

/** A node: `boot` it, `exec` in it, take its power away. All scripts run as root with bash. */
export class LabNode {
  readonly name: string;
  /** 0 for the first node. */
  readonly index: number;
  /** Its addresses on the three networks. */
  readonly addresses: {
    readonly public: string;
    readonly replication: string;
    readonly power: string;
  };
  readonly #machine: MachineOptions;
  readonly #log: (line: string) => void;
  readonly #exitListeners = new Set<(reason: ExitReason) => void>();
  #power: PowerOn | null = null;
  #starting: Promise<void> | null = null;
  #frozen = false;
  #cutting = false;

  constructor(machine: MachineOptions, log: (line: string) => void) {
    this.name = machine.name;
    this.index = machine.index;
    this.addresses = {
      public: nodeAddress(machine.index, 'public'),
      replication: nodeAddress(machine.index, 'replication'),
      power: nodeAddress(machine.index, 'power'),
    };
    this.#machine = machine;
    this.#log = log;
  }

  /** Switches the node on and waits until its command channel answers. Throws with its console. */
  async boot({ timeoutMs = BOOT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    await this.powerOn();
    await this.untilReady({ timeoutMs });
  }

  /** Switches the node on, without waiting for it. No effect on a running node. */
  async powerOn(): Promise<void> {
    this.#starting ??= this.#start().finally(() => (this.#starting = null));
    await this.#starting;
  }

  async #start(): Promise<void> {
    if (this.#power !== null) return;
    const power = await powerOn(this.#machine);
    this.#power = power;
    this.#frozen = false;
    power.ended.addEventListener('abort', () => this.#onEnd(power), { once: true });
    if (power.ended.aborted) this.#onEnd(power);
  }

  /** Waits until the node, switched on before, answers commands. */
  async untilReady({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    const power = this.#running('boot');
    const ready = await waitFor(
      `${this.name} to boot`,
      () => (power.ready ? 'yes' : power.ended.aborted && 'ended'),
      { timeoutMs, everyMs: 10 },
    ).catch((error: unknown) => String(error));
    if (ready === 'yes') return;
    const reason = ready === 'ended' ? `${this.name} ended while booting` : ready;
    throw new Error(`${reason}; its console:\n${power.console.slice(-SHOWN_CONSOLE_CHARS)}`);
  }

  /** Takes the power away at once; resolves when no process of the node is left. */
  async powerCut(): Promise<void> {
    await this.#starting;
    const power = this.#power;
    if (power === null) return;
    this.#cutting = true;
    try {
      await power.cut();
    } finally {
      this.#cutting = false;
    }
  }

  /**
   * Stops the node's time: it hangs, and may come back. SIGSTOP to the kernel and its helpers;
   * a traced guest program must not get it (UML panics over the SIGCONT), and without its kernel
   * it can do nothing anyway.
   */
  freeze(): void {
    this.#signalKernel('freeze', 'SIGSTOP');
    this.#frozen = true;
  }

  /** Lets a frozen node go on. */
  thaw(): void {
    this.#signalKernel('thaw', 'SIGCONT');
    this.#frozen = false;
  }

  /** True while the node has power, booted or not, frozen or not. */
  isRunning(): boolean {
    return this.#power !== null;
  }

  /** True between `freeze` and `thaw`. */
  isFrozen(): boolean {
    return this.#power !== null && this.#frozen;
  }

  /** Calls the listener whenever the machine ends; returns what takes it off the list again. */
  onExit(listener: (reason: ExitReason) => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  /** Waits until the machine has ended by itself or by a cut. */
  async untilOff({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    await waitFor(`${this.name} to be off`, () => this.#power === null, { timeoutMs, everyMs: 5 });
  }

  /** The end of what the node wrote on its console since it was last switched on. */
  console(): string {
    return this.#power?.console ?? this.#lastConsole;
  }
  #lastConsole = '';

  /** Runs a script and returns its result; throws only when the node does not answer in time. */
  async exec(script: string, options: ExecOptions = {}): Promise<ExecResult> {
    const { timeoutMs = EXEC_TIMEOUT_MS, input = '' } = options;
    return this.#ask({ verb: 'RUN', parts: [script, input] }, shown(script), timeoutMs);
  }

  /** Runs a script that must succeed and returns its standard output without the last newline. */
  async must(script: string, options: ExecOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(script, options);
    if (exitCode === 0) return stdout.replace(/\n$/, '');
    const words = (stderr || stdout).trim();
    throw new Error(`${this.name}: ${shown(script)}: exit ${exitCode}: ${words}`);
  }

  /** Starts a background program in a session of its own, output to `logFile`; its pid. */
  async spawn(script: string, { logFile }: { readonly logFile: string }): Promise<number> {
    const request: AgentRequest = { verb: 'SPAWN', parts: [script, logFile] };
    return Number(await this.#mustAsk(request, `spawn ${shown(script)}`));
  }

  /** Replaces a file atomically and flushes it to the disk. `mode` is as in chmod. */
  async writeFile(
    path: string,
    text: string,
    { mode = 0o644 }: { readonly mode?: number } = {},
  ): Promise<void> {
    await this.#mustAsk({ verb: 'WRITE', parts: [path, text], mode }, `write ${path}`);
  }

  /** The text of a file in the guest. */
  async readFile(path: string): Promise<string> {
    return this.#mustAsk({ verb: 'READ', parts: [path] }, `read ${path}`);
  }

  /** What a Unix socket in the guest answers to a request until it closes; starts no program. */
  async talk(path: string, request: string): Promise<string> {
    return this.#mustAsk({ verb: 'TALK', parts: [path, request] }, `talk to ${path}`);
  }

  async #mustAsk(request: AgentRequest, what: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#ask(request, what, EXEC_TIMEOUT_MS);
    if (exitCode !== 0) throw new Error(`${this.name}: ${what}: ${stderr.trim()}`);
    return stdout;
  }

  async #ask(request: AgentRequest, what: string, timeoutMs: number): Promise<ExecResult> {
    const { ended: signal } = this.#running(what);
    const address = nodeAddress(this.index, 'lab');
    return ask(request, { address, timeoutMs, what: `${this.name}: ${what}`, signal });
  }

  #signalKernel(what: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { groupId } = this.#running(what);
    for (const pid of untracedMembers(groupId)) signalProcess(pid, signal);
  }

  #running(what: string): PowerOn {
    if (this.#power === null) throw new Error(`${this.name}: ${what}: the node is off`);
    return this.#power;
  }

  #onEnd(power: PowerOn): void {
    if (this.#power !== power) return;
    const reason: ExitReason = this.#cutting ? 'cut' : 'self';
    this.#power = null;
    this.#lastConsole = power.console;
    this.#log(`${this.name} ${reason === 'cut' ? 'lost its power' : 'ended by itself'}`);
    for (const listener of this.#exitListeners) listener(reason);
  }
}

function shown(script: string): string {
  const line = script.trim().replace(/\s+/g, ' ');
  return line.length <= SHOWN_SCRIPT_CHARS ? line : `${line.slice(0, SHOWN_SCRIPT_CHARS)}...`;
}
