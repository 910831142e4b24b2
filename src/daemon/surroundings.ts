/** What reaches the engine from outside: the links to the peers, DRBD, the ping nodes. */
import type { PositionRequest } from '../base/control.js';
import type { DrbdSourceStatus } from '../base/status.js';
import type { Config } from '../config/config.js';
import type { DrbdFacts } from '../drbd/facts.js';
import type { Actor } from './actor.js';
import type { Clock } from './clock.js';
import type { DrbdSource } from './drbd-source.js';
import { DrbdWatch } from './drbd-watch.js';
import type { Engine } from './engine.js';
import { Links } from './links.js';
import type { Log } from './log.js';
import { PingWatch } from './ping-watch.js';
import { watchSides } from './watch-sides.js';

/** What the surroundings are made of. */
export interface SurroundingsParts {
  readonly drbd: DrbdSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: Engine;
  readonly actor: Actor;
  readonly folders: { readonly state: string };
}

/** Open links and watches, which a reload replaces. */
export class Surroundings {
  readonly #parts: SurroundingsParts;
  #links: Links;
  #watches: Watches = { stop: () => undefined, drbdSource: () => null, givePosition: () => false };

  constructor(config: Config, parts: SurroundingsParts) {
    this.#parts = parts;
    this.#links = openLinks(config, parts);
  }

  get links(): Links {
    return this.#links;
  }

  /** Begins to watch. A watch may tell the engine something at once, and the engine may send. */
  watch(config: Config): void {
    this.#watches.stop();
    this.#watches = watchMachine(config, this.#parts);
  }

  /** Watches by another configuration; the links only when they or the keys differ. */
  async reopen(next: Config, withLinks: boolean): Promise<void> {
    this.watch(next);
    if (!withLinks) return;
    await this.#links.close();
    this.#links = openLinks(next, this.#parts);
  }

  /** Ends the watches. */
  stopWatching(): void {
    this.#watches.stop();
  }

  /** How DRBD is heard of. */
  drbdSource(): DrbdSourceStatus | null {
    return this.#watches.drbdSource();
  }

  /** Takes a database position that was read for this node; false when it is of other data. */
  givePosition(request: PositionRequest): boolean {
    return this.#watches.givePosition(request);
  }
}

/** The DRBD resources of all groups. */
export function drbdResources(config: Config): readonly string[] {
  const specs = config.groups.flatMap((group) => group.resources);
  return specs.flatMap((spec) => (spec.kind === 'drbd' ? [spec.resource] : []));
}

function openLinks(config: Config, { clock, log, engine }: SurroundingsParts): Links {
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
  readonly givePosition: (request: PositionRequest) => boolean;
}

/** Tells the engine what changes by itself. */
function watchMachine(config: Config, parts: SurroundingsParts): Watches {
  const { drbd, clock, log, engine } = parts;
  const pings = watchPings(config, clock, engine);
  if (!drbd.isNeeded) {
    return { stop: () => pings.stop(), drbdSource: () => null, givePosition: () => false };
  }
  const sides = watchSides({ config, ...parts });
  let latest: readonly DrbdFacts[] = [];
  const looking = setInterval(() => sides.look(latest), config.heartbeat.keepaliveMs);
  const watch = new DrbdWatch({
    source: drbd,
    everyMs: config.heartbeat.keepaliveMs,
    nowMs: clock.monotonicMs,
    onFacts: (facts) => {
      latest = facts;
      engine.post({ kind: 'drbd', facts });
    },
    onNote: (level, sentence) => log[level](sentence),
  });
  const stop = (): void => {
    watch.stop();
    clearInterval(looking);
    pings.stop();
  };
  const givePosition = ({ resource, current, position }: PositionRequest): boolean =>
    sides.give(resource, { current, position });
  return { stop, drbdSource: () => watch.status, givePosition };
}

function watchPings({ heartbeat }: Config, clock: Clock, engine: Engine): PingWatch {
  return new PingWatch(heartbeat.ping.flatMap(({ addresses }) => addresses), {
    deadpingMs: heartbeat.deadpingMs,
    nowMs: clock.monotonicMs,
    onChange: (answers) => engine.post({ kind: 'pings', answers }),
  });
}
