/**
 * Where the letters to a node lie. One that tells a node at rest what it knows already, or finds no
 * daemon, need not be delivered when it comes: nothing follows from it but that it was heard. It is
 * read when somebody looks at that node, with the time at which it came.
 *
 * That holds only in a calm (`ShortWay.calmUntilMs`): before the node speaks, looks at something or
 * misses somebody by itself. A letter that comes later than the node's next turn may wait for that:
 * there is more calm after it. All others are delivered when they come.
 */
import type { Report } from '../heartbeat/report.js';
import { Letters, type Letter } from './letters.js';
import type { LocalClock } from './local-clock.js';
import type { Mind } from './mind.js';
import type { EventQueue } from './queue.js';
import type { Repeats } from './repeats.js';

/** A daemon, as far as letters concern it. */
export interface Reader {
  readonly mind: Mind;
  /** When it takes a turn by itself, by the clock of the world. */
  readonly turnsAtMs: number;
  /** When it was turned last, by the clock of the world, and when it wants to be next, by its own. */
  lastTurnMs: number;
  wakeMs: number;
}

interface Hands {
  deliver(link: string, report: Report): void;
  /** The daemon took a turn for a letter, as of this moment. */
  turned(atMs: number): void;
}

export class Letterbox {
  readonly #node: string;
  readonly #queue: EventQueue;
  readonly #clock: LocalClock;
  readonly #repeats: Repeats;
  readonly #letters = new Letters();
  readonly #hands: Hands;

  constructor(
    node: string,
    world: { readonly queue: EventQueue; readonly clock: LocalClock; readonly repeats: Repeats },
    hands: Hands,
  ) {
    this.#node = node;
    this.#queue = world.queue;
    this.#clock = world.clock;
    this.#repeats = world.repeats;
    this.#hands = hands;
  }

  /** Nobody is there to read it. */
  put(letter: Letter): void {
    this.#letters.put(letter);
  }

  /** A letter to a node that is up to date. */
  post(letter: Letter, { mind: { resting }, turnsAtMs }: Reader): void {
    const { words, atMs } = letter;
    const mayLie =
      resting?.isKnown(words) === true &&
      (atMs > turnsAtMs || this.#clock.at(atMs) < resting.calmUntilMs);
    if (mayLie) this.#letters.put(letter);
    else this.planDelivery(letter);
  }

  /** Reads what has come by now. */
  read(reader: Reader | null): void {
    if (this.#letters.firstMs > this.#queue.nowMs) return;
    const resting = reader?.mind.resting ?? null;
    let newMs: number | null = null;
    for (;;) {
      const letter = this.#letters.first;
      if (letter === undefined || !this.#queue.hasPassed(letter.atMs, letter.number)) break;
      this.#letters.takeFirst();
      if (reader === null || resting === null) continue;
      const nowMs = this.#clock.at(letter.atMs);
      const isNew = resting.read(letter.link, letter.words, nowMs) === 'new';
      if (isNew) newMs = nowMs;
      this.#repeats.heard(this.#node, letter, isNew);
      this.#repeats.rested(letter.atMs - reader.lastTurnMs);
      reader.lastTurnMs = letter.atMs;
      this.#hands.turned(letter.atMs);
    }
    if (newMs !== null && reader !== null && resting !== null) reader.wakeMs = resting.wakeMsAt(newMs);
  }

  /** There is no calm here any more: from now on all are delivered when they come. */
  disturb(): void {
    if (this.#letters.first === undefined) return;
    for (const letter of this.#letters.takeAll()) this.planDelivery(letter);
  }

  /** A turn is planned: those that come before it, but after the calm, are delivered. */
  turnIsPlanned({ mind: { resting }, turnsAtMs }: Reader): void {
    if (resting === null || this.#letters.firstMs > turnsAtMs) return;
    const { calmUntilMs } = resting;
    const isLate = ({ atMs }: Letter): boolean =>
      atMs <= turnsAtMs && this.#clock.at(atMs) >= calmUntilMs;
    for (const letter of this.#letters.takeIf(isLate)) this.planDelivery(letter);
  }

  planDelivery({ link, words, atMs, number }: Letter): void {
    this.#queue.ownAt(atMs, number, () => this.#hands.deliver(link, words.report));
  }
}
