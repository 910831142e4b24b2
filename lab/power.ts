// The lab's power controller: what a fence agent talks to, with the real state of the machines.
//
// TCP on the power network, port 6230. One line a request, one line an answer:
//   PASSWORD STATUS n1  -> OK ON | OK OFF        PASSWORD OFF n1 -> OK OFF (nothing runs any more)
//   PASSWORD ON n1      -> OK ON (it has power)  PASSWORD LIST   -> OK n1,n2
//   anything else       -> ERR reason

import net from 'node:net';
import { createInterface } from 'node:readline';
import { hostAddress } from './network.js';
import type { LabNode } from './node.js';

/** Where the controller listens, and its one account. */
export const POWER = {
  address: hostAddress('power'),
  port: 6230,
  username: 'admin',
  password: 'lab-power',
} as const;

/** What is wrong with the controller, for one outlet: nothing, no answer, or an error. */
export type PowerFault = 'none' | 'hang' | 'fail';

/** One request as it was received. `atMs` is the wall clock (ms since 1970). */
export type PowerRequest = {
  readonly atMs: number;
  readonly command: string;
  readonly node: string;
  readonly answer: string | null;
};

/** A power switch with an outlet for each node. */
export class PowerController {
  readonly #server: net.Server;
  readonly #nodes: readonly LabNode[];
  readonly #faults = new Map<string, PowerFault>();
  readonly #requests: PowerRequest[] = [];
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server, nodes: readonly LabNode[]) {
    this.#server = server;
    this.#nodes = nodes;
    server.on('connection', (socket) => this.#serve(socket));
  }

  /** Starts listening on the power network. */
  static async start(nodes: readonly LabNode[]): Promise<PowerController> {
    const server = net.createServer();
    const controller = new PowerController(server, nodes);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(POWER.port, POWER.address, resolve);
    });
    return controller;
  }

  /** All requests so far, oldest first; `answer` is null where none was given. */
  requests(): readonly PowerRequest[] {
    return [...this.#requests];
  }

  /** Makes the outlet of a node misbehave, or behave again with 'none'. */
  setFault(node: LabNode | string, fault: PowerFault): void {
    this.#faults.set(typeof node === 'string' ? node : node.name, fault);
  }

  /** Stops listening and drops all connections. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const lines = createInterface({ input: socket });
    lines.on('error', () => socket.destroy());
    lines.on('line', (line) => {
      void this.#answer(line).then((answer) => {
        if (answer !== null) socket.write(`${answer}\n`);
      });
    });
  }

  async #answer(line: string): Promise<string | null> {
    const [password = '', command = '', name = ''] = line.trim().split(/\s+/);
    const atMs = Date.now();
    const answer = await this.#decide(password, command.toUpperCase(), name);
    this.#requests.push({ atMs, command: command.toUpperCase(), node: name, answer });
    return answer;
  }

  async #decide(password: string, command: string, name: string): Promise<string | null> {
    if (password !== POWER.password) return 'ERR wrong password';
    if (command === 'LIST') return `OK ${this.#nodes.map((node) => node.name).join(',')}`;
    const node = this.#nodes.find((each) => each.name === name);
    if (node === undefined) return `ERR no outlet ${name}`;
    const fault = this.#faults.get(name) ?? 'none';
    if (fault === 'hang') return null;
    if (fault === 'fail') return 'ERR outlet failure';
    try {
      return await this.#switch(command, node);
    } catch (error) {
      return `ERR ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  async #switch(command: string, node: LabNode): Promise<string> {
    switch (command) {
      case 'STATUS':
        break;
      case 'OFF':
        await node.powerCut();
        break;
      case 'ON':
        await node.powerOn();
        break;
      default:
        return `ERR unknown command ${command}`;
    }
    return node.isRunning() ? 'OK ON' : 'OK OFF';
  }
}
