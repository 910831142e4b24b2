// `tandem drbd ACTION` on the real driver, without the daemon and beside it.

import { configure, GROUP } from '../cluster.js';
import type { LabNode } from '../node.js';
import { resourceText, waitForDrbd } from '../storage.js';
import { playAll, type Scenario } from './play.js';
import { PATIENCE, type Stage } from './stage.js';

/** Slow enough that progress can be seen: a verify or resync of the lab's disk takes 4 s. */
const RESYNC_RATE = '60M';
const NOBODY = 'setpriv --reuid=65534 --regid=65534 --clear-groups';

/** What a command of the lab left behind. */
type Said = { readonly exitCode: number; readonly out: string; readonly err: string };

async function tandem(node: LabNode, words: string, prefix = ''): Promise<Said> {
  const { exitCode, stdout, stderr } = await node.exec(`${prefix} tandem drbd ${words}`, PATIENCE);
  return { exitCode, out: stdout, err: stderr };
}

/** What a command must say, on either output, and its exit code. */
type Wanted = { readonly exit: number; readonly said: RegExp };

/** One command, as anybody starts it. */
async function says(
  stage: Stage,
  node: LabNode,
  words: string,
  wanted: Wanted & { readonly prefix?: string },
): Promise<Said> {
  const ran = await tandem(node, words, wanted.prefix);
  tell(stage, node, words, wanted, ran);
  return ran;
}

function tell(stage: Stage, node: LabNode, words: string, wanted: Wanted, ran: Said): void {
  const holds = ran.exitCode === wanted.exit && wanted.said.test(`${ran.out}${ran.err}`);
  stage.fact(`${node.name}: tandem drbd ${words} -> ${wanted.exit} ${String(wanted.said)}`, holds, ran);
}

/** Runs the same program for many command lines: half of a command's time is the start of Node. */
const MANY = `
import { runProgram } from '/opt/tandem/dist/src/cli/program.js';
const results = [];
for (const words of JSON.parse(process.argv[2])) {
  const said = { out: '', err: '' };
  const style = { colour: false, columns: 80 };
  const out = (text) => (said.out += text);
  const err = (text) => (said.err += text);
  const argv = ['drbd', ...words.split(' ')];
  const exitCode = await runProgram(argv, '0', { isTerminal: false, style, out, err });
  results.push({ exitCode, ...said });
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));
`;

/** Commands one after the other on a node. */
async function sayAll(
  stage: Stage,
  node: LabNode,
  asked: readonly (readonly [words: string, exit: number, said: RegExp])[],
): Promise<void> {
  const words = JSON.stringify(asked.map(([text]) => text));
  const options = { ...PATIENCE, input: MANY };
  const text = await node.must(`node --input-type=module - '${words}'`, options);
  const results = JSON.parse(text) as readonly Said[];
  asked.forEach(([line, exit, said], index) => {
    const ran = results[index] ?? { exitCode: -1, out: '', err: 'no result' };
    tell(stage, node, line, { exit, said }, ran);
  });
}

/** Both nodes know verify-alg and a slow resync; nothing of tandemd is configured. */
async function prepare({ lab }: Stage): Promise<void> {
  const [first, second] = lab.nodes;
  if (first === undefined || second === undefined) throw new Error('two nodes are needed');
  const text = resourceText([first, second], { netOptions: ['verify-alg crc32c;'] });
  const slow = text.replace(/resync-rate \w+;/, `resync-rate ${RESYNC_RATE};`);
  for (const node of lab.nodes) {
    await node.writeFile('/etc/drbd.d/r0.res', slow);
    await node.must('drbdadm adjust r0');
  }
}

const roles: Scenario = {
  title: 'drbd: promote and demote by hand (refused beside a Primary, and while in use)',
  async play(stage) {
    const { n1, n2 } = stage;
    await prepare(stage);
    await says(stage, n1, 'promote r0 --dry-run', { exit: 0, said: /would be promoted by\n {2}drbdadm primary r0\n/ });
    await sayAll(stage, n1, [
      ['promote r0', 0, /^r0 was promoted: it is Primary, UpToDate, Connected\n$/],
      ['promote r0', 0, /^r0 is Primary already: nothing to do\n$/],
    ]);
    await says(stage, n2, 'promote r0', {
      exit: 107,
      said: /^Refused: r0 was not promoted: the peer is Primary; demote the peer first/,
    });
    await n1.must('mount /dev/drbd0 /db');
    const pid = await n1.spawn('cd /db; exec sleep 600', { logFile: '/dev/null' });
    const held = await says(stage, n1, 'demote r0', {
      exit: 1,
      said: new RegExp(`held open: mounted on /db \\(ext4\\), used by sleep \\(pid ${pid}, /db\\); umount /db`),
    });
    stage.note(held.err);
    const json = await tandem(n1, 'demote r0 --json');
    const answer = JSON.parse(json.out) as { refusal: string; kernelNumber: number; holders: string[] };
    stage.fact(
      'as JSON: the name of the refusal, its number, each holder',
      answer.refusal === 'heldOpen' && answer.kernelNumber === -12 && answer.holders.length === 2,
      answer,
    );
    await n1.must(`kill ${pid}; umount /db`);
    await says(stage, n1, 'demote r0', { exit: 0, said: /^r0 was demoted: it is Secondary, UpToDate/ });
  },
};

const stackedOn: Scenario = {
  title: 'drbd: demote names a device-mapper device, another mount namespace, an open file',
  async play(stage) {
    const { n1 } = stage;
    await n1.must('drbdadm primary r0; dmsetup create crypt0 --table "0 2048 linear /dev/drbd0 0"');
    await says(stage, n1, 'demote r0', {
      exit: 1,
      said: /under the device-mapper device dm-\d+ "crypt0"; deactivate crypt0/,
    });
    await n1.must('dmsetup remove crypt0');
    const jail = await n1.spawn('exec unshare -m sh -c "mount /dev/drbd0 /db; exec sleep 600"', {
      logFile: '/dev/null',
    });
    await stage.waitFor('the other namespace has its mount', async () => {
      const { stdout } = await n1.exec(`cat /proc/${jail}/mountinfo`);
      return stdout.includes(' /db ');
    });
    await says(stage, n1, 'demote r0', {
      exit: 1,
      said: new RegExp(`mounted on /db \\(ext4\\) in the mount namespace of process ${jail}`),
    });
    await n1.must(`kill ${jail}`);
    const opener = await n1.spawn('exec sleep 600 < /dev/drbd0', { logFile: '/dev/null' });
    await says(stage, n1, 'demote r0', {
      exit: 1,
      said: new RegExp(`held open: opened by sleep \\(pid ${opener}, /dev/drbd0\\); end what uses it`),
    });
    await n1.must(`kill ${opener}`);
    await says(stage, n1, 'demote r0', { exit: 0, said: /^r0 was demoted/ });
  },
};

const verify: Scenario = {
  title: 'drbd: verify shows progress and finds one corrupted block; a resync mends it',
  async play(stage) {
    const { n1, n2 } = stage;
    await n1.must('drbdadm primary r0');
    await n2.must('dd if=/dev/urandom of=/dev/ubdb bs=4096 count=1 seek=40000 oflag=direct conv=notrunc');
    const found = await says(stage, n1, 'verify r0', {
      exit: 1,
      said: /the copies of r0 differ in 4 KiB \(verified in [\d.]+ s\); tandem drbd disconnect r0/,
    });
    const lines = found.out.trim().split('\n');
    stage.fact(
      'a pipe gets sparse lines with percent, amounts, rate and time left',
      lines.length >= 2 &&
        lines.length <= 12 &&
        lines.some((line) => /^r0: verify [\d.]+ %, .* MiB of .* MiB left, .* MiB\/s, \d+ s to go$/.test(line)),
      found.out,
    );
    stage.note(found.out);
    await sayAll(stage, n1, [
      ['disconnect r0', 0, /was disconnected: it is Primary, UpToDate, StandAlone/],
      ['disconnect r0', 0, /StandAlone\) already/],
      ['wait-sync r0', 1, /StandAlone and does not try to connect: tandem drbd connect r0/],
      ['connect r0', 0, /^r0 was connected: it is Primary, UpToDate/],
      ['wait-sync r0 --timeout 30s', 0, /^r0 is in sync/m],
    ]);
    const terminal = await n1.must("script -qec 'stty cols 100; tandem drbd verify r0' /dev/null", PATIENCE);
    const redrawn = terminal.split('\r').filter((part) => /verify [\d.]+ %/.test(part));
    stage.fact('a terminal gets a line that is redrawn', redrawn.length >= 3, terminal);
    stage.fact('and now both copies are equal', /r0: both copies are equal/.test(terminal), terminal);
    stage.note(redrawn.at(-1) ?? '');
    await n1.must('drbdadm secondary r0');
  },
};

const dataAtRisk: Scenario = {
  title: 'drbd: outdate and invalidate are refused where they would cost data',
  async play(stage) {
    const { n1, n2 } = stage;
    await n1.must('drbdadm primary r0');
    await sayAll(stage, n1, [
      ['outdate r0', 107, /not outdated: the resource is Primary: its disk is in use/],
      ['invalidate r0 --yes', 107, /a Primary does not discard its data; demote it first/],
    ]);
    await sayAll(stage, n2, [
      ['outdate r0', 107, /a connected disk is not marked Outdated; disconnect first/],
      ['disconnect r0', 0, /^r0 was disconnected/],
      ['invalidate r0 --yes', 107, /no connected peer has UpToDate data for r0/],
      ['outdate r0', 0, /^r0 was outdated: it is Secondary, Outdated, StandAlone/],
      ['promote r0', 107, /r0\/0 is Outdated: the peer has newer data/],
      ['verify r0', 1, /Refused: r0 was not verified: it needs a connection/],
      ['connect r0', 0, /was connected/],
      ['wait-sync r0/0 --timeout 20s', 0, /in sync/],
      ['invalidate r0', 107, /Nobody is there to confirm .* repeat with --yes/],
    ]);
    await n2.must('drbdsetup disk-options 0 --c-plan-ahead=0 --resync-rate=15M');
    await sayAll(stage, n2, [
      ['invalidate r0 --yes', 0, /^r0 was invalidated/],
    ]);
    // Until the resync begins the kernel calls the disk Outdated.
    await waitForDrbd(n2, 'cs:SyncTarget', PATIENCE.timeoutMs);
    await sayAll(stage, n2, [
      ['promote r0', 107, /r0\/0 is (Inconsistent|SyncTarget)/],
      ['wait-sync r0 --timeout 1s', 124, /r0: resync .* %.*\nNot done within 1.00 s; DRBD goes on by itself/],
    ]);
    await n2.must('drbdsetup disk-options 0 --c-plan-ahead=0 --resync-rate=100M');
    await says(stage, n2, 'wait-sync r0', { exit: 0, said: /r0 is in sync/ });
    await n1.must('drbdadm secondary r0');
  },
};

const wholeLife: Scenario = {
  title: 'drbd: down, up, detach, attach, adjust, and what is said of a half',
  async play(stage) {
    const { n2 } = stage;
    await sayAll(stage, n2, [
      ['detach r0/0', 0, /^r0\/0 was detached: it is Secondary, Diskless/],
      ['detach r0', 0, /^r0 is Diskless already/],
      ['wait-sync r0', 1, /is Diskless, its peer UpToDate, and no resync runs/],
      ['attach r0', 0, /^r0 was attached/],
      ['down r0', 0, /^r0 was taken down: it is down/],
      ['down r0', 0, /^r0 is down already/],
      ['promote r0', 1, /the kernel does not know the device; bring the resource up/],
      ['up r0', 0, /^r0 was brought up/],
      ['up r0', 0, /^r0 is up already/],
    ]);
    await stage.untilInSync();
    await says(stage, n2, 'adjust r0', { exit: 0, said: /^r0 was adjusted: it is Secondary, UpToDate, Connected/ });
  },
};

const strangers: Scenario = {
  title: 'drbd: a wrong name, no rights, no tools: each says what to do',
  async play(stage) {
    const { n1 } = stage;
    await sayAll(stage, n1, [
      ['promote ro', 105, /no DRBD resource ro on this machine \(did you mean r0\?\)/],
      ['verify r0/3', 105, /r0 has no volume 3 here; it has 0/],
      ['down r0/0', 64, /about all volumes of a resource together: name r0/],
      ['promote /dev/drbd0', 64, /is a device; name its resource/],
    ]);
    await says(stage, n1, 'promote r0', { exit: 77, said: /not allowed.*; run as root/, prefix: NOBODY });
    await n1.must('mv /usr/sbin/drbdadm /usr/sbin/drbdadm.away');
    await says(stage, n1, 'promote r0', { exit: 1, said: /could not be run; install drbd-utils/ });
    await n1.must('mv /usr/sbin/drbdadm.away /usr/sbin/drbdadm');
  },
};

const owned: Scenario = {
  title: 'drbd: a resource of tandemd is left alone unless told, with the daemon up or down',
  async play(stage) {
    const { lab, n1 } = stage;
    await configure(lab, {});
    await says(stage, n1, 'promote r0', {
      exit: 107,
      said: new RegExp(`tandemd is not running here, but /etc/ha.d gives r0 to group ${GROUP}`),
    });
    await stage.start(n1);
    await stage.until(n1, 'it answers', () => true);
    await sayAll(stage, n1, [
      ['disconnect r0', 107, new RegExp(`r0 was not disconnected: r0 belongs to group ${GROUP} of tandemd`)],
      ['wait-sync r0', 107, /r0 was not waited for: r0 belongs to group .* tandem status --watch shows the resync/],
      ['wait-sync r0 --despite-tandemd', 0, /in sync already/],
      ['verify r0', 107, /r0 was not verified: r0 belongs to group/],
      ['outdate r0 --despite-tandemd', 107, /^Note: r0 belongs to group[^]*Refused: r0 was not outdated/],
    ]);
    await stage.signal(n1, 'KILL');
  },
};

await playAll(import.meta.url, [roles, stackedOn, verify, dataAtRisk, wholeLife, strangers, owned]);
