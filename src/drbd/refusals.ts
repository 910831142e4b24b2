/** Why DRBD can refuse, named; the names are ours, the numbers the kernel's. */
export type DrbdRefusal =
  | 'needUpToDateData'
  | 'multiplePrimaries'
  | 'peerNotOutdated'
  | 'heldOpen'
  | 'transient'
  | 'refusedByPeer'
  | 'noQuorum'
  | 'noLocalDisk'
  | 'connectedOutdate'
  | 'primaryDisk'
  | 'lastGoodCopy'
  | 'resyncRunning'
  | 'needConnection'
  | 'peerTooOld'
  | 'peerHoldsOpen'
  | 'noNetwork'
  | 'noVerifyAlgorithm'
  | 'discardOnPrimary'
  | 'alreadyAttached'
  | 'alreadyConnected'
  | 'minorMissing'
  | 'resourceMissing'
  | 'wrongDisk'
  | 'diskInUse'
  | 'diskUnusable'
  | 'metaDataMissing'
  | 'metaDataUnclean'
  | 'permission'
  | 'addressInUse'
  | 'stillConnected'
  | 'invalidRequest'
  | 'notConfigured'
  | 'badConfiguration'
  | 'moduleMissing'
  | 'toolsMissing'
  | 'usage'
  | 'timeout'
  | 'other';

/** One refusal in words. */
export interface RefusalEntry {
  /** enum drbd_state_rv (negative) and enum drbd_ret_code (above 100). */
  readonly numbers: readonly number[];
  readonly cause: string;
  readonly cure: string;
  readonly retry: 'soon' | 'never';
}

/** The catalogue. */
export const REFUSALS: Readonly<Record<DrbdRefusal, RefusalEntry>> = {
  needUpToDateData: {
    numbers: [-2],
    cause: 'this node has no access to UpToDate data',
    cure: 'connect to the node with the newest data, or let fencing confirm that it is off',
    retry: 'never',
  },
  multiplePrimaries: {
    numbers: [-1, -20],
    cause: 'the peer is Primary',
    cure: 'demote the peer first; a peer that just died is noticed after its ping timeout',
    retry: 'soon',
  },
  peerNotOutdated: {
    numbers: [-7],
    cause: 'the fencing policy forbids Primary while the peer may have newer data',
    cure: 'fence the peer, or find out why the fence-peer handler failed',
    retry: 'never',
  },
  heldOpen: {
    numbers: [-12],
    cause: 'the device is held open',
    cure: 'end what uses it (fuser, lsof, mounts in other namespaces, LVM), then repeat',
    retry: 'soon',
  },
  transient: {
    numbers: [-18, -19, -23, 129],
    cause: 'another change of state is under way',
    cure: 'repeat in a moment',
    retry: 'soon',
  },
  refusedByPeer: {
    numbers: [-10],
    cause: 'the peer refused the change',
    cure: 'repeat; if it lasts, see the kernel log of the peer',
    retry: 'soon',
  },
  noQuorum: {
    numbers: [-24, -25],
    cause: 'DRBD has no quorum, or is only weakly connected',
    cure: 'bring back enough nodes',
    retry: 'never',
  },
  noLocalDisk: {
    numbers: [-4, -11, 138],
    cause: 'there is no local disk',
    cure: 'attach the disk: drbdadm attach',
    retry: 'never',
  },
  connectedOutdate: {
    numbers: [-6],
    cause: 'a connected disk is not marked Outdated',
    cure: 'disconnect first',
    retry: 'never',
  },
  primaryDisk: {
    numbers: [],
    cause: 'the resource is Primary: its disk is in use',
    cure: 'stop what uses it and demote it first',
    retry: 'never',
  },
  lastGoodCopy: {
    numbers: [],
    cause: 'this Primary would be left without UpToDate data',
    cure: 'let the resync finish or bring back the other copy first, or demote it',
    retry: 'never',
  },
  resyncRunning: {
    numbers: [-8, 130, 149],
    cause: 'a resync or verify is running',
    cure: 'let it finish (tandem drbd wait-sync), then repeat',
    retry: 'never',
  },
  needConnection: {
    numbers: [-5, -15, -21],
    cause: 'it needs a connection to the peer, or its disk',
    cure: 'connect first: drbdadm connect',
    retry: 'never',
  },
  peerTooOld: {
    numbers: [-17, 163, 175],
    cause: 'the peer speaks a protocol that is too old for it',
    cure: 'bring DRBD to the same version on both nodes',
    retry: 'never',
  },
  peerHoldsOpen: {
    numbers: [-22],
    cause: 'the device is open read-only on the other node',
    cure: 'close it there',
    retry: 'never',
  },
  noNetwork: {
    numbers: [-9, -13],
    cause: 'the resource has no network configuration: it is StandAlone',
    cure: 'connect: drbdadm connect',
    retry: 'never',
  },
  noVerifyAlgorithm: {
    numbers: [-14, 144, 145],
    cause: 'no usable verify-alg is configured',
    cure: 'set verify-alg in the net section on both nodes and run drbdadm adjust',
    retry: 'never',
  },
  discardOnPrimary: {
    numbers: [123],
    cause: 'a Primary does not discard its data',
    cure: 'demote it first',
    retry: 'never',
  },
  alreadyAttached: {
    numbers: [124],
    cause: 'a disk is attached already',
    cure: 'detach it first, or leave it',
    retry: 'never',
  },
  alreadyConnected: {
    numbers: [125],
    cause: 'the resource has a connection already',
    cure: 'disconnect first',
    retry: 'never',
  },
  minorMissing: {
    numbers: [127],
    cause: 'the kernel does not know the device',
    cure: 'bring the resource up: drbdadm up',
    retry: 'never',
  },
  resourceMissing: {
    numbers: [158],
    cause: 'the kernel does not know the resource',
    cure: 'bring the resource up: drbdadm up',
    retry: 'never',
  },
  wrongDisk: {
    numbers: [150],
    cause: 'the disk does not hold the data that was lost last',
    cure: 'attach the disk that was in use; an older copy is refused while Primary',
    retry: 'never',
  },
  diskInUse: {
    numbers: [106, 114, 115],
    cause: 'the backing disk is in use by something else (mounted, or held by LVM)',
    cure: 'release it, then repeat',
    retry: 'never',
  },
  diskUnusable: {
    numbers: [104, 105, 107, 108, 111, 112, 116, 118],
    cause: 'the backing disk or its meta data cannot be used',
    cure: 'see the kernel log; check the disk and its path in the configuration',
    retry: 'never',
  },
  metaDataMissing: {
    numbers: [119],
    cause: 'the backing disk has no DRBD meta data',
    cure: 'check that it is the right disk before drbdadm create-md: that makes its copy void',
    retry: 'never',
  },
  metaDataUnclean: {
    numbers: [165],
    cause: 'the activity log was not applied after a crash',
    cure: 'drbdadm apply-al, then repeat',
    retry: 'never',
  },
  permission: {
    numbers: [152],
    cause: 'not allowed: DRBD needs CAP_SYS_ADMIN',
    cure: 'run as root',
    retry: 'never',
  },
  addressInUse: {
    numbers: [102, 103, 176],
    cause: 'an address of the connection is in use already',
    cure: 'check the addresses and ports of the resources',
    retry: 'never',
  },
  stillConnected: {
    numbers: [151],
    cause: 'it is refused while connected',
    cure: 'disconnect first',
    retry: 'never',
  },
  invalidRequest: {
    numbers: [162],
    cause: 'the kernel found the request invalid',
    cure: 'see "additional info from kernel" in the output',
    retry: 'never',
  },
  notConfigured: {
    numbers: [],
    cause: 'drbdadm finds no such resource in the configuration of this host',
    cure: 'check the name, and that the host name is in an "on" section',
    retry: 'never',
  },
  badConfiguration: {
    numbers: [],
    cause: 'drbdadm found the configuration invalid',
    cure: 'see its output, then run drbdadm dump',
    retry: 'never',
  },
  moduleMissing: {
    numbers: [],
    cause: 'the drbd kernel module is not loaded',
    cure: 'modprobe drbd; check that it fits the running kernel',
    retry: 'never',
  },
  toolsMissing: {
    numbers: [],
    cause: 'drbdadm or drbdsetup could not be run',
    cure: 'install drbd-utils, and check PATH',
    retry: 'never',
  },
  usage: {
    numbers: [],
    cause: 'the DRBD tools did not accept the command line or the configuration syntax',
    cure: 'check that the version of drbd-utils is supported',
    retry: 'never',
  },
  timeout: {
    numbers: [],
    cause: 'the command did not end within its time limit',
    cure: 'check the disk and the fence-peer handler; the state is not known until read again',
    retry: 'never',
  },
  other: {
    numbers: [],
    cause: 'the command failed for a reason that has no name here',
    cure: 'see its output and the kernel log',
    retry: 'never',
  },
};
