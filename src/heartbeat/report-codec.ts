/**
 * A report as the named fields of a Linux-HA `status` message, so that a real Heartbeat hears us
 * and a packet dump shows readable names. Heartbeat's own fields keep their meaning (`st` is init,
 * active or dead; `dt`, `seq` and `hg` are hexadecimal); ours are additional names:
 *
 *     tv=1  tc=4f0c...  tm=online  th=ok  tp=1/2
 *     tg.mysql=started 3 claim=3/1 grant=n1/1795223335/2 barred
 *     td.r0=Primary UpToDate Connected        or ... StandAlone ahead: it wrote alone
 *     ti.r0=UpToDate 0/0E00F5D4B1A06EAA:977B...:1:1:0:0:0:0:0/20480 at=1763709184/kernel db=-noBinlog
 *     to.move.mysql=n1 4 n2
 *     tl.n2=1795223335                  the newest generation of n2 that was heard
 *     ta.17=r0 n2                       an ask: n2, mark your disk of r0 Outdated (version 17)
 *     tw.17.n1=r0 1795223335 outdated   the word on it, for n1 of that generation
 */
import { err, ok, type Result } from '../base/result.js';
import type { Connectivity } from './ping.js';
import {
  PROTOCOL_VERSION,
  type DrbdReport,
  type GroupLife,
  type GroupReport,
  type NodePhase,
  type Order,
  type OutdateAsk,
  type OutdateOutcome,
  type OutdateWord,
  type Report,
  type ReportFault,
  type SideReport,
} from './report.js';
import { decodeSide, encodeSide } from './side-codec.js';

/** A field of a message in wire order; values of the `status` type are text. */
export type TextField = readonly [name: string, value: string];

/** What a report needs beside itself to be a complete Heartbeat message. */
export interface StatusHeader {
  readonly deadtimeMs: number;
  /** Seconds since the epoch; for people reading dumps, never for decisions. */
  readonly wallSeconds: number;
  readonly ttl: number;
}

const STATUS_WORD: Readonly<Record<NodePhase, string>> = {
  starting: 'init',
  up: 'active',
  leaving: 'up',
  left: 'dead',
};
const LIVES: readonly GroupLife[] = [
  'unknown',
  'stopped',
  'starting',
  'started',
  'stopping',
  'stopFailed',
];
const MODES = ['online', 'standby', 'maintenance'] as const;
const OUTCOMES: readonly OutdateOutcome[] = ['outdated', 'inconsistent', 'primary'];

/** At most this many groups, DRBD resources and orders are read: a frame is 64 KiB at most. */
const ENTRIES_MAX = 256;

/** Writes the report as message fields in wire order. */
export function encodeReport(report: Report, header: StatusHeader): readonly TextField[] {
  return [
    ['t', 'status'],
    ['st', STATUS_WORD[report.phase]],
    ['dt', header.deadtimeMs.toString(16)],
    ['protocol', '1'],
    ['src', report.node],
    ['seq', report.sequence.toString(16)],
    ['hg', report.generation.toString(16)],
    ['ts', header.wallSeconds.toString(16)],
    ['ld', '0.00 0.00 0.00 1/1 1'],
    ['ttl', String(header.ttl)],
    ['tv', String(report.protocol)],
    ['tc', report.digest],
    ['tm', report.mode],
    ['th', report.health],
    ...encodeConnectivity(report.connectivity),
    ...report.groups.map((group): TextField => [`tg.${group.name}`, encodeGroup(group)]),
    ...report.drbd.map((drbd): TextField => [
      `td.${drbd.resource}`,
      `${drbd.role} ${drbd.disk} ${drbd.connection}${drbd.ahead === true ? ' ahead' : ''}`,
    ]),
    ...(report.sides ?? []).map((side): TextField => [`ti.${side.resource}`, encodeSide(side)]),
    ...report.orders.map((order): TextField => [
      `to.${order.key}`,
      `${order.value} ${String(order.version)} ${order.origin}`,
    ]),
    ...Object.entries(report.hears ?? {}).map(([node, generation]): TextField => [
      `tl.${node}`,
      String(generation),
    ]),
    ...report.outdateAsks.map(({ resource, node, version }): TextField => [
      `ta.${String(version)}`,
      `${resource} ${node}`,
    ]),
    ...report.outdateWords.map(({ version, asker, ...word }): TextField => [
      `tw.${String(version)}.${asker}`,
      `${word.resource} ${String(word.generation)} ${word.outcome}`,
    ]),
  ];
}

/** `1/2`: one ping target of two is reached. */
function encodeConnectivity(connectivity: Connectivity | undefined): readonly TextField[] {
  if (connectivity === undefined) return [];
  return [['tp', `${String(connectivity.reached)}/${String(connectivity.of)}`]];
}

function decodeConnectivity(text: string): Connectivity | null {
  const [reached, of, ...rest] = text.split('/').map(decimal);
  if (rest.length > 0 || typeof reached !== 'number' || typeof of !== 'number') return null;
  return reached <= of ? { reached, of } : null;
}

function encodeGroup(group: GroupReport): string {
  const { claim, grant } = group;
  return [
    group.life,
    String(group.epoch),
    ...(claim === null ? [] : [`claim=${String(claim.epoch)}/${String(claim.rank)}`]),
    ...(grant === null
      ? []
      : [`grant=${grant.node}/${String(grant.generation)}/${String(grant.epoch)}`]),
    ...(group.barred ? ['barred'] : []),
  ].join(' ');
}

/**
 * Reads a report out of an authenticated message. The error says which field is wrong; it is never
 * thrown. A message of a real Heartbeat (no `tv`) is an error of its own, so that its sender can be
 * shown as incompatible rather than as silent.
 */
export function decodeReport(fields: ReadonlyMap<string, string>): Result<Report, ReportFault> {
  const text = (name: string): string => fields.get(name) ?? '';
  const node = text('src');
  if (text('t') !== 'status' || node === '') return fault('notStatus', 't', null);
  const generation = hex(text('hg'));
  const sequence = hex(text('seq'));
  if (generation === null) return fault('malformed', 'hg', node);
  if (sequence === null) return fault('malformed', 'seq', node);
  if (!fields.has('tv')) return fault('foreign', 'tv', node);
  const stamp = { generation, sequence };
  const protocol = decimal(text('tv'));
  if (protocol === null) return fault('malformed', 'tv', node, stamp);
  if (protocol !== PROTOCOL_VERSION) return fault('otherProtocol', text('tv'), node, stamp);
  const phase = (Object.keys(STATUS_WORD) as NodePhase[]).find((p) => STATUS_WORD[p] === text('st'));
  const mode = MODES.find((known) => known === text('tm'));
  if (phase === undefined) return fault('malformed', 'st', node, stamp);
  if (mode === undefined) return fault('malformed', 'tm', node, stamp);
  const connectivity = fields.has('tp') ? decodeConnectivity(text('tp')) : undefined;
  if (connectivity === null) return fault('malformed', 'tp', node, stamp);
  const lists = decodeLists(fields);
  if (!lists.ok) return fault('malformed', lists.error, node, stamp);
  const health = text('th') === 'stalled' ? 'stalled' : 'ok';
  const reach = connectivity === undefined ? {} : { connectivity };
  return ok({ node, ...stamp, protocol, digest: text('tc'), phase, mode, health, ...reach, ...lists.value });
}

function fault(
  kind: ReportFault['kind'],
  detail: string,
  node: string | null,
  stamp: ReportFault['stamp'] = null,
): { readonly ok: false; readonly error: ReportFault } {
  return err({ kind, detail, node, stamp });
}

type Lists = Pick<
  Report,
  'groups' | 'drbd' | 'sides' | 'orders' | 'hears' | 'outdateAsks' | 'outdateWords'
>;

interface Drafts {
  readonly groups: GroupReport[];
  readonly drbd: DrbdReport[];
  readonly sides: SideReport[];
  readonly orders: Order[];
  readonly hears: (readonly [node: string, generation: number])[];
  readonly outdateAsks: OutdateAsk[];
  readonly outdateWords: OutdateWord[];
}

/** Reads the field of one prefix: `key` is the rest of its name. False: it makes no sense. */
type Reader = (drafts: Drafts, key: string, words: readonly string[]) => boolean;

const READERS: Readonly<Record<string, Reader>> = {
  'tg.': ({ groups }, key, words) => added(groups, decodeGroup(key, words)),
  'td.': ({ drbd }, key, [role = '', disk = '', connection = '', ...marks]) => {
    const ahead = marks.includes('ahead') ? ({ ahead: true } as const) : {};
    return added(drbd, { resource: key, role, disk, connection, ...ahead });
  },
  'ti.': ({ sides }, key, words) => added(sides, decodeSide(key, words)),
  'to.': ({ orders }, key, words) => added(orders, decodeOrder(key, words)),
  'tl.': ({ hears }, key, [text = '']) => {
    const generation = decimal(text);
    return added(hears, generation === null ? null : ([key, generation] as const));
  },
  'ta.': ({ outdateAsks }, key, [resource = '', node = '']) => {
    const version = decimal(key);
    return added(outdateAsks, version === null ? null : { resource, node, version });
  },
  'tw.': ({ outdateWords }, key, words) => added(outdateWords, decodeWord(key, words)),
};

function added<T>(list: T[], entry: T | null): boolean {
  if (entry !== null) list.push(entry);
  return entry !== null;
}

function decodeLists(fields: ReadonlyMap<string, string>): Result<Lists, string> {
  const lists = { groups: [], drbd: [], orders: [], outdateAsks: [], outdateWords: [] };
  const drafts: Drafts = { ...lists, sides: [], hears: [] };
  let entries = 0;
  for (const [name, value] of fields) {
    const reader = READERS[name.slice(0, 3)];
    if (reader === undefined) continue;
    entries += 1;
    const isRead = entries <= ENTRIES_MAX && reader(drafts, name.slice(3), value.split(' '));
    if (!isRead) return err(name);
  }
  const { sides, hears, ...others } = drafts;
  return ok({
    ...others,
    ...(sides.length === 0 ? {} : { sides }),
    ...(hears.length === 0 ? {} : { hears: Object.fromEntries(hears) }),
  });
}

function decodeOrder(key: string, words: readonly string[]): Order | null {
  const [value = '', version = '', origin = ''] = words;
  const number = decimal(version);
  if (number === null || value === '' || origin === '') return null;
  return { key, value, version: number, origin };
}

function decodeWord(key: string, words: readonly string[]): OutdateWord | null {
  const dot = key.indexOf('.');
  const version = decimal(key.slice(0, Math.max(0, dot)));
  const generation = decimal(words[1] ?? '');
  const outcome = OUTCOMES.find((known) => known === words[2]);
  if (version === null || generation === null || outcome === undefined) return null;
  const [resource = ''] = words;
  return { resource, asker: key.slice(dot + 1), generation, version, outcome };
}

function decodeGroup(name: string, words: readonly string[]): GroupReport | null {
  const life = LIVES.find((known) => known === words[0]);
  const epoch = decimal(words[1] ?? '');
  if (life === undefined || epoch === null) return null;
  let group: GroupReport = { name, life, epoch, claim: null, grant: null, barred: false };
  for (const word of words.slice(2)) {
    const [key, value = ''] = word.split('=');
    const parts = value.split('/');
    if (key === 'barred') group = { ...group, barred: true };
    if (key === 'claim') {
      const [claimEpoch, rank] = parts.map(decimal);
      if (typeof claimEpoch !== 'number' || typeof rank !== 'number') return null;
      group = { ...group, claim: { epoch: claimEpoch, rank } };
    }
    if (key === 'grant') {
      const [generation, grantEpoch] = parts.slice(1).map(decimal);
      if (typeof generation !== 'number' || typeof grantEpoch !== 'number') return null;
      group = { ...group, grant: { node: parts[0] ?? '', generation, epoch: grantEpoch } };
    }
  }
  return group;
}

function hex(text: string): number | null {
  return /^[0-9a-f]{1,12}$/i.test(text) ? Number.parseInt(text, 16) : null;
}

function decimal(text: string): number | null {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}
