/**
 * From the model to the facts that the rest of the program works with. With several peers the
 * facts tell of the one that needs most attention: a decision that holds for it holds for all.
 */
import {
  blankVolume,
  CONNECTION_ATTENTION,
  connectionOf,
  DISK_ATTENTION,
  knownOr,
  resourceFacts,
  roleOf,
  worst,
  type Connection,
  type DrbdFacts,
  type DrbdVolumeFacts,
  type ResourceVolume,
} from './facts.js';
import type { DrbdConnection, DrbdPeerVolume, DrbdResource, DrbdVolume } from './model.js';
import {
  connectionWord,
  type ConnectionWord,
  type DiskWord,
  type LinkWord,
  type ReplicationWord,
  type Word,
} from './words.js';

const BYTES_PER_KIB = 1024;

/** The facts of a resource as the model has it. */
export function factsFromModel(resource: DrbdResource): DrbdFacts {
  const volumes = resource.volumes.map((volume) => volumeFacts(resource, volume));
  return { ...resourceFacts(resource.name, volumes), ...suspensionsOf(resource) };
}

/**
 * The facts of every resource that the map names, as a complete picture of the kernel has them:
 * what the picture lacks is not configured.
 */
export function factsFromPicture(
  picture: ReadonlyMap<string, DrbdResource>,
  resourceMap: readonly ResourceVolume[],
): readonly DrbdFacts[] {
  const names = [...new Set(resourceMap.map(({ resource }) => resource))];
  return names.map((name) => {
    const resource = picture.get(name);
    const wanted = resourceMap.filter((entry) => entry.resource === name);
    const volumes = wanted.map((entry) => {
      const volume = resource?.volumes.find((one) => one.volume === entry.volume);
      if (resource === undefined || volume === undefined) return blankVolume(entry, 'down');
      return volumeFacts(resource, volume);
    });
    return { ...resourceFacts(name, volumes), ...suspensionsOf(resource) };
  });
}

/** /proc/drbd tells only that something holds them: `io`. */
function suspensionsOf(resource: DrbdResource | undefined): Pick<DrbdFacts, 'suspensions'> {
  const suspensions = resource?.suspended ?? [];
  return suspensions.length === 0 || suspensions.includes('io') ? {} : { suspensions };
}

/** Facts of /proc/drbd with what only the event stream tells: why I/O is frozen. */
export function withSuspensions(
  facts: readonly DrbdFacts[],
  picture: ReadonlyMap<string, DrbdResource>,
): readonly DrbdFacts[] {
  return facts.map((one) =>
    one.ioSuspended ? { ...one, ...suspensionsOf(picture.get(one.resource)) } : one,
  );
}

function volumeFacts(resource: DrbdResource, volume: DrbdVolume): DrbdVolumeFacts {
  const there = resource.connections.map((connection) => ({
    connection,
    peer: connection.volumes.find((entry) => entry.volume === volume.volume),
  }));
  const peers = there.flatMap(({ peer }) => (peer === undefined ? [] : [peer]));
  const running = peers.find((peer) => peer.progress !== null)?.progress ?? null;
  const alone = there.length === 0;
  return {
    volume: volume.volume,
    minor: volume.minor ?? -1,
    state: 'configured',
    role: knownOr(resource.role, 'Unknown'),
    peerRole: alone ? 'Unknown' : roleOf(there.map(({ connection }) => peerRoleOf(connection))),
    connection: alone ? 'StandAlone' : worst(there.map(joined), CONNECTION_ATTENTION),
    disk: knownOr<DiskWord, 'Unknown'>(volume.disk, 'Unknown'),
    peerDisk: alone ? 'DUnknown' : worst(peers.map(peerDiskOf), DISK_ATTENTION),
    syncedPercent: running?.kind === 'resync' ? running.donePercent : null,
    verifiedPercent: running?.kind === 'verify' ? running.donePercent : null,
    finishSeconds: running?.finishSeconds ?? null,
    outOfSyncBytes: outOfSyncBytes(peers),
    ioSuspended: (resource.suspended ?? []).length > 0,
  };
}

function peerRoleOf({ peerRole }: DrbdConnection): 'Primary' | 'Secondary' | 'Unknown' {
  return knownOr(peerRole, 'Unknown');
}

function peerDiskOf({ peerDisk }: DrbdPeerVolume): DiskWord | 'Unknown' {
  return knownOr<DiskWord, 'Unknown'>(peerDisk, 'Unknown');
}

/** What differs from the peer that lacks most; null when some peer's bitmap is not told. */
function outOfSyncBytes(peers: readonly DrbdPeerVolume[]): number | null {
  const amounts = peers.map((peer) => peer.outOfSyncKiB);
  if (amounts.length === 0 || amounts.includes(null)) return null;
  return Math.max(...amounts.map((amount) => amount ?? 0)) * BYTES_PER_KIB;
}

function joined(there: {
  readonly connection: DrbdConnection;
  readonly peer: DrbdPeerVolume | undefined;
}): Connection {
  return connectionOf(joinConnection(there.connection.link, there.peer?.replication ?? null));
}

/** DRBD 9's two words as the one of 8.4: the inverse of `splitConnection`. */
export function joinConnection(
  link: Word<LinkWord> | null,
  replication: Word<ReplicationWord> | null,
): Word<ConnectionWord> {
  if (link === null || !link.known) {
    return link === null && replication !== null
      ? connectionWord(replication.word)
      : { known: false, word: link?.word ?? '' };
  }
  if (link.word !== 'Connected') {
    return connectionWord(link.word === 'Connecting' ? 'WFConnection' : link.word);
  }
  if (replication === null || replication.word === 'Off') return connectionWord('WFReportParams');
  return connectionWord(replication.word === 'Established' ? 'Connected' : replication.word);
}
