import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { assert, assertNever, AssertionFailure } from '../../src/base/assert.js';
import { formatDiagnostic, nearestWord, type Diagnostic } from '../../src/base/diagnostic.js';
import { EXIT, EXIT_MEANING } from '../../src/base/exit-codes.js';
import { createPrng } from '../../src/base/prng.js';

t.test('exit codes: one number each, in the range of a process, with a meaning', (t) => {
  const numbers = Object.values(EXIT);
  t.equal(new Set(numbers).size, numbers.length, 'no number twice');
  t.ok(numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= 125));
  t.strictSame(Object.keys(EXIT_MEANING).sort(), Object.keys(EXIT).sort());
  t.end();
});

t.test('exit codes: those that other tools defined keep their numbers', (t) => {
  t.match(EXIT, { ok: 0, daemonDown: 3, unknown: 4 }, 'LSB: status of a daemon');
  t.match(EXIT, { usage: 64, noInput: 66, unavailable: 69, software: 70 }, 'sysexits(3)');
  t.match(EXIT, { permission: 77, config: 78 }, 'sysexits(3)');
  t.match(EXIT, { noSuch: 105, unsafe: 107, timeout: 124 }, 'Pacemaker');
  t.end();
});

t.test('exit codes: each is in the manual with its meaning', (t) => {
  const manual = readFileSync(join(root(), 'docs/commands.md'), 'utf8');
  for (const [name, meaning] of Object.entries(EXIT_MEANING)) {
    const code = EXIT[name as keyof typeof EXIT];
    t.ok(manual.includes(`| ${code} | \`${name}\` | ${meaning} |`), `${code} ${name}`);
  }
  t.end();
});

function root(folder: string = dirname(fileURLToPath(import.meta.url))): string {
  return existsSync(join(folder, 'package.json')) ? folder : root(dirname(folder));
}

const FAULT: Diagnostic = {
  severity: 'error',
  file: '/etc/ha.d/ha.cf',
  line: 3,
  column: 10,
  message: 'unknown word "deadtme"',
  expected: 'a directive',
};

t.test('diagnostic: file, line and column as far as they are known', (t) => {
  const text = 'unknown word "deadtme"; expected a directive';
  t.equal(formatDiagnostic(FAULT), `/etc/ha.d/ha.cf:3:10: error: ${text}`);
  t.equal(formatDiagnostic({ ...FAULT, column: 0 }), `/etc/ha.d/ha.cf:3: error: ${text}`);
  t.equal(formatDiagnostic({ ...FAULT, line: 0 }), `/etc/ha.d/ha.cf: error: ${text}`);
  t.equal(
    formatDiagnostic({ ...FAULT, severity: 'warning', cure: 'write deadtime' }),
    `/etc/ha.d/ha.cf:3:10: warning: ${text}; write deadtime`,
  );
  t.end();
});

t.test('nearest word: at most two letters off, one for short words', (t) => {
  const known = ['status', 'standby', 'move', 'n1', 'n2'];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['statu', 'status'],
    ['STATUS', 'status'],
    ['sttaus', 'status'],
    ['standbi', 'standby'],
    ['mve', 'move'],
    ['mvoe', 'move'],
    ['tsaubdy', undefined],
    ['tsandyb', 'standby'],
    ['1n', 'n1'],
    ['mv', undefined],
    ['n3', 'n1'],
    ['x', undefined],
    ['', undefined],
    ['nothing-like-it', undefined],
  ];
  for (const [word, nearest] of rows) t.equal(nearestWord(word, known), nearest, `"${word}"`);
  t.equal(nearestWord('anything', []), undefined);
  t.end();
});

t.test('nearest word: a known word is its own nearest (property)', (t) => {
  const words = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.nat(), (known, pick) => {
      const word = known[pick % known.length]!;
      return nearestWord(word, known) === word;
    }),
  );
  t.end();
});

t.test('assert: a broken invariant throws and says which', (t) => {
  t.doesNotThrow(() => assert(true, 'holds'));
  t.throws(() => assert(false, 'one owner'), {
    name: 'AssertionFailure',
    message: 'Invariant broken: one owner',
  });
  t.throws(() => assertNever('stray' as never), { message: 'Unexpected variant: "stray"' });
  t.ok(new AssertionFailure('x') instanceof Error);
  t.end();
});

t.test('prng: same seed, same numbers; other seed, other numbers', (t) => {
  const draw = (seed: number): number[] => {
    const prng = createPrng(seed);
    return Array.from({ length: 20 }, () => prng.next());
  };
  t.strictSame(draw(42), draw(42));
  t.notSame(draw(42), draw(43));
  t.strictSame(draw(1), draw(1 + 2 ** 32), 'a seed has 32 bits');
  t.strictSame(
    draw(0).slice(0, 3),
    [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197],
    'the published sequence of mulberry32 for seed 0',
  );
  t.end();
});

t.test('prng: in range, and spread evenly enough (property)', (t) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1_000 }), (seed, bound) => {
      const prng = createPrng(seed);
      const draws = Array.from({ length: 50 }, () => prng.below(bound));
      return draws.every((draw) => Number.isInteger(draw) && draw >= 0 && draw < bound);
    }),
  );
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const prng = createPrng(seed);
      const counts = Array.from({ length: 10 }, () => 0);
      for (let draw = 0; draw < 10_000; draw += 1) counts[prng.below(10)]! += 1;
      // Each bin expects 1,000 with a standard deviation of 30; seven of those never happen.
      return counts.every((count) => Math.abs(count - 1_000) < 210);
    }),
  );
  t.end();
});
