/** What a request is answered at once, and the checks that many requests share. */
import type { OperatorAnswer } from '../base/control.js';
import { formatDuration } from '../base/duration.js';
import { activeElsewhere } from './claims.js';
import { holdSentence, standstillOf } from './holds.js';
import { isMember } from './membership.js';
import type { Group, PendingRequest } from './state.js';
import type { Turn } from './turn.js';

/** The first answer: no, done already, or followed until it is true. */
export type Verdict =
  | { readonly kind: 'refused'; readonly exit: OperatorAnswer['exit']; readonly message: string }
  | { readonly kind: 'done'; readonly message: string }
  | {
      readonly kind: 'follow';
      readonly message: string;
      readonly pending: Pick<
        PendingRequest,
        'what' | 'group' | 'resource' | 'node' | 'mode' | 'epoch' | 'order' | 'nodes' | 'fenceTests'
      >;
    };

/** The last answer of a request that was followed. */
export interface End {
  readonly ok: boolean;
  readonly message: string;
}

/** How long a request that ends now has taken, in words. */
export function tookSince(turn: Turn, { askedMs }: PendingRequest): string {
  return formatDuration(turn.nowMs - askedMs);
}

/** A group by its name or an alias. */
export function findGroup(turn: Turn, word: string): Group | null {
  const exact = turn.group(word);
  return exact ?? turn.groups.find((group) => group.spec.aliases.includes(word)) ?? null;
}

/** Refused: the word is no name of that kind. */
export function noSuch(what: string, word: string, known: readonly string[]): Verdict {
  const message = `There is no ${what} "${word}"; there is: ${known.join(', ')}`;
  return { kind: 'refused', exit: 'noSuch', message };
}

/** Refused: it could do harm. */
export function refuse(message: string): Verdict {
  return { kind: 'refused', exit: 'unsafe', message };
}

/** Refused: there is no such group. */
export function noSuchGroup(turn: Turn, word: string): Verdict {
  const names = turn.groups.map((group) => group.spec.name);
  return noSuch('group', word, names);
}

/** The node on which the group is active now, as far as is known. */
export function holderOf(turn: Turn, group: Group): string | null {
  if (group.life !== 'stopped' && group.life !== 'unknown') return turn.self;
  return activeElsewhere(turn, group.spec.name)?.name ?? null;
}

/** Refused: a hold forbids to touch the group. Null when none does. */
export function refuseHeld(turn: Turn, name: string, wish: string): Verdict | null {
  const hold = standstillOf(turn.state, name);
  if (hold === null) return null;
  const cure = hold.kind === 'maintenance' ? 'tandem maintenance off' : `tandem unfreeze ${name}`;
  return refuse(`${wish}: ${holdSentence(hold)}. First: ${cure}`);
}

/** The group starts, stops, or is claimed: where it ends up is not known yet. */
export function isUnderWay(turn: Turn, group: Group): boolean {
  if (group.claim !== null && group.life === 'stopped') return true;
  return lives(turn, group).some((life) => life === 'starting' || life === 'stopping');
}

/** How the group is here, and on the node that has it active. */
export function lives(turn: Turn, group: Group): readonly (string | undefined)[] {
  return [group.life, lifeElsewhere(turn, group.spec.name)];
}

function lifeElsewhere(turn: Turn, name: string): string | undefined {
  const report = activeElsewhere(turn, name)?.report;
  return report?.groups.find((entry) => entry.name === name)?.life;
}

/** True when the node says that all of the group runs there. */
export function isStartedOn(turn: Turn, group: Group, node: string): boolean {
  if (node === turn.self) return group.life === 'started';
  const peer = turn.peer(node);
  const there = peer?.report?.groups.find((entry) => entry.name === group.spec.name);
  return peer !== undefined && isMember(peer) && there?.life === 'started';
}

/** S3: the node where a stop failed, as a sentence. */
export function stuckWhere(turn: Turn, group: Group): string | null {
  if (group.life === 'stopFailed') return group.reason;
  const { name } = group.spec;
  const stuck = turn.peers.find(
    (peer) =>
      peer.clearance === null &&
      peer.report?.groups.some((entry) => entry.name === name && entry.life === 'stopFailed'),
  );
  return stuck === undefined ? null : `a stop failed on ${stuck.name}`;
}
