/**
 * What DRBD says here: the configuration asked once (`drbdadm dump-xml`), the state read from
 * /proc/drbd, one file and no fork. DRBD 9 lists no devices there: its state comes from the picture
 * that the event stream draws, or from drbdsetup. When to read what is for drbd-watch.
 */
import { readFile } from 'node:fs/promises';
import {
  hostSection,
  parseDumpXml,
  resourceMap,
  type ConfiguredResource,
} from '../drbd/config-query.js';
import { dumpXml, QUERY_TIMEOUT_MS, statusJson } from '../drbd/command.js';
import {
  factsFromProc,
  unknownFacts,
  type DrbdFacts,
  type ProcReading,
  type ResourceVolume,
} from '../drbd/facts.js';
import type { DrbdResource } from '../drbd/model.js';
import { factsFromPicture } from '../drbd/model-facts.js';
import { readStatusJson } from '../drbd/model-text.js';
import { parseProcDrbd } from '../drbd/proc.js';
import { promotable, type PromotionContext } from '../drbd/promotion.js';
import type { DrbdView } from '../resources/plan.js';
import { runCommand } from '../host/exec.js';
import { within } from '../host/limit.js';

/** The kernel's own words about DRBD (drbd_proc.c). */
const PROC_PATH = '/proc/drbd';
/** The kernel prints it at once; a driver that hangs has no known state. */
const READ_TIMEOUT_MS = 2_000;
/** From this release on the file has a header only. */
const HEADER_ONLY_FROM = 9;

/** What the core knows of the other half at this moment. */
export interface KnownOfPeer extends Pick<PromotionContext, 'peerConfirmedDown' | 'forced'> {
  /** DRBD shows a connection that the core has not taken in yet; not asked when absent. */
  readonly hasJustConnected?: (facts: DrbdFacts) => boolean;
}

/** One look at /proc/drbd. */
export interface DrbdLook {
  /** `header`: DRBD 9, whose devices are not in the file; `unreadable`: also without a module. */
  readonly kind: 'devices' | 'header' | 'unreadable';
  readonly facts: readonly DrbdFacts[];
}

/** Knows the DRBD resources of this machine. */
export class DrbdSource {
  /** What is known of DRBD 9, whose devices are not in /proc/drbd; null when nothing is. */
  #picture: readonly DrbdFacts[] | null = null;
  readonly #procPath: string;
  readonly #host: string;
  #resources: readonly string[];
  readonly #configured = new Map<string, ConfiguredResource>();
  /** Resource -> why its configuration is not known; said in its facts until it is. */
  readonly #troubles = new Map<string, string>();
  #reading: Promise<ProcReading> | null = null;

  /** `resources`: those that the groups use. `host`: `uname -n`, as in `on HOST { ... }`. */
  constructor(host: string, resources: readonly string[], procPath: string = PROC_PATH) {
    this.#host = host;
    this.#resources = resources;
    this.#procPath = procPath;
  }

  /** Whether there is anything to be known. */
  get isNeeded(): boolean {
    return this.#resources.length > 0;
  }

  /** Watches these resources from here on; their configuration is asked for first. */
  async use(resources: readonly string[]): Promise<void> {
    this.#resources = resources;
    await this.learn();
  }

  /** Asks drbdadm for the configuration of the resources that are not known yet. */
  async learn(): Promise<void> {
    for (const resource of this.#resources) {
      if (!this.#configured.has(resource)) await this.#learnOne(resource);
    }
  }

  async #learnOne(resource: string): Promise<void> {
    const { argv, timeoutMs } = dumpXml(resource);
    const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
    const { resources, problems } = parseDumpXml(result.stdout);
    const found = resources.find((entry) => entry.resource === resource);
    // A text that breaks off or is damaged may lack a volume, which would then never be looked at.
    if (result.exitCode === 0 && found !== undefined && problems.length === 0) {
      this.#configured.set(resource, found);
      return;
    }
    const complaint = result.startFailure ?? result.stderr.trim().split('\n')[0] ?? '';
    const said = result.exitCode === 0 ? (problems[0] ?? 'it tells of another resource') : complaint;
    this.#troubles.set(resource, `its configuration cannot be read: ${argv.join(' ')}: ${said}`);
  }

  /**
   * What /proc/drbd says now; the facts are unknown when it does not answer. Always ends. A read
   * that hangs is not joined by another: each would hold a thread.
   */
  async read(): Promise<DrbdLook> {
    this.#reading ??= readProc(this.#procPath).finally(() => (this.#reading = null));
    const reason = `${this.#procPath} did not answer within ${READ_TIMEOUT_MS} ms`;
    const reading = (await within(this.#reading, READ_TIMEOUT_MS)) ?? { kind: 'unreadable', reason };
    return { kind: kindOf(reading), facts: this.#facts(reading) };
  }

  /** The facts as the event stream of DRBD 9 draws them; null forgets them. */
  takePicture(picture: ReadonlyMap<string, DrbdResource> | null): readonly DrbdFacts[] {
    this.#picture = picture === null ? null : this.#complete(factsFromPicture(picture, this.#map()));
    return this.#picture ?? [];
  }

  /** Asks DRBD 9 for its state by a program, which is dear: for when there is no stream. */
  async ask(): Promise<readonly DrbdFacts[]> {
    const { argv, timeoutMs } = statusJson();
    const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
    const reading = result.exitCode === 0 ? readStatusJson(result.stdout) : null;
    const broken = reading?.model.problems[0]?.message;
    if (reading !== null && broken === undefined) {
      return this.takePicture(new Map(reading.model.resources.map((entry) => [entry.name, entry])));
    }
    const said = broken ?? result.startFailure ?? result.stderr.trim().split('\n')[0] ?? '';
    this.#picture = null;
    return this.#resources.map((resource) => unknownFacts(resource, `${argv.join(' ')}: ${said}`));
  }

  /** What a plan needs to know of one resource, from a text of /proc/drbd. */
  view(
    resource: string,
    procText: string | null,
    known: KnownOfPeer,
  ): DrbdView | null {
    const configured = this.#configured.get(resource);
    if (configured === undefined) return null;
    const reading = toReading(procText, this.#procPath);
    const isHeader = kindOf(reading) === 'header';
    const all = isHeader ? (this.#picture ?? this.#facts(reading)) : this.#facts(reading);
    const facts = all.find((entry) => entry.resource === resource);
    if (facts === undefined) return null;
    const hasJustConnected = known.hasJustConnected?.(facts) === true;
    const peerConfirmedDown = known.peerConfirmedDown && !hasJustConnected;
    const verdict = promotable(facts, { ...known, peerConfirmedDown });
    return {
      hasJustConnected,
      interface: procText !== null && /^version: 9/.test(procText) ? '9' : '8.4',
      volumes: facts.volumes.map((volume) => ({
        minor: volume.minor,
        role: volume.state === 'configured' ? volume.role : null,
        connection: volume.state === 'configured' ? volume.connection : null,
        disk: volume.state === 'configured' ? volume.disk : null,
      })),
      addresses: this.#addresses(configured),
      promotable:
        verdict.verdict === 'yes' ? { ok: true } : { ok: false, reason: verdict.reason },
    };
  }

  #facts(reading: ProcReading): readonly DrbdFacts[] {
    return this.#complete(factsFromProc(reading, this.#map()));
  }

  #map(): readonly ResourceVolume[] {
    return resourceMap({ resources: [...this.#configured.values()], problems: [] }, this.#host);
  }

  /** With those whose configuration is not known, and why; with what the configuration adds. */
  #complete(known: readonly DrbdFacts[]): readonly DrbdFacts[] {
    return this.#resources.map((resource) => {
      const facts = known.find((entry) => entry.resource === resource);
      const trouble = this.#troubles.get(resource) ?? `it has no volume on ${this.#host}`;
      if (facts === undefined) return unknownFacts(resource, trouble);
      return { ...facts, fencing: this.#configured.get(resource)?.fencing ?? 'dont-care' };
    });
  }

  #addresses(configured: ConfiguredResource): DrbdView['addresses'] {
    const own = hostSection(configured, this.#host);
    const others = configured.hosts.filter((host) => host !== own);
    const [peer] = others;
    if (own?.address == null || peer?.address == null || others.length !== 1) return null;
    return { local: own.address, peer: peer.address };
  }
}

function kindOf(reading: ProcReading): DrbdLook['kind'] {
  if (reading.kind === 'unreadable') return 'unreadable';
  const major = reading.proc.header?.release[0] ?? 0;
  return major >= HEADER_ONLY_FROM && reading.proc.minors.length === 0 ? 'header' : 'devices';
}

async function readProc(path: string): Promise<ProcReading> {
  try {
    return toReading(await readFile(path, 'utf8'), path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return toReading(null, path);
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'unreadable', reason: `${path} cannot be read: ${reason}` };
  }
}

function toReading(text: string | null, path: string): ProcReading {
  if (text !== null) return { kind: 'read', proc: parseProcDrbd(text) };
  return { kind: 'unreadable', reason: `${path} does not exist: the DRBD module is not loaded` };
}
