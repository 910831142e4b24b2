/**
 * How long it takes to read /proc/drbd: the 8.4 layout with 1,000 devices, a third of them
 * syncing. Prints the median of nine readings, after a warm-up, and the same for one device.
 */
import { factsFromProc } from '../src/drbd/facts.js';
import { parseProcDrbd } from '../src/drbd/proc.js';

const HEADER = 'version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 5D2A90C41E77B3F8A60D19E \n';
const COUNTERS =
  '    ns:52840 nr:0 dw:49012 dr:9377 al:21 bm:3 lo:0 pe:2 ua:4 ap:0 ep:1 wo:f oos:180224\n';
const PROGRESS =
  "\t[=====>..............] sync'ed: 31.3% (180224/262100)K\n" +
  '\tfinish: 0:00:04 speed: 40,960 (40,960) K/sec\n';

function device(minor: number): string {
  const head = `${String(minor).padStart(2)}: cs:`;
  return minor % 3 === 0
    ? `${head}SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n${COUNTERS}` +
        PROGRESS
    : `${head}Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n${COUNTERS}`;
}

function medianMs(run: () => void, rounds: number): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.hrtime.bigint();
    run();
    times.push(Number(process.hrtime.bigint() - before) / 1e6);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? Number.NaN;
}

const ROUNDS = 9;
const WARM_UP_ROUNDS = 20;

for (const devices of [1, 1_000]) {
  const minors = Array.from({ length: devices }, (_, minor) => minor);
  const text = HEADER + minors.map(device).join('');
  const map = minors.map((minor) => ({ resource: `r${minor}`, volume: 0, minor }));
  const read = (): void => {
    const { warnings } = parseProcDrbd(text);
    if (warnings.length > 0)
      throw new Error('the benchmark reads something that is not understood');
  };
  const readFacts = (): void => {
    factsFromProc({ kind: 'read', proc: parseProcDrbd(text) }, map);
  };
  for (const [name, run] of [
    ['parse', read],
    ['parse + facts', readFacts],
  ] as const) {
    medianMs(run, WARM_UP_ROUNDS);
    const ms = medianMs(run, ROUNDS);
    console.log(
      `proc-drbd ${name}, ${devices} device(s), ${text.length} bytes: ${ms.toFixed(3)} ms`,
    );
  }
}
