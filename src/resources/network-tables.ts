/**
 * The kernel's address and route tables as /proc/net shows them, read without a fork.
 * Addresses are compared as lower-case hexadecimal: 8 digits for IPv4, 32 for IPv6.
 */

/** The hexadecimal form of an IPv4 or IPv6 address; null when the text is neither. */
export function addressHex(address: string): string | null {
  return address.includes(':') ? ipv6Hex(address) : ipv4Hex(address);
}

function ipv4Hex(address: string): string | null {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) {
    return null;
  }
  return parts.map((part) => Number(part).toString(16).padStart(2, '0')).join('');
}

/** RFC 4291 2.2: groups of hexadecimal digits, one `::`, an IPv4 address at the end. */
function ipv6Hex(address: string): string | null {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const tailHex = tail === null ? null : ipv4Hex(tail[2] ?? '');
  if (tail !== null && tailHex === null) return null;
  const plain =
    tailHex === null ? address : `${tail?.[1] ?? ''}${tailHex.slice(0, 4)}:${tailHex.slice(4)}`;
  const halves = plain.split('::');
  if (halves.length > 2) return null;
  const [head, rest] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = [...(head ?? []), ...(rest ?? [])];
  const missing = 8 - groups.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  const all = [...(head ?? []), ...Array<string>(missing).fill('0'), ...(rest ?? [])];
  return all.map((group) => group.toLowerCase().padStart(4, '0')).join('');
}

/** True when the first `prefixLength` bits of two addresses of one family are equal. */
export function sameNetwork(hexA: string, hexB: string, prefixLength: number): boolean {
  if (hexA.length !== hexB.length) return false;
  const whole = Math.floor(prefixLength / 4);
  if (hexA.slice(0, whole) !== hexB.slice(0, whole)) return false;
  const bits = prefixLength % 4;
  const differing =
    Number.parseInt(hexA[whole] ?? '0', 16) ^ Number.parseInt(hexB[whole] ?? '0', 16);
  return differing >> (4 - bits) === 0;
}

/**
 * Whether /proc/net/fib_trie has an IPv4 address as local: a leaf `|-- ADDRESS` that a line
 * `/32 host LOCAL` follows (net/ipv4/fib_trie.c, fib_trie_seq_show).
 */
export function isLocalInFibTrie(text: string, address: string): boolean {
  let inLeaf = false;
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed.startsWith('|-- ')) inLeaf = trimmed.slice(4) === address;
    else if (trimmed.startsWith('+-- ')) inLeaf = false;
    else if (inLeaf && trimmed === '/32 host LOCAL') return true;
  }
  return false;
}

/** One address of /proc/net/if_inet6. */
export interface Inet6Address {
  readonly hex: string;
  readonly prefixLength: number;
  readonly device: string;
  /** Duplicate address detection found another owner (IFA_F_DADFAILED, linux/if_addr.h). */
  readonly duplicate: boolean;
}

const IFA_F_DADFAILED = 0x08;

/** Reads /proc/net/if_inet6: address, ifindex, prefix length, scope, flags (all hex), device. */
export function parseIfInet6(text: string): readonly Inet6Address[] {
  return text.split('\n').flatMap((line) => {
    const [hex, , prefixLength, , flags, device] = line.trim().split(/ +/);
    if (hex === undefined || !/^[0-9a-f]{32}$/.test(hex) || device === undefined) return [];
    return [
      {
        hex,
        prefixLength: Number.parseInt(prefixLength ?? '', 16),
        device,
        duplicate: (Number.parseInt(flags ?? '', 16) & IFA_F_DADFAILED) !== 0,
      },
    ];
  });
}

/** One route that could carry packets to a network. */
export interface Route {
  readonly device: string;
  readonly networkHex: string;
  readonly prefixLength: number;
  readonly metric: number;
}

/** RTF_UP and RTF_REJECT of linux/route.h. */
const RTF_UP = 0x0001;
const RTF_REJECT = 0x0200;

function isUsable(flags: number): boolean {
  return (flags & RTF_UP) !== 0 && (flags & RTF_REJECT) === 0;
}

/**
 * Reads /proc/net/route (net/ipv4/fib_trie.c, fib_route_seq_show): Iface Destination Gateway
 * Flags RefCnt Use Metric Mask ...; addresses are 32-bit words of this machine, little-endian.
 */
export function parseIpv4Routes(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/[\t ]+/);
    const [device, destination, , flags, , , metric, mask] = fields;
    if (device === undefined || device === 'lo' || !isWord(destination) || !isWord(mask)) return [];
    if (!isUsable(Number.parseInt(flags ?? '', 16))) return [];
    const networkHex = swapBytes(destination);
    const prefixLength = popCount(Number.parseInt(mask, 16));
    return [{ device, networkHex, prefixLength, metric: Number(metric) }];
  });
}

function isWord(field: string | undefined): field is string {
  return field !== undefined && /^[0-9A-Fa-f]{8}$/.test(field);
}

function swapBytes(word: string): string {
  return [6, 4, 2, 0].map((at) => word.slice(at, at + 2).toLowerCase()).join('');
}

function popCount(word: number): number {
  return word.toString(2).replaceAll('0', '').length;
}

/**
 * Reads /proc/net/ipv6_route (net/ipv6/route.c): destination, prefix length, source, its prefix
 * length, next hop, metric, references, uses, flags (all hex), device.
 */
export function parseIpv6Routes(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/ +/);
    const [networkHex, prefixLength, , , , metric, , , flags, device] = fields;
    if (networkHex === undefined || !/^[0-9a-f]{32}$/.test(networkHex)) return [];
    if (device === undefined || device === 'lo' || !isUsable(Number.parseInt(flags ?? '', 16))) {
      return [];
    }
    return [
      {
        device,
        networkHex,
        prefixLength: Number.parseInt(prefixLength ?? '', 16),
        metric: Number.parseInt(metric ?? '', 16),
      },
    ];
  });
}

/** The route to an address: the longest prefix, then the lowest metric; null when there is none. */
export function routeTo(hex: string, routes: readonly Route[]): Route | null {
  const fitting = routes.filter((route) => sameNetwork(hex, route.networkHex, route.prefixLength));
  fitting.sort((a, b) => b.prefixLength - a.prefixLength || a.metric - b.metric);
  return fitting[0] ?? null;
}
