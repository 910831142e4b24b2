// Every state of DRBD 8.4.11 that two nodes can reach, one after the other. Each step brings the
// pair there by the commands that an operator would use, or by what happens to disks and cables.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.js';
import type { LabNode } from '../node.js';
import type { Recorder } from './recorder.js';

/** Slow enough that a run of 48 MiB can be looked at. */
export const SLOW_KIB = 2_048;
export const FAST_KIB = 409_600;

/** r0: one volume, r1: two. All lie on device-mapper pieces of the data disk, which can fail. */
export const SECTORS = { a: 98_304, b: 65_536, c: 65_536 } as const;

function piecesScript(): string {
  let start = 0;
  const lines = Object.entries(SECTORS).map(([name, sectors]) => {
    const line = `dmsetup create ${name} --table '0 ${sectors} linear /dev/ubdb ${start}'`;
    start += sectors;
    return line;
  });
  return ['set -e', ...lines, 'dmsetup mknodes'].join('\n');
}

function resourceFile(pair: readonly LabNode[]): string {
  const net = 'protocol C; timeout 20; ping-int 3; ping-timeout 5; connect-int 3;';
  const on = (node: LabNode, port: number, volumes: string): string =>
    `  on ${node.name} { address ${node.addresses.replication}:${port}; ${volumes} }\n`;
  const volume = (number: number, minor: number, piece: string): string =>
    `volume ${number} { device minor ${minor}; disk /dev/mapper/${piece}; meta-disk internal; }`;
  return [
    'resource r0 {\n',
    `  net { ${net} verify-alg crc32c; }\n`,
    `  disk { c-plan-ahead 0; resync-rate ${SLOW_KIB}; on-io-error detach; }\n`,
    ...pair.map((node) => on(node, 7788, volume(0, 0, 'a'))),
    '}\n',
    'resource r1 {\n',
    `  net { ${net} }\n`,
    '  handlers { fence-peer "/run/fence-peer"; }\n',
    `  disk { c-plan-ahead 0; resync-rate ${SLOW_KIB}; fencing resource-and-stonith; }\n`,
    ...pair.map((node) => on(node, 7789, `${volume(0, 10, 'b')} ${volume(1, 11, 'c')}`)),
    '}\n',
  ].join('');
}

/** The pair and the recorder, with the short forms that the steps use. */
export class Tour {
  readonly lab: Lab;
  readonly rec: Recorder;

  constructor(lab: Lab, rec: Recorder) {
    this.lab = lab;
    this.rec = rec;
  }

  async on(name: string, script: string): Promise<string> {
    return this.lab.node(name).must(script, { timeoutMs: 30_000 });
  }

  async both(script: string): Promise<void> {
    await Promise.all(this.lab.nodes.map((node) => node.must(script, { timeoutMs: 30_000 })));
  }

  /** Prepares disks and configuration after a boot; `fresh` also makes meta data. */
  async prepare(node: LabNode, fresh: boolean): Promise<void> {
    await node.must(piecesScript());
    await node.writeFile('/etc/drbd.d/global_common.conf', 'global { usage-count no; }\n');
    await node.writeFile('/etc/drbd.d/r0.res', resourceFile(this.lab.nodes));
    await node.writeFile('/run/fence-peer', '#!/bin/sh\nsleep 3\nexit 4\n', { mode: 0o755 });
    await this.rec.listen(node);
    if (fresh) await node.must('drbdadm create-md --force all </dev/null', { timeoutMs: 30_000 });
  }

  async rate(minor: number, kib: number): Promise<void> {
    await this.both(`drbdsetup disk-options ${minor} --resync-rate=${kib}`);
  }

  async write(name: string, minor: number, mib: number, seek: number): Promise<void> {
    const target = `of=/dev/drbd${minor} bs=1M count=${mib} seek=${seek}`;
    await this.on(name, `dd if=/dev/urandom ${target} oflag=direct conv=notrunc status=none`);
  }
}

/** From the loaded module to a pair in sync. */
export async function firstSync(tour: Tour): Promise<void> {
  const { rec } = tour;
  await rec.capture('module-loaded');
  await tour.on('n1', 'drbdsetup new-resource r0; drbdsetup new-minor r0 0 0');
  await rec.capture('created', ['n1']);
  await tour.on('n1', 'drbdadm attach r0');
  await rec.capture('attached-alone', ['n1']);
  await tour.on('n1', 'drbdadm adjust r0');
  await rec.until('n1', /WFConnection/);
  await rec.capture('waiting-fresh', ['n1']);
  await tour.on('n2', 'drbdadm up r0');
  await rec.until('n2', /cs:Connected/);
  await rec.capture('connected-inconsistent');
  await tour.on('n1', 'drbdadm primary --force r0');
  await rec.until('n2', /SyncTarget[^[]*\[/);
  await sleep(4_000);
  await rec.capture('syncing');
  await tour.both('echo 1 > /sys/module/drbd/parameters/proc_details');
  await rec.capture('syncing-details');
  await tour.both('echo 0 > /sys/module/drbd/parameters/proc_details');
  await tour.on('n2', 'drbdadm pause-sync r0');
  await rec.until('n1', /PausedSyncS/);
  await rec.capture('paused-by-target');
  await tour.on('n1', 'drbdadm pause-sync r0');
  await rec.capture('paused-by-both');
  await tour.both('drbdadm resume-sync r0');
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /UpToDate\/UpToDate/);
  await rec.capture('in-sync');
}

/** What an operator does to a pair in sync. */
export async function operations(tour: Tour): Promise<void> {
  const { rec } = tour;
  await tour.rate(0, SLOW_KIB);
  await tour.on('n2', 'dd if=/dev/urandom of=/dev/mapper/a bs=4k count=3 seek=20 conv=notrunc');
  await tour.on('n1', 'drbdadm verify r0');
  await rec.until('n1', /VerifyS[^[]*\[/);
  await sleep(3_000);
  await rec.capture('verifying');
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /cs:Connected/);
  await rec.capture('verified-with-differences');
  await tour.both('drbdadm disconnect r0');
  await rec.until('n1', /StandAlone/);
  await rec.capture('standalone-by-hand');
  await tour.both('drbdadm connect r0');
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('differences-gone');
  await tour.on('n1', 'drbdadm suspend-io r0');
  await rec.capture('io-suspended');
  await tour.on('n1', 'drbdadm resume-io r0');
  await tour.on('n2', 'drbdadm disconnect r0');
  await rec.until('n1', /WFConnection/);
  await rec.capture('peer-disconnected');
  await tour.on('n2', 'drbdadm outdate r0');
  await rec.capture('outdated');
  await tour.on('n2', 'drbdadm connect r0');
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await tour.on('n2', 'drbdadm detach r0');
  await rec.until('n1', /UpToDate\/Diskless/);
  await rec.capture('target-detached');
  await tour.on('n2', 'drbdadm attach r0');
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('attached-again');
}

/** Disks that fail and cables that are pulled. */
export async function troubles(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  const failing = `dmsetup suspend a; dmsetup reload a --table '0 ${SECTORS.a} error'; dmsetup resume a`;
  await tour.on('n1', failing);
  await tour.on('n1', 'dd if=/dev/drbd0 of=/dev/null bs=1M count=4 iflag=direct status=none');
  await rec.until('n1', /Diskless/);
  await rec.capture('primary-disk-failed');
  const whole = `dmsetup suspend a; dmsetup reload a --table '0 ${SECTORS.a} linear /dev/ubdb 0'; dmsetup resume a`;
  await tour.on('n1', whole);
  await tour.on('n1', 'drbdadm attach r0');
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('disk-back');
  await lab.setLink('n2', 'replication', 'down');
  await tour.write('n1', 0, 1, 3);
  await rec.until('n2', /WFConnection/);
  await rec.until('n1', /WFConnection/);
  await rec.capture('cable-pulled');
  await lab.setLink('n2', 'replication', 'up');
  await tour.rate(0, SLOW_KIB);
  await rec.until('n1', /SyncSource|Connected ro/);
  await rec.capture('cable-back');
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
}

/** Split brain, made and resolved. */
export async function splitBrain(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  await lab.setLink('n2', 'replication', 'down');
  await rec.until('n2', /WFConnection/);
  await rec.until('n1', /WFConnection/);
  await tour.on('n2', 'drbdadm primary r0');
  await tour.write('n1', 0, 2, 5);
  await tour.write('n2', 0, 3, 10);
  await rec.capture('both-primary');
  await lab.setLink('n2', 'replication', 'up');
  await rec.until('n1', /StandAlone/);
  await sleep(4_000);
  await rec.capture('split-brain');
  await tour.on('n2', 'drbdadm secondary r0');
  // A side that refused the peer may have no connection left.
  await tour.both('drbdadm disconnect r0 || true');
  await tour.rate(0, SLOW_KIB);
  await tour.on('n2', 'drbdadm connect --discard-my-data r0');
  await tour.on('n1', 'drbdadm connect r0');
  await rec.until('n2', /SyncTarget/);
  await rec.capture('split-brain-resolving');
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('split-brain-resolved');
}

/** Copies made anew, a congested link, a peer with another secret. */
export async function oddities(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  await tour.rate(0, SLOW_KIB);
  await tour.on('n2', 'drbdadm invalidate r0');
  await rec.until('n2', /SyncTarget[^[]*\[/);
  await rec.capture('invalidated');
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  const file = '/etc/drbd.d/r0.res';
  const congested = 'protocol A; on-congestion pull-ahead; congestion-fill 64k;';
  await tour.both(`sed -i 's/verify-alg crc32c;/& ${congested}/' ${file}; drbdadm adjust r0`);
  await tour.rate(0, FAST_KIB);
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  lab.node('n2').freeze();
  await tour.write('n1', 0, 4, 20);
  await rec.until('n1', /Ahead/);
  await rec.capture('ahead', ['n1']);
  lab.node('n2').thaw();
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('ahead-over');
  await tour.both('drbdadm disconnect r0');
  const secret = (word: string): string =>
    `sed -i 's/${congested}/cram-hmac-alg sha1; shared-secret ${word};/' ${file}; drbdadm connect r0`;
  await tour.on('n1', secret('one'));
  await tour.on('n2', secret('two'));
  await sleep(5_000);
  await rec.capture('secrets-differ');
  await tour.both(`drbdadm disconnect r0; sed -i 's/shared-secret [a-z]*;/shared-secret same;/' ${file}`);
  await tour.both('drbdadm connect r0');
  await rec.until('n1', /Connected ro:\S+ ds:UpToDate\/UpToDate/);
}

/** Two volumes, DRBD's own fencing, resync-after, a primary that loses its power. */
export async function twoVolumes(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  await tour.both('drbdadm up r1');
  await rec.until('n1', /11: cs:Connected/);
  await rec.capture('two-volumes-fresh');
  await tour.both('drbdsetup disk-options 11 --resync-after=10');
  await tour.on('n1', 'drbdadm primary --force r1');
  await rec.until('n1', /10: cs:SyncSource[^[]*\[/);
  await sleep(1_000);
  await rec.capture('two-volumes-one-waits');
  await tour.rate(10, FAST_KIB);
  await tour.rate(11, FAST_KIB);
  await rec.until('n1', /11: cs:Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await rec.capture('two-volumes-in-sync');
  await tour.on('n2', 'drbdadm detach r1/1');
  await rec.until('n1', /11: cs:Connected ro:\S+ ds:UpToDate\/Diskless/);
  await rec.capture('two-volumes-one-diskless');
  await tour.on('n2', 'drbdadm attach r1/1');
  await rec.until('n1', /11: cs:Connected ro:\S+ ds:UpToDate\/UpToDate/);
  await lab.node('n2').powerCut();
  await rec.until('n1', /11: cs:\S+ ro:\S+ ds:\S+ C s/);
  await rec.capture('fencing-runs');
  await rec.until('n1', /11: cs:\S+ ro:\S+ ds:UpToDate\/Outdated C r/);
  await rec.capture('peer-fenced');
}

/** What a node finds at its start. */
export async function restarts(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  await tour.write('n1', 10, 2, 1);
  await tour.on('n1', 'drbdadm secondary r0');
  const n2 = lab.node('n2');
  await n2.boot();
  await tour.prepare(n2, false);
  await n2.must('drbdadm attach r1');
  await rec.capture('consistent-alone', ['n2']);
  await tour.rate(10, SLOW_KIB).catch(() => undefined);
  await n2.must('drbdadm adjust all', { timeoutMs: 30_000 });
  await rec.until('n2', /11: cs:Connected/);
  await rec.capture('after-restart');
  await rec.until('n1', /10: cs:Connected ro:\S+ ds:UpToDate\/UpToDate/);
  const n1 = lab.node('n1');
  await n1.powerCut();
  await rec.until('n2', /WFConnection/);
  await n1.boot();
  await tour.prepare(n1, false);
  await n1.must('drbdadm attach r1', { timeoutMs: 30_000 });
  await rec.capture('crashed-primary', ['n1']);
  await n1.must('drbdadm adjust all', { timeoutMs: 30_000 });
  await rec.until('n1', /11: cs:Connected/);
  await rec.capture('crashed-primary-back');
  await tour.both('drbdadm down all');
  await rec.capture('down');
}
