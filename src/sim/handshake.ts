/** What two kernels make of each other's data: drbd_receiver.c, drbd_sync_handshake. */
import { relate } from './lineage.js';
import { isDiskless, type Side } from './replica-side.js';

/** They drop the connection for good, have nothing to copy, or one copies from the other. */
export type Meeting =
  | { readonly kind: 'standAlone' }
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'sync';
      readonly source: Side;
      readonly target: Side;
      /** By order of a person: what only the target has is lost. */
      readonly discards: boolean;
    };

const STAND_ALONE: Meeting = { kind: 'standAlone' };
const CONNECTED: Meeting = { kind: 'connected' };

/**
 * Both halves compared, when they connect, or (`isAttached`) when a disk comes to a half that is
 * connected: only then may a Primary be the target, for it works with the other side's data.
 */
export function meet(a: Side, b: Side, isAttached: boolean): Meeting {
  if (a.role === 'Primary' && b.role === 'Primary') return STAND_ALONE;
  if (isDiskless(a) || isDiskless(b)) return isDataKnown(a, b) ? CONNECTED : STAND_ALONE;
  const relation = relate(a.content, b.content);
  const [aBad, bBad] = [a.disk === 'Inconsistent', b.disk === 'Inconsistent'];
  if (relation === 'diverged' && !aBad && !bBad) {
    if (a.discards === b.discards) return STAND_ALONE;
    return copy(a.discards ? b : a, a.discards ? a : b, isAttached, true);
  }
  if (aBad && bBad) return CONNECTED;
  if (relation === 'same' && !aBad && !bBad) return CONNECTED;
  return bBad || (relation === 'newer' && !aBad)
    ? copy(a, b, isAttached, false)
    : copy(b, a, isAttached, false);
}

/** "I shall become SyncTarget, but I am primary!": DRBD drops the connection for good. */
function copy(source: Side, target: Side, isAttached: boolean, discards: boolean): Meeting {
  if (target.role === 'Primary' && !isAttached) return STAND_ALONE;
  return { kind: 'sync', source, target, discards };
}

/** A Primary without a disk goes on only with the very data that it has shown its users. */
function isDataKnown(a: Side, b: Side): boolean {
  return [[a, b] as const, [b, a] as const].every(
    ([own, other]) => own.exposed === null || relate(own.exposed, other.content) === 'same',
  );
}
