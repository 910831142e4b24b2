import type { Frame } from './frame.js';
import type { AuthMethod } from './keyring.js';

/**
 * Why a frame was refused.
 * `unknownFraming`: begins with neither `###` nor `>>>`. `truncated`: its end is missing.
 * `oversized`: longer than MAX_FRAME_BYTES. `unknownKey`: signed with an index not accepted here.
 * `badAuth`: unsigned, or the signature does not match. `malformed`: anything else; when the fault
 * is in a field, the signature was right and the sender is at fault.
 */
export type DecodeFailureReason =
  'badAuth' | 'unknownKey' | 'malformed' | 'oversized' | 'truncated' | 'unknownFraming';

/** A refused frame. `detail` is fit for a log: it never holds a key, a token or a field's value. */
export interface DecodeFailure {
  readonly ok: false;
  readonly reason: DecodeFailureReason;
  readonly detail: string;
}

/** A frame whose signature was verified, and which key verified it. */
export interface Decoded {
  readonly ok: true;
  /** Without its `auth` field. */
  readonly frame: Frame;
  readonly keyIndex: number;
  readonly method: AuthMethod;
}

/** What reading a frame yields; reading never throws. */
export type DecodeResult = Decoded | DecodeFailure;

/** Makes a refusal. */
export function refuse(reason: DecodeFailureReason, detail: string): DecodeFailure {
  return { ok: false, reason, detail };
}
