// The watchdog on real kernels (S6): softdog of the nodes resets a machine whose tandemd has lost
// itself, and leaves one alone whose tandemd has left in order.

import { RESOURCES, status, type ClusterOptions } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';
import { nodeOf, place } from './seen.js';
import { PATIENCE, SOFTDOG, type Stage } from './stage.js';

/** Timeout of the device, in seconds. A busy host must not starve it. */
const MARGIN_S = 4;
/** Enough to start tandemd again on a busy host. */
const LONG_MARGIN_S = 15;
/** So much longer that the other node finds the machine off before it would shoot it. */
const DEADTIME_MS = 10_000;
const SCRIPT_FOLDER = '/etc/ha.d/resource.d';
/** A script whose stop hangs while a file is there. */
const CLINGING = `#!/bin/sh
case $1 in
  start) touch /run/clinging.up ;;
  stop) [ -e /run/clinging.hangs ] && exec sleep 600; rm -f /run/clinging.up ;;
  status) if [ -e /run/clinging.up ]; then echo running; else echo stopped; fi ;;
esac
exit 0
`;

async function loadDriver(node: LabNode, marginS = MARGIN_S): Promise<void> {
  await node.must(`modprobe -r softdog; modprobe softdog soft_margin=${marginS} nowayout=0`);
}

/** Both nodes with a watchdog, the service on n1. */
async function raise(
  stage: Stage,
  { marginS = MARGIN_S, ...options }: ClusterOptions & { readonly marginS?: number } = {},
): Promise<void> {
  await stage.reset({ watchdog: SOFTDOG, deadtimeMs: DEADTIME_MS, ...options });
  for (const node of stage.lab.nodes) await loadDriver(node, marginS);
  await stage.startBoth();
  await stage.untilOk('n1');
  stage.begin();
}

/** Does it to n1, and waits until n1 has reset itself; how long that took. */
async function untilReset(stage: Stage, lose: () => Promise<unknown>): Promise<number> {
  const { n1 } = stage;
  let how = 'it runs on';
  const forget = n1.onExit((reason) => (how = reason));
  const sinceMs = performance.now();
  await lose();
  await stage.waitFor('n1 to be reset', () => !n1.isRunning());
  forget();
  const tookMs = Math.round(performance.now() - sinceMs);
  stage.fact('n1 has reset itself', how === 'self', how);
  stage.note(`reset ${tookMs} ms after that`);
  return tookMs;
}

/** n2 runs it; nobody was shot: n1 was off when its device was asked. */
async function factTakenOver(stage: Stage): Promise<void> {
  await stage.until(stage.n2, 'n2 runs it', (s) => place(s) === 'started n2');
  const asked = stage.requests();
  stage.fact('n1 was found off, and not shot', asked.join() === 'STATUS n1: OK OFF', asked);
}

async function rejoin(stage: Stage): Promise<void> {
  const { n1 } = stage;
  await stage.boot(n1);
  await loadDriver(n1);
  await stage.start(n1);
  await stage.untilInSync();
  await stage.untilOk('n2');
}

const stopped: Scenario = {
  title: 'watchdog: tandemd of the active node stands still (the machine resets itself, n2 takes over)',
  async play(stage) {
    const { n1 } = stage;
    await raise(stage);
    const { watchdog } = await stage.until(n1, 'armed', (s) => s.watchdog?.state === 'armed');
    stage.fact('status knows the timeout', watchdog?.timeoutMs === MARGIN_S * 1_000, watchdog);
    stage.fact('and what is risky', /sooner than/.test(watchdog?.warnings.join() ?? ''), watchdog);
    const shown = await n1.must('tandem status; tandem why n1; tandem check', PATIENCE);
    stage.fact('status, why and check tell of it', shown.match(/watchdog1 resets/g)?.length === 3, shown);
    stage.note(shown);
    const writer = await stage.write(n1);
    stage.begin();
    const tookMs = await untilReset(stage, async () => stage.signal(n1, 'STOP'));
    stage.fact('not before its time', tookMs >= (MARGIN_S - 1) * 1_000, tookMs);
    stage.fact('before it counts as dead', tookMs < DEADTIME_MS, tookMs);
    await factTakenOver(stage);
    await stage.untilWriting(writer);
    await rejoin(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const killed: Scenario = {
  title: 'watchdog: tandemd is killed: started again in time the service runs on, else n1 is reset',
  async play(stage) {
    const { n1 } = stage;
    const longS = 2 * LONG_MARGIN_S;
    await raise(stage, { marginS: LONG_MARGIN_S, deadtimeMs: longS * 1_000, initdeadS: longS });
    const writer = await stage.write(n1);
    const database = await stage.databasePid(n1);
    stage.begin();
    await stage.signal(n1, 'KILL');
    await stage.start(n1);
    await stage.untilOk('n1');
    await stage.pass(1_500 * LONG_MARGIN_S);
    stage.fact('n1 was not reset', n1.isRunning());
    stage.fact('the database ran on', (await stage.databasePid(n1)) === database);
    stage.factUnbroken(n1);
    stage.begin();
    await untilReset(stage, async () => stage.signal(n1, 'KILL'));
    await factTakenOver(stage);
    await stage.untilWriting(writer);
    await rejoin(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

const leaves: Scenario = {
  title: 'watchdog: a clean stop disarms it (the machine stays up)',
  async play(stage) {
    const { n1, n2 } = stage;
    await raise(stage);
    await stage.signal(n1, 'TERM');
    stage.fact('it leaves', (await stage.untilEnded(n1)) === 0);
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await stage.pass(2 * MARGIN_S * 1_000);
    stage.fact('n1 stays up', n1.isRunning());
    const said = (await stage.sentences(n1)).filter((sentence) => sentence.startsWith('Watchdog'));
    stage.fact('and the log says so', /was told to stop$/.test(said.at(-1) ?? ''), said);
    await stage.start(n1);
    await stage.untilOk('n2');
    stage.factOneHolder();
    stage.factNobodyFenced();
  },
};

const hangingStop: Scenario = {
  title: 'watchdog: a stop that hangs stays covered (tandemd is killed in it: the machine is reset)',
  async play(stage) {
    const { n1, n2 } = stage;
    for (const node of stage.lab.nodes) {
      await node.must(`mkdir -p ${SCRIPT_FOLDER}; rm -f /run/clinging.*`);
      await node.writeFile(`${SCRIPT_FOLDER}/clinging`, CLINGING, { mode: 0o755 });
    }
    await raise(stage, { resources: `${RESOURCES} clinging` });
    const writer = await stage.write(n1);
    await n1.must('touch /run/clinging.hangs');
    stage.begin();
    await stage.signal(n1, 'TERM');
    await stage.until(n1, 'leaving', (s) => nodeOf(s, 'n1')?.state === 'leaving');
    await stage.pass(2 * MARGIN_S * 1_000);
    const seen = await status(n1);
    stage.fact('it is still fed', seen?.watchdog?.state === 'armed' && n1.isRunning(), seen);
    stage.fact('n2 has started nothing', place(await stage.until(n2, 'seen', () => true)) !== 'started n2');
    await untilReset(stage, async () => stage.signal(n1, 'KILL'));
    await factTakenOver(stage);
    await stage.untilWriting(writer);
    await rejoin(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

/** Starts tandemd, which must refuse; its last sentence. */
async function refusal(stage: Stage, node: LabNode): Promise<string> {
  await stage.start(node);
  const code = await stage.untilEnded(node);
  stage.fact('it refuses to start', code === 1, code);
  return (await stage.sentences(node)).at(-1) ?? '';
}

const refused: Scenario = {
  title: 'watchdog: a device that is not there, is none, or is in use (tandemd says so and does not start)',
  async play(stage) {
    const { n1 } = stage;
    const configured = async (device: string): Promise<void> => stage.reset({ watchdog: device });
    await configured('/dev/watchdog9');
    const absent = await refusal(stage, n1);
    stage.fact('what is missing is said', /^watchdog \/dev\/watchdog9 cannot be used: ENOENT/.test(absent), absent);
    await configured('/dev/null');
    const none = await refusal(stage, n1);
    stage.fact('what is none is said', /^watchdog \/dev\/null is no watchdog device/.test(none), none);
    await configured('/dev/watchdog');
    const broken = await refusal(stage, n1);
    stage.fact('the one that needs a helper is refused', /\/dev\/watchdog cannot be opened: /.test(broken), broken);
    await configured(SOFTDOG);
    await loadDriver(n1);
    const holder = `exec 9> ${SOFTDOG}; echo $$ > /run/holder.pid; while :; do echo >&9; sleep 1 9>&-; done`;
    await n1.spawn(holder, { logFile: '/dev/null' });
    await stage.waitFor('the other program', async () => (await n1.exec('test -s /run/holder.pid')).exitCode === 0);
    const busy = await refusal(stage, n1);
    stage.fact('who holds it is said', /is in use by bash \(pid \d+\): only one program/.test(busy), busy);
    stage.note([absent, none, broken, busy].join('\n'));
    await n1.must('kill "$(cat /run/holder.pid)"');
    await stage.waitFor('n1 to be reset, as nobody feeds it', () => !n1.isRunning());
    await stage.boot(n1);
  },
};

/** The state folder on a device that can be made to hang. */
const ON_SLOW_DISK = `
modprobe loop; modprobe dm-mod
truncate -s 16M /run/state.img && losetup /dev/loop1 /run/state.img
dmsetup create state --noudevrules --noudevsync --table '0 32768 linear /dev/loop1 0'
dmsetup mknodes state
mkfs.ext4 -q /dev/mapper/state && mkdir -p /var/lib/tandem && mount /dev/mapper/state /var/lib/tandem
`;

const hangingDisk: Scenario = {
  title: 'watchdog: the disk of the state file hangs (not fed after 30 s, the machine resets itself)',
  async play(stage) {
    const { n1 } = stage;
    await stage.reset({ watchdog: SOFTDOG, deadtimeMs: DEADTIME_MS });
    await n1.must(ON_SLOW_DISK, { timeoutMs: 60_000 });
    for (const node of stage.lab.nodes) await loadDriver(node);
    await stage.startBoth();
    await stage.untilOk('n1');
    const writer = await stage.write(n1);
    stage.begin();
    const tookMs = await untilReset(stage, async () => n1.must('dmsetup suspend --nolockfs state'));
    stage.fact('not before the limit', tookMs > 30_000, tookMs);
    await factTakenOver(stage);
    await stage.untilWriting(writer);
    const said = (await stage.sentences(n1).catch(() => [])).filter((words) => words.startsWith('Watchdog'));
    stage.note(said.join('\n'));
    await rejoin(stage);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

await playAll(import.meta.url, [stopped, killed, leaves, hangingStop, refused, hangingDisk]);
