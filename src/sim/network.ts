/**
 * The links: several media between each pair of nodes, each with its own delay, loss and faults.
 * A direction is down or up on its own, so one-way loss and partitions of a single medium are
 * ordinary settings.
 */
import type { Prng } from '../base/prng.js';
import type { Report } from '../heartbeat/report.js';
import { damaged } from './corruption.js';
import { chance } from './draw.js';
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

/** Carries reports from every node to every other. */
export class Network {
  readonly media: readonly Medium[];
  readonly #nodes: readonly string[];
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #quality = new Map<string, MediumQuality>();
  readonly #cut = new Set<string>();
  readonly #deliver: (to: string, link: string, report: Report) => void;

  constructor(
    world: { readonly queue: EventQueue; readonly prng: Prng; readonly nodes: readonly string[] },
    media: readonly Medium[],
    deliver: (to: string, link: string, report: Report) => void,
  ) {
    this.media = media;
    this.#nodes = world.nodes;
    this.#queue = world.queue;
    this.#prng = world.prng;
    this.#deliver = deliver;
    for (const medium of media) this.#quality.set(medium.name, medium.quality);
  }

  /** Sends a report to everybody on every medium. */
  broadcast(from: string, report: Report): void {
    for (const to of this.#nodes) {
      if (to === from) continue;
      for (const medium of this.media) this.#send(medium.name, from, to, report);
    }
  }

  /** Changes the quality of a medium, in all directions. */
  setQuality(medium: string, quality: MediumQuality): void {
    this.#quality.set(medium, quality);
  }

  /** Cuts or mends one direction of a medium. */
  set(medium: string, from: string, to: string, isUp: boolean): void {
    const key = `${medium}|${from}|${to}`;
    if (isUp) this.#cut.delete(key);
    else this.#cut.add(key);
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
    this.#cut.clear();
    for (const medium of this.media) this.#quality.set(medium.name, medium.quality);
  }

  #send(medium: string, from: string, to: string, report: Report): void {
    if (this.#cut.size > 0 && this.#cut.has(`${medium}|${from}|${to}`)) return;
    const quality = this.#quality.get(medium);
    if (quality === undefined || chance(this.#prng, quality.loss)) return;
    this.#arrive(medium, to, report, quality);
    if (chance(this.#prng, quality.duplication)) this.#arrive(medium, to, report, quality);
  }

  #arrive(medium: string, to: string, report: Report, quality: MediumQuality): void {
    const delayMs = quality.delayMs + this.#prng.next() * quality.jitterMs;
    const isDamaged = chance(this.#prng, quality.corruption ?? 0);
    const arrived = isDamaged ? damaged(report, this.#prng) : report;
    if (arrived === null) return;
    this.#queue.after(delayMs, () => this.#deliver(to, medium, arrived));
  }
}
