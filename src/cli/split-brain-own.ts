/**
 * This node's half as its own DRBD tells it, and the other half from a file or not at all: for a
 * node whose tandemd does not run, or does not hear the other one.
 */
import { hostname } from 'node:os';
import type { DatabasePosition } from '../base/database-position.js';
import type { DrbdFacts } from '../drbd/facts.js';
import { hostSection, type ConfiguredResource, type ConfiguredVolume } from '../drbd/config-query.js';
import { parseGenerations } from '../drbd/generation.js';
import { generationBeganAt } from '../drbd/kernel-log.js';
import type { DrbdOutcome } from '../drbd/outcome.js';
import { isCarrying, type SideEvidence } from '../drbd/split-brain.js';
import { databasePosition } from '../host/database-position.js';
import { databasePlace } from '../host/database-place.js';
import { configuredResource, configuredResources, lookAt, readGenerations } from '../host/drbd-tools.js';
import { readConfiguration } from '../host/configuration.js';
import { bootWallMs, readKernelLog } from '../host/kernel-log.js';
import { CliFailure } from './cli-failure.js';
import { volumesOf } from './drbd-target.js';
import { accountOf, type AccountInput, type GenerationBegin, type SplitBrainAccount } from './split-brain-account.js';
import { sideFromFile, type NodeFile } from './split-brain-files.js';
import { policiesOf } from './split-brain-live.js';
import { momentOf } from './split-brain-text.js';

/** What is asked. */
export interface OwnQuestion {
  /** Null: the only resource that DRBD has configured here. */
  readonly resource: string | null;
  /** Why tandemd does not tell: `tandemd is not running here`. */
  readonly why: string;
  /** The other half, and its /proc/drbd where that is a file of its own. */
  readonly gi: NodeFile | null;
  /** A file in place of this node's /proc/drbd, too. */
  readonly proc: readonly NodeFile[];
  /** The folder of Tandem's configuration; null looks where it usually is. */
  readonly config: string | null;
  /** What was read of this node's disk, or null. */
  readonly position: DatabasePosition | null;
}

/** The account of a resource as this node alone can give it. Throws a CliFailure. */
export async function ownAccount(question: OwnQuestion): Promise<SplitBrainAccount> {
  const self = hostname();
  const resource = question.resource ?? (await onlyResource());
  const asked = await volumesOf({ resource, volume: null }, self);
  if (!asked.ok) throw toolsFailure(asked.run.outcome);
  const configured = await configuredResource(resource);
  const other = otherOf(configured.ok ? configured.value : null, self, question.gi);
  const procPath = question.proc.find(({ node }) => node === self)?.path;
  const { facts } = await lookAt(resource, asked.value, procPath);
  const own = await ownSide(asked.value, facts, { self, ...question });
  // Connected now: whatever a file says of the other half is from before.
  const theirs =
    question.gi === null || isCarrying(facts.connection)
      ? notAsked(other.node, facts, question.why)
      : await sideFromFile({ resource, gi: question.gi, proc: question.proc, volumes: other.volumes });
  return accountOf(resource, [own, theirs], await policiesOf(resource), self);
}

/** The name of the only resource. Throws a CliFailure when there are several, or none. */
export async function onlyResource(): Promise<string> {
  const asked = await configuredResources();
  if (!asked.ok) throw toolsFailure(asked.run.outcome);
  const [only, ...more] = asked.value;
  if (only === undefined) throw new CliFailure('noSuch', 'DRBD has no resource configured here');
  if (more.length === 0) return only;
  throw new CliFailure('usage', `name one of the resources: ${asked.value.join(', ')}`);
}

function toolsFailure(outcome: DrbdOutcome): CliFailure {
  const cause = outcome.kind === 'refused' ? `${outcome.cause}; ${outcome.cure}` : 'they print nothing';
  const otherwise = 'or give both halves from files, with --gi NODE=FILE twice and the resource\'s name';
  return new CliFailure('failed', `This node's half cannot be read: ${cause}; ${otherwise}`);
}

interface Other {
  readonly node: string;
  /** Null when its section is not known. */
  readonly volumes: readonly ConfiguredVolume[] | null;
}

/** The host of the file, else the only other one that the configuration has. */
function otherOf(configured: ConfiguredResource | null, self: string, gi: NodeFile | null): Other {
  const others = (configured?.hosts ?? []).filter(({ names }) => !names.includes(self));
  const node = gi?.node ?? (others.length === 1 ? others[0]?.names[0] : undefined) ?? 'NODE';
  const section = configured === null ? null : hostSection(configured, node);
  return { node, volumes: section?.volumes ?? null };
}

async function ownSide(
  configured: readonly ConfiguredVolume[],
  facts: DrbdFacts,
  { self, why, config, position }: OwnQuestion & { readonly self: string },
): Promise<AccountInput> {
  const { resource, role, connection, disk } = facts;
  const lines = (await readGenerations(resource)) ?? [];
  const volumes = configured.flatMap(({ volume }, index) => {
    const [ids] = parseGenerations(lines[index] ?? '').generations;
    const now = facts.volumes.find((one) => one.volume === volume);
    return ids === undefined ? [] : [{ volume, ids, outOfSyncBytes: now?.outOfSyncBytes ?? null }];
  });
  const state = facts.state === 'configured' ? '' : `; ${facts.reason}`;
  const current = volumes[0]?.ids.current;
  return {
    evidence: { node: self, role, connection, disk, volumes },
    began: current === undefined ? null : await beganOf(current),
    database: position ?? (await positionOf(facts, self, config)),
    source: `read here: ${why}${state}`,
    missing: volumes.length > 0 ? null : `"drbdadm get-gi ${resource}" prints nothing here; see tandem drbd status`,
  };
}

async function beganOf(current: bigint): Promise<GenerationBegin | null> {
  const sinceBoot = generationBeganAt(await readKernelLog(), current);
  if (sinceBoot === null) return null;
  const bootSeconds = Math.floor(bootWallMs(Date.now()) / 1_000);
  return { at: momentOf(Math.floor(bootSeconds + sinceBoot)), source: 'kernel' };
}

/** As the daemon does it: only what is mounted is looked at. */
async function positionOf(
  { resource, role }: DrbdFacts,
  self: string,
  folder: string | null,
): Promise<DatabasePosition> {
  const config = readConfiguration(folder, self);
  if (!config.ok) return { kind: 'unknown', why: 'noConfiguration' };
  const place = await databasePlace(config.value.groups, resource);
  if (place.kind === 'gap') return { kind: 'unknown', why: place.why };
  return role === 'Primary'
    ? databasePosition(place.datadir)
    : { kind: 'unknown', why: 'notMounted' };
}

/** DRBD is connected on both nodes or on neither. */
function notAsked(node: string, { connection }: DrbdFacts, why: string): AccountInput {
  const isConnected = isCarrying(connection);
  const evidence: SideEvidence = {
    node,
    role: 'Unknown',
    connection: isConnected ? 'Connected' : 'Unknown',
    disk: 'Unknown',
    volumes: [],
  };
  return {
    evidence,
    began: null,
    database: { kind: 'unknown', why: 'notTold' },
    source: isConnected ? 'by the word of this node' : 'not asked',
    missing: `it is not asked, because ${why}`,
  };
}
