// The history of a node on disk.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { HistoryEntry } from '../../src/base/control.js';
import { HistoryFile } from '../../src/host/history-file.js';

const ENTRY: HistoryEntry = {
  id: 'op-6',
  group: 'mysql',
  node: 'n2',
  startedAt: '2026-01-12T03:00:00.000Z',
  endedAt: '2026-01-12T03:00:02.700Z',
  outcome: 'done',
  trigger: 'n2 takes over mysql: n1 is silent on every link',
  phases: [{ name: 'fencing', startedAtMs: 1_500, durationMs: 98, outcome: 'done' }],
  account: [{ atMs: 0, sentence: 'n2 takes over mysql: n1 is silent on every link' }],
};
const RUNNING: HistoryEntry = { ...ENTRY, endedAt: null, outcome: 'running', phases: [] };

function fails(t: Test): (sentence: string) => void {
  return (sentence) => void t.fail(sentence);
}

t.test('history file: what was recorded is read by the next daemon, which counts on', async (t) => {
  const folder = t.testdir();
  const file = new HistoryFile(folder, fails(t));
  t.same([file.past, file.highestNumber], [[], 0], 'a first start');
  file.record(RUNNING);
  file.record(ENTRY);
  file.record({ ...ENTRY, id: 'op-31' });
  await file.settled();
  const next = new HistoryFile(folder, fails(t));
  t.same(next.past, [ENTRY, { ...ENTRY, id: 'op-31' }], 'the last word of an id counts');
  t.equal(next.highestNumber, 31);
  next.record({ ...ENTRY, id: 'op-32' });
  await next.settled();
  t.same(new HistoryFile(folder, fails(t)).past.map(({ id }) => id), ['op-6', 'op-31', 'op-32']);
});

t.test('history file: what had not ended is told as broken off', async (t) => {
  const folder = t.testdir();
  const file = new HistoryFile(folder, fails(t));
  file.record(RUNNING);
  await file.settled();
  const [entry] = new HistoryFile(folder, fails(t)).past;
  t.match(entry, { outcome: 'failed', endedAt: null });
  t.equal(entry?.account.at(-1)?.sentence, 'tandemd ended before this was over');
});

t.test('history file: a line that the power cut short, and lines of somebody else', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'history.jsonl');
  writeFileSync(path, `${JSON.stringify(ENTRY)}\n{"id":"op-7","group":"my`);
  const file = new HistoryFile(folder, fails(t));
  t.same(file.past, [ENTRY], 'the last line is nobody\'s fault');
  file.record({ ...ENTRY, id: 'op-8' });
  await file.settled();
  t.same(new HistoryFile(folder, fails(t)).past.map(({ id }) => id), ['op-6', 'op-8']);
  writeFileSync(path, `{"id":5}\n${JSON.stringify(ENTRY)}\nhello\n`);
  const warnings: string[] = [];
  t.same(new HistoryFile(folder, (sentence) => void warnings.push(sentence)).past, [ENTRY]);
  t.same(warnings, [`${path}:1: no entry of a history; left out (2 such lines)`]);
});

t.test('history file: keeps the newest, and the file stays short', async (t) => {
  const folder = t.testdir();
  const file = new HistoryFile(folder, fails(t));
  for (let number = 1; number <= 900; number += 1) {
    file.record({ ...ENTRY, id: `op-${String(number)}` });
    if (number % 100 === 0) await file.settled();
  }
  await file.settled();
  const lines = readFileSync(join(folder, 'history.jsonl'), 'utf8').split('\n').length - 1;
  t.ok(lines <= 600, `${String(lines)} lines`);
  const { past } = new HistoryFile(folder, fails(t));
  t.equal(past.length, 200);
  t.equal(past.at(-1)?.id, 'op-900');
});

t.test('history file: a folder that cannot be written is said, and stops nobody', async (t) => {
  const folder = t.testdir({ file: 'no folder' });
  const warnings: string[] = [];
  const file = new HistoryFile(join(folder, 'file'), (sentence) => void warnings.push(sentence));
  file.record(ENTRY);
  await file.settled();
  t.match(warnings, [/cannot be read: ENOTDIR/, /history\.jsonl cannot be written: E/]);
});
