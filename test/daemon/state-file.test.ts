// What survives a restart of the daemon.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { StateFile } from '../../src/daemon/state-file.js';
import type { SavedFacts } from '../../src/failover/state.js';

const FACTS: SavedFacts = {
  generation: 7,
  peers: { n2: 5 },
  epochs: { mysql: 3 },
  orders: [{ key: 'mode.n1', value: 'standby', version: 2, origin: 'n2' }],
  behind: { r0: 'n2' },
  ahead: ['r1'],
  behindSince: { r0: 1_000 },
  fenceRecords: {
    n2: { testedWallMs: 1_000, shotWallMs: null, fault: { wallMs: 2_000, reason: 'no route' } },
  },
};

t.test('state file: everything that was saved is read again', async (t) => {
  const folder = t.testdir();
  const file = new StateFile(folder);
  file.save(FACTS, (sentence) => t.fail(sentence));
  await file.settled();
  t.same(new StateFile(folder).begin(0), { ok: true, value: { saved: FACTS, generation: 8 } });
  const written = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as SavedFacts;
  t.same(written, { ...FACTS, generation: 8 }, 'the new generation is durable, nothing is lost');
});

t.test('state file: a first start, and a file of an older version', (t) => {
  const folder = t.testdir();
  t.match(new StateFile(folder).begin(1_000), { ok: true, value: { generation: 1_000 } });
  const { generation, peers, epochs, orders } = FACTS;
  const older = { generation, peers, epochs, orders };
  writeFileSync(join(folder, 'state.json'), JSON.stringify(older));
  t.match(new StateFile(folder).begin(0), { ok: true, value: { saved: older, generation: 8 } });
  t.end();
});

t.test('state file: a damaged one is never replaced silently', (t) => {
  for (const text of ['', '{', '[]', '{"generation":-1}']) {
    const folder = t.testdir({ 'state.json': text });
    const begun = new StateFile(folder).begin(0);
    t.match(begun, { ok: false, error: /state\.json is damaged; move it away/ }, text);
    t.equal(readFileSync(join(folder, 'state.json'), 'utf8'), text);
  }
  t.end();
});
