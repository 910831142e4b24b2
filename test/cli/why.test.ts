/** `tandem why`: the core's own sentences, from states that the core itself got into. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/base/exit-codes.js';
import { renderWhy } from '../../src/cli/render-why.js';
import { savedSentences } from '../../src/cli/saved-facts.js';
import { explain } from '../../src/failover/explain.js';
import { drbd, Driver } from '../failover/driver.js';
import { fakeControl } from './fake-control.js';
import { notBuilt, tandem } from './run-tandem.js';

const PLAIN = { colour: false, columns: 80 };
const APART = { connection: 'WFConnection', peerRole: 'Unknown' } as const;

function golden(t: Test, name: string, driver: Driver): void {
  const text = renderWhy(explain(driver.state, driver.nowMs), PLAIN);
  const path = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(path, text);
  t.ok(existsSync(path), `${name} has a golden file`);
  t.equal(text, readFileSync(path, 'utf8'), name);
  t.strictSame(text.split('\n').filter((line) => line.length > 80), [], 'fits into 80 columns');
}

t.test('why: it runs here, and the other node could', (t) => {
  golden(t, 'why-runs', new Driver().running().hear());
  t.end();
});

t.test('why: the other node is silent and has no fence device', (t) => {
  const driver = new Driver({ fencing: {} }).probed().hear().hear({}, { life: 'started', epoch: 1 });
  golden(t, 'why-silent', driver.pass(4_000));
  t.end();
});

t.test('why: its copy lacks writes, and it is in standby', (t) => {
  const driver = new Driver().probed().hear();
  driver.give({ kind: 'drbd', facts: [drbd(APART)] });
  driver.hear({}, { life: 'started', epoch: 1 }, { role: 'Primary', connection: 'WFConnection' });
  golden(t, 'why-behind', driver.operator({ kind: 'standby', node: 'n1' }));
  t.end();
});

t.test('why: a start failed here, and nothing is left', (t) => {
  const driver = new Driver().probed().hear().hearGrant().done('failed', 'failed');
  while (driver.group.action !== null) driver.done();
  golden(t, 'why-barred', driver.hear({ mode: 'standby' }, { barred: true }).pass(100));
  t.end();
});

t.test('why: what was saved, as sentences', (t) => {
  const text = JSON.stringify({
    generation: 3,
    peers: {},
    epochs: {},
    behind: { r0: 'n2' },
    ahead: ['r1'],
    orders: [
      { key: 'mode.n1', value: 'standby', version: 2, origin: 'n2' },
      { key: 'mode.n2', value: 'online', version: 2, origin: 'n2' },
      { key: 'move.mysql', value: '-', version: 2, origin: 'n2' },
      { key: 'move.shop.db', value: 'n2', version: 2, origin: 'n1' },
    ],
  });
  const [behind, ahead, ...orders] = savedSentences(text, '/s');
  t.match(behind, /r0 here lacks writes that n2 has/);
  t.match(ahead, /wrote DRBD resource r1 alone/);
  t.strictSame(orders, [
    'n1 was put into standby by an order given on n2',
    'shop.db was ordered to n2 on n1',
  ]);
  t.match(savedSentences('{"generation":1,"orders":[]}', '/s'), [/nothing was in the way/]);
  for (const bad of ['', 'null', '{}', '[1', '{"generation":"1","orders":[]}']) {
    t.strictSame(savedSentences(bad, '/s'), ['/s is damaged: it is no saved state of tandemd']);
  }
  t.end();
});

t.test('why: asked by name', { skip: notBuilt }, async (t) => {
  const driver = new Driver().running().hear();
  const answer = explain(driver.state, driver.nowMs);
  const { socket } = await fakeControl(t, {
    instead: (request, response) => {
      if (request.url !== '/v1/why') return false;
      response.end(JSON.stringify(answer));
      return true;
    },
  });
  const run = (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['why', ...args, '--socket', socket]);
  t.match(await run(), { code: 0, out: /^mysql is started on n1: / });
  t.match(await run('mysql'), { code: 0, out: /Nodes\n {4}n1 {2}runs\n/ });
  t.match(await run('n2'), { code: 0, out: /^n2 is up: heard\n/ });
  const json = JSON.parse((await run('n2', '--json')).out) as unknown;
  t.match(json, { schema: 'tandem.why/1', self: 'n1', groups: [], nodes: [{ name: 'n2' }] });
  t.match(await run('mysq'), { code: EXIT.noSuch, err: /no group or node "mysq" \(did you mean mysql\?\)/ });
  t.match(await run('qqqq'), { code: EXIT.noSuch, err: /\(there is: mysql, n1, n2\)/ });
  t.match(await run(''), { code: EXIT.usage, err: /the name is empty/ });
});

t.test('why: without the daemon', { skip: notBuilt }, async (t) => {
  const { folder } = await fakeControl(t);
  const path = join(folder, 'state.json');
  const run = (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['why', ...args, '--socket', join(folder, 'none'), '--state-file', path]);
  t.match(await run(), { code: EXIT.daemonDown, out: /^UNKNOWN: tandemd is not running/ });
  t.match((await run()).out, /is not there: tandemd never ran here/);
  writeFileSync(path, '{"generation":3,"orders":[],"ahead":["r0"]}');
  t.match(await run(), { code: EXIT.daemonDown, out: /wrote DRBD resource r0 alone/ });
  const json = JSON.parse((await run('mysql', '--json')).out) as unknown;
  t.match(json, { daemon: { running: false }, saved: [/alone/], groups: [] });
});
