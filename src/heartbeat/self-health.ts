/**
 * A failure detector must know that it may be the sick one (S6). The core is turned at least every
 * `turnEveryMs`; a turn that comes late means that this process, its machine or its clock stood
 * still, and what it did not hear in that time says nothing about the peer.
 */
export interface SelfHealth {
  readonly lastTurnMs: number;
  /** No death verdict and no start before this moment: listen first, and look at what is here (S7). */
  readonly listenUntilMs: number;
  /** The longest stall seen, for status. */
  readonly worstStallMs: number;
  readonly stalls: number;
}

/** Lateness that is ordinary scheduling noise on a busy machine: a keepalive, at least this. */
const NOISE_MS_MIN = 100;

/** A healthy start. */
export function newSelfHealth(nowMs: number): SelfHealth {
  return { lastTurnMs: nowMs, listenUntilMs: nowMs, worstStallMs: 0, stalls: 0 };
}

/** When a turn is due. */
export interface TurnTiming {
  readonly keepaliveMs: number;
  readonly turnEveryMs: number;
}

/** How late a turn is, 0 when that is noise. */
export function latenessMs(lastTurnMs: number, nowMs: number, timing: TurnTiming): number {
  const lateMs = nowMs - lastTurnMs - timing.turnEveryMs;
  return lateMs <= Math.max(NOISE_MS_MIN, timing.keepaliveMs) ? 0 : lateMs;
}

/**
 * Accounts for one turn of the core. `stalledMs` is the lateness of the turn, 0 when it is noise.
 * After a stall the node listens as long as it stood still, two keepalives at most, before it
 * judges anybody or starts anything: what the peer sent meanwhile is waiting in the socket buffers,
 * and so is what this machine's DRBD and agents said.
 */
export function turn(
  health: SelfHealth,
  nowMs: number,
  timing: TurnTiming,
): { readonly health: SelfHealth; readonly stalledMs: number } {
  const lateMs = latenessMs(health.lastTurnMs, nowMs, timing);
  if (lateMs === 0) {
    const { listenUntilMs, worstStallMs, stalls } = health;
    const inTime = { lastTurnMs: nowMs, listenUntilMs, worstStallMs, stalls };
    return { health: inTime, stalledMs: 0 };
  }
  return {
    stalledMs: lateMs,
    health: {
      lastTurnMs: nowMs,
      listenUntilMs: nowMs + Math.min(lateMs, 2 * timing.keepaliveMs),
      worstStallMs: Math.max(health.worstStallMs, lateMs),
      stalls: health.stalls + 1,
    },
  };
}
