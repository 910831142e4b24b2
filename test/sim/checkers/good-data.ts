/**
 * S4 and the promise to clients. No promotion of a disk that is known to be no good; no
 * acknowledged write is missing where a group runs; no two histories of acknowledged writes.
 *
 * The allowance: writes that a Primary acknowledged alone, while no report of it reached the
 * other node, are lost to the cluster if that Primary is off and the other one has to take over.
 * The same when the other node lost its power, or its daemon, before its disk had kept the report; and
 * when it was that Primary which so forgot that it wrote alone, and whose half has no disk to tell of it.
 * Under `resource-and-stonith` DRBD holds such writes back until the other node is off or has given up
 * its disk: one that has run on since both halves were equal loses nothing.
 * And what a person has given up: the writes that the preview of the order to use old data named as
 * lost, in the promotion that this very order brought about, and no others.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import { contains, describe, relate, type Content } from '../../../src/sim/lineage.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';
import { endsInHaste } from './knowledge.js';
import { ORDER_KINDS, PersonOrders, type PersonOrder } from './person-orders.js';

const LINKED = ['Connected', 'SyncSource', 'VerifyS', 'VerifyT', 'PausedSyncS'];
/** A Primary whose new disk is being filled writes on the other one. */
const SERVED = [...LINKED, 'SyncTarget', 'PausedSyncT'];
/** Nothing is made up for on such a disk. */
const NO_DATA = ['Diskless', 'Failed'];
/** What happened to a disk a moment ago need not be known yet. */
const NEWS_MS = 1_000;

interface Tip {
  readonly content: Content;
  readonly node: string;
}

export function goodData(
  world: World,
  tell: (violation: Violation) => void,
  allow: (sentence: string) => void,
): Checker {
  /** resource -> the ends of all acknowledged histories. One, if all is well. */
  const tips = new Map<string, Tip[]>();
  /** `node|resource` -> since when it was told that another node writes alone. */
  const warned = new Map<string, number>();
  const { knowledge } = accountOf(world);
  /** `node|resource` -> when the promotion was ordered. */
  const orderedMs = new Map<string, number>();
  /** `node|resource`: when the promotion was ordered, the other half was proven off. */
  const decidedAlone = new Set<string>();
  /** Node -> when it, or its daemon, ended last; resource -> when both halves got the same write last. */
  const endedMs = new Map<string, number>();
  const mirroredMs = new Map<string, number>();
  /** `node|resource` -> since when it acknowledges alone; those of them that forgot it with their power. */
  const aloneMs = new Map<string, number>();
  const forgotten = new Set<string>();
  const isHolding = world.setup.drbdFencing === 'resource-and-stonith';
  const orders = new PersonOrders('forceOldData');
  /** `node|resource` -> the orders to use old data that stood when the promotion was ordered. */
  const forced = new Map<string, readonly PersonOrder<'forceOldData'>[]>();
  /** `node|group|index` of promotions that the core calls forced. */
  const calledForced = new Set<string>();

  /** The other node with a disk is proven off: a Consistent disk is then the best there is. */
  function isAlone(node: string, resource: string): boolean {
    return (world.replicas[resource]?.nodes ?? []).every(
      (other) => other === node || knowledge.of(node, other).provenOffMs !== null,
    );
  }

  /** It has run on since both halves were equal: DRBD holds back what would be written without it. */
  function isHeldFor(node: string, resource: string): boolean {
    const equalMs = mirroredMs.get(resource);
    return isHolding && equalMs !== undefined && (endedMs.get(node) ?? 0) < equalMs;
  }

  /** What a node had only just heard may be gone with it. */
  function onEnd(node: string): void {
    const { keptUntilMs } = world.machine(node).stateDisk;
    for (const [key, sinceMs] of warned) {
      if (key.startsWith(`${node}|`) && sinceMs > keptUntilMs) warned.delete(key);
    }
    for (const [key, sinceMs] of aloneMs) {
      if (!key.startsWith(`${node}|`) || sinceMs <= keptUntilMs) continue;
      forgotten.add(key);
      aloneMs.delete(key);
    }
  }

  function noteAlone({ node, resource, alone }: Extract<Observation, { kind: 'acknowledged' }>, atMs: number): void {
    const key = `${node}|${resource}`;
    if (!alone) {
      mirroredMs.set(resource, atMs);
      aloneMs.delete(key);
    } else if (!aloneMs.has(key)) {
      aloneMs.set(key, atMs);
      forgotten.delete(key);
    }
  }

  /** Neither the node that wrote it knows of it, nor a disk that can be compared. */
  function isUnknown(resource: string, tip: Tip): boolean {
    const disks = keepers(resource, tip).map((keeper) => world.replicas[resource]?.disk(keeper).disk ?? '');
    return forgotten.has(`${tip.node}|${resource}`) && disks.every((disk) => NO_DATA.includes(disk));
  }

  function onOrder(seen: Extract<Observation, { kind: 'actionBegins' }>, atMs: number): void {
    const group = world.setup.groups.find((entry) => entry.name === seen.group);
    const resource = group?.resources[seen.index];
    if (seen.verb !== 'start' || resource?.kind !== 'drbd') return;
    const key = `${seen.node}|${resource.resource}`;
    orderedMs.set(key, atMs);
    if (isAlone(seen.node, resource.resource)) decidedAlone.add(key);
    else decidedAlone.delete(key);
    const standing = orders.find(({ at, request }) => at === seen.node && request.group === seen.group);
    forced.set(key, standing);
    const isCalledForced = calledForced.delete(`${seen.node}|${seen.group}|${String(seen.index)}`);
    if (!isCalledForced || standing.length > 0) return;
    const sentence = `${seen.node} uses old data of ${resource.resource}, and nobody has ordered it`;
    tell({ rule: 'S4', sentence, atMs });
  }

  /** A person was told that it would be lost, and it is where the person was told. */
  function isGivenUp(node: string, resource: string, { content }: Tip): boolean {
    return (forced.get(`${node}|${resource}`) ?? []).some(({ message }) =>
      namedAsLost(message, resource).some((loser) => {
        const replica = world.replicas[resource];
        return loser !== node && replica?.has(loser) === true && contains(replica.content(loser), content);
      }),
    );
  }

  /** Who wrote it, and whose disk has it: a half without a disk writes on that of the other node. */
  function keepers(resource: string, { node, content }: Tip): readonly string[] {
    const replica = world.replicas[resource];
    const holders = replica?.nodes.filter((name) => contains(replica.content(name), content)) ?? [];
    return [node, ...holders];
  }

  function onPromotion(node: string, resource: string, content: Content, atMs: number): void {
    const kept: Tip[] = [];
    for (const tip of tips.get(resource) ?? []) {
      if (contains(content, tip.content)) {
        kept.push(tip);
        continue;
      }
      if (isGivenUp(node, resource, tip)) {
        allow(`${node} takes over ${resource} by order without what ${tip.node} acknowledged`);
        continue;
      }
      // As it was when the promotion was ordered: one that is on again meanwhile changes nothing of that.
      const isOff = decidedAlone.has(`${node}|${resource}`) || keepers(resource, tip).every(
        (keeper) =>
          keeper === node ||
          !world.machine(keeper).isOn ||
          knowledge.of(node, keeper).provenOffMs !== null,
      );
      const warnedMs = warned.get(`${node}|${resource}`);
      // Told while the promotion was under way: no harm is done, as long as it writes nothing.
      if (warnedMs !== undefined && warnedMs > (orderedMs.get(`${node}|${resource}`) ?? atMs)) {
        kept.push(tip);
        continue;
      }
      const isLost = warnedMs === undefined && (isOff || isUnknown(resource, tip));
      if (isLost && !isHeldFor(node, resource)) {
        allow(`${node} takes over ${resource} without what ${tip.node} acknowledged alone`);
        continue;
      }
      const sentence =
        `${node} promotes ${resource} at ${describe(content)}, without what ${tip.node} ` +
        `acknowledged up to ${describe(tip.content)}${isOff && warnedMs !== undefined ? ' and had told of' : ''}`;
      tell({ rule: 'S4', sentence, atMs });
    }
    tips.set(resource, kept);
  }

  function onTried(seen: Extract<Observation, { kind: 'promotion' }>, atMs: number): void {
    const { node, resource, disk, content } = seen;
    const isAllThereIs = decidedAlone.has(`${node}|${resource}`);
    const isOrdered = (forced.get(`${node}|${resource}`) ?? []).length > 0;
    const isWhole = disk === 'Consistent' || (disk === 'Outdated' && isOrdered);
    const isUsable = disk === 'UpToDate' || (isWhole && (isAllThereIs || isOrdered));
    const underWayMs = atMs - (orderedMs.get(`${node}|${resource}`) ?? atMs);
    if (!isUsable && seen.diskForMs > NEWS_MS + underWayMs) {
      const sentence = `${node} tries to promote ${resource} although its disk is ${disk}`;
      tell({ rule: 'S4', sentence, atMs });
    }
    if (seen.done && content !== null) onPromotion(node, resource, content, atMs);
  }

  function onAcknowledged(node: string, resource: string, content: Content, atMs: number): void {
    // On the disk of the other node only: whoever writes that knows it without being told.
    const replica = world.replicas[resource];
    const key = `${node}|${resource}`;
    if (replica !== undefined && !contains(replica.content(node), content)) {
      warned.set(key, warned.get(key) ?? atMs);
    }
    const kept: Tip[] = [];
    for (const tip of tips.get(resource) ?? []) {
      const relation = relate(content, tip.content);
      if (relation === 'diverged') {
        const sentence = `${resource}: ${node} and ${tip.node} both acknowledge, apart`;
        tell({ rule: 'S1', sentence, atMs });
      }
      if (relation !== 'newer' && relation !== 'same') kept.push(tip);
    }
    tips.set(resource, [...kept, { content, node }]);
  }

  function onHeard({ node, report }: Extract<Observation, { kind: 'heard' }>, atMs: number): void {
    // Late words, of an earlier life perhaps, tell nothing: the newest of a node are the truth.
    const newest = knowledge.of(node, report.node);
    if (report.generation !== newest.generation || report.sequence !== newest.sequence) return;
    for (const drbd of report.drbd) {
      if (drbd.role !== 'Primary' || SERVED.includes(drbd.connection)) continue;
      const key = `${node}|${drbd.resource}`;
      warned.set(key, warned.get(key) ?? atMs);
    }
  }

  function onSent({ node, report }: Extract<Observation, { kind: 'sent' }>): void {
    for (const drbd of report.drbd) {
      const isLinked = LINKED.includes(drbd.connection) || drbd.role === 'Primary';
      if (isLinked && !NO_DATA.includes(drbd.disk)) warned.delete(`${node}|${drbd.resource}`);
    }
  }

  function onTurned({ node, effects }: Extract<Observation, { kind: 'turned' }>): void {
    for (const effect of effects) {
      if (effect.kind !== 'run' || effect.forced !== true) continue;
      calledForced.add(`${node}|${effect.group}|${String(effect.index)}`);
    }
  }

  const kinds = [
    ...ORDER_KINDS,
    ...(['heard', 'sent', 'power', 'turned', 'actionBegins', 'promotion', 'acknowledged'] as const),
    'discarded',
  ] as const;
  return checker('good data', kinds, (seen, atMs) => {
    orders.take(seen);
    // The rest is nothing to it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'heard':
        onHeard(seen, atMs);
        return;
      case 'power':
        endedMs.set(seen.node, atMs);
        if (!seen.on) onEnd(seen.node);
        return;
      case 'daemon':
        endedMs.set(seen.node, atMs);
        if (endsInHaste(world, seen)) onEnd(seen.node);
        return;
      case 'sent':
        onSent(seen);
        return;
      case 'turned':
        onTurned(seen);
        return;
      case 'actionBegins':
        onOrder(seen, atMs);
        return;
      case 'promotion':
        onTried(seen, atMs);
        return;
      case 'discarded':
        // A person has decided; the checker of discarding knows whether it was so.
        tips.set(
          seen.resource,
          (tips.get(seen.resource) ?? []).filter(({ content }) => contains(seen.kept, content)),
        );
        return;
      case 'acknowledged':
        noteAlone(seen, atMs);
        onAcknowledged(seen.node, seen.resource, seen.content, atMs);
        return;
      default:
    }
  });
}

/** Whose writes to a resource are lost, by the preview of an order to use old data. */
function namedAsLost(message: string, resource: string): readonly string[] {
  const parts = message.split(/[:;] /);
  return parts.flatMap((part) => {
    const words =
      /^what (.+) wrote to (\S+) (?:alone|after)/.exec(part) ?? /^(.+) has newer data of (\S+) /.exec(part);
    return words?.[2] === resource ? (words[1] ?? '').split(' or ') : [];
  });
}
