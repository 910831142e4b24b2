/**
 * What DRBD says here: the configuration asked once (`drbdadm dump-xml`), the state read from
 * /proc/drbd, one file and no fork, as often as the heartbeat beats.
 */
import { readFile } from 'node:fs/promises';
import {
  hostSection,
  parseDumpXml,
  resourceMap,
  type ConfiguredResource,
} from '../drbd/config-query.js';
import { dumpXml, QUERY_TIMEOUT_MS } from '../drbd/command.js';
import { factsFromProc, unknownFacts, type DrbdFacts, type ProcReading } from '../drbd/facts.js';
import { parseProcDrbd } from '../drbd/proc.js';
import { promotable } from '../drbd/promotion.js';
import type { DrbdView } from '../resources/plan.js';
import { runCommand } from '../host/exec.js';
import { within } from '../host/limit.js';

/** The kernel's own words about DRBD (drbd_proc.c). */
const PROC_PATH = '/proc/drbd';
/** The kernel prints it at once; a driver that hangs has no known state. */
const READ_TIMEOUT_MS = 2_000;

/** Knows the DRBD resources of this machine. */
export class DrbdSource {
  readonly #host: string;
  readonly #resources: readonly string[];
  readonly #configured = new Map<string, ConfiguredResource>();
  /** Resource -> why its configuration is not known; said in its facts until it is. */
  readonly #troubles = new Map<string, string>();
  #reading: Promise<ProcReading> | null = null;

  /** `resources`: those that the groups use. `host`: `uname -n`, as in `on HOST { ... }`. */
  constructor(host: string, resources: readonly string[]) {
    this.#host = host;
    this.#resources = resources;
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
    if (result.exitCode === 0 && found !== undefined) {
      this.#configured.set(resource, found);
      return;
    }
    const said = result.startFailure ?? result.stderr.trim().split('\n')[0] ?? problems[0] ?? '';
    this.#troubles.set(resource, `its configuration cannot be read: ${argv.join(' ')}: ${said}`);
  }

  /**
   * The facts of every resource as they are now; unknown when the kernel does not answer. Always
   * ends. A read that hangs is not joined by another: each would hold a thread.
   */
  async read(): Promise<readonly DrbdFacts[]> {
    this.#reading ??= readProc().finally(() => (this.#reading = null));
    const reading = await within(this.#reading, READ_TIMEOUT_MS);
    const reason = `${PROC_PATH} did not answer within ${READ_TIMEOUT_MS} ms`;
    return this.#facts(reading ?? { kind: 'unreadable', reason });
  }

  /** What a plan needs to know of one resource, from a text of /proc/drbd. */
  view(resource: string, procText: string | null, peerConfirmedDown: boolean): DrbdView | null {
    const configured = this.#configured.get(resource);
    if (configured === undefined) return null;
    const facts = this.#facts(toReading(procText)).find((entry) => entry.resource === resource);
    if (facts === undefined) return null;
    const verdict = promotable(facts, { peerConfirmedDown });
    const interfaceOf = procText === null || !/^version: 9/.test(procText) ? '8.4' : '9';
    return {
      interface: interfaceOf,
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
    const resources = [...this.#configured.values()];
    const known = factsFromProc(reading, resourceMap({ resources, problems: [] }, this.#host));
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

async function readProc(): Promise<ProcReading> {
  try {
    return toReading(await readFile(PROC_PATH, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return toReading(null);
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'unreadable', reason: `${PROC_PATH} cannot be read: ${reason}` };
  }
}

function toReading(text: string | null): ProcReading {
  if (text !== null) return { kind: 'read', proc: parseProcDrbd(text) };
  return {
    kind: 'unreadable',
    reason: `${PROC_PATH} does not exist: the DRBD module is not loaded`,
  };
}
