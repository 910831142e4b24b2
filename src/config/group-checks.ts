/** What groups must keep to as a whole, whichever file they stand in. */
import type { ResourceSpec } from '../resources/spec.js';
import type { Dialect } from './dialect.js';
import { didYouMean, type Reporter } from './reporter.js';
import { quote, quoteList, type Token } from './source-text.js';

/** The resources of a group with the words that gave them. */
export interface DraftGroup {
  readonly members: readonly { readonly word: Token; readonly spec: ResourceSpec }[];
}

/** Reports a node that is not of the cluster, with `cure` when no known name is near. */
export function checkGroupNode(
  node: Token,
  nodes: readonly string[],
  dialect: Dialect,
  report: Reporter,
  cure?: string,
): boolean {
  if (nodes.length === 0 || nodes.includes(node.text.toLowerCase())) return true;
  const message = `Node ${quote(node.text)} is not ${dialect.nodesPlace}`;
  report.error(node, message, quoteList(nodes), didYouMean(node.text, nodes) ?? cure);
  return false;
}

/** The rules between the resources of all groups. */
export function checkGroups(
  groups: readonly DraftGroup[],
  dialect: Dialect,
  report: Reporter,
): void {
  checkUnique(groups, report);
  for (const group of groups) notePromotion(group, dialect, report);
}

/** A resource belongs to one group, a disk too: otherwise two nodes could hold it at once (S1). */
function checkUnique(drafts: readonly DraftGroup[], report: Reporter): void {
  const ids = new Map<string, Token>();
  const devices = new Map<string, { readonly at: Token; readonly group: DraftGroup }>();
  for (const group of drafts) {
    for (const { word, spec } of group.members) {
      const first = ids.get(spec.id);
      if (first === undefined) ids.set(spec.id, word);
      else reportTwice(word, `Resource ${quote(spec.id)}`, first, report);
      if (spec.kind !== 'filesystem' || !spec.device.startsWith('/dev/')) continue;
      const mounted = devices.get(spec.device);
      if (mounted === undefined) devices.set(spec.device, { at: word, group });
      else if (mounted.group !== group) {
        reportTwice(word, `Device ${quote(spec.device)}`, mounted.at, report);
      }
    }
  }
}

function reportTwice(at: Token, what: string, first: Token, report: Reporter): void {
  const place = `line ${String(first.line)}, column ${String(first.column)}`;
  report.error(at, `${what} is used twice; the first time on ${place}`, 'each resource once');
}

/** A DRBD device cannot be mounted before its resource is Primary. */
function notePromotion({ members }: DraftGroup, dialect: Dialect, report: Reporter): void {
  const drbd = members.findIndex(({ spec }) => spec.kind === 'drbd');
  for (const [index, { word, spec }] of members.entries()) {
    const mounts = spec.kind === 'filesystem' && /^\/dev\/drbd/.test(spec.device);
    if (!mounts || (drbd >= 0 && drbd < index)) continue;
    const device = quote(spec.device);
    const message = `Nothing ${dialect.groupPlace} makes ${device} Primary before it is mounted`;
    report.warning(word, message, dialect.drbdBefore);
  }
}
