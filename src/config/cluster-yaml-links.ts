/** The links of cluster.yaml. One `ucast` entry serves all nodes: it becomes a link to each peer. */
import type { ClusterShape } from './cluster-schema.js';
import type { Draft } from './cluster-draft.js';
import type { Placed } from './cluster-yaml-shape.js';
import { addBcast, addMcast, addSerial, addUcast, checkMcast, checkPeer } from './link-values.js';
import { didYouMean } from './reporter.js';
import { quote, quoteList, type Token } from './source-text.js';

type Links = NonNullable<NonNullable<ClusterShape['heartbeat']>['links']>;
type Link = Placed<Links[number]>;
type Ucast = Extract<Link, { fields: { ucast: unknown } }>;

/** This node, and the addresses that stand at the nodes themselves. */
export interface Reach {
  readonly self: string;
  readonly addresses: ReadonlyMap<string, Token>;
}

/** Adds the links to the draft, whose nodes and UDP port are known by now. */
export function addLinks(draft: Draft, links: readonly Link[], reach: Reach): void {
  for (const link of links) {
    if ('ucast' in link.fields) addPeers(draft, link.fields, reach);
    else if ('bcast' in link.fields) addBcast(draft, link.fields.bcast.token);
    else if ('serial' in link.fields) {
      addSerial(draft, link.fields.serial.token, link.fields.baud?.value);
    } else {
      const { mcast, group, port, ttl, loop } = link.fields;
      if (!checkMcast(draft, mcast.token, group.token)) continue;
      addMcast(draft, mcast.token, group.token, {
        port: port?.value ?? draft.udpPort,
        ttl: ttl?.value ?? 1,
        loop: loop?.value ?? false,
      });
    }
  }
}

/**
 * A link to every node but this one. The address of this one is asked for as well, since the other
 * nodes read the same file; so a fault in it is found on every node.
 */
function addPeers(draft: Draft, { ucast, addresses }: Ucast['fields'], reach: Reach): void {
  const nodes = draft.nodes.map((node) => node.text);
  const own = new Map(reach.addresses);
  for (const { key, value } of addresses?.entries ?? []) {
    const name = key.text.toLowerCase();
    if (nodes.includes(name)) own.set(name, value.token);
    else refuseNode(draft, key, nodes);
  }
  const missing = nodes.filter((node) => !own.has(node));
  if (missing.length > 0) {
    const name = quote(`ucast ${ucast.token.text}`);
    const message = `Link ${name} has no address of ${quoteList(missing)}`;
    const example = missing.map((node) => `${node}: ADDRESS`).join(', ');
    const cure = 'or write "address" at each node';
    draft.report.error(ucast.token, message, quote(`addresses: { ${example} }`), cure);
  }
  const seen = new Map<string, string>();
  for (const node of nodes) {
    const address = own.get(node);
    if (address === undefined || !checkPeer(draft, address)) continue;
    const other = seen.get(address.text);
    if (other !== undefined) refuseSecond(draft, address, other);
    seen.set(address.text, node);
    if (node !== reach.self) addUcast(draft, ucast.token, address);
  }
}

function refuseNode(draft: Draft, key: Token, nodes: readonly string[]): void {
  if (nodes.length === 0) return;
  const message = `Node ${quote(key.text)} is not ${draft.dialect.nodesPlace}`;
  draft.report.error(key, message, quoteList(nodes), didYouMean(key.text, nodes));
}

function refuseSecond(draft: Draft, address: Token, other: string): void {
  const message = `Address ${quote(address.text)} is that of ${quote(other)} already`;
  draft.report.error(address, message, 'one address for each node');
}
