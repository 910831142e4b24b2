/**
 * How long it takes to follow DRBD's event stream: the dump of 1,000 resources of one volume
 * (4,000 lines), then single changes onto that picture, and the facts of all of it. Prints medians
 * of nine runs after a warm-up.
 */
import { EMPTY_FOLD, foldEvents2, modelFromFold, type Events2Fold } from '../src/drbd/model-events.js';
import { factsFromModel } from '../src/drbd/model-facts.js';

const RESOURCES = 1_000;
const CHANGES = 1_000;
const ROUNDS = 9;
const WARM_UP_ROUNDS = 10;

function dumpOf(index: number): readonly string[] {
  const peer = `name:r${index} peer-node-id:0 conn-name:peer`;
  return [
    `exists resource name:r${index} role:Primary suspended:no write-ordering:flush`,
    `exists connection ${peer} connection:Connected role:Secondary congested:no`,
    `exists device name:r${index} volume:0 minor:${index} disk:UpToDate size:49112 read:7692 ` +
      'written:0 al-writes:8 bm-writes:0 upper-pending:0 lower-pending:0 al-suspended:no blocked:no',
    `exists peer-device ${peer} volume:0 replication:SyncSource peer-disk:Inconsistent ` +
      'resync-suspended:no received:0 sent:7692 out-of-sync:41420 pending:0 unacked:0',
  ];
}

const STAMP = '2026-11-21T07:26:36.289830+00:00';

function changeOf(count: number): string {
  const word = count % 2 === 0 ? 'Established' : 'SyncSource';
  return (
    `${STAMP} change peer-device name:r${count % RESOURCES} peer-node-id:0 conn-name:peer ` +
    `volume:0 replication:${word} received:0 sent:${count} out-of-sync:49112 pending:0 unacked:0`
  );
}

function medianMs(run: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
    const before = process.hrtime.bigint();
    run();
    times.push(Number(process.hrtime.bigint() - before) / 1e6);
  }
  const kept = times.slice(WARM_UP_ROUNDS).sort((a, b) => a - b);
  return kept[Math.floor(kept.length / 2)] ?? Number.NaN;
}

function print(what: string, ms: number): void {
  console.log(`events2 ${what}: ${ms.toFixed(3)} ms`);
}

const dump = [
  ...Array.from({ length: RESOURCES }, (_, index) => dumpOf(index)).flat(),
  'exists -',
];
const changes = Array.from({ length: CHANGES }, (_, count) => changeOf(count));
const whole = foldEvents2(EMPTY_FOLD, dump);
const one = foldEvents2(EMPTY_FOLD, [...dumpOf(0), 'exists -']);
if (whole.problems.length > 0 || whole.resources.size !== RESOURCES) {
  throw new Error('the benchmark reads something that is not understood');
}

const oneByOne = (start: Events2Fold, lines: readonly string[]): Events2Fold =>
  lines.reduce((fold, line) => foldEvents2(fold, [line]), start);
const ofOne = Array.from({ length: CHANGES }, (_, count) => changeOf(count * RESOURCES));

print(`fold, dump of ${RESOURCES} resources, ${dump.length} lines`, medianMs(() => foldEvents2(EMPTY_FOLD, dump)));
print(`fold, ${CHANGES} changes that come together`, medianMs(() => foldEvents2(whole, changes)));
print(
  `fold, each change by itself, ${RESOURCES} resources (mean of ${CHANGES})`,
  medianMs(() => oneByOne(whole, changes)) / CHANGES,
);
print(`fold, each change by itself, 1 resource (mean of ${CHANGES})`, medianMs(() => oneByOne(one, ofOne)) / CHANGES);
print(
  `facts of ${RESOURCES} resources`,
  medianMs(() => modelFromFold(whole).resources.map(factsFromModel)),
);
