/**
 * What nodes at rest say and hear, again and again the same (resting.ts). Whoever watches the world
 * is told of it late, before the next thing that happens, each with its own time, and only of what
 * makes a difference by then: the last word that a node sent, and from each other node what it
 * heard last before that, first after it, and last of all.
 */
import type { Report } from '../heartbeat/report.js';
import type { Observation } from './observation.js';

type Heard = Extract<Observation, { kind: 'heard' }>;

interface At<Seen> {
  readonly seen: Seen;
  readonly atMs: number;
}

/** From one other node, by the last word that was sent. */
interface Hearsay {
  before: At<Heard> | null;
  first: At<Heard> | null;
  last: At<Heard> | null;
}

interface Repeated {
  sent: At<Extract<Observation, { kind: 'sent' }>> | null;
  readonly heard: Map<string, Hearsay>;
}

export class Repeats {
  /** Turns at rest so far, and the time that passed before each of them, of all nodes together. */
  turns = 0;
  restedMs = 0;
  readonly #untold = new Map<string, Repeated>();
  readonly #tell: (seen: Observation, atMs: number) => void;

  constructor(tell: (seen: Observation, atMs: number) => void) {
    this.#tell = tell;
  }

  sent(node: string, report: Report, atMs: number): void {
    const repeated = this.#of(node);
    repeated.sent = { seen: { kind: 'sent', node, report }, atMs };
    for (const hearsay of repeated.heard.values()) {
      hearsay.before = hearsay.last ?? hearsay.before;
      hearsay.first = null;
      hearsay.last = null;
    }
  }

  /** `isNew`: not over another link before. */
  heard(seen: Heard, atMs: number, isNew: boolean): void {
    const { heard } = this.#of(seen.node);
    let hearsay = heard.get(seen.report.node);
    if (hearsay === undefined) {
      hearsay = { before: null, first: null, last: null };
      heard.set(seen.report.node, hearsay);
    }
    if (!isNew && hearsay.first !== null) return;
    const one = { seen, atMs };
    hearsay.first ??= one;
    if (isNew) hearsay.last = one;
  }

  /** Something else is to be told: first what comes before it. */
  catchUp(seen: Observation): void {
    if (this.#untold.size === 0) return;
    const whose = concernedBy(seen);
    if (whose === null) this.tellAll();
    else this.#tellOf(whose);
  }

  tellAll(): void {
    for (const node of this.#untold.keys()) this.#tellOf(node);
  }

  #tellOf(node: string): void {
    const repeated = this.#untold.get(node);
    if (repeated === undefined) return;
    this.#untold.delete(node);
    for (const { seen, atMs } of inOrder(repeated)) this.#tell(seen, atMs);
  }

  #of(node: string): Repeated {
    const known = this.#untold.get(node);
    if (known !== undefined) return known;
    const repeated = { sent: null, heard: new Map<string, Hearsay>() };
    this.#untold.set(node, repeated);
    return repeated;
  }
}

/**
 * A turn, a word and a look of one node ask nothing of what others have heard, a client's write
 * nothing of what anybody has. Null: everybody is concerned.
 */
function concernedBy(seen: Observation): string | null {
  // All others concern everybody.
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
  switch (seen.kind) {
    case 'acknowledged':
      return '';
    case 'turned':
    case 'heard':
    case 'sent':
      return seen.node;
    case 'actionBegins':
    case 'actionEnds':
      return seen.verb === 'monitor' || seen.verb === 'probe' ? seen.node : null;
    default:
      return null;
  }
}

function inOrder({ sent, heard }: Repeated): readonly At<Observation>[] {
  const all: At<Observation>[] = [];
  for (const { before } of heard.values()) if (before !== null) all.push(before);
  if (sent !== null) all.push(sent);
  for (const { first, last } of heard.values()) {
    if (first !== null) all.push(first);
    if (last !== null && last !== first) all.push(last);
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}
