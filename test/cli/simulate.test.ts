/** `tandem simulate`: what it foretells is what the world then does; bad words are named. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { withoutSecrets, type StateDump } from '../../src/base/dump.js';
import { EXIT } from '../../src/base/exit-codes.js';
import { knownState } from '../../src/cli/dump-file.js';
import { renderForecast } from '../../src/cli/render-forecast.js';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { forecast, type Injection } from '../../src/sim/forecast.js';
import { databaseGroup, LAN_REPLICA, QUICK_AGENTS } from '../../src/sim/household.js';
import { GOOD_LAN } from '../../src/sim/network.js';
import { World } from '../../src/sim/world.js';
import { fakeControl } from './fake-control.js';
import { notBuilt, tandem } from './run-tandem.js';

/** Two nodes, mysql on n1, moved to n2 and back once, so that times were measured. */
function settledWorld(fenceable: readonly string[] = ['n1', 'n2']): World {
  const world = new World({
    seed: 5,
    nodes: ['n1', 'n2'],
    groups: [databaseGroup('mysql', ['n1', 'n2'])],
    heartbeat: { keepaliveMs: 200, warntimeMs: 800, deadtimeMs: 1_500, initdeadMs: 5_000 },
    fenceable,
    media: ['bcast eth0', 'serial /dev/ttyS1'].map((name) => ({ name, quality: GOOD_LAN })),
    powerTiming: { statusMs: 50, offMs: 400, timeoutMs: 20_000, onAgainMs: null },
    agentTiming: QUICK_AGENTS,
    replicaTiming: LAN_REPLICA,
    bootDisk: 'UpToDate',
    bootMs: 1_000,
    writeEveryMs: 1_000,
    brain: { initialState, step },
  });
  for (const machine of Object.values(world.machines)) machine.restorePower();
  world.run(20_000);
  for (const to of ['n2', 'n1']) {
    world.operator('n1', { kind: 'move', group: 'mysql', to });
    world.run(world.nowMs + 10_000);
  }
  return world;
}

function dumpOf(world: World, node: string): StateDump {
  const machine = world.machine(node);
  return {
    schema: 'tandem.dump/1',
    savedAt: '2026-01-31T03:12:09.000Z',
    nowMs: machine.localMs,
    links: world.network.media.map((medium) => medium.name),
    state: withoutSecrets(machine.state),
  };
}

const SITUATIONS: Readonly<Record<string, readonly Injection[]>> = {
  'node-fails': [{ kind: 'nodeFails', node: 'n1' }],
  move: [
    {
      kind: 'operator',
      request: { kind: 'move', group: 'mysql', to: null },
      words: 'move mysql',
    },
  ],
  'link-fails': [{ kind: 'linkFails', link: 'bcast eth0' }],
  'all-links-fail': [
    { kind: 'linkFails', link: 'bcast eth0' },
    { kind: 'linkFails', link: 'serial /dev/ttyS1' },
  ],
  'resource-fails': [{ kind: 'resourceFails', group: 'mysql', index: 3 }],
  disable: [
    {
      kind: 'operator',
      request: { kind: 'disable', group: 'mysql', by: 'kim', reason: null, forMs: null },
      words: 'disable mysql',
    },
  ],
  'fence-fails': [
    { kind: 'nodeFails', node: 'n1' },
    { kind: 'fencingFails', node: 'n1' },
  ],
};

function golden(t: Test, name: string, text: string): void {
  const path = fileURLToPath(new URL(`golden/simulate-${name}.txt`, import.meta.url));
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(path, text);
  t.ok(existsSync(path), `${name} has a golden file`);
  t.equal(text, readFileSync(path, 'utf8'), name);
  t.strictSame(text.split('\n').filter((line) => line.length > 80), [], 'fits into 80 columns');
}

t.test('simulate: what would happen, in every situation', (t) => {
  const known = knownState(dumpOf(settledWorld(), 'n2'), 'the dump');
  const before = JSON.stringify(known);
  for (const [name, injections] of Object.entries(SITUATIONS)) {
    const foretold = forecast(known, injections);
    const from = { forecast: foretold, self: 'n2', savedAt: known.savedAt };
    golden(t, name, renderForecast(from, { colour: false, columns: 80 }));
  }
  t.equal(JSON.stringify(known), before, 'the state that it began with is left alone');
  t.end();
});

t.test('simulate: the world then does what was foretold', (t) => {
  for (const asked of ['n1', 'n2']) {
    const world = settledWorld();
    const known = knownState(dumpOf(world, asked), 'the dump');
    const foretold = forecast(known, [{ kind: 'nodeFails', node: 'n1' }]);
    const said: string[] = [];
    world.observe((seen) => {
      if (seen.kind !== 'turned') return;
      for (const effect of seen.effects) if (effect.kind === 'log') said.push(effect.sentence);
    });
    world.machine('n1').cutPower();
    world.run(world.nowMs + 30_000);
    const words = (sentence: string): string => sentence.replace(/[\d.]+ m?s/g, 'TIME');
    t.strictSame(
      foretold.lines.filter((line) => line.kind === 'decision').map((line) => words(line.sentence)),
      said.map(words),
      `the sentences, foretold from ${asked}`,
    );
    t.match(foretold.groups, [{ name: 'mysql', node: 'n2', state: 'started' }]);
    t.ok(world.machine('n2').agents.isServing('mysql'));
  }
  t.end();
});

t.test('simulate: where nothing was measured the time-outs are said', (t) => {
  const world = settledWorld();
  const dump = dumpOf(world, 'n2');
  const state = { ...(dump.state as object), history: [] };
  const foretold = forecast(knownState({ ...dump, state }, 'it'), SITUATIONS['all-links-fail'] ?? []);
  t.match(foretold.times, [{ phase: 'fencing', ms: 60_000, basis: 'timeout', samples: 0 }]);
  t.match(foretold.groups, [{ node: 'n1', outageMs: 0 }], 'the holder shoots first all the same');
  t.end();
});

t.test('simulate: no secret leaves the daemon with its state', (t) => {
  const device = { agent: 'fence_x', params: { passwd: 'SECRET' }, timeoutMs: 9_000 };
  const spec = { keyring: { keys: ['SECRET'] }, fencing: { n1: [[device]] } };
  const copy = withoutSecrets({ spec });
  t.notMatch(JSON.stringify(copy), /SECRET/);
  t.strictSame(copy, { spec: { fencing: { n1: [[{ agent: 'fence_x', timeoutMs: 9_000 }]] } } });
  t.end();
});

t.test('simulate: from a file, with every mistake', { skip: notBuilt }, async (t) => {
  const dump = dumpOf(settledWorld(), 'n2');
  const { socket, folder } = await fakeControl(t, {
    instead: (request, response) => {
      if (request.url !== '/v1/dump') return false;
      response.end(JSON.stringify(dump));
      return true;
    },
  });
  const file = join(folder, 'saved.json');
  const live = (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['simulate', ...args, '--socket', socket]);
  const saved = (...args: string[]): ReturnType<typeof tandem> =>
    tandem(['simulate', ...args, '--state', file]);
  t.strictSame(await live('--save', file), { code: 0, out: '', err: '' });
  t.equal(statSync(file).mode & 0o777, 0o600);
  const fromFile = await saved('--node-fail', 'n1');
  t.match(fromFile, { code: 0, out: /mysql runs on n2, after an outage of \d/ });
  t.strictSame(await live('--node-fail', 'n1'), fromFile, 'live or saved: the same');
  const json = JSON.parse((await saved('--operator', 'move mysql --to n2', '--json')).out) as unknown;
  t.match(json, { schema: 'tandem.simulation/1', self: 'n2', groups: [{ node: 'n2' }] });

  const mistakes: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], EXIT.usage, /Nothing is to happen: say what/],
    [['--node-fail', 'n3'], EXIT.noSuch, /no node "n3" \(did you mean n\d\?\)/],
    [['--link-fail', 'bcast eth1'], EXIT.noSuch, /no link "bcast eth1" \(did you mean bcast eth0\?\)/],
    [['--resource-fail', 'mysq'], EXIT.noSuch, /no resource "mysq"/],
    [['--resource-fail', 'drbd:r0'], EXIT.usage, /lives in the kernel .* --link-fail replication/],
    [['--fence-fail', 'x'], EXIT.noSuch, /no node "x" /],
    [['--operator', 'mve mysql'], EXIT.noSuch, /no command "mve" \(did you mean move\?\)/],
    [['--operator', 'move'], EXIT.usage, /"move" needs a group/],
    [['--operator', 'maintenance'], EXIT.usage, /"maintenance" needs on or off/],
    [['--operator', 'freeze mysq'], EXIT.noSuch, /no group "mysq" \(did you mean mysql\?\)/],
    [['--operator', 'move mysql n2 now'], EXIT.usage, /"now" is one word too many/],
    [['--operator', ''], EXIT.noSuch, /no command ""/],
    [['--node-fail', 'n1', '--save', 'x'], EXIT.usage, /use one/],
  ];
  for (const [args, code, err] of mistakes) t.match(await saved(...args), { code, err, out: '' });

  for (const [text, why] of [
    ['', 'empty'],
    ['{"schema":"tandem.dump/1"}', 'cut off'],
    [JSON.stringify({ ...dump, state: { ...(dump.state as object), phase: 'up', spec: {} } }), 'odd'],
  ] as const) {
    writeFileSync(file, text);
    t.match(await saved('--node-fail', 'n1'), { code: EXIT.noInput, err: /is no state that/ }, why);
  }
  t.match(await tandem(['simulate', '--node-fail', 'n1', '--state', `${file}.none`]), {
    code: EXIT.noInput,
    err: /cannot be read/,
  });
});

t.test('simulate: not while something is under way', { skip: notBuilt }, async (t) => {
  const world = settledWorld();
  world.operator('n1', { kind: 'move', group: 'mysql', to: 'n2' });
  world.run(world.nowMs + 100);
  const { folder } = await fakeControl(t);
  const file = join(folder, 'saved.json');
  writeFileSync(file, JSON.stringify(dumpOf(world, 'n1')));
  const ran = await tandem(['simulate', '--node-fail', 'n1', '--state', file]);
  t.match(ran, { code: EXIT.failed, err: /Wait and try again: mysql is stopping on n1/ });
});
