// What operators lay on the cluster, and a reload, on real parts: nothing that runs is touched.

import { playAll, type Scenario } from './play.js';
import { place } from './seen.js';
import type { Stage } from './stage.js';

const WISH = { by: 'anna', reason: 'new firmware', forMs: null } as const;
const BY = { by: 'anna' } as const;

/** Longer than two looks at the database. */
const LOOKED_AT_MS = 12_000;

async function killDatabase(stage: Stage): Promise<void> {
  await stage.n1.must(`kill -KILL ${await stage.databasePid(stage.n1)}`);
}

const maintenance: Scenario = {
  title: 'holds: maintenance (a dead database stays dead; off: recovered), disable, enable, restart',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    stage.begin();
    const on = await stage.ask(n2, { kind: 'maintenance', ...WISH });
    stage.fact('every node knows', /every node knows$/.test(on.message), on);
    await killDatabase(stage);
    await stage.pass(LOOKED_AT_MS);
    const seen = await stage.until(n1, 'failed', (s) => place(s) === 'failed n1');
    stage.fact('owner and reason are shown', seen.maintenance?.by === 'anna', seen.maintenance);
    stage.fact('nothing is started', (await n1.exec('pgrep -x mariadbd')).exitCode !== 0);
    const off = await stage.ask(n1, { kind: 'endMaintenance', ...BY });
    stage.fact('the answer says what follows', /is recovered on n1/.test(off.message), off);
    await stage.untilOk('n1');
    const disabled = await stage.ask(n2, { kind: 'disable', group: 'mysql', ...WISH });
    stage.fact('disabled and stopped', disabled.state === 'done', disabled);
    const enabled = await stage.ask(n2, { kind: 'enable', group: 'mysql', ...BY });
    stage.fact('enabled and running', /runs on n1/.test(enabled.message), enabled);
    const before = await stage.databasePid(n1);
    const restarted = await stage.ask(n2, { kind: 'restart', group: 'mysql', ...BY });
    stage.fact('restarted on n1', /was restarted and runs on n1/.test(restarted.message), restarted);
    stage.fact('by another process', (await stage.databasePid(n1)) !== before);
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

const reload: Scenario = {
  title: 'holds: freeze; a reload with a harmless edit (the database runs on) and with a fault',
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    stage.begin();
    const frozen = await stage.ask(n2, { kind: 'freeze', group: 'mysql', ...WISH });
    stage.fact('frozen', frozen.state === 'done', frozen);
    const moved = await stage.ask(n2, { kind: 'move', group: 'mysql', to: 'n2' });
    stage.fact('not moved', moved.state === 'refused', moved);
    await stage.ask(n2, { kind: 'unfreeze', group: 'mysql', ...BY });
    const before = await stage.databasePid(n1);
    for (const node of [n1, n2]) {
      await node.must("sed -i 's/^initdead.*/initdead 25/' /etc/ha.d/ha.cf; grep -q '^initdead 25' /etc/ha.d/ha.cf || echo 'initdead 25' >> /etc/ha.d/ha.cf");
      const text = await node.must('tandem config reload');
      stage.fact(`${node.name} takes it`, /The configuration is taken/.test(text), text);
    }
    await stage.untilOk('n1');
    stage.fact('the database ran on', (await stage.databasePid(n1)) === before);
    await n1.must("echo 'deadtim 3' >> /etc/ha.d/ha.cf");
    const fault = await n1.exec('tandem config reload');
    stage.fact('a fault is refused', fault.exitCode === 78, fault);
    stage.fact('by file, line and column', /ha\.cf:\d+:\d+: error/.test(fault.stderr), fault);
    await stage.untilOk('n1');
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

await playAll(import.meta.url, [maintenance, reload]);
