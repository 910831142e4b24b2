// How soon the death of a node is known, and how quiet that is under load: the default timing and a
// tuned profile, by real power cuts: `npm run bench detection [ROUNDS [default|tuned]]`.
//
//     detection   from the cut (the host's clock) to "taken for dead" in the survivor's log
//     outage      from the last acknowledged write before the cut to the first after it
//     quiet       a minute of moderate load on both nodes before the cuts: false verdicts, standstills

import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Status } from '../src/base/status.js';
import { configure, daemonLog, startTandemd, status, untilStatus } from '../lab/cluster.js';
import { Lab } from '../lab/lab.js';
import { loadNode, MODERATE_LOAD, stallsOf } from '../lab/load.js';
import type { LabNode } from '../lab/node.js';
import { waitFor } from '../lab/process.js';
import { insideSandbox, labProblem, runInSandbox } from '../lab/sandbox.js';
import { setupDrbd, STORAGE } from '../lab/storage.js';
import { Writer } from '../lab/writer.js';

const ROUNDS_DEFAULT = 5;
const LOADED_S = 60;
const PATIENCE = { timeoutMs: 120_000 } as const;
const ROWS = 100;
const CLOCK_READINGS = 10;

type Profile = {
  readonly name: string;
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
  readonly realtime: boolean;
};

const PROFILES: readonly Profile[] = [
  { name: 'default', keepaliveMs: 200, deadtimeMs: 1_500, realtime: false },
  { name: 'tuned, real-time priority', keepaliveMs: 50, deadtimeMs: 450, realtime: true },
];

/** One power cut, in ms. */
type Round = { readonly detectionMs: number; readonly outageMs: number };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function inside(rounds: number, profiles: readonly Profile[]): Promise<number> {
  const lab = await Lab.create();
  try {
    await lab.bootAll();
    await setupDrbd(lab);
    const writer = new Writer();
    writer.start();
    for (const profile of profiles) await measure(lab, writer, profile, rounds);
    await writer.stop();
    await reviveAll(lab, PROFILES[0] as Profile);
    const { acknowledged, lost } = await writer.verify();
    say(`${acknowledged} rows acknowledged, ${lost.length} lost`);
    return lost.length === 0 ? 0 : 1;
  } finally {
    await lab.dispose();
  }
}

async function measure(lab: Lab, writer: Writer, profile: Profile, rounds: number): Promise<void> {
  const { name, keepaliveMs, deadtimeMs } = profile;
  await configure(lab, { keepaliveMs, deadtimeMs });
  await reviveAll(lab, profile);
  await writer.untilWritten(ROWS, PATIENCE);
  say(`\n${name}: keepalive ${keepaliveMs} ms, deadtime ${deadtimeMs} ms`);
  let holder = await holderOf(lab);
  await loadPeriod(lab, holder);
  const results: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await reviveAll(lab, profile);
    holder = await holderOf(lab);
    const result = await cut(writer, holder, otherOf(lab, holder));
    results.push(result);
    say(`  round ${round}: ${JSON.stringify(result)}`);
    await holder.boot();
  }
  say(`  medians of ${rounds}: detection ${median(results, 'detectionMs')} ms, outage ${median(results, 'outageMs')} ms`);
  await reviveAll(lab, profile);
  for (const node of lab.nodes) await node.must(LEAVE, PATIENCE);
}

/** Ends tandemd in order. The last node to leave stops the service. */
const LEAVE = `pkill -TERM -f "[d]aemon/main.js"; while pgrep -f "[d]aemon/main.js" > /dev/null; do sleep 0.1; done`;

/** Every node has power and a daemon, and all is well: also after one was shot by a false alarm. */
async function reviveAll(lab: Lab, { realtime }: Profile): Promise<void> {
  for (const node of lab.nodes) {
    if (!node.isRunning()) await node.powerOn();
    await node.untilReady(PATIENCE);
    if ((await status(node)) === null) await startTandemd(node, { realtime });
  }
  for (const node of lab.nodes) {
    const seen = await untilStatus(node, 'it runs, and the other node could take it', isReady, PATIENCE);
    if (seen.verdict.state !== 'ok') say(`  ${node.name}: ${seen.verdict.summary}`);
  }
}

/** What a cut needs; one link of three may be missing. */
function isReady({ groups, nodes, drbd }: Status): boolean {
  const isInSync = drbd.every(({ connection, volumes }) =>
    connection === 'Connected' && volumes.every(({ disk, peerDisk }) => disk === 'UpToDate' && peerDisk === 'UpToDate'),
  );
  return isInSync && groups[0]?.state === 'started' && nodes.every(({ state }) => state === 'up');
}

async function holderOf(lab: Lab): Promise<LabNode> {
  const [first] = lab.nodes;
  assert.ok(first);
  const seen = await untilStatus(first, 'it runs', (s) => s.groups[0]?.state === 'started', PATIENCE);
  return lab.node(seen.groups[0]?.node ?? '');
}

function otherOf(lab: Lab, holder: LabNode): LabNode {
  const other = lab.nodes.find((node) => node !== holder);
  assert.ok(other);
  return other;
}

/** A minute of moderate load on both nodes. */
async function loadPeriod(lab: Lab, holder: LabNode): Promise<void> {
  const other = otherOf(lab, holder);
  const before = new Map<string, number>();
  for (const node of lab.nodes) before.set(node.name, (await sentences(node)).length);
  await loadNode(holder, { ...MODERATE_LOAD, seconds: LOADED_S, folder: STORAGE.mountPoint });
  await loadNode(other, { ...MODERATE_LOAD, seconds: LOADED_S, folder: '/root' });
  await sleep(LOADED_S * 1_000);
  for (const node of lab.nodes) {
    if (!node.isRunning()) {
      say(`  ${node.name} was shot under moderate load: a false alarm`);
      continue;
    }
    const since = (await sentences(node)).slice(before.get(node.name));
    const dead = since.filter((sentence) => sentence.includes('taken for dead')).length;
    const late = since.filter((sentence) => sentence.includes(' is late: ')).length;
    const stalls = stallsOf(since);
    say(
      `  ${LOADED_S} s of moderate load on ${node.name}: ${dead} verdicts of death, ${late} of lateness, ` +
        `${stalls.length} standstills, ${Math.max(0, ...stalls)} ms at the longest`,
    );
  }
}

async function cut(writer: Writer, holder: LabNode, other: LabNode): Promise<Round> {
  const hostAheadMs = await hostAhead(other);
  await writer.untilWritten(ROWS, PATIENCE);
  const before = (await daemonLog(other)).length;
  const cutMs = Date.now();
  await holder.powerCut();
  await writer.untilWritten(ROWS, PATIENCE);
  const verdict = await waitFor(`${other.name} to take ${holder.name} for dead`, async () => {
    const since = (await daemonLog(other)).slice(before);
    return since.find((entry) => String(entry['msg']).includes('taken for dead'));
  }, PATIENCE);
  const deadMs = Date.parse(String(verdict['time'])) + hostAheadMs;
  const [longest] = writer.outages().filter((gap) => gap.fromMs >= cutMs - 1_000);
  const outageMs = Math.round(longest?.durationMs ?? Number.NaN);
  return { detectionMs: Math.round(deadMs - cutMs), outageMs };
}

/** How far the host's clock is ahead of a node's: the quickest of some readings tells it. */
async function hostAhead(node: LabNode): Promise<number> {
  let aheadMs = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < CLOCK_READINGS; reading += 1) {
    const guestMs = Number(await node.must('echo $EPOCHREALTIME')) * 1_000;
    aheadMs = Math.min(aheadMs, Date.now() - guestMs);
  }
  return aheadMs;
}

async function sentences(node: LabNode): Promise<readonly string[]> {
  return (await daemonLog(node)).map((entry) => String(entry['msg']));
}

function median(results: readonly Round[], name: keyof Round): number {
  const sorted = results.map((round) => round[name]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function main(args: readonly string[]): Promise<number> {
  const [rounds = ROUNDS_DEFAULT, word = ''] = args;
  const profiles = PROFILES.filter(({ name }) => name.startsWith(word));
  if (insideSandbox()) return inside(Number(rounds), profiles);
  const problem = labProblem();
  if (problem !== null) throw new Error(problem);
  return runInSandbox(fileURLToPath(import.meta.url), args);
}

process.exit(await main(process.argv.slice(2)));
