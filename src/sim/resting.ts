/**
 * The turns of a node at rest (failover/rest.ts), taken the short way: what changes with each of
 * them is noted in place, and the state is put together when somebody asks for it. Nothing is left
 * out: state and effects are those of the core at every turn (test/sim/resting.test.ts).
 */
import type { Effect } from '../failover/effect.js';
import type { FailoverEvent } from '../failover/event.js';
import { isOldForeignNews, isOldNews } from '../failover/membership.js';
import { restOf, type Rest } from '../failover/rest.js';
import { turnEveryMs } from '../failover/spec.js';
import { copyOf, type Peer, type Stamp, type State } from '../failover/state.js';
import type { Hearing } from '../heartbeat/liveness.js';
import { PROTOCOL_VERSION, saysTheSame, type Report, type ReportFault } from '../heartbeat/report.js';
import { latenessMs, type TurnTiming } from '../heartbeat/self-health.js';
import { Words } from './letters.js';
import { Looks } from './looks.js';
import { Neighbour } from './neighbour.js';

/** What comes of a turn at rest. One object for all of them: it holds until the next turn. */
export interface Rested {
  /** What was heard is no news, and whether it came over another link before. Null: nothing was. */
  hearing: Hearing | null;
  /** It says word for word what the peer is known to say. */
  isRepeated: boolean;
  /** Looks that begin. */
  readonly runs: Extract<Effect, { kind: 'run' }>[];
  /** What is sent. */
  says: Words | null;
  /** When to be turned again; null: as planned. */
  wakeMs: number | null;
}

/** The short way, by the clock of the node. */
export interface ShortWay {
  /** What the core would have made of all the turns. */
  readonly state: State;
  /**
   * What comes before this moment, and is known (`isKnown`), changes nothing but what is known of
   * its sender, whenever it is read.
   */
  readonly calmUntilMs: number;
  /** When to be turned again, after something new was read at this moment. */
  wakeMsAt(nowMs: number): number;
  /** One turn, and what comes of it. Null: this one is for the core, nothing has changed here. */
  turn(event: FailoverEvent, nowMs: number): Rested | null;
  /** True when these words say what their speaker is known to say. */
  isKnown(words: Words): boolean;
  /** The turn for words that are known and came in the calm. */
  read(link: string, words: Words, nowMs: number): Hearing;
}

export class Resting implements ShortWay {
  readonly #before: State;
  readonly #rest: Rest;
  readonly #neighbours: readonly Neighbour[];
  readonly #timing: TurnTiming;
  readonly #rested: Rested = { hearing: null, isRepeated: false, runs: [], says: null, wakeMs: null };
  readonly #looks: Looks;
  readonly #health: State['health'];
  #lastTurnMs: number;
  #sequence: number;
  #lastSentMs: number;
  /** The first moment at which the light of a neighbour changes by its silence. */
  #silenceMs: number;

  private constructor(state: State, rest: Rest, nowMs: number, before: Resting | null) {
    const { spec } = state;
    const known = before !== null && before.#before.spec === spec ? before.#neighbours : [];
    this.#before = state;
    this.#rest = rest;
    this.#neighbours = Object.values(state.peers).map((peer, at) => {
      const same = known[at];
      if (same?.peer !== peer || nowMs >= same.changesMs) {
        return new Neighbour(peer, spec.heartbeat, nowMs);
      }
      // What is news depends on this node, too.
      same.said = null;
      return same;
    });
    this.#timing = { keepaliveMs: spec.heartbeat.keepaliveMs, turnEveryMs: turnEveryMs(spec) };
    this.#health = state.health;
    this.#lastTurnMs = state.health.lastTurnMs;
    this.#sequence = state.sequence;
    this.#lastSentMs = state.lastSentMs;
    this.#silenceMs = this.#nextSilenceMs();
    this.#looks = new Looks(state);
  }

  /**
   * A node whose core was just turned, if it is at rest now. Of its last rest, which is over for good,
   * the neighbours that are what they were are taken along.
   */
  static readonly of = (state: State, nowMs: number, before: ShortWay | null = null): Resting | null => {
    const rest = restOf(state, nowMs);
    if (rest === null) return null;
    return new Resting(state, rest, nowMs, before instanceof Resting ? before : null);
  };

  get state(): State {
    const { listenUntilMs, worstStallMs, stalls } = this.#health;
    const peers: Record<string, Peer> = { ...this.#before.peers };
    for (const { name, peer } of this.#neighbours) peers[name] = peer;
    const state: { -readonly [Name in keyof State]: State[Name] } = copyOf(this.#before);
    state.health = { lastTurnMs: this.#lastTurnMs, listenUntilMs, worstStallMs, stalls };
    state.peers = peers;
    state.groups = this.#looks.groups;
    state.nextId = this.#looks.nextId;
    state.sequence = this.#sequence;
    state.lastSentMs = this.#lastSentMs;
    return state;
  }

  get calmUntilMs(): number {
    const saysMs = this.#lastSentMs + this.#timing.keepaliveMs;
    return Math.min(this.#rest.untilMs, this.#looks.dueMs, this.#silenceMs, saysMs);
  }

  wakeMsAt(nowMs: number): number {
    const saysMs = this.#lastSentMs + this.#timing.keepaliveMs;
    const paceMs = nowMs + this.#timing.turnEveryMs;
    const dueMs = Math.min(this.#rest.dueMs, this.#looks.dueMs);
    return Math.max(nowMs + 1, Math.min(dueMs, paceMs, saysMs, this.#silenceMs));
  }

  turn(event: FailoverEvent, nowMs: number): Rested | null {
    if (nowMs >= this.#rest.untilMs || (nowMs >= this.#looks.dueMs && !this.#mayLook(nowMs))) return null;
    const isLate = latenessMs(this.#lastTurnMs, nowMs, this.#timing) > 0;
    if (isLate || !this.#takeIn(event, nowMs)) return null;
    this.#lastTurnMs = nowMs;
    return this.#rested;
  }

  isKnown({ body }: Words): boolean {
    const neighbour = this.#neighbour(body.node);
    if (neighbour?.staysUp(body.generation) !== true) return false;
    if (neighbour.said === body) return true;
    const isOld = body.protocol === PROTOCOL_VERSION && isOldNews(this.#before, neighbour.peer, body);
    if (isOld) neighbour.said = body;
    return isOld;
  }

  read(link: string, words: Words, nowMs: number): Hearing {
    const neighbour = this.#neighbour(words.body.node);
    if (neighbour === undefined) throw new RangeError(`${words.body.node} is no neighbour`);
    this.#lastTurnMs = nowMs;
    return this.#note(neighbour, link, words, nowMs);
  }

  /** False when there is more to it, and nothing was changed. */
  #takeIn(event: FailoverEvent, nowMs: number): boolean {
    const rested = this.#rested;
    rested.hearing = null;
    if (rested.runs.length > 0) rested.runs.length = 0;
    rested.says = null;
    rested.wakeMs = null;
    if (event.kind === 'report') return this.#hear(event.link, event.report, nowMs);
    if (event.kind === 'foreign') return this.#hearForeign(event.link, event.fault, nowMs);
    if (nowMs >= this.#silenceMs) return false;
    const isLook = event.kind === 'actionResult' && this.#mayLook(nowMs) && this.#looks.end(event, nowMs);
    if (event.kind !== 'tick' && !isLook) return false;
    this.#goOn(nowMs);
    return true;
  }

  #mayLook(nowMs: number): boolean {
    return nowMs < this.#rest.looksUntilMs;
  }

  #hear(link: string, report: Report, nowMs: number): boolean {
    const neighbour = this.#neighbour(report.node);
    if (neighbour === undefined) return false;
    const { peer } = neighbour;
    const isNew = neighbour.isNew(report);
    if (isNew && !this.#isJudgedTheSame(neighbour, report, nowMs)) return false;
    if (isNew && !isOldNews(this.#before, peer, report)) return false;
    const rested = this.#rested;
    rested.hearing = this.#note(neighbour, link, report, nowMs);
    rested.isRepeated = isNew || (peer.report !== null && saysTheSame(peer.report, report));
    if (rested.hearing === 'new') this.#goOn(nowMs);
    return true;
  }

  /** The same for words that cannot be read, of a node that is known for that. */
  #hearForeign(link: string, fault: ReportFault, nowMs: number): boolean {
    const { node, stamp } = fault;
    const neighbour = node === null ? undefined : this.#neighbour(node);
    if (neighbour === undefined || stamp === null) return false;
    if (neighbour.isNew(stamp)) {
      if (!this.#isJudgedTheSame(neighbour, stamp, nowMs)) return false;
      if (!isOldForeignNews(neighbour.peer, fault)) return false;
    }
    this.#rested.hearing = this.#note(neighbour, link, stamp, nowMs);
    if (this.#rested.hearing === 'new') this.#goOn(nowMs);
    return true;
  }

  /** True when the lights of all neighbours stay what they are with new words of one. */
  #isJudgedTheSame(speaker: Neighbour, { generation }: Stamp, nowMs: number): boolean {
    if (!speaker.staysUp(generation)) return false;
    return this.#neighbours.every((each) => each === speaker || nowMs < each.changesMs);
  }

  #note(neighbour: Neighbour, link: string, stamp: Stamp, nowMs: number): Hearing {
    const hearing = neighbour.hear(link, stamp, nowMs);
    if (hearing === 'new') this.#silenceMs = this.#nextSilenceMs();
    return hearing;
  }

  /** Looks and the keepalive, if it is time for them, and when to wake up next. */
  #goOn(nowMs: number): void {
    if (nowMs >= this.#looks.dueMs) this.#looks.begin(nowMs, this.#rested.runs);
    if (nowMs - this.#lastSentMs >= this.#timing.keepaliveMs) {
      this.#sequence += 1;
      this.#lastSentMs = nowMs;
      this.#rested.says = new Words(this.#rest.report, this.#sequence);
    }
    this.#rested.wakeMs = this.wakeMsAt(nowMs);
  }

  #neighbour(name: string): Neighbour | undefined {
    for (const neighbour of this.#neighbours) if (neighbour.name === name) return neighbour;
    return undefined;
  }

  #nextSilenceMs(): number {
    let atMs = Number.POSITIVE_INFINITY;
    for (const { changesMs } of this.#neighbours) if (changesMs < atMs) atMs = changesMs;
    return atMs;
  }
}
