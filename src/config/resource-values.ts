/**
 * Resources, word by word: what a device, a mount point, an address or a script may be called.
 * haresources and cluster.yaml bring the words here; `expected` is how theirs should have looked.
 * Each function returns null when it has reported an error.
 */
import type {
  DrbdSpec,
  FilesystemSpec,
  IpSpec,
  MysqlSpec,
  ScriptSpec,
} from '../resources/spec.js';
import { isAbsolutePath, isInterfaceName } from './heartbeat-values.js';
import { isIpv4, prefixLengthOf } from './ip-address.js';
import type { Reporter } from './reporter.js';
import { quote, splitToken, type Token } from './source-text.js';

/** A DRBD resource. */
export function drbdOf(name: Token, expected: string, report: Reporter): DrbdSpec | null {
  if (!/^[A-Za-z0-9_][\w.-]{0,127}$/.test(name.text)) {
    report.error(name, `DRBD resource cannot be ${quote(name.text)}`, expected);
    return null;
  }
  return { kind: 'drbd', id: `drbd:${name.text}`, resource: name.text };
}

/** The words of a mount, as in fstab. */
export interface FilesystemWords {
  readonly device: Token;
  readonly directory: Token;
  readonly fstype: Token | undefined;
  /** Each may hold several, separated by commas. */
  readonly options: readonly Token[];
}

/** A mounted file system. */
export function filesystemOf(
  words: FilesystemWords,
  expected: string,
  report: Reporter,
): FilesystemSpec | null {
  const { device, directory } = words;
  const source = mountSource(device.text);
  if (source === null) {
    const sources = 'an absolute path, LABEL=NAME, UUID=ID or HOST:/PATH';
    report.error(device, `Device cannot be ${quote(device.text)}`, sources);
  }
  if (!isAbsolutePath(directory.text)) {
    const message = `Mount point cannot be ${quote(directory.text)}`;
    report.error(directory, message, 'an absolute path');
    return null;
  }
  const fstype = words.fstype?.text ?? '';
  if (words.fstype !== undefined && !/^([a-z0-9][a-z0-9._-]{0,31})?$/i.test(fstype)) {
    report.error(words.fstype, `File system type cannot be ${quote(fstype)}`, expected);
    return null;
  }
  const options = mountOptions(words.options, report);
  if (source === null || options === null) return null;
  const path = plainPath(directory.text);
  return {
    kind: 'filesystem',
    id: `filesystem:${path}`,
    device: source,
    directory: path,
    fstype: fstype === '' || fstype === 'auto' ? null : fstype,
    options,
  };
}

function mountOptions(tokens: readonly Token[], report: Reporter): readonly string[] | null {
  const faulty = tokens.find((token) => /[\s\0]/.test(token.text));
  if (faulty !== undefined) {
    const message = `Mount option cannot be ${quote(faulty.text)}`;
    report.error(faulty, message, 'words without blanks, such as noatime');
    return null;
  }
  return tokens.flatMap((token) => token.text.split(',')).filter((option) => option !== '');
}

/** The first argument of mount(8); Heartbeat also took `-Llabel` and `-Uuuid`. */
function mountSource(text: string): string | null {
  if (isAbsolutePath(text)) return text;
  if (/\s/.test(text)) return null;
  if (/^-[LU]./.test(text)) return `${text.startsWith('-L') ? 'LABEL' : 'UUID'}=${text.slice(2)}`;
  if (/^(LABEL|UUID|PARTLABEL|PARTUUID)=./.test(text)) return text;
  return /^[\w.[\]-]{1,253}:\/[^\s\0]*$/.test(text) && !text.startsWith('-') ? text : null;
}

/** Without doubled and trailing slashes, so that one directory has one name. */
function plainPath(path: string): string {
  return `/${path.split('/').filter((part) => part !== '').join('/')}`;
}

/** A database server; without words it reads everything from its own option files. */
export function mysqlOf(
  words: { readonly datadir: Token | undefined; readonly defaultsFile: Token | undefined },
  expected: string,
  report: Reporter,
): MysqlSpec | null {
  const { datadir, defaultsFile } = words;
  const refused = (at: Token | undefined, what: string): boolean => {
    if (at === undefined || isAbsolutePath(at.text)) return false;
    report.error(at, `${what} cannot be ${quote(at.text)}`, expected);
    return true;
  };
  const faults = [refused(datadir, 'Data directory'), refused(defaultsFile, 'Option file')];
  if (faults.includes(true)) return null;
  const paths = [datadir, defaultsFile].map((at) => (at === undefined ? null : plainPath(at.text)));
  const [directory = null, file = null] = paths;
  const own = directory ?? file;
  return {
    kind: 'mysql',
    id: own === null ? 'mysql' : `mysql:${own}`,
    datadir: directory,
    defaultsFile: file,
  };
}

/** The words of a service address. */
export interface IpWords {
  readonly address: Token;
  /** A prefix length or a netmask. */
  readonly mask: Token | undefined;
  readonly device: Token | undefined;
  readonly broadcast: Token | undefined;
}

/** `ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]]`: as both formats write an address in one word. */
export const IP_FORM = 'ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]]';

/** Splits IP_FORM; a third part that begins with a digit is the broadcast address. */
export function splitIp(token: Token, form: string, report: Reporter): IpWords | null {
  const [address = token, mask, third, fourth, fifth] = splitToken(token, '/');
  const thirdIsBroadcast = third !== undefined && /^\d/.test(third.text);
  const extra = thirdIsBroadcast ? fourth : fifth;
  if (extra !== undefined) {
    report.error(extra, `A further part cannot be ${quote(extra.text)}`, quote(form));
    return null;
  }
  const device = thirdIsBroadcast ? undefined : third;
  return { address, mask, device, broadcast: thirdIsBroadcast ? third : fourth };
}

/** A service address. */
export function ipOf(words: IpWords, report: Reporter): IpSpec | null {
  const { address, mask, broadcast } = words;
  const refused = (at: Token, what: string, expected: string): null => {
    report.error(at, `${what} cannot be ${quote(at.text)}`, expected);
    return null;
  };
  if (!isIpv4(address.text)) {
    return refused(address, 'Service address', 'an address such as 10.9.0.100');
  }
  const prefixLength = mask === undefined ? null : prefixLengthOf(mask.text);
  if (mask !== undefined && prefixLength === undefined) {
    return refused(mask, 'Prefix length', '1 to 32, or a netmask such as 255.255.255.0');
  }
  const device = words.device === undefined ? null : withoutAlias(words.device, report);
  if (words.device !== undefined && !isInterfaceName(device ?? '')) {
    return refused(words.device, 'Interface', 'the name of a network interface, such as eth1');
  }
  if (broadcast !== undefined && !isIpv4(broadcast.text)) {
    return refused(broadcast, 'Broadcast address', 'an address such as 10.9.0.255');
  }
  return {
    kind: 'ip',
    id: `ip:${address.text}`,
    address: address.text,
    prefixLength: prefixLength ?? null,
    device,
    broadcast: broadcast?.text ?? null,
  };
}

/** `eth0` of `eth0:1`: labels of the ifconfig age are not devices. */
function withoutAlias(nic: Token, report: Reporter): string {
  const match = /^([^:]+):\d{1,4}$/.exec(nic.text);
  if (match?.[1] === undefined) return nic.text;
  report.warning(nic, `Label ${quote(nic.text)} is not used`, `the device, ${quote(match[1])}`);
  return match[1];
}

const NAME = /^[A-Za-z0-9_][\w.+@-]{0,127}$/;

/** True for the name of a group: whatever a script, or an address, may be called. */
export function isGroupName(text: string): boolean {
  return NAME.test(text);
}

/** A script of resource.d or init.d with its arguments. */
export function scriptOf(
  name: Token,
  args: readonly string[],
  expected: string,
  report: Reporter,
): ScriptSpec | null {
  if (!NAME.test(name.text)) {
    report.error(name, `Resource cannot be ${quote(name.text)}`, expected);
    return null;
  }
  return { kind: 'script', id: [name.text, ...args].join('::'), name: name.text, args };
}
