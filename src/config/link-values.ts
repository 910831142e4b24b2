/**
 * Links and ping addresses, word by word: what each may be, and how many there are. ha.cf and
 * cluster.yaml bring the words here.
 */
import type { Draft, DraftLink } from './cluster-draft.js';
import { INTERFACE_EXPECTED, isAbsolutePath, isInterfaceName } from './heartbeat-values.js';
import { isDecimal, isHostName, isIpv4, isIpv6 } from './ip-address.js';
import { quote, type Token } from './source-text.js';

/** The speeds of a serial port that the driver can set. */
export const BAUDS = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800] as const;

/** Heartbeat's limit of media (MAXMEDIA); every link costs a socket and a timer. */
const LINKS_MAX = 64;

/** Each address costs a program that runs all the time; networks have a handful of routers. */
const PINGS_MAX = 16;

function addLink(draft: Draft, at: Token, link: DraftLink): void {
  if (draft.links.some((known) => linkKey(known) === linkKey(link))) {
    draft.report.warning(at, `Link ${quote(linkKey(link))} is given twice`, 'each link once');
  } else if (draft.links.length === LINKS_MAX) {
    draft.report.error(at, 'There are too many links', `at most ${String(LINKS_MAX)}`);
  } else {
    noteTwins(draft, at, link);
    draft.links.push(link);
  }
}

/** What comes in by one interface and port belongs to one link: the other would look dead. */
function noteTwins(draft: Draft, at: Token, link: DraftLink): void {
  const place = placeOf(draft, link);
  const twin = draft.links.find(
    (known) => known.kind !== link.kind && place !== null && placeOf(draft, known) === place,
  );
  if (twin === undefined) return;
  draft.report.warning(
    at,
    `Links ${quote(linkKey(twin))} and ${quote(linkKey(link))} cannot be told apart, so one of ` +
      'them will look dead',
    'one link for each interface: two on one cable fail together',
  );
}

/** Interface and port of what is received; null for a serial line. */
function placeOf(draft: Draft, link: DraftLink): string | null {
  if (link.kind === 'serial') return null;
  const port = link.kind === 'mcast' ? link.port : draft.udpPort;
  return `${link.device} ${String(port)}`;
}

function linkKey(link: DraftLink): string {
  switch (link.kind) {
    case 'bcast':
      return `bcast ${link.device}`;
    case 'ucast':
      return `ucast ${link.device} ${link.address}`;
    case 'mcast':
      return `mcast ${link.device} ${link.group} ${String(link.port)}`;
    case 'serial':
      return `serial ${link.path}`;
  }
}

/** Reports a word that cannot be used; true when it can. */
export function checkWord(draft: Draft, at: Token, valid: boolean, expected: string): boolean {
  if (!valid) draft.report.error(at, `Cannot use ${quote(at.text)} here`, expected);
  return valid;
}

/** A null modem; without a speed that of the file counts. */
export function addSerial(draft: Draft, at: Token, baud?: number): void {
  const valid = isAbsolutePath(at.text) && at.text.startsWith('/dev/');
  if (!checkWord(draft, at, valid, 'the path of a serial port, such as /dev/ttyS0')) return;
  const link = { kind: 'serial', path: at.text } as const;
  addLink(draft, at, baud === undefined ? link : { ...link, baud });
}

/** UDP broadcast on an interface. */
export function addBcast(draft: Draft, at: Token): void {
  if (!checkWord(draft, at, isInterfaceName(at.text), INTERFACE_EXPECTED)) return;
  addLink(draft, at, { kind: 'bcast', device: at.text });
}

/** UDP to one peer. */
export function addUcast(draft: Draft, device: Token, peer: Token): void {
  if (!checkWord(draft, device, isInterfaceName(device.text), INTERFACE_EXPECTED)) return;
  if (!checkPeer(draft, peer)) return;
  addLink(draft, device, { kind: 'ucast', device: device.text, address: peer.text });
}

/** Reports what cannot be the address of a node; a name is accepted with a warning. */
export function checkPeer(draft: Draft, peer: Token): boolean {
  const named = isHostName(peer.text);
  const valid = isIpv4(peer.text) || named;
  if (!checkWord(draft, peer, valid, 'the address of the peer, such as 10.0.0.2')) return false;
  if (named) noteName(draft, peer);
  return true;
}

function noteName(draft: Draft, at: Token): void {
  draft.report.warning(
    at,
    `Host name ${quote(at.text)} has to be resolved while the network may be failing`,
    'an address, which needs no name service',
  );
}

/** The numbers of a multicast link, checked by whoever read them. */
export interface McastNumbers {
  readonly port: number;
  readonly ttl: number;
  readonly loop: boolean;
}

/** UDP to a group, when checkMcast has found nothing. */
export function addMcast(draft: Draft, device: Token, group: Token, numbers: McastNumbers): void {
  addLink(draft, device, { kind: 'mcast', device: device.text, group: group.text, ...numbers });
}

/** Reports both words that cannot be used. */
export function checkMcast(draft: Draft, device: Token, group: Token): boolean {
  const deviceFits = checkWord(draft, device, isInterfaceName(device.text), INTERFACE_EXPECTED);
  const expected = 'a multicast address, such as 225.0.0.1';
  return checkWord(draft, group, isMulticast(group.text), expected) && deviceFits;
}

function isMulticast(text: string): boolean {
  return isIpv4(text) && isDecimal(text.split('.')[0] ?? '', 224, 239);
}

/** A host whose answer shows that this node's own network works. */
export function addPing(draft: Draft, at: Token): void {
  if (takePing(draft, at)) draft.ping.push({ name: at.text, addresses: [at.text] });
}

/** Several such hosts that count as one: the network works as long as one of them answers. */
export function addPingGroup(draft: Draft, name: Token, members: readonly Token[]): void {
  if (!/^[A-Za-z0-9_][\w.-]{0,63}$/.test(name.text)) {
    const expected = 'letters, digits, ".", "-" and "_"';
    draft.report.error(name, `Ping group cannot be ${quote(name.text)}`, expected);
    return;
  }
  if (draft.ping.some((target) => target.name === name.text)) {
    const message = `Ping group ${quote(name.text)} is given twice`;
    draft.report.error(name, message, 'each group once, with all its addresses');
    return;
  }
  const addresses: string[] = [];
  for (const at of members) {
    if (!addresses.includes(at.text) && takePing(draft, at, addresses.length)) addresses.push(at.text);
  }
  if (addresses.length > 0) draft.ping.push({ name: name.text, addresses });
}

/** True for an address that can be pinged and is not pinged already; `more` are taken beside it. */
function takePing(draft: Draft, at: Token, more = 0): boolean {
  const named = isHostName(at.text);
  const valid = named || isIpv4(at.text) || isIpv6(at.text);
  if (!checkWord(draft, at, valid, 'an address that answers to ping, such as the router 10.0.0.254')) {
    return false;
  }
  if (named) noteName(draft, at);
  const known = draft.ping.flatMap(({ addresses }) => addresses);
  if (known.includes(at.text)) return false;
  if (known.length + more < PINGS_MAX) return true;
  draft.report.error(at, 'There are too many ping addresses', `at most ${String(PINGS_MAX)}`);
  return false;
}
