import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/base/exit-codes.js';
import type { Status } from '../../src/base/status.js';
import { fakeControl } from './fake-control.js';
import { noTerminal, notBuilt, tandem, tandemOnTerminal, type RunOptions } from './run-tandem.js';
import { STARTED } from './statuses.js';

/** Some 50 starts of Node: 15 s alone, several times that on a busy host. */
t.setTimeout(180_000);

const built = { skip: notBuilt };
const terminal = { skip: noTerminal };

/** Answers questions from files; each other call takes a line of `exits` (the last one stays). */
const FAKE_DRBDADM = `#!/bin/sh
echo "$*" >> "$FAKE/calls"
case "$1" in
  sh-resources) echo "r0 mysql"; exit 0 ;;
  dump-xml) [ "$2" = r0 ] && exec cat "$FAKE/xml"
    echo "'$2' not defined in your config (for this host)." >&2; exit 1 ;;
esac
set -- $(head -n 1 "$FAKE/exits")
[ "$(wc -l < "$FAKE/exits")" -gt 1 ] && sed -i 1d "$FAKE/exits"
[ "$1" = 0 ] || echo "0: State change failed: ($2) words of the kernel" >&2
[ "$1" = 0 ] && [ -e "$FAKE/proc.next" ] && mv "$FAKE/proc.next" "$FAKE/proc"
exit "$1"
`;

const XML = `<config file="/etc/drbd.conf"><resource name="r0"><host name="${hostname()}">
<volume vnr="0"><device minor="0">/dev/drbd0</device><disk>/dev/vda</disk></volume>
<address family="ipv4" port="7788">10.9.1.11</address></host></resource></config>
`;

const proc = (line: string): string =>
  `version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 059B1B470318F053F5077D5 \n 0: cs:${line}\n`;
const SECONDARY = proc('Connected ro:Secondary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0');
const PRIMARY = proc('Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:0 oos:0');
const ALONE = proc('WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----\n    ns:0 oos:0');
const DIFFERENT = SECONDARY.replace('oos:0', 'oos:8');
const syncing = (percent: number): string =>
  proc(
    'SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n    ns:0 oos:184276\n' +
      `\t[=====>..............] sync'ed: ${percent.toFixed(1)}% (${2_000 * (100 - percent)}/200000)K\n` +
      '\tfinish: 0:01:04 speed: 38,912 (38,912) want: 40,960 K/sec',
  );

interface Machine {
  readonly folder: string;
  /** Runs `tandem drbd ...` with the fake tools. */
  readonly drbd: (words: string, options?: RunOptions) => ReturnType<typeof tandem>;
  readonly onTerminal: (words: string, options?: RunOptions) => ReturnType<typeof tandem>;
  readonly write: (name: string, text: string) => void;
  /** The calls of drbdadm that are no questions. */
  readonly calls: () => readonly string[];
}

/** A machine with resource r0 and neither a daemon nor a configuration of one. */
function machine(t: Test, before: string, after: string | null = null, exits = '0\n'): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('drbdadm', FAKE_DRBDADM);
  chmodSync(join(folder, 'drbdadm'), 0o755);
  write('xml', XML);
  write('exits', exits);
  write('proc', before);
  if (after !== null) write('proc.next', after);
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, FAKE: folder };
  const argv = (words: string): string[] => {
    const [action = '', ...rest] = words.split(' ');
    const fixed = ['--proc-drbd', join(folder, 'proc')];
    const isWatch = action === 'verify' || action === 'wait-sync';
    const config = isWatch || words.includes('--config') ? [] : ['--config', join(folder, 'no')];
    const socket = words.includes('--socket') ? [] : ['--socket', join(folder, 'none')];
    return ['drbd', action, ...rest, ...fixed, ...config, ...socket];
  };
  return {
    folder,
    write,
    drbd: (words, options = {}) => tandem(argv(words), { env, ...options }),
    onTerminal: (words, options = {}) => tandemOnTerminal(argv(words), { env, ...options }),
    calls: () =>
      (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8') : '')
        .split('\n')
        .filter((line) => line !== '' && !/^(dump-xml|sh-)/.test(line)),
  };
}

t.test('drbd: an action is done, was done before, or only planned', built, async (t) => {
  const done = machine(t, SECONDARY, PRIMARY);
  t.match(await done.drbd('promote r0'), {
    code: EXIT.ok,
    out: 'r0 was promoted: it is Primary, UpToDate, Connected\n',
    err: '',
  });
  t.strictSame(done.calls(), ['primary r0']);
  t.match(await done.drbd('promote r0'), { code: EXIT.ok, out: 'r0 is Primary already: nothing to do\n' });
  t.match(await done.drbd('demote r0 --dry-run'), {
    code: EXIT.ok,
    out: 'Dry run: r0 would be demoted by\n  drbdadm secondary r0\n',
  });
  t.strictSame(done.calls(), ['primary r0'], 'nothing more was run');
  const alone = await machine(t, SECONDARY, ALONE).drbd('promote r0');
  t.match(alone, { code: EXIT.ok, err: /^Note: the peer is not connected: make sure/ });
});

t.test('drbd: a refusal has its cause, what to do, and its exit code', built, async (t) => {
  const rows: readonly (readonly [string, string, number, RegExp])[] = [
    ['promote r0', '11 -1', EXIT.unsafe, /r0 was not promoted: the peer is Primary; demote the peer first/],
    ['promote r0', '17 -2', EXIT.unsafe, /no access to UpToDate data; connect to the node/],
    ['promote r0', '11 -7', EXIT.unsafe, /fencing policy forbids.*; fence the peer/],
    ['detach r0/0', '17 -2', EXIT.unsafe, /r0\/0 was not detached: this Primary would be left/],
    ['verify r0', '11 -14', EXIT.failed, /r0 was not verified: no usable verify-alg/],
    ['adjust r0', '10 199', EXIT.failed, /DRBD says: 0: State change failed: \(199\) words of the kernel/],
  ];
  await Promise.all(
    rows.map(async ([words, exits, code, err]) => {
      const ran = await machine(t, SECONDARY, null, `${exits}\n`).drbd(words);
      t.match(ran, { code, err, out: '' }, words);
      t.match(ran.err, /^(Refused|Failed): .*\n$/, 'one line');
    }),
  );
  const json = await machine(t, SECONDARY, null, '11 -1\n').drbd('promote r0 --json');
  t.match(JSON.parse(json.out), {
    schema: 'tandem.drbd-action/1',
    action: 'promote',
    resource: 'r0',
    volume: null,
    argv: ['drbdadm', 'primary', 'r0'],
    state: 'refused',
    refusal: 'multiplePrimaries',
    kernelNumber: -1,
    now: { role: 'Secondary', connection: 'Connected', disk: 'UpToDate' },
    exit: 'unsafe',
  });
  t.match(json, { code: EXIT.unsafe, err: '' });
});

t.test('drbd: what may pass by itself is tried again, the rest is not', built, async (t) => {
  const passing = machine(t, SECONDARY, PRIMARY, '11 -18\n11 -19\n0\n');
  t.match(await passing.drbd('promote r0'), { code: EXIT.ok, out: /was promoted/ });
  t.equal(passing.calls().length, 3);
  const lasting = machine(t, SECONDARY, null, '11 -1\n0\n');
  t.match(await lasting.drbd('promote r0'), { code: EXIT.unsafe });
  t.equal(lasting.calls().length, 1);
});

t.test('drbd: names that are none', built, async (t) => {
  const { drbd, calls } = machine(t, SECONDARY);
  const rows: readonly (readonly [string, number, RegExp])[] = [
    ['promote ro', EXIT.noSuch, /no DRBD resource ro on this machine \(did you mean r0\?\)/],
    ['demote mysqk', EXIT.noSuch, /did you mean mysql\?/],
    ['up something', EXIT.noSuch, /\(there is r0, mysql\)/],
    ['verify r0/7', EXIT.noSuch, /r0 has no volume 7 here; it has 0/],
    ['down r0/0', EXIT.usage, /about all volumes of a resource together: name r0/],
    ['promote /dev/drbd0', EXIT.usage, /is a device; name its resource/],
    ['promote all', EXIT.usage, /"all" is not RESOURCE: one resource, such as r0/],
    ['verify r0 --timeout 5', EXIT.usage, /option --timeout: "5" is not a duration/],
  ];
  await Promise.all(
    rows.map(async ([words, code, err]) => t.match(await drbd(words), { code, err, out: '' }, words)),
  );
  t.match(await drbd('promote --force r0'), { code: EXIT.usage, err: /unknown option '--force'/ });
  t.strictSame(calls(), [], 'and there is no force');
});

t.test('drbd: without the tools of DRBD it says what to install', built, async (t) => {
  if (existsSync('/usr/sbin/drbdadm')) {
    t.pass('cannot be asked', { skip: 'drbd-utils is installed here' });
    return;
  }
  const ran = await tandem(['drbd', 'promote', 'r0', '--socket', '/none']);
  t.match(ran, { code: EXIT.failed, out: '', err: /r0 was not promoted: drbdadm .*; install drbd-utils/ });
});

t.test('drbd: a resource of tandemd is left to it', built, async (t) => {
  const { socket } = await fakeControl(t);
  const owned = machine(t, SECONDARY, PRIMARY);
  t.match(await owned.drbd(`promote r0 --socket ${socket}`), {
    code: EXIT.unsafe,
    out: '',
    err: /r0 was not promoted: r0 belongs to group mysql of tandemd \(started on n1\); use tandem move or standby, say tandem freeze mysql first, or say --despite-tandemd\n$/,
  });
  t.match(await owned.drbd(`verify r0 --socket ${socket} --dry-run`), {
    code: EXIT.unsafe,
    err: /r0 was not verified: r0 belongs to .*; say tandem freeze mysql first, or say --despite-tandemd\n$/,
  });
  t.match(await owned.drbd(`wait-sync r0 --socket ${socket}`), {
    code: EXIT.unsafe,
    err: /r0 was not waited for: r0 belongs to .*; tandem status --watch shows the resync, or say --despite-tandemd\n$/,
  });
  t.strictSame(owned.calls(), []);
  t.match(await owned.drbd(`wait-sync r0 --socket ${socket} --despite-tandemd`), {
    code: EXIT.ok,
    out: /in sync already/,
    err: /^Note: r0 belongs to group mysql/,
  });
  t.match(await owned.drbd(`promote r0 --socket ${socket} --despite-tandemd`), {
    code: EXIT.ok,
    out: /^r0 was promoted/,
    err: /^Note: r0 belongs to group mysql/,
  });
});

t.test('drbd: a frozen group, or maintenance, is a word of an operator already', built, async (t) => {
  const hold = { by: 'kim', reason: 'swap the disk', until: null } as const;
  const frozen = { ...STARTED.groups[0]!, holds: [{ ...hold, kind: 'freeze' as const }] };
  const rows: readonly (readonly [Status, RegExp])[] = [
    [{ ...STARTED, maintenance: { ...hold, kind: 'maintenance' } }, /in maintenance by kim: swap the disk/],
    [{ ...STARTED, groups: [frozen] }, /frozen by kim: swap the disk/],
  ];
  for (const [status, err] of rows) {
    const { socket } = await fakeControl(t, { status: () => status });
    const ran = await machine(t, SECONDARY, PRIMARY).drbd(`promote r0 --socket ${socket}`);
    t.match(ran, { code: EXIT.ok, out: /^r0 was promoted/, err });
  }
});

t.test('drbd: without the daemon its configuration is asked', built, async (t) => {
  const { folder, drbd, write, calls } = machine(t, SECONDARY, PRIMARY);
  const config = join(folder, 'config');
  mkdirSync(config);
  write('config/haresources', `${hostname()} drbddisk::r0 10.9.0.100\n`);
  write('config/ha.cf', `bcast lo\nnode ${hostname()} other\n`);
  const words = `promote r0 --config ${config}`;
  t.match(await drbd(words), { code: EXIT.unsafe, err: /tandemd is not running here, and whether a group owns r0 is not known: .*authkeys/ });
  write('config/authkeys', 'auth 1\n1 sha256 a-long-random-word-for-a-test\n');
  chmodSync(join(config, 'authkeys'), 0o600);
  t.match(await drbd(words), {
    code: EXIT.unsafe,
    err: /tandemd is not running here, but .*config gives r0 to group .*--despite-tandemd/,
  });
  t.strictSame(calls(), []);
  write('config/haresources', `${hostname()} drbddisk::mysql 10.9.0.100\n`);
  t.match(await drbd(words), { code: EXIT.ok, err: /^Note: tandemd is not running here; no group in .* has r0\n$/ });
});

t.test('drbd: invalidate wants the name typed, or --yes', built, async (t) => {
  const { drbd, calls } = machine(t, SECONDARY);
  t.match(await drbd('invalidate r0'), { code: EXIT.unsafe, err: /Nobody is there to confirm .*--yes/ });
  t.match(await drbd('invalidate r0 --dry-run'), { code: EXIT.ok, out: /drbdadm invalidate r0/ });
  t.strictSame(calls(), []);
  t.match(await drbd('invalidate r0 --yes'), { code: EXIT.ok, out: /r0 was invalidated/ });
});

t.test('drbd: invalidate on a terminal', terminal, async (t) => {
  const wrong = machine(t, SECONDARY);
  const no = await wrong.onTerminal('invalidate r0', { input: 'yes\n' });
  t.match(no, { code: EXIT.unsafe, out: /All data of r0 on this machine .*Not confirmed/s });
  t.strictSame(wrong.calls(), []);
  const right = machine(t, SECONDARY);
  t.match(await right.onTerminal('invalidate r0', { input: 'r0\n' }), { code: EXIT.ok, out: /was invalidated/ });
});

t.test('drbd: verify tells whether the copies are equal', built, async (t) => {
  const [equal, different, started, timeUp] = await Promise.all([
    machine(t, SECONDARY).drbd('verify r0'),
    machine(t, SECONDARY, DIFFERENT).drbd('verify r0 --json'),
    machine(t, SECONDARY).drbd('verify r0/0 --no-wait'),
    machine(t, syncing(10).replaceAll('SyncTarget', 'VerifyT').replace("sync'ed", 'verified')).drbd(
      'verify r0 --timeout 700ms',
    ),
  ]);
  t.match(equal, { code: EXIT.ok, out: /^r0: both copies are equal \(verified in/ });
  t.match(JSON.parse(different.out), {
    state: 'failed',
    outOfSyncBytes: 8192,
    message: /the copies of r0 differ in 8 KiB \(verified in/,
  });
  t.equal(different.code, EXIT.failed);
  t.match(started, { code: EXIT.ok, out: 'The verify of r0/0 is running; see tandem drbd status\n' });
  t.match(timeUp, {
    code: EXIT.timeout,
    out: 'r0: verify 10.0 %, 176 MiB of 195 MiB left, 38 MiB/s, 1 min 04 s to go\n',
    err: /^Not done within 700 ms; DRBD goes on by itself \(r0: 10.0 %/,
  });
});

t.test('drbd: wait-sync follows a resync to its end, sparsely in a pipe', built, async (t) => {
  const { drbd, write } = machine(t, syncing(10));
  let step = 0;
  const onOutput = (out: string): void => {
    const lines = out.split('\n').length - 1;
    if (lines <= step) return;
    step = lines;
    write('proc', step === 1 ? syncing(15) : SECONDARY);
    if (step === 1) setTimeout(() => write('proc', syncing(20)), 1_200);
  };
  const ran = await drbd('wait-sync r0', { onOutput });
  t.match(ran, { code: EXIT.ok, err: '' });
  t.match(ran.out, /^r0: resync 10.0 %.*\nr0: resync 20.0 %.*\nr0 is in sync after [\d.]+ s: it is Secondary, UpToDate, Connected\n$/);
  t.match(await machine(t, SECONDARY).drbd('wait-sync r0'), { code: EXIT.ok, out: /in sync already/ });
  const broken = await machine(t, SECONDARY.replace('cs:Connected', 'cs:StandAlone')).drbd('wait-sync r0');
  t.match(broken, { code: EXIT.failed, err: /StandAlone and does not try to connect: tandem drbd connect r0/ });
});

t.test('drbd: progress on a terminal is one line, redrawn and taken away', terminal, async (t) => {
  const { onTerminal, write } = machine(t, syncing(10));
  const onOutput = (out: string): void => {
    if (out.includes('10.0 %')) write('proc', syncing(60));
    if (out.includes('60.0 %')) write('proc', SECONDARY);
  };
  const ran = await onTerminal('wait-sync r0', { onOutput });
  t.equal(ran.code, EXIT.ok);
  // eslint-disable-next-line no-control-regex
  t.match(ran.out, /^\r\u001b\[Kr0: resync 10\.0 %.*\r\u001b\[Kr0: resync 60\.0 %.*\r\u001b\[Kr0 is in sync after/s);
  t.equal(ran.out.split('\n').length, 2, 'one line is left');
});

const STATUS_9 = `[{ "name": "r0", "node-id": 0, "role": "ROLE", "suspended": false,
  "devices": [{ "volume": 0, "minor": 0, "disk-state": "UpToDate", "client": false, "quorum": true }],
  "connections": [{ "peer-node-id": 1, "name": "n2", "connection-state": "Connected",
    "congested": false, "peer-role": "Secondary", "peer_devices": [{ "volume": 0,
      "replication-state": "Established", "peer-disk-state": "UpToDate", "out-of-sync": 0 }] }] }]
`;

t.test('drbd: DRBD 9 is asked by drbdsetup', built, async (t) => {
  const { folder, drbd, write } = machine(t, 'version: 9.2.4 (api:2/proto:86-122)\nGIT-hash: x build by y, now\n');
  write('drbdsetup', '#!/bin/sh\n[ "$1" = status ] && cat "$FAKE/status"\n');
  chmodSync(join(folder, 'drbdsetup'), 0o755);
  write('status', STATUS_9.replace('ROLE', 'Primary'));
  t.match(await drbd('promote r0'), { code: EXIT.ok, out: 'r0 is Primary already: nothing to do\n' });
  t.match(await drbd('outdate r0'), { code: EXIT.unsafe, err: /is Primary: its disk is in use/ });
  write('status', '[]\n');
  t.match(await drbd('down r0'), { code: EXIT.ok, out: 'r0 is down already: nothing to do\n' });
});

t.test('drbd: Ctrl-C says that the kernel goes on', built, async (t) => {
  const { drbd } = machine(t, syncing(10));
  const ran = await drbd('wait-sync r0', { onOutput: (_out, child) => void child.kill('SIGINT') });
  t.match(ran, { code: EXIT.timeout, err: /^Interrupted; DRBD goes on by itself \(r0: 10.0 %/ });
});
