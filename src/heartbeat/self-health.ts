/**
 * A failure detector must know that it may be the sick one (S6). The core is turned at least every
 * `turnEveryMs`; a turn that comes late means that this process, its machine or its clock stood
 * still, and what it did not hear in that time says nothing about the peer.
 */
export interface SelfHealth {
  readonly lastTurnMs: number;
  /** No death verdict and no takeover before this moment: listen first. */
  readonly listenUntilMs: number;
  /** The longest stall seen, for status. */
  readonly worstStallMs: number;
  readonly stalls: number;
}

/** Lateness that is ordinary scheduling noise on a busy machine: half a keepalive, at least this. */
const NOISE_MS_MIN = 100;

/** A healthy start. */
export function newSelfHealth(nowMs: number): SelfHealth {
  return { lastTurnMs: nowMs, listenUntilMs: nowMs, worstStallMs: 0, stalls: 0 };
}

/**
 * Accounts for one turn of the core. `stalledMs` is the lateness beyond noise, 0 on an ordinary
 * turn. After a stall the node listens for two keepalives before it judges anybody: what the peer
 * sent meanwhile is waiting in the socket buffers.
 */
export function turn(
  health: SelfHealth,
  nowMs: number,
  timing: { readonly keepaliveMs: number; readonly turnEveryMs: number },
): { readonly health: SelfHealth; readonly stalledMs: number } {
  const lateMs = nowMs - health.lastTurnMs - timing.turnEveryMs;
  if (lateMs <= Math.max(NOISE_MS_MIN, timing.keepaliveMs / 2)) {
    return { health: { ...health, lastTurnMs: nowMs }, stalledMs: 0 };
  }
  return {
    stalledMs: lateMs,
    health: {
      lastTurnMs: nowMs,
      listenUntilMs: nowMs + 2 * timing.keepaliveMs,
      worstStallMs: Math.max(health.worstStallMs, lateMs),
      stalls: health.stalls + 1,
    },
  };
}
