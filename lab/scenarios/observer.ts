// Who holds the service at any moment, as the nodes themselves see it, ten times a second.
//
// Each node runs a small program that never forks and sends lines "NODE BEFORE AFTER FLAGS" to the
// host over the lab's own network: the times before and after its look, and P it is Primary, M /db
// is mounted, A it has the service address. A node's clock is off by what its boot was delayed, up
// to 0.2 s on a busy host; the quickest line of a boot tells by how much.

import net from 'node:net';
import { createInterface } from 'node:readline';
import { hostAddress } from '../network.js';
import type { LabNode } from '../node.js';
import { STORAGE } from '../storage.js';
import { SERVICE_ADDRESS } from '../writer.js';

const PORT = 7200;
const PROGRAM = '/root/observe.pl';

/** What is observed, by its letter. */
export const HOLDINGS = { P: 'DRBD Primary', M: '/db mounted', A: 'service address' } as const;

/** One letter of `HOLDINGS`. */
export type Holding = keyof typeof HOLDINGS;

/** A node was seen to hold something at `fromMs`, at `toMs` and at every look between. */
export type Span = {
  readonly node: string;
  readonly holding: Holding;
  readonly fromMs: number;
  readonly toMs: number;
};

const SCRIPT = `
use strict; use Socket; use Time::HiRes qw(time sleep);
$SIG{PIPE} = 'IGNORE';
sub slurp { open(my $f, '<', $_[0]) or return ''; local $/; <$f> // '' }
while (1) {
  socket(my $s, PF_INET, SOCK_STREAM, 0);
  if (connect($s, sockaddr_in(${PORT}, inet_aton('${hostAddress('lab')}')))) {
    while (1) {
      my $before = time() * 1000;
      my $flags = '-';
      $flags .= 'P' if slurp('/proc/drbd') =~ / ro:Primary/;
      $flags .= 'M' if slurp('/proc/mounts') =~ m{ ${STORAGE.mountPoint} };
      my $routes = slurp('/proc/net/fib_trie');
      $flags .= 'A' if $routes =~ /-- \\Q${SERVICE_ADDRESS}\\E\\n\\s+\\S+ host LOCAL/;
      my $after = time() * 1000;
      last if !syswrite($s, sprintf("%s %.0f %.0f %s\\n", $ARGV[0], $before, $after, $flags));
      sleep 0.1;
    }
  }
  sleep 0.2;
}
`;

/** The clock of one boot of a node: the smallest difference seen to the host's clock. */
type Clock = { hostAheadMs: number };

/** A span in the node's own time. */
type RawSpan = Span & { readonly clock: Clock };

/** Listens to the observing programs of all nodes. */
export class Observer {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #spans: RawSpan[] = [];
  readonly #open = new Map<string, RawSpan>();

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      const lines = createInterface({ input: socket });
      lines.on('error', () => socket.destroy());
      const clock = { hostAheadMs: Infinity };
      lines.on('line', (line) => this.#take(line, clock));
    });
  }

  /** Starts listening on the lab's own network. */
  static async start(): Promise<Observer> {
    const server = net.createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(PORT, hostAddress('lab'), resolve);
    });
    return new Observer(server);
  }

  /** Starts the observing program on a node that was switched on. */
  async watch(node: LabNode): Promise<void> {
    await node.writeFile(PROGRAM, SCRIPT);
    await node.spawn(`exec perl ${PROGRAM} ${node.name}`, { logFile: '/dev/null' });
  }

  /** What was held since a moment, in the order of its beginning. */
  spans(holding: Holding, sinceMs: number): readonly Span[] {
    const all = [...this.#spans, ...this.#open.values()];
    return all
      .map(({ clock, fromMs, toMs, ...span }) => {
        const { hostAheadMs } = clock;
        return { ...span, fromMs: fromMs + hostAheadMs, toMs: toMs + hostAheadMs };
      })
      .filter((span) => span.holding === holding && span.toMs >= sinceMs)
      .map((span) => ({ ...span, fromMs: Math.max(span.fromMs, sinceMs) }))
      .sort((a, b) => a.fromMs - b.fromMs);
  }

  /** S1: a sentence about two nodes that held one thing at one moment, or null. */
  overlap(sinceMs: number): string | null {
    for (const holding of Object.keys(HOLDINGS) as Holding[]) {
      const spans = this.spans(holding, sinceMs);
      for (const [at, one] of spans.entries()) {
        const other = spans.slice(at + 1).find((s) => s.node !== one.node && s.fromMs < one.toMs);
        if (other === undefined) continue;
        const bothMs = Math.min(one.toMs, other.toMs) - other.fromMs;
        return `${HOLDINGS[holding]} on ${one.node} and ${other.node} for ${bothMs} ms`;
      }
    }
    return null;
  }

  /** Stops listening. */
  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(line: string, clock: Clock): void {
    const [node = '', before = '', after = '', flags = ''] = line.split(' ');
    const [toMs, firstMs] = [Number(before), Number(after)];
    clock.hostAheadMs = Math.min(clock.hostAheadMs, Date.now() - firstMs);
    for (const holding of Object.keys(HOLDINGS) as Holding[]) {
      const key = `${node} ${holding}`;
      const open = this.#open.get(key);
      if (open !== undefined && (open.clock !== clock || !flags.includes(holding))) {
        this.#spans.push(open);
        this.#open.delete(key);
      }
      if (!flags.includes(holding)) continue;
      const goesOn = open !== undefined && open.clock === clock;
      const fromMs = goesOn ? open.fromMs : firstMs;
      this.#open.set(key, { node, holding, fromMs, toMs, clock });
    }
  }
}
