// The main job, end to end: `npm run demo`. Exit 0 only if all of it held.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { HistoryEntry } from '../src/base/control.js';
import {
  configure,
  GROUP,
  history,
  isOk,
  startedOn,
  startTandemd,
  TIMING,
  untilStatus,
} from './cluster.js';
import { floorTakeOver } from './floor.js';
import { Lab } from './lab.js';
import { settledLeftovers, snapshotHost } from './leftovers.js';
import type { LabNode } from './node.js';
import { Progress } from './progress.js';
import { insideSandbox, labProblem, runInSandbox } from './sandbox.js';
import { setupDrbd } from './storage.js';
import { rowsOf, timelineText } from './timeline.js';
import { Writer, type Outage } from './writer.js';

/** Rows that must be acknowledged before and after each event. */
const ROWS = 200;
const PATIENCE = { timeoutMs: 60_000 } as const;
const progress = new Progress();
/** Node -> process number of its tandemd. */
const daemons = new Map<string, number>();

async function outside(args: readonly string[]): Promise<number> {
  const problem = labProblem();
  if (problem !== null) throw new Error(problem);
  const before = snapshotHost();
  const log = (line: string): void => progress.say(line);
  const code = await runInSandbox(fileURLToPath(import.meta.url), args, { log });
  const left = await settledLeftovers(before);
  for (const thing of left) progress.say(`left behind: ${thing}`);
  if (left.length === 0) progress.say('nothing is left behind: no process, namespace, mount or tap');
  return left.length === 0 ? code : 1;
}

async function inside(): Promise<number> {
  const lab = await Lab.create({ log: (line) => progress.say(line) });
  const writer = new Writer();
  try {
    const [n1, n2] = [lab.node('n1'), lab.node('n2')];
    await prepare(lab);
    await bringUp(lab, n1, n2);
    writer.start();
    const rows = (): string => `${writer.count} rows acknowledged`;
    progress.begin(`writing rows through 10.9.0.100 from outside`, rows);
    await writer.untilWritten(ROWS, PATIENCE);
    const crash = await powerCut(writer, n1, n2);
    await comeBack(n1, n2);
    const move = await planMove(writer, n1, n2);
    await proveRows(writer, n1);
    await leave(n1, n2);
    progress.print(`\n${crash}\n\n${move}\n`);
  } finally {
    progress.begin('switching everything off');
    await lab.dispose();
    progress.end();
  }
  return 0;
}

async function prepare(lab: Lab): Promise<void> {
  progress.begin('booting n1 and n2, each with its own disk, two networks and a null modem');
  await lab.bootAll();
  progress.begin('DRBD r0: first sync; file system; MariaDB data directory');
  await setupDrbd(lab);
  await configure(lab);
}

async function bringUp(lab: Lab, n1: LabNode, n2: LabNode): Promise<void> {
  progress.begin('starting tandemd on both from ha.cf, haresources and authkeys');
  await Promise.all(lab.nodes.map(start));
  await untilStatus(n1, 'mysql runs on n1', (seen) => startedOn(seen, 'n1'), PATIENCE);
  await untilStatus(n2, 'all is well', isOk, PATIENCE);
  progress.end();
}

async function start(node: LabNode): Promise<void> {
  daemons.set(node.name, await startTandemd(node));
}

async function powerCut(writer: Writer, n1: LabNode, n2: LabNode): Promise<string> {
  const rows = (): string => `${writer.count} rows acknowledged`;
  progress.begin('the power of n1 is cut; n2 must fence it and take over', rows);
  const cutMs = Date.now();
  await n1.powerCut();
  await writer.untilWritten(ROWS, PATIENCE);
  const entry = await lastEntry(n2);
  assert.equal(entry.outcome, 'done', `the takeover of n2: ${entry.trigger}`);
  const fenced = entry.account.find(({ sentence }) => sentence.includes('n1 is confirmed off'));
  assert.ok(fenced, 'n2 started only after n1 was confirmed off');
  return timelineText(
    `power cut of n1 (keepalive ${TIMING.keepaliveMs} ms, deadtime ${TIMING.deadtimeMs} ms)`,
    rowsOf([entry], cutMs),
    outageSince(writer, cutMs),
  );
}

async function comeBack(n1: LabNode, n2: LabNode): Promise<void> {
  progress.begin('n1 has power again: it must rejoin as Secondary, resync, and move nothing');
  const before = await lastEntry(n2);
  await n1.boot();
  await start(n1);
  const seen = await untilStatus(n2, 'n1 is back and in sync', isOk, PATIENCE);
  assert.ok(startedOn(seen, 'n2'), 'nothing moved when n1 came back');
  assert.equal(seen.drbd[0]?.peerRole, 'Secondary');
  assert.deepEqual(
    seen.drbd.flatMap(({ volumes }) => volumes.map(({ peerDisk }) => peerDisk)),
    ['UpToDate'],
  );
  assert.equal((await lastEntry(n2)).id, before.id, 'no operation began when n1 came back');
  progress.end();
}

async function planMove(writer: Writer, n1: LabNode, n2: LabNode): Promise<string> {
  const rows = (): string => `${writer.count} rows acknowledged`;
  progress.begin(`tandem move ${GROUP} --to n1`, rows);
  const moveMs = Date.now();
  const said = await n2.must(`tandem move ${GROUP} --to n1`, PATIENCE);
  await writer.untilWritten(ROWS, PATIENCE);
  progress.say(said.split('\n').at(-1) ?? '');
  await untilStatus(n1, 'mysql runs on n1', (seen) => startedOn(seen, 'n1'), PATIENCE);
  const outage = outageSince(writer, moveMs);
  const entries = [await lastEntry(n2), await lastEntry(n1)];
  const begin = Math.min(...entries.map((entry) => Date.parse(entry.startedAt)));
  return timelineText('planned move from n2 to n1', rowsOf(entries, begin), outage);
}

async function proveRows(writer: Writer, n1: LabNode): Promise<void> {
  progress.begin('reading every row back');
  await writer.stop();
  const { acknowledged, stored, lost } = await writer.verify();
  progress.end();
  assert.deepEqual(lost, [], 'acknowledged rows that are missing');
  progress.say(`${acknowledged} rows were acknowledged, ${stored} are stored, none is lost`);
  const text = await n1.must('tandem status', PATIENCE);
  progress.print(`\nn1# tandem status\n${text}`);
}

async function leave(n1: LabNode, n2: LabNode): Promise<void> {
  progress.begin('SIGTERM to both: each stops what it runs and leaves');
  for (const node of [n2, n1]) {
    const pid = String(daemons.get(node.name));
    await node.must(`kill -TERM ${pid}; while [[ -d /proc/${pid} ]]; do sleep 0.1; done`, PATIENCE);
  }
  const mounted = await n1.exec('grep -q " /db " /proc/mounts');
  assert.equal(mounted.exitCode, 1, 'nothing is mounted on n1 after it left');
  progress.begin('the same takeover steps as a bare script, for comparison');
  const floor = await floorTakeOver(n1);
  const steps = floor.steps.map(({ step, ms }) => `${step} ${ms.toFixed(0)}`).join(', ');
  progress.say(`floor: ${floor.totalMs.toFixed(0)} ms (${steps})`);
}

async function lastEntry(node: LabNode): Promise<HistoryEntry> {
  const answer = await history(node);
  const entry = answer?.entries.at(-1);
  assert.ok(entry, `${node.name} has an account of what happened`);
  return entry;
}

function outageSince(writer: Writer, wallMs: number): Outage {
  const outage = writer
    .outages()
    .find((gap) => (gap.toMs ?? Infinity) > wallMs && gap.fromMs > wallMs - 1_000);
  assert.ok(outage, 'the client noticed the event');
  return outage;
}

try {
  process.exit(insideSandbox() ? await inside() : await outside(process.argv.slice(2)));
} catch (error) {
  progress.end();
  progress.say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
