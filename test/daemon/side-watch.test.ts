import t from 'tap';
import { SideWatch, type Side, type SideWitness, type SideWorld, type WitnessNote } from '../../src/daemon/side-watch.js';
import { WitnessFile } from '../../src/daemon/side-witness.js';
import { drbd } from '../failover/driver.js';
import { folder } from '../support/temporary.js';

const LINE = '0E00F5D4B1A06EAB:977BC1D2E3F414DC:0000000000000000:0000000000000000:1:1:1:0:0:0:0';
const KERNEL = '[   61.500000] drbd r0/0 drbd0: new current UUID 0E00F5D4B1A06EAA:1:2:3\n';

interface Bench {
  readonly watch: SideWatch;
  readonly world: { nowMs: number; calm: boolean; wanted: boolean; log: string; reads: number };
  readonly posted: (Side | null)[];
  readonly notes: Map<string, WitnessNote>;
}

function bench(): Bench {
  const world = { nowMs: 0, calm: true, wanted: false, log: KERNEL, reads: 0 };
  const posted: (Side | null)[] = [];
  const notes = new Map<string, WitnessNote>();
  const witness: SideWitness = {
    get: (resource) => notes.get(resource),
    set: (resource, note) => {
      if (note === null) notes.delete(resource);
      else notes.set(resource, note);
    },
  };
  const parts: SideWorld = {
    nowMs: () => world.nowMs,
    wallMs: () => 1_700_000_000_000 + world.nowMs,
    isCalm: () => world.calm,
    isWanted: () => world.wanted,
    generations: () => {
      world.reads += 1;
      return Promise.resolve([LINE]);
    },
    kernelLog: () => Promise.resolve(world.log),
    bootWallMs: () => 1_699_000_000_000,
    position: () => Promise.resolve({ kind: 'unknown', why: 'noBinlog' }),
    witness,
    post: (_resource, side) => void posted.push(side),
  };
  return { watch: new SideWatch(parts), world, posted, notes };
}

const APART = { connection: 'StandAlone', role: 'Primary', outOfSyncBytes: 4_096 } as const;

/** Looks as the poll does, every 200 ms. */
async function look({ watch, world }: Bench, change: Parameters<typeof drbd>[0], forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 200) {
    watch.look([drbd(change)]);
    await new Promise((resolve) => setImmediate(resolve));
    world.nowMs += 200;
  }
}

t.test('sides: nothing is asked while DRBD is connected, nor while something goes on', async (t) => {
  const one = bench();
  await look(one, {}, 5_000);
  one.world.calm = false;
  await look(one, APART, 5_000);
  t.equal(one.world.reads, 0);
  one.world.calm = true;
  await look(one, APART, 400);
  t.equal(one.world.reads, 1);
  t.match(one.posted, [
    {
      resource: 'r0',
      disk: 'UpToDate',
      volumes: [{ volume: 0, generation: LINE, outOfSyncBytes: 4_096 }],
      began: { seconds: 1_699_000_061, source: 'kernel' },
      database: '-noBinlog',
    },
  ]);
});

t.test('sides: a state must rest, is read once a minute, and a change takes back what was told', async (t) => {
  const one = bench();
  await look(one, APART, 1_000);
  t.equal(one.world.reads, 0, 'not within the first second');
  await look(one, APART, 58_000);
  t.equal(one.world.reads, 1);
  await look(one, APART, 4_000);
  t.equal(one.world.reads, 2, 'CURRENT can change unseen');
  t.equal(one.posted.length, 1, 'the same is not told again');
  await look(one, { ...APART, outOfSyncBytes: 8_192 }, 6_000);
  t.match(one.posted.at(-1), { volumes: [{ outOfSyncBytes: 8_192 }] }, 'an amount needs no fork');
  t.equal(one.world.reads, 2);
  await look(one, { ...APART, role: 'Secondary' }, 200);
  t.equal(one.posted.at(-1), null, 'another role: doubtful at once');
  await look(one, { ...APART, role: 'Secondary' }, 2_000);
  t.equal(one.world.reads, 3);
  await look(one, {}, 200);
  t.equal(one.posted.at(-1), null, 'connected');
  one.world.wanted = true;
  await look(one, {}, 2_000);
  t.equal(one.world.reads, 4, 'wanted: to see that a resync has made both sides one');
});

t.test('sides: a position that somebody read of the disk is told, as long as the data is the same', async (t) => {
  const given = { current: '0e00f5d4b1a06eaa'.replace(/^0/, ''), position: 'binlog.000001:42:7:0-1-9' };
  const one = bench();
  t.notOk(one.watch.give('r0', given), 'nothing was read yet to compare it with');
  const apart = { ...APART, role: 'Secondary' } as const;
  await look(one, apart, 2_000);
  t.notOk(one.watch.give('r0', { ...given, current: 'a2c9f5d4b1a05efe' }), 'of other data');
  t.notOk(one.watch.give('r1', given), 'of another resource');
  t.equal(one.posted.at(-1)?.database, '-noBinlog');
  t.ok(one.watch.give('r0', given));
  t.equal(one.posted.at(-1)?.database, given.position, 'told at once');
  await look(one, { ...apart, outOfSyncBytes: 0 }, 2_000);
  t.equal(one.world.reads, 2);
  t.equal(one.posted.at(-1)?.database, given.position, 'and when the identifiers are read again');
  await look(one, APART, 2_000);
  await look(one, apart, 2_000);
  t.equal(one.posted.at(-1)?.database, '-noBinlog', 'it was Primary since: what was read may be old');
  t.ok(one.watch.give('r0', given));
  await look(one, {}, 400);
  await look(one, apart, 2_000);
  t.equal(one.posted.at(-1)?.database, '-noBinlog', 'it was connected since');
});

t.test('sides: since when, by what Tandem saw, when the kernel log does not tell', async (t) => {
  const one = bench();
  one.world.log = '';
  await look(one, {}, 1_000);
  await look(one, APART, 3_000);
  t.strictSame(one.posted.at(-1)?.began, { seconds: 1_700_000_001, source: 'tandem' });
  await look(one, {}, 200);
  t.equal(one.notes.size, 0, 'connected again: forgotten');
  const late = bench();
  late.world.log = '';
  await look(late, APART, 3_000);
  t.equal(late.posted.at(-1)?.began, null, 'it was so when Tandem came: nobody saw it begin');
});

t.test('sides: what was seen outlives a restart, and a damaged file costs nothing else', async (t) => {
  const at = folder(t);
  const note: WitnessNote = { aloneSeconds: 7, current: null, began: { seconds: 7, source: 'tandem' } };
  const first = new WitnessFile(at);
  first.set('r0', note);
  first.set('r1', note);
  first.set('r1', null);
  await first.settled();
  const second = new WitnessFile(at);
  t.strictSame([second.get('r0'), second.get('r1')], [note, undefined]);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${at}/witness.json`, '{"r0": 1');
  t.equal(new WitnessFile(at).get('r0'), undefined);
  const nowhere = new WitnessFile(`${at}/none`);
  nowhere.set('r0', note);
  await nowhere.settled();
  t.strictSame(nowhere.get('r0'), note);
});
