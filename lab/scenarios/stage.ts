// What every scenario plays on: a booted lab with its storage, and hands for the daemons in it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { OperatorAnswer, OperatorRequest } from '../../src/base/control.js';
import type { Status } from '../../src/base/status.js';
import {
  configure,
  daemonLog,
  GROUP,
  history,
  isOk,
  operate,
  startedOn,
  status,
  untilAnswered,
  untilStatus,
  type ClusterOptions,
} from '../cluster.js';
import { Lab } from '../lab.js';
import type { LabNode } from '../node.js';
import { waitFor } from '../process.js';
import { setupDrbd, STORAGE, waitForDrbd, type StorageOptions } from '../storage.js';
import { Writer, type WriterOptions } from '../writer.js';
import { Observer } from './observer.js';

/** The host may be busy with other things: what takes a second alone may take ten then. */
export const PATIENCE = { timeoutMs: 120_000 } as const;
const RESET_TIMEOUT_MS = 120_000;
const ROWS = 30;

/** User Mode Linux has a watchdog of its own, which comes first and needs a helper on the host. */
export const SOFTDOG = '/dev/watchdog1';

const PID_FILE = '/run/tandemd.pid';
const EXIT_FILE = '/run/tandemd.exit';
const LOG_FILE = '/var/log/tandemd.log';
const TRACES = `/var/lib/tandem /run/tandem ${PID_FILE} ${EXIT_FILE} ${LOG_FILE}`;

/** Ends the daemon, an agent of it that might still shoot, and a watchdog that nobody feeds then. */
const SILENCE = `
[ -f ${PID_FILE} ] && kill -KILL "$(cat ${PID_FILE})" 2>/dev/null
pkill -KILL -x fence_lab
for i in $(seq 20); do
  [ ! -c ${SOFTDOG} ] || printf V > ${SOFTDOG} && break
  sleep 0.1
done 2> /dev/null
true
`;

/** Ends whatever ran and forgets it: the node is as after `setupDrbd`. */
const RESET = `
pkill -TERM -x mariadbd
for i in $(seq 100); do pgrep -x mariadbd > /dev/null || break; sleep 0.1; done
pkill -KILL -x mariadbd
ip address flush dev vec0 secondary
while mountpoint -q ${STORAGE.mountPoint}; do umount ${STORAGE.mountPoint} || sleep 0.2; done
modprobe drbd; drbdadm up r0 < /dev/null > /dev/null 2>&1
drbdadm secondary r0 && rm -rf ${TRACES}
`;

/** The same for a node without storage. */
const RESET_OTHER = `ip address flush dev vec0 secondary; rm -rf ${TRACES}`;

/** Says one fact of a scenario; the scenario ends with the first that does not hold. */
export type Teller = {
  readonly fact: (sentence: string, holds: boolean, seen?: unknown) => void;
  readonly note: (sentence: string) => void;
};

/** What a stage consists of: two nodes unless it says otherwise. */
export type StageOptions = StorageOptions & { readonly nodes?: readonly string[] };

/** Nodes, of which the first two have DRBD and a database, and what scenarios do with them. */
export class Stage {
  readonly lab: Lab;
  readonly n1: LabNode;
  readonly n2: LabNode;
  /** The two that replicate. */
  readonly pair: readonly LabNode[];
  readonly observer: Observer;
  readonly #tell: Teller;
  #beganMs = Date.now();
  #requestsBefore = 0;
  #writer: Writer | null = null;

  private constructor(lab: Lab, observer: Observer, tell: Teller) {
    this.lab = lab;
    this.n1 = lab.node('n1');
    this.n2 = lab.node('n2');
    this.pair = [this.n1, this.n2];
    this.observer = observer;
    this.#tell = tell;
  }

  /** Boots the lab. */
  static async raise(tell: Teller, options: StageOptions = {}): Promise<Stage> {
    const { nodes = ['n1', 'n2'], ...storage } = options;
    const lab = await Lab.create({ nodes, log: tell.note });
    await lab.bootAll({ timeoutMs: 120_000 });
    await setupDrbd(lab, { skipInitialSync: true, ...storage });
    const observer = await Observer.start();
    for (const node of lab.nodes) await observer.watch(node);
    return new Stage(lab, observer, tell);
  }

  /** Ends the lab. */
  async strike(): Promise<void> {
    this.observer.stop();
    await this.#writer?.stop();
    await this.lab.dispose();
  }

  // --- telling -----------------------------------------------------------------------------------

  /** A fact that must hold. */
  fact(sentence: string, holds: boolean, seen?: unknown): void {
    this.#tell.fact(sentence, holds, seen);
  }

  /** Something worth reading that is not asserted. */
  note(sentence: string): void {
    this.#tell.note(sentence);
  }

  /** Begins a scenario on the cluster as it is: facts about time count from here. */
  begin(): void {
    this.#beganMs = Date.now();
    this.#requestsBefore = this.lab.power.requests().length;
  }

  /** The wall clock when the scenario began. */
  get beganMs(): number {
    return this.#beganMs;
  }

  /** What the power controller was asked since the scenario began. */
  requests(): readonly string[] {
    const asked = this.lab.power.requests().slice(this.#requestsBefore);
    return asked.map(({ command, node, answer }) => `${command} ${node}: ${answer ?? 'no answer'}`);
  }

  /** S1, on the real parts: never two holders since the scenario began. */
  factOneHolder(): void {
    const overlap = this.observer.overlap(this.#beganMs);
    this.fact('at no moment two nodes held the service', overlap === null, overlap);
  }

  factNobodyFenced(): void {
    const asked = this.requests();
    this.fact('the power controller was not asked for anything', asked.length === 0, asked);
  }

  /** Nothing of the service moved or was interrupted on the node since `sinceMs`. */
  factUnbroken(node: LabNode, sinceMs = this.#beganMs): void {
    for (const holding of ['P', 'M', 'A'] as const) {
      const spans = this.observer.spans(holding, sinceMs);
      const whole = spans.length === 1 && spans[0]?.node === node.name;
      this.fact(`${node.name} held ${holding} all the time, nobody else`, whole, spans);
    }
  }

  // --- the cluster -------------------------------------------------------------------------------

  /** Both nodes on, nothing started, everything forgotten, configured anew; daemons not started. */
  async reset(options: ClusterOptions = {}): Promise<void> {
    await this.#writer?.stop();
    this.#writer = null;
    const awake = this.lab.nodes.filter((node) => node.isRunning() && !node.isFrozen());
    await Promise.all(awake.map((node) => node.must(SILENCE, PATIENCE)));
    await this.healLinks();
    for (const node of this.lab.nodes) {
      this.lab.power.setFault(node, 'none');
      if (node.isFrozen()) await node.powerCut();
      if (!node.isRunning()) await this.boot(node);
    }
    await Promise.all(
      this.lab.nodes.map((node) => {
        const script = this.pair.includes(node) ? RESET : RESET_OTHER;
        return node.must(script, { timeoutMs: RESET_TIMEOUT_MS });
      }),
    );
    await this.#reconnect();
    await this.untilInSync();
    await configure(this.lab, options);
    this.begin();
  }

  /** A scenario that failed may leave the copies apart: then n1's is taken. */
  async #reconnect(): Promise<void> {
    const stands = (text: string): boolean => text.includes('cs:StandAlone');
    let texts: string[] = [];
    await this.waitFor('DRBD to connect or to refuse it', async () => {
      texts = await Promise.all(this.pair.map((node) => node.readFile('/proc/drbd')));
      return texts.some(stands) || texts.every((text) => text.includes('ds:UpToDate/UpToDate'));
    });
    if (!texts.some(stands)) return;
    await this.n2.must('drbdadm disconnect r0; drbdadm connect --discard-my-data r0');
    await this.n1.must('drbdadm disconnect r0; drbdadm connect r0');
  }

  /** All is well with the group on that node, from wherever the scenario before has left it. */
  async have(on: 'n1' | 'n2'): Promise<void> {
    await this.#writer?.stop();
    const seen = await status(this.n1).catch(() => null);
    if (seen === null || !isOk(seen)) await this.raiseCluster();
    const { groups } = await this.until(this.n1, 'all is well', isOk);
    if (groups[0]?.node !== on) {
      await this.ask(this.n1, { kind: 'move', group: GROUP, to: on });
    }
    await this.untilOk(on);
    this.begin();
  }

  /** A reset, both daemons started together, and all well with the group on n1. */
  async raiseCluster(options: ClusterOptions = {}): Promise<void> {
    await this.reset(options);
    await this.startBoth();
    await this.untilOk('n1');
    this.begin();
  }

  async startBoth(): Promise<void> {
    await Promise.all(this.lab.nodes.map((node) => this.start(node)));
  }

  /** DRBD is connected and UpToDate on both sides. */
  async untilInSync(): Promise<void> {
    for (const node of this.pair) {
      await waitForDrbd(node, 'ds:UpToDate/UpToDate', PATIENCE.timeoutMs);
    }
  }

  /** Switches a node on, as its operator would, with the observing program. */
  async boot(node: LabNode): Promise<void> {
    await node.powerOn();
    await this.untilBack(node);
  }

  /** Waits for a node that somebody switched on. */
  async untilBack(node: LabNode): Promise<void> {
    await waitFor(`the power of ${node.name}`, () => node.isRunning(), PATIENCE);
    await node.untilReady({ timeoutMs: 120_000 });
    await this.observer.watch(node);
  }

  async healLinks(): Promise<void> {
    for (const node of this.lab.nodes) {
      for (const link of ['public', 'replication', 'power'] as const) {
        await this.lab.setLink(node, link, 'up');
      }
    }
    await this.lab.healSerial();
  }

  /** All is well everywhere and the group runs there. */
  async untilOk(on: string): Promise<Status> {
    const what = `all is well with ${GROUP} on ${on}`;
    const look = (node: LabNode): Promise<Status> => this.until(node, what, isWell(on));
    const [seen] = await Promise.all([look(this.n1), ...this.lab.nodes.slice(1).map(look)]);
    return seen;
  }

  async until(node: LabNode, what: string, holds: (seen: Status) => boolean): Promise<Status> {
    return untilStatus(node, what, holds, PATIENCE);
  }

  // --- one daemon --------------------------------------------------------------------------------

  /** Starts tandemd; its pid. The log is kept over restarts until a reset. */
  async start(node: LabNode): Promise<number> {
    await node.must(`rm -f ${PID_FILE} ${EXIT_FILE}`);
    const script =
      `tandemd & echo $! > ${PID_FILE}.new; mv ${PID_FILE}.new ${PID_FILE}; ` +
      `wait $!; echo $? > ${EXIT_FILE}.new; mv ${EXIT_FILE}.new ${EXIT_FILE}`;
    await node.spawn(script, { logFile: LOG_FILE });
    const look = (): Promise<string | false> => node.readFile(PID_FILE).catch(() => false);
    return Number(await waitFor(`tandemd to start on ${node.name}`, look, PATIENCE));
  }

  async signal(node: LabNode, signal: 'TERM' | 'KILL' | 'STOP'): Promise<void> {
    await node.must(`kill -${signal} "$(cat ${PID_FILE})"`);
  }

  /** Waits for the end of tandemd; its exit code as a shell sees it. */
  async untilEnded(node: LabNode): Promise<number> {
    const look = (): Promise<string | false> => node.readFile(EXIT_FILE).catch(() => false);
    return Number(await waitFor(`tandemd to end on ${node.name}`, look, PATIENCE));
  }

  /** Asks an operator's thing of a node and waits until it is over. */
  async ask(node: LabNode, request: OperatorRequest): Promise<OperatorAnswer> {
    const first = await operate(node, request);
    return first.state === 'accepted' ? untilAnswered(node, first, PATIENCE) : first;
  }

  /** The sentences of a node's log, in order. */
  async sentences(node: LabNode): Promise<readonly string[]> {
    const entries = await daemonLog(node);
    return entries.map((entry) => String(entry['msg']));
  }

  /** Waits until a node has said something. */
  async untilSaid(node: LabNode, words: string | RegExp): Promise<string> {
    return waitFor(
      `${node.name} to say ${String(words)}`,
      async () => (await this.sentences(node)).findLast((sentence) => has(sentence, words)),
      { ...PATIENCE, everyMs: 200 },
    );
  }

  /** The pid of the database on a node; empty when none runs. */
  async databasePid(node: LabNode): Promise<string> {
    return (await node.exec('pgrep -x mariadbd')).stdout.trim();
  }

  // --- the client --------------------------------------------------------------------------------

  /** A client that writes from now on; it must get through before this returns. */
  async write(holder: LabNode, options: WriterOptions = {}): Promise<Writer> {
    await holder.must(`mariadb -u root -e 'DELETE FROM shop.rows'`);
    const writer = new Writer(options);
    this.#writer = writer;
    writer.start();
    await writer.untilWritten(ROWS, PATIENCE);
    return writer;
  }

  /** The service takes rows again (or still). */
  async untilWriting(writer: Writer): Promise<void> {
    await writer.untilWritten(ROWS, PATIENCE);
  }

  /** Stops writing; every acknowledged row must be there, on the host that is named if any. */
  async factNoRowLost(writer: Writer, where: { readonly host?: string } = {}): Promise<void> {
    await writer.stop();
    const { acknowledged, stored, lost } = await writer.verify(where);
    this.fact(`none of ${acknowledged} acknowledged rows is lost`, lost.length === 0, {
      stored,
      lost,
    });
    const outages = writer.outages({ minimumMs: 200 }).map((gap) => Math.round(gap.durationMs));
    this.note(`outages of the client over 200 ms: ${outages.join(', ') || 'none'}`);
  }

  /** Everything that helps to understand a failure. */
  async explain(): Promise<string> {
    const parts: string[] = [`power: ${this.requests().join('; ')}`, new Date().toISOString()];
    for (const node of this.lab.nodes) {
      if (!node.isRunning() || node.isFrozen()) {
        parts.push(`--- ${node.name} is off or frozen`);
        continue;
      }
      const log = await node.readFile(LOG_FILE).catch(String);
      const seen = await status(node).catch(String);
      const did = await history(node).catch(String);
      const proc = await node.readFile('/proc/drbd').catch(String);
      const texts = [`--- ${node.name}`, log, JSON.stringify(seen), JSON.stringify(did), proc];
      parts.push(texts.join('\n'));
    }
    return parts.join('\n');
  }

  /** Looks again until it holds. */
  async waitFor(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
    await waitFor(what, check, { ...PATIENCE, everyMs: 50 });
  }

  /** Time that must pass for something not to happen. */
  async pass(ms: number): Promise<void> {
    await sleep(ms);
  }
}

function isWell(on: string): (seen: Status) => boolean {
  return (seen) => isOk(seen) && startedOn(seen, on);
}

function has(sentence: string, words: string | RegExp): boolean {
  return typeof words === 'string' ? sentence.includes(words) : words.test(sentence);
}
