/** What a review reads: every part of the state, but for what is judged and sent at every turn. */
import t from 'tap';
import {
  initialState,
  NOTHING_SAVED,
  type Group,
  type Peer,
  type State,
} from '../../src/failover/state.js';
import { readsTheSame, readsTheSameButLooks, seesTheSame } from '../../src/failover/settled.js';
import { Turn } from '../../src/failover/turn.js';
import { SPEC } from './driver.js';

/** What another value of any kind looks like. */
const OTHER = { lastTurnMs: -1, listenUntilMs: -1, worstStallMs: -1, stalls: -1 };

const NOT_READ: readonly (keyof State)[] = [
  ...(['peers', 'sequence', 'lastSent', 'lastSentMs', 'lastSaved'] as const),
];

t.test('settled: every part of the state counts', (t) => {
  const state = initialState(SPEC, 1, NOTHING_SAVED, 0);
  t.ok(readsTheSame(state, { ...state }), 'a copy is the same');
  for (const part of Object.keys(state) as (keyof State)[]) {
    const changed = { ...state, [part]: OTHER };
    t.equal(readsTheSame(state, changed), NOT_READ.includes(part), part);
  }
  const turned = { ...state, health: { ...state.health, lastTurnMs: 9, worstStallMs: 9, stalls: 9 } };
  t.ok(readsTheSame(state, turned), 'the time of the last turn does not');
  t.end();
});

t.test('settled: of a group that runs only the looks at it do not count, and only while it runs', (t) => {
  const first = initialState(SPEC, 1, NOTHING_SAVED, 0);
  const [group] = Object.values(first.groups);
  if (group === undefined) throw new Error('there is a group');
  const { name } = group.spec;
  const withGroup = (patch: Partial<Group>, phase: State['phase'] = 'up'): State => ({
    ...first,
    phase,
    groups: { ...first.groups, [name]: { ...group, ...patch } },
  });
  const looks: readonly (keyof Group)[] = ['action', 'monitorDueMs', 'suspects'];
  for (const part of Object.keys(group) as (keyof Group)[]) {
    const running = withGroup({ life: 'started' });
    const changed = withGroup({ life: 'started', [part]: OTHER });
    t.equal(readsTheSameButLooks(running, changed), looks.includes(part), part);
  }
  for (const part of looks) {
    const changed = withGroup({ life: 'stopping', [part]: OTHER });
    t.notOk(readsTheSameButLooks(withGroup({ life: 'stopping' }), changed), `${part}: it stops`);
    const leaving = withGroup({ life: 'started', [part]: OTHER }, 'leaving');
    t.notOk(readsTheSameButLooks(withGroup({ life: 'started' }, 'leaving'), leaving), 'it leaves');
  }
  t.notOk(readsTheSameButLooks(first, { ...first, groups: {} }), 'a group less');
  t.end();
});

t.test('settled: what is taken back was never done', (t) => {
  const turn = new Turn(initialState(SPEC, 1, NOTHING_SAVED, 0), 1_000);
  turn.say('info', 'a word');
  const before = { ...turn.state };
  turn.say('info', 'another word');
  turn.update({ nextId: 9, peers: {}, groups: {} });
  turn.takeBack(before, 1);
  t.same(turn.state, before);
  t.equal(turn.effects.length, 1);
  t.same([turn.peers, turn.groups], [Object.values(before.peers), Object.values(before.groups)]);
  t.end();
});

t.test('settled: every part of another node counts, but for when it was heard', (t) => {
  const peers = Object.values(initialState(SPEC, 1, NOTHING_SAVED, 0).peers);
  const [peer] = peers;
  if (peer === undefined) throw new Error('there is another node');
  for (const part of Object.keys(peer) as (keyof Peer)[]) {
    t.equal(seesTheSame(peers, [{ ...peer, [part]: OTHER }]), part === 'life', part);
  }
  t.notOk(seesTheSame(peers, []), 'a node less');
  t.end();
});

t.test('settled: until the nearest moment that it asked for', (t) => {
  const state = initialState(SPEC, 1, NOTHING_SAVED, 0);
  const settledUntil = (run: (turn: Turn) => void): number => {
    const turn = new Turn(state, 1_000);
    return turn.untilWhenSettled(() => run(turn));
  };
  const ask = (turn: Turn): unknown => [900, 5_000, 3_000].map((atMs) => turn.hasCome(atMs));
  t.equal(settledUntil(ask), 3_000);
  t.equal(settledUntil(() => undefined), Number.POSITIVE_INFINITY, 'no moment: until it changes');
  const never = Number.NEGATIVE_INFINITY;
  t.equal(settledUntil((turn) => turn.nowMs), never, 'the time itself: not at all');
  t.equal(settledUntil((turn) => turn.update({ nextId: 2 })), never, 'a change: not at all');
  t.equal(settledUntil((turn) => turn.say('info', 'a word')), never, 'a word: not at all');
  t.end();
});
