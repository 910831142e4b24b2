import { err, ok, type Result } from '../base/result.js';
import { lacksWords, refuseExtraWords, scalar, type Directive } from './ha-cf-draft.js';
import { isDecimal } from './ip-address.js';
import * as links from './link-values.js';
import { didYouMean } from './reporter.js';
import { quote, type Token } from './source-text.js';

/** `serial /dev/ttyS0 ...`: a null modem, one link each. */
export const serial: Directive = (draft, line) => {
  if (lacksWords(draft, line, 1, 'serial /dev/ttyS0')) return;
  for (const at of line.values) links.addSerial(draft, at);
};

/** `bcast eth1 ...`: UDP broadcast, one link for each interface. */
export const bcast: Directive = (draft, line) => {
  if (lacksWords(draft, line, 1, `${line.name.text} INTERFACE`)) return;
  for (const at of line.values) links.addBcast(draft, at);
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
  links.addUcast(draft, device, peer);
};

/** What a multicast line looks like. */
export const MCAST_FORM = 'mcast INTERFACE GROUP PORT TTL LOOP';

type FiveTokens = readonly [Token, Token, Token, Token, Token];

/** `mcast eth0 225.0.0.1 694 1 0`: UDP to a group. The port is its own, not that of udpport. */
export const mcast: Directive = (draft, line) => {
  if (lacksWords(draft, line, 5, MCAST_FORM)) return;
  refuseExtraWords(draft, line, 5, MCAST_FORM);
  const [device, group, port, ttl, loop] = line.words as FiveTokens;
  const checks = [
    links.checkMcast(draft, device, group),
    links.checkWord(draft, port, isDecimal(port.text, 1, 65_535), 'a port, 1 to 65535'),
    links.checkWord(draft, ttl, isDecimal(ttl.text, 0, 255), 'a time to live, 0 to 255'),
    links.checkWord(draft, loop, isDecimal(loop.text, 0, 1), '0 or 1'),
  ];
  if (checks.includes(false)) return;
  const numbers = { port: Number(port.text), ttl: Number(ttl.text), loop: loop.text === '1' };
  links.addMcast(draft, device, group, numbers);
};

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
  for (const at of line.values) links.addPing(draft, at);
};

/** `ping_group NAME ADDRESS ...`: counts once, as long as one of its members answers. */
export const pingGroup: Directive = (draft, line) => {
  if (lacksWords(draft, line, 2, 'ping_group NAME ADDRESS...')) return;
  const [name, ...members] = line.words as readonly [Token, ...Token[]];
  links.addPingGroup(draft, name, members);
};

/** `baud 115200`: for all serial links of the file, wherever it stands. */
export const baud: Directive = scalar(
  'baud 19200',
  (text): Result<number, string> => {
    const known = links.BAUDS.map(String);
    if (known.includes(text)) return ok(Number(text));
    const guess = didYouMean(text, known);
    return err(`one of ${known.join(', ')}${guess === undefined ? '' : `; ${guess}`}`);
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
