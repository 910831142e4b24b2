/**
 * Reads `drbdadm dump-xml RESOURCE`, the one output of drbdadm that names volumes, minors and
 * addresses together (`sh-minor` prints minors without their volumes).
 *
 *     <resource name="r0" ...>
 *       <host name="n1">
 *         <volume vnr="0"> <device minor="0">/dev/drbd0</device> <disk>/dev/vda</disk> </volume>
 *         <address family="ipv4" port="7789">10.9.1.1</address>
 *       </host> ...
 *
 * Not an XML parser: drbdadm leaves `<template>` open, which a strict one refuses. It scans tags
 * once, keeps the path of the elements that matter and ignores the rest.
 */
import type { ResourceVolume } from './facts.js';

/** One volume on one host. */
export interface ConfiguredVolume {
  readonly volume: number;
  readonly minor: number;
  /** `/dev/drbd0` */
  readonly device: string;
  /** The backing device; `none` when diskless by intent. */
  readonly disk: string;
  /** `internal`, or a device; absent when it was not told. */
  readonly metaDisk?: string;
  /** Options of its own. */
  readonly diskOptions?: ReadonlyMap<string, string>;
}

/** What a resource's configuration says of one host. */
export interface ConfiguredHost {
  /** Usually one; a floating section has none. */
  readonly names: readonly string[];
  readonly volumes: readonly ConfiguredVolume[];
  /** `ipv4:10.9.1.1:7789` as drbdsetup takes it; null when it stands elsewhere (DRBD 9 meshes). */
  readonly address: string | null;
}

/** When DRBD runs its fence-peer handler, and whether it holds back writes meanwhile (drbd.conf). */
export type FencingPolicy = 'dont-care' | 'resource-only' | 'resource-and-stonith';

const FENCING_POLICIES: readonly FencingPolicy[] = [
  'dont-care',
  'resource-only',
  'resource-and-stonith',
];

/** One resource of the configuration. */
export interface ConfiguredResource {
  readonly resource: string;
  readonly hosts: readonly ConfiguredHost[];
  /** Absent: the default, which is dont-care. */
  readonly fencing?: FencingPolicy;
  /** With those of section common; a flag without a value is `yes`. */
  readonly sections: ConfiguredSections;
}

/** The sections that are kept. Those of peers (DRBD 9) count for the resource. */
export type SectionName = 'options' | 'net' | 'disk' | 'handlers';

/** What the sections of a resource say, by the names of options. */
export type ConfiguredSections = Readonly<Record<SectionName, ReadonlyMap<string, string>>>;

/** Everything found, and what was wrong with the text; no problem stops the reading. */
export interface ConfigQuery {
  readonly resources: readonly ConfiguredResource[];
  readonly problems: readonly string[];
}

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  /** The text up to the next tag. */
  readonly text: string;
}

interface VolumeDraft {
  readonly volume: number;
  minor: number;
  device: string;
  disk: string;
  metaDisk?: string;
  diskOptions?: Map<string, string>;
}

type SectionsDraft = Readonly<Record<SectionName, Map<string, string>>>;

function emptySections(): SectionsDraft {
  return { options: new Map(), net: new Map(), disk: new Map(), handlers: new Map() };
}

interface HostDraft {
  readonly names: readonly string[];
  readonly volumes: VolumeDraft[];
  address: string | null;
}

interface Scan {
  readonly resources: {
    readonly resource: string;
    readonly hosts: HostDraft[];
    fencing?: FencingPolicy;
    readonly sections: SectionsDraft;
  }[];
  host: HostDraft | null;
  volume: VolumeDraft | null;
  /** Inside a `<resource>`: a text that ends there lacks volumes. */
  inResource: boolean;
  /** The policy of section common, which holds for resources without their own. */
  common: FencingPolicy | null;
  readonly commonSections: SectionsDraft;
  /** The section that is open; null outside of those that are kept. */
  section: SectionName | null;
  readonly problems: string[];
}

/** More problems than this say nothing new. */
const PROBLEMS_MAX = 20;

/** Reads the XML. Never throws. */
export function parseDumpXml(xml: string): ConfigQuery {
  const scan: Scan = {
    resources: [],
    host: null,
    volume: null,
    inResource: false,
    common: null,
    commonSections: emptySections(),
    section: null,
    problems: [],
  };
  let at = xml.indexOf('<');
  while (at >= 0) {
    const end = xml.indexOf('>', at);
    if (end < 0) {
      complain(scan, 'the text breaks off inside a tag');
      break;
    }
    const next = xml.indexOf('<', end);
    const text = xml.slice(end + 1, next < 0 ? undefined : next);
    takeTag(scan, tagOf(xml.slice(at + 1, end), text));
    at = next;
  }
  if (scan.inResource) complain(scan, 'the text breaks off inside a resource');
  if (scan.resources.length === 0) complain(scan, 'no <resource> was found');
  const { common, commonSections } = scan;
  const resources = scan.resources.map((resource) => ({
    ...(common === null ? {} : { fencing: common }),
    ...resource,
    sections: withCommon(commonSections, resource.sections),
  }));
  return { resources, problems: scan.problems };
}

/** Section common holds for whatever a resource does not say itself. */
function withCommon(common: SectionsDraft, own: SectionsDraft): ConfiguredSections {
  const join = (name: SectionName): ReadonlyMap<string, string> =>
    new Map([...common[name], ...own[name]]);
  return { options: join('options'), net: join('net'), disk: join('disk'), handlers: join('handlers') };
}

function complain(scan: Scan, problem: string): void {
  if (scan.problems.length < PROBLEMS_MAX) scan.problems.push(problem);
}

function tagOf(inside: string, text: string): Tag {
  const closing = inside.startsWith('/');
  const name = /^\/?([a-z-]{1,32})/.exec(inside)?.[1] ?? '';
  const attributes = new Map<string, string>();
  for (const match of inside.matchAll(/([a-z-]{1,32})="([^"]*)"/g)) {
    attributes.set(match[1] ?? '', unescapeXml(match[2] ?? ''));
  }
  return { name, closing, attributes, text: unescapeXml(text.trim()) };
}

const ENTITY: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&amp;': '&',
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITY[entity] ?? entity);
}

function closeTag(scan: Scan, name: string): void {
  if (name === 'volume') scan.volume = null;
  else if (name === 'host' || name === 'resource') scan.host = null;
  if (name === 'resource') scan.inResource = false;
  if (name === 'section') scan.section = null;
}

function takeTag(scan: Scan, tag: Tag): void {
  if (tag.closing) {
    closeTag(scan, tag.name);
    return;
  }
  switch (tag.name) {
    case 'resource':
      scan.host = null;
      scan.inResource = true;
      scan.resources.push({
        resource: tag.attributes.get('name') ?? '',
        hosts: [],
        sections: emptySections(),
      });
      break;
    case 'host':
      openHost(scan, tag);
      break;
    case 'volume':
      openVolume(scan, tag);
      break;
    case 'device':
      takeDevice(scan, tag);
      break;
    case 'disk':
      if (scan.volume !== null) scan.volume.disk = tag.text;
      break;
    case 'meta-disk':
      if (scan.volume !== null) scan.volume.metaDisk = metaDiskOf(tag);
      break;
    case 'section':
      scan.section = SECTION_NAMES.find((name) => name === tag.attributes.get('name')) ?? null;
      break;
    case 'option':
      keepOption(scan, tag);
      takeOption(scan, tag);
      break;
    case 'address':
      if (scan.host !== null) scan.host.address = addressOf(tag);
      break;
    default:
  }
}

const SECTION_NAMES: readonly SectionName[] = ['options', 'net', 'disk', 'handlers'];

/** An option of the volume of a host, of the resource, or of section common. */
function keepOption(scan: Scan, { attributes }: Tag): void {
  const { section, volume } = scan;
  const name = attributes.get('name');
  if (section === null || name === undefined) return;
  const value = attributes.get('value') ?? 'yes';
  if (volume !== null) {
    volume.diskOptions ??= new Map();
    volume.diskOptions.set(name, value);
    return;
  }
  const resource = scan.inResource ? scan.resources.at(-1) : undefined;
  (resource?.sections ?? scan.commonSections)[section].set(name, value);
}

/** `internal`, `/dev/vdb [0]`: the form of drbdsetup show. */
function metaDiskOf({ attributes, text }: Tag): string {
  const index = attributes.get('index');
  return index === undefined ? text : `${text} [ ${index} ]`;
}

/** The policy stands in section disk (8.4) or net (9) of the resource. */
function takeOption(scan: Scan, { attributes }: Tag): void {
  if (attributes.get('name') !== 'fencing') return;
  const policy = FENCING_POLICIES.find((known) => known === attributes.get('value'));
  const resource = scan.resources.at(-1);
  if (policy === undefined) complain(scan, `fencing "${attributes.get('value') ?? ''}" is not known`);
  else if (scan.inResource && resource !== undefined) resource.fencing = policy;
  else scan.common = policy;
}

/** In `<connection>` sections DRBD 9 names the same hosts again, with an address only. */
function openHost(scan: Scan, tag: Tag): void {
  const hosts = scan.resources.at(-1)?.hosts;
  if (hosts === undefined) return;
  const names = (tag.attributes.get('name') ?? '').split(' ').filter((name) => name !== '');
  const known = hosts.find((host) => host.names.some((name) => names.includes(name)));
  scan.host = known ?? { names, volumes: [], address: null };
  if (known === undefined) hosts.push(scan.host);
}

function openVolume(scan: Scan, tag: Tag): void {
  const volume = naturalNumber(tag.attributes.get('vnr'));
  scan.volume = null;
  // Outside a host, a volume only carries options.
  if (scan.host === null) return;
  if (volume === null) complain(scan, `a volume of ${scan.host.names.join(' ')} has no number`);
  else scan.volume = { volume, minor: -1, device: '', disk: '' };
}

function takeDevice(scan: Scan, tag: Tag): void {
  if (scan.volume === null || scan.host === null) return;
  const minor = naturalNumber(tag.attributes.get('minor'));
  if (minor === null) {
    complain(scan, `volume ${scan.volume.volume} of ${scan.host.names.join(' ')} has no minor`);
    return;
  }
  scan.volume.minor = minor;
  // "device minor 0;" names no file: it is the kernel's.
  scan.volume.device = tag.text === '' ? `/dev/drbd${String(minor)}` : tag.text;
  scan.host.volumes.push(scan.volume);
}

function naturalNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : null;
}

function addressOf(tag: Tag): string {
  const family = tag.attributes.get('family') ?? 'ipv4';
  const ip = family === 'ipv6' && !tag.text.startsWith('[') ? `[${tag.text}]` : tag.text;
  return `${family}:${ip}:${tag.attributes.get('port') ?? ''}`;
}

/** The section of a host; null when the resource has none for it. */
export function hostSection(resource: ConfiguredResource, host: string): ConfiguredHost | null {
  return resource.hosts.find(({ names }) => names.includes(host)) ?? null;
}

/** Which minors every resource has on `host`, for factsFromProc. */
export function resourceMap(query: ConfigQuery, host: string): readonly ResourceVolume[] {
  return query.resources.flatMap((resource) =>
    (hostSection(resource, host)?.volumes ?? []).map(({ volume, minor }) => ({
      resource: resource.resource,
      volume,
      minor,
    })),
  );
}

/** Reads `drbdadm sh-resources`: names on one line, or one a line. */
export function parseResourceList(text: string): readonly string[] {
  return text.split(/[ \t\r\n]+/).filter((name) => name !== '');
}
