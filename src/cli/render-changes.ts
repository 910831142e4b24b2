import type { DrbdStatus, GroupStatus, NodeStatus, Status } from '../base/status.js';
import { printable } from './text.js';

/**
 * What changed from one status to the next, one line a change, for `status --watch` in a pipe.
 * Ages and counters change all the time and say nothing; they are not compared. While the daemon
 * does not answer, nothing is known about the parts, so nothing is said about them.
 */
export function renderChanges(before: Status | null, after: Status): string[] {
  const old = facts(before);
  const now = facts(after);
  const lines = [...now]
    .filter(([name, text]) => settled(old.get(name)) !== settled(text))
    .map(([name, text]) => line(name, text));
  const gone = after.daemon === undefined ? [...old.keys()].filter((name) => !now.has(name)) : [];
  return [...lines, ...gone.map((name) => line(name, 'no longer there'))];
}

/** A text without the ages and percentages in its sentences, which move on by themselves. */
function settled(text: string | undefined): string | undefined {
  return text?.replace(/\d+(?:\.\d+)? ?(?:ms|s|min|h|%)(?![a-z])/g, '#');
}

function line(name: string, text: string): string {
  return printable(name === '' ? text : `${name}: ${text}`);
}

/** Name of a part -> all that matters about it. The verdict has no name and comes first. */
function facts(status: Status | null): ReadonlyMap<string, string> {
  if (status === null) return new Map();
  const { verdict } = status;
  return new Map([
    ['', `${verdict.state.toUpperCase()}: ${verdict.summary}`],
    ...status.nodes.map((node) => [`node ${node.name}`, nodeFact(node)] as const),
    ...status.links.map((link) => [`link ${link.peer} ${link.medium}`, link.state] as const),
    ...status.groups.flatMap(groupFacts),
    ...status.drbd.map((drbd) => [`drbd ${drbd.resource}`, drbdFact(drbd)] as const),
  ]);
}

function nodeFact({ state, mode, reason }: NodeStatus): string {
  const modeText = mode === 'online' ? '' : ` (${mode})`;
  return `${state}${modeText}${state === 'up' ? '' : `, ${reason}`}`;
}

function groupFacts(group: GroupStatus): (readonly [string, string])[] {
  const place = group.node === null ? '' : ` on ${group.node}`;
  return [
    [`group ${group.name}`, `${group.state}${place}, ${group.reason}`],
    ...group.resources.map(
      ({ id, state, reason }) =>
        [
          `resource ${group.name}/${id}`,
          reason === undefined ? state : `${state}, ${reason}`,
        ] as const,
    ),
  ];
}

/** Volumes without their progress in bytes; a change of a disk state is what matters. */
function drbdFact(drbd: DrbdStatus): string {
  if (drbd.reason !== undefined) return drbd.reason;
  const volumes = drbd.volumes.map(({ volume, disk, peerDisk, syncedPercent }) => {
    const synced = syncedPercent === null ? '' : ` synced ${syncedPercent.toFixed(1)} %`;
    return `volume ${volume} ${disk}/${peerDisk}${synced}`;
  });
  const split = drbd.splitBrain ? ['split brain'] : [];
  return [`${drbd.role}/${drbd.peerRole}`, drbd.connection, ...split, ...volumes].join(', ');
}
