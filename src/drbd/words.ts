/**
 * DRBD's own vocabulary (linux/drivers/block/drbd/drbd_strings.c and its 0.7 to 9.x relatives).
 * A word that is not listed is kept as it was read: forks and later releases add states, and a
 * reading with one strange word is still a reading.
 */
export type Word<T extends string> =
  { readonly known: true; readonly word: T } | { readonly known: false; readonly word: string };

/**
 * What `cs:` says. 8.4 has one word for link and replication; 9 has two, and its debugfs files
 * print the replication word (`Off`, `Established`). The last line is 0.7 only.
 */
export const CONNECTION_WORDS = [
  ...(['Unconfigured', 'StandAlone', 'Disconnecting', 'Unconnected', 'Timeout'] as const),
  ...(['BrokenPipe', 'NetworkFailure', 'ProtocolError', 'TearDown', 'WFConnection'] as const),
  ...(['WFReportParams', 'Connected', 'StartingSyncS', 'StartingSyncT', 'WFBitMapS'] as const),
  ...(['WFBitMapT', 'WFSyncUUID', 'SyncSource', 'SyncTarget', 'PausedSyncS'] as const),
  ...(['PausedSyncT', 'VerifyS', 'VerifyT', 'Ahead', 'Behind'] as const),
  ...(['Connecting', 'Established', 'Off'] as const),
  ...(['SkippedSyncS', 'SkippedSyncT', 'DiskLessClient', 'ServerForDLess'] as const),
] as const;

/** A word of `cs:`, any release. */
export type ConnectionWord = (typeof CONNECTION_WORDS)[number];

/** DRBD 9's word for the link to a peer, and how 8.4's `events2` names it too. */
export const LINK_WORDS = [
  ...(['StandAlone', 'Disconnecting', 'Unconnected', 'Timeout', 'BrokenPipe'] as const),
  ...(['NetworkFailure', 'ProtocolError', 'TearDown', 'Connecting', 'Connected'] as const),
] as const;

/** A word of `connection:`. */
export type LinkWord = (typeof LINK_WORDS)[number];

/** DRBD 9's word for what flows over a link, volume by volume; the last line is 0.7 only. */
export const REPLICATION_WORDS = [
  ...(['Off', 'Established', 'StartingSyncS', 'StartingSyncT', 'WFBitMapS', 'WFBitMapT'] as const),
  ...(['WFSyncUUID', 'SyncSource', 'SyncTarget', 'VerifyS', 'VerifyT', 'PausedSyncS'] as const),
  ...(['PausedSyncT', 'Ahead', 'Behind'] as const),
  ...(['SkippedSyncS', 'SkippedSyncT', 'DiskLessClient', 'ServerForDLess'] as const),
] as const;

/** A word of `replication:`. */
export type ReplicationWord = (typeof REPLICATION_WORDS)[number];

/** The roles. The local role is never `Unknown`. */
export const ROLE_WORDS = ['Primary', 'Secondary', 'Unknown'] as const;

/** A word of `ro:` (0.7 to 8.2: `st:`). */
export type RoleWord = (typeof ROLE_WORDS)[number];

/** Disk states from worst to best, the order in which the kernel compares them. */
export const DISK_WORDS = [
  ...(['Diskless', 'Attaching', 'Detaching', 'Failed', 'Negotiating', 'Inconsistent'] as const),
  ...(['Outdated', 'DUnknown', 'Consistent', 'UpToDate'] as const),
] as const;

/** A word of `ds:` (0.7: `ld:`, Consistent and Inconsistent only). */
export type DiskWord = (typeof DISK_WORDS)[number];

function vocabulary<T extends string>(words: readonly T[]): (text: string) => Word<T> {
  const known = new Map(words.map((word) => [word as string, { known: true, word } as const]));
  return (text) => known.get(text) ?? { known: false, word: text };
}

/** Looks up a connection word. */
export const connectionWord = vocabulary(CONNECTION_WORDS);

/** Looks up a word for a link. */
export const linkWord = vocabulary(LINK_WORDS);

/** Looks up a word for replication. */
export const replicationWord = vocabulary(REPLICATION_WORDS);

/** Looks up a role word. */
export const roleWord = vocabulary(ROLE_WORDS);

/** Looks up a disk word. */
export const diskWord = vocabulary(DISK_WORDS);
