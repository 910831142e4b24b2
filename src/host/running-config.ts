/** The configuration by which DRBD runs on this machine, held against its files. Never rejects. */
import { hostname } from 'node:os';
import { dumpAllXml, showConfig } from '../drbd/command.js';
import { parseDumpXml } from '../drbd/config-query.js';
import { compareConfig, type ConfigDifference } from '../drbd/running-config.js';
import { parseShow, type RunningConfig } from '../drbd/show.js';
import { runDrbd } from './drbd-tools.js';

/** A comparison for each resource that the kernel runs, or why there is none. */
export type ConfigDrift =
  | {
      readonly ok: true;
      readonly running: RunningConfig;
      /** By resource; null: the files do not have it. */
      readonly differences: ReadonlyMap<string, readonly ConfigDifference[] | null>;
    }
  | { readonly ok: false; readonly reason: string };

/** drbdsetup answers from memory, drbdadm reads small files; a driver that hangs answers nothing. */
const LIMIT_MS = 3_000;

/** Asks both. */
export async function readConfigDrift(host: string = hostname()): Promise<ConfigDrift> {
  const asked = [showConfig(), dumpAllXml()].map(async (command) => ({
    command,
    run: await runDrbd(command, LIMIT_MS),
  }));
  const [show, dump] = await Promise.all(asked);
  if (show === undefined || dump === undefined) return { ok: false, reason: 'nothing was asked' };
  for (const { command, run } of [show, dump]) {
    if (run.outcome.kind !== 'refused') continue;
    const said = run.stderr.trim().split('\n')[0] ?? '';
    return { ok: false, reason: `${command.argv.join(' ')}: ${said === '' ? run.outcome.cause : said}` };
  }
  return driftOf(show.run.stdout, dump.run.stdout, host);
}

/** The same of saved texts. */
export function driftOf(show: string, dumpXml: string, host: string): ConfigDrift {
  const running = parseShow(show);
  const { resources, problems } = parseDumpXml(dumpXml);
  const [problem] = problems;
  if (problem !== undefined) return { ok: false, reason: `drbdadm dump-xml: ${problem}` };
  const differences = new Map<string, readonly ConfigDifference[] | null>();
  for (const resource of running.resources) {
    const configured = resources.find((each) => each.resource === resource.name);
    const name = resource.name ?? '';
    differences.set(name, configured === undefined ? null : compareConfig(resource, configured, host));
  }
  return { ok: true, running, differences };
}
