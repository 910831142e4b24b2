// Proves that the lab itself works: run `node dist/lab/selftest.js`. With `--hold` it boots one
// node and waits to be killed, so that a test can look at what is left behind.

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { floorGiveUp, floorTakeOver, type FloorTimes } from './floor.js';
import { Lab } from './lab.js';
import type { LabNode } from './node.js';
import { POWER } from './power.js';
import { run } from './process.js';
import { insideSandbox, labProblem, runInSandbox } from './sandbox.js';
import { setupDrbd, STORAGE, waitForDrbd } from './storage.js';
import { Writer } from './writer.js';

const HOLD_MS = 60_000;
const startMs = performance.now();

function say(line: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  if (!insideSandbox()) {
    const problem = labProblem();
    if (problem !== null) throw new Error(problem);
    return runInSandbox(fileURLToPath(import.meta.url), args, { log: say });
  }
  const namespaces = ['net', 'mnt', 'pid'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
  say(`namespaces ${namespaces.join(' ')}`);
  if (args.includes('--hold')) return hold();
  const lab = await Lab.create({ log: say });
  try {
    await check(lab);
  } finally {
    await lab.dispose();
  }
  await checkNothingLeft();
  say('selftest passed');
  return 0;
}

async function hold(): Promise<number> {
  const lab = await Lab.create({ nodes: ['n1'], log: say });
  await lab.bootAll();
  say('holding');
  await sleep(HOLD_MS);
  await lab.dispose();
  return 1;
}

async function check(lab: Lab): Promise<void> {
  const [n1, n2] = lab.nodes;
  assert(n1 !== undefined && n2 !== undefined);
  await lab.bootAll();
  say('both nodes booted');
  await checkCommands(n1);
  await checkSerial(lab, n1, n2);
  await checkLink(lab, n1, n2);
  await setupDrbd(lab);
  say('DRBD synced the whole disk, MariaDB initialised');

  const writer = new Writer();
  sayTimes('take-over on n1', await floorTakeOver(n1));
  writer.start();
  await writer.untilWritten(50, { timeoutMs: 10_000 });
  sayTimes('giving up on n1', await floorGiveUp(n1));
  sayTimes('take-over on n2', await floorTakeOver(n2));
  await writer.untilWritten(50, { timeoutMs: 10_000 });
  say(`planned move: the client waited ${longest(writer)} ms`);
  await checkPowerCut(lab, writer, n1, n2);
  await checkSelfReboot(n2);
}

async function checkCommands(node: LabNode): Promise<void> {
  const result = await node.exec('cat; echo words >&2; exit 3', { input: 'grüße\n' });
  assert.deepEqual(result, { exitCode: 3, stdout: 'grüße\n', stderr: 'words\n' });
  await assert.rejects(node.exec('sleep 9', { timeoutMs: 200 }), /waited 200 ms for n1: sleep 9/);
  const beginMs = performance.now();
  for (let count = 0; count < 10; count += 1) await node.must('true');
  const eachMs = (performance.now() - beginMs) / 10;
  say(`a command takes ${eachMs.toFixed(0)} ms`);
}

async function checkSerial(lab: Lab, one: LabNode, two: LabNode): Promise<void> {
  for (const [from, to] of [[one, two], [two, one]] as const) {
    assert.equal(await passed(from, to, `hello from ${from.name}`), `hello from ${from.name}`);
  }
  await lab.cutSerial();
  assert.equal(await passed(one, two, 'lost', 1), '');
  await lab.healSerial();
  assert.equal(await passed(one, two, 'again'), 'again');
  say('the serial line carries bytes both ways, can be cut and healed');
}

/** Sends a line over the serial port; what the other side read within `waitS` seconds. */
async function passed(from: LabNode, to: LabNode, line: string, waitS = 5): Promise<string> {
  const reading = to.must(`read -r -t ${waitS} line < /dev/ttyS1; echo "$line"`);
  await sleep(150);
  await from.must(`echo '${line}' > /dev/ttyS1`);
  return reading;
}

async function checkLink(lab: Lab, one: LabNode, two: LabNode): Promise<void> {
  const ping = async (): Promise<number> =>
    (await one.exec(`ping -q -c 2 -i 0.2 -W 1 ${two.addresses.replication}`)).exitCode;
  assert.equal(await ping(), 0);
  await lab.setLink(two, 'replication', 'down');
  assert.equal(await ping(), 1);
  await lab.setLink(two, 'replication', 'up');
  assert.equal(await ping(), 0);
  say('a cut cable is silent and comes back');
}

async function checkPowerCut(
  lab: Lab,
  writer: Writer,
  survivor: LabNode,
  victim: LabNode,
): Promise<void> {
  assert.equal(await fence(survivor, 'status', victim), 0);
  victim.freeze();
  await assert.rejects(victim.exec('true', { timeoutMs: 300 }), /waited 300 ms/);
  victim.thaw();
  await victim.must('true');
  victim.freeze();
  assert.equal(await fence(survivor, 'off', victim), 0);
  assert.equal(victim.isRunning(), false);
  assert.equal(await fence(survivor, 'status', victim), 2);
  assert.equal(await fence(survivor, 'off', victim), 0, 'already off is a success');
  const times = await floorTakeOver(survivor, { disconnectFirst: victim });
  sayTimes(`${victim.name} hung and was fenced: take-over`, times);
  await writer.untilWritten(50, { timeoutMs: 10_000 });

  lab.power.setFault(victim, 'fail');
  assert.equal(await fence(survivor, 'on', victim), 1);
  lab.power.setFault(victim, 'none');
  assert.equal(await fence(survivor, 'on', victim), 0);
  await victim.untilReady({ timeoutMs: 30_000 });
  await survivor.must(`drbdadm connect ${STORAGE.resource}`);
  await waitForDrbd(survivor, 'ds:UpToDate/UpToDate', 30_000);
  say(`${victim.name} is back and in sync`);
  await writer.stop();
  const verdict = await writer.verify();
  assert.deepEqual(verdict.lost, []);
  const { acknowledged, stored } = verdict;
  say(`${acknowledged} rows acknowledged, ${stored} stored, none lost`);
}

async function checkSelfReboot(node: LabNode): Promise<void> {
  const reasons: string[] = [];
  node.onExit((reason) => reasons.push(reason));
  await node.spawn('reboot -f', { logFile: '/dev/null' });
  await node.untilOff({ timeoutMs: 5000 });
  assert.deepEqual(reasons, ['self']);
  await node.boot();
  await waitForDrbd(node, 'ds:UpToDate/UpToDate', 20_000);
  say(`${node.name} rebooted itself, was noticed and booted again`);
}

async function fence(from: LabNode, action: string, target: LabNode): Promise<number> {
  const { address, password, username } = POWER;
  const input = `action=${action}\nip=${address}\nusername=${username}\npassword=${password}\n`;
  const beginMs = performance.now();
  const result = await from.exec('fence_lab', { input: `${input}plug=${target.name}\n` });
  const tookMs = (performance.now() - beginMs).toFixed(0);
  const words = (result.stdout + result.stderr).trim();
  say(`fence_lab ${action} ${target.name}: ${result.exitCode}, ${tookMs} ms (${words})`);
  return result.exitCode;
}

/** After dispose: only this program is left in the sandbox, and no bridge and no tap. */
async function checkNothingLeft(): Promise<void> {
  const links = await run(['ip', '-o', 'link'], { timeoutMs: 5000 });
  assert.equal(links.trim().split('\n').length, 1, `only lo may be left:\n${links}`);
  const own = new Set(['1', String(process.pid), String(process.ppid)]);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && !own.has(name));
  assert.deepEqual(pids, [], 'no process may be left');
}

function longest(writer: Writer): string {
  return (writer.outages()[0]?.durationMs ?? 0).toFixed(0);
}

function sayTimes(what: string, { steps, totalMs }: FloorTimes): void {
  const parts = steps.map(({ step, ms }) => `${step} ${ms.toFixed(0)}`);
  say(`${what}: ${totalMs.toFixed(0)} ms (${parts.join(', ')})`);
}

main(process.argv.slice(2)).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${words}\n`);
    process.exit(1);
  },
);
