/**
 * Is the peer alive, and how sure are we? Think of a traffic light per peer: any authentic, new
 * report on any link turns it green; silence longer than warntime turns it yellow (late), longer
 * than deadtime red (dead). Before the first report it is unlit (unknown), for initdead at most.
 *
 * Red is a statement about what was heard, never about the peer: silent is not stopped (S2).
 * Time that this node spent stalled itself does not count as the peer's silence (S6).
 */

/** The timing that the verdict needs. */
export interface LivenessTiming {
  readonly warntimeMs: number;
  readonly deadtimeMs: number;
  readonly initdeadMs: number;
}

/** What is known of one peer on one link. */
export interface LinkLife {
  readonly lastHeardMs: number | null;
  /** Generation and sequence of the newest frame on this link. */
  readonly generation: number;
  readonly sequence: number;
  readonly received: number;
  readonly duplicate: number;
  readonly replayed: number;
}

/** What is known of one peer over all links. */
export interface PeerLife {
  /** When listening for it began. */
  readonly sinceMs: number;
  readonly lastHeardMs: number | null;
  readonly generation: number;
  readonly sequence: number;
  /** Own stalls since the peer was last heard. */
  readonly stallMs: number;
  readonly links: Readonly<Record<string, LinkLife>>;
}

export type LivenessVerdict = 'unknown' | 'up' | 'late' | 'dead';

/** `new` carries news; `duplicate` is the same over another link; `replayed` is dropped. */
export type Hearing = 'new' | 'duplicate' | 'replayed';

/** A link on which nothing was heard yet. */
export const SILENT_LINK: LinkLife = {
  lastHeardMs: null,
  generation: 0,
  sequence: 0,
  received: 0,
  duplicate: 0,
  replayed: 0,
};

/** A peer not heard yet; `generation` is the highest one known from earlier runs, 0 for none. */
export function newPeerLife(nowMs: number, generation: number): PeerLife {
  return { sinceMs: nowMs, lastHeardMs: null, generation, sequence: 0, stallMs: 0, links: {} };
}

/**
 * Takes in an authentic frame. A frame that is not newer than the newest on its own link is a
 * replay (a link neither duplicates nor reorders within one sender's sequence for long): it
 * refreshes nothing. One that is newer on its link but not for the peer is the duplicate that a
 * redundant link is there for: it refreshes the link only.
 */
export function hear(
  life: PeerLife,
  link: string,
  stamp: { readonly generation: number; readonly sequence: number },
  nowMs: number,
): { readonly hearing: Hearing; readonly life: PeerLife } {
  const before = life.links[link] ?? SILENT_LINK;
  const { generation, sequence } = stamp;
  const isNew = newer(stamp, life);
  if (stamp.generation < life.generation || !newer(stamp, before)) {
    const replayed = { ...before, replayed: before.replayed + 1 };
    return { hearing: 'replayed', life: withLinks(life, { ...life.links, [link]: replayed }) };
  }
  const heard: LinkLife = {
    lastHeardMs: nowMs,
    generation,
    sequence,
    received: before.received + 1,
    duplicate: before.duplicate + (isNew ? 0 : 1),
    replayed: before.replayed,
  };
  const links = { ...life.links, [link]: heard };
  if (!isNew) return { hearing: 'duplicate', life: withLinks(life, links) };
  return {
    hearing: 'new',
    life: { sinceMs: life.sinceMs, lastHeardMs: nowMs, generation, sequence, stallMs: 0, links },
  };
}

/**
 * Takes in an authentic message that is no report and cannot be compared with one (of a Heartbeat,
 * or unreadable): somebody lives there, and that is all.
 */
export function hearSign(life: PeerLife, link: string, nowMs: number): PeerLife {
  const before = life.links[link] ?? SILENT_LINK;
  const heard = { ...before, lastHeardMs: nowMs, received: before.received + 1 };
  const { sinceMs, generation, sequence } = life;
  const links = { ...life.links, [link]: heard };
  return { sinceMs, lastHeardMs: nowMs, generation, sequence, stallMs: 0, links };
}

function withLinks(life: PeerLife, links: PeerLife['links']): PeerLife {
  const { sinceMs, lastHeardMs, generation, sequence, stallMs } = life;
  return { sinceMs, lastHeardMs, generation, sequence, stallMs, links };
}

function newer(
  a: { readonly generation: number; readonly sequence: number },
  b: { readonly generation: number; readonly sequence: number },
): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.sequence > b.sequence);
}

/** The peer's silence in milliseconds, own stalls taken off. */
export function silenceMs(life: PeerLife, nowMs: number): number {
  return Math.max(0, nowMs - (life.lastHeardMs ?? life.sinceMs) - life.stallMs);
}

/** Where the light stands at `nowMs`. */
export function livenessVerdict(
  life: PeerLife,
  timing: LivenessTiming,
  nowMs: number,
): LivenessVerdict {
  const silent = silenceMs(life, nowMs);
  if (life.lastHeardMs === null) return silent > timing.initdeadMs ? 'dead' : 'unknown';
  if (silent > timing.deadtimeMs) return 'dead';
  return silent > timing.warntimeMs ? 'late' : 'up';
}

/** The next moment at which the verdict changes by silence alone; null when it is red already. */
export function nextVerdictMs(
  life: PeerLife,
  timing: LivenessTiming,
  nowMs: number,
): number | null {
  const silent = silenceMs(life, nowMs);
  const { warntimeMs, deadtimeMs, initdeadMs } = timing;
  const lastMs = life.lastHeardMs === null ? initdeadMs : deadtimeMs;
  if (silent > lastMs) return null;
  const isWarned = life.lastHeardMs === null || silent > warntimeMs;
  return nowMs + ((isWarned ? lastMs : warntimeMs) - silent) + 1;
}

/** The light of one link. */
export function linkVerdict(
  link: LinkLife | undefined,
  timing: LivenessTiming,
  nowMs: number,
): 'up' | 'late' | 'dead' {
  if (link?.lastHeardMs == null) return 'dead';
  const silent = nowMs - link.lastHeardMs;
  if (silent > timing.deadtimeMs) return 'dead';
  return silent > timing.warntimeMs ? 'late' : 'up';
}

/** Takes a stall of this node off the silence of a peer (S6). */
export function stretch(life: PeerLife, stalledMs: number): PeerLife {
  return { ...life, stallMs: life.stallMs + stalledMs };
}
