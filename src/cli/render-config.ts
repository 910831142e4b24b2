import { formatDiagnostic, type Diagnostic } from '../base/diagnostic.js';
import { formatDuration } from '../base/duration.js';
import type { Config, FenceDevice } from '../config/config.js';
import { isSecretName } from '../config/fence-values.js';
import { printable } from './text.js';

/** One line for each fault or risk. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((one) => `${printable(formatDiagnostic(one))}\n`).join('');
}

/** The configuration without anything secret: `tandem.config/1`. */
export function shownConfig(config: Config): object {
  const { source, files, cluster, nodes, self, heartbeat, watchdog, groups, digest } = config;
  const { keyring, fencing } = config;
  const devices = Object.entries(fencing).map(([node, list]) => [node, list.map(shownDevice)]);
  const keys = keyring.accepted.map(({ index, method }) => ({ index, method }));
  return {
    schema: 'tandem.config/1',
    ...{ source, files, cluster, nodes, self, heartbeat, watchdog, groups, digest },
    fencing: Object.fromEntries(devices) as object,
    keys: { signing: keyring.signing.index, accepted: keys },
  };
}

function shownDevice(device: FenceDevice): FenceDevice {
  const params = Object.entries(device.params).map(([name, value]) => [
    name,
    isSecretName(name) ? '(secret)' : value,
  ]);
  return { ...device, params: Object.fromEntries(params) as FenceDevice['params'] };
}

/** The configuration for people: what is in force, defaults included. */
export function renderConfig(config: Config): string {
  const { heartbeat, keyring } = config;
  const times = [
    `keepalive ${formatDuration(heartbeat.keepaliveMs)}`,
    `warntime ${formatDuration(heartbeat.warntimeMs)}`,
    `deadtime ${formatDuration(heartbeat.deadtimeMs)}`,
    `initdead ${formatDuration(heartbeat.initdeadMs)}`,
  ];
  const fencing = config.nodes.map((node) => {
    const agents = (config.fencing[node] ?? []).map(({ agent }) => agent);
    return `  ${node}: ${agents.length === 0 ? 'nothing' : agents.join(', then ')}`;
  });
  const groups = config.groups.flatMap(({ name, prefer, failback, resources }) => [
    `  ${name}: prefers ${prefer.join(', ')}; failback ${failback}`,
    ...resources.map(({ id }) => `    ${id}`),
  ]);
  const lines = [
    `Cluster ${config.cluster}: ${config.nodes.join(', ')} (this node is ${config.self})`,
    `  from ${config.files.join(', ')}, digest ${config.digest}`,
    '',
    'Heartbeat',
    `  ${times.join(', ')}`,
    `  signed with ${keyring.signing.method}, UDP port ${String(heartbeat.udpPort)}`,
    ...heartbeat.links.map((link) => `  ${Object.values(link).join(' ')}`),
    ...heartbeat.ping.map(({ addresses }) => `  ping ${addresses.join(' or ')}`),
    '',
    'Fencing',
    ...fencing,
    '',
    'Groups',
    ...groups,
  ];
  return `${lines.map(printable).join('\n')}\n`;
}
