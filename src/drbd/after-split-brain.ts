/**
 * What DRBD's own policies would do about a split brain (net section: after-sb-0pri, -1pri, -2pri,
 * always-asbp). They see bitmaps and roles only: neither which data is worth more nor what a
 * database holds, so the sentence says what would be thrown away, not whether that is right.
 * Rules: drbd_asb_recover_0p, 1p, 2p of drbd_receiver.c (8.4).
 */
import type { GenerationSide } from './generation-compare.js';

/** The policies of one resource, as its configuration has them. */
export interface SplitBrainPolicies {
  readonly after0Primaries: string;
  readonly after1Primary: string;
  readonly after2Primaries: string;
  /** Also when the common past is old history only. */
  readonly alwaysAfterSplitBrain: boolean;
}

/** DRBD's defaults: drop the connection, and wait for a person. */
export const DEFAULT_POLICIES: SplitBrainPolicies = {
  after0Primaries: 'disconnect',
  after1Primary: 'disconnect',
  after2Primaries: 'disconnect',
  alwaysAfterSplitBrain: false,
};

const OPTION = /<option name="(after-sb-[012]pri|always-asbp)"(?: value="([a-z0-9-]{1,64})")?\s*\/>/g;

/** Finds the policies in `drbdadm dump-xml RESOURCE`; the resource's own come after the common. */
export function parsePolicies(xml: string): SplitBrainPolicies {
  const found = new Map<string, string>();
  for (const [, name = '', value] of xml.matchAll(OPTION)) found.set(name, value ?? 'yes');
  return {
    after0Primaries: found.get('after-sb-0pri') ?? DEFAULT_POLICIES.after0Primaries,
    after1Primary: found.get('after-sb-1pri') ?? DEFAULT_POLICIES.after1Primary,
    after2Primaries: found.get('after-sb-2pri') ?? DEFAULT_POLICIES.after2Primaries,
    alwaysAfterSplitBrain: found.get('always-asbp') === 'yes',
  };
}

/** What a connection would do now. */
export interface PolicyOutcome {
  /** The node whose changes would be thrown away; null when nobody is chosen. */
  readonly discards: string | null;
  /** Without a final period. */
  readonly sentence: string;
}

/** Two sides of one volume that is split. */
export interface SplitSides {
  readonly self: GenerationSide;
  readonly peer: GenerationSide;
  readonly ambiguous: boolean;
}

/** What the policies would do about one volume, with the roles that the sides have now. */
export function policyOutcome(policies: SplitBrainPolicies, sides: SplitSides): PolicyOutcome {
  const { self, peer, ambiguous } = sides;
  if (ambiguous && !policies.alwaysAfterSplitBrain) {
    return nobody('the common past is old history only, and always-asbp is not set');
  }
  const primaries = [self, peer].filter(({ role }) => role === 'Primary');
  const [primary] = primaries;
  if (primary === undefined) return after0(policies, sides);
  return primaries.length === 1
    ? after1(policies, sides, primary)
    : after2(policies, sides);
}

function nobody(why: string): PolicyOutcome {
  return { discards: null, sentence: `DRBD drops the connection: ${why}` };
}

function discards(side: GenerationSide, why: string): PolicyOutcome {
  return { discards: side.node, sentence: `DRBD would discard what ${side.node} has: ${why}` };
}

function after0(policies: SplitBrainPolicies, sides: SplitSides): PolicyOutcome {
  const policy = policies.after0Primaries;
  const name = `after-sb-0pri ${policy}`;
  const { self, peer } = sides;
  switch (policy) {
    case 'disconnect':
      return nobody(name);
    case 'discard-younger-primary':
    case 'discard-older-primary':
      return byAge(name, policy === 'discard-younger-primary', sides);
    case 'discard-zero-changes':
      return byZeroChanges(name, sides);
    case 'discard-least-changes':
      return byLeastChanges(name, sides);
    default: {
      const node = /^discard-node-(.+)$/.exec(policy)?.[1];
      const named = [self, peer].find((side) => side.node === node);
      if (named !== undefined) return discards(named, name);
      return nobody(`${name}: what it would do here is not known`);
    }
  }
}

/** Bit 0 of BITMAP: Primary when the link broke is the older primary. */
function byAge(name: string, discardsYounger: boolean, sides: SplitSides): PolicyOutcome {
  const [selfOlder, peerOlder] = [sides.self, sides.peer].map((s) => (s.ids.bitmap & 1n) === 1n);
  if (selfOlder === peerOlder) {
    return byLeastChanges(`${name}, which cannot tell them apart, so the smaller change goes`, sides);
  }
  const younger = selfOlder === true ? sides.peer : sides.self;
  const older = selfOlder === true ? sides.self : sides.peer;
  return discards(discardsYounger ? younger : older, name);
}

function byZeroChanges(name: string, { self, peer }: SplitSides): PolicyOutcome {
  if (self.outOfSyncBytes === null || peer.outOfSyncBytes === null) return unknownChanges(name);
  if (self.outOfSyncBytes === 0 && peer.outOfSyncBytes === 0) {
    return { discards: null, sentence: `DRBD would choose either side: ${name}, neither changed anything` };
  }
  const zero = [self, peer].find(({ outOfSyncBytes }) => outOfSyncBytes === 0);
  return zero === undefined ? nobody(`${name}, and both have changes`) : discards(zero, name);
}

function byLeastChanges(name: string, { self, peer }: SplitSides): PolicyOutcome {
  const [mine, theirs] = [self.outOfSyncBytes, peer.outOfSyncBytes];
  if (mine === null || theirs === null) return unknownChanges(name);
  if (mine === theirs) {
    return { discards: null, sentence: `DRBD would choose either side: ${name}, both changed as much` };
  }
  return discards(mine < theirs ? self : peer, name);
}

function unknownChanges(name: string): PolicyOutcome {
  return { discards: null, sentence: `it depends on how much each side changed: ${name}` };
}

function after1(
  policies: SplitBrainPolicies,
  sides: SplitSides,
  primary: GenerationSide,
): PolicyOutcome {
  const policy = policies.after1Primary;
  const name = `after-sb-1pri ${policy}`;
  const secondary = primary === sides.self ? sides.peer : sides.self;
  if (policy === 'disconnect') return nobody(name);
  if (policy === 'discard-secondary') return discards(secondary, name);
  const asNone = after0(policies, sides);
  switch (policy) {
    case 'consensus':
      if (asNone.discards === secondary.node) return discards(secondary, name);
      return nobody(`${name}, and after-sb-0pri would not discard the Secondary`);
    case 'violently-as0p':
      return asNone;
    case 'call-pri-lost-after-sb':
      if (asNone.discards !== primary.node) return asNone;
      return discards(primary, `${name}: it would be demoted, or its pri-lost-after-sb handler called`);
    default:
      return nobody(`${name}: what it would do here is not known`);
  }
}

function after2(policies: SplitBrainPolicies, sides: SplitSides): PolicyOutcome {
  const policy = policies.after2Primaries;
  const name = `after-sb-2pri ${policy}`;
  if (policy === 'violently-as0p' || policy === 'call-pri-lost-after-sb') {
    const asNone = after0(policies, sides);
    return { ...asNone, sentence: `${asNone.sentence} (by ${name})` };
  }
  return nobody(policy === 'disconnect' ? name : `${name}: what it would do here is not known`);
}
