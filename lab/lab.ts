// A lab: nodes, networks, the serial line and the power controller, inside one sandbox.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createDisks } from './machine.js';
import { createNetworks, removeNetworks, setTap, type LinkName } from './network.js';
import { LabNode } from './node.js';
import { PowerController } from './power.js';
import { run } from './process.js';
import { sandboxImage, watchLifeline } from './sandbox.js';
import { NullModem } from './serial.js';

export type { LinkName } from './network.js';

/** What a lab consists of. Sizes in MiB; `log` gets plain progress lines. */
export type LabOptions = {
  readonly nodes?: readonly string[];
  readonly memoryMiB?: number;
  readonly dataDiskMiB?: number;
  readonly log?: (line: string) => void;
};

const NODES_MAX = 9;
const NODE_NAME = /^[a-z][a-z0-9-]{0,14}$/;

/** Two or three nodes under User Mode Linux. Made by `Lab.create`, ended by `dispose`. */
export class Lab {
  readonly nodes: readonly LabNode[];
  readonly power: PowerController;
  readonly #folder: string;
  readonly #serial: NullModem;

  private constructor(
    nodes: readonly LabNode[],
    power: PowerController,
    folder: string,
    serial: NullModem,
  ) {
    this.nodes = nodes;
    this.power = power;
    this.#folder = folder;
    this.#serial = serial;
  }

  /**
   * Makes networks, disks, serial line and power controller; boots nothing.
   * Throws outside a sandbox. One lab a sandbox.
   */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const { nodes: names = ['n1', 'n2'], memoryMiB = 768, dataDiskMiB = 256 } = options;
    const log = options.log ?? (() => undefined);
    const image = sandboxImage();
    if (names.length > NODES_MAX || names.some((name) => !NODE_NAME.test(name))) {
      throw new Error(`a lab has up to ${NODES_MAX} nodes named like n1: ${names.join(' ')}`);
    }
    watchLifeline();
    const folder = image.mountPoint;
    await mountMemory(folder);
    await createNetworks(names.length);
    const serial = await NullModem.start();
    const nodes = await Promise.all(
      names.map(async (name, index) => {
        const own = path.join(folder, name);
        await mkdir(own);
        const tty = serial.ends[index] ?? null;
        const machine = {
          name, index, image, folder: own, memoryMiB, dataDiskMiB, serial: tty,
        };
        await createDisks(machine);
        return new LabNode(machine, log);
      }),
    );
    const power = await PowerController.start(nodes);
    return new Lab(nodes, power, folder, serial);
  }

  /** The node of that name; throws when there is none. */
  node(name: string): LabNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`the lab has no node ${name}`);
    return found;
  }

  /** Boots all nodes that are off, together. */
  async bootAll(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await Promise.all(this.nodes.filter((n) => !n.isRunning()).map((n) => n.boot(options)));
  }

  /** Pulls (`down`) or plugs (`up`) a node's cable on the host's side. */
  async setLink(node: LabNode | string, link: LinkName, state: 'up' | 'down'): Promise<void> {
    const { index } = typeof node === 'string' ? this.node(node) : node;
    await setTap(index, link, state);
  }

  /** Loses all bytes on the serial line, both ways, until `healSerial`. */
  async cutSerial(): Promise<void> {
    await this.#serial.cut();
  }

  /** Lets the serial line carry bytes again. */
  async healSerial(): Promise<void> {
    await this.#serial.heal();
  }

  /** Ends all nodes and removes everything the lab made. */
  async dispose(): Promise<void> {
    await this.power.stop();
    await Promise.all(this.nodes.map((node) => node.powerCut()));
    this.#serial.stop();
    await removeNetworks(this.nodes.length);
    await run(['umount', '-l', this.#folder], { timeoutMs: 10_000 });
  }
}

/**
 * Mounts memory over the image's fixed empty folder for disks and copy-on-write files. The mount
 * is in the sandbox's own mount namespace: it vanishes with the sandbox, however that ends.
 */
async function mountMemory(folder: string): Promise<void> {
  const argv = ['mount', '-t', 'tmpfs', '-o', 'mode=0700,size=90%', 'tmpfs', folder];
  await run(argv, { timeoutMs: 10_000 });
}
