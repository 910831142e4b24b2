/**
 * The turns of a node at rest (failover/rest.ts), taken the short way: what changes with each of
 * them is noted in place, and the state is put together when somebody asks for it. Nothing is left
 * out: state and effects are those of the core at every turn (test/sim/resting.test.ts).
 */
import type { FailoverEvent } from '../failover/event.js';
import { isOldNews, nextTurnMs } from '../failover/membership.js';
import { restOf, type Rest } from '../failover/rest.js';
import { turnEveryMs } from '../failover/spec.js';
import { copyOf, withLife, type Peer, type State } from '../failover/state.js';
import { hear, livenessVerdict, type Hearing, type PeerLife } from '../heartbeat/liveness.js';
import { saysTheSame, type Report } from '../heartbeat/report.js';
import { turn as turnHealth } from '../heartbeat/self-health.js';

/** Another node, as far as it changes at rest. */
interface Neighbour {
  readonly peer: Peer;
  life: PeerLife;
}

/** What comes of a turn at rest. One object for all of them: it holds until the next turn. */
export interface Rested {
  /** What was heard is no news, and whether it came over another link before. Null: nothing was. */
  hearing: Hearing | null;
  /** It says word for word what the peer is known to say. */
  isRepeated: boolean;
  /** What is sent. */
  says: Report | null;
  /** When to be turned again; null: as planned. */
  wakeMs: number | null;
}

export class Resting {
  readonly #before: State;
  readonly #rest: Rest;
  readonly #neighbours: readonly Neighbour[];
  readonly #timing: Parameters<typeof turnHealth>[2];
  readonly #rested: Rested = { hearing: null, isRepeated: false, says: null, wakeMs: null };
  #health: State['health'];
  #sequence: number;
  #lastSentMs: number;

  private constructor(state: State, rest: Rest) {
    this.#before = state;
    this.#rest = rest;
    this.#neighbours = Object.values(state.peers).map((peer) => ({ peer, life: peer.life }));
    const { keepaliveMs } = state.spec.heartbeat;
    this.#timing = { keepaliveMs, turnEveryMs: turnEveryMs(state.spec) };
    this.#health = state.health;
    this.#sequence = state.sequence;
    this.#lastSentMs = state.lastSentMs;
  }

  /** A node whose core was just turned, if it is at rest now. */
  static readonly of = (state: State, nowMs: number): Resting | null => {
    const rest = restOf(state, nowMs);
    return rest === null ? null : new Resting(state, rest);
  };

  /** What the core would have made of all the turns. */
  get state(): State {
    const peers: Record<string, Peer> = {};
    for (const { peer, life } of this.#neighbours) {
      peers[peer.name] = life === peer.life ? peer : withLife(peer, life);
    }
    return Object.assign(copyOf(this.#before), {
      health: this.#health,
      peers,
      sequence: this.#sequence,
      lastSentMs: this.#lastSentMs,
    });
  }

  /** One turn, and what comes of it. Null: this one is for the core, nothing has changed here. */
  turn(event: FailoverEvent, nowMs: number): Rested | null {
    if (nowMs >= this.#rest.untilMs) return null;
    const { health, stalledMs } = turnHealth(this.#health, nowMs, this.#timing);
    if (stalledMs > 0 || !this.#takeIn(event, nowMs)) return null;
    this.#health = health;
    return this.#rested;
  }

  /** False when there is more to it, and nothing was changed. */
  #takeIn(event: FailoverEvent, nowMs: number): boolean {
    const rested = this.#rested;
    rested.hearing = null;
    rested.says = null;
    rested.wakeMs = null;
    if (event.kind === 'report') return this.#hear(event.link, event.report, nowMs);
    if (event.kind !== 'tick' || !this.#isJudgedTheSame(nowMs)) return false;
    this.#say(nowMs);
    return true;
  }

  #hear(link: string, report: Report, nowMs: number): boolean {
    const neighbour = this.#neighbours.find(({ peer }) => peer.name === report.node);
    if (neighbour === undefined) return false;
    const { peer, life: before } = neighbour;
    const { hearing, life } = hear(before, link, report, nowMs);
    if (hearing === 'new') {
      if (!isOldNews(this.#before, withLife(peer, before), report)) return false;
      neighbour.life = life;
      if (!this.#isJudgedTheSame(nowMs)) {
        neighbour.life = before;
        return false;
      }
      this.#say(nowMs);
    }
    neighbour.life = life;
    this.#rested.hearing = hearing;
    this.#rested.isRepeated =
      hearing === 'new' || (peer.report !== null && saysTheSame(peer.report, report));
    return true;
  }

  #isJudgedTheSame(nowMs: number): boolean {
    const { heartbeat } = this.#before.spec;
    for (const { peer, life } of this.#neighbours) {
      if (livenessVerdict(life, heartbeat, nowMs) !== peer.verdict) return false;
    }
    return true;
  }

  /** The keepalive, if it is time for it, and when to wake up next. */
  #say(nowMs: number): void {
    const { spec } = this.#before;
    if (nowMs - this.#lastSentMs >= spec.heartbeat.keepaliveMs) {
      this.#sequence += 1;
      this.#lastSentMs = nowMs;
      this.#rested.says = { ...this.#rest.report, sequence: this.#sequence };
    }
    const nextMs = nextTurnMs({ spec, lastSentMs: this.#lastSentMs }, this.#neighbours, nowMs);
    this.#rested.wakeMs = Math.max(nowMs + 1, Math.min(this.#rest.dueMs, nextMs));
  }
}
