/**
 * How long it takes to read /proc/drbd: the 8.4 layout with 1,000 devices, a third of them
 * syncing, and the same for one device. Prints the very first reading of this process, for which
 * nothing is compiled yet, on its own; then medians of 101 readings after a warm-up of 200. Beside
 * the clock on the wall stands the processor time of a reading, which other programs disturb less.
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

interface Measured {
  readonly medianMs: number;
  /** Of one run, with what the engine compiles and tidies up beside it. */
  readonly processorMs: number;
}

function measure(run: () => void, rounds: number): Measured {
  const usedBefore = process.cpuUsage().user;
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.hrtime.bigint();
    run();
    times.push(Number(process.hrtime.bigint() - before) / 1e6);
  }
  const processorMs = (process.cpuUsage().user - usedBefore) / 1_000 / rounds;
  times.sort((a, b) => a - b);
  return { medianMs: times[Math.floor(rounds / 2)] ?? Number.NaN, processorMs };
}

function tell(what: string, { medianMs, processorMs }: Measured): void {
  const figures = `${medianMs.toFixed(3)} ms, processor time ${processorMs.toFixed(3)} ms`;
  console.log(`proc-drbd ${what}: ${figures}`);
}

const ROUNDS = 101;
const WARM_UP_ROUNDS = 200;

for (const devices of [1_000, 1]) {
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
  const what = `${devices} device(s), ${text.length} bytes`;
  if (devices > 1) tell(`first parse, ${what}`, measure(read, 1));
  for (const [name, run] of [
    ['parse', read],
    ['parse + facts', readFacts],
  ] as const) {
    measure(run, WARM_UP_ROUNDS);
    tell(`${name}, ${what}`, measure(run, ROUNDS));
  }
}
