// Short words for what a status says.

import type { LinkStatus, NodeStatus, Status } from '../../src/base/status.js';

/** A link, by its medium. */
export function linkOf(seen: Status, medium: string): LinkStatus | undefined {
  return seen.links.find((each) => each.medium === medium);
}

/** The state of a link, by its medium. */
export function link(seen: Status, medium: string): LinkStatus['state'] | undefined {
  return linkOf(seen, medium)?.state;
}

/** A node as this status shows it. */
export function nodeOf(seen: Status, name: string): NodeStatus | undefined {
  return seen.nodes.find((node) => node.name === name);
}

/** The only group, where and how it is: `started n1`. */
export function place(seen: Status): string {
  const [group] = seen.groups;
  return `${group?.state ?? 'none'} ${group?.node ?? 'nowhere'}`;
}

/** Why the only group is where it is. */
export function why(seen: Status): string {
  return seen.groups[0]?.reason ?? '';
}
