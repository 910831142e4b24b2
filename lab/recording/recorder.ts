// Writes down what the real DRBD driver says of itself, one state after the other: /proc/drbd, the
// event stream since the state before, a snapshot of it, generation identifiers, kernel lines.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.js';
import type { LabNode } from '../node.js';
import { waitFor } from '../process.js';

const STREAM = '/run/events2';
const WAIT_MS = 20_000;

/** States whose generation identifiers are also recorded as the picture that show-gi draws. */
const PICTURED: readonly string[] = ['syncing', 'split-brain', 'crashed-primary'];

/** What one state looked like on one node. */
export interface Capture {
  readonly state: string;
  readonly node: string;
  readonly proc: string;
}

/** Records states of the nodes of a lab into a folder, a file for each kind of text. */
export class Recorder {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #streamed = new Map<string, number>();
  readonly #kernel = new Map<string, number>();
  readonly captures: Capture[] = [];
  #states = 0;

  constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#folder = folder;
  }

  /** Starts the event stream on a node; after each boot anew. */
  async listen(node: LabNode): Promise<void> {
    this.#streamed.set(node.name, 0);
    this.#kernel.set(node.name, 0);
    await node.must('modprobe drbd');
    const argv = 'exec drbdsetup events2 --timestamps --statistics all';
    await node.spawn(argv, { logFile: STREAM });
    await waitFor('the first dump', async () => (await node.readFile(STREAM)).includes('exists -'), {
      timeoutMs: WAIT_MS,
      everyMs: 50,
    });
  }

  /** Waits until a node's /proc/drbd matches. */
  async until(name: string, pattern: RegExp): Promise<void> {
    const node = this.#lab.node(name);
    let seen = '';
    await waitFor(
      `${String(pattern)} on ${name}`,
      async () => pattern.test((seen = await node.readFile('/proc/drbd'))),
      { timeoutMs: WAIT_MS, everyMs: 30 },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen:\n${seen}`);
    });
  }

  /** Records a state on all nodes that run (or on those named); files sort in the tour's order. */
  async capture(state: string, names: readonly string[] = ['n1', 'n2']): Promise<void> {
    const nodes = names.map((name) => this.#lab.node(name)).filter((node) => node.isRunning());
    this.#states += 1;
    const number = String(this.#states).padStart(2, '0');
    await Promise.all(nodes.map((node) => this.#write(node, `${number}-${state}`)));
  }

  /**
   * The same while a command hangs in the driver, which answers no question then: what the kernel's
   * file and the stream say, and no more.
   */
  async glimpse(state: string, names: readonly string[]): Promise<void> {
    this.#states += 1;
    const name = `${String(this.#states).padStart(2, '0')}-${state}`;
    await Promise.all(
      names.map(async (each) => {
        const node = this.#lab.node(each);
        const proc = await node.readFile('/proc/drbd');
        await sleep(SETTLE_MS);
        await this.#savePassive(node, name, proc, await node.readFile(STREAM));
      }),
    );
  }

  /** By what the kernel runs in the state captured last, and what the files say. */
  async configuration(state: string): Promise<void> {
    const number = String(this.#states).padStart(2, '0');
    for (const node of this.#lab.nodes) {
      const name = `8.4.11-${number}-${state}-${node.name}`;
      const texts = {
        'show.txt': 'drbdsetup show',
        'show-defaults.txt': 'drbdsetup show --show-defaults',
        'dump.xml': 'drbdadm dump-xml',
      };
      for (const [kind, command] of Object.entries(texts)) {
        await this.#save('config', `${name}.${kind}`, await node.must(command));
      }
    }
  }

  async #write(node: LabNode, state: string): Promise<void> {
    const { proc, now, stream } = await steadyLook(node);
    const minors = [...proc.matchAll(/^ *(\d+): cs:(\S+)/gm)]
      .filter((match) => match[2] !== 'Unconfigured')
      .map((match) => match[1] ?? '');
    const asked = PICTURED.includes(state.slice(3)) ? ['get-gi', 'show-gi'] : ['get-gi'];
    const questions = minors.flatMap((minor) => asked.map((word) => `drbdsetup ${word} ${minor}`));
    const gi = await node.exec(questions.join('; ') || 'true');
    const name = `8.4.11-${state}-${node.name}`;
    await this.#save('events2', `${name}.now.txt`, now);
    await this.#save('generation', `${name}.txt`, gi.stdout);
    await this.#savePassive(node, state, proc, stream);
  }

  async #savePassive(node: LabNode, state: string, proc: string, stream: string): Promise<void> {
    const name = `8.4.11-${state}-${node.name}`;
    this.captures.push({ state, node: node.name, proc });
    await this.#save('proc-drbd', `${name}.txt`, proc);
    await this.#save('events2', `${name}.stream.txt`, this.#streamSince(node, stream));
    await this.#save('kernel', `${name}.txt`, await this.#kernelSince(node));
  }

  #streamSince(node: LabNode, text: string): string {
    const from = this.#streamed.get(node.name) ?? 0;
    const end = text.lastIndexOf('\n') + 1;
    this.#streamed.set(node.name, end);
    return text.slice(from, end);
  }

  async #kernelSince(node: LabNode): Promise<string> {
    const lines = (await node.must('dmesg')).split('\n').filter((line) => /drbd|d-con/.test(line));
    const from = this.#kernel.get(node.name) ?? 0;
    this.#kernel.set(node.name, lines.length);
    return lines.slice(from).map((line) => `${line}\n`).join('');
  }

  async #save(folder: string, name: string, text: string): Promise<void> {
    if (text === '') return;
    await mkdir(path.join(this.#folder, folder), { recursive: true });
    await writeFile(path.join(this.#folder, folder, name), text);
  }
}

interface Look {
  readonly proc: string;
  readonly now: string;
  readonly stream: string;
}

const LOOKS_MAX = 20;
/** The stream's program prints a change within milliseconds. */
const SETTLE_MS = 100;

/** What the kernel says in three ways, all while it stayed in one state. */
async function steadyLook(node: LabNode): Promise<Look> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const proc = await node.readFile('/proc/drbd');
    await sleep(SETTLE_MS);
    const { stdout: now } = await node.exec('drbdsetup events2 --now --statistics all');
    const stream = await node.readFile(STREAM);
    const after = await node.readFile('/proc/drbd');
    if (statesIn(proc) === statesIn(after)) return { proc, now, stream };
  }
  throw new Error(`${node.name}: DRBD did not stay in one state`);
}

function statesIn(proc: string): string {
  return (proc.match(/^ *\d+: .*$/gm) ?? []).join();
}
