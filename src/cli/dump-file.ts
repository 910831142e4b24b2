/** A saved state: written by `tandem simulate --save`, read by `--state`. */
import { z } from 'zod';
import type { StateDump } from '../base/dump.js';
import type { KnownState } from '../sim/resume.js';
import { CliFailure } from './cli-failure.js';

const named = z.looseObject({ name: z.string() });

/**
 * Enough of the state that a file of something else is told apart; the rest is what the daemon of
 * the same release wrote.
 */
const SCHEMA = z.object({
  schema: z.literal('tandem.dump/1'),
  savedAt: z.string(),
  nowMs: z.number(),
  links: z.array(z.string()),
  state: z.looseObject({
    spec: z.looseObject({
      self: z.string(),
      nodes: z.array(z.string()).min(1),
      groups: z.array(named.extend({ resources: z.array(z.looseObject({ id: z.string() })) })),
      fencing: z.record(z.string(), z.array(z.unknown())),
    }),
    phase: z.string(),
    generation: z.number(),
    peers: z.record(z.string(), z.looseObject({ life: z.looseObject({}) })),
    groups: z.record(z.string(), z.looseObject({ life: z.string() })),
    drbd: z.record(z.string(), z.unknown()),
    history: z.array(z.unknown()),
  }),
});

/** Checks a dump. `source` names it in the failure. */
export function knownState(dump: unknown, source: string): KnownState {
  const parsed = SCHEMA.safeParse(dump);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
    throw new CliFailure('noInput', `${source} is no state that "tandem simulate --save" wrote${place}`);
  }
  const { savedAt, nowMs, links, state } = parsed.data;
  return { savedAt, nowMs, links, state: state as unknown as KnownState['state'] };
}

/** Reads a file. */
export async function readDump(path: string): Promise<KnownState> {
  const { readFile } = await import('node:fs/promises');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('noInput', `The saved state cannot be read: ${reason}`);
  }
  let dump: unknown = null;
  try {
    dump = JSON.parse(text);
  } catch {
    // Not JSON: no dump either, which is said below.
  }
  return knownState(dump, path);
}

/** Writes a file, for its owner alone: it names every node and address. */
export async function writeDump(path: string, dump: StateDump): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  try {
    await writeFile(path, `${JSON.stringify(dump)}\n`, { mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('failed', `The state cannot be saved: ${reason}`);
  }
}
