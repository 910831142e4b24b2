// Split brains of DRBD on LVM: the databases of both sides read through snapshots, and what is about
// to be lost saved as one.

import type { LabNode } from '../node.js';
import { cutReplication, healToStandAlone, inspect, splitBrain } from './apart.js';
import { playAll, type Scenario } from './play.js';
import { PATIENCE, type Stage } from './stage.js';

/** Runs the database by hand, alone on a node, writes rows and a file of its own, and stops all. */
async function writeRows(node: LabNode, first: number): Promise<void> {
  await node.must(
    `set -e
    drbdadm primary r0
    mount /dev/drbd0 /db
    echo "only ${node.name} has this" > /db/mark-${node.name}
    head -c 5000000 /dev/urandom > /db/bulk
    mariadbd --skip-networking > /tmp/by-hand.log 2>&1 &
    for i in $(seq 300); do mariadb-admin ping > /dev/null 2>&1 && break; sleep 0.1; done
    for i in $(seq ${String(first)} ${String(first + 9)}); do
      mariadb -u root shop -e "INSERT INTO shop.rows VALUES ($i, NOW(6))"
    done
    mariadb-admin -u root shutdown
    wait
    umount /db
    drbdadm secondary r0`,
    PATIENCE,
  );
}

/** What a reading must not leave behind: snapshots and mounts. */
async function leftovers(node: LabNode): Promise<string> {
  return node.must(`lvs --noheadings -o lv_name tank; grep tandem-read /proc/mounts; ls -d /run/tandem-read-* 2>/dev/null; true`);
}

async function factNothingLeft(stage: Stage, node: LabNode, when: string): Promise<void> {
  const left = (await leftovers(node)).trim();
  stage.fact(`${when}: no snapshot and no mount is left on ${node.name}`, left === 'data', left);
}

async function diverge(stage: Stage): Promise<void> {
  const { n1, n2 } = stage;
  await stage.reset();
  for (const node of [n1, n2]) {
    await node.must(`sed -i 's|^datadir.*|&\\nlog-bin = /db/mysql/binlog|' /etc/mysql/my.cnf`);
  }
  await writeRows(n1, 1);
  await n1.must('drbdadm primary r0 && mount /dev/drbd0 /db && rm /db/mark-n1 && umount /db && drbdadm secondary r0');
  await cutReplication(stage);
  await writeRows(n1, 101);
  // The binary log counts whole seconds.
  await stage.pass(1_100);
  await writeRows(n2, 201);
  await healToStandAlone(stage);
  await stage.startBoth();
  await stage.untilSaid(n1, 'n2 is up');
  await stage.untilSaid(n2, 'n1 is up');
}

async function readBothDisks(stage: Stage): Promise<void> {
  const { n1, n2 } = stage;
  const before = await inspect(n1);
  const isUnknown = before.account.sides.every(({ databaseSentence }) => /not mounted there/.test(databaseSentence));
  stage.fact('asked for nothing, no disk is read', isUnknown, before.account.sides);
  await factNothingLeft(stage, n1, 'asked for nothing');

  await n2.must('lvcreate --yes -s -pr -n tandem-read-r0 -L 8M tank/data; mkdir /run/tandem-read-old; mount -t ext4 -o ro,noload /dev/tank/tandem-read-r0 /run/tandem-read-old');
  const two = await inspect(n2, '--read-disk');
  const [own] = two.account.sides;
  stage.fact('n2 reads its own disk', /^binlog\.\d+ at \d+, GTID 0-1-\d+, last event/.test(own?.databaseSentence ?? ''), two);
  await n2.must('rmdir /run/tandem-read-old');
  await factNothingLeft(stage, n2, 'after a run that had died halfway');
  const broken = await n2.exec('timeout --foreground -s INT 1.2 tandem split-brain inspect r0 --read-disk');
  stage.note(`broken off after 1.2 s: exit ${String(broken.exitCode)}: ${broken.stderr}`);
  await factNothingLeft(stage, n2, 'broken off');

  const one = await inspect(n1, '--read-disk');
  const isTold = one.account.sides.every(({ databaseSentence }) => /^binlog\.\d+ at \d+, GTID/.test(databaseSentence));
  stage.fact('n1 reads its own, and has heard of that of n2', isTold, one.account.sides);
  stage.fact('n2 wrote last, by both binary logs', one.account.newer.node === 'n2', one.account.newer);
  await stage.waitFor('n2 to hear of the disk of n1', async () =>
    (await inspect(n2)).account.newer.node === 'n2');
  stage.note((await splitBrain(n2, 'inspect r0')).stdout);
  await factNothingLeft(stage, n1, 'read');
}

const FITTING = '--save-snapshot --snapshot-size 60M';

async function refusals(stage: Stage): Promise<void> {
  const { n1, n2 } = stage;
  const wrong: readonly (readonly [LabNode, string, number, RegExp])[] = [
    [n1, FITTING, 107, /can be saved only there: run this command on n2/],
    [n2, '--save-snapshot', 107, /tank has .* free, and one that can never become full takes .*: say less with --snapshot-size/],
    [n2, '--save-snapshot --snapshot-size 4M', 107, / 4 MiB are too few: the resync alone may overwrite/],
    [n2, '--save-snapshot --snapshot-size 150M', 107, /tank has .* free, but it was to take/],
    [n2, '--save-snapshot --snapshot-size lots', 64, /"lots" is not an amount of data/],
    [n2, '--snapshot-size 60M', 64, /needs --save-snapshot/],
  ];
  for (const [node, words, exit, said] of wrong) {
    const ran = await splitBrain(node, `resolve r0 --discard n2 --yes ${words}`);
    stage.fact(`${node.name}: refused with ${words}`, ran.exitCode === exit && said.test(ran.stderr), ran);
  }
  const dry = await splitBrain(n2, `resolve r0 --discard n2 --dry-run ${FITTING}`);
  stage.fact('a dry run makes none', dry.exitCode === 0 && /would make a snapshot of \/dev\/tank\/data/.test(dry.stderr), dry);
  await factNothingLeft(stage, n2, 'refused');
}

const readAndSaved: Scenario = {
  title: 'on logical volumes: both databases read from the disks, n2 saved as a snapshot and discarded',
  async play(stage) {
    const { n1, n2 } = stage;
    await diverge(stage);
    await readBothDisks(stage);
    await refusals(stage);
    const done = await splitBrain(n2, `resolve r0 --discard n2 --yes ${FITTING} --reason "n1 has the orders"`);
    stage.note(`${done.stderr}${done.stdout}`);
    stage.fact('resolve ends with 0', done.exitCode === 0, done);
    const snapshot = /snapshot (\/dev\/tank\/tandem-r0-0-\S+)/.exec(done.stderr)?.[1] ?? '';
    stage.fact('it says what the snapshot is called, and how to use it', /lvconvert --merge tank\/tandem-r0-0-.*lvremove/s.test(done.stderr) && snapshot !== '', done.stderr);
    const saved = await n2.must(`mount -t ext4 -o ro,noload ${snapshot} /mnt; cat /mnt/mark-*; ls /mnt; umount /mnt; lvs tank`);
    stage.fact('the snapshot has what n2 alone had', saved.startsWith('only n2 has this\n') && !saved.includes('mark-n1'), saved);
    stage.note(saved);
    await stage.untilOk('n1');
    const rows = await n1.must(`mariadb -u root shop -N -e 'SELECT COUNT(*), MIN(id), MAX(id) FROM shop.rows WHERE id > 100'; ls /db/mark-*`);
    stage.fact('n1 serves with its own rows alone', rows === '10\t101\t110\n/db/mark-n1', rows);
    await stage.untilInSync();
  },
};

await playAll(import.meta.url, [readAndSaved], { onLogicalVolume: true });
