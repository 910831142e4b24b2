/** What a machine tells its daemon beside what others say: its wall clock, its DRBD, its ping nodes. */
import type { FailoverEvent } from '../failover/event.js';
import type { State } from '../failover/state.js';
import type { LocalClock } from './local-clock.js';
import type { MachineSetup } from './machine-setup.js';
import type { Replica } from './replica.js';
import { sideNews } from './sides.js';

/** The time of day at which every run begins: 2026-01-12T09:00:00Z. */
const WALL_START_MS = 1_768_208_400_000;
/** DRBD's events reach the daemon after this long. */
const DRBD_NEWS_MS = 5;

/** Who is told. */
interface Told {
  readonly state: () => State | null;
  readonly give: (event: FailoverEvent) => void;
}

export class Senses {
  readonly #node: string;
  readonly #world: Pick<MachineSetup, 'spec' | 'queue' | 'replicas' | 'observe'>;
  readonly #clock: LocalClock;
  readonly #told: Told;
  #isDrbdNewsPlanned = false;
  #isOnClientNetwork = true;
  /** By how much people have set the wall clock. */
  #wallStepMs = 0;

  constructor(
    world: Pick<MachineSetup, 'spec' | 'queue' | 'replicas' | 'observe'>,
    clock: LocalClock,
    told: Told,
  ) {
    this.#node = world.spec.self;
    this.#world = world;
    this.#clock = clock;
    this.#told = told;
  }

  get replicas(): readonly Replica[] {
    return Object.values(this.#world.replicas).filter((replica) => replica.has(this.#node));
  }

  /** All of it, as a daemon asks for when it starts. */
  tellAll(): void {
    this.#tellClock();
    this.tellDrbd();
    this.#tellPings();
  }

  /** DRBD has news; the daemon hears of it in a moment. */
  drbdChanged(): void {
    if (this.#isDrbdNewsPlanned) return;
    this.#isDrbdNewsPlanned = true;
    this.#world.queue.after(DRBD_NEWS_MS, () => {
      this.#isDrbdNewsPlanned = false;
      this.tellDrbd();
    });
  }

  tellDrbd(): void {
    const { replicas } = this;
    if (replicas.length === 0) return;
    const { give, state } = this.#told;
    give({ kind: 'drbd', facts: replicas.map((replica) => replica.facts(this.#node)) });
    for (const replica of replicas) {
      const news = sideNews(replica, this.#node, state() ?? undefined);
      if (news !== null) give(news);
    }
  }

  /** Somebody sets the wall clock. */
  setWallClock(byMs: number): void {
    this.#wallStepMs += byMs;
    this.#world.observe({ kind: 'clockStep', node: this.#node, byMs });
    this.#tellClock();
  }

  #tellClock(): void {
    const wallMs = WALL_START_MS + this.#world.queue.nowMs + this.#wallStepMs;
    this.#told.give({ kind: 'clock', wallAheadMs: wallMs - this.#clock.nowMs });
  }

  /** The cable to the clients, with the ping nodes behind it. */
  setClientNetwork(isUp: boolean): void {
    if (this.#isOnClientNetwork === isUp) return;
    this.#isOnClientNetwork = isUp;
    this.#world.observe({ kind: 'clientNetwork', node: this.#node, isUp });
    this.#tellPings();
  }

  #tellPings(): void {
    const targets = this.#world.spec.heartbeat.ping ?? [];
    if (targets.length === 0) return;
    const isUp = this.#isOnClientNetwork;
    const state = isUp ? 'up' : 'silent';
    const reason = isUp ? 'it answers' : 'no answer';
    const addresses = targets.flatMap((target) => target.addresses);
    const answers = addresses.map((address) => ({ address, state, reason }) as const);
    this.#told.give({ kind: 'pings', answers });
  }
}
