import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import * as command from '../../src/drbd/command.js';
import type { DrbdCommand } from '../../src/drbd/command.js';
import { explainExit } from '../../src/drbd/outcome.js';
import { REFUSALS } from '../../src/drbd/refusals.js';
import { CONNECTION_WORDS, DISK_WORDS } from '../../src/drbd/words.js';
import { readSample, skipWithoutSamples } from './samples.js';

t.test('command: argument vectors as drbd-utils 9.22 takes them', (t) => {
  const table: readonly (readonly [DrbdCommand, string])[] = [
    [command.promote('r0'), 'drbdadm primary r0'],
    [command.promote('r0', { force: true }), 'drbdadm primary --force r0'],
    [command.demote('r0'), 'drbdadm secondary r0'],
    [command.promoteMinor(0), 'drbdsetup primary 0'],
    [command.demoteMinor(12), 'drbdsetup secondary 12'],
    [command.connect('r0'), 'drbdadm connect r0'],
    [command.connect('r0', { discardMyData: true }), 'drbdadm connect --discard-my-data r0'],
    [command.disconnect('r0'), 'drbdadm disconnect r0'],
    [command.disconnect('r0', { force: true }), 'drbdadm disconnect --force r0'],
    [
      command.disconnectAddresses('ipv4:10.9.1.1:7789', 'ipv4:10.9.1.2:7789', { force: true }),
      'drbdsetup disconnect ipv4:10.9.1.1:7789 ipv4:10.9.1.2:7789 --force',
    ],
    [command.up('r0'), 'drbdadm up r0'],
    [command.down('r0'), 'drbdadm down r0'],
    [command.adjust('r0'), 'drbdadm adjust r0'],
    [command.attach('r0'), 'drbdadm attach r0'],
    [command.detach('r0'), 'drbdadm detach r0'],
    [command.outdate('r0'), 'drbdadm outdate r0'],
    [command.invalidate('r0'), 'drbdadm invalidate r0'],
    [command.verify('r0'), 'drbdadm verify r0'],
    [command.dumpXml('r0'), 'drbdadm dump-xml r0'],
    [command.listMinors('r0'), 'drbdadm sh-minor r0'],
    [command.listDevices('r0'), 'drbdadm sh-dev r0'],
    [command.listResources(), 'drbdadm sh-resources'],
    [command.getGenerations('r0'), 'drbdadm get-gi r0'],
    [command.showGenerations('r0'), 'drbdadm show-gi r0'],
    [command.watchEvents(), 'drbdsetup events2 --timestamps --statistics all'],
    [command.listEvents(), 'drbdsetup events2 --now --statistics all'],
    [command.statusJson(), 'drbdsetup status --json'],
    [
      command.waitConnect(0, 5),
      'drbdsetup wait-connect 0 --wfc-timeout=5 --degr-wfc-timeout=5 --outdated-wfc-timeout=5',
    ],
    [
      command.waitSync(1, 60),
      'drbdsetup wait-sync 1 --wfc-timeout=60 --degr-wfc-timeout=60 --outdated-wfc-timeout=60',
    ],
  ];
  for (const [built, expected] of table) {
    t.equal(built.argv.join(' '), expected);
    t.equal(built.timeoutMs === null, built.kind === 'watchEvents', `${expected} has a limit`);
  }
  t.equal(command.waitConnect(0, 5).timeoutMs, 7_000, 'our limit is above its own');
  t.end();
});

t.test('command: nothing but a resource name is handed on', (t) => {
  for (const name of ['--force', '-f', 'all', '', 'a b', 'r0;ls', 'r0/0', 'x'.repeat(129), 'é']) {
    t.equal(command.isResourceName(name), false, JSON.stringify(name.slice(0, 12)));
    t.throws(() => command.promote(name));
  }
  for (const name of ['r0', 'mysql', 'pvc-0a2826c9-7108', 'a.b_c+d']) {
    t.equal(command.isResourceName(name), true, name);
  }
  t.throws(() => command.waitConnect(0, 0), 'a limit of 0 would be none');
  t.throws(() => command.promoteMinor(-1));
  t.throws(() => command.disconnectAddresses('--force', 'ipv4:10.9.1.2:7789'));
  t.end();
});

const failed = (number: number, text = 'words'): string =>
  `0: ${number < 0 ? 'State change failed' : 'Failure'}: (${number}) ${text}\n`;

t.test('outcome: each refusal by its number', (t) => {
  const table: readonly (readonly [DrbdCommand, number, string, string, 'soon' | 'never'])[] = [
    [command.promote('r0'), 17, failed(-2), 'needUpToDateData', 'never'],
    [command.promote('r0'), 11, failed(-1), 'multiplePrimaries', 'soon'],
    [command.promote('r0'), 11, failed(-20), 'multiplePrimaries', 'soon'],
    [command.promote('r0'), 11, failed(-7), 'peerNotOutdated', 'never'],
    [command.demote('r0'), 11, failed(-12), 'heldOpen', 'soon'],
    [command.promote('r0'), 11, failed(-18), 'transient', 'soon'],
    [command.promote('r0'), 11, failed(-19), 'transient', 'soon'],
    [command.promote('r0'), 11, failed(-23), 'transient', 'soon'],
    [command.promote('r0'), 11, failed(-10), 'refusedByPeer', 'soon'],
    [command.promote('r0'), 11, failed(-25), 'noQuorum', 'never'],
    [command.outdate('r0'), 11, failed(-6), 'connectedOutdate', 'never'],
    [command.invalidate('r0'), 16, failed(-4), 'noLocalDisk', 'never'],
    [command.verify('r0'), 11, failed(-14), 'noVerifyAlgorithm', 'never'],
    [command.verify('r0'), 11, failed(-15), 'needConnection', 'never'],
    [command.connect('r0'), 10, failed(123), 'discardOnPrimary', 'never'],
    [command.connect('r0'), 10, failed(125), 'alreadyConnected', 'never'],
    [command.promote('r0'), 10, failed(127), 'minorMissing', 'never'],
    [command.promote('r0'), 10, failed(158), 'resourceMissing', 'never'],
    [command.attach('r0'), 10, failed(119), 'metaDataMissing', 'never'],
    [command.attach('r0'), 10, failed(165), 'metaDataUnclean', 'never'],
    [command.attach('r0'), 10, failed(114), 'diskInUse', 'never'],
    [command.attach('r0'), 10, failed(150), 'wrongDisk', 'never'],
    [command.promote('r0'), 10, failed(162), 'invalidRequest', 'never'],
    [command.promote('r0'), 10, failed(152), 'permission', 'never'],
    [command.promote('r0'), 10, failed(199), 'other', 'never'],
    [command.promote('r0'), 17, '', 'needUpToDateData', 'never'],
    [
      command.promote('r0'),
      1,
      "'r0' not defined in your config (for this host).\n",
      'notConfigured',
      'never',
    ],
    [command.promote('r0'), 20, 'Command did not terminate within 5 seconds\n', 'timeout', 'never'],
    [
      command.promote('r0'),
      20,
      "Could not connect to 'drbd' generic netlink family\n",
      'moduleMissing',
      'never',
    ],
    [command.watchEvents(), 121, '', 'moduleMissing', 'never'],
    [command.promote('r0'), 127, '', 'toolsMissing', 'never'],
    [command.promote('r0'), 10, 'r0.conf:6: Parse error\n', 'badConfiguration', 'never'],
    [command.waitConnect(0, 5), 5, '', 'timeout', 'never'],
    [command.promote('r0'), 42, 'assertion\n', 'other', 'never'],
  ];
  for (const [asked, exitCode, stderr, name, retry] of table) {
    const outcome = explainExit(asked, exitCode, stderr);
    t.match(
      outcome,
      { kind: 'refused', name, retry },
      `${asked.argv[1] ?? ''} ${exitCode} ${stderr}`,
    );
    if (outcome.kind !== 'refused') continue;
    t.ok(outcome.cause.length > 10 && outcome.cure.length > 5, 'in words');
    t.notMatch(`${outcome.cause}${outcome.cure}`, /\.$/);
  }
  t.match(explainExit(command.promote('r0'), null, ''), { name: 'timeout', number: null });
  t.end();
});

t.test('outcome: a wish that was fulfilled before is no failure', (t) => {
  const done: readonly (readonly [DrbdCommand, number, string])[] = [
    [command.promote('r0'), 0, 'a warning\n'],
    [command.disconnect('r0'), 11, failed(-9)],
    [
      command.disconnect('r0'),
      10,
      `${failed(162)}additional info from kernel:\nunknown connection\n`,
    ],
    [command.disconnect('r0'), 10, failed(158)],
    [command.down('r0'), 10, failed(158)],
    [command.attach('r0'), 10, failed(124)],
    [command.detach('r0'), 10, failed(138)],
    [command.outdate('r0'), 5, failed(-16)],
    [command.outdate('r0'), 5, ''],
  ];
  for (const [asked, exitCode, stderr] of done) {
    t.equal(explainExit(asked, exitCode, stderr).kind, 'ok', `${asked.kind} ${exitCode} ${stderr}`);
  }
  t.equal(explainExit(command.disconnect('r0'), 10, failed(162)).kind, 'refused', 'another 162');
  t.end();
});

t.test('outcome: of several volumes the refusal that a retry cannot cure counts', (t) => {
  const twice = explainExit(command.promote('r0'), 17, `${failed(-18)}${failed(-2)}`);
  t.match(twice, { name: 'needUpToDateData', number: -2, retry: 'never' });
  const one = explainExit(command.disconnect('r0'), 11, `${failed(-9)}${failed(-18)}`);
  t.match(one, { kind: 'refused', name: 'transient' });
  t.end();
});

t.test('outcome: who holds the device open (all three shapes of DRBD 9)', (t) => {
  const shapes = [
    '/dev/drbd1 opened by mariadbd (pid 4711) at 2026-06-30 21:15:38.690',
    'drbd1 opened by a (b) c (pid 4711) at 2026-06-30 21:15:38.690',
    '/dev/drbd1 open_ro_cnt:0, open_rw_cnt:2; list of openers\ndrbd1 opened by x (pid 4711)',
  ];
  for (const shape of shapes) {
    const stderr = `${failed(-12)}additional info from kernel:\n${shape}\n`;
    const outcome = explainExit(command.demote('r0'), 11, stderr);
    t.match(outcome, {
      name: 'heldOpen',
      number: -12,
      openers: [{ pid: 4711 }],
      cause: /pid 4711/,
    });
  }
  const flood = 'drbd1 opened by x (pid 1)\n'.repeat(100_000);
  const flooded = explainExit(command.demote('r0'), 11, `${failed(-12)}${flood}`);
  t.equal(flooded.kind === 'refused' ? flooded.openers.length : -1, 20, 'the list is bounded');
  t.end();
});

t.test('outcome: real messages', { skip: skipWithoutSamples }, (t) => {
  const [unknown = '', fencing = '', data = '', held = ''] = readSample(
    'userland/drbdadm-errors.txt',
  ).split('--\n');
  t.equal(explainExit(command.disconnect('r0'), 10, unknown).kind, 'ok');
  t.match(explainExit(command.promote('r0'), 11, fencing), { name: 'peerNotOutdated', number: -7 });
  t.match(explainExit(command.promote('r0'), 17, data), { name: 'needUpToDateData', number: -2 });
  t.match(explainExit(command.demote('r0'), 11, held), {
    name: 'heldOpen',
    openers: [
      { command: 'python', pid: 483388 },
      { command: 'python', pid: 482584 },
    ],
  });
  t.end();
});

t.test('outcome: a number belongs to one refusal only', (t) => {
  const numbers = Object.values(REFUSALS).flatMap((entry) => entry.numbers);
  t.equal(new Set(numbers).size, numbers.length);
  t.end();
});

t.test('outcome: the guide for operators tells every refusal and every state', (t) => {
  const guide = readFileSync(join(root(), 'docs/drbd.md'), 'utf8');
  for (const [name, { numbers, cause, cure }] of Object.entries(REFUSALS)) {
    const row = `| \`${name}\` | ${numbers.join(' ')} | ${cause} | ${cure} |`;
    t.ok(guide.includes(row), `docs/drbd.md has: ${row}`);
  }
  const old: readonly string[] = ['SkippedSyncS', 'SkippedSyncT', 'DiskLessClient', 'ServerForDLess', 'Off'];
  const words = [...CONNECTION_WORDS.filter((word) => !old.includes(word)), ...DISK_WORDS];
  for (const word of words) t.ok(guide.includes(`\`${word}\``), `docs/drbd.md tells of ${word}`);
  t.end();
});

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
