/**
 * The turns of a node at rest (failover/rest.ts), taken the short way: what changes with each of
 * them is noted in place, and the state is put together when somebody asks for it. Nothing is left
 * out: state and effects are those of the core at every turn (test/sim/resting.test.ts).
 */
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import { isOldNews, nextTurnMs } from '../failover/membership.js';
import { restOf, type Rest } from '../failover/rest.js';
import { turnEveryMs } from '../failover/spec.js';
import { copyOf, withLife, type Peer, type State } from '../failover/state.js';
import { hear, livenessVerdict, type PeerLife } from '../heartbeat/liveness.js';
import type { Report } from '../heartbeat/report.js';
import { turn as turnHealth } from '../heartbeat/self-health.js';

/** Another node, as far as it changes at rest. */
interface Neighbour {
  readonly peer: Peer;
  life: PeerLife;
}

const NOTHING: readonly Effect[] = [];

export class Resting {
  readonly #before: State;
  readonly #rest: Rest;
  readonly #neighbours: readonly Neighbour[];
  readonly #timing: Parameters<typeof turnHealth>[2];
  #health: State['health'];
  #sequence: number;
  #lastSentMs: number;

  private constructor(state: State, rest: Rest) {
    this.#before = state;
    this.#rest = rest;
    this.#neighbours = Object.values(state.peers).map((peer) => ({ peer, life: peer.life }));
    const { keepaliveMs, deadtimeMs } = state.spec.heartbeat;
    this.#timing = { keepaliveMs, deadtimeMs, turnEveryMs: turnEveryMs(state.spec) };
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
  turn(event: FailoverEvent, nowMs: number): readonly Effect[] | null {
    if (nowMs >= this.#rest.untilMs) return null;
    const { health, stalledMs } = turnHealth(this.#health, nowMs, this.#timing);
    if (stalledMs > 0) return null;
    const effects = this.#effectsOf(event, nowMs);
    if (effects !== null) this.#health = health;
    return effects;
  }

  #effectsOf(event: FailoverEvent, nowMs: number): readonly Effect[] | null {
    if (event.kind === 'tick') return this.#isJudgedTheSame(nowMs) ? this.#say(nowMs) : null;
    return event.kind === 'report' ? this.#hear(event.link, event.report, nowMs) : null;
  }

  #hear(link: string, report: Report, nowMs: number): readonly Effect[] | null {
    const neighbour = this.#neighbours.find(({ peer }) => peer.name === report.node);
    if (neighbour === undefined) return NOTHING;
    const { life: before } = neighbour;
    const { hearing, life } = hear(before, link, report, nowMs);
    if (hearing === 'new' && !isOldNews(this.#before, withLife(neighbour.peer, before), report)) {
      return null;
    }
    neighbour.life = life;
    if (hearing !== 'new') return NOTHING;
    if (this.#isJudgedTheSame(nowMs)) return this.#say(nowMs);
    neighbour.life = before;
    return null;
  }

  #isJudgedTheSame(nowMs: number): boolean {
    const { heartbeat } = this.#before.spec;
    return this.#neighbours.every(
      ({ peer, life }) => livenessVerdict(life, heartbeat, nowMs) === peer.verdict,
    );
  }

  /** The keepalive, if it is time for it, and when to wake up next. */
  #say(nowMs: number): readonly Effect[] {
    const { spec } = this.#before;
    const isDue = nowMs - this.#lastSentMs >= spec.heartbeat.keepaliveMs;
    if (isDue) {
      this.#sequence += 1;
      this.#lastSentMs = nowMs;
    }
    const nextMs = nextTurnMs({ spec, lastSentMs: this.#lastSentMs }, this.#neighbours, nowMs);
    const wake: Effect = {
      kind: 'wake',
      atMs: Math.max(nowMs + 1, Math.min(this.#rest.dueMs, nextMs)),
    };
    if (!isDue) return [wake];
    return [{ kind: 'send', report: { ...this.#rest.report, sequence: this.#sequence } }, wake];
  }
}
