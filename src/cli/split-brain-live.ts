/**
 * Both sides as the daemon knows them: its own half, and the other one by the heartbeat. Identifiers
 * are read when DRBD's state has come to rest, so an answer may have to be waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { decodePosition } from '../base/database-position.js';
import { formatDuration } from '../base/duration.js';
import type { ResourceSides, SplitBrainSides, ToldSide } from '../base/split-brain.js';
import { parsePolicies, type SplitBrainPolicies } from '../drbd/after-split-brain.js';
import { dumpXml, isResourceName, QUERY_TIMEOUT_MS } from '../drbd/command.js';
import type { Connection, Disk } from '../drbd/facts.js';
import { parseGenerations } from '../drbd/generation.js';
import { isCarrying, type SideEvidence } from '../drbd/split-brain.js';
import type { RoleWord } from '../drbd/words.js';
import { runCommand } from '../host/exec.js';
import { CliFailure } from './cli-failure.js';
import type { Client } from './client.js';
import { accountOf, type AccountInput, type SplitBrainAccount } from './split-brain-account.js';
import { momentOf } from './split-brain-text.js';

/** A change of state is read within two seconds on a node at rest; a busy one takes longer. */
const ANSWER_PATIENCE_MS = 8_000;
const LOOK_EVERY_MS = 300;

/** What was found out, and on which node this was asked. */
export interface LiveAccount {
  readonly account: SplitBrainAccount;
  readonly self: string;
}

/** Asks the daemon until both halves are told, or the patience is over. */
export async function liveAccount(client: Client, wanted: string | null): Promise<LiveAccount> {
  const endMs = performance.now() + ANSWER_PATIENCE_MS;
  for (;;) {
    const told = await client.splitBrain();
    const found = resourceOf(told, wanted);
    if (isWhole(found) || performance.now() >= endMs) return toAccount(told, found);
    await sleep(LOOK_EVERY_MS);
  }
}

function resourceOf({ resources, self }: SplitBrainSides, wanted: string | null): ResourceSides {
  const names = resources.map(({ resource }) => resource).join(', ');
  if (wanted === null) {
    const [only, ...more] = resources;
    if (only !== undefined && more.length === 0) return only;
    if (only !== undefined) throw new CliFailure('usage', `name one of the resources: ${names}`);
    throw new CliFailure('noSuch', `${self} has no DRBD resource in any group`);
  }
  const found = resources.find(({ resource }) => resource === wanted);
  if (found !== undefined) return found;
  const there = names === '' ? 'there is none' : `there is: ${names}`;
  throw new CliFailure('noSuch', `There is no DRBD resource "${wanted}" in any group; ${there}`);
}

function isWhole({ sides }: ResourceSides): boolean {
  const [, other] = sides;
  // Who is not heard tells nothing, however long one waits; nor is there anything to compare with.
  if (other === undefined || other.role === 'Unknown') return true;
  if (sides.every(({ connection }) => isCarrying(connection as Connection))) return true;
  return sides.every(({ missing }) => missing === null);
}

async function toAccount(
  { self }: SplitBrainSides,
  { resource, sides }: ResourceSides,
): Promise<LiveAccount> {
  const [own, other] = sides;
  if (own === undefined || other === undefined) {
    throw new CliFailure('unknown', `${self} does not know of another half of ${resource}`);
  }
  const policies = await policiesOf(resource);
  const account = accountOf(resource, [inputOf(own), inputOf(other)], policies, self);
  const isLate = account.verdict === 'unknown' && sides.every(({ role }) => role !== 'Unknown');
  const advice = isLate ? ['ask again in a few seconds; if that does not help:', ...account.advice] : account.advice;
  return { account: { ...account, advice }, self };
}

function inputOf(side: ToldSide): AccountInput {
  const { node, role, connection, disk, began, database, ageMs, missing } = side;
  const silent = role === 'Unknown' ? ': its role, its disk and what it changed are unknown' : '';
  const evidence: SideEvidence = {
    node,
    role: role as RoleWord,
    connection: connection as Connection,
    disk: disk as Disk,
    volumes: side.volumes.flatMap(({ volume, generation, outOfSyncBytes }) => {
      const [ids] = parseGenerations(generation).generations;
      return ids === undefined ? [] : [{ volume, ids, outOfSyncBytes }];
    }),
  };
  return {
    evidence,
    began: began === null ? null : { at: momentOf(began.seconds), source: began.source },
    database: decodePosition(database),
    source: ageMs === 0 ? 'this node' : `heard ${formatDuration(ageMs)} ago`,
    missing: missing === null ? null : `${missing}${silent}`,
  };
}

/** The policies by the configuration of this machine, or null when it cannot be read. */
export async function policiesOf(resource: string): Promise<SplitBrainPolicies | null> {
  if (!isResourceName(resource)) return null;
  const { argv, timeoutMs } = dumpXml(resource);
  const result = await runCommand({ argv, timeoutMs: timeoutMs ?? QUERY_TIMEOUT_MS });
  return result.exitCode === 0 ? parsePolicies(result.stdout) : null;
}
