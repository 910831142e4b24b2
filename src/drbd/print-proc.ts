/**
 * Prints a model in the layout of the 8.4 module, byte for byte as drbd_seq_show does: for
 * fixtures, for the simulator, and so that printer and parser can be held against each other.
 */
import type { ProcBuild, ProcHeader } from './proc-header.js';
import type { ProcCounters, WriteOrdering } from './proc-counters.js';
import type { CacheStatistics, ProcMinor } from './proc-minor.js';
import type { ProcProgress } from './proc-progress.js';
import type { ProcDrbd } from './proc.js';

/** The kernel pads the source checksum to this width, which leaves a blank after 23 digits. */
const SRCVERSION_WIDTH = 24;

/** Totals above 4 GiB are printed in MiB, and in steps of 4. */
const MIB_FROM_KIB = 4 * 1024 * 1024;

/** The text of /proc/drbd on DRBD 8.4 for this model. */
export function printProc84(proc: Pick<ProcDrbd, 'header' | 'minors'>): string {
  const lines = proc.header === null ? [] : headerLines(proc.header);
  let previous = -1;
  for (const minor of proc.minors) {
    if (minor.minor !== previous + 1) lines.push('');
    lines.push(...minorLines(minor));
    previous = minor.minor;
  }
  return lines.map((line) => `${line}\n`).join('');
}

function headerLines(header: ProcHeader): string[] {
  const { protoMin: low, protoMax: high } = header;
  const range = low === high ? String(low ?? 0) : `${String(low ?? 0)}-${String(high ?? 0)}`;
  const compat = header.compat84 ? ' (compat 8.4)' : '';
  const version = `version: ${header.version} (api:${header.api ?? 0}/proto:${range})${compat}`;
  return header.build === null ? [version] : [version, buildLine(header.build)];
}

function buildLine(build: ProcBuild): string {
  const id = build.id ?? '';
  const by = build.builder === null ? '' : ` build by ${build.builder}`;
  const date = build.date === null ? '' : `, ${build.date}`;
  switch (build.kind) {
    case 'built-in':
      return 'built-in';
    case 'srcversion':
      return `srcversion: ${id.padEnd(SRCVERSION_WIDTH)}`;
    case 'git':
      return `GIT-hash: ${id}${by === '' ? ' reproducible build' : by}${date}`;
    case 'svn':
      return `SVN Revision: ${id}${by}${date}`;
  }
}

function minorLines(minor: ProcMinor): string[] {
  const head = `${String(minor.minor).padStart(2)}: cs:${minor.connection.word}`;
  if (minor.connection.word === 'Unconfigured') return [head];
  const roles = `ro:${minor.role?.word ?? 'Unknown'}/${minor.peerRole?.word ?? 'Unknown'}`;
  const disks = `ds:${minor.disk?.word ?? 'DUnknown'}/${minor.peerDisk?.word ?? 'DUnknown'}`;
  const tail = `${minor.protocol ?? ' '} ${minor.flags?.raw ?? 'r-----'}`;
  return [
    `${head} ${roles} ${disks} ${tail}`,
    `    ${countersText(minor.counters)}`,
    ...(minor.progress === null ? [] : progressLines(minor.progress)),
    ...cacheLines('resync', minor.resyncCache),
    ...cacheLines('act_log', minor.activityLog),
    ...(minor.blockedOnActivityLog === null
      ? []
      : [`\tblocked on activity log: ${minor.blockedOnActivityLog.join('/')}`]),
  ];
}

const ORDERING_LETTER: Readonly<Record<WriteOrdering, string>> = {
  none: 'n',
  drain: 'd',
  flush: 'f',
  barrier: 'b',
};

function countersText(counters: ProcCounters): string {
  const ordering = counters.writeOrdering;
  const values: readonly (readonly [string, number | string | null])[] = [
    ['ns', counters.sentKiB],
    ['nr', counters.receivedKiB],
    ['dw', counters.diskWriteKiB],
    ['dr', counters.diskReadKiB],
    ['al', counters.activityLogUpdates],
    ['bm', counters.bitmapUpdates],
    ['lo', counters.localRequests],
    ['pe', counters.peerRequests],
    ['ua', counters.unacknowledged],
    ['ap', counters.applicationRequests],
    ['ep', counters.epochs],
    ['wo', ordering === null ? null : ORDERING_LETTER[ordering]],
    ['oos', counters.outOfSyncKiB],
  ];
  return values.flatMap(([key, value]) => (value === null ? [] : [`${key}:${value}`])).join(' ');
}

function progressLines(progress: ProcProgress): string[] {
  const permille = progress.donePermille ?? 0;
  const total = progress.totalKiB ?? 0;
  const inMiB = total > MIB_FROM_KIB;
  const scale = (kib: number): number => (inMiB ? kib / 1024 : kib);
  const word = progress.kind === 'verify' ? 'verified:' : "sync'ed:";
  const percent = `${String(Math.floor(permille / 10)).padStart(3)}.${permille % 10}%`;
  const amounts = `(${scale(progress.leftKiB ?? 0)}/${scale(total)})${inMiB ? 'M' : 'K'}`;
  const sectors = sectorsLine(progress);
  return [
    `\t[${bar(permille)}] ${word}${percent} ${amounts}`,
    `\t${finishText(progress)}`,
    ...(sectors === null ? [] : [sectors]),
  ];
}

function bar(permille: number): string {
  const filled = Math.floor(permille / 50);
  const head = '='.repeat(Math.max(filled - 1, 0));
  return `${head}>${'.'.repeat(20 - filled)}`;
}

function finishText(progress: ProcProgress): string {
  const seconds = progress.finishSeconds ?? 0;
  const pad = (value: number): string => String(value).padStart(2, '0');
  const minutes = pad(Math.floor(seconds / 60) % 60);
  const clock = `${Math.floor(seconds / 3600)}:${minutes}:${pad(seconds % 60)}`;
  const short = progress.shortKiBps === null ? '' : `${thousands(progress.shortKiBps)} -- `;
  const average = `${short}${thousands(progress.averageKiBps ?? 0)}`;
  const speed = `${thousands(progress.currentKiBps ?? 0)} (${average})`;
  const want = progress.wantKiBps === null ? '' : ` want: ${thousands(progress.wantKiBps)}`;
  return `finish: ${clock} speed: ${speed}${want} K/sec${progress.stalled ? ' (stalled)' : ''}`;
}

function thousands(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

function sectorsLine(progress: ProcProgress): string | null {
  const { sectorPosition: position, sectorTotal: total, stopSector } = progress;
  if (position === null || total === null) return null;
  const percent = total === 0 ? 0 : Math.floor((position * 100) / total);
  const stop = stopSector === null ? '' : ` stop sector: ${stopSector}`;
  return `\t${String(percent).padStart(3)}% sector pos: ${position}/${total}${stop}`;
}

function cacheLines(name: string, cache: CacheStatistics | null): string[] {
  if (cache === null) return [];
  const { used, size, hits, misses, starving, locked, changed } = cache;
  const values = { hits, misses, starving, locked, changed };
  const rest = Object.entries(values).flatMap(([k, v]) => (v === null ? [] : [` ${k}:${v}`]));
  return [`\t${name}: used:${used}/${size}${rest.join('')}`];
}
