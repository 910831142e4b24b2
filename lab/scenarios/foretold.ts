// What `tandem simulate` foretells on the live cluster, against what then really happens; and what
// `tandem why` says before and right after a takeover.

import type { WhyAnswer } from '../../src/base/why.js';
import { daemonLog, GROUP, whyAnswer } from '../cluster.js';
import type { LabNode } from '../node.js';
import { playAll, type Scenario } from './play.js';
import { place } from './seen.js';
import { PATIENCE, type Stage } from './stage.js';

/** What `tandem simulate --json` tells, as far as facts are about it. */
type Forecast = {
  readonly lines: readonly {
    readonly node: string | null;
    readonly kind: 'fault' | 'decision' | 'service' | 'answer';
    readonly sentence: string;
  }[];
  readonly groups: readonly {
    readonly node: string | null;
    readonly state: string;
    readonly outageMs: number;
  }[];
  readonly times: readonly { readonly phase: string; readonly basis: 'measured' | 'timeout' }[];
  readonly isAtRest: boolean;
};

/** How much longer than foretold it may really take: little on an idle host, much on a busy one. */
const SLOWER_MAX = 5;
const QUICKER_MAX = 2;

async function simulate(node: LabNode, words: string): Promise<Forecast> {
  return JSON.parse(await node.must(`tandem simulate ${words} --json`, PATIENCE)) as Forecast;
}

async function why(node: LabNode): Promise<WhyAnswer> {
  const answer = await whyAnswer(node);
  if (answer === null) throw new Error(`${node.name}: its daemon does not answer`);
  return answer;
}

/** Only what was decided counts: numbers, and the words of agents and devices, are the world's. */
function decided(sentence: string): string {
  return sentence
    .replace(/^(\S+ is (?:started|stopped|confirmed off)): .*/, '$1')
    .replace(/^(The power device of \S+): .*/, '$1')
    .replace(/\b\d+(\.\d+)? (ms|s|min)\b( \d+ s\b)?/g, 'N');
}

/** What the core of a node has said so far; a standstill of the host is no decision. */
async function decisions(node: LabNode): Promise<readonly string[]> {
  const said = (await daemonLog(node)).filter((entry) => entry['event'] === 'log');
  return said.map((entry) => String(entry['msg'])).filter((words) => !words.includes('stood still'));
}

/** A cluster that has measured its own times: every node has stopped and started everything once. */
async function raiseMeasured(stage: Stage): Promise<void> {
  await stage.raiseCluster();
  for (const to of ['n2', 'n1']) {
    const moved = await stage.ask(stage.n1, { kind: 'move', group: GROUP, to });
    stage.fact(`moved to ${to}, to know the times`, moved.state === 'done', moved);
    await stage.untilOk(to);
  }
}

/** The sentences of each node in the order of the forecast, and nothing else between them. */
function factSame(stage: Stage, foretold: Forecast, node: LabNode, said: readonly string[]): void {
  const lines = foretold.lines.filter((line) => line.kind === 'decision' && line.node === node.name);
  const wanted = lines.map(({ sentence }) => decided(sentence));
  const real = said.map(decided).slice(0, wanted.length);
  const holds = wanted.length > 0 && real.join('\n') === wanted.join('\n');
  stage.note([`${node.name}:`, ...said].join('\n'));
  stage.fact(`${node.name}: the ${wanted.length} foretold sentences, in order`, holds, { wanted, real });
}

function factOutage(stage: Stage, foretold: Forecast, longestMs: number): void {
  const outageMs = foretold.groups[0]?.outageMs ?? 0;
  const seen = { foretoldMs: Math.round(outageMs), clientMs: Math.round(longestMs) };
  stage.note(`the outage: foretold ${seen.foretoldMs} ms, seen by the client ${seen.clientMs} ms`);
  stage.fact(`at most ${SLOWER_MAX} times as long as foretold`, longestMs < SLOWER_MAX * outageMs, seen);
  stage.fact(`nor ${QUICKER_MAX} times shorter`, longestMs > outageMs / QUICKER_MAX, seen);
}

/** Nothing was touched, all times are measured ones, and n2 would have it in the end. */
async function factForecast(stage: Stage, foretold: Forecast): Promise<void> {
  const { n1 } = stage;
  const known = await stage.until(n1, 'untouched', (s) => place(s) === 'started n1');
  stage.fact('the simulation touched nothing', known.verdict.state === 'ok', known.verdict);
  stage.fact('it comes to rest', foretold.isAtRest, foretold);
  const [end] = foretold.groups;
  stage.fact('n2 would have it', end?.node === 'n2' && end.state === 'started', end);
  const measured = foretold.times.every(({ basis }) => basis === 'measured');
  stage.fact('its times were measured here', measured, foretold.times);
}

const powerCut: Scenario = {
  title: 'foretold: tandem simulate --node-fail n1, then the power of n1 is really cut',
  async play(stage) {
    const { n1, n2 } = stage;
    await raiseMeasured(stage);
    const [group] = (await why(n2)).groups;
    stage.fact('why: it runs on n1', group?.state === 'started' && group.node === 'n1', group);
    const could = group?.options.find(({ node }) => node === 'n2');
    stage.fact('why: n2 is possible', could?.verdict === 'possible', group?.options);
    const writer = await stage.write(n1);

    const foretold = await simulate(n2, '--node-fail n1');
    await factForecast(stage, foretold);
    const before = (await decisions(n2)).length;
    stage.begin();
    await n1.powerCut();
    await stage.until(n2, 'n2 runs it', (s) => place(s) === 'started n2');
    await factWhyAfter(stage);
    await stage.untilWriting(writer);
    factSame(stage, foretold, n2, (await decisions(n2)).slice(before));
    factOutage(stage, foretold, writer.outages()[0]?.durationMs ?? 0);
    stage.factOneHolder();
    await stage.factNoRowLost(writer);
  },
};

/** Asked at once after the takeover, while its account is fresh. */
async function factWhyAfter(stage: Stage): Promise<void> {
  const { groups, nodes } = await why(stage.n2);
  const [group] = groups;
  stage.fact('why: it runs on n2 now', group?.node === 'n2' && group.state === 'started', group);
  const latest = group?.latest;
  const told = /n1 is silent on every link/.test(latest?.trigger ?? '');
  stage.fact('why: because n1 fell silent', told && latest?.outcome === 'done', latest);
  const gone = group?.options.find(({ node }) => node === 'n1');
  stage.fact('why: n1 is rejected, and why', gone?.verdict === 'rejected', group?.options);
  const n1 = nodes.find(({ name }) => name === 'n1');
  const sure = [n1?.decision, ...(n1?.evidence ?? [])].join('\n');
  stage.fact('why: how n1 was made sure of', /off/.test(sure), nodes);
  stage.note(await stage.n2.must('tandem why mysql; tandem why n1', PATIENCE));
}

const move: Scenario = {
  title: 'foretold: tandem simulate --operator "move mysql", then it is really moved',
  async play(stage) {
    const { n1, n2 } = stage;
    await raiseMeasured(stage);
    const writer = await stage.write(n1);
    // Each node's own forecast rests on what it measured itself: n2 knows how it starts the group.
    const foretold = await simulate(n2, '--operator "move mysql"');
    await factForecast(stage, foretold);
    const before = [await decisions(n1), await decisions(n2)].map(({ length }) => length);
    stage.begin();
    const moved = await stage.ask(n2, { kind: 'move', group: GROUP, to: null });
    stage.fact('it is moved', moved.state === 'done', moved);
    await stage.untilWriting(writer);
    const answers = foretold.lines.filter(({ kind }) => kind === 'answer');
    const wanted = decided(answers.at(-1)?.sentence ?? '');
    stage.fact('the answer is the foretold one', wanted === `done: ${decided(moved.message)}`, answers);
    for (const [at, node] of [n1, n2].entries()) {
      factSame(stage, foretold, node, (await decisions(node)).slice(before[at]));
    }
    factOutage(stage, foretold, writer.outages()[0]?.durationMs ?? 0);
    stage.factOneHolder();
    stage.factNobodyFenced();
    await stage.factNoRowLost(writer);
  },
};

await playAll(import.meta.url, [powerCut, move]);
