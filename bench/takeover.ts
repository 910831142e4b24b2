// What a takeover and a planned move cost, beside the same steps as a bare shell script on the
// same machines in the same run: `npm run bench takeover [ROUNDS]`.
//
//     power cut   from the cut to the first acknowledged write, and of it the steps alone
//                 (promote, mount, address, database: after detection and fencing)
//     floor       the same steps as one bash script after a power cut, DRBD cut off its peer first
//     move        `tandem move`, as the client saw it

import { strict as assert } from 'node:assert';
import { fileURLToPath } from 'node:url';
import type { HistoryEntry } from '../src/base/control.js';
import {
  configure,
  GROUP,
  history,
  isOk,
  startedOn,
  startTandemd,
  untilStatus,
} from '../lab/cluster.js';
import { floorGiveUp, floorTakeOver } from '../lab/floor.js';
import { Lab } from '../lab/lab.js';
import type { LabNode } from '../lab/node.js';
import { insideSandbox, labProblem, runInSandbox } from '../lab/sandbox.js';
import { setupDrbd, STORAGE, waitForDrbd } from '../lab/storage.js';
import { Writer } from '../lab/writer.js';

const ROUNDS_DEFAULT = 5;
const PATIENCE = { timeoutMs: 120_000 } as const;
const STEPS = ['promote', 'mount', 'address', 'database'];
/** Rows before and after an event, so that its outage has two ends. */
const ROWS = 100;

/** One round's figures in ms. */
type Round = {
  readonly outageMs: number;
  readonly detectionMs: number;
  readonly fencingMs: number;
  readonly stepsMs: number;
  readonly floorMs: number;
  readonly moveMs: number;
  readonly moveFloorMs: number;
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function inside(rounds: number): Promise<number> {
  const lab = await Lab.create();
  try {
    await lab.bootAll();
    await setupDrbd(lab);
    await configure(lab);
    // One writer for all rounds: a row's number is never used twice.
    const writer = new Writer();
    writer.start();
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const result = await oneRound(writer, lab.node('n1'), lab.node('n2'));
      results.push(result);
      say(`round ${round}: ${JSON.stringify(result)}`);
    }
    await writer.stop();
    await proveRows(writer, lab.node('n1'));
    report(results);
  } finally {
    await lab.dispose();
  }
  return 0;
}

/** Begins and ends with both nodes up, in sync, and nothing running. */
async function oneRound(writer: Writer, n1: LabNode, n2: LabNode): Promise<Round> {
  const floor = await floorRound(writer, n1, n2);
  const daemons = await Promise.all([startTandemd(n1), startTandemd(n2)]);
  await untilStatus(n2, 'all is well', (seen) => isOk(seen) && startedOn(seen, 'n1'), PATIENCE);
  await writer.untilWritten(ROWS, PATIENCE);
  const outageMs = await outageOf(writer, async () => n1.powerCut());
  const entry = await lastEntry(n2);
  await n1.boot();
  const again = await startTandemd(n1);
  await untilStatus(n2, 'all is well', (seen) => isOk(seen) && startedOn(seen, 'n2'), PATIENCE);
  const move = async (): Promise<unknown> => n2.must(`tandem move ${GROUP} --to n1`, PATIENCE);
  const moveMs = await outageOf(writer, move);
  await end(n2, daemons[1]);
  await end(n1, again);
  const ms = (name: string): number => durationOf(entry, name);
  return {
    outageMs,
    detectionMs: ms('detection'),
    fencingMs: ms('fencing'),
    stepsMs: STEPS.reduce((sum, name) => sum + ms(name), 0),
    moveMs,
    ...floor,
  };
}

/** The longest time without an acknowledged row from just before an event to well after it. */
async function outageOf(writer: Writer, event: () => Promise<unknown>): Promise<number> {
  const beforeMs = Date.now() - 1_000;
  await event();
  await writer.untilWritten(ROWS, PATIENCE);
  const [longest] = writer.outages().filter((gap) => gap.fromMs >= beforeMs);
  return Math.round(longest?.durationMs ?? Number.NaN);
}

async function proveRows(writer: Writer, node: LabNode): Promise<void> {
  await floorTakeOver(node);
  const { acknowledged, lost } = await writer.verify();
  assert.deepEqual(lost, [], 'no acknowledged row is lost');
  say(`${acknowledged} rows acknowledged, none lost`);
}

/** The floor of a takeover (the peer is dead) and of a move (both are well). */
async function floorRound(
  writer: Writer,
  n1: LabNode,
  n2: LabNode,
): Promise<Pick<Round, 'floorMs' | 'moveFloorMs'>> {
  await floorTakeOver(n1);
  const gave = await floorGiveUp(n1);
  const took = await floorTakeOver(n2);
  await floorGiveUp(n2);
  await floorTakeOver(n1);
  // Both recoveries begin with a database that was being written to.
  await writer.untilWritten(ROWS, PATIENCE);
  await n1.powerCut();
  const alone = await floorTakeOver(n2, { disconnectFirst: n1 });
  await n1.boot();
  await n2.must(`drbdadm connect ${STORAGE.resource}`);
  await waitForDrbd(n2, 'ds:UpToDate/UpToDate', 60_000);
  await floorGiveUp(n2);
  return {
    floorMs: Math.round(alone.totalMs),
    moveFloorMs: Math.round(gave.totalMs + took.totalMs),
  };
}

async function end(node: LabNode, pid: number): Promise<void> {
  await node.must(`kill -TERM ${pid}; while [[ -d /proc/${pid} ]]; do sleep 0.1; done`, PATIENCE);
}

async function lastEntry(node: LabNode): Promise<HistoryEntry> {
  const entry = (await history(node))?.entries.at(-1);
  assert.ok(entry, `${node.name} has an account of the takeover`);
  return entry;
}

function durationOf(entry: HistoryEntry, name: string): number {
  const phases = entry.phases.filter((phase) => phase.name === name);
  return phases.reduce((sum, phase) => sum + (phase.durationMs ?? 0), 0);
}

function report(results: readonly Round[]): void {
  const median = (name: keyof Round): number => {
    const sorted = results.map((round) => round[name]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const ratio = (a: keyof Round, b: keyof Round): string => {
    const ratios = results.map((round) => round[a] / round[b]).sort((x, y) => x - y);
    return (ratios[Math.floor(ratios.length / 2)] ?? Number.NaN).toFixed(2);
  };
  say(`\nmedians of ${results.length} rounds, in ms`);
  say(`power cut to first acknowledged write   ${median('outageMs')}`);
  say(`  of it detection                       ${median('detectionMs')}`);
  say(`  of it fencing                         ${median('fencingMs')}`);
  say(`  of it the steps                       ${median('stepsMs')}`);
  say(`the same steps as a bare script         ${median('floorMs')}`);
  say(`steps / script, median of the ratios    ${ratio('stepsMs', 'floorMs')}`);
  say(`planned move, seen by the client        ${median('moveMs')}`);
  say(`give up + take as bare scripts          ${median('moveFloorMs')}`);
  say(`move / scripts, median of the ratios    ${ratio('moveMs', 'moveFloorMs')}`);
}

async function main(args: readonly string[]): Promise<number> {
  if (insideSandbox()) return inside(Number(args[0] ?? ROUNDS_DEFAULT));
  const problem = labProblem();
  if (problem !== null) throw new Error(problem);
  return runInSandbox(fileURLToPath(import.meta.url), args);
}

process.exit(await main(process.argv.slice(2)));
