/** The smallest world that has everything: two machines, one link, one database on one disk. */
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { databaseGroup, LAN_REPLICA, QUICK_AGENTS, QUICK_POWER } from '../../src/sim/household.js';
import { GOOD_LAN } from '../../src/sim/network.js';
import { World, type WorldSetup } from '../../src/sim/world.js';

export function smallWorld(change: Partial<WorldSetup> = {}): World {
  return new World({
    seed: 1,
    nodes: ['n1', 'n2'],
    groups: [databaseGroup('mysql', ['n1', 'n2'])],
    heartbeat: { keepaliveMs: 200, warntimeMs: 800, deadtimeMs: 1_500, initdeadMs: 5_000 },
    fenceable: [],
    media: [{ name: 'eth0', quality: GOOD_LAN }],
    powerTiming: QUICK_POWER,
    agentTiming: QUICK_AGENTS,
    replicaTiming: LAN_REPLICA,
    bootDisk: 'UpToDate',
    bootMs: 5_000,
    writeEveryMs: 1_000,
    brain: { initialState, step },
    ...change,
  });
}
