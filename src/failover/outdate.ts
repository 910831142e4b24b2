/**
 * DRBD's own fencing, the answering side: another node's handler asks that the disk here be marked
 * Outdated (fence-peer.ts). It is, unless it is in use; the kernel marks it only while DRBD is not
 * connected. From the ask on nothing is started on this disk, and what is said of it is what DRBD
 * has confirmed. A connection makes up for it: DRBD itself clears the mark.
 */
import type { OutdateAsk, OutdateOutcome, OutdateWord } from '../heartbeat/report.js';
import { isOff } from './clearance.js';
import { APART } from './drbd-connections.js';
import { groupsOf } from './halves.js';
import { isHeard } from './membership.js';
import type { Outdating, Peer, State } from './state.js';
import type { Turn } from './turn.js';

/** A refusal of DRBD is most often one in a moment of change: asked again this much later. */
const OUTDATE_AGAIN_MS = 1_000;

/** What the report says on the asks of others. */
export function outdateWords({ outdatings }: State): readonly OutdateWord[] {
  return outdatings.flatMap(({ asker, resource, generation, version, outcome }) =>
    outcome === null ? [] : [{ asker, resource, generation, version, outcome }],
  );
}

/** Brings what is done here in line with what others ask. */
export function heedAsks(turn: Turn): void {
  const asked = asksToUs(turn.state);
  const before = turn.state.outdatings;
  const isSame = asked.length === before.length && asked.every((one, at) => one === before[at]);
  if (!isSame) turn.update({ outdatings: asked });
  for (const outdating of asked) {
    const asker = turn.peer(outdating.asker);
    if (outdating.outcome !== null || outdating.outdateId !== null) continue;
    if (asker === undefined || !isHeard(asker) || !turn.hasCome(outdating.notBeforeMs)) continue;
    heed(turn, outdating);
  }
}

/** Its last words are from before it was off. */
function wasOff(peer: Peer): boolean {
  return isOff(peer) || peer.clearance?.kind === 'back';
}

/**
 * The asks that stand, each with what came of it so far. Who is off asks for nothing any more: what it
 * wrote alone, if anything, it has told with its last words (copies.ts).
 */
function asksToUs(state: State): readonly Outdating[] {
  const asking = Object.values(state.peers).filter(({ report }) => report?.outdateAsks.length);
  return asking.flatMap((peer) =>
    (peer.report?.outdateAsks ?? [])
      .filter(({ node }) => node === state.spec.self)
      .map((ask) => outdatingOf(state, peer, ask))
      .filter(({ outdateId }) => outdateId !== null || !wasOff(peer)),
  );
}

function outdatingOf(state: State, { name, report }: Peer, { resource, version }: OutdateAsk): Outdating {
  const generation = report?.generation ?? 0;
  const known = state.outdatings.find(
    (entry) => entry.asker === name && entry.generation === generation && entry.version === version,
  );
  const fresh = { outdateId: null, notBeforeMs: 0, outcome: null };
  return known ?? { asker: name, resource, generation, version, ...fresh };
}

function heed(turn: Turn, outdating: Outdating): void {
  const { resource, asker } = outdating;
  const facts = turn.state.drbd[resource];
  const groups = groupsOf(turn, resource);
  const isActive = groups.some(({ life }) => life === 'starting' || life === 'started');
  if (isActive || facts?.role === 'Primary') {
    conclude(turn, outdating, 'primary');
    return;
  }
  // Not found out yet, or still being stopped: the next turn knows more.
  const isSettled = groups.length > 0 && groups.every(({ life }) => life === 'stopped');
  if (!isSettled || facts === undefined || facts.state === 'unknown') return;
  if (facts.state === 'configured') {
    if (!APART.includes(facts.connection)) return;
    if (facts.disk === 'Outdated' || facts.disk === 'Inconsistent') {
      conclude(turn, outdating, facts.disk === 'Outdated' ? 'outdated' : 'inconsistent');
      return;
    }
  }
  const outdateId = turn.newId('outdate');
  change(turn, outdating, { outdateId });
  turn.say('warn', `${turn.self} marks its disk of DRBD resource ${resource} Outdated: ${asker} asks for it`);
  turn.emit({ kind: 'outdate', outdateId, resource });
}

/** Takes in what DRBD answered. */
export function onOutdateResult(
  turn: Turn,
  result: {
    readonly outdateId: string;
    readonly outcome: OutdateOutcome | 'failed';
    readonly reason: string;
  },
): void {
  const { outcome, reason } = result;
  const running = turn.state.outdatings.find((entry) => entry.outdateId === result.outdateId);
  if (running === undefined) return;
  if (outcome !== 'failed') {
    conclude(turn, running, outcome);
    return;
  }
  const again = { outdateId: null, notBeforeMs: turn.nowMs + OUTDATE_AGAIN_MS };
  change(turn, running, again);
  turn.say('warn', `The disk of DRBD resource ${running.resource} was not marked Outdated: ${reason}`);
}

const WORDS: Readonly<Record<OutdateOutcome, string>> = {
  outdated: 'is Outdated, so it is not used until DRBD has connected again',
  inconsistent: 'is Inconsistent, or gone, and cannot be used',
  primary: 'is in use here and stays so',
};

function conclude(turn: Turn, outdating: Outdating, outcome: OutdateOutcome): void {
  const { resource, asker } = outdating;
  change(turn, outdating, { outdateId: null, outcome });
  const level = outcome === 'primary' ? 'error' : 'info';
  turn.say(level, `The disk of DRBD resource ${resource} on ${turn.self} ${WORDS[outcome]} (for ${asker})`);
  if (outcome === 'primary') return;
  // S4, and kept over a restart: whoever asks goes on alone. A disk that is gone got no mark, and may
  // come back as it was.
  const copy = { kind: 'behind', than: asker, ahead: false } as const;
  turn.update({ copies: { ...turn.state.copies, [resource]: copy } });
}

function change(turn: Turn, outdating: Outdating, patch: Partial<Outdating>): void {
  const { asker, version } = outdating;
  const outdatings = turn.state.outdatings.map((entry) =>
    entry.asker === asker && entry.version === version ? { ...entry, ...patch } : entry,
  );
  turn.update({ outdatings });
}

/** Why nothing may be started on a disk that another node has asked to be given up, or null. */
export function outdatingObjection({ spec, outdatings }: State, resource: string): string | null {
  const asked = outdatings.find(
    (entry) => entry.resource === resource && entry.outcome !== 'primary',
  );
  if (asked === undefined) return null;
  return (
    `${asked.asker} has lost ${spec.self} in DRBD resource ${resource} and asks that the disk of ` +
    `${spec.self} be Outdated`
  );
}
