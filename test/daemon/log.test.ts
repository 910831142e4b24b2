import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  createLog,
  descriptorStream,
  type Log,
  type LogLevel,
  type LogStream,
} from '../../src/daemon/log.js';

process.env['TZ'] = 'UTC';
delete process.env['NO_COLOR'];
const NOW_MS = Date.UTC(2026, 0, 31, 3, 12, 9, 481);

interface Capture {
  readonly log: Log;
  readonly lines: string[];
}

function capture(level: LogLevel, isTTY: boolean): Capture {
  const lines: string[] = [];
  const stream: LogStream = { isTTY, write: (line) => void lines.push(line) };
  return { log: createLog({ level, stream, nowMs: () => NOW_MS }), lines };
}

function only(lines: readonly string[]): Record<string, unknown> {
  if (lines.length !== 1 || !/^[^\n]*\n$/.test(lines[0]!)) {
    throw new Error(`Not one line: ${JSON.stringify(lines)}`);
  }
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

t.test('log: a pipe gets one JSON object a line', (t) => {
  const { log, lines } = capture('info', false);
  log.warn('Node n2 is late', { node: 'n2', silentMs: 812, big: 12n });
  t.strictSame(only(lines), {
    level: 'warn',
    time: '2026-01-31T03:12:09.481Z',
    node: 'n2',
    silentMs: 812,
    big: '12',
    msg: 'Node n2 is late',
  });
  t.end();
});

t.test('log: a sentence is never a format', (t) => {
  const { log, lines } = capture('info', false);
  log.info('Synced 42.1 % of %s %d %j %%', { a: 1 });
  t.equal(only(lines)['msg'], 'Synced 42.1 % of %s %d %j %%');
  t.end();
});

t.test('log: each level silences those below it', (t) => {
  const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
  for (const [index, level] of levels.entries()) {
    const { log, lines } = capture(level, false);
    for (const said of levels) log[said](said);
    const heard = lines.map((line) => (JSON.parse(line) as { level: string }).level);
    t.strictSame(heard, levels.slice(index), level);
  }
  t.end();
});

t.test('log: secrets are left out at every depth', (t) => {
  const { log, lines } = capture('info', false);
  log.info('Agent started', {
    key: 'topsecret',
    Password: 'topsecret',
    device: { passwd: 'topsecret', list: [{ secret: { deep: 'topsecret' } }], keyId: 3 },
    material: new Uint8Array([1, 2, 3]),
  });
  t.notMatch(lines[0], 'topsecret');
  t.match(only(lines), {
    key: '[redacted]',
    Password: '[redacted]',
    device: { passwd: '[redacted]', list: [{ secret: '[redacted]' }], keyId: 3 },
    material: '[3 bytes]',
  });
  t.end();
});

t.test('log: fields cannot break the line', (t) => {
  const cycle: Record<string, unknown> = { name: 'loop' };
  cycle['self'] = cycle;
  const { log, lines } = capture('info', false);
  log.info('Odd', {
    time: 'mine',
    msg: 'mine',
    cycle,
    nothing: undefined,
    when: new Date(NaN),
    list: Array.from({ length: 1000 }, (_, index) => index),
    failure: new Error('Cannot mount', { cause: new TypeError('inner') }),
  });
  const line = only(lines);
  t.equal(line['msg'], 'Odd');
  t.equal(line['msg_'], 'mine');
  t.equal(line['time'], '2026-01-31T03:12:09.481Z');
  t.match(JSON.stringify(line['cycle']), 'too deep');
  t.equal((line['list'] as number[]).length, 64);
  t.match(line['failure'], { message: 'Cannot mount', cause: { type: 'TypeError' } });
  t.end();
});

t.test('log: a terminal gets a line for people', (t) => {
  const { log, lines } = capture('debug', true);
  log.info('mysql runs on n1', { node: 'n1', argv: ['ip', 'a'], text: 'two words' });
  log.error('Bare');
  log.warn('Peer says \u001b[2Jclear\nnext', { reply: '\u001b[31mred\r\n' });
  const colour = { info: '\u001b[32mINFO \u001b[39m', error: '\u001b[31mERROR\u001b[39m' };
  t.equal(
    lines[0],
    `03:12:09.481 ${colour.info} mysql runs on n1  node=n1 argv=["ip","a"] text="two words"\n`,
  );
  t.equal(lines[1], `03:12:09.481 ${colour.error} Bare\n`);
  process.env['NO_COLOR'] = '1';
  t.teardown(() => delete process.env['NO_COLOR']);
  log.error('Plain');
  t.equal(lines[3], '03:12:09.481 ERROR Plain\n');
  t.match(lines[2], / Peer says clear next {2}reply="/);
  t.notMatch(lines[2]!.slice(30), '\u001b', 'no control sequence of others');
  t.notMatch(lines[2]!.slice(0, -1), '\n');
  t.end();
});

t.test('log: lines nobody reads are counted, torn ones are closed, and the log goes on', (t) => {
  const path = join(t.testdir({}), 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => closeSync(fd));
  const stream = descriptorStream(fd);
  const filler = `${'x'.repeat(5_000)}\n`;
  for (let index = 0; index < 20; index += 1) stream.write(filler);
  drain(fd);
  stream.write('{"after":1}\n');
  const tail = drain(fd).split('\n');
  const lost = JSON.parse(tail.at(-3)!) as { lost: number; msg: string };
  t.ok(lost.lost >= 20 - 65_536 / 5_000 - 1 && lost.lost < 20, `lost ${lost.lost}`);
  t.match(lost.msg, /^The log lost \d+ lines: nobody read it$/);
  t.equal(tail.at(-2), '{"after":1}');
  stream.write('{"after":2}\n');
  t.equal(drain(fd), '{"after":2}\n', 'told once');
  t.end();
});

t.test('log: a descriptor that is gone does not end the program', (t) => {
  const stream = descriptorStream(9_999);
  t.doesNotThrow(() => stream.write('line\n'));
  t.equal(stream.isTTY, false);
  t.end();
});

function drain(fd: number): string {
  const chunk = Buffer.alloc(65_536);
  let all = '';
  for (;;) {
    try {
      const bytes = readSync(fd, chunk);
      all += chunk.toString('utf8', 0, bytes);
    } catch {
      return all;
    }
  }
}
