/**
 * One word of haresources: `10.9.0.100/24`, `drbddisk::r0`, `Filesystem::/dev/drbd0::/db::ext4`.
 * What Tandem has a kind for becomes that kind; every other word names a script.
 */
import type { IpSpec, ResourceSpec } from '../resources/spec.js';
import { isAbsolutePath, isInterfaceName } from './heartbeat-values.js';
import { isIpv4, prefixLengthOf } from './ip-address.js';
import type { Reporter } from './reporter.js';
import { quote, splitToken, within, type Token } from './source-text.js';

/** A word split at `::`. */
interface Word {
  readonly report: Reporter;
  readonly token: Token;
  readonly name: string;
  readonly args: readonly Token[];
}

/** Names that Debian, Red Hat and MySQL itself gave to the server's init script. */
const MYSQL_NAMES: readonly string[] = ['mysql', 'mysqld', 'mariadb'];

/**
 * Reads a resource word. `existingScripts` are the names in resource.d: a script of the operator
 * called `mysql` goes before our native kind. Null when an error was reported.
 */
export function readResourceWord(
  token: Token,
  existingScripts: readonly string[],
  report: Reporter,
): ResourceSpec | null {
  // Heartbeat's glob [0-9]*.[0-9]*.[0-9]*.[0-9]* implies IPaddr.
  if (/^\d[^.]*\.\d[^.]*\.\d[^.]*\.\d/.test(token.text)) return readIp(token, report);
  const [head, ...args] = splitToken(token, '::');
  const name = head?.text ?? '';
  const word = { report, token, name, args };
  if (name === 'IPaddr' || name === 'IPaddr2') return readIpWord(word);
  if (name === 'drbddisk') return readDrbd(word);
  if (name === 'Filesystem') return readFilesystem(word);
  if (MYSQL_NAMES.includes(name) && !existingScripts.includes(name)) return readMysql(word);
  return readScript(word);
}

/** The name a group gets when this is its last word: its script's name, or the address. */
export function nameOfWord(word: string, spec: ResourceSpec): string {
  return spec.kind === 'ip' ? spec.address : (word.split('::')[0] ?? word);
}

function refuse(word: Word, at: Token, message: string, form: string): null {
  word.report.error(at, message, quote(form));
  return null;
}

/** True when there are `min` to `max` arguments; reports the form when there are not. */
function checkCount(word: Word, min: number, max: number, form: string): boolean {
  const { args } = word;
  if (args.length >= min && args.length <= max) return true;
  const extra = args[max];
  if (extra === undefined) {
    refuse(word, word.token, `Resource ${quote(word.token.text)} has too few arguments`, form);
  } else {
    refuse(word, extra, `Resource ${quote(word.name)} has an argument too many`, form);
  }
  return false;
}

const IP_FORM = 'IPaddr::ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]]';

function readIpWord(word: Word): IpSpec | null {
  const [argument] = word.args;
  if (!checkCount(word, 1, 1, IP_FORM) || argument === undefined) return null;
  return readIp(argument, word.report);
}

/** As IP_FORM has it; a third part that begins with a digit is the broadcast address. */
function readIp(token: Token, report: Reporter): IpSpec | null {
  const [address, mask, third, fourth, fifth] = splitToken(token, '/');
  if (address === undefined) return null;
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
  const thirdIsBroadcast = third !== undefined && /^\d/.test(third.text);
  const nic = thirdIsBroadcast ? undefined : third;
  const broadcast = thirdIsBroadcast ? third : fourth;
  const device = nic === undefined ? null : withoutAlias(nic, report);
  if (nic !== undefined && !isInterfaceName(device ?? '')) {
    return refused(nic, 'Interface', 'the name of a network interface, such as eth1');
  }
  if (broadcast !== undefined && !isIpv4(broadcast.text)) {
    return refused(broadcast, 'Broadcast address', 'an address such as 10.9.0.255');
  }
  const extra = thirdIsBroadcast ? fourth : fifth;
  if (extra !== undefined) return refused(extra, 'A further part', quote(IP_FORM));
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

function readDrbd(word: Word): ResourceSpec | null {
  const form = 'drbddisk::RESOURCE';
  const [resource] = word.args;
  if (!checkCount(word, 1, 1, form) || resource === undefined) return null;
  if (!/^[A-Za-z0-9_][\w.-]{0,127}$/.test(resource.text)) {
    const message = `DRBD resource cannot be ${quote(resource.text)}`;
    return refuse(word, resource, message, form);
  }
  return { kind: 'drbd', id: `drbd:${resource.text}`, resource: resource.text };
}

const FILESYSTEM_FORM = 'Filesystem::DEVICE::DIRECTORY[::TYPE[::OPTIONS]]';

function readFilesystem(word: Word): ResourceSpec | null {
  const [device, directory, type, options] = word.args;
  if (!checkCount(word, 2, 4, FILESYSTEM_FORM)) return null;
  if (device === undefined || directory === undefined) return null;
  const source = mountSource(device.text);
  if (source === null) {
    const expected = 'an absolute path, LABEL=NAME, UUID=ID or HOST:/PATH';
    word.report.error(device, `Device cannot be ${quote(device.text)}`, expected);
    return null;
  }
  if (!isAbsolutePath(directory.text)) {
    const message = `Mount point cannot be ${quote(directory.text)}`;
    word.report.error(directory, message, 'an absolute path');
    return null;
  }
  const fstype = type?.text ?? '';
  if (type !== undefined && !/^([a-z0-9][a-z0-9._-]{0,31})?$/i.test(fstype)) {
    return refuse(word, type, `File system type cannot be ${quote(fstype)}`, FILESYSTEM_FORM);
  }
  const path = plainPath(directory.text);
  return {
    kind: 'filesystem',
    id: `filesystem:${path}`,
    device: source,
    directory: path,
    fstype: fstype === '' || fstype === 'auto' ? null : fstype,
    options: (options?.text ?? '').split(',').filter((option) => option !== ''),
  };
}

/** The first argument of mount(8); Heartbeat also took `-Llabel` and `-Uuuid`. */
function mountSource(text: string): string | null {
  if (isAbsolutePath(text)) return text;
  if (/^-[LU]./.test(text)) return `${text.startsWith('-L') ? 'LABEL' : 'UUID'}=${text.slice(2)}`;
  if (/^(LABEL|UUID|PARTLABEL|PARTUUID)=./.test(text)) return text;
  return /^[\w.[\]-]{1,253}:\/[^\s\0]*$/.test(text) && !text.startsWith('-') ? text : null;
}

/** Without doubled and trailing slashes, so that one directory has one name. */
function plainPath(path: string): string {
  return `/${path.split('/').filter((part) => part !== '').join('/')}`;
}

function readMysql(word: Word): ResourceSpec | null {
  const form = `${word.name}[::/DATADIR]`;
  if (!checkCount(word, 0, 1, form)) return null;
  const [datadir] = word.args;
  const own = { kind: 'mysql', id: 'mysql', datadir: null, defaultsFile: null } as const;
  if (datadir === undefined) return own;
  if (!isAbsolutePath(datadir.text)) {
    return refuse(word, datadir, `Data directory cannot be ${quote(datadir.text)}`, form);
  }
  const path = plainPath(datadir.text);
  return { ...own, id: `mysql:${path}`, datadir: path };
}

function readScript(word: Word): ResourceSpec | null {
  const { name, token, args, report } = word;
  if (name === '\\') {
    const expected = 'a resource, or the "\\" at the end of the line';
    report.error(token, 'A backslash continues a line only at its end', expected);
    return null;
  }
  if (!/^[A-Za-z0-9_][\w.+@-]{0,127}$/.test(name)) {
    const expected = 'the name of a script in resource.d or init.d, or an address';
    report.error(within(token, 0, name), `Resource cannot be ${quote(name)}`, expected);
    return null;
  }
  const given = args.filter((arg) => arg.text !== '');
  if (given.length < args.length) {
    const message = `Resource ${quote(token.text)} has an empty argument, which is left out`;
    report.warning(token, message, quote('SCRIPT::ARGUMENT'));
  }
  const texts = given.map((arg) => arg.text);
  return { kind: 'script', id: [name, ...texts].join('::'), name, args: texts };
}
