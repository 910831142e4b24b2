/**
 * S4 and the promise to clients. No promotion of a disk that is known to be no good; no
 * acknowledged write is missing where a group runs; no two histories of acknowledged writes.
 *
 * The allowance: writes that a Primary acknowledged alone, while no report of it reached the
 * other node, are lost to the cluster if that Primary is off and the other one has to take over.
 * The same when the other node lost its power, or its daemon, before its disk had kept the report.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import { contains, describe, relate, type Content } from '../../../src/sim/lineage.js';
import type { Observation } from '../../../src/sim/observation.js';
import { KEPT_MS } from '../../../src/sim/state-disk.js';
import type { World } from '../../../src/sim/world.js';
import { Knowledge, KNOWLEDGE_KINDS } from './knowledge.js';

const LINKED = ['Connected', 'SyncSource', 'VerifyS', 'VerifyT', 'PausedSyncS'];
/** A Primary whose new disk is being filled writes on the other one. */
const SERVED = [...LINKED, 'SyncTarget', 'PausedSyncT'];
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
  const knowledge = new Knowledge();
  /** `node|resource` -> when the promotion was ordered. */
  const orderedMs = new Map<string, number>();
  /** `node|resource`: when the promotion was ordered, the other half was proven off. */
  const decidedAlone = new Set<string>();

  /** The other node with a disk is proven off: a Consistent disk is then the best there is. */
  function isAlone(node: string, resource: string): boolean {
    return (world.replicas[resource]?.nodes ?? []).every(
      (other) => other === node || knowledge.of(node, other).provenOffMs !== null,
    );
  }

  /** What a node had only just heard may be gone with it. */
  function onEnd(node: string, atMs: number): void {
    for (const [key, sinceMs] of warned) {
      if (key.startsWith(`${node}|`) && atMs - sinceMs < KEPT_MS) warned.delete(key);
    }
  }

  function onOrder(seen: Extract<Observation, { kind: 'actionBegins' }>, atMs: number): void {
    const group = world.setup.groups.find((entry) => entry.name === seen.group);
    const resource = group?.resources[seen.index];
    if (seen.verb !== 'start' || resource?.kind !== 'drbd') return;
    const key = `${seen.node}|${resource.resource}`;
    orderedMs.set(key, atMs);
    if (isAlone(seen.node, resource.resource)) decidedAlone.add(key);
    else decidedAlone.delete(key);
  }

  function onPromotion(node: string, resource: string, content: Content, atMs: number): void {
    const kept: Tip[] = [];
    for (const tip of tips.get(resource) ?? []) {
      if (contains(content, tip.content)) {
        kept.push(tip);
        continue;
      }
      const isOff =
        !world.machine(tip.node).isOn || knowledge.of(node, tip.node).provenOffMs !== null;
      if (isOff && !warned.has(`${node}|${resource}`)) {
        allow(`${node} takes over ${resource} without what ${tip.node} acknowledged alone`);
        continue;
      }
      const sentence =
        `${node} promotes ${resource} at ${describe(content)}, without what ${tip.node} ` +
        `acknowledged up to ${describe(tip.content)}${isOff ? ' and had told of' : ''}`;
      tell({ rule: 'S4', sentence, atMs });
    }
    tips.set(resource, kept);
  }

  function onTried(seen: Extract<Observation, { kind: 'promotion' }>, atMs: number): void {
    const { node, resource, disk, content } = seen;
    const isAllThereIs = decidedAlone.has(`${node}|${resource}`);
    const isUsable = disk === 'UpToDate' || (disk === 'Consistent' && isAllThereIs);
    const underWayMs = atMs - (orderedMs.get(`${node}|${resource}`) ?? atMs);
    if (!isUsable && seen.diskForMs > NEWS_MS + underWayMs) {
      const sentence = `${node} tries to promote ${resource} although its disk is ${disk}`;
      tell({ rule: 'S4', sentence, atMs });
    }
    if (seen.done && content !== null) onPromotion(node, resource, content, atMs);
  }

  function onAcknowledged(node: string, resource: string, content: Content, atMs: number): void {
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

  const kinds = [
    ...KNOWLEDGE_KINDS,
    ...(['sent', 'power', 'actionBegins', 'promotion', 'acknowledged', 'discarded'] as const),
  ] as const;
  return checker('good data', kinds, (seen, atMs) => {
    knowledge.take(seen, atMs);
    // The rest is nothing to it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'heard':
        for (const drbd of seen.report.drbd) {
          if (drbd.role !== 'Primary' || SERVED.includes(drbd.connection)) continue;
          const key = `${seen.node}|${drbd.resource}`;
          warned.set(key, warned.get(key) ?? atMs);
        }
        return;
      case 'power':
        if (!seen.on) onEnd(seen.node, atMs);
        return;
      case 'daemon':
        if (seen.what === 'crashed') onEnd(seen.node, atMs);
        return;
      case 'sent':
        for (const drbd of seen.report.drbd) {
          const isGood = LINKED.includes(drbd.connection) || drbd.role === 'Primary';
          if (isGood) warned.delete(`${seen.node}|${drbd.resource}`);
        }
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
        onAcknowledged(seen.node, seen.resource, seen.content, atMs);
        return;
      default:
    }
  });
}
