/** IPv4 addresses as numbers, and those that this machine has. */
import { networkInterfaces } from 'node:os';

/** The address of an interface with the mask of its network, both as 32-bit numbers. */
export interface Ipv4Network {
  readonly address: number;
  readonly mask: number;
}

/** The addresses of the interfaces that are up and running. */
export interface LocalAddresses {
  /** The first network of each interface: service addresses are added behind it. */
  readonly byDevice: ReadonlyMap<string, Ipv4Network>;
  readonly all: ReadonlySet<number>;
}

/** Reads the addresses from the kernel (getifaddrs(3)); some 0.1 ms. */
export function readLocalAddresses(): LocalAddresses {
  const byDevice = new Map<string, Ipv4Network>();
  const all = new Set<number>();
  for (const [device, infos] of Object.entries(networkInterfaces())) {
    for (const info of infos ?? []) {
      const address = numeric(info.address);
      const mask = numeric(info.netmask);
      if (info.family !== 'IPv4' || address === null || mask === null) continue;
      all.add(address);
      if (!byDevice.has(device)) byDevice.set(device, { address, mask });
    }
  }
  return { byDevice, all };
}

/** The number of a dotted address; null when it is none. */
export function numeric(address: string): number | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) return null;
  const parts = address.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => ((sum << 8) | part) >>> 0, 0);
}

/** The dotted form of a number. */
export function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => String((address >>> shift) & 255)).join('.');
}

/** The broadcast address of a network; null for one of two addresses or one, which has none. */
export function broadcastOf({ address, mask }: Ipv4Network): number | null {
  const hosts = ~mask >>> 0;
  return hosts < 3 ? null : (address | hosts) >>> 0;
}

/** Whether an address lies in a network. */
export function contains({ address, mask }: Ipv4Network, other: number): boolean {
  return (address & mask) === (other & mask);
}
