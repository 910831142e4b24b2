/**
 * S5, S6: who may shoot, and when. The device is asked first. The one that is shot was silent for
 * deadtime, and for the head start when the shooter runs nothing; or it said itself that a stop
 * failed. A shooter in a cluster of two had heard it before; in a larger one it sees a majority.
 * A turn that came late suspects nobody. No pair gets more than so many shots in a minute.
 *
 * A person's order that was accepted and stands excuses the silence, the head start and not having
 * heard it; a node that is heard again only if the person said that it is meant all the same.
 */
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';
import { ORDER_KINDS, PersonOrders } from './person-orders.js';
import { accountOf } from './account.js';

/** The pauses of 1, 2, 4, 8, 15 and 30 s allow six shots within a minute; clocks a few more. */
const SHOTS_PER_MINUTE_MAX = 8;
/** A shooter that is shot itself forgets its pauses: that must not become a loop either. */
const SHOTS_PER_MINUTE_MAX_WITH_RESTARTS = 14;
/** Clocks may run wrong by this much. */
const CLOCK_SLACK = 0.99;

export function shooting(world: World, tell: (violation: Violation) => void): Checker {
  const { knowledge, timing } = accountOf(world);
  const active = new Map<string, Set<string>>();
  const shots = new Map<string, number[]>();
  const born = new Map<string, number>();
  const answered = new Set<string>();
  const orders = new PersonOrders('fence');
  let lateTurn: { node: string; lateMs: number } | null = null;

  function objection(by: string, node: string, nowMs: number): string | null {
    const told = knowledge.of(by, node);
    const { deadtimeMs, keepaliveMs } = timing.of(by);
    const headStartMs = Math.max(500, 2 * keepaliveMs);
    if (!answered.delete(`${by}|${node}`)) return 'its power device was not asked first';
    const isStuck = told.report?.groups.some((group) => group.life === 'stopFailed') === true;
    if (world.setup.nodes.length > 2) {
      const members = world.setup.nodes.filter((other) => {
        const { heardMs } = knowledge.of(by, other);
        return other === by || (heardMs !== null && nowMs - heardMs <= deadtimeMs + keepaliveMs);
      });
      if (members.length <= world.setup.nodes.length / 2) {
        return `it sees ${String(members.length)} nodes only`;
      }
    }
    if (isStuck) return null;
    const silentMs = nowMs - (told.signMs ?? Number.NEGATIVE_INFINITY);
    const isMeant = orders.find(({ at, request }) => {
      const isSilent = silentMs >= deadtimeMs * CLOCK_SLACK;
      return at === by && request.node === node && (request.sure || isSilent);
    });
    if (isMeant.length > 0) return null;
    if (told.signMs === null) {
      return world.setup.nodes.length > 2 ? null : 'it never heard it since its own start';
    }
    if (silentMs < deadtimeMs * CLOCK_SLACK) return `it was heard ${String(silentMs)} ms before`;
    const isHolder = (active.get(by)?.size ?? 0) > 0;
    // The head start runs from when it was called dead, by the patience of that time.
    const deadForMs = nowMs - timing.calledDeadMs(by, told.signMs);
    if (!isHolder && deadForMs < headStartMs - silentMs * (1 - CLOCK_SLACK)) {
      return `it gave no head start (${String(silentMs)} ms of silence)`;
    }
    return null;
  }

  function onShot(by: string, node: string, atMs: number): void {
    const key = `${by}|${node}`;
    const recent = [...(shots.get(key) ?? []).filter((at) => at > atMs - 60_000), atMs];
    shots.set(key, recent);
    const bornMs = born.get(by) ?? 0;
    const ownCount = recent.filter((at) => at >= bornMs).length;
    const why = objection(by, node, atMs);
    if (why !== null) tell({ rule: 'S5', sentence: `${by} shoots ${node} although ${why}`, atMs });
    const isLoop = recent.length > SHOTS_PER_MINUTE_MAX_WITH_RESTARTS;
    if (ownCount <= SHOTS_PER_MINUTE_MAX && !isLoop) return;
    const count = String(recent.length);
    tell({ rule: 'S5', sentence: `${by} shoots ${node} ${count} times within a minute`, atMs });
  }

  const kinds = [...ORDER_KINDS, ...(['turned', 'active', 'fenceEnds', 'fence'] as const)] as const;
  return checker('shooting', kinds, (seen, atMs) => {
    orders.take(seen);
    // The rest is nothing to it.
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
    switch (seen.kind) {
      case 'turned':
        lateTurn = { node: seen.node, lateMs: seen.lateMs };
        return;
      case 'active': {
        const groups = active.get(seen.node) ?? new Set<string>();
        active.set(seen.node, groups);
        if (seen.active) groups.add(seen.group);
        else groups.delete(seen.group);
        return;
      }
      case 'daemon':
        if (seen.what === 'began') born.set(seen.node, atMs);
        for (const node of world.setup.nodes) answered.delete(`${seen.node}|${node}`);
        return;
      case 'fenceEnds':
        if (seen.step === 'status') answered.add(`${seen.by}|${seen.node}`);
        return;
      case 'fence': {
        const { deadtimeMs, keepaliveMs } = timing.of(seen.by);
        if (lateTurn?.node === seen.by && lateTurn.lateMs > deadtimeMs + 3 * keepaliveMs) {
          const sentence = `${seen.by} suspects ${seen.node} although it stood still itself`;
          tell({ rule: 'S6', sentence, atMs });
        }
        if (seen.step === 'shoot') onShot(seen.by, seen.node, atMs);
        return;
      }
      default:
    }
  });
}
