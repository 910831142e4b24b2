import { createHash } from 'node:crypto';
import type { ResourceSpec } from '../resources/spec.js';
import type { Config, FenceDevice } from './config.js';
import { isSecretName } from './fence-values.js';

/** Changes when the rule below does, so that two versions never call unlike things equal. */
const DIGEST_RULE = 'tandem.digest/2';

/** Eight bytes: enough to tell two configurations apart, short enough for every heartbeat. */
const DIGEST_HEX_LENGTH = 16;

/** What the digest is made of: all of a configuration but its source, keys and links. */
export type DigestInput = Pick<Config, 'cluster' | 'nodes' | 'fencing' | 'groups'> & {
  readonly heartbeat: Omit<Config['heartbeat'], 'links'>;
};

/**
 * The digest of what must agree on all nodes (S9): cluster name, nodes in order, timing, UDP port,
 * ping addresses, groups with their resources, fencing.
 *
 * Left out because it may differ from node to node: links (device names), the watchdog, and of
 * fencing whatever is secret or an absolute path. Left out because it changes nothing: the order
 * of groups, of ping addresses and of parameters, and the aliases of groups. The keys have their
 * own check: a frame signed with another one is not accepted.
 */
export function configDigest(config: DigestInput): string {
  const { keepaliveMs, warntimeMs, deadtimeMs, initdeadMs, deadpingMs, udpPort, ping } =
    config.heartbeat;
  const agreed = {
    rule: DIGEST_RULE,
    cluster: config.cluster,
    nodes: config.nodes,
    timing: { keepaliveMs, warntimeMs, deadtimeMs, initdeadMs, deadpingMs },
    udpPort,
    ping: ping.map(({ addresses }) => addresses.toSorted().join(' ')).toSorted(),
    fencing: Object.entries(config.fencing)
      .map(([node, devices]) => [node, devices.map(agreedDevice)])
      .toSorted(byFirst),
    groups: config.groups
      .map(({ name, prefer, failback, recovery, resources }) => [
        name,
        { prefer, failback, recovery, resources: resources.map(agreedResource) },
      ])
      .toSorted(byFirst),
  };
  const hash = createHash('sha256').update(canonicalJson(agreed));
  return hash.digest('hex').slice(0, DIGEST_HEX_LENGTH);
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

function agreedDevice(device: FenceDevice): object {
  const params = Object.entries(device.params).filter(
    ([name, value]) => !isSecretName(name) && !value.startsWith('/'),
  );
  return {
    agent: device.agent.slice(device.agent.lastIndexOf('/') + 1),
    params: Object.fromEntries(params),
    timeoutMs: device.timeoutMs,
    level: device.level,
    reboot: device.reboot,
  };
}

/** Without the id, which follows from the other fields. */
function agreedResource(resource: ResourceSpec): object {
  return Object.fromEntries(Object.entries(resource).filter(([field]) => field !== 'id'));
}

/** JSON with the keys of every object sorted, so that equal values have equal text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(byFirst));
  });
}
