/**
 * Another node as one at rest knows it (resting.ts): what changes of it with every word that is
 * heard, in place. What is noted is what heartbeat/liveness.ts would note.
 */
import { withLife, type Peer, type Stamp } from '../failover/state.js';
import {
  nextVerdictMs,
  SILENT_LINK,
  type Hearing,
  type LinkLife,
  type LivenessTiming,
  type PeerLife,
} from '../heartbeat/liveness.js';
import type { Report } from '../heartbeat/report.js';

type Link = { -readonly [Name in keyof LinkLife]: LinkLife[Name] };

export class Neighbour {
  readonly name: string;
  readonly generation: number;
  /** What it says at rest, and is known to say. */
  said: Report | null = null;
  /** When its light changes by silence alone. */
  changesMs: number;
  #peer: Peer;
  #isPeerOld = false;
  #lastHeardMs: number | null;
  #sequence: number;
  #stallMs: number;
  readonly #links: Map<string, Link>;
  readonly #warntimeMs: number;

  constructor(peer: Peer, timing: LivenessTiming, nowMs: number) {
    const { generation, sequence, lastHeardMs, stallMs, links } = peer.life;
    this.name = peer.name;
    this.generation = generation;
    this.changesMs = nextVerdictMs(peer.life, timing, nowMs) ?? Number.POSITIVE_INFINITY;
    this.#peer = peer;
    this.#lastHeardMs = lastHeardMs;
    this.#sequence = sequence;
    this.#stallMs = stallMs;
    this.#links = new Map(Object.entries(links).map(([name, link]) => [name, { ...link }]));
    this.#warntimeMs = timing.warntimeMs;
  }

  get peer(): Peer {
    if (this.#isPeerOld) {
      this.#isPeerOld = false;
      this.#peer = withLife(this.#peer, this.#life);
    }
    return this.#peer;
  }

  get #life(): PeerLife {
    const links: Record<string, LinkLife> = {};
    for (const [name, link] of this.#links) links[name] = { ...link };
    return {
      sinceMs: this.#peer.life.sinceMs,
      lastHeardMs: this.#lastHeardMs,
      generation: this.generation,
      sequence: this.#sequence,
      stallMs: this.#stallMs,
      links,
    };
  }

  /** True when its light stays green with new words of this life of it. */
  staysUp(generation: number): boolean {
    return this.#peer.verdict === 'up' && generation === this.generation;
  }

  /** True when nothing that is as new was heard, on whatever link. */
  isNew({ generation, sequence }: Stamp): boolean {
    return generation > this.generation || (generation === this.generation && sequence > this.#sequence);
  }

  /** Takes in words of a life that is not newer than the one that is known. */
  hear(link: string, { generation, sequence }: Stamp, nowMs: number): Hearing {
    this.#isPeerOld = true;
    const life = this.#link(link);
    if (generation < this.generation || (generation === life.generation && sequence <= life.sequence)) {
      life.replayed += 1;
      return 'replayed';
    }
    life.lastHeardMs = nowMs;
    life.generation = generation;
    life.sequence = sequence;
    life.received += 1;
    if (sequence <= this.#sequence) {
      life.duplicate += 1;
      return 'duplicate';
    }
    this.#lastHeardMs = nowMs;
    this.#sequence = sequence;
    this.#stallMs = 0;
    this.changesMs = nowMs + this.#warntimeMs + 1;
    return 'new';
  }

  #link(name: string): Link {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const link = { ...SILENT_LINK };
    this.#links.set(name, link);
    return link;
  }
}
