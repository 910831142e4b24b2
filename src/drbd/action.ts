/**
 * What an operator may ask of DRBD by hand, and what is looked at before DRBD is asked:
 *
 *     done      it is so already: nothing is run, and that is success
 *     refused   DRBD 8.4 would do it, and it would cost data or surprise
 *     go        DRBD decides, and says why not
 *
 * Seen with 8.4.11: `outdate` and `invalidate` of a connected Primary succeed; `invalidate` of a
 * resource that is not up writes into its meta data; a connected SyncTarget is promoted. None of
 * them is what a person meant who typed it.
 */
import * as command from './command.js';
import type { DrbdCommand } from './command.js';
import type { DrbdFacts, DrbdVolumeFacts } from './facts.js';
import { promotable } from './promotion.js';
import { REFUSALS, type DrbdRefusal } from './refusals.js';

/** The actions, in the order in which they are listed to people. */
export const DRBD_ACTIONS = [
  'promote',
  'demote',
  'up',
  'down',
  'connect',
  'disconnect',
  'attach',
  'detach',
  'adjust',
  'outdate',
  'invalidate',
  'verify',
] as const;

/** One of them. */
export type DrbdAction = (typeof DRBD_ACTIONS)[number];

/** Actions that work on one volume as well; all others are about the resource as a whole. */
export const VOLUME_ACTIONS: ReadonlySet<string> = new Set([
  ...(['attach', 'detach', 'outdate', 'invalidate', 'verify'] satisfies DrbdAction[]),
  'wait-sync',
]);

/** What an action works on. */
export interface ActionTarget {
  readonly resource: string;
  /** Null: all volumes. */
  readonly volume: number | null;
}

/** `r0` or `r0/1`. */
export function targetName({ resource, volume }: ActionTarget): string {
  return volume === null ? resource : `${resource}/${volume}`;
}

/** The command for an action. */
export function commandFor(action: DrbdAction, target: ActionTarget): DrbdCommand {
  const { resource } = target;
  const name = targetName(target);
  switch (action) {
    case 'promote':
      return command.promote(resource);
    case 'demote':
      return command.demote(resource);
    case 'up':
      return command.up(resource);
    case 'down':
      return command.down(resource);
    case 'connect':
      return command.connect(resource);
    case 'disconnect':
      return command.disconnect(resource);
    case 'adjust':
      return command.adjust(resource);
    case 'attach':
      return command.attach(name);
    case 'detach':
      return command.detach(name);
    case 'outdate':
      return command.outdate(name);
    case 'invalidate':
      return command.invalidate(name);
    case 'verify':
      return command.verify(name);
  }
}

/** What is known before DRBD is asked. Sentences have no final period. */
export type Judgement =
  | { readonly kind: 'go' }
  | { readonly kind: 'done'; readonly sentence: string }
  | {
      readonly kind: 'refused';
      readonly name: DrbdRefusal;
      readonly cause: string;
      readonly cure: string;
    };

const GO: Judgement = { kind: 'go' };

/** Looks at the resource before an action. What is not known is left to DRBD. */
export function judge(action: DrbdAction, target: ActionTarget, facts: DrbdFacts): Judgement {
  const volumes = chosen(target, facts);
  if (facts.state === 'unknown' || volumes.length === 0) return GO;
  return JUDGES[action](targetName(target), volumes, facts);
}

type Judge = (
  name: string,
  volumes: readonly DrbdVolumeFacts[],
  facts: DrbdFacts,
) => Judgement;

/** Done when it holds for every volume, else DRBD's turn. */
function unless(holds: (volume: DrbdVolumeFacts) => boolean, words: string): Judge {
  return (name, volumes) =>
    volumes.every(holds) ? { kind: 'done', sentence: `${name} ${words}` } : GO;
}

const JUDGES: Readonly<Record<DrbdAction, Judge>> = {
  promote: judgePromote,
  demote: unless(({ role }) => role === 'Secondary', 'is Secondary already'),
  up: unless(({ state }) => state === 'configured', 'is up already'),
  down: unless(({ state }) => state === 'down', 'is down already'),
  connect: unless(
    ({ connection }) => connection !== 'StandAlone',
    'is connected, or tries to connect, already',
  ),
  disconnect: unless(
    ({ connection }) => connection === 'StandAlone',
    'is disconnected (StandAlone) already',
  ),
  attach: unless(({ disk }) => disk !== 'Diskless', 'has its disk attached already'),
  detach: unless(({ disk }) => disk === 'Diskless', 'is Diskless already'),
  adjust: () => GO,
  outdate: judgeOutdate,
  invalidate: judgeInvalidate,
  verify: unless(isVerifying, 'is being verified already'),
};

function chosen({ volume }: ActionTarget, facts: DrbdFacts): readonly DrbdVolumeFacts[] {
  return volume === null ? facts.volumes : facts.volumes.filter((each) => each.volume === volume);
}

function refused(name: DrbdRefusal, words: { cause?: string; cure?: string } = {}): Judgement {
  const { cause, cure } = REFUSALS[name];
  return { kind: 'refused', name, cause: words.cause ?? cause, cure: words.cure ?? cure };
}

function isVerifying({ connection }: DrbdVolumeFacts): boolean {
  return connection === 'VerifyS' || connection === 'VerifyT';
}

/** Disks of which DRBD itself knows best whether they may be promoted. */
const LEFT_TO_DRBD: ReadonlySet<string> = new Set([
  ...(['UpToDate', 'Consistent', 'Attaching', 'Negotiating', 'Unknown'] as const),
]);

/**
 * S4. Connected, DRBD promotes any disk and reads from the peer; when that connection breaks, the
 * service stands on an unusable copy.
 */
function judgePromote(
  name: string,
  volumes: readonly DrbdVolumeFacts[],
  facts: DrbdFacts,
): Judgement {
  if (volumes.every(({ role }) => role === 'Primary')) {
    return { kind: 'done', sentence: `${name} is Primary already` };
  }
  if (facts.state === 'down') return GO;
  const unfit = volumes.some(({ disk }) => !LEFT_TO_DRBD.has(disk));
  const answer = promotable(facts, { peerConfirmedDown: false });
  if (answer.verdict !== 'no' || !unfit) return GO;
  return refused('needUpToDateData', { cause: answer.reason });
}

function judgeOutdate(name: string, volumes: readonly DrbdVolumeFacts[]): Judgement {
  if (volumes.every(({ disk }) => disk === 'Outdated')) {
    return { kind: 'done', sentence: `${name} is Outdated already` };
  }
  if (volumes.some(({ role }) => role === 'Primary')) return refused('primaryDisk');
  return volumes.every(({ peerRole }) => peerRole === 'Unknown') ? GO : refused('connectedOutdate');
}

function judgeInvalidate(name: string, volumes: readonly DrbdVolumeFacts[]): Judgement {
  if (volumes.some(({ role }) => role === 'Primary')) return refused('discardOnPrimary');
  const unmatched = volumes.find(({ peerDisk }) => peerDisk !== 'UpToDate');
  if (unmatched === undefined) return GO;
  const { connection, peerDisk } = unmatched;
  return refused('lastGoodCopy', {
    cause:
      `no connected peer has UpToDate data for ${name} ` +
      `(${connection}, peer ${peerDisk}): this may be the only copy`,
    cure: 'connect the peer that has the good copy first',
  });
}

/** How the resource is, for the sentence after an action: `Primary, UpToDate, Connected`. */
export function describeState(target: ActionTarget, facts: DrbdFacts): string {
  const volumes = chosen(target, facts);
  if (facts.state === 'unknown') return `its state is not known: ${facts.reason}`;
  if (volumes.every(({ state }) => state === 'down')) return 'it is down';
  const said = volumes.map((each) => {
    const words = [each.role, each.disk, each.connection];
    return each.state === 'down' ? 'down' : words.join(', ');
  });
  const [first = ''] = said;
  if (said.every((each) => each === first)) return `it is ${first}`;
  return volumes.map((each, index) => `volume ${each.volume} is ${said[index] ?? ''}`).join('; ');
}
