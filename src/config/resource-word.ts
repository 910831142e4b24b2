/**
 * One word of haresources: `10.9.0.100/24`, `drbddisk::r0`, `Filesystem::/dev/drbd0::/db::ext4`.
 * What Tandem has a kind for becomes that kind; every other word names a script.
 */
import type { IpSpec, ResourceSpec } from '../resources/spec.js';
import type { Reporter } from './reporter.js';
import {
  drbdOf,
  filesystemOf,
  IP_FORM,
  ipOf,
  mysqlOf,
  scriptOf,
  splitIp,
} from './resource-values.js';
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

/** True when there are `min` to `max` arguments; reports the form when there are not. */
function checkCount(word: Word, min: number, max: number, form: string): boolean {
  const { args, report } = word;
  if (args.length >= min && args.length <= max) return true;
  const extra = args[max];
  if (extra === undefined) {
    const message = `Resource ${quote(word.token.text)} has too few arguments`;
    report.error(word.token, message, quote(form));
  } else {
    report.error(extra, `Resource ${quote(word.name)} has an argument too many`, quote(form));
  }
  return false;
}

function readIpWord(word: Word): IpSpec | null {
  const [argument] = word.args;
  if (!checkCount(word, 1, 1, `IPaddr::${IP_FORM}`) || argument === undefined) return null;
  return readIp(argument, word.report);
}

function readIp(token: Token, report: Reporter): IpSpec | null {
  const words = splitIp(token, `IPaddr::${IP_FORM}`, report);
  return words === null ? null : ipOf(words, report);
}

function readDrbd(word: Word): ResourceSpec | null {
  const form = 'drbddisk::RESOURCE';
  const [resource] = word.args;
  if (!checkCount(word, 1, 1, form) || resource === undefined) return null;
  return drbdOf(resource, quote(form), word.report);
}

const FILESYSTEM_FORM = 'Filesystem::DEVICE::DIRECTORY[::TYPE[::OPTIONS]]';

function readFilesystem(word: Word): ResourceSpec | null {
  const [device, directory, fstype, options] = word.args;
  if (!checkCount(word, 2, 4, FILESYSTEM_FORM)) return null;
  if (device === undefined || directory === undefined) return null;
  const words = { device, directory, fstype, options: options === undefined ? [] : [options] };
  return filesystemOf(words, quote(FILESYSTEM_FORM), word.report);
}

function readMysql(word: Word): ResourceSpec | null {
  const form = `${word.name}[::/DATADIR]`;
  const [datadir] = word.args;
  if (!checkCount(word, 0, 1, form)) return null;
  return mysqlOf({ datadir, defaultsFile: undefined }, quote(form), word.report);
}

function readScript(word: Word): ResourceSpec | null {
  const { name, token, args, report } = word;
  if (name === '\\') {
    const expected = 'a resource, or the "\\" at the end of the line';
    report.error(token, 'A backslash continues a line only at its end', expected);
    return null;
  }
  const given = args.map((arg) => arg.text).filter((text) => text !== '');
  const expected = 'the name of a script in resource.d or init.d, or an address';
  const spec = scriptOf(within(token, 0, name), given, expected, report);
  if (spec !== null && given.length < args.length) {
    const message = `Resource ${quote(token.text)} has an empty argument, which is left out`;
    report.warning(token, message, quote('SCRIPT::ARGUMENT'));
  }
  return spec;
}
