/**
 * DRBD's own fencing: what a fence-peer handler tells the kernel is true in the world (I17), and no
 * disk is marked Outdated while it is in use (I12).
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { accountOf } from './account.js';
import type { Told } from './knowledge.js';

/** What `drbdadm outdate` marks. */
const WHOLE: readonly string[] = ['UpToDate', 'Consistent', 'Outdated'];
/** Lower than Outdated, as the kernel says. */
const NO_DATA: readonly string[] = ['Diskless', 'Failed'];

/** What was proven before the last connection says nothing of what becomes of it now. */
function isOffSince({ provenOffMs }: Told, connectedMs = 0): boolean {
  return provenOffMs !== null && provenOffMs >= connectedMs;
}

export function fencePeer(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge } = accountOf(world);
  /** `node|resource` -> what a disk was when its node was asked: it may break or come before the answer. */
  const asked = new Map<string, string>();
  /** Resource -> when both halves connected last. */
  const connectedMs = new Map<string, number>();

  function lie(seen: Extract<Observation, { kind: 'handlerEnds' }>): string | null {
    const { node, resource, exit } = seen;
    const replica = world.replicas[resource];
    const other = replica?.nodes.find((name) => name !== node) ?? '';
    const disk = replica?.disk(other).disk;
    const found = asked.get(`${other}|${resource}`) ?? '';
    const then = NO_DATA.includes(disk ?? '') ? found : '';
    const isOff = isOffSince(knowledge.of(node, other), connectedMs.get(resource));
    const isLinkedAgain = replica?.facts(node).connection !== 'WFConnection';
    // The kernel drops an answer that comes after the connection.
    if (replica === undefined || isLinkedAgain) return null;
    switch (exit) {
      case 3:
        if ([disk ?? '', found].some((one) => one === 'Inconsistent' || NO_DATA.includes(one))) return null;
        return `is Inconsistent, and it is ${String(disk)}`;
      case 4:
        return ['Outdated', 'Inconsistent'].includes(disk ?? '') || isOff || WHOLE.includes(then) ? null : `is Outdated, and it is ${String(disk)}`;
      case 7:
        return isOff ? null : 'was fenced, and it was not';
      default:
        return null;
    }
  }

  return checker('fence peer', ['outdating', 'handlerEnds', 'connected'], (seen, atMs) => {
    if (seen.kind === 'connected') connectedMs.set(seen.resource, atMs);
    if (seen.kind === 'outdating' && seen.role === 'Primary') {
      const sentence = `${seen.node} outdates its disk of ${seen.resource}, which it uses`;
      tell({ rule: 'I12', sentence, atMs });
    }
    if (seen.kind === 'outdating') {
      const disk = world.replicas[seen.resource]?.disk(seen.node).disk;
      asked.set(`${seen.node}|${seen.resource}`, String(disk));
    }
    if (seen.kind !== 'handlerEnds') return;
    const what = lie(seen);
    for (const name of world.setup.nodes) asked.delete(`${name}|${seen.resource}`);
    if (what === null) return;
    const sentence = `DRBD on ${seen.node} is told that the disk of its peer ${what}`;
    tell({ rule: 'I17', sentence, atMs });
  });
}
