/** The ordinary cluster: two machines, one database on one replicated disk. */
import type { GroupSpec } from '../resources/spec.js';
import type { AgentTiming } from './agents.js';
import type { PowerTiming } from './power.js';
import type { ReplicaTiming } from './replica.js';

/** A group of four: disk, file system, address, database. */
export function databaseGroup(
  name: string,
  prefer: readonly string[],
  failback: GroupSpec['failback'] = 'never',
): GroupSpec {
  const suffix = name === 'mysql' ? '0' : `-${name}`;
  return {
    name,
    aliases: [],
    prefer,
    failback,
    resources: [
      { kind: 'drbd', id: `drbd:r${suffix}`, resource: `r${suffix}` },
      {
        kind: 'filesystem',
        id: 'filesystem:/db',
        device: '/dev/drbd0',
        directory: '/db',
        fstype: 'ext4',
        options: [],
      },
      {
        kind: 'ip',
        id: 'ip:10.9.0.100',
        address: '10.9.0.100',
        prefixLength: 24,
        device: null,
        broadcast: null,
      },
      { kind: 'mysql', id: 'mysql', datadir: '/db/mysql', defaultsFile: null },
    ],
  };
}

/** A group without a disk, which any node can run. */
export function webGroup(prefer: readonly string[]): GroupSpec {
  return {
    name: 'web',
    aliases: [],
    prefer,
    failback: 'never',
    resources: [
      {
        kind: 'ip',
        id: 'ip:10.9.0.101',
        address: '10.9.0.101',
        prefixLength: 24,
        device: null,
        broadcast: null,
      },
      { kind: 'script', id: 'httpd', name: 'httpd', args: [] },
    ],
  };
}

/** Agents on a machine that is not busy. */
export const QUICK_AGENTS: AgentTiming = {
  startMs: { drbd: 50, filesystem: 100, ip: 20, mysql: 400, script: 100 },
  stopMs: { drbd: 30, filesystem: 50, ip: 10, mysql: 300, script: 100 },
  probeMs: 10,
};

/** A power controller on the management network. */
export const QUICK_POWER: PowerTiming = {
  statusMs: 100,
  offMs: 500,
  timeoutMs: 20_000,
  onAgainMs: null,
};

/** The one ping node: the router between the cluster and its clients. */
export const ROUTER = { name: '10.9.0.254', addresses: ['10.9.0.254'] } as const;

/** DRBD with its usual time-outs over a LAN. */
export const LAN_REPLICA: ReplicaTiming = { detectMs: 6_000, connectMs: 1_000, resyncMs: 5_000 };
