/** The two things that must be exact on the way to a takeover: the power device and the state file. */
import { chmodSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FenceDevice } from '../../src/config/config.js';
import { levelsOf, testFenceDevices, useFenceDevice } from '../../src/daemon/fence-agent.js';
import { judgeLevel, type FenceResult } from '../../src/failover/fence-levels.js';
import { StateFile } from '../../src/daemon/state-file.js';
import { NOTHING_SAVED } from '../../src/failover/state.js';
import { folder, script, soon, textOf } from '../support/temporary.js';

interface Bench {
  readonly path: string;
  readonly device: (body: string, change?: Partial<FenceDevice>) => FenceDevice;
  readonly use: (
    step: 'status' | 'shoot',
    devices: readonly FenceDevice[],
    attempt?: number,
  ) => Promise<FenceResult>;
  readonly warnings: string[];
  /** What the agent read and said of itself, one line a run. */
  readonly runs: () => readonly string[];
}

/** An agent that notes its input, its command line and its environment before it does `body`. */
function bench(t: Test): Bench {
  const path = folder(t);
  const notes = join(path, 'notes');
  const warnings: string[] = [];
  let agents = 0;
  const note =
    `input=$(cat); printf '%s' "$input" | tr '\\n' '|' >>${notes}; echo >>${notes}\n` +
    `tr '\\0' ' ' </proc/$$/cmdline >>${path}/public; env >>${path}/public\n` +
    'action=$(printf "%s" "$input" | sed -n "s/^action=//p" | tail -n 1)';
  return {
    path,
    warnings,
    device: (body, change = {}) => {
      agents += 1;
      const agent = script(join(path, `fence_${String(agents)}`), `${note}\n${body}`);
      return { agent, params: {}, paramFiles: {}, timeoutMs: 20_000, ...change };
    },
    use: async (step, devices, attempt = 0) =>
      useFenceDevice(
        { kind: 'fence', fenceId: 'f-1', node: 'n2', step, attempt },
        devices,
        { warn: (sentence) => void warnings.push(sentence), untilQuiet: async () => Promise.resolve() },
      ),
    runs: () => textOf(notes).split('\n').slice(0, -1),
  };
}

t.test('fence: standard input is the whole message and the action comes last', async (t) => {
  const { path, device, use, runs } = bench(t);
  writeFileSync(join(path, 'password'), ' se"cret \n');
  const result = await use('status', [
    device('exit 0', {
      params: { ip: '10.9.9.12', username: 'admin', plug: '3', quoted: '"x"', inner: 'a b=c' },
      paramFiles: { password: join(path, 'password') },
    }),
  ]);
  t.match(result, { fenceId: 'f-1', outcome: 'on', reason: /fence_1 status says it is on$/ });
  const params = 'ip=10.9.9.12|username=admin|plug=3|quoted=""x""|inner=a b=c';
  t.strictSame(runs(), [`${params}|password=" se"cret "|action=status`]);
  const seen = textOf(join(path, 'public'));
  t.match(seen, 'fence_1');
  t.notMatch(seen, /cret/, 'neither arguments nor environment hold the secret');
});

t.test('fence: what an exit code proves (status, shoot)', async (t) => {
  const { device, use } = bench(t);
  const rows = [
    ['status', 'exit 0', 'on', /says it is on$/],
    ['status', 'exit 2', 'off', /says it is off already$/],
    ['status', 'echo no route >&2; exit 1', 'failed', /failed with exit code 1: no route$/],
    ['shoot', 'exit 0', 'off', /off succeeded$/],
    ['shoot', 'exit 2', 'failed', /failed with exit code 2$/],
    ['shoot', 'echo a; echo b; exit 1', 'failed', /exit code 1: a \| b$/],
    ['shoot', 'kill -KILL $$', 'failed', /exit code none$/],
  ] as const;
  for (const [step, body, outcome, reason] of rows) {
    t.match(await use(step, [device(body)]), { outcome, reason }, `${step}: ${body}`);
  }
});

t.test('fence: an agent that hangs has proved nothing, not even when it obeys in the end', async (t) => {
  const { device, use } = bench(t);
  const rows = [
    ['shoot', "trap 'exit 0' TERM; while :; do sleep 0.01; done"],
    ['status', "trap 'exit 2' TERM; while :; do sleep 0.01; done"],
  ] as const;
  for (const [step, body] of rows) {
    const result = await use(step, [device(body, { timeoutMs: 200 })]);
    t.match(result, { outcome: 'failed', reason: /did not answer within 200 ms$/ });
  }
});

t.test('fence: after a shot the node is switched on, and a failure of that is a warning', async (t) => {
  const { device, use, runs, warnings } = bench(t);
  t.match(await use('shoot', [device('exit 0')]), { outcome: 'off' });
  await soon('the second run', () => runs().length === 2);
  t.strictSame(runs(), ['action=off', 'action=on']);
  const stubborn = device('test "$action" = off');
  t.match(await use('shoot', [stubborn]), { outcome: 'off' });
  await soon('the warning', () => warnings.length > 0);
  t.match(warnings, [/^n2 was not switched on again by .*fence_2: do it by hand$/]);
  t.match(await use('shoot', [device('exit 1')]), { outcome: 'failed' });
  t.equal(runs().filter((line) => line === 'action=on').length, 2, 'never after a shot that failed');
});

t.test('fence: no agent runs without its input: its default is a reboot', async (t) => {
  const { path, device, use, runs, warnings } = bench(t);
  const secret = join(path, 'password');
  writeFileSync(secret, 'x\n');
  const forgets = device(`rm ${secret}; exit 0`, { paramFiles: { password: secret } });
  t.match(await use('shoot', [forgets]), { outcome: 'off' });
  await soon('the warning', () => warnings.length > 0);
  t.equal(runs().length, 1);
});

t.test('fence: what is wrong before the agent runs is told, without the secret', async (t) => {
  const { path, device, use, runs } = bench(t);
  writeFileSync(join(path, 'two-lines'), 'secret\naction=on\n');
  writeFileSync(join(path, 'plain'), '#!/bin/sh\n');
  const rows = [
    [[], /^n2 has no fence device$/],
    [[device('', { agent: 'fence_absent' })], /^fence agent fence_absent is not an executable file in \/usr\/sbin, /],
    [[device('', { agent: join(path, 'plain') })], /plain is not an executable file$/],
    [[device('', { agent: path })], /is not an executable file$/],
    [[device('', { paramFiles: { password: join(path, 'absent') } })], /^the file for "password" of .* cannot be read: ENOENT/],
    [[device('', { paramFiles: { password: join(path, 'two-lines') } })], /^the value of "password" of .* has more than one line$/],
    [[device('', { params: { ip: '1\naction=on' } })], /^the value of "ip" of .* has more than one line$/],
  ] as const;
  for (const [devices, reason] of rows) {
    const result = await use('shoot', devices);
    t.match(result, { outcome: 'failed', reason });
    t.notMatch(result.reason, /secret/);
  }
  t.strictSame(runs(), []);
});

t.test('fence: each attempt takes the next device, then the first again', async (t) => {
  const { device, use } = bench(t);
  const devices = [device('exit 1'), device('exit 0')];
  const outcomes = [];
  for (const attempt of [0, 1, 2, 3]) outcomes.push((await use('shoot', devices, attempt)).outcome);
  t.strictSame(outcomes, ['failed', 'off', 'failed', 'off']);
});

t.test('fence: the devices of a level are used together, and all must succeed', async (t) => {
  const { device, use, runs, warnings } = bench(t);
  const works = device('exit 0', { level: 1, params: { plug: 'a' } });
  const fails = device('test "$action" != off', { level: 1, params: { plug: 'b' } });
  const spare = device('exit 0', { level: 2, params: { plug: 'c' } });
  const devices = [works, fails, spare];
  t.match(await use('shoot', devices, 0), {
    outcome: 'failed',
    reason: /^not all devices of the level succeeded: .*fence_1 off succeeded; .*fence_2 off failed/,
  });
  // Two agents write into one file at once: their lines may run together.
  const noted = runs().join('').match(/plug=[a-c]\|action=(?:off|on)/g) ?? [];
  t.strictSame(noted.toSorted(), ['plug=a|action=off', 'plug=a|action=on', 'plug=b|action=off'],
    'the supply that was cut is back before the next attempt');
  t.match(await use('shoot', devices, 1), { outcome: 'off', reason: /fence_3 off succeeded$/ });
  t.match(await use('shoot', devices, 2), { outcome: 'failed' }, 'and from the first level again');
  t.same(warnings, []);
  const both = [works, { ...spare, level: 1 }];
  t.match(await use('shoot', both), { outcome: 'off', reason: /fence_1 off succeeded; .*fence_3 off succeeded/ });
});

t.test('fence: what the answers of a level prove together', (t) => {
  const words = { o: 'off', n: 'on', f: 'failed' } as const;
  const judged = (step: 'status' | 'shoot', letters: string): string =>
    judgeLevel(
      { fenceId: 'f-1', step },
      Array.from(letters, (letter) => ({
        fenceId: 'f-1', outcome: words[letter as keyof typeof words], reason: letter,
      })),
    ).outcome;
  for (const [letters, asked, shot] of [
    ['o', 'off', 'off'], ['n', 'on', 'failed'], ['f', 'failed', 'failed'], ['', 'failed', 'failed'],
    ['oo', 'off', 'off'], ['on', 'on', 'failed'], ['of', 'failed', 'failed'],
    ['nf', 'on', 'failed'], ['fo', 'failed', 'failed'], ['ooo', 'off', 'off'], ['oof', 'failed', 'failed'],
  ] as const) {
    t.equal(judged('status', letters), asked, `status ${letters}`);
    t.equal(judged('shoot', letters), shot, `shoot ${letters}`);
  }
  const device = (level?: number): FenceDevice => ({
    agent: 'a', params: {}, paramFiles: {}, timeoutMs: 1, ...(level === undefined ? {} : { level }),
  });
  t.same(levelsOf([device(), device()]).map((level) => level.length), [1, 1], 'without levels: one each');
  t.same(levelsOf([device(1), device(1), device(3)]).map((level) => level.length), [2, 1]);
  t.end();
});

t.test('fence: a device with reboot off leaves the node off', async (t) => {
  const { device, use, runs } = bench(t);
  t.match(await use('shoot', [device('exit 0', { reboot: false })]), { outcome: 'off' });
  t.match(await use('status', [device('exit 2')]), { outcome: 'off' });
  t.strictSame(runs(), ['action=off', 'action=status']);
});

// --- the state file ------------------------------------------------------------------------------

const FACTS = {
  generation: 7,
  peers: { n2: 5 },
  epochs: { mysql: 3 },
  orders: [{ key: 'mode.n1', value: 'standby', version: 2, origin: 'n2' }],
  behind: { r0: 'n2' },
};

t.test('state file: a first start, the next one, and a clock that lifts the generation', async (t) => {
  const path = join(folder(t), 'a', 'b');
  t.match(new StateFile(path).begin(100), { ok: true, value: { saved: NOTHING_SAVED, generation: 100 } });
  t.match(new StateFile(path).begin(50), { ok: true, value: { generation: 101 } }, 'a clock set back');
  t.match(new StateFile(path).begin(900), { ok: true, value: { generation: 900 } });
  const file = new StateFile(path);
  writeFileSync(`${file.path}.new`, '{"half":');
  file.save(FACTS, (sentence) => void t.fail(sentence));
  await file.settled();
  t.match(new StateFile(path).begin(0), { ok: true, value: { saved: FACTS, generation: 8 } });
  t.strictSame(readdirSync(path), ['state.json']);
});

t.test('state file: a damaged one is never replaced', (t) => {
  const path = folder(t);
  const file = new StateFile(path);
  const rows = [
    '', '{"generation":1', 'null', '[]', '{}',
    JSON.stringify({ ...FACTS, generation: -1 }),
    JSON.stringify({ ...FACTS, generation: '7' }),
    JSON.stringify({ ...FACTS, peers: { n2: 1.5 } }),
    JSON.stringify({ ...FACTS, orders: [{ key: 'x' }] }),
  ];
  for (const text of rows) {
    writeFileSync(file.path, text);
    const result = file.begin(100);
    t.match(result, { ok: false, error: /state\.json is damaged; move it away/ }, text);
    t.equal(readFileSync(file.path, 'utf8'), text);
  }
  t.end();
});

t.test('state file: a folder that cannot be used is an error, later a complaint', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'file'), '');
  t.match(new StateFile(join(path, 'file', 'x')).begin(1), { ok: false, error: /cannot be used: / });
  symlinkSync('/dev/full', join(path, 'state.json.new'));
  t.match(new StateFile(path).begin(1), { ok: false, error: /cannot be used: ENOSPC/ }, 'a full disk');
  t.notOk(readdirSync(path).includes('state.json'));
  const file = new StateFile(path);
  const complaints: string[] = [];
  file.save(FACTS, (sentence) => void complaints.push(sentence));
  await file.settled();
  t.match(complaints, [/state\.json cannot be written: ENOSPC/]);
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0o500);
    t.match(new StateFile(path).begin(1), { ok: false, error: /EACCES/ });
  }
});

t.test('state file: whole at every moment, and of many saves the last one counts', async (t) => {
  const path = folder(t);
  const file = new StateFile(path);
  file.begin(1);
  const seen = new Set<number>();
  const pad = 'x'.repeat(200_000);
  let done = false;
  const writing = (async () => {
    for (let generation = 2; generation <= 60; generation += 1) {
      file.save({ ...FACTS, generation, behind: { r0: pad } }, (sentence) => {
        t.fail(sentence);
      });
      if (generation % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await file.settled();
    done = true;
  })();
  await soon('the last save', () => {
    seen.add((JSON.parse(readFileSync(file.path, 'utf8')) as { generation: number }).generation);
    return done;
  });
  await writing;
  t.equal([...seen].at(-1), 60);
  t.strictSame([...seen], [...seen].sort((a, b) => a - b), 'never an older one after a newer one');
});

t.test('fence: a test asks every device of every level for its state, and switches nothing', async (t) => {
  const { device, runs } = bench(t);
  let nowMs = 0;
  const devices = [
    device('exit 0', { params: { ip: '10.9.9.1', plug: '3', password: 'secret' } }),
    device('echo no route >&2; exit 1'),
    device('exit 2'),
  ];
  const answers = await testFenceDevices(devices, () => (nowMs += 5));
  t.match(answers, [
    { level: 1, device: /fence_1 10\.9\.9\.1 plug 3$/, outcome: 'on' },
    { level: 2, outcome: 'failed', reason: /failed with exit code 1: no route/ },
    { level: 3, outcome: 'off' },
  ]);
  t.ok(answers.every(({ tookMs }) => tookMs > 0));
  t.notMatch(JSON.stringify(answers), /secret/);
  t.strictSame(runs().join('').match(/action=(?:status|off|on)/g), Array(3).fill('action=status'));
});
