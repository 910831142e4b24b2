import t from 'tap';
import { drbd, Driver } from './driver.js';

t.test('relocation: a Primary without a disk gives the service to a good copy (once)', (t) => {
  for (const disk of ['Diskless', 'Failed', 'Detaching'] as const) {
    const driver = new Driver().running().hear();
    driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', disk })] });
    const why = `mysql moves to n2: the disk of DRBD resource r0 on n1 is ${disk}, and n2 has a good copy`;
    t.ok(driver.sentences.includes(why), why);
    t.equal(driver.group.life, 'stopping');
    t.equal(driver.state.history.at(-1)?.trigger, why);
    while (driver.group.life === 'stopping') driver.done();
    driver.give({ kind: 'drbd', facts: [drbd({ disk })] }).hear();
    t.equal(driver.group.claim, null, 'and does not want it back');
  }
  t.end();
});

t.test('relocation: a Primary without a disk goes on when nobody has a good copy', (t) => {
  for (const there of ['Inconsistent', 'Outdated', 'Consistent']) {
    const driver = new Driver().running().hear({}, {}, { disk: there });
    driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', disk: 'Diskless' })] });
    t.equal(driver.group.life, 'started', there);
  }
  const barred = new Driver().running().hear({}, { barred: true });
  barred.give({ kind: 'drbd', facts: [drbd({ role: 'Primary', disk: 'Diskless' })] });
  t.equal(barred.group.life, 'started', 'or when the other failed to run it');
  t.end();
});

t.test('relocation: never back onto a disk that is still syncing', (t) => {
  const { spec } = new Driver().group;
  const driver = new Driver({ groups: [{ ...spec, prefer: ['n2', 'n1'], failback: 'when-synced' }] });
  driver.probed().hear().operator({ kind: 'move', group: 'mysql', to: 'n1' }).hearGrant();
  while (driver.group.life === 'starting') driver.done();
  driver.give({ kind: 'drbd', facts: [drbd({ role: 'Primary' })] });
  for (const disk of ['Inconsistent', 'Outdated', 'Diskless']) {
    t.equal(driver.hear({}, {}, { disk }).group.life, 'started', disk);
  }
  t.equal(driver.hear().group.life, 'stopping', 'UpToDate');
  t.end();
});
