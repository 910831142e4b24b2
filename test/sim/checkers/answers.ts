/**
 * I10: a move that is answered as done has brought the group there: something of it was active on that
 * node since the move was asked for, or just before, as far as reports can be old. And what is laid or
 * lifted is answered as done only when the newest word of every node that is heard says the same.
 */
import type { OperatorAnswer, OperatorRequest } from '../../../src/base/control.js';
import type { Report } from '../../../src/heartbeat/report.js';
import { checker, type Checker, type Violation } from '../../../src/sim/checker.js';
import type { World } from '../../../src/sim/world.js';

/** What is in a register when nothing lies there. */
const EMPTY = '-';

export function answers(world: World, tell: (violation: Violation) => void): Checker {
  const { deadtimeMs } = world.setup.heartbeat;
  /** `node|group` -> until when it was active there; for ever while it is. */
  const activeMs = new Map<string, number>();
  const moves = new Map<string, { readonly group: string; readonly atMs: number }>();
  /** Requests that were taken and are followed. */
  const registers = new Map<string, Register>();
  const newest = new Newest();
  /** `freshMs`: what was heard within this time is relied upon for sure. */
  const configured = new Map<string, { readonly digest: string; readonly freshMs: number }>();

  function judgeMove(node: string, { id, state, message }: OperatorAnswer, atMs: number): void {
    const move = moves.get(id);
    if (move === undefined || state === 'accepted') return;
    moves.delete(id);
    // "Already" tells what the reports say, and nothing was done.
    if (state !== 'done' || message.endsWith('already')) return;
    const target = / runs on (\S+)/.exec(message)?.[1] ?? '';
    const sinceMs = activeMs.get(`${target}|${move.group}`) ?? Number.NEGATIVE_INFINITY;
    if (sinceMs >= move.atMs - 3 * deadtimeMs) return;
    const sentence = `${node} answers "${message}", and ${move.group} was not there`;
    tell({ rule: 'I10', sentence, atMs });
  }

  function judgeRegister(node: string, { id, state, message }: OperatorAnswer, atMs: number): void {
    const register = registers.get(id);
    if (register === undefined) return;
    if (state === 'accepted') {
      register.isFollowed = true;
      return;
    }
    registers.delete(id);
    if (state !== 'done' || !register.isFollowed) return;
    const { digest, freshMs } = configured.get(node) ?? { digest: '', freshMs: 0 };
    for (const report of newest.freshTo(node, digest, atMs - freshMs)) {
      const value = report.orders.find(({ key }) => key === register.key)?.value ?? EMPTY;
      if ((value !== EMPTY) === register.isLaid) continue;
      const sentence = `${node} answers "${message}", and ${report.node} says ${register.key}=${value}`;
      tell({ rule: 'I10', sentence, atMs });
    }
  }

  function hear(node: string, about: string, stamp: Stamp, report: Report | null, heardMs: number): void {
    const { generation, sequence } = stamp;
    newest.hear(node, about, { generation, sequence, report, heardMs });
  }

  const kinds = [
    ...(['active', 'asked', 'answered', 'heard', 'heardForeign', 'configured', 'daemon'] as const),
  ];
  return checker('answers', kinds, (seen, atMs) => {
    switch (seen.kind) {
      case 'active':
        activeMs.set(`${seen.node}|${seen.group}`, seen.active ? Number.POSITIVE_INFINITY : atMs);
        return;
      case 'asked': {
        const { id, node, request } = seen;
        if (request.kind === 'move') moves.set(id, { group: request.group, atMs });
        const register = registerOf(request, node);
        if (register !== null) registers.set(id, { ...register, isFollowed: false });
        return;
      }
      case 'answered':
        judgeMove(seen.node, seen.answer, atMs);
        judgeRegister(seen.node, seen.answer, atMs);
        return;
      case 'heard':
        hear(seen.node, seen.report.node, seen.report, seen.report, atMs);
        return;
      case 'heardForeign':
        hear(seen.node, seen.about, seen.stamp, null, atMs);
        return;
      case 'configured': {
        const { node, digest, heartbeat } = seen;
        configured.set(node, { digest, freshMs: heartbeat.deadtimeMs / 2 });
        return;
      }
      case 'daemon':
        newest.forget(seen.node);
        return;
    }
  });
}

type Stamp = Pick<Report, 'generation' | 'sequence'>;

interface Register {
  readonly key: string;
  /** Something lies there when it is done. */
  readonly isLaid: boolean;
  isFollowed: boolean;
}

/** The register that a request of an operator is about; null when it is about none. */
function registerOf(request: OperatorRequest, self: string): Omit<Register, 'isFollowed'> | null {
  // Nothing else lays or lifts what stays.
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
  switch (request.kind) {
    case 'standby':
    case 'online':
      return { key: `mode.${request.node ?? self}`, isLaid: request.kind === 'standby' };
    case 'disable':
    case 'enable':
      return { key: `disable.${request.group}`, isLaid: request.kind === 'disable' };
    case 'freeze':
    case 'unfreeze':
      return { key: `freeze.${request.group}`, isLaid: request.kind === 'freeze' };
    case 'maintenance':
    case 'endMaintenance':
      return { key: 'maintenance', isLaid: request.kind === 'maintenance' };
    default:
      return null;
  }
}

interface Word extends Stamp {
  /** Null: it cannot be read. */
  readonly report: Report | null;
  readonly heardMs: number;
}

/** The newest word that each daemon has heard of every other node. */
class Newest {
  readonly #words = new Map<string, Map<string, Word>>();

  /** What a node has heard of late, and can rely upon: it speaks of the same configuration. */
  freshTo(node: string, digest: string | undefined, sinceMs: number): readonly Report[] {
    const words = [...(this.#words.get(node)?.values() ?? [])].filter(({ heardMs }) => heardMs >= sinceMs);
    return words.flatMap(({ report }) => (report !== null && report.digest === digest ? [report] : []));
  }

  hear(node: string, about: string, word: Word): void {
    const row = this.#words.get(node) ?? new Map<string, Word>();
    this.#words.set(node, row);
    const known = row.get(about);
    if (known === undefined || isNewer(word, known)) row.set(about, word);
  }

  /** A daemon ends, and what it has heard with it; but a late word of an earlier life is no news to the next. */
  forget(node: string): void {
    const row = this.#words.get(node) ?? new Map<string, Word>();
    for (const [about, word] of row) row.set(about, { ...word, report: null });
  }
}

function isNewer(a: Word, b: Word): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.sequence > b.sequence);
}
