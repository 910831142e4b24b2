/**
 * I11: once an operator was told that every node knows of a freeze or a maintenance, nothing of it
 * is started or stopped, until somebody asks to lift it or its time is over; what is under way then
 * comes to its rest; and in maintenance nobody is shot. A node that loses its power or its daemon
 * before its disk has kept the hold does not know of it until it hears of it again; when all do,
 * nobody knows any more.
 */
import type { OperatorAnswer, OperatorRequest } from '../../../src/base/control.js';
import type { Report } from '../../../src/heartbeat/report.js';
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { Observation } from '../../../src/sim/observation.js';
import type { World } from '../../../src/sim/world.js';
import { endsInHaste } from './knowledge.js';

const EVERYTHING = '*';
/** Clocks drift: from here on it may be over. */
const EARLY = 0.98;
/** A word of somebody who lifts it somewhere else is everywhere by then: so many deadtimes. */
const LIFT_SPREADS_DEADTIMES = 4;

interface Laid {
  /** Of the request: the answer to an earlier one says nothing of this one. */
  readonly id: string;
  readonly askedMs: number;
  /** When the operator was told that all know; null before. */
  knownMs: number | null;
  /** When it may be over by a clock of the world. */
  readonly endMs: number;
  /** Node -> when it heard of it again; all others know since `knownMs`. */
  readonly learntMs: Map<string, number>;
  /** Nodes that ended before their disks had kept it, and have not heard of it since. */
  readonly forgetful: Set<string>;
  /** Asked for where the last lift, somewhere else, may not have been heard: that may win. */
  readonly isDisputed: boolean;
}

export function holds(world: World, tell: (violation: Violation) => void): Checker {
  /** Group, or everything -> what was laid on it. */
  const laid = new Map<string, Laid>();
  const deeds = new Deeds();
  const isHeld = (node: string, group: string, atMs: number): boolean =>
    [group, EVERYTHING].some((key) => {
      const hold = laid.get(key);
      if (hold?.knownMs == null || hold.forgetful.has(node)) return false;
      // A node that had forgotten it comes to its rest, too.
      const sinceMs = Math.max(hold.knownMs, hold.learntMs.get(node) ?? 0);
      return atMs < hold.endMs && deeds.sinceMs(node, group, atMs) >= sinceMs;
    });
  const digests = new Map<string, string>();
  /** Nobody takes orders from a node with another configuration (S9). */
  const onHeard = (node: string, { digest, orders }: Report, atMs: number): void => {
    if (digest !== digests.get(node)) return;
    for (const { key } of orders) {
      const group = key === 'maintenance' ? EVERYTHING : /^freeze\.(.*)$/.exec(key)?.[1];
      const hold = group === undefined ? undefined : laid.get(group);
      if (hold?.forgetful.delete(node) === true) hold.learntMs.set(node, atMs);
    }
  };
  const onEnd = (node: string): void => {
    deeds.forget(node);
    const { keptUntilMs } = world.machine(node).stateDisk;
    for (const hold of laid.values()) {
      // What it had heard and answered may be told of when it is gone already.
      const sinceMs = hold.learntMs.get(node) ?? hold.knownMs ?? hold.askedMs;
      if (sinceMs <= keptUntilMs) continue;
      hold.forgetful.add(node);
      if (hold.forgetful.size === world.setup.nodes.length) hold.knownMs = null;
    }
  };
  /** Request of a lift -> what it lifts; group, or everything -> the last lift that was done. */
  const lifting = new Map<string, string>();
  const lifted = new Map<string, { readonly node: string; readonly atMs: number }>();
  const spreadMs = LIFT_SPREADS_DEADTIMES * world.setup.heartbeat.deadtimeMs;
  /** Node -> by how much its wall clock was set. */
  const stepsMs = new Map<string, number>();
  /** No end is later than the clock that is furthest ahead says. */
  const onClockStep = (node: string, byMs: number): void => {
    stepsMs.set(node, (stepsMs.get(node) ?? 0) + byMs);
    if (byMs <= 0) return;
    for (const [key, hold] of laid) laid.set(key, { ...hold, endMs: hold.endMs - byMs });
  };
  /** The orders of a group that is gone go with it. */
  const onConfigured = (groups: readonly string[]): void => {
    for (const key of laid.keys()) {
      if (key !== EVERYTHING && !groups.includes(key)) laid.delete(key);
    }
  };
  const onAsked = (node: string, id: string, request: OperatorRequest, atMs: number): void => {
    const about = subjectOf(request);
    if (about === null) return;
    const { key, forMs } = about;
    // A hold asked for anew may be refused, but may also set another end: look away.
    if (forMs === undefined) {
      laid.delete(key);
      lifting.set(id, key);
      return;
    }
    // Any node may be the one that ends it, by its own clock.
    const own = stepsMs.get(node) ?? 0;
    const aheadMs = Math.max(0, ...[...stepsMs.values()].map((step) => step - own), -own);
    const endMs = forMs === null ? Number.POSITIVE_INFINITY : atMs + EARLY * forMs - aheadMs;
    // Asked for on two nodes at once: either may be the one that stands in the end.
    const otherMs = laid.get(key)?.endMs ?? Number.POSITIVE_INFINITY;
    const lift = lifted.get(key);
    const isDisputed = lift !== undefined && lift.node !== node && atMs - lift.atMs < spreadMs;
    const hold = { id, askedMs: atMs, knownMs: null, endMs: Math.min(endMs, otherMs), isDisputed };
    laid.set(key, { ...hold, forgetful: new Set(), learntMs: new Map() });
  };
  const onAnswered = (node: string, { id, state, message }: OperatorAnswer, atMs: number): void => {
    if (state === 'accepted') return;
    const key = lifting.get(id);
    lifting.delete(id);
    if (state !== 'done') return;
    // It may have waited for a node that stood still.
    if (key !== undefined) {
      laid.delete(key);
      if (message.includes(' lifts ')) lifted.set(key, { node, atMs });
    }
    if (!message.endsWith('every node knows')) return;
    const group = / is frozen by /.exec(message);
    const hold = laid.get(group === null ? EVERYTHING : message.slice(0, group.index));
    if (hold?.id === id && !hold.isDisputed) hold.knownMs ??= atMs;
  };
  const onAction = ({ node, group, verb }: Action, atMs: number): void => {
    const isDeed = verb === 'start' || verb === 'stop';
    if (!isDeed || !isHeld(node, group, atMs)) return;
    const sentence = `${node} ${verb}s a part of ${group}, which is to be left alone`;
    tell({ rule: 'I11', sentence, atMs });
  };
  const kinds = [
    ...(['asked', 'answered', 'actionBegins', 'actionEnds', 'clockStep', 'configured'] as const),
    ...(['daemon', 'power', 'heard', 'fence'] as const),
  ];
  return checker('holds', kinds, (seen, atMs) => {
    switch (seen.kind) {
      case 'daemon':
        if (endsInHaste(world, seen)) onEnd(seen.node);
        return;
      case 'power':
        if (!seen.on) onEnd(seen.node);
        return;
      case 'configured':
        digests.set(seen.node, seen.digest);
        onConfigured(seen.groups);
        return;
      case 'clockStep':
        onClockStep(seen.node, seen.byMs);
        return;
      case 'asked':
        onAsked(seen.node, seen.id, seen.request, atMs);
        return;
      case 'answered':
        onAnswered(seen.node, seen.answer, atMs);
        return;
      case 'fence':
        if (seen.step !== 'shoot' || !isHeld(seen.by, EVERYTHING, atMs)) return;
        tell({ rule: 'I11', sentence: `${seen.by} shoots ${seen.node} in maintenance`, atMs });
        return;
      case 'actionBegins':
        onAction(seen, atMs);
        deeds.begins(seen, atMs);
        return;
      case 'actionEnds':
        deeds.ends(seen, atMs);
        return;
      case 'heard':
        onHeard(seen.node, seen.report, atMs);
        return;
    }
  });
}

type Action = Extract<Observation, { kind: 'actionBegins' | 'actionEnds' }>;

/** Starts and stops of a group that follow each other without a rest. */
class Deeds {
  /** `node|group` -> when the first of them began, and when the last one ended; null while it runs. */
  readonly #rows = new Map<string, { readonly sinceMs: number; endedMs: number | null }>();

  begins({ node, group, verb }: Action, atMs: number): void {
    const key = `${node}|${group}`;
    const row = this.#rows.get(key);
    if (row !== undefined && isOne(row.endedMs, atMs)) row.endedMs = null;
    else if (verb === 'start' || verb === 'stop') this.#rows.set(key, { sinceMs: atMs, endedMs: null });
  }

  ends({ node, group }: Action, atMs: number): void {
    const row = this.#rows.get(`${node}|${group}`);
    if (row?.endedMs === null) row.endedMs = atMs;
  }

  /** Its daemon is gone: what it had under way has no end. */
  forget(node: string): void {
    for (const key of this.#rows.keys()) if (key.startsWith(`${node}|`)) this.#rows.delete(key);
  }

  /** Since when what would begin now is under way. */
  sinceMs(node: string, group: string, atMs: number): number {
    const row = this.#rows.get(`${node}|${group}`);
    return row !== undefined && isOne(row.endedMs, atMs) ? row.sinceMs : atMs;
  }
}

/** The turn that hears of an end begins what is next. */
function isOne(endedMs: number | null, atMs: number): boolean {
  return endedMs === null || atMs === endedMs;
}

/** What a request holds (with its time) or lifts (without). */
function subjectOf(request: OperatorRequest): { key: string; forMs?: number | null } | null {
  // Nothing else lays or lifts a hold.
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
  switch (request.kind) {
    case 'freeze':
      return { key: request.group, forMs: request.forMs };
    case 'maintenance':
      return { key: EVERYTHING, forMs: request.forMs };
    case 'unfreeze':
      return { key: request.group };
    case 'endMaintenance':
      return { key: EVERYTHING };
    default:
      return null;
  }
}
