// The lab's networks: one bridge each, one tap for each node on each of them.

import { run } from './process.js';

/** The networks that a test may cut. `public` carries the service address. */
export type LinkName = 'public' | 'replication' | 'power';

type NetworkName = LinkName | 'lab';

/** A network: its interface in the guests, its bridge, and the host's address on it, if any. */
type Network = {
  readonly name: NetworkName;
  readonly guestInterface: string;
  readonly bridge: string;
  readonly prefix: string;
  readonly hostAddress: string | null;
};

/** The order is that of the guests' interfaces vec0, vec1, ... `lab` carries the lab's commands. */
export const NETWORKS: readonly Network[] = [
  network('public', 'vec0', '10.9.0', true),
  network('replication', 'vec1', '10.9.1', false),
  network('power', 'vec2', '10.9.9', true),
  network('lab', 'vec3', '10.9.8', true),
];

/** The last byte of a node's addresses: 11 for the first node, 12 for the second. */
export function hostNumber(index: number): number {
  return 11 + index;
}

/** A node's address on a network, such as 10.9.0.11. */
export function nodeAddress(index: number, name: NetworkName): string {
  return `${networkOf(name).prefix}.${hostNumber(index)}`;
}

/** The host's address on a network; throws for `replication`, where it has none. */
export function hostAddress(name: NetworkName): string {
  const address = networkOf(name).hostAddress;
  if (address === null) throw new Error(`the host has no address on the ${name} network`);
  return address;
}

/** The host's end of a node's cable, such as t1public. */
export function tapName(index: number, name: NetworkName): string {
  return `t${index + 1}${name}`.slice(0, 15);
}

/** The kernel command line words that plug a node into every network. */
export function networkWords(index: number): readonly string[] {
  return NETWORKS.map(({ guestInterface, name }, position) => {
    const mac = `02:0a:09:00:0${position}:${hostNumber(index).toString(16).padStart(2, '0')}`;
    const tap = `transport=tap,ifname=${tapName(index, name)}`;
    return `${guestInterface}:${tap},depth=64,gro=1,mac=${mac}`;
  });
}

/** Makes all bridges and taps in this (the sandbox's) network namespace. */
export async function createNetworks(nodeCount: number): Promise<void> {
  const lines = ['link set lo up'];
  for (const { name, bridge, hostAddress: address } of NETWORKS) {
    lines.push(`link add ${bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`);
    lines.push(`link set ${bridge} addrgenmode none`);
    if (address !== null) lines.push(`addr add ${address}/24 dev ${bridge}`);
    lines.push(`link set ${bridge} up`);
    for (let index = 0; index < nodeCount; index += 1) {
      const tap = tapName(index, name);
      lines.push(`tuntap add dev ${tap} mode tap`, `link set ${tap} addrgenmode none`);
      lines.push(`link set ${tap} master ${bridge}`, `link set ${tap} up`);
    }
  }
  await ip(lines);
}

/** Removes what `createNetworks` made. */
export async function removeNetworks(nodeCount: number): Promise<void> {
  const lines: string[] = [];
  for (const { name, bridge } of NETWORKS) {
    for (let index = 0; index < nodeCount; index += 1) {
      lines.push(`link del ${tapName(index, name)}`);
    }
    lines.push(`link del ${bridge}`);
  }
  await ip(lines);
}

/**
 * Plugs or pulls a node's cable at the bridge; the guest sees only silence. The tap itself stays
 * up: a write to one that is down fails, and then UML gives its interface up for good.
 */
export async function setTap(index: number, name: LinkName, state: 'up' | 'down'): Promise<void> {
  const place = state === 'up' ? `master ${networkOf(name).bridge}` : 'nomaster';
  await ip([`link set ${tapName(index, name)} ${place}`]);
}

async function ip(lines: readonly string[]): Promise<void> {
  await run(['ip', '-batch', '-'], { timeoutMs: 10_000, input: `${lines.join('\n')}\n` });
}

function network(
  name: NetworkName,
  guestInterface: string,
  prefix: string,
  hostIsOnIt: boolean,
): Network {
  const bridge = `lab-${name.slice(0, 10)}`;
  return { name, guestInterface, bridge, prefix, hostAddress: hostIsOnIt ? `${prefix}.254` : null };
}

function networkOf(name: NetworkName): Network {
  const found = NETWORKS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no network ${name}`);
  return found;
}
