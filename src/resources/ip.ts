/**
 * A service address. Whether this machine has it is read without a fork:
 *
 *     IPv4: getifaddrs names the device, but only of running interfaces;
 *           /proc/net/fib_trie knows every local address, but no device
 *     IPv6: /proc/net/if_inet6 knows all
 *
 * After `ip address add` neighbours still send to the old machine until their ARP cache is
 * corrected: arping of iputils does it at once, in the background. Without it the address works
 * as soon as the caches expire, so its absence is a warning.
 */
import {
  addressHex,
  isLocalInFibTrie,
  parseIfInet6,
  parseIpv4Routes,
  parseIpv6Routes,
  routeTo,
  sameNetwork,
} from './network-tables.js';
import type {
  ExecStep,
  InterfaceAddress,
  Plan,
  PlanContext,
  Probe,
  Readings,
  ResourceAction,
  ResourceFacts,
  ResourceKindLogic,
} from './plan.js';
import { programPath } from './programs.js';
import type { IpSpec } from './spec.js';

/** One netlink message; a second would already mean a machine in trouble. */
const IP_TIMEOUT_MS = 10_000;
/** Three packets at intervals of one second. */
const ANNOUNCE_TIMEOUT_MS = 10_000;
const ANNOUNCE_COUNT = 3;
/** ip(8): the kernel refused. */
const KERNEL_REFUSED_EXIT = 2;

/** What a plan for an address depends on. */
export interface IpDetail {
  /** Where the address is now; device and prefix length are null when only the kernel knows. */
  readonly present: readonly {
    readonly device: string | null;
    readonly prefixLength: number | null;
  }[];
  /** Where it belongs; null when no interface has a route to it. */
  readonly device: string | null;
  readonly prefixLength: number;
}

/** The logic of kind `ip`. */
export const IP: ResourceKindLogic<IpSpec, IpDetail> = {
  phase: 'address',
  startTimeoutMs: 20_000,
  stopTimeoutMs: 20_000,
  monitorEveryMs: 5_000,
  isOneLookEnough: true,
  confirmedBy: 'probe',
  describe: ({ address, prefixLength, device }) =>
    `address ${address}${prefixLength === null ? '' : `/${prefixLength}`}` +
    (device === null ? '' : ` on ${device}`),
  discovery: () => [],
  probes,
  interpret,
  plan,
};

function isIpv6(spec: IpSpec): boolean {
  return spec.address.includes(':');
}

function probes(spec: IpSpec): readonly Probe[] {
  return isIpv6(spec)
    ? [
        { kind: 'file', name: 'local', path: '/proc/net/if_inet6' },
        { kind: 'file', name: 'routes', path: '/proc/net/ipv6_route' },
      ]
    : [
        { kind: 'addresses', name: 'addresses' },
        { kind: 'file', name: 'local', path: '/proc/net/fib_trie' },
        { kind: 'file', name: 'routes', path: '/proc/net/route' },
      ];
}

/** Where an address is, and the addresses beside it, whatever the family. */
interface Observation {
  readonly present: IpDetail['present'];
  readonly neighbours: readonly {
    readonly device: string;
    readonly hex: string;
    readonly prefixLength: number;
  }[];
  readonly duplicate: boolean;
}

function interpret(spec: IpSpec, readings: Readings): ResourceFacts<IpDetail> {
  const hex = addressHex(spec.address);
  const fallback: IpDetail = { present: [], device: spec.device, prefixLength: 0 };
  if (hex === null) {
    return { state: 'failed', reason: `"${spec.address}" is not an address`, detail: fallback };
  }
  const local = readings['local'];
  const absentIpv6 = isIpv6(spec) && local?.kind === 'absent';
  if (local?.kind !== 'text' && !absentIpv6) {
    const reason = `Cannot read the addresses of this machine${why(readings, 'local')}`;
    return { state: 'unknown', reason, detail: fallback };
  }
  const localText = local.kind === 'text' ? local.text : '';
  const seen = isIpv6(spec) ? observe6(hex, localText) : observe4(spec, hex, localText, readings);
  if (seen === null) {
    const reason = `Cannot read the addresses of this machine${why(readings, 'addresses')}`;
    return { state: 'unknown', reason, detail: fallback };
  }
  const detail = { present: seen.present, ...place(spec, hex, seen, readings) };
  return { ...judge(spec, seen, detail), detail };
}

function why(readings: Readings, name: string): string {
  const reading = readings[name];
  return reading?.kind === 'unreadable' ? `: ${reading.reason}` : '';
}

function observe6(hex: string, ifInet6: string): Observation {
  const all = parseIfInet6(ifInet6);
  const present = all.filter((entry) => entry.hex === hex);
  return { present, neighbours: all, duplicate: present.some(({ duplicate }) => duplicate) };
}

function observe4(
  spec: IpSpec,
  hex: string,
  fibTrie: string,
  readings: Readings,
): Observation | null {
  const reading = readings['addresses'];
  if (reading?.kind !== 'addresses') return null;
  const neighbours = reading.addresses.flatMap((entry: InterfaceAddress) => {
    const entryHex = addressHex(entry.address);
    return entryHex === null ? [] : [{ ...entry, hex: entryHex }];
  });
  const named = neighbours.filter((entry) => entry.hex === hex);
  const hidden = named.length === 0 && isLocalInFibTrie(fibTrie, spec.address);
  const present = hidden ? [{ device: null, prefixLength: null }] : named;
  return { present, neighbours, duplicate: false };
}

/** The device and prefix length to use: as configured, else of the network that has the address. */
function place(
  spec: IpSpec,
  hex: string,
  seen: Observation,
  readings: Readings,
): Pick<IpDetail, 'device' | 'prefixLength'> {
  const reading = readings['routes'];
  const text = reading?.kind === 'text' ? reading.text : '';
  const routes = isIpv6(spec) ? parseIpv6Routes(text) : parseIpv4Routes(text);
  const route = routeTo(
    hex,
    routes.filter(({ device }) => spec.device === null || device === spec.device),
  );
  const device = spec.device ?? route?.device ?? null;
  const beside = seen.neighbours.find(
    (entry) =>
      entry.device === device &&
      entry.hex !== hex &&
      sameNetwork(hex, entry.hex, entry.prefixLength),
  );
  const ofRoute = route === null || route.prefixLength === 0 ? null : route.prefixLength;
  const hostLength = hex.length * 4;
  return {
    device,
    prefixLength: spec.prefixLength ?? beside?.prefixLength ?? ofRoute ?? hostLength,
  };
}

function judge(
  spec: IpSpec,
  seen: Observation,
  { device }: IpDetail,
): Pick<ResourceFacts, 'state' | 'reason'> {
  const { address } = spec;
  const [first] = seen.present;
  if (first === undefined) return { state: 'stopped', reason: `${address} is not on this machine` };
  if (first.device === null) {
    const reason = `${address} is set, but on an interface that is down or has no carrier`;
    return { state: 'partial', reason };
  }
  if (seen.duplicate) {
    return { state: 'failed', reason: `Another machine answers for ${address} (duplicate)` };
  }
  const foreign = seen.present.find((entry) => spec.device !== null && entry.device !== device);
  if (foreign !== undefined) {
    const reason = `${address} is on ${foreign.device ?? ''}, not on ${device ?? ''}`;
    return { state: 'failed', reason };
  }
  return { state: 'started', reason: `${address} is on ${first.device}` };
}

function plan(
  spec: IpSpec,
  action: ResourceAction,
  facts: ResourceFacts<IpDetail>,
  context: PlanContext,
): Plan {
  if (facts.state === 'unknown') return { kind: 'refused', reason: facts.reason };
  if (action === 'stop') return { kind: 'steps', steps: removals(spec, facts.detail, context) };
  if (facts.state === 'started') return { kind: 'steps', steps: [] };
  if (facts.state === 'failed' || facts.state === 'partial') {
    return { kind: 'refused', reason: facts.reason };
  }
  const { device, prefixLength } = facts.detail;
  if (device === null) {
    const reason = `No interface has a route to ${spec.address}: name the device`;
    return { kind: 'refused', reason };
  }
  const add: ExecStep = {
    kind: 'exec',
    label: `add ${spec.address} to ${device}`,
    argv: [
      programPath(context, 'ip'),
      ...['address', 'add', `${spec.address}/${prefixLength}`, 'dev', device],
      ...(spec.broadcast === null ? [] : ['broadcast', spec.broadcast]),
      // Duplicate address detection would keep the address unusable for a second and more.
      ...(isIpv6(spec) ? ['nodad'] : []),
    ],
    timeoutMs: IP_TIMEOUT_MS,
    okExits: [0],
    run: 'wait',
    plain: true,
  };
  return { kind: 'steps', steps: isIpv6(spec) ? [add] : [add, announce(spec, device, context)] };
}

function announce(spec: IpSpec, device: string, context: PlanContext): ExecStep {
  const program = programPath(context, 'arping');
  const count = String(ANNOUNCE_COUNT);
  return {
    kind: 'exec',
    label: `announce ${spec.address} on ${device}`,
    argv: [program, '-q', '-U', '-c', count, '-I', device, spec.address],
    timeoutMs: ANNOUNCE_TIMEOUT_MS,
    okExits: [0],
    run: 'background',
    plain: true,
  };
}

/** One step for each place that has the address: exactly by prefix length, as the kernel wants. */
function removals(
  spec: IpSpec,
  { present }: IpDetail,
  context: PlanContext,
): readonly ExecStep[] {
  const ip = programPath(context, 'ip');
  const host = `${spec.address}/${isIpv6(spec) ? 128 : 32}`;
  return present.map(({ device, prefixLength }) => ({
    kind: 'exec',
    label: `remove ${spec.address}${device === null ? '' : ` from ${device}`}`,
    argv:
      device === null || prefixLength === null
        ? [ip, 'address', 'flush', 'to', host]
        : [ip, 'address', 'del', `${spec.address}/${prefixLength}`, 'dev', device],
    timeoutMs: IP_TIMEOUT_MS,
    // 2 is also "it is not there any more"; the probe that follows tells the two apart.
    okExits: [0, KERNEL_REFUSED_EXIT],
    run: 'wait',
    plain: true,
  }));
}
