/**
 * What nodes at rest say and hear, again and again the same (resting.ts). Whoever watches the world
 * is told of it late, before the next thing that happens, each with its own time, and only of what
 * makes a difference by then: the last word that a node sent, and from each other node what it
 * heard last before that, first after it, and last of all.
 */
import type { Words } from './letters.js';
import type { Observation } from './observation.js';

/** What was heard on a line, and when. */
export interface Heard {
  readonly link: string;
  readonly words: Words;
  readonly atMs: number;
}

/** From one other node, by the last word that was sent. */
interface Hearsay {
  before: Heard | null;
  first: Heard | null;
  last: Heard | null;
}

interface Repeated {
  /** There is something to tell. */
  isUntold: boolean;
  sent: { readonly words: Words; readonly atMs: number } | null;
  readonly heard: Map<string, Hearsay>;
}

export class Repeats {
  /** Turns at rest so far, and the time that passed before each of them, of all nodes together. */
  turns = 0;
  restedMs = 0;
  readonly #nodes = new Map<string, Repeated>();
  readonly #tell: (seen: Observation, atMs: number) => void;

  constructor(tell: (seen: Observation, atMs: number) => void) {
    this.#tell = tell;
  }

  /** A turn at rest, after this long. */
  rested(sinceMs: number): void {
    this.turns += 1;
    this.restedMs += sinceMs;
  }

  sent(node: string, words: Words, atMs: number): void {
    const repeated = this.#of(node);
    repeated.sent = { words, atMs };
    for (const hearsay of repeated.heard.values()) {
      hearsay.before = hearsay.last ?? hearsay.before;
      hearsay.first = null;
      hearsay.last = null;
    }
  }

  /** `isNew`: not over another link before. */
  heard(node: string, heard: Heard, isNew: boolean): void {
    const hearsays = this.#of(node).heard;
    const about = heard.words.body.node;
    const hearsay = hearsays.get(about);
    if (hearsay === undefined) {
      hearsays.set(about, { before: null, first: heard, last: isNew ? heard : null });
      return;
    }
    if (isNew) hearsay.last = heard;
    hearsay.first ??= heard;
  }

  /** Something else is to be told: first what comes before it. */
  catchUp(seen: Observation): void {
    const whose = concernedBy(seen);
    if (whose === null) this.tellAll();
    else this.#tellOf(whose);
  }

  tellAll(): void {
    for (const node of this.#nodes.keys()) this.#tellOf(node);
  }

  #tellOf(node: string): void {
    const repeated = this.#nodes.get(node);
    if (repeated?.isUntold !== true) return;
    const told = inOrder(node, repeated);
    repeated.isUntold = false;
    repeated.sent = null;
    repeated.heard.clear();
    for (const { seen, atMs } of told) this.#tell(seen, atMs);
  }

  #of(node: string): Repeated {
    const known = this.#nodes.get(node);
    if (known !== undefined) {
      known.isUntold = true;
      return known;
    }
    const repeated = { isUntold: true, sent: null, heard: new Map<string, Hearsay>() };
    this.#nodes.set(node, repeated);
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
    case 'heardForeign':
    case 'sent':
      return seen.node;
    case 'actionBegins':
    case 'actionEnds':
      return seen.verb === 'monitor' || seen.verb === 'probe' ? seen.node : null;
    default:
      return null;
  }
}

interface Told {
  readonly seen: Observation;
  readonly atMs: number;
}

function inOrder(node: string, { sent, heard }: Repeated): readonly Told[] {
  const all: Told[] = [];
  const tellHeard = ({ link, words, atMs }: Heard): void => {
    all.push({ seen: { kind: 'heard', node, link, report: words.report }, atMs });
  };
  for (const { before } of heard.values()) if (before !== null) tellHeard(before);
  if (sent !== null) {
    all.push({ seen: { kind: 'sent', node, report: sent.words.report }, atMs: sent.atMs });
  }
  for (const { first, last } of heard.values()) {
    if (first !== null) tellHeard(first);
    if (last !== null && last !== first) tellHeard(last);
  }
  // What one other node said is in order.
  return heard.size > 1 ? all.sort((a, b) => a.atMs - b.atMs) : all;
}
