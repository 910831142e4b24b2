/**
 * `fence NODE AGENT name=value ...`: how to make sure that a node is off, in ha.cf itself.
 *
 * Heartbeat had `stonith` and `stonith_host`, whose plugins are no longer shipped. Agents of the
 * fence-agents project are; they read `name=value` lines on standard input, and so the words of
 * our line are those lines.
 */
import type { Draft } from './cluster-draft.js';
import { addFence, FENCE_TIMEOUT_MS_DEFAULT } from './fence-values.js';
import { isParameterName, type Parameter } from './fence-values.js';
import type { Directive, DirectiveLine } from './ha-cf-draft.js';
import { parseHeartbeatTime } from './heartbeat-values.js';
import { BLANKS, quote, within, type SourceLine, type Token } from './source-text.js';

/** Words of the line that are Tandem's and not the agent's. */
const OWN_WORDS: readonly string[] = ['timeout', 'level', 'reboot'];

const FORM = 'fence NODE AGENT name=value ...';

/** Reads a `fence` line. */
export const fence: Directive = (draft, line) => {
  const tokens = quotedWords(draft, line.line)?.slice(1);
  if (tokens === undefined) return;
  const [node, agent, ...words] = tokens;
  if (node === undefined || agent === undefined) {
    draft.report.error(line.name, 'Directive "fence" has too few words', quote(FORM));
    return;
  }
  const all = words.map((token) => splitParameter(draft, token));
  const timeouts = all.filter((parameter) => parameter?.name === 'timeout');
  const timeout = timeouts.map((parameter) => parameter && readTimeout(draft, parameter.value));
  addFence(draft, {
    node,
    agent,
    parameters: all.filter((parameter) => !OWN_WORDS.includes(parameter?.name ?? '')),
    level: all.findLast((parameter) => parameter?.name === 'level')?.value,
    reboot: all.findLast((parameter) => parameter?.name === 'reboot')?.value,
    timeoutMs: timeout.length === 0 ? FENCE_TIMEOUT_MS_DEFAULT : timeout.at(-1),
  });
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

function splitParameter(draft: Draft, token: Token): Parameter | undefined {
  const equals = token.text.indexOf('=');
  const name = token.text.slice(0, Math.max(equals, 0));
  if (isParameterName(name)) {
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
