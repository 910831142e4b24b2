import { err, ok, type Result } from '../base/result.js';
import { lacksWords, refuseExtraWords, scalar, type Directive } from './ha-cf-draft.js';
import type { Draft, DraftLink } from './ha-cf-draft.js';
import { INTERFACE_EXPECTED, isAbsolutePath, isInterfaceName } from './heartbeat-values.js';
import { isDecimal, isHostName, isIpv4, isIpv6 } from './ip-address.js';
import { didYouMean } from './reporter.js';
import { quote, type Token } from './source-text.js';

/** Heartbeat's limit of media (MAXMEDIA); every link costs a socket and a timer. */
const LINKS_MAX = 64;

/** Each address costs a probe in every keepalive; a handful is what networks have routers for. */
const PINGS_MAX = 16;

function addLink(draft: Draft, at: Token, link: DraftLink): void {
  if (draft.links.some((known) => linkKey(known) === linkKey(link))) {
    draft.report.warning(at, `Link ${quote(linkKey(link))} is given twice`, 'each link once');
  } else if (draft.links.length === LINKS_MAX) {
    draft.report.error(at, 'There are too many links', `at most ${String(LINKS_MAX)}`);
  } else {
    draft.links.push(link);
  }
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

function check(draft: Draft, at: Token, valid: boolean, expected: string): boolean {
  if (!valid) draft.report.error(at, `Cannot use ${quote(at.text)} here`, expected);
  return valid;
}

/** `serial /dev/ttyS0 ...`: a null modem, one link each. */
export const serial: Directive = (draft, line) => {
  if (lacksWords(draft, line, 1, 'serial /dev/ttyS0')) return;
  for (const at of line.values) {
    const valid = isAbsolutePath(at.text) && at.text.startsWith('/dev/');
    if (!check(draft, at, valid, 'the path of a serial port, such as /dev/ttyS0')) continue;
    addLink(draft, at, { kind: 'serial', path: at.text });
  }
};

/** `bcast eth1 ...`: UDP broadcast, one link for each interface. */
export const bcast: Directive = (draft, line) => {
  if (lacksWords(draft, line, 1, `${line.name.text} INTERFACE`)) return;
  for (const at of line.values) {
    if (!check(draft, at, isInterfaceName(at.text), INTERFACE_EXPECTED)) continue;
    addLink(draft, at, { kind: 'bcast', device: at.text });
  }
};

/** The name that `bcast` had in Heartbeat 0.4. */
export const udp: Directive = (draft, line) => {
  draft.report.warning(line.name, 'Directive "udp" is obsolete; it is read as "bcast"', '"bcast"');
  bcast(draft, line);
};

/** `ucast eth0 10.0.0.2`: UDP to one peer. The line of this node itself does no harm. */
export const ucast: Directive = (draft, line) => {
  const form = 'ucast INTERFACE PEER-ADDRESS';
  if (lacksWords(draft, line, 2, form)) return;
  refuseExtraWords(draft, line, 2, form);
  const [device, peer] = line.words as readonly [Token, Token];
  const address = peer.text;
  const named = isHostName(address);
  const valid = isIpv4(address) || named;
  if (!check(draft, device, isInterfaceName(device.text), INTERFACE_EXPECTED)) return;
  if (!check(draft, peer, valid, 'the address of the peer, such as 10.0.0.2')) return;
  if (named) noteName(draft, peer);
  addLink(draft, device, { kind: 'ucast', device: device.text, address });
};

function noteName(draft: Draft, at: Token): void {
  draft.report.warning(
    at,
    `Host name ${quote(at.text)} has to be resolved while the network may be failing`,
    'an address, which needs no name service',
  );
}

/** What a multicast line looks like. */
export const MCAST_FORM = 'mcast INTERFACE GROUP PORT TTL LOOP';

type FiveTokens = readonly [Token, Token, Token, Token, Token];

/** `mcast eth0 225.0.0.1 694 1 0`: UDP to a group. The port is its own, not that of udpport. */
export const mcast: Directive = (draft, line) => {
  if (lacksWords(draft, line, 5, MCAST_FORM)) return;
  refuseExtraWords(draft, line, 5, MCAST_FORM);
  const [device, group, port, ttl, loop] = line.words as FiveTokens;
  const checks = [
    check(draft, device, isInterfaceName(device.text), INTERFACE_EXPECTED),
    check(draft, group, isMulticast(group.text), 'a multicast address, such as 225.0.0.1'),
    check(draft, port, isDecimal(port.text, 1, 65_535), 'a port, 1 to 65535'),
    check(draft, ttl, isDecimal(ttl.text, 0, 255), 'a time to live, 0 to 255'),
    check(draft, loop, isDecimal(loop.text, 0, 1), '0 or 1'),
  ];
  if (checks.includes(false)) return;
  addLink(draft, device, {
    kind: 'mcast',
    device: device.text,
    group: group.text,
    port: Number(port.text),
    ttl: Number(ttl.text),
    loop: loop.text === '1',
  });
};

function isMulticast(text: string): boolean {
  return isIpv4(text) && isDecimal(text.split('.')[0] ?? '', 224, 239);
}

/** A medium that Tandem does not speak: leaving it out silently would cost redundancy. */
export function unsupportedMedium(instead: string): Directive {
  return (draft, line) => {
    draft.report.error(
      line.name,
      `Medium ${quote(line.name.text)} is not supported`,
      'serial, bcast, ucast or mcast',
      `delete the line, or write ${quote(instead)}`,
    );
  };
}

/** `ping 10.0.0.254 ...`: hosts whose answer shows that this node's own network works. */
export const ping: Directive = (draft, line) => {
  if (lacksWords(draft, line, 1, `${line.name.text} ADDRESS`)) return;
  for (const at of line.values) addPing(draft, at);
};

/** `ping_group NAME ADDRESS ...`: Heartbeat counts the group once, Tandem each member. */
export const pingGroup: Directive = (draft, line) => {
  if (lacksWords(draft, line, 2, 'ping_group NAME ADDRESS...')) return;
  const members = line.words.slice(1);
  for (const at of members) addPing(draft, at);
  if (members.length < 2) return;
  draft.report.warning(
    line.name,
    'Tandem counts each member of a ping group on its own',
    'one "ping" line for each address',
  );
};

function addPing(draft: Draft, at: Token): void {
  const named = isHostName(at.text);
  const valid = named || isIpv4(at.text) || isIpv6(at.text);
  if (!check(draft, at, valid, 'an address that answers to ping, such as the router 10.0.0.254')) {
    return;
  }
  if (named) noteName(draft, at);
  if (draft.ping.includes(at.text)) return;
  if (draft.ping.length < PINGS_MAX) draft.ping.push(at.text);
  else draft.report.error(at, 'There are too many ping addresses', `at most ${String(PINGS_MAX)}`);
}

const BAUDS = ['9600', '19200', '38400', '57600', '115200', '230400', '460800'] as const;

/** `baud 115200`: for all serial links of the file, wherever it stands. */
export const baud: Directive = scalar(
  'baud 19200',
  (text): Result<number, string> => {
    if ((BAUDS as readonly string[]).includes(text)) return ok(Number(text));
    const guess = didYouMean(text, BAUDS);
    return err(`one of ${BAUDS.join(', ')}${guess === undefined ? '' : `; ${guess}`}`);
  },
  (draft, value) => {
    draft.baud = value;
  },
);

/** `udpport 694`: for bcast and ucast, wherever it stands. */
export const udpPort: Directive = scalar(
  'udpport 694',
  (text): Result<number, string> =>
    isDecimal(text, 1, 65_535) ? ok(Number(text)) : err('a port, 1 to 65535'),
  (draft, value) => {
    draft.udpPort = value;
  },
);

