import { formatDuration } from '../base/duration.js';
import type {
  DrbdConnectionView,
  DrbdPeerVolumeView,
  DrbdResourceView,
  DrbdView,
  DrbdVolumeView,
} from './drbd-view.js';
import { formatBytes } from './render-status.js';
import { columns, folded, paint, printable, type Cell, type Colour, type TextStyle } from './text.js';

const INDENT = 2;
const DEEPER = 4;

/** The answer of `tandem drbd status` for a person: what needs a hand first, counters last. */
export function renderDrbd(view: DrbdView, style: TextStyle): string {
  const version = view.version === null ? 'DRBD' : `DRBD ${view.version}`;
  const lines = [
    ...folded(style, 0, `${version}, from ${view.source.name}`),
    ...view.remarks.flatMap((remark) => yellow(style, INDENT, remark)),
    ...view.resources.flatMap((resource) => ['', ...resourceLines(resource, style)]),
  ];
  if (view.resources.length === 0 && view.remarks.length === 0) lines.push('No device is configured.');
  return `${lines.join('\n')}\n`;
}

function yellow(style: TextStyle, indent: number, sentence: string): string[] {
  return folded(style, indent, sentence).map((line) => paint(style, 'yellow', line));
}

function resourceLines(resource: DrbdResourceView, style: TextStyle): string[] {
  const red = resource.splitBrainSuspected ? 'red' : null;
  const frozen = resource.suspended.filter((word) => word !== 'io').join(', ');
  const suspended = `I/O is suspended${frozen === '' ? '' : ` (${frozen})`}`;
  return [
    `${paint(style, 'bold', printable(resource.resource))}: ${printable(resource.role ?? 'role not known')}`,
    ...(resource.suspended.length > 0 ? yellow(style, INDENT, suspended) : []),
    ...resource.remarks.flatMap((remark, index) =>
      folded(style, INDENT, remark).map((line) => paint(style, index === 0 && red ? red : 'yellow', line)),
    ),
    ...columns(style, INDENT, resource.volumes.map(volumeRow)).flatMap((line, index) => [
      line,
      ...volumeDetails(resource.volumes[index], style),
    ]),
    ...resource.connections.flatMap((connection) => connectionLines(connection, style)),
  ];
}

function volumeRow(volume: DrbdVolumeView): Cell[] {
  const size = volume.sizeBytes === null ? '' : formatBytes(volume.sizeBytes);
  return [
    { text: `volume ${volume.volume}` },
    { text: volume.minor === null ? 'no device' : `/dev/drbd${volume.minor}` },
    { text: volume.disk ?? 'disk not known', colour: diskColour(volume.disk) },
    { text: size },
    { text: volume.quorum === false ? 'no quorum' : '', colour: 'red' },
  ];
}

function volumeDetails(volume: DrbdVolumeView | undefined, style: TextStyle): string[] {
  if (volume === undefined) return [];
  const flags = volume.flagMeanings.map((meaning) => `flags ${volume.flags ?? ''}: ${meaning}`);
  const counters = [
    amount(volume.writtenBytes, 'written'),
    amount(volume.readBytes, 'read'),
    count(volume.activityLogWrites, 'activity log writes'),
    count(volume.bitmapWrites, 'bitmap writes'),
    count(volume.upperPending, 'application requests open'),
    count(volume.lowerPending, 'disk requests open'),
    ...extras(volume.extra),
  ];
  return [
    ...flags.flatMap((flag) => yellow(style, DEEPER, flag)),
    ...folded(style, DEEPER, listed('disk', counters)),
  ];
}

/** `disk: 4 KiB written, 12 MiB read`; zeros and what is not known are left out. */
function listed(title: string, parts: readonly string[]): string {
  const said = parts.filter((part) => part !== '');
  return said.length === 0 ? '' : `${title}: ${said.join(', ')}`;
}

function amount(bytes: number | null, what: string): string {
  return bytes === null ? '' : `${formatBytes(bytes)} ${what}`;
}

/** What DRBD printed beside what is known; a plain no is no news. */
function extras(extra: Readonly<Record<string, string>>): string[] {
  const news = Object.entries(extra).filter(([, value]) => value !== 'no');
  return news.map(([key, value]) => `${key} ${value}`);
}

/** Small numbers that are zero when all is quiet. */
function count(value: number | null, what: string): string {
  return value === null || value === 0 ? '' : `${value} ${what}`;
}

function connectionLines(connection: DrbdConnectionView, style: TextStyle): string[] {
  const link = connection.connection ?? 'connection not known';
  const facts = [
    connection.peerRole === null ? '' : `peer ${connection.peerRole}`,
    connection.protocol === null ? '' : `protocol ${connection.protocol}`,
    connection.congested === true ? 'congested' : '',
    ...extras(connection.extra),
  ].filter((fact) => fact !== '');
  const to = connection.peer === 'peer' ? 'to the peer' : `to ${connection.peer}`;
  const words = [paint(style, linkColour(link), printable(link)), ...facts.map(printable)];
  return [
    `${' '.repeat(INDENT)}connection ${printable(to)}: ${words.join(', ')}`,
    ...connection.paths.flatMap((path) =>
      folded(style, DEEPER, `path ${path.local} - ${path.peer}${path.established === false ? ', down' : ''}`),
    ),
    ...columns(style, DEEPER, connection.volumes.map(peerRow)).flatMap((line, index) => [
      line,
      ...peerDetails(connection.volumes[index], style),
    ]),
  ];
}

function peerRow(peer: DrbdPeerVolumeView): Cell[] {
  const replication = peer.replication ?? 'replication not known';
  return [
    { text: `volume ${peer.volume}` },
    { text: `peer ${peer.peerDisk ?? 'disk not known'}`, colour: diskColour(peer.peerDisk) },
    { text: replication, colour: replication === 'Established' ? 'green' : 'yellow' },
  ];
}

function peerDetails(peer: DrbdPeerVolumeView | undefined, style: TextStyle): string[] {
  if (peer === undefined) return [];
  const counters = [
    amount(peer.sentBytes, 'sent'),
    amount(peer.receivedBytes, 'received'),
    peer.outOfSyncBytes === 0 ? '' : amount(peer.outOfSyncBytes, 'out of sync'),
    count(peer.pending, 'requests unanswered by the peer'),
    count(peer.unacknowledged, 'requests unanswered here'),
    ...extras(peer.extra),
  ];
  const waits = peer.resyncSuspended.map((word) => SUSPENSION[word] ?? word);
  const waiting = waits.length === 0 ? [] : [`the resync waits: ${waits.join(', ')}`];
  const running = progressSentence(peer.progress);
  return [
    ...[...running, ...waiting].flatMap((sentence) => yellow(style, DEEPER + INDENT, sentence)),
    ...folded(style, DEEPER + INDENT, listed('network', counters)),
  ];
}

const SUSPENSION: Readonly<Record<string, string>> = {
  user: 'paused on this node',
  peer: 'paused by the peer',
  dependency: 'another device is first (resync-after)',
};

/** `resync 31.3 % done, 180 MiB of 256 MiB left, 38 MiB/s (38 MiB/s on average), about 4 s left`. */
function progressSentence(progress: DrbdPeerVolumeView['progress']): string[] {
  if (progress === null) return [];
  const { donePercent, leftBytes, totalBytes, bytesPerSecond, finishMs } = progress;
  const wanted = progress.wantedBytesPerSecond;
  const average = progress.averageBytesPerSecond;
  const of = totalBytes === null ? '' : ` of ${formatBytes(totalBytes)}`;
  const mean = average === null ? '' : ` (${formatBytes(average)}/s on average)`;
  const parts = [
    donePercent === null ? '' : `${donePercent.toFixed(1)} % done`,
    leftBytes === null ? '' : `${formatBytes(leftBytes)}${of} left`,
    bytesPerSecond === null ? '' : `${formatBytes(bytesPerSecond)}/s${mean}`,
    wanted === null ? '' : `${formatBytes(wanted)}/s aimed at`,
    finishMs === null ? 'time left not known' : `about ${formatDuration(finishMs)} to go`,
    progress.stalled ? 'stalled' : '',
  ];
  return [`${progress.kind} ${parts.filter((part) => part !== '').join(', ')}`];
}

function linkColour(link: string): Colour {
  if (link === 'Connected') return 'green';
  return link === 'StandAlone' ? 'red' : 'yellow';
}

function diskColour(disk: string | null): Colour | null {
  if (disk === 'UpToDate') return 'green';
  return disk === 'Failed' || disk === 'Diskless' ? 'red' : 'yellow';
}
