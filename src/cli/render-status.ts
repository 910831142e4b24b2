import { formatAge, formatDuration } from '../base/duration.js';
import type {
  DrbdStatus,
  DrbdVolumeStatus,
  FencingStatus,
  GroupStatus,
  HoldStatus,
  LinkStatus,
  NodeFencingStatus,
  NodeStatus,
  PingStatus,
  ResourceStatus,
  Status,
  VerdictState,
  WatchdogStatus,
} from '../base/status.js';
import { columns, folded, paint, printable, type Cell, type Colour, type TextStyle } from './text.js';

/**
 * The status as a person reads it at three in the morning: the verdict first, then what is
 * dangerous, then the parts. Only what is not as it should be carries a colour or a second line.
 */
export function renderStatus(status: Status, style: TextStyle): string {
  const lines = [
    ...verdictLines(status, style),
    ...warnings(status).flatMap((text) => warningLines(text, style)),
    ...section('Nodes', nodeLines(status.nodes, style)),
    ...section('Links', linkLines(status.links, style)),
    ...section('Ping nodes', (status.ping ?? []).flatMap((ping) => pingLines(ping, status, style))),
    ...section('Groups', status.groups.flatMap((group) => groupLines(group, style))),
    ...section('DRBD', [
      ...status.drbd.flatMap((drbd) => drbdLines(drbd, style)),
      ...drbdSourceLines(status, style),
    ]),
    ...(status.daemon?.running === false ? [] : section('Fencing', fencingLines(status.fencing, style))),
    ...section('Watchdog', status.watchdog === undefined ? [] : watchdogLines(status.watchdog, style)),
  ];
  return `${lines.join('\n')}\n`;
}

const VERDICT_COLOUR: Readonly<Record<VerdictState, Colour>> = {
  ok: 'green',
  degraded: 'yellow',
  down: 'red',
  unknown: 'magenta',
};

/** `OK: mysql runs on n1`, folded with the state word coloured. */
export function verdictLines({ verdict }: Status, style: TextStyle): string[] {
  const word = verdict.state.toUpperCase();
  const [first = word, ...rest] = folded(style, 0, `${word}: ${verdict.summary}`);
  return [paint(style, VERDICT_COLOUR[verdict.state], word) + first.slice(word.length), ...rest];
}

function warnings(status: Status): string[] {
  const found: string[] = [];
  if (status.daemon?.running !== false && !status.fencing.configured) {
    found.push(
      'no fencing is configured: when a node falls silent nobody can make sure that it is off, ' +
        'so its services stay where they are until "tandem fence confirm"',
    );
  }
  const { maintenance, verdict } = status;
  if (maintenance !== undefined && !verdict.summary.includes('maintenance')) {
    found.push(`the cluster is in maintenance: ${holdWords(maintenance)}`);
  }
  found.push(...(status.watchdog?.warnings ?? []));
  for (const { resource, splitBrain } of status.drbd) {
    if (splitBrain) found.push(`split brain on ${resource}: both sides have data the other lacks`);
  }
  return found;
}

/** `by kim, until 2026-11-21T09:00:00Z: swap the disk`. */
function holdWords({ by, reason, until }: HoldStatus): string {
  const end = until === null ? 'no end set' : `until ${until}`;
  return `by ${by}, ${end}${reason === null ? '' : `: ${reason}`}`;
}

const HOLD_WORD = { freeze: 'frozen', disable: 'disabled', maintenance: 'in maintenance' } as const;

function warningLines(text: string, style: TextStyle): string[] {
  const [first = '', ...rest] = folded(style, 2, `Warning: ${text}`);
  const word = paint(style, 'yellow', 'Warning:');
  return [word + first.trimStart().slice('Warning:'.length), ...rest];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** Column of table rows and of the sentences below them. */
const INDENT = 2;
const DEEPER = 4;

function nodeLines(nodes: readonly NodeStatus[], style: TextStyle): string[] {
  const rows = nodes.map((node) => [
    { text: node.self ? `${node.name} (this node)` : node.name },
    { text: node.state, colour: nodeColour(node) },
    modeCell(node),
    { text: node.self ? '' : heard(node.lastSeenMs) },
    ...reachCells(node),
  ]);
  return columns(style, INDENT, rows).flatMap((line, index) => {
    const node = nodes[index];
    const quiet = node === undefined || (node.state === 'up' && node.mode !== 'standby');
    return quiet ? [line] : [line, ...folded(style, DEEPER, node.reason)];
  });
}

/** Nothing without ping nodes. */
function reachCells({ connectivity }: NodeStatus): Cell[] {
  if (connectivity === undefined) return [];
  const { reached, of } = connectivity;
  const colour = reached === of ? null : 'yellow';
  return [{ text: `reaches ${String(reached)}/${String(of)} ping nodes`, colour }];
}

/** A silent node's "online" is what it said last; it would only confuse. */
function modeCell({ state, mode }: NodeStatus): Cell {
  if (mode !== 'online') return { text: mode, colour: 'yellow' };
  return { text: state === 'up' ? mode : '' };
}

function nodeColour({ state }: NodeStatus): Colour | null {
  switch (state) {
    case 'up':
      return 'green';
    case 'starting':
    case 'leaving':
    case 'left':
    case 'late':
    case 'fencing':
    case 'fenced':
      return 'yellow';
    case 'dead':
    case 'incompatible':
      return 'red';
    case 'unknown':
      return 'magenta';
  }
}

function heard(lastSeenMs: number | null): string {
  return lastSeenMs === null ? 'never heard' : `heard ${formatDuration(lastSeenMs)} ago`;
}

const LINK_COLOUR = { up: 'green', late: 'yellow', dead: 'red' } as const;

function linkLines(links: readonly LinkStatus[], style: TextStyle): string[] {
  const rows = links.map((link): Cell[] => [
    { text: link.peer },
    { text: link.medium },
    { text: link.state, colour: LINK_COLOUR[link.state] },
    { text: heard(link.lastSeenMs) },
  ]);
  return columns(style, INDENT, rows).flatMap((line, index) => [
    line,
    ...faultLine(linkFaults(links[index]), style),
  ]);
}

const PING_COLOUR = { up: 'green', silent: 'red', unknown: 'magenta' } as const;

/** One answering target is one short line; whatever else is said as a sentence. */
function pingLines(ping: PingStatus, { self }: Status, style: TextStyle): string[] {
  const state = paint(style, PING_COLOUR[ping.state], ping.state);
  const line = `  ${printable(ping.name)}: ${state}${ping.state === 'up' ? '' : ` from ${printable(self)}`}`;
  return ping.state === 'up' ? [line] : [line, ...folded(style, DEEPER, ping.reason)];
}

/** Counters that should be zero; the others are in the JSON. */
function linkFaults(link: LinkStatus | undefined): string {
  if (link === undefined) return '';
  const faults: readonly (readonly [number, string])[] = [
    [link.badAuth, 'bad signature'],
    [link.malformed, 'malformed'],
    [link.replayed, 'replayed'],
  ];
  return faults
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

function groupLines(group: GroupStatus, style: TextStyle): string[] {
  const place = group.node === null ? '' : ` on ${printable(group.node)}`;
  const state = paint(style, workColour(group.state), group.state);
  const rows = group.resources.map((resource): Cell[] => [
    { text: resource.id },
    { text: resource.state, colour: workColour(resource.state) },
  ]);
  return [
    `  ${printable(group.name)}: ${state}${place}`,
    ...folded(style, DEEPER, group.reason),
    ...(group.holds ?? []).flatMap((hold) => holdLines(hold, style)),
    ...columns(style, DEEPER, rows).flatMap((line, index) => [
      line,
      ...resourceReason(group.resources[index], style),
    ]),
  ];
}

function holdLines(hold: HoldStatus, style: TextStyle): string[] {
  const lines = folded(style, DEEPER, `${HOLD_WORD[hold.kind]} ${holdWords(hold)}`);
  return lines.map((line) => paint(style, 'yellow', line));
}

function resourceReason(resource: ResourceStatus | undefined, style: TextStyle): string[] {
  return resource?.reason === undefined ? [] : folded(style, DEEPER + INDENT, resource.reason);
}

function workColour(state: GroupStatus['state'] | ResourceStatus['state']): Colour | null {
  switch (state) {
    case 'started':
      return 'green';
    case 'starting':
    case 'stopping':
    case 'disabled':
    case 'frozen':
      return 'yellow';
    case 'failed':
    case 'blocked':
      return 'red';
    case 'unknown':
      return 'magenta';
    case 'stopped':
      return null;
  }
}

/** Only when changes are not told at once. */
function drbdSourceLines({ drbdSource }: Status, style: TextStyle): string[] {
  if (drbdSource === undefined || drbdSource.kind === 'events2') return [];
  return folded(style, INDENT, drbdSource.reason).map((line) => paint(style, 'yellow', line));
}

function drbdLines(drbd: DrbdStatus, style: TextStyle): string[] {
  const name = `  ${printable(drbd.resource)}: `;
  if (drbd.reason !== undefined) {
    return [`${name}${paint(style, 'magenta', 'unknown')}`, ...folded(style, DEEPER, drbd.reason)];
  }
  const connection = printable(drbd.connection);
  const joined = paint(style, connectionColour(drbd), connection);
  const roles = printable(`${drbd.role}, peer ${drbd.peerRole}`);
  const rows = drbd.volumes.map((volume): Cell[] => [
    { text: `volume ${volume.volume}` },
    { text: `/dev/drbd${volume.minor}` },
    { text: volume.disk, colour: diskColour(volume.disk) },
    { text: `peer ${volume.peerDisk}`, colour: diskColour(volume.peerDisk) },
  ]);
  const split = drbd.splitBrain ? `, ${paint(style, 'red', 'split brain')}` : '';
  return [
    `${name}${roles}, ${joined}${split}`,
    ...columns(style, DEEPER, rows).flatMap((line, index) => [
      line,
      ...faultLine(outOfSync(drbd.volumes[index]), style),
    ]),
  ];
}

/** Connection states of DRBD in which data flows or is being brought up to date: drbd(7). */
function connectionColour({ connection, splitBrain }: DrbdStatus): Colour {
  if (splitBrain || connection === 'StandAlone') return 'red';
  return connection === 'Connected' || connection === 'Established' ? 'green' : 'yellow';
}

function diskColour(disk: string): Colour | null {
  if (disk === 'UpToDate') return 'green';
  return disk === 'Failed' || disk === 'Diskless' ? 'red' : 'yellow';
}

function outOfSync(volume: DrbdVolumeStatus | undefined): string {
  if (volume === undefined) return '';
  const parts: string[] = [];
  if (volume.syncedPercent !== null) parts.push(`synced ${volume.syncedPercent.toFixed(1)} %`);
  if (volume.outOfSyncBytes > 0) parts.push(`${formatBytes(volume.outOfSyncBytes)} out of sync`);
  return parts.join(', ');
}

/** What is wrong with the row above it, on a line of its own. */
function faultLine(text: string, style: TextStyle): string[] {
  return folded(style, DEEPER + INDENT, text).map((line) => paint(style, 'yellow', line));
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `4 KiB`, `1.5 GiB`: binary units, one decimal below ten. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 && !Number.isInteger(value) ? 1 : 0;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? 'B'}`;
}

function fencingLines(fencing: FencingStatus, style: TextStyle): string[] {
  const nodes = (fencing.nodes ?? []).flatMap((node) => nodeFencingLines(node, style));
  if (!fencing.configured) return ['  not configured', ...nodes];
  const tested = fencing.lastTestedAt;
  const when = tested === null ? 'never tested' : `last tested ${printable(tested)}`;
  return nodes.length > 0 ? nodes : [`  configured, ${when}`];
}

/** One line for a node whose devices work, as far as is known; the fault below it. */
function nodeFencingLines(node: NodeFencingStatus, style: TextStyle): string[] {
  const { fault } = node;
  const state = fencingAge(node);
  const colour = node.devices === 0 || fault !== null ? 'red' : node.lastTestedAt === null ? 'yellow' : null;
  const line = `  ${printable(node.name)}: ${colour === null ? state : paint(style, colour, state)}`;
  const what = fault === null ? '' : `did not work ${formatAge(fault.agoMs)}: ${fault.reason}`;
  return [line, ...folded(style, DEEPER, what)];
}

/** `1 device, tested 3 days ago`, `2 devices, never tested: tandem fence test n2`. */
export function fencingAge({ name, devices, lastTestedAgoMs }: NodeFencingStatus): string {
  if (devices === 0) return 'no fence device';
  const count = `${String(devices)} ${devices === 1 ? 'device' : 'devices'}`;
  return lastTestedAgoMs === null
    ? `${count}, never tested from here: tandem fence test ${printable(name)}`
    : `${count}, tested ${formatAge(lastTestedAgoMs)}`;
}

/** What is risky about it stands among the warnings. */
function watchdogLines({ device, state, reason }: WatchdogStatus, style: TextStyle): string[] {
  const word = paint(style, state === 'armed' ? 'green' : 'red', state);
  return [`  ${printable(device)}: ${word}`, ...folded(style, DEEPER, reason)];
}
