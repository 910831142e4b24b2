import type { ResourceSides, SplitBrainSides, ToldSide } from '../base/split-brain.js';
import { isCarrying } from '../drbd/split-brain.js';
import type { SideReport } from '../heartbeat/report.js';
import { silenceMs } from '../heartbeat/liveness.js';
import { groupUsing, otherHalf } from './halves.js';
import { ownSide, peerSide } from './split-brain.js';
import type { Peer, State } from './state.js';

/** Both halves of every resource, as they are known at `nowMs`. */
export function viewSplitBrain(state: State, nowMs: number): SplitBrainSides {
  const resources = Object.keys(state.drbd).map((resource): ResourceSides => {
    const peer = otherHalf(state, resource);
    const sides = [ownTold(state, resource), ...(peer === null ? [] : [peerTold(peer, resource, nowMs)])];
    return { resource, group: groupUsing(state, resource)?.name ?? '', sides };
  });
  return { schema: 'tandem.split-brain-sides/1', self: state.spec.self, resources };
}

function ownTold(state: State, resource: string): ToldSide {
  const side = ownSide(state, resource);
  const told = state.sides[resource];
  const { role = 'Unknown', connection = 'Unknown', disk = 'Unknown' } = side ?? {};
  const missing = told === undefined ? whyMissing(connection) : null;
  const content = contentOf(told ?? NOTHING_TOLD);
  return { node: state.spec.self, role, connection, disk, ...content, ageMs: 0, missing };
}

function peerTold(peer: Peer, resource: string, nowMs: number): ToldSide {
  const side = peerSide(peer, resource);
  const told = side === null ? undefined : peer.report?.sides?.find((one) => one.resource === resource);
  const { role = 'Unknown', connection = 'Unknown', disk = 'Unknown' } = side ?? {};
  const silent = `${peer.name} is not heard`;
  return {
    node: peer.name,
    role,
    connection,
    disk,
    ...contentOf(told ?? NOTHING_TOLD),
    ageMs: Math.round(silenceMs(peer.life, nowMs)),
    missing: told !== undefined ? null : side === null ? silent : whyMissing(connection),
  };
}

type Told = Pick<SideReport, 'volumes' | 'began' | 'database'>;

const NOTHING_TOLD: Told = { volumes: [], began: null, database: '' };

function contentOf({ volumes, began, database }: Told): Told {
  return { volumes, began, database };
}

function whyMissing(connection: Parameters<typeof isCarrying>[0]): string {
  return isCarrying(connection)
    ? 'it is connected, so its identifiers are not asked for'
    : 'it has not read its identifiers yet';
}
