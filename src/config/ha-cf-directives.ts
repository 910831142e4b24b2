import { err, ok, type Result } from '../base/result.js';
import { addNode, type Draft } from './cluster-draft.js';
import * as draftOf from './ha-cf-draft.js';
import type { Directive, DirectiveLine } from './ha-cf-draft.js';
import { fence, stonith } from './ha-cf-fence.js';
import * as links from './ha-cf-links.js';
import { parseBoolean, parseClusterName, parseWatchdog } from './heartbeat-values.js';
import { quote } from './source-text.js';

/** `node alpha beta`: the members. */
const node: Directive = (draft, line) => {
  if (draftOf.lacksWords(draft, line, 1, 'node NAME...')) return;
  for (const at of line.values) addNode(draft, at);
};

const cluster = draftOf.scalar(
  'cluster NAME',
  parseClusterName,
  (draft, name) => {
    draft.cluster = name;
  },
);

const watchdog = draftOf.scalar(
  'watchdog /dev/watchdog',
  parseWatchdog,
  (draft, path) => {
    draft.watchdog = path;
  },
);

const autoFailback = draftOf.scalar(
  'auto_failback on|off',
  (text): Result<'on' | 'off' | 'legacy', string> => {
    if (text.toLowerCase() === 'legacy') return ok('legacy');
    const result = parseBoolean(text);
    return result.ok ? ok(result.value ? 'on' : 'off') : err('on, off or legacy');
  },
  (draft, value, at) => {
    const by = 'auto_failback';
    draft.failback = { by, value: value === 'on' ? 'when-synced' : 'never' };
    if (value !== 'legacy') return;
    draft.report.warning(at, 'Value "legacy" is obsolete; it is read as "off"', 'on or off');
  },
);

const niceFailback = draftOf.boolean('nice_failback', (draft, nice, at) => {
  const meaning = 'it is read as "auto_failback off"';
  const message = `Directive "nice_failback" is obsolete; ${meaning}`;
  const cure = nice ? undefined : 'write "auto_failback on" if groups shall go back';
  draft.report.warning(at, message, '"auto_failback on" or "auto_failback off"', cure);
  if (draft.failback?.by === 'auto_failback') return;
  draft.failback = { by: 'nice_failback', value: 'never' };
});

/** `crm on`: Pacemaker would manage the resources, so haresources would not count. */
const pacemaker: Directive = (draft, line) => {
  const value = line.words[0];
  if (value === undefined) return;
  const result = parseBoolean(value.text);
  if (result.ok && !result.value) return;
  const name = line.name.text;
  draft.report.error(
    value,
    `Directive ${quote(name)} hands the resources to Pacemaker`,
    quote(`${name} off`),
    'delete the line and write the groups into haresources',
  );
};

const autojoin: Directive = (draft, line) => {
  const value = line.words[0];
  if (value === undefined || value.text.toLowerCase() === 'none') return;
  const message = 'Nodes cannot join by themselves';
  draft.report.error(value, message, '"autojoin none"', 'give every node a "node" line');
};

/** `respawn USER COMMAND`: Tandem starts no helpers; ipfail's work is built in. */
const respawn: Directive = (draft, line) => {
  const form = `${line.name.text} USER /PATH`;
  if (draftOf.lacksWords(draft, line, 2, form)) return;
  const command = line.words[1];
  if (command === undefined || /\/(ipfail|ccm)$/.test(command.text)) return;
  draft.report.warning(
    command,
    `Tandem does not start ${quote(command.text)}`,
    'a unit of systemd, or a resource of haresources',
  );
};

function notUsed(why: string): Directive {
  return (draft: Draft, line: DirectiveLine) => {
    draft.report.warning(line.name, `Directive ${quote(line.name.text)} is not used`, why);
  };
}

/** Heartbeat's own affairs: what they ask for has no meaning here, or is always so. */
const silently: Directive = () => undefined;

/** Every directive of Heartbeat 3.0.6, the old ones found in the wild, and our `fence`. */
export const DIRECTIVES: Readonly<Record<string, Directive>> = {
  apiauth: silently,
  auto_failback: autoFailback,
  autojoin,
  baud: links.baud,
  bcast: links.bcast,
  cluster,
  compression: silently,
  compression_threshold: silently,
  conn_logd_time: silently,
  coredumps: silently,
  coreroot: silently,
  crm: pacemaker,
  crm_daemon_dir: silently,
  crmd_spawns_pengine: silently,
  deadping: draftOf.time('deadping'),
  deadtime: draftOf.time('deadtime'),
  debug: silently,
  debugfile: silently,
  enable_config_writes: silently,
  env: notUsed('the variable in the script itself: scripts get no HA_ variables of your own'),
  failfast: respawn,
  fence,
  hbaping: notUsed('"ping ADDRESS"'),
  hbgenmethod: silently,
  hopfudge: silently,
  initdead: draftOf.time('initdead'),
  keepalive: draftOf.time('keepalive'),
  log_badpack: silently,
  logfacility: silently,
  logfile: silently,
  max_rexmit_delay: silently,
  mcast: links.mcast,
  mcast6: links.unsupportedMedium(links.MCAST_FORM),
  memreserve: silently,
  msgfmt: silently,
  nice_failback: niceFailback,
  node,
  normalpoll: silently,
  openais: links.unsupportedMedium('bcast INTERFACE'),
  pacemaker,
  ping: links.ping,
  ping6: links.ping,
  ping_group: links.pingGroup,
  quorum_server: notUsed('a third node, which may be one without disk and groups'),
  rds: links.unsupportedMedium('bcast INTERFACE'),
  realtime: silently,
  record_config_changes: silently,
  record_pengine_inputs: silently,
  respawn,
  rtprio: silently,
  serial: links.serial,
  stonith,
  stonith_host: stonith,
  syslogmsgfmt: silently,
  tipc: links.unsupportedMedium('bcast INTERFACE'),
  traditional_compression: silently,
  ucast: links.ucast,
  ucast6: links.unsupportedMedium('ucast INTERFACE PEER-ADDRESS'),
  udp: links.udp,
  udpport: links.udpPort,
  use_apphbd: silently,
  use_logd: silently,
  uuidfrom: silently,
  warntime: draftOf.time('warntime'),
  watchdog,
};

/** The directive of that name; undefined when Heartbeat and Tandem know none. */
export function directiveOf(name: string): Directive | undefined {
  return Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined;
}
