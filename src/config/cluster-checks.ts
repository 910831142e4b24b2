/**
 * What a configuration says as a whole: the defaults that depend on other values, and the rules
 * between values. Heartbeat 3.0.6 has them in init_config; where we are stricter it is said.
 */
import { formatDuration } from '../base/duration.js';
import type { FenceDevice, HeartbeatConfig } from './config.js';
import type { Draft, TimeName } from './cluster-draft.js';
import { deviceForNode, orderLevels } from './fence-values.js';
import type { LinkSpec } from '../heartbeat/link-spec.js';
import { didYouMean } from './reporter.js';
import { quote, quoteList, WHOLE_FILE, type Place, type Token } from './source-text.js';

/** What ha.cf says, or cluster.yaml without its groups, complete with defaults. */
export interface Cluster {
  readonly cluster: string;
  /** In file order, lower case, each once. */
  readonly nodes: readonly string[];
  readonly heartbeat: HeartbeatConfig;
  readonly watchdog: string | null;
  /** Node -> devices in file order. A node without an entry cannot be fenced. */
  readonly fencing: Readonly<Record<string, readonly FenceDevice[]>>;
}

/** Reports what does not fit together, and hands out the finished values. */
export function finishCluster(draft: Draft, self: string): Cluster {
  const times = finishTimes(draft);
  checkTimes(draft, times);
  checkMembers(draft, self.toLowerCase());
  if (draft.links.length === 0 && !draft.seen.has('links')) {
    const cure = `write ${draft.dialect.linkExamples}`;
    draft.report.error(WHOLE_FILE, 'The nodes have no link to each other', 'a link', cure);
  }
  return {
    cluster: draft.cluster,
    nodes: draft.nodes.map((node) => node.text),
    heartbeat: {
      ...times,
      udpPort: draft.udpPort,
      links: draft.links.map(
        (link): LinkSpec =>
          link.kind === 'serial' && !('baud' in link) ? { ...link, baud: draft.baud } : link,
      ),
      ping: draft.ping,
    },
    watchdog: draft.watchdog,
    fencing: finishFencing(draft),
  };
}

interface Times {
  readonly keepaliveMs: number;
  readonly warntimeMs: number;
  readonly deadtimeMs: number;
  readonly initdeadMs: number;
  readonly deadpingMs: number;
}

/** Three lost answers: pings go out once a second, and one may always be lost. */
const DEADPING_MS_MIN = 3_000;

/** Heartbeat's defaults, among them the three steps of initdead. */
function finishTimes(draft: Draft): Times {
  const given = (name: TimeName): number | undefined => draft.times.get(name)?.ms;
  const keepaliveMs = given('keepalive') ?? draft.dialect.keepaliveMs;
  const deadtimeMs = given('deadtime') ?? draft.dialect.deadtimeMs;
  const warntimeMs = given('warntime') ?? Math.max(1, Math.floor(deadtimeMs / 2));
  return {
    keepaliveMs,
    warntimeMs,
    deadtimeMs,
    initdeadMs: given('initdead') ?? initdeadOf(deadtimeMs),
    deadpingMs: Math.max(DEADPING_MS_MIN, given('deadping') ?? deadtimeMs),
  };
}

function initdeadOf(deadtimeMs: number): number {
  if (deadtimeMs > 10_000) return deadtimeMs;
  return deadtimeMs < 6_000 ? 12_000 : 2 * deadtimeMs;
}

/** Longer pauses between heartbeats are almost always milliseconds without their unit. */
const KEEPALIVE_MS_USUAL_MAX = 30_000;

/** Below this a switch port that comes up slowly makes a booting node believe it is alone. */
const INITDEAD_MS_SAFE = 10_000;

function checkTimes(draft: Draft, times: Times): void {
  const { report } = draft;
  const { keepaliveMs, warntimeMs, deadtimeMs, initdeadMs } = times;
  const place = (...names: readonly TimeName[]): Place => {
    const first = names.find((name) => draft.times.has(name));
    return (first === undefined ? undefined : draft.times.get(first)?.at) ?? WHOLE_FILE;
  };
  const twoBeats = `more than twice keepalive, ${formatDuration(2 * keepaliveMs)}`;
  if (deadtimeMs <= 2 * keepaliveMs) {
    const message = `Deadtime ${formatDuration(deadtimeMs)} does not outlast two lost heartbeats`;
    report.error(place('deadtime', 'keepalive'), message, twoBeats);
  }
  const deadping = draft.times.get('deadping');
  if (deadping !== undefined && deadping.ms <= 2 * keepaliveMs) {
    const message = `Deadping ${formatDuration(deadping.ms)} does not outlast two lost heartbeats`;
    report.error(deadping.at, message, twoBeats);
  } else if (deadping !== undefined && deadping.ms < DEADPING_MS_MIN) {
    const least = formatDuration(DEADPING_MS_MIN);
    const message = `Deadping ${formatDuration(deadping.ms)} is read as ${least}`;
    report.warning(deadping.at, message, `${least} or more: pings go out once a second`);
  }
  if (warntimeMs >= deadtimeMs) {
    const message = `Warntime ${formatDuration(warntimeMs)} could never warn before deadtime`;
    report.error(place('warntime', 'deadtime'), message, `less than ${formatDuration(deadtimeMs)}`);
  }
  if (initdeadMs < deadtimeMs) {
    const message = `Initdead ${formatDuration(initdeadMs)} is shorter than deadtime`;
    report.error(place('initdead'), message, `${formatDuration(deadtimeMs)} or more`);
  } else if (initdeadMs < INITDEAD_MS_SAFE) {
    const given = formatDuration(initdeadMs);
    const message = `Initdead ${given} may be too short for the network to start`;
    report.warning(place('initdead'), message, `${formatDuration(INITDEAD_MS_SAFE)} or more`);
  }
  if (keepaliveMs > KEEPALIVE_MS_USUAL_MAX) {
    const message = `Keepalive ${formatDuration(keepaliveMs)} is very long`;
    const cure = draft.dialect.timeCure ?? undefined;
    report.warning(place('keepalive'), message, 'about 1 s', cure);
  }
}

function checkMembers(draft: Draft, self: string): void {
  const { dialect, nodes, report } = draft;
  const names = nodes.map((node) => node.text);
  const [first] = nodes;
  if (first === undefined) {
    if (draft.seen.has('nodes')) return;
    const cure = `write ${dialect.nodesExample}`;
    report.error(WHOLE_FILE, 'The cluster has no nodes', dialect.nodes, cure);
    return;
  }
  if (!names.includes(self)) {
    const message = `This machine is ${quote(self)}, which ${dialect.nodesLack}`;
    report.error(first, message, quoteList(names), cureOf(draft, names, self));
  } else if (names.length === 1) {
    report.warning(first, `Node ${quote(self)} is alone`, 'two nodes or more');
  }
}

function cureOf(draft: Draft, names: readonly string[], self: string): string {
  const short = (name: string): string => name.split('.')[0] ?? name;
  const sameHost = names.find((name) => short(name) === short(self));
  if (sameHost === undefined) {
    return didYouMean(self, names) ?? `write ${draft.dialect.nodeExample(self)}`;
  }
  return `${quote(sameHost)} looks like it: write the name exactly as "uname -n" prints it`;
}

function finishFencing(draft: Draft): Readonly<Record<string, readonly FenceDevice[]>> {
  const names = draft.nodes.map((node) => node.text);
  const devices = new Map<string, { readonly at: Token; readonly device: FenceDevice }[]>();
  const add = (node: string, at: Token, device: FenceDevice): void => {
    const known = devices.get(node);
    if (known === undefined) devices.set(node, [{ at, device }]);
    else known.push({ at, device });
  };
  for (const { node, agent, device } of draft.fences) {
    if (node.text === '*') {
      for (const name of names) add(name, agent, deviceForNode(device, name));
    } else if (names.includes(node.text)) {
      add(node.text, agent, device);
    } else {
      const guess = didYouMean(node.text, names);
      const expected = names.length === 0 ? `${draft.dialect.nodes} for it` : quoteList([...names, '*']);
      draft.report.error(node, `Node ${quote(node.text)} is not of this cluster`, expected, guess);
    }
  }
  return Object.fromEntries(
    [...devices].map(([node, found]) => [node, orderLevels(draft, node, found)]),
  );
}
