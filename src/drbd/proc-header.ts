import { excerpt, type ProcLine, type Warn } from './proc-line.js';

/** Where the module's code comes from: the second line of /proc/drbd. */
export interface ProcBuild {
  readonly kind: 'git' | 'svn' | 'srcversion' | 'built-in';
  /** The commit, the revision or the source checksum; null for `built-in`. */
  readonly id: string | null;
  /** `user@host`, either part may be empty; null when it is not printed. */
  readonly builder: string | null;
  /** As printed; null when it is not. */
  readonly date: string | null;
}

/** A DRBD 9 transport module; `version` is null where the kernel prints NONE. */
export interface ProcTransport {
  readonly name: string;
  readonly version: string | null;
}

/** What the first lines say about the module. */
export interface ProcHeader {
  /** As printed: `8.4.11`, `8.4.7-1`, `9.0.0rc1`. Never assume three numbers. */
  readonly version: string;
  /** `[8, 4, 11]`; empty when the version does not begin with a number. */
  readonly release: readonly number[];
  readonly api: number | null;
  /** Network protocol range; 0.7 and 8.0 print one number, here both ends. */
  readonly protoMin: number | null;
  readonly protoMax: number | null;
  /** DRBD 9.3 built to list devices without node ids in the 8.4 layout. */
  readonly compat84: boolean;
  readonly build: ProcBuild | null;
  /** DRBD 9 only; null when the line is absent. */
  readonly transports: readonly ProcTransport[] | null;
}

/** Reads `version: 8.4.11 (api:1/proto:86-101)`; 9.3 may add ` (compat 8.4)`. */
export function parseVersionLine(line: ProcLine, warn: Warn): ProcHeader {
  const rest = line.text.slice('version:'.length).trim();
  const open = rest.indexOf('(');
  const version = (open < 0 ? rest : rest.slice(0, open)).trim();
  const numbers = /\(api:(\d{1,6})\/proto:(\d{1,6})(?:-(\d{1,6}))?\)/.exec(rest);
  if (version === '' || numbers === null) {
    warn(line, 0, `version line without "(api:N/proto:N)": ${excerpt(line.text)}`);
  }
  const protoMin = numbers === null ? null : Number(numbers[2]);
  return {
    version,
    release: releaseNumbers(version),
    api: numbers === null ? null : Number(numbers[1]),
    protoMin,
    protoMax: numbers?.[3] === undefined ? protoMin : Number(numbers[3]),
    compat84: rest.endsWith('(compat 8.4)'),
    build: null,
    transports: null,
  };
}

function releaseNumbers(version: string): readonly number[] {
  const match = /^(\d{1,5})(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?/.exec(version);
  return match === null ? [] : match.slice(1).flatMap((part) => (part ? [Number(part)] : []));
}

/** Reads the build line, or returns null when the line is something else. */
export function parseBuildLine(text: string): ProcBuild | null {
  if (text === 'built-in') return { kind: 'built-in', id: null, builder: null, date: null };
  if (text.startsWith('srcversion:')) {
    const id = text.slice('srcversion:'.length).trim();
    return { kind: 'srcversion', id, builder: null, date: null };
  }
  if (text.startsWith('GIT-hash:')) return parseBuildTag('git', text.slice('GIT-hash:'.length));
  if (text.startsWith('SVN Revision:')) {
    return parseBuildTag('svn', text.slice('SVN Revision:'.length));
  }
  return null;
}

/** Reads `ID [modified files] build by USER@HOST, DATE` or `ID reproducible build, DATE`. */
function parseBuildTag(kind: 'git' | 'svn', text: string): ProcBuild {
  const tag = text.trim();
  const end = tag.indexOf(' ');
  const id = end < 0 ? tag : tag.slice(0, end);
  const comma = tag.lastIndexOf(', ');
  const date = comma < 0 ? null : tag.slice(comma + 2).trim();
  const by = tag.indexOf(' build by ');
  if (by < 0) return { kind, id, builder: null, date };
  const builder = tag.slice(by + ' build by '.length, comma > by ? comma : undefined);
  return { kind, id, builder: builder.replace(/,$/, ''), date: comma > by ? date : null };
}

/** Reads `Transports (api:21): tcp (9.2.14) rdma (NONE)`. */
export function parseTransportsLine(line: ProcLine, warn: Warn): readonly ProcTransport[] {
  const colon = line.text.indexOf('):');
  const list = colon < 0 ? '' : line.text.slice(colon + 2).trim();
  if (colon < 0) warn(line, 0, `transports line without "(api:N):": ${excerpt(line.text)}`);
  const transports: ProcTransport[] = [];
  for (const item of list === '' ? [] : list.split(')')) {
    const open = item.indexOf('(');
    const name = (open < 0 ? item : item.slice(0, open)).trim();
    if (name === '') continue;
    const version = open < 0 ? '' : item.slice(open + 1).trim();
    transports.push({ name, version: version === '' || version === 'NONE' ? null : version });
  }
  return transports;
}
