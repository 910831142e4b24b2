/**
 * The links: several media between each pair of nodes, each with its own delay, loss and faults.
 * A direction is down or up on its own, so one-way loss and partitions of a single medium are
 * ordinary settings.
 */
import type { Prng } from '../base/prng.js';
import { damaged } from './corruption.js';
import { chance } from './draw.js';
import { Words, type Letter } from './letters.js';
import type { EventQueue } from './queue.js';

/** How a medium carries frames. Probabilities in [0, 1]. */
export interface MediumQuality {
  readonly delayMs: number;
  /** Added at random: more than the keepalive reorders frames. */
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplication: number;
  /** Frames that are damaged on the way. */
  readonly corruption?: number;
}

/** A LAN on a good day. */
export const GOOD_LAN: MediumQuality = { delayMs: 1, jitterMs: 1, loss: 0, duplication: 0 };

/** A serial line at 19,200 baud: a frame of 600 bytes takes a third of a second. */
export const SERIAL_LINE: MediumQuality = { delayMs: 300, jitterMs: 20, loss: 0, duplication: 0 };

export interface Medium {
  readonly name: string;
  readonly quality: MediumQuality;
}

/** A medium as it is now. */
interface Line {
  readonly name: string;
  quality: MediumQuality;
}

/** One direction of a medium between two nodes. */
interface Direction {
  readonly line: Line;
  readonly to: string;
  isCut: boolean;
}

/** Carries reports from every node to every other. */
export class Network {
  readonly media: readonly Medium[];
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #lines: readonly Line[];
  /** By sender. */
  readonly #directions: ReadonlyMap<string, readonly Direction[]>;
  readonly #post: (to: string, letter: Letter) => void;

  /** `post` sees to it that a letter is delivered when it comes. */
  constructor(
    world: { readonly queue: EventQueue; readonly prng: Prng; readonly nodes: readonly string[] },
    media: readonly Medium[],
    post: (to: string, letter: Letter) => void,
  ) {
    const { queue, prng, nodes } = world;
    this.media = media;
    this.#queue = queue;
    this.#prng = prng;
    this.#post = post;
    const lines = media.map(({ name, quality }) => ({ name, quality }));
    this.#lines = lines;
    const directionsTo = (to: string): readonly Direction[] =>
      lines.map((line) => ({ line, to, isCut: false }));
    this.#directions = new Map(
      nodes.map((from) => [from, nodes.filter((to) => to !== from).flatMap(directionsTo)]),
    );
  }

  /** Sends to everybody on every medium. */
  broadcast(from: string, words: Words): void {
    for (const direction of this.#directions.get(from) ?? []) {
      if (!direction.isCut) this.#send(direction, words);
    }
  }

  /** Changes the quality of a medium, in all directions. */
  setQuality(medium: string, quality: MediumQuality): void {
    for (const line of this.#lines) if (line.name === medium) line.quality = quality;
  }

  /** Cuts or mends one direction of a medium. */
  set(medium: string, from: string, to: string, isUp: boolean): void {
    for (const direction of this.#directions.get(from) ?? []) {
      if (direction.to === to && direction.line.name === medium) direction.isCut = !isUp;
    }
  }

  /** Cuts or mends a medium between two nodes, or all media. */
  setPair(medium: string | null, a: string, b: string, isUp: boolean): void {
    for (const { name } of this.media) {
      if (medium !== null && medium !== name) continue;
      this.set(name, a, b, isUp);
      this.set(name, b, a, isUp);
    }
  }

  /** Everything as new: no cuts, the quality that the media began with. */
  heal(): void {
    for (const directions of this.#directions.values()) {
      for (const direction of directions) direction.isCut = false;
    }
    for (const { name, quality } of this.media) this.setQuality(name, quality);
  }

  #send({ line, to }: Direction, words: Words): void {
    const { loss, duplication } = line.quality;
    if (chance(this.#prng, loss)) return;
    this.#arrive(line, to, words);
    if (chance(this.#prng, duplication)) this.#arrive(line, to, words);
  }

  #arrive({ name: link, quality }: Line, to: string, words: Words): void {
    const delayMs = quality.delayMs + this.#prng.next() * quality.jitterMs;
    const isDamaged = chance(this.#prng, quality.corruption ?? 0);
    const arrived = isDamaged ? this.#damage(words) : words;
    if (arrived === null) return;
    const atMs = this.#queue.nowMs + delayMs;
    this.#post(to, { link, words: arrived, atMs, number: this.#queue.takeNumber() });
  }

  #damage({ report }: Words): Words | null {
    const read = damaged(report, this.#prng);
    return read === null ? null : new Words(read);
  }
}
