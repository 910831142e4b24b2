/**
 * How a node is fenced, word by word: the agent, its parameters, which of them are secret, and
 * whether one device can serve all nodes. ha.cf and cluster.yaml bring the words here.
 */
import type { Draft } from './cluster-draft.js';
import type { FenceDevice } from './config.js';
import {
  isAbsolutePath,
  isNodeName,
  NODE_NAME_EXPECTED,
  parseBoolean,
} from './heartbeat-values.js';
import { isDecimal } from './ip-address.js';
import { quote, type Token } from './source-text.js';

/** How long an agent may take when the line does not say: a BMC needs 5 to 15 s to confirm. */
export const FENCE_TIMEOUT_MS_DEFAULT = 20_000;

/** Parameters that Tandem itself gives to an agent. */
const OWN_PARAMETERS: readonly string[] = ['action', 'option'];

const SECRET_NAME = /(^|_)(password|passwd|passphrase|secret|secret_key|token|api_key|apikey)$/;

/** True for a parameter whose value must not be seen by others. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase());
}

/** Agents that reach the one machine whose controller they talk to, and know no plugs. */
const SINGLE_MACHINE_AGENT =
  /^fence_(ipmilan|ipmilanplus|idrac|drac|drac5|ilo\w*|imm|rsa|rsb|redfish)$/;

/** True when one device line cannot serve several nodes: it would switch off the wrong machine. */
export function reachesOneMachine(agent: string): boolean {
  return SINGLE_MACHINE_AGENT.test(agent.slice(agent.lastIndexOf('/') + 1));
}

/** One parameter of an agent as it was written. */
export interface Parameter {
  readonly at: Token;
  readonly name: string;
  readonly value: Token;
}

/** True for a name that an agent could know. */
export function isParameterName(name: string): boolean {
  return /^[A-Za-z][\w-]{0,63}$/.test(name);
}

/** A way to fence `node`; what is undefined was faulty, and has been reported. */
export interface FenceWords {
  /** A node name, or `*` for all of them. */
  readonly node: Token;
  readonly agent: Token;
  readonly parameters: readonly (Parameter | undefined)[];
  readonly timeoutMs: number | undefined;
  readonly level: Token | undefined;
  readonly reboot: Token | undefined;
}

/** Takes a way to fence a node, after all others of that node. */
export function addFence(draft: Draft, words: FenceWords): void {
  const { node, agent } = words;
  const heads = [checkNode(draft, node), checkAgent(draft, agent)];
  const device = readDevice(draft, words);
  if (device === undefined || heads.includes(false)) return;
  if (node.text === '*' && !servesAll(draft, node, device)) return;
  const lower = { ...node, text: node.text.toLowerCase() };
  draft.fences.push({ node: lower, agent, device });
}

function checkNode(draft: Draft, node: Token): boolean {
  const valid = node.text === '*' || isNodeName(node.text);
  const expected = `${NODE_NAME_EXPECTED}, or *`;
  if (!valid) draft.report.error(node, `Cannot fence ${quote(node.text)}`, expected);
  return valid;
}

function checkAgent(draft: Draft, agent: Token): boolean {
  const valid = isAbsolutePath(agent.text) || /^[A-Za-z0-9][\w.-]{0,99}$/.test(agent.text);
  const expected = 'the name of a fence agent, such as fence_ipmilan, or its absolute path';
  // What follows a blank could be a parameter in the wrong place, such as a password.
  const [first = ''] = agent.text.split(/\s/);
  if (!valid) draft.report.error(agent, `Cannot use ${quote(first)} as an agent`, expected);
  return valid;
}

function readDevice(draft: Draft, words: FenceWords): FenceDevice | undefined {
  const params = new Map<string, string>();
  const paramFiles = new Map<string, string>();
  const { agent, parameters, timeoutMs } = words;
  let valid = true;
  for (const parameter of parameters) {
    const added =
      parameter !== undefined && addParameter(draft, parameter, { params, paramFiles });
    valid &&= added;
  }
  const level = readLevel(draft, words.level);
  const reboot = readReboot(draft, words.reboot);
  if (!valid || timeoutMs === undefined || level === undefined || reboot === undefined) {
    return undefined;
  }
  return {
    agent: agent.text,
    params: Object.fromEntries(params),
    paramFiles: Object.fromEntries(paramFiles),
    timeoutMs,
    ...(level === null ? {} : { level }),
    ...(reboot ? {} : { reboot: false }),
  };
}

/** Levels beyond a handful are a mistake for something else. */
const LEVEL_MAX = 9;

/** Null when none is given, undefined when it was faulty. */
function readLevel(draft: Draft, at: Token | undefined): number | null | undefined {
  if (at === undefined) return null;
  if (isDecimal(at.text, 1, LEVEL_MAX)) return Number(at.text);
  const expected = `a number, 1 to ${String(LEVEL_MAX)}; the lowest is used first`;
  draft.report.error(at, `The level cannot be ${quote(at.text)}`, expected);
  return undefined;
}

function readReboot(draft: Draft, at: Token | undefined): boolean | undefined {
  if (at === undefined) return true;
  const result = parseBoolean(at.text);
  if (result.ok) return result.value;
  draft.report.error(at, `"reboot" cannot be ${quote(at.text)}`, result.error);
  return undefined;
}

/** Orders the devices of a node by level; reports a node where only some have one. */
export function orderLevels(
  draft: Draft,
  node: string,
  devices: readonly { readonly at: Token; readonly device: FenceDevice }[],
): readonly FenceDevice[] {
  const bare = devices.find(({ device }) => device.level === undefined);
  const leveled = devices.some(({ device }) => device.level !== undefined);
  if (bare !== undefined && leveled) {
    const message = `This device of ${quote(node)} has no level, and others have`;
    draft.report.error(bare.at, message, 'a level for each device of a node, or for none');
  }
  return devices
    .map(({ device }) => device)
    .toSorted((a, b) => (a.level ?? 0) - (b.level ?? 0));
}

function addParameter(
  draft: Draft,
  parameter: Parameter,
  into: { readonly params: Map<string, string>; readonly paramFiles: Map<string, string> },
): boolean {
  const { at, name, value } = parameter;
  const secret = secretNameOfFile(name);
  const key = secret ?? name;
  if (OWN_PARAMETERS.includes(name)) {
    const cure = 'delete it: Tandem says itself what the agent shall do';
    const message = `Parameter ${quote(name)} is not yours to give`;
    draft.report.error(at, message, 'other parameters', cure);
    return false;
  }
  if (into.params.has(key) || into.paramFiles.has(key)) {
    draft.report.error(at, `Parameter ${quote(key)} is given twice`, 'each parameter once');
    return false;
  }
  if (secret === undefined) {
    if (isSecretName(name)) noteSecret(draft, parameter);
    else if (!isOneLine(value.text)) return refuseLines(draft, parameter);
    into.params.set(name, value.text);
    return true;
  }
  if (!isAbsolutePath(value.text)) {
    const message = `Parameter ${quote(name)} cannot be ${quote(value.text)}`;
    draft.report.error(value, message, 'the absolute path of a file');
    return false;
  }
  into.paramFiles.set(secret, value.text);
  return true;
}

/** `password` for `password_file`; undefined for `identity_file`, which agents know themselves. */
function secretNameOfFile(name: string): string | undefined {
  const stem = name.endsWith('_file') ? name.slice(0, -'_file'.length) : '';
  return isSecretName(stem) ? stem : undefined;
}

/** The agent reads lines: a second one would be a parameter that nobody wrote. */
function isOneLine(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text);
}

function refuseLines(draft: Draft, { name, value }: Parameter): false {
  const message = `Parameter ${quote(name)} cannot be ${quote(value.text)}`;
  draft.report.error(value, message, 'one line without control characters');
  return false;
}

function noteSecret(draft: Draft, { at, name }: Parameter): void {
  const { literalSecret, secretFile } = draft.dialect;
  draft.report[literalSecret](
    at,
    `Parameter ${quote(name)} puts a secret into a file that others may read`,
    `${quote(secretFile(name))} with the secret alone in that file, mode 0600`,
  );
}

function servesAll(draft: Draft, node: Token, device: FenceDevice): boolean {
  const plug = ['plug', 'port'].find((name) => device.params[name] !== undefined);
  if (plug === undefined && !reachesOneMachine(device.agent)) return true;
  const why =
    plug === undefined
      ? `Agent ${quote(device.agent)} reaches one machine only, so it cannot fence "*"`
      : `Parameter ${quote(plug)} would be the same for every node`;
  draft.report.error(node, why, draft.dialect.fenceEach);
  return false;
}

/** The device of a `*` line for one node: the agent finds the plug by the node's name. */
export function deviceForNode(device: FenceDevice, node: string): FenceDevice {
  // Agents before fence-agents 4.0 know the plug as `port`, later ones take both.
  return { ...device, params: { ...device.params, plug: node, port: node } };
}
