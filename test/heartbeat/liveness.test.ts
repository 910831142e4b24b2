/** The traffic light of a peer, by tables over a clock that the test moves. */
import fc from 'fast-check';
import t from 'tap';
import {
  hear,
  linkVerdict,
  livenessVerdict,
  newPeerLife,
  nextVerdictMs,
  silenceMs,
  stretch,
  type PeerLife,
} from '../../src/heartbeat/liveness.js';

const TIMING = { warntimeMs: 800, deadtimeMs: 1_500, initdeadMs: 5_000 };

function heard(...frames: readonly (readonly [link: string, generation: number, sequence: number])[]): {
  life: PeerLife;
  hearings: string[];
} {
  let life = newPeerLife(0, 2);
  const hearings: string[] = [];
  frames.forEach(([link, generation, sequence], index) => {
    const result = hear(life, link, { generation, sequence }, 100 * (index + 1));
    ({ life } = result);
    hearings.push(result.hearing);
  });
  return { life, hearings };
}

t.test('liveness: verdicts at their limits', (t) => {
  const never = newPeerLife(0, 0);
  t.equal(livenessVerdict(never, TIMING, 5_000), 'unknown');
  t.equal(livenessVerdict(never, TIMING, 5_001), 'dead');
  const { life } = heard(['eth0', 2, 1]);
  const rows = [
    [100, 'up'],
    [900, 'up'],
    [901, 'late'],
    [1_600, 'late'],
    [1_601, 'dead'],
  ] as const;
  for (const [nowMs, verdict] of rows) {
    t.equal(livenessVerdict(life, TIMING, nowMs), verdict, `${String(nowMs - 100)} ms of silence`);
  }
  t.end();
});

t.test('liveness: new, duplicate, replayed', (t) => {
  const rows = [
    [[['eth0', 2, 1], ['eth0', 2, 2]], ['new', 'new']],
    [[['eth0', 2, 1], ['serial', 2, 1]], ['new', 'duplicate']],
    [[['eth0', 2, 2], ['eth0', 2, 2]], ['new', 'replayed']],
    [[['eth0', 2, 2], ['eth0', 2, 1]], ['new', 'replayed']],
    [[['eth0', 2, 9], ['eth0', 3, 1]], ['new', 'new']],
    [[['eth0', 3, 1], ['serial', 2, 99]], ['new', 'replayed']],
    [[['eth0', 1, 5]], ['replayed']],
  ] as const;
  for (const [frames, expected] of rows) t.same(heard(...frames).hearings, expected, String(frames));
  t.end();
});

t.test('liveness: only news of the peer refresh it; a duplicate refreshes its link', (t) => {
  const { life } = heard(['eth0', 2, 5], ['serial', 2, 5], ['eth0', 2, 4]);
  t.equal(life.lastHeardMs, 100);
  t.equal(life.links['serial']?.lastHeardMs, 200);
  t.match(life.links['eth0'], { received: 1, replayed: 1, lastHeardMs: 100 });
  t.equal(linkVerdict(life.links['eth0'], TIMING, 1_601), 'dead');
  t.equal(linkVerdict(life.links['serial'], TIMING, 1_601), 'late');
  t.equal(linkVerdict(undefined, TIMING, 0), 'dead');
  t.end();
});

t.test('liveness: own stalls are no silence of the peer, until it speaks again (S6)', (t) => {
  const { life } = heard(['eth0', 2, 1]);
  const stalled = stretch(life, 1_000);
  t.equal(silenceMs(stalled, 1_700), 600);
  t.equal(livenessVerdict(stalled, TIMING, 1_700), 'up');
  const again = hear(stalled, 'eth0', { generation: 2, sequence: 2 }, 1_700).life;
  t.equal(silenceMs(again, 2_700), 1_000);
  t.end();
});

t.test('liveness: the announced moment is the first at which the light changes', (t) => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.nat(3_000), fc.boolean(), (laterMs, stallMs, isHeard) => {
      const life = stretch(isHeard ? heard(['eth0', 2, 1]).life : newPeerLife(0, 0), stallMs);
      const nowMs = 100 + laterMs;
      const verdict = livenessVerdict(life, TIMING, nowMs);
      const nextMs = nextVerdictMs(life, TIMING, nowMs);
      if (nextMs === null) return verdict === 'dead';
      if (nextMs <= nowMs) return false;
      // Silence counts from zero only when the stalls are used up.
      const isClamped = nowMs - (life.lastHeardMs ?? 0) < stallMs;
      const before = livenessVerdict(life, TIMING, nextMs - 1);
      return isClamped || (before === verdict && livenessVerdict(life, TIMING, nextMs) !== verdict);
    }),
  );
  t.end();
});
