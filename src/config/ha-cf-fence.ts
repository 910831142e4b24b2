/**
 * `fence NODE AGENT name=value ...`: how to make sure that a node is off, in ha.cf itself.
 *
 * Heartbeat had `stonith` and `stonith_host`, whose plugins are no longer shipped. Agents of the
 * fence-agents project are; they read `name=value` lines on standard input, and so the words of
 * our line are those lines.
 */
import type { FenceDevice } from './config.js';
import type { Directive, DirectiveLine, Draft } from './ha-cf-draft.js';
import { isAbsolutePath, isNodeName, NODE_NAME_EXPECTED } from './heartbeat-values.js';
import { parseHeartbeatTime } from './heartbeat-values.js';
import { BLANKS, quote, within, type SourceLine, type Token } from './source-text.js';

/** How long an agent may take when the line does not say: a BMC needs 5 to 15 s to confirm. */
export const FENCE_TIMEOUT_MS_DEFAULT = 20_000;

const FORM = 'fence NODE AGENT name=value ...';

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

/** Reads a `fence` line. */
export const fence: Directive = (draft, line) => {
  const tokens = quotedWords(draft, line.line)?.slice(1);
  if (tokens === undefined) return;
  const [node, agent, ...parameters] = tokens;
  if (node === undefined || agent === undefined) {
    draft.report.error(line.name, 'Directive "fence" has too few words', quote(FORM));
    return;
  }
  const heads = [checkNode(draft, node), checkAgent(draft, agent)];
  const device = readDevice(draft, agent.text, parameters);
  if (device === undefined || heads.includes(false)) return;
  if (node.text === '*' && !servesAll(draft, node, device)) return;
  const lower = { ...node, text: node.text.toLowerCase() };
  draft.fences.push({ node: lower, agent, device });
};

/** Words of a line, where `"` keeps blanks and `#` in a word. Undefined when one is not closed. */
function quotedWords(draft: Draft, line: SourceLine): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let current: { text: string; readonly column: number } | undefined;
  let openedAt = 0;
  for (let index = 0; index < line.text.length; index += 1) {
    const char = line.text.charAt(index);
    if (openedAt === 0 && char === '#') break;
    if (openedAt === 0 && BLANKS.includes(char)) {
      if (current !== undefined) tokens.push({ line: line.number, ...current });
      current = undefined;
      continue;
    }
    current ??= { text: '', column: index + 1 };
    if (char === '"') openedAt = openedAt === 0 ? index + 1 : 0;
    else current.text += char;
  }
  if (openedAt > 0) {
    const at = { line: line.number, column: openedAt };
    draft.report.error(at, 'The quoted value has no end', 'a closing " on the same line');
    return undefined;
  }
  if (current !== undefined) tokens.push({ line: line.number, ...current });
  return tokens;
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
  if (!valid) draft.report.error(agent, `Cannot use ${quote(agent.text)} as an agent`, expected);
  return valid;
}

function readDevice(
  draft: Draft,
  agent: string,
  tokens: readonly Token[],
): FenceDevice | undefined {
  const params = new Map<string, string>();
  const paramFiles = new Map<string, string>();
  let timeoutMs: number | undefined = FENCE_TIMEOUT_MS_DEFAULT;
  let valid = true;
  for (const token of tokens) {
    const parameter = splitParameter(draft, token);
    if (parameter === undefined) {
      valid = false;
    } else if (parameter.name === 'timeout') {
      timeoutMs = readTimeout(draft, parameter.value);
    } else {
      valid = addParameter(draft, parameter, { params, paramFiles }) && valid;
    }
  }
  if (!valid || timeoutMs === undefined) return undefined;
  return {
    agent,
    params: Object.fromEntries(params),
    paramFiles: Object.fromEntries(paramFiles),
    timeoutMs,
  };
}

interface Parameter {
  readonly at: Token;
  readonly name: string;
  readonly value: Token;
}

function splitParameter(draft: Draft, token: Token): Parameter | undefined {
  const equals = token.text.indexOf('=');
  const name = token.text.slice(0, Math.max(equals, 0));
  if (/^[A-Za-z][\w-]{0,63}$/.test(name)) {
    return { at: token, name, value: within(token, equals + 1, token.text.slice(equals + 1)) };
  }
  // The word itself is not shown: it may be the second half of a password.
  draft.report.error(
    token,
    'The parameter has no name',
    'name=value',
    'put a value with blanks or # in double quotes: name="a value"',
  );
  return undefined;
}

function readTimeout(draft: Draft, value: Token): number | undefined {
  const result = parseHeartbeatTime(value.text);
  if (result.ok && result.value > 0) return result.value;
  const expected = result.ok ? 'a time above 0' : result.error;
  draft.report.error(value, `The timeout cannot be ${quote(value.text)}`, expected);
  return undefined;
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

function noteSecret(draft: Draft, { at, name }: Parameter): void {
  draft.report.warning(
    at,
    `Parameter ${quote(name)} puts a secret into a file that others may read`,
    `${quote(`${name}_file=/PATH`)} with the secret alone in that file, mode 0600`,
  );
}

function servesAll(draft: Draft, node: Token, device: FenceDevice): boolean {
  const plug = ['plug', 'port'].find((name) => device.params[name] !== undefined);
  if (plug === undefined && !reachesOneMachine(device.agent)) return true;
  const why =
    plug === undefined
      ? `Agent ${quote(device.agent)} reaches one machine only, so it cannot fence "*"`
      : `Parameter ${quote(plug)} would be the same for every node`;
  draft.report.error(node, why, 'one "fence" line for each node');
  return false;
}

/** The device of a `*` line for one node: the agent finds the plug by the node's name. */
export function deviceForNode(device: FenceDevice, node: string): FenceDevice {
  // Agents before fence-agents 4.0 know the plug as `port`, later ones take both.
  return { ...device, params: { ...device.params, plug: node, port: node } };
}

/** Heartbeat's plugins and the agents that do the same. */
const AGENT_OF_PLUGIN: Readonly<Record<string, string>> = {
  apcmaster: 'fence_apc',
  apcmastersnmp: 'fence_apc_snmp',
  baytech: 'fence_baytech',
  bladehpi: 'fence_hpblade',
  drac3: 'fence_drac',
  drac5: 'fence_drac5',
  'external/drac5': 'fence_drac5',
  'external/ipmi': 'fence_ipmilan',
  'external/libvirt': 'fence_virsh',
  'external/riloe': 'fence_ilo',
  'external/vcenter': 'fence_vmware_rest',
  ibmhmc: 'fence_lpar',
  ipmilan: 'fence_ipmilan',
  wti_mpc: 'fence_wti',
  wti_nps: 'fence_wti',
};

/** `stonith TYPE FILE` and `stonith_host HOST TYPE PARAMETER...` of Heartbeat: said, not used. */
export const stonith: Directive = (draft: Draft, line: DirectiveLine) => {
  const ofHost = line.name.text === 'stonith_host';
  const form = ofHost ? 'stonith_host HOST TYPE PARAMETER...' : 'stonith TYPE FILE';
  const type = line.words[ofHost ? 1 : 0];
  if (type === undefined) {
    const message = `Directive ${quote(line.name.text)} has too few words`;
    draft.report.error(line.name, message, quote(form));
    return;
  }
  const agent = Object.hasOwn(AGENT_OF_PLUGIN, type.text) ? AGENT_OF_PLUGIN[type.text] : undefined;
  draft.report.warning(
    type,
    `STONITH plugin ${quote(type.text)} is not used: Tandem fences with fence agents`,
    quote(`fence NODE ${agent ?? 'AGENT'} name=value ...`),
    type.text === 'meatware'
      ? 'without a device, confirm by hand with "tandem fence confirm NODE"'
      : 'without it no node is fenced by this line',
  );
};
