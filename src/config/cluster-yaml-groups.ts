/** The groups of cluster.yaml with their resources. */
import type { GroupSpec, Recovery, ResourceSpec } from '../resources/spec.js';
import { DEFAULT_RECOVERY, type ClusterShape } from './cluster-schema.js';
import { readResource } from './cluster-yaml-resources.js';
import type { Placed } from './cluster-yaml-shape.js';
import { NATIVE_DIALECT } from './dialect.js';
import { checkGroupNode, checkGroups } from './group-checks.js';
import { parseTime } from './heartbeat-values.js';
import { isGroupName } from './resource-values.js';
import type { Reporter } from './reporter.js';
import { quote, quoteList, WHOLE_FILE, type Token } from './source-text.js';

type Groups = Placed<NonNullable<ClusterShape['groups']>>;
type Group = Groups['entries'][number]['value'];

/** Reads all groups and checks them against each other. */
export function readGroups(
  groups: Groups | undefined,
  nodes: readonly string[],
  report: Reporter,
): readonly GroupSpec[] {
  if (groups === undefined || groups.entries.length === 0) {
    const tried = report.diagnostics.some(({ severity }) => severity === 'error');
    if (!tried) report.warning(WHOLE_FILE, 'There is no group', '"groups" with resources');
    return [];
  }
  const drafts = groups.entries.map(({ key, value }) => readGroup(key, value, nodes, report));
  checkGroups(drafts, NATIVE_DIALECT, report);
  return drafts.map(({ spec, members }) => {
    return { ...spec, resources: members.map((member) => member.spec) };
  });
}

interface Draft {
  readonly spec: Omit<GroupSpec, 'resources'>;
  readonly members: readonly { readonly word: Token; readonly spec: ResourceSpec }[];
}

function readGroup(name: Token, group: Group, nodes: readonly string[], report: Reporter): Draft {
  const { prefer, failback, resources } = group.fields;
  if (!isGroupName(name.text)) {
    const expected = 'letters, digits, ".", "-" and "_"';
    report.error(name, `Group name cannot be ${quote(name.text)}`, expected);
  }
  const only = readNodes(group.fields.nodes?.items ?? [], nodes, report);
  const allowed = group.fields.nodes === undefined ? nodes : only;
  if (group.fields.nodes?.items.length === 0) {
    report.error(group.fields.nodes.at, 'No node may run this group', 'one node or more');
  }
  const preferred = readNodes(prefer?.items ?? [], nodes, report, allowed);
  const spec = {
    name: name.text,
    aliases: [],
    prefer: [...preferred, ...allowed.filter((node) => !preferred.includes(node))],
    failback: failback?.value ?? 'never',
    ...readRecovery(group.fields, report),
  } as const;
  const members = resources.items.flatMap((resource) => {
    const read = readResource(resource, report);
    const at = resource.kind === 'scalar' ? resource.token : resource.at;
    return read === null ? [] : [{ word: { line: at.line, column: at.column, text: '' }, spec: read }];
  });
  return { spec, members };
}

/** What a failure leads to; only what differs from the default, so that one meaning has one digest. */
function readRecovery(
  { recovery, max_restarts: restarts, restart_expire_time: expire }: Group['fields'],
  report: Reporter,
): Pick<GroupSpec, 'recovery'> {
  if (recovery === undefined && restarts === undefined && expire === undefined) return {};
  const time = expire === undefined ? null : parseTime(expire.token.text);
  if (expire !== undefined && time?.ok === false) {
    const message = `Key "restart_expire_time" cannot be ${quote(expire.token.text)}`;
    report.error(expire.token, message, time.error);
  }
  const own = Object.entries({
    onFailure: recovery?.value,
    restartsMax: restarts?.value,
    restartExpireMs: time?.ok === true ? time.value : undefined,
  } satisfies Loose<Recovery>).filter(
    ([name, value]) => value !== undefined && value !== DEFAULT_RECOVERY[name as keyof Recovery],
  );
  return own.length === 0 ? {} : { recovery: Object.fromEntries(own) };
}

type Loose<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** The nodes that are of the cluster, and among `allowed`, each once. */
function readNodes(
  items: readonly { readonly token: Token }[],
  nodes: readonly string[],
  report: Reporter,
  allowed: readonly string[] = nodes,
): readonly string[] {
  const names = new Set<string>();
  for (const { token } of items) {
    const name = token.text.toLowerCase();
    if (!checkGroupNode(token, nodes, NATIVE_DIALECT, report)) continue;
    if (names.has(name)) {
      report.warning(token, `Node ${quote(name)} is given twice`, 'each node once');
    } else if (nodes.length > 0 && !allowed.includes(name)) {
      const expected = allowed.length === 0 ? 'a node of the list "nodes"' : quoteList(allowed);
      report.error(token, `Node ${quote(name)} may not run this group`, expected);
    }
    names.add(name);
  }
  return [...names];
}
