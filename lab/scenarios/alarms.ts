// False alarms: both nodes and the host are loaded as much as they can bear. Slow is not dead: no
// verdict, no question to the power device, no move.

import { spawn, type ChildProcess } from 'node:child_process';
import { TIMING } from '../cluster.js';
import { FULL_LOAD, loadNode, stallsOf } from '../load.js';
import { STORAGE } from '../storage.js';
import { playAll, type Scenario } from './play.js';
import type { Stage } from './stage.js';

const LOADED_S = 60;
const HOST_LOOPS = 2;
const HOST_NICE = '10';

/** Busy loops on the host; they end with the sandbox at the latest. */
function loadHost(): readonly ChildProcess[] {
  const words = ['-n', HOST_NICE, 'timeout', String(LOADED_S), 'bash', '-c', 'while :; do :; done'];
  return Array.from({ length: HOST_LOOPS }, () => spawn('nice', words, { stdio: 'ignore' }));
}

const fullLoad: Scenario = {
  title: `alarms: ${LOADED_S} s of full load on both nodes and on the host (nothing moves, nobody is asked)`,
  async play(stage) {
    const { n1, n2 } = stage;
    await stage.raiseCluster();
    const writer = await stage.write(n1);
    stage.begin();
    const said = new Map<string, number>();
    for (const node of [n1, n2]) said.set(node.name, (await stage.sentences(node)).length);
    const rows = writer.count;
    const host = loadHost();
    const folders = { n1: STORAGE.mountPoint, n2: '/root' };
    await loadNode(n1, { ...FULL_LOAD, seconds: LOADED_S, folder: folders.n1 });
    await loadNode(n2, { ...FULL_LOAD, seconds: LOADED_S, folder: folders.n2 });
    await stage.pass(LOADED_S * 1_000);
    for (const child of host) child.kill('SIGKILL');
    stage.note(`the client wrote ${Math.round((writer.count - rows) / LOADED_S)} rows a second meanwhile`);
    stage.factUnbroken(n1);
    stage.factNobodyFenced();
    for (const node of [n1, n2]) {
      const since = (await stage.sentences(node)).slice(said.get(node.name));
      factCalm(stage, node.name, since);
    }
    await stage.untilOk('n1');
    await stage.factNoRowLost(writer);
  },
};

function factCalm(stage: Stage, node: string, since: readonly string[]): void {
  const dead = since.filter((sentence) => sentence.includes('taken for dead'));
  stage.fact(`${node} took nobody for dead`, dead.length === 0, dead);
  const stalls = stallsOf(since);
  const longest = Math.max(0, ...stalls);
  const late = since.filter((sentence) => sentence.includes(' is late: ')).length;
  stage.note(
    `${node} stood still ${stalls.length} times, ${longest} ms at the longest, and found the other late ` +
      `${late} times (deadtime ${TIMING.deadtimeMs} ms)`,
  );
}

await playAll(import.meta.url, [fullLoad]);
