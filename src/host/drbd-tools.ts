/** Runs the DRBD tools of this machine, and looks at one resource with them. Never rejects. */
import {
  hostSection,
  parseDumpXml,
  parseResourceList,
  type ConfiguredResource,
  type ConfiguredVolume,
} from '../drbd/config-query.js';
import { dumpXml, getGenerations, listResources, type DrbdCommand } from '../drbd/command.js';
import { downFacts, factsFromProc, unknownFacts } from '../drbd/facts.js';
import { factsFromModel } from '../drbd/model-facts.js';
import { modelFromProc } from '../drbd/model-proc.js';
import { parseGenerations } from '../drbd/generation.js';
import { explainExit, type DrbdOutcome } from '../drbd/outcome.js';
import { parseProcDrbd, type ProcDrbd } from '../drbd/proc.js';
import { REFUSALS, type DrbdRefusal } from '../drbd/refusals.js';
import type { ResourceLook } from '../drbd/run-watch.js';
import { runCommand } from './exec.js';
import { readLiveDrbd, readProcDrbd } from './live-drbd.js';

/** How a command ended, and what it wrote. */
export interface DrbdRun {
  readonly outcome: DrbdOutcome;
  readonly stdout: string;
  readonly stderr: string;
}

/** DRBD's tools are for root; users and cron have a PATH without them. */
const SYSTEM_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin'] as const;

/** Runs one command within its limit (`timeoutMs` replaces it). */
export async function runDrbd(command: DrbdCommand, timeoutMs?: number): Promise<DrbdRun> {
  const path = [process.env['PATH'] ?? '/usr/bin:/bin', ...SYSTEM_PATHS].join(':');
  const limitMs = timeoutMs ?? command.timeoutMs ?? UNLIMITED_MS;
  const result = await runCommand({ argv: command.argv, timeoutMs: limitMs, env: { PATH: path } });
  const { stdout, stderr } = result;
  const ran = { stdout, stderr };
  if (result.startFailure !== null) return { ...ran, outcome: refusalOf('toolsMissing') };
  return { ...ran, outcome: explainExit(command, result.exitCode, stderr) };
}

/** For commands that run until they are ended: nothing here runs one, so it is a bound only. */
const UNLIMITED_MS = 600_000;

/** A refusal of the catalogue that no program printed. */
export function refusalOf(name: DrbdRefusal): Extract<DrbdOutcome, { kind: 'refused' }> {
  const { cause, cure, retry } = REFUSALS[name];
  return { kind: 'refused', name, number: null, cause, cure, retry, openers: [] };
}

/** An answer of the tools, or why there is none. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly run: DrbdRun };

/** Every resource that DRBD's configuration has for this machine. */
export async function configuredResources(): Promise<Asked<readonly string[]>> {
  const run = await runDrbd(listResources());
  if (run.outcome.kind === 'refused') return { ok: false, run };
  return { ok: true, value: parseResourceList(run.stdout) };
}

/** What DRBD's configuration says of a resource, on all hosts. */
export async function configuredResource(resource: string): Promise<Asked<ConfiguredResource>> {
  const run = await runDrbd(dumpXml(resource));
  if (run.outcome.kind === 'refused') return { ok: false, run };
  const found = parseDumpXml(run.stdout).resources.find((each) => each.resource === resource);
  if (found !== undefined) return { ok: true, value: found };
  return { ok: false, run: { ...run, outcome: refusalOf('notConfigured') } };
}

/** The volumes of a resource on `host` (`uname -n`). */
export async function configuredVolumes(
  resource: string,
  host: string,
): Promise<Asked<readonly ConfiguredVolume[]>> {
  const asked = await configuredResource(resource);
  if (!asked.ok) return asked;
  const section = hostSection(asked.value, host);
  if (section !== null) return { ok: true, value: section.volumes };
  const outcome = refusalOf('notConfigured');
  return { ok: false, run: { outcome, stdout: '', stderr: '' } };
}

/** The lines of `drbdadm get-gi`, one a volume; null when it failed. */
export async function readGenerations(resource: string): Promise<readonly string[] | null> {
  const run = await runDrbd(getGenerations(resource));
  if (run.outcome.kind === 'refused') return null;
  const lines = run.stdout.split('\n').map((line) => line.trim());
  return lines.filter((line) => parseGenerations(line).generations.length === 1);
}

/** Looks at a resource as the kernel has it now. DRBD 9 tells it to drbdsetup alone. */
export async function lookAt(
  resource: string,
  volumes: readonly ConfiguredVolume[],
  procPath?: string,
): Promise<ResourceLook> {
  const read = await readProcDrbd(procPath);
  if (!read.ok) return { facts: unknownFacts(resource, read.reason), model: null };
  const proc = parseProcDrbd(read.text);
  if (listsNothing(proc)) return lookAtDrbd9(resource, volumes, procPath);
  const names = volumes.map(({ volume, minor }) => ({ resource, volume, minor }));
  const [facts] = factsFromProc({ kind: 'read', proc }, names);
  const model = modelFromProc(proc, names).resources.find(({ name }) => name === resource);
  return { facts: facts ?? unknownFacts(resource, 'it has no volume'), model: model ?? null };
}

function listsNothing({ header, minors }: ProcDrbd): boolean {
  return (header?.release[0] ?? 0) >= HEADER_ONLY_FROM && minors.length === 0;
}

/** From this release on /proc/drbd has a header only. */
const HEADER_ONLY_FROM = 9;

async function lookAtDrbd9(
  resource: string,
  volumes: readonly ConfiguredVolume[],
  procPath?: string,
): Promise<ResourceLook> {
  const live = await readLiveDrbd(procPath);
  if (live.kind === 'unreadable') return { facts: unknownFacts(resource, live.reason), model: null };
  const model = live.reading.model.resources.find(({ name }) => name === resource) ?? null;
  return { facts: model === null ? downFacts(resource, volumes) : factsFromModel(model), model };
}
