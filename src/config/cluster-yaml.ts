/**
 * Tandem's own cluster.yaml. It fills the same draft as ha.cf, word by word, and the same checks
 * finish it, so both formats lead to one Config.
 *
 *     text -> cluster-yaml-source -> cluster-yaml-shape -> here -> draft -> cluster-checks
 *
 * docs/cluster-yaml.md tells what each key means.
 */
import type { Result } from '../base/result.js';
import type { Diagnostic } from '../base/diagnostic.js';
import type { GroupSpec } from '../resources/spec.js';
import { CLUSTER_SCHEMA, type ClusterShape } from './cluster-schema.js';
import { finishCluster, type Cluster } from './cluster-checks.js';
import { addNode, createDraft, type Draft } from './cluster-draft.js';
import { readGroups } from './cluster-yaml-groups.js';
import { addLinks, type Reach } from './cluster-yaml-links.js';
import { readShape, type Placed } from './cluster-yaml-shape.js';
import { readYaml, type YamlNode } from './cluster-yaml-source.js';
import { NATIVE_DIALECT } from './dialect.js';
import { addFence, FENCE_TIMEOUT_MS_DEFAULT, isParameterName } from './fence-values.js';
import type { Parameter } from './fence-values.js';
import { parseClusterName, parseTime, parseWatchdog } from './heartbeat-values.js';
import { addPing, addPingGroup } from './link-values.js';
import { createReporter, inFileOrder, type Parsed } from './reporter.js';
import { quote, WHOLE_FILE, type SourceFile, type Token } from './source-text.js';

/** What cluster.yaml says, complete with defaults. */
export interface ClusterYaml extends Cluster {
  readonly groups: readonly GroupSpec[];
}

/** The parts of the file, each of whose words knows its place. */
type Fields = Placed<ClusterShape>['fields'];

/**
 * Reads cluster.yaml for the node that calls itself `self`. All faults are reported in one go; the
 * value is null when the file is no YAML or no mapping, else the best reading.
 */
export function parseClusterYaml(file: SourceFile, self: string): Parsed<ClusterYaml | null> {
  const report = createReporter(file.path);
  const root = readYaml(file, report);
  if (root === null && report.diagnostics.length === 0) {
    const expected = 'a mapping with "nodes", "heartbeat" and "groups"';
    report.error(WHOLE_FILE, 'The file is empty', expected);
  }
  const shape = root === null ? undefined : readShape(CLUSTER_SCHEMA, root, report);
  let value: ClusterYaml | null = null;
  if (root !== null && shape !== undefined) {
    const draft = createDraft(NATIVE_DIALECT, report);
    if (isGiven(root, ['nodes'])) draft.seen.set('nodes', 1);
    if (isGiven(root, ['heartbeat', 'links'])) draft.seen.set('links', 1);
    fill(draft, shape.fields, self.toLowerCase());
    const cluster = finishCluster(draft, self);
    value = { ...cluster, groups: readGroups(shape.fields.groups, cluster.nodes, report) };
  }
  return { value, diagnostics: inFileOrder(eachOnce(report.diagnostics)) };
}

/** True when something stands there, be it faulty: then it is not missing as well. */
function isGiven(root: YamlNode, path: readonly string[]): boolean {
  let node = root;
  for (const name of path) {
    if (node.kind !== 'mapping') return true;
    const entry = node.entries.find(({ key }) => key.text === name);
    if (entry === undefined) return false;
    node = entry.node;
  }
  return node.kind !== 'list' || node.items.length > 0;
}

/** A word that serves several nodes is checked for each, but a fault of it is one fault. */
function eachOnce(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const byText = diagnostics.map((fault) => [JSON.stringify(fault), fault] as const);
  return [...new Map(byText).values()];
}

function fill(draft: Draft, fields: Fields, self: string): void {
  take(draft, 'cluster', fields.cluster?.token, parseClusterName, (name) => {
    draft.cluster = name;
  });
  take(draft, 'watchdog', fields.watchdog?.token, parseWatchdog, (path) => {
    draft.watchdog = path;
  });
  const addresses = addNodes(draft, fields.nodes);
  addHeartbeat(draft, fields.heartbeat?.fields, { self, addresses });
  for (const { key, value } of fields.fencing?.entries ?? []) {
    for (const device of value.items) addDevice(draft, key, device.entries);
  }
}

/** Reads the value of key `name`, or says why it cannot be. */
function take<T>(
  draft: Draft,
  name: string,
  token: Token | undefined,
  read: (text: string) => Result<T, string>,
  assign: (value: T) => void,
): void {
  if (token === undefined) return;
  const result = read(token.text);
  if (result.ok) assign(result.value);
  else draft.report.error(token, `Key "${name}" cannot be ${quote(token.text)}`, result.error);
}

/** Adds the members; returns where those are reached that say so. */
function addNodes(draft: Draft, nodes: Fields['nodes']): ReadonlyMap<string, Token> {
  const addresses = new Map<string, Token>();
  for (const node of nodes?.items ?? []) {
    const name = node.kind === 'scalar' ? node.token : node.fields.name.token;
    const address = node.kind === 'scalar' ? undefined : node.fields.address?.token;
    addNode(draft, name);
    if (address !== undefined) addresses.set(name.text.toLowerCase(), address);
  }
  return addresses;
}

const TIMES = ['keepalive', 'warntime', 'deadtime', 'initdead', 'deadping'] as const;

type HeartbeatFields = NonNullable<Fields['heartbeat']>['fields'];

function addHeartbeat(draft: Draft, heartbeat: HeartbeatFields | undefined, reach: Reach): void {
  if (heartbeat === undefined) return;
  for (const name of TIMES) {
    const token = heartbeat[name]?.token;
    take(draft, name, token, parseTime, (ms) => {
      draft.times.set(name, { ms, at: token ?? { ...WHOLE_FILE, text: '' } });
    });
  }
  draft.udpPort = heartbeat.port?.value ?? draft.udpPort;
  for (const target of heartbeat.ping?.items ?? []) {
    if (target.kind === 'scalar') {
      addPing(draft, target.token);
    } else {
      const { name, addresses } = target.fields;
      addPingGroup(draft, name.token, addresses.items.map(({ token }) => token));
    }
  }
  addLinks(draft, heartbeat.links?.items ?? [], reach);
}

type DeviceEntries = NonNullable<Fields['fencing']>['entries'][0]['value']['items'][0]['entries'];

function addDevice(draft: Draft, node: Token, entries: DeviceEntries): void {
  let agent: Token | undefined;
  let timeoutMs: number | undefined = FENCE_TIMEOUT_MS_DEFAULT;
  let level: Token | undefined;
  let reboot: Token | undefined;
  const parameters: (Parameter | undefined)[] = [];
  for (const { key, value } of entries) {
    if (key.text === 'agent') {
      agent = value.token;
    } else if (key.text === 'level') {
      level = value.token;
    } else if (key.text === 'reboot') {
      reboot = value.token;
    } else if (key.text === 'timeout') {
      timeoutMs = undefined;
      take(draft, 'timeout', value.token, parseTime, (ms) => {
        timeoutMs = ms;
      });
    } else {
      parameters.push(parameterOf(draft, key, value.token));
    }
  }
  if (agent !== undefined) addFence(draft, { node, agent, parameters, timeoutMs, level, reboot });
}

function parameterOf(draft: Draft, at: Token, value: Token): Parameter | undefined {
  if (isParameterName(at.text)) return { at, name: at.text, value };
  const expected = 'a parameter of the agent, such as ip or username';
  draft.report.error(at, `Parameter name cannot be ${quote(at.text)}`, expected);
  return undefined;
}
