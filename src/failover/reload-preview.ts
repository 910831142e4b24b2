import { formatDuration } from '../base/duration.js';
import type { GroupSpec } from '../resources/spec.js';
import type { ClusterSpec } from './spec.js';

/** What a configuration changes for the decisions, as one sentence. */
export function describeReload(before: ClusterSpec, next: ClusterSpec): string {
  const changes = [
    ...timingChanges(before, next),
    ...(same(before.fencing, next.fencing) ? [] : ['fence devices']),
    ...(same(before.heartbeat.ping, next.heartbeat.ping) ? [] : ['ping nodes']),
    ...groupChanges(before, next),
  ];
  const what = changes.length === 0 ? 'nothing changes for the groups' : changes.join('; ');
  const digest =
    before.digest === next.digest ? `digest ${next.digest}` : `digest ${before.digest}, now ${next.digest}`;
  return `The configuration is taken (${digest}): ${what}`;
}

const TIMES = ['keepaliveMs', 'warntimeMs', 'deadtimeMs', 'initdeadMs'] as const;

function timingChanges(before: ClusterSpec, next: ClusterSpec): readonly string[] {
  const changes = TIMES.flatMap((time) => {
    const [from, to] = [before.heartbeat[time], next.heartbeat[time]];
    const name = time.slice(0, -'Ms'.length);
    return from === to ? [] : [`${name} ${formatDuration(from)} becomes ${formatDuration(to)}`];
  });
  return changes.length === 0 ? [] : [`${changes.join(', ')}, once every node has it`];
}

function groupChanges(before: ClusterSpec, next: ClusterSpec): readonly string[] {
  const removed = before.groups.filter(({ name }) => find(next, name) === undefined);
  return [
    ...next.groups.flatMap((group) => groupChange(find(before, group.name), group)),
    ...removed.map(({ name }) => `group ${name} is removed`),
  ];
}

function groupChange(before: GroupSpec | undefined, next: GroupSpec): readonly string[] {
  const { name } = next;
  if (before === undefined) return [`group ${name} is added`];
  const changes: string[] = [];
  if (!same(before.prefer, next.prefer)) changes.push(`${name} prefers ${next.prefer.join(', ')}`);
  if (before.failback !== next.failback) changes.push(`failback of ${name} becomes ${next.failback}`);
  const ids = (group: GroupSpec): string => group.resources.map(({ id }) => id).join(', ');
  if (!same(before.resources, next.resources)) changes.push(`${name} consists of ${ids(next)}`);
  return changes;
}

function find(spec: ClusterSpec, name: string): GroupSpec | undefined {
  return spec.groups.find((group) => group.name === name);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
