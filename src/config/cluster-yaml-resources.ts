/** One resource of cluster.yaml: `drbd: r0`, `ip: 10.9.0.100/24`, `heartbeat:NAME::ARGUMENT`. */
import type { FilesystemSpec, IpSpec, ResourceSpec } from '../resources/spec.js';
import type { ClusterShape } from './cluster-schema.js';
import type { Placed } from './cluster-yaml-shape.js';
import {
  drbdOf,
  filesystemOf,
  IP_FORM,
  ipOf,
  mysqlOf,
  scriptOf,
  splitIp,
} from './resource-values.js';
import type { Reporter } from './reporter.js';
import { didYouMean } from './reporter.js';
import { quote, splitToken, within, type Token } from './source-text.js';

type Resources = NonNullable<ClusterShape['groups']>[string]['resources'];
type Resource = Placed<Resources[number]>;
type Fields = Extract<Resource, { kind: 'object' }>['fields'];
type Part<Key extends string> = Extract<Fields, Readonly<Record<Key, unknown>>>[Key];

const SCRIPT_EXPECTED = 'the name of a script in resource.d or init.d';

/** Reads a resource; null when an error was reported. */
export function readResource(resource: Resource, report: Reporter): ResourceSpec | null {
  if (resource.kind === 'scalar') return readWord(resource.token, report);
  const { fields } = resource;
  if ('drbd' in fields) {
    return drbdOf(fields.drbd.token, 'the name of a DRBD resource, such as r0', report);
  }
  if ('filesystem' in fields) return readFilesystem(fields.filesystem, report);
  if ('ip' in fields) return readIp(fields.ip, report);
  if ('mysql' in fields) {
    const words = fields.mysql.kind === 'scalar' ? {} : fields.mysql.fields;
    return readMysql(words.datadir?.token, words.defaults_file?.token, report);
  }
  const args = (fields.args?.items ?? []).map((arg) => arg.token);
  return readScript(fields.script.token, args, report);
}

function readFilesystem({ fields }: Part<'filesystem'>, report: Reporter): FilesystemSpec | null {
  const { device, directory, fstype, options } = fields;
  const list = options?.kind === 'list' ? options.items : options === undefined ? [] : [options];
  const words = {
    device: device.token,
    directory: directory.token,
    fstype: fstype?.token,
    options: list.map((option) => option.token),
  };
  return filesystemOf(words, 'a type such as ext4', report);
}

function readIp(ip: Part<'ip'>, report: Reporter): IpSpec | null {
  if (ip.kind === 'scalar') {
    const words = splitIp(ip.token, IP_FORM, report);
    return words === null ? null : ipOf(words, report);
  }
  const { address, device, broadcast } = ip.fields;
  const [host = address.token, mask, extra] = splitToken(address.token, '/');
  if (extra !== undefined) {
    const message = `A further part cannot be ${quote(extra.text)}`;
    report.error(extra, message, quote('ADDRESS/PREFIX'), 'give "device" and "broadcast" as keys');
    return null;
  }
  const words = { address: host, mask, device: device?.token, broadcast: broadcast?.token };
  return ipOf(words, report);
}

function readMysql(
  datadir: Token | undefined,
  defaultsFile: Token | undefined,
  report: Reporter,
): ResourceSpec | null {
  return mysqlOf({ datadir, defaultsFile }, 'an absolute path', report);
}

function readScript(
  name: Token,
  args: readonly Token[],
  report: Reporter,
): ResourceSpec | null {
  // eslint-disable-next-line no-control-regex
  const faulty = args.find(({ text }) => text === '' || /[\u0000-\u001f\u007f]/.test(text));
  if (faulty === undefined) {
    return scriptOf(name, args.map((arg) => arg.text), SCRIPT_EXPECTED, report);
  }
  const message = `Argument cannot be ${quote(faulty.text)}`;
  report.error(faulty, message, 'text of one line that is not empty');
  return null;
}

const WORDS = ['heartbeat:', 'lsb:', 'ocf:', 'systemd:', 'mysql'] as const;
const WORD_EXPECTED = '"heartbeat:NAME", "lsb:NAME", or a mapping such as "drbd: r0"';

/** A resource in one word: `CLASS:NAME`. */
function readWord(token: Token, report: Reporter): ResourceSpec | null {
  if (token.text === 'mysql') return readMysql(undefined, undefined, report);
  const colon = token.text.indexOf(':') + 1;
  const name = within(token, colon, token.text.slice(colon));
  switch (token.text.slice(0, colon)) {
    case 'heartbeat:':
    case 'lsb:': {
      const [script = name, ...args] = splitToken(name, '::');
      return readScript(script, args, report);
    }
    case 'ocf:':
      return refuseClass(token, 'OCF agents are', nativeOf(name.text), report);
    case 'systemd:':
      return refuseClass(token, 'Units of systemd are', 'a script that calls systemctl', report);
    default: {
      const guess = didYouMean(token.text.slice(0, colon), WORDS);
      report.error(token, `Resource cannot be ${quote(token.text)}`, WORD_EXPECTED, guess);
      return null;
    }
  }
}

function refuseClass(token: Token, what: string, instead: string, report: Reporter): null {
  report.error(token, `${what} not supported yet: ${quote(token.text)}`, instead);
  return null;
}

/** The agents that our own kinds replace. */
const NATIVE_OF_OCF: Readonly<Record<string, string>> = {
  IPaddr: '"ip: ADDRESS/PREFIX"',
  IPaddr2: '"ip: ADDRESS/PREFIX"',
  Filesystem: '"filesystem: { device: ..., directory: ... }"',
  drbd: '"drbd: RESOURCE"',
  mysql: '"mysql: { datadir: ... }"',
  mariadb: '"mysql: { datadir: ... }"',
};

/** `heartbeat:IPaddr2` -> what to write for it. */
function nativeOf(agent: string): string {
  const name = agent.slice(agent.lastIndexOf(':') + 1);
  const native = Object.hasOwn(NATIVE_OF_OCF, name) ? NATIVE_OF_OCF[name] : undefined;
  return native ?? 'a script of resource.d, as "heartbeat:NAME"';
}
