/**
 * The I/O flags of a minor line, `r-----`, read by position:
 *
 *     r  running, s suspended        (all releases)
 *      a  resync waits for another minor (`resync-after`)
 *       p  resync paused by the peer
 *        u  resync paused here
 *         d c b n a  local congestion (8.3.1 and later; 8.3.1 prints NUL for none)
 *          s  activity log suspended  (8.3.9 and later)
 */
export interface IoFlags {
  /** As printed, with NUL shown as `-`. */
  readonly raw: string;
  /** Application I/O is frozen: by an operator, by fencing, or for want of good data. */
  readonly ioSuspended: boolean;
  readonly resyncWaits: boolean;
  readonly pausedByPeer: boolean;
  readonly pausedByUser: boolean;
  readonly congestion: 'none' | 'drbd' | 'callback' | 'backing' | 'network' | 'backing-and-network';
  readonly activityLogSuspended: boolean;
}

const FLAGS_LENGTH_MIN = 4;
const FLAGS_LENGTH_MAX = 6;

/** The letters that each position may hold, besides `-`. */
const LETTERS = ['rs', 'a', 'p', 'u', 'dcbna', 's'] as const;

const CONGESTION: Readonly<Record<string, IoFlags['congestion']>> = {
  d: 'drbd',
  c: 'callback',
  b: 'backing',
  n: 'network',
  a: 'backing-and-network',
};

/** The flags that nearly every line has, made once. */
const CACHE = new Map<string, IoFlags>();
for (const common of ['r---', 'r----', 'r-----']) CACHE.set(common, flagsOf(common));

/** Whether a token can only be the flag field. */
export function looksLikeFlags(token: string): boolean {
  const { length } = token;
  if (length < FLAGS_LENGTH_MIN || length > FLAGS_LENGTH_MAX) return false;
  return /^[rs][a-z\0-]+$/.test(token);
}

/** Reads the flag field; `strange` lists the zero-based positions with an unexpected letter. */
export function parseFlags(token: string): {
  readonly flags: IoFlags;
  readonly strange: readonly number[];
} {
  const cached = CACHE.get(token);
  if (cached !== undefined) return { flags: cached, strange: [] };
  const raw = token.replaceAll('\0', '-');
  const strange: number[] = [];
  for (let at = 0; at < raw.length; at += 1) {
    const letter = raw.charAt(at);
    if (letter !== '-' && LETTERS[at]?.includes(letter) !== true) strange.push(at);
  }
  return { flags: flagsOf(raw), strange };
}

function flagsOf(raw: string): IoFlags {
  return {
    raw,
    ioSuspended: raw.startsWith('s'),
    resyncWaits: raw.charAt(1) === 'a',
    pausedByPeer: raw.charAt(2) === 'p',
    pausedByUser: raw.charAt(3) === 'u',
    congestion: CONGESTION[raw.charAt(4)] ?? 'none',
    activityLogSuspended: raw.charAt(5) === 's',
  };
}

/** DRBD 0.7 has one flag only: `F`, I/O frozen. */
export const FROZEN_07: IoFlags = { ...flagsOf('s---'), raw: 'F' };

const CONGESTION_MEANING: Readonly<Record<IoFlags['congestion'], string | null>> = {
  none: null,
  drbd: 'DRBD takes no new requests for the moment',
  callback: 'a callback to a user program is pending',
  backing: 'the backing device is congested',
  network: 'the network send buffer is congested',
  'backing-and-network': 'the backing device and the network send buffer are congested',
};

/** What the set flags mean, one phrase each; empty when all is well. */
export function explainFlags(flags: IoFlags): readonly string[] {
  const congestion = CONGESTION_MEANING[flags.congestion];
  return [
    ...(flags.ioSuspended ? ['application I/O is suspended'] : []),
    ...(flags.resyncWaits ? ['the resync waits for another device (resync-after)'] : []),
    ...(flags.pausedByPeer ? ['the resync is paused by the peer'] : []),
    ...(flags.pausedByUser ? ['the resync is paused on this node'] : []),
    ...(congestion === null ? [] : [congestion]),
    ...(flags.activityLogSuspended ? ['activity log updates are suspended'] : []),
  ];
}
