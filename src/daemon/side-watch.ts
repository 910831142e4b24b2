/**
 * Knows this node's half of a DRBD resource while it is not connected: identifiers, how much
 * differs, since when, and how far the database came. Each question costs a fork or two on a node
 * that may have one processor, so it is asked when the state has changed and come to rest, never
 * while a group starts, stops or waits for a fence, and else once a minute.
 */
import { decodePosition, encodePosition, type DatabasePosition } from '../base/database-position.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { parseGenerations } from '../drbd/generation.js';
import { generationBeganAt } from '../drbd/kernel-log.js';
import { isCarrying } from '../drbd/split-brain.js';
import type { SideReport } from '../heartbeat/report.js';

/** What the core is told. */
export type Side = Omit<SideReport, 'offers'>;

/** What a watch needs of the daemon. */
export interface SideWorld {
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  /** Nothing starts, stops or is fenced, and somebody is there to compare with. */
  readonly isCalm: () => boolean;
  /** Wanted although DRBD is connected: to see that a resync has made both sides one. */
  readonly isWanted: (resource: string) => boolean;
  /** The lines of `drbdadm get-gi`, one a volume; null when it failed. */
  readonly generations: (resource: string) => Promise<readonly string[] | null>;
  /** The kernel's log, with its own seconds since the boot; empty when it cannot be read. */
  readonly kernelLog: () => Promise<string>;
  /** When this machine was booted, by its wall clock. */
  readonly bootWallMs: () => number;
  readonly position: (resource: string, isPrimary: boolean) => Promise<DatabasePosition>;
  readonly witness: SideWitness;
  readonly post: (resource: string, side: Side | null) => void;
}

/** What outlives a restart: when a resource was seen to go its own way. */
export interface SideWitness {
  get(resource: string): WitnessNote | undefined;
  set(resource: string, note: WitnessNote | null): void;
}

/** One note of a witness. */
export interface WitnessNote {
  /** When Tandem saw this node Primary without a connection; null when it came too late. */
  readonly aloneSeconds: number | null;
  /** The generation that `began` is about, or null. */
  readonly current: string | null;
  readonly began: Side['began'];
}

/** A state that has lasted so long is no passing one. */
const SETTLE_MS = 1_000;
/** CURRENT changes with the first write after the link broke, which /proc/drbd does not show. */
const READ_AGAIN_MS = 60_000;
/** The amount that differs is known without a fork; a slow link is not to carry each change. */
const TELL_AGAIN_MS = 5_000;

/** A position, and of which data it is. */
export interface GivenPosition {
  /** CURRENT without bit 0, hexadecimal. */
  readonly current: string;
  readonly position: string;
}

/** Bit 0 tells the role, not the data. */
function currentOf({ current }: { readonly current: bigint }): string {
  return (current & ~1n).toString(16);
}

interface Watched {
  key: string;
  dueMs: number;
  toldMs: number;
  reading: boolean;
  side: Side | null;
  text: string;
}

/** Watches every resource. */
export class SideWatch {
  readonly #world: SideWorld;
  readonly #watched = new Map<string, Watched>();
  /** What somebody read of a disk that is not mounted, by resource. */
  readonly #given = new Map<string, GivenPosition>();
  /** Resources that were looked at before: what they are now they have become since. */
  readonly #seen = new Set<string>();

  constructor(world: SideWorld) {
    this.#world = world;
  }

  /** Takes a look at DRBD; at every poll. */
  look(all: readonly DrbdFacts[]): void {
    for (const facts of all) {
      this.#lookAt(facts);
      this.#seen.add(facts.resource);
    }
  }

  /** Takes a position that was read through a snapshot; false when it is of other data, or late. */
  give(resource: string, given: GivenPosition): boolean {
    const watched = this.#watched.get(resource);
    const [ids] = parseGenerations(watched?.side?.volumes[0]?.generation ?? '').generations;
    if (watched?.side == null || ids === undefined || currentOf(ids) !== given.current) return false;
    this.#given.set(resource, given);
    watched.side = { ...watched.side, database: given.position };
    this.#post(watched);
    return true;
  }

  /** It holds while this node has written nothing since. */
  #givenFor(resource: string, line: string): DatabasePosition | null {
    const given = this.#given.get(resource);
    const [ids] = parseGenerations(line).generations;
    if (given === undefined || ids === undefined || currentOf(ids) !== given.current) return null;
    return decodePosition(given.position);
  }

  #lookAt(facts: DrbdFacts): void {
    const { resource } = facts;
    if (facts.role === 'Primary') this.#given.delete(resource);
    const isApart = facts.state === 'configured' && !isCarrying(facts.connection);
    this.#noteAlone(facts, isApart);
    if (!isApart && !(facts.state === 'configured' && this.#world.isWanted(resource))) {
      this.#forget(resource);
      return;
    }
    const watched = this.#watchedOf(facts);
    if (watched.reading || this.#world.nowMs() < watched.dueMs) {
      if (!watched.reading) this.#tell(facts, watched);
      return;
    }
    if (!this.#world.isCalm()) return;
    watched.reading = true;
    void this.#read(facts, watched).finally(() => (watched.reading = false));
  }

  #forget(resource: string): void {
    const watched = this.#watched.get(resource);
    this.#watched.delete(resource);
    this.#given.delete(resource);
    if (watched?.side != null) this.#world.post(resource, null);
  }

  /** A state that has changed makes what was read doubtful: it is taken back at once. */
  #watchedOf(facts: DrbdFacts): Watched {
    const { resource, role, connection, disk, volumes } = facts;
    const changed = volumes.map(({ outOfSyncBytes }) => outOfSyncBytes === 0);
    const key = JSON.stringify([role, connection, disk, changed]);
    const known = this.#watched.get(resource);
    if (known?.key === key) return known;
    const dueMs = this.#world.nowMs() + SETTLE_MS;
    const fresh = { key, dueMs, toldMs: 0, reading: false, side: null, text: '' };
    this.#watched.set(resource, fresh);
    if (known?.side != null) this.#world.post(resource, null);
    return fresh;
  }

  /** No fork: when this node was first seen to write alone. */
  #noteAlone({ resource, role, state }: DrbdFacts, isApart: boolean): void {
    const { witness } = this.#world;
    const note = witness.get(resource);
    if (state === 'configured' && !isApart) {
      if (note !== undefined) witness.set(resource, null);
      return;
    }
    if (role !== 'Primary' || !isApart || note !== undefined) return;
    const aloneSeconds = !this.#seen.has(resource) ? null : Math.floor(this.#world.wallMs() / 1_000);
    witness.set(resource, { aloneSeconds, current: null, began: null });
  }

  async #read(facts: DrbdFacts, watched: Watched): Promise<void> {
    const { resource } = facts;
    watched.dueMs = this.#world.nowMs() + READ_AGAIN_MS;
    const lines = await this.#world.generations(resource);
    if (lines === null || lines.length !== facts.volumes.length) return;
    const began = await this.#beganOf(resource, lines[0] ?? '');
    const seen = await this.#world.position(resource, facts.role === 'Primary');
    const position = seen.kind === 'unknown' ? (this.#givenFor(resource, lines[0] ?? '') ?? seen) : seen;
    if (this.#watched.get(resource) !== watched) return;
    const volumes = facts.volumes.map(({ volume, outOfSyncBytes }, index) => ({
      volume,
      generation: lines[index] ?? '',
      outOfSyncBytes,
    }));
    watched.side = { resource, disk: facts.disk, volumes, began, database: encodePosition(position) };
    this.#post(watched);
  }

  /** What changes without a fork. */
  #tell(facts: DrbdFacts, watched: Watched): void {
    if (watched.side === null || this.#world.nowMs() - watched.toldMs < TELL_AGAIN_MS) return;
    const volumes = watched.side.volumes.map((told) => {
      const now = facts.volumes.find(({ volume }) => volume === told.volume);
      return { ...told, outOfSyncBytes: now?.outOfSyncBytes ?? told.outOfSyncBytes };
    });
    watched.side = { ...watched.side, volumes };
    this.#post(watched);
  }

  #post(watched: Watched): void {
    const { side } = watched;
    watched.toldMs = this.#world.nowMs();
    const text = JSON.stringify(side);
    if (side === null || text === watched.text) return;
    watched.text = text;
    this.#world.post(side.resource, side);
  }

  /** By the kernel's log when it still tells, else by what Tandem saw. Asked once a generation. */
  async #beganOf(resource: string, line: string): Promise<Side['began']> {
    const [ids] = parseGenerations(line).generations;
    if (ids === undefined) return null;
    const current = currentOf(ids);
    const note = this.#world.witness.get(resource);
    if (note?.current === current) return note.began;
    const sinceBoot = generationBeganAt(await this.#world.kernelLog(), ids.current);
    const aloneSeconds = note?.aloneSeconds ?? null;
    const began: Side['began'] =
      sinceBoot !== null
        ? { seconds: Math.floor(this.#world.bootWallMs() / 1_000 + sinceBoot), source: 'kernel' }
        : aloneSeconds === null
          ? null
          : { seconds: aloneSeconds, source: 'tandem' };
    this.#world.witness.set(resource, { aloneSeconds, current, began });
    return began;
  }
}
