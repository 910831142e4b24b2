// States that DRBD 8.4.11 passes through in a blink. Each lasts here because what it waits for is
// held up: a disk that answers nothing (device mapper, suspended), one that answers late, a cable
// with a delay, a peer that stands still.

import { setTimeout as sleep } from 'node:timers/promises';
import { FAST_KIB, SECTORS, SLOW_KIB, type Tour } from './tour.js';

const IN_SYNC = /^ 0: cs:Connected ro:\S+ ds:UpToDate\/UpToDate/m;
const FILE = '/etc/drbd.d/r0.res';
/** Extents that the first writes made hot: writing there again needs no activity log transaction. */
const HOT = 'bs=64k count=1 seek=512';

/** Disks that answer nothing, disks that answer late, and their end. */
const SUSPEND = 'dmsetup suspend --noflush --nolockfs a';
const RESUME = 'dmsetup resume a';

function table(target: string): string {
  const line = `0 ${SECTORS.a} ${target}`;
  return `dmsetup suspend a; dmsetup reload a --table '${line}'; dmsetup resume a`;
}

function late(ms: number): string {
  return table(`delay /dev/ubdb 0 ${ms}`);
}

const IN_TIME = table('linear /dev/ubdb 0');

/** Starts what may hang, and does not wait for it. */
async function begin(tour: Tour, name: string, script: string): Promise<void> {
  await tour.on(name, `setsid -f sh -c '${script}' >/dev/null 2>&1 </dev/null`);
}

async function write(tour: Tour, where = HOT): Promise<void> {
  await begin(tour, 'n1', `dd if=/dev/urandom of=/dev/drbd0 ${where} oflag=direct conv=notrunc`);
}

async function settle(tour: Tour): Promise<void> {
  await tour.both('drbdadm connect r0 2>/dev/null || true');
  await tour.rate(0, FAST_KIB);
  await tour.rec.until('n1', IN_SYNC);
}

async function configure(tour: Tour, from: string, to: string): Promise<void> {
  await tour.both(`sed -i '/resource r0/,/^}/ s/${from}/${to}/' ${FILE}; drbdadm adjust r0`);
}

/** r0 up again, n1 Primary, and the extents that are written to later hot. */
async function start(tour: Tour): Promise<void> {
  await tour.both('modprobe dm-delay; modprobe sch_netem; drbdadm adjust r0');
  await tour.rec.until('n1', /^ 0: cs:Connected/m);
  await tour.on('n1', 'drbdadm primary r0');
  await settle(tour);
  await write(tour);
  await sleep(500);
}

/** A resync with its controller, a resync that begins, bitmaps that are exchanged. */
export async function resyncs(tour: Tour): Promise<void> {
  const { rec } = tour;
  await start(tour);
  const controller = '--c-plan-ahead=20 --c-fill-target=64k --c-max-rate=4096';
  await tour.both(`drbdsetup disk-options 0 ${controller} --resync-rate=${SLOW_KIB}`);
  await tour.on('n2', 'drbdadm invalidate r0');
  await rec.until('n2', /want: [1-9]/);
  await rec.capture('syncing-controlled');
  await rec.configuration('syncing-controlled');
  await tour.both('drbdsetup disk-options 0 --c-plan-ahead=0');
  await settle(tour);
  for (const [state, node] of [['starting-sync-target', 'n2'], ['starting-sync-source', 'n1']] as const) {
    await tour.on(node, SUSPEND);
    await begin(tour, 'n2', 'drbdadm invalidate r0');
    await rec.until(node, /StartingSync/);
    await sleep(1_000);
    await rec.glimpse(state, ['n1', 'n2']);
    await tour.on(node, RESUME);
    await settle(tour);
  }
  await tour.on('n2', 'drbdadm disconnect r0');
  await write(tour);
  await sleep(300);
  await tour.on('n2', SUSPEND);
  await begin(tour, 'n2', 'drbdadm connect r0');
  await rec.until('n2', /WFBitMapT/);
  await rec.glimpse('bitmaps', ['n1', 'n2']);
  await tour.on('n2', RESUME);
  await settle(tour);
}

/** Connections that end while a disk still owes an answer. */
export async function farewells(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  const ends = [
    ['teardown', /TearDown/, async () => begin(tour, 'n1', 'drbdadm disconnect r0')],
    ['broken-pipe', /BrokenPipe/, async () => begin(tour, 'n1', 'drbdadm disconnect --force r0')],
    ['network-failure', /NetworkFailure/, async () => lab.setLink('n2', 'replication', 'down')],
  ] as const;
  for (const [state, pattern, end] of ends) {
    await tour.on('n2', SUSPEND);
    await write(tour);
    await sleep(500);
    await end();
    await rec.until('n2', pattern);
    await rec.glimpse(state, ['n1', 'n2']);
    await tour.on('n2', RESUME);
    await lab.setLink('n2', 'replication', 'up');
    await settle(tour);
  }
  await owedReads(tour);
  await begin(tour, 'n1', 'drbdadm disconnect r0');
  await rec.until('n1', /Disconnecting/);
  await rec.glimpse('disconnecting', ['n1', 'n2']);
  await tour.on('n1', RESUME);
  await rec.until('n1', /StandAlone/);
  await settle(tour);
  await configure(tour, 'timeout 20;', 'timeout 20; ko-count 1;');
  await settle(tour);
  await owedReads(tour);
  lab.node('n2').freeze();
  await write(tour);
  await rec.until('n1', /cs:Timeout/);
  await rec.glimpse('timeout', ['n1']);
  lab.node('n2').thaw();
  await tour.on('n1', RESUME);
  await configure(tour, 'ko-count 1;', '');
  await settle(tour);
}

/** n2 waits for blocks of n1, whose disk answers nothing. */
async function owedReads(tour: Tour): Promise<void> {
  await tour.rate(0, SLOW_KIB);
  await tour.on('n2', 'drbdadm invalidate r0');
  await tour.rec.until('n1', /SyncSource[^[]*\[/);
  await sleep(500);
  await tour.on('n1', SUSPEND);
  await sleep(700);
}

/** Connections that are being made: over a cable with a delay. */
export async function greetings(tour: Tour): Promise<void> {
  const { rec } = tour;
  await tour.on('n2', 'drbdadm disconnect r0');
  await tour.on('n2', 'tc qdisc add dev vec1 root netem delay 700ms');
  await tour.on('n2', 'drbdadm connect r0');
  await rec.until('n1', /WFReportParams/);
  await rec.glimpse('reporting', ['n1']);
  await tour.on('n2', 'tc qdisc del dev vec1 root');
  await settle(tour);
}

/** Disks that come and go. */
export async function disks(tour: Tour): Promise<void> {
  const { lab, rec } = tour;
  await tour.on('n2', 'drbdadm detach r0');
  await tour.on('n2', late(700));
  await begin(tour, 'n2', 'drbdadm attach r0');
  await rec.until('n2', /ds:Attaching/);
  await rec.glimpse('attaching', ['n1', 'n2']);
  await rec.until('n2', IN_SYNC);
  await tour.on('n2', IN_TIME);
  await tour.on('n2', 'drbdadm detach r0');
  lab.node('n1').freeze();
  await begin(tour, 'n2', 'drbdadm attach r0');
  await rec.until('n2', /ds:Negotiating/);
  await rec.glimpse('negotiating', ['n2']);
  lab.node('n1').thaw();
  await settle(tour);
  await tour.on('n2', SUSPEND);
  await write(tour);
  await sleep(500);
  await begin(tour, 'n2', 'drbdsetup detach 0 --force');
  await rec.until('n2', /ds:Failed/);
  await rec.glimpse('failed', ['n1', 'n2']);
  await tour.on('n2', RESUME);
  await rec.until('n2', /ds:Diskless/);
  await tour.on('n2', 'drbdadm attach r0');
  await settle(tour);
  await tour.both('drbdsetup resource-options r0 --on-no-data-accessible=suspend-io');
  await tour.on('n1', 'drbdadm detach r0');
  await lab.setLink('n2', 'replication', 'down');
  await rec.until('n1', /WFConnection \S+ ds:Diskless\S+ C s/);
  await rec.capture('no-data-suspended');
  await lab.setLink('n2', 'replication', 'up');
  await rec.until('n1', /cs:Connected/);
  await tour.on('n1', 'drbdadm attach r0');
  await settle(tour);
  await tour.both('drbdsetup resource-options r0 --on-no-data-accessible=io-error');
}

/** The other protocols; a Secondary whose disk is too slow for a Primary that does not wait. */
export async function protocols(tour: Tour): Promise<void> {
  const { rec } = tour;
  await configure(tour, 'protocol C;', 'protocol B;');
  await rec.capture('protocol-b');
  await rec.configuration('protocol-b');
  const ahead = 'protocol A; on-congestion pull-ahead; congestion-fill 64k;';
  await configure(tour, 'protocol B;', ahead);
  await settle(tour);
  await tour.on('n2', late(700));
  await write(tour, 'bs=64k count=40 seek=50');
  await rec.until('n2', /cs:Behind/);
  await rec.capture('behind');
  await tour.on('n2', IN_TIME);
  await settle(tour);
  await configure(tour, ahead, 'protocol C;');
  await settle(tour);
}

/** The driver calls a resync stalled after three minutes without a block. */
const STALLED_MS = 186_000;

export async function stalled(tour: Tour): Promise<void> {
  const { rec } = tour;
  await tour.both('drbdadm net-options --ko-count=0 r0');
  await tour.rate(0, SLOW_KIB);
  await tour.on('n2', 'drbdadm invalidate r0');
  await rec.until('n1', /SyncSource[^[]*\[/);
  await sleep(2_000);
  await tour.on('n2', SUSPEND);
  await sleep(STALLED_MS);
  await rec.until('n1', /\(stalled\)/);
  await rec.glimpse('stalled', ['n1', 'n2']);
  await tour.on('n2', RESUME);
  await settle(tour);
  await tour.both('drbdadm down all');
}
