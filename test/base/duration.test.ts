import fc from 'fast-check';
import t from 'tap';
import { formatDuration, parseDuration } from '../../src/base/duration.js';

t.test('duration: a number and its unit', (t) => {
  const rows: readonly (readonly [string, number])[] = [
    ['0s', 0],
    ['200ms', 200],
    ['1.5s', 1_500],
    [' 2m ', 120_000],
    ['2 min', 120_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['1500us', 2],
    ['400us', 0],
    ['0.0005s', 1],
    ['999999999999d', 999_999_999_999 * 86_400_000],
  ];
  for (const [text, ms] of rows) t.strictSame(parseDuration(text), { ok: true, value: ms }, text);
  t.end();
});

t.test('duration: anything else is refused with what was expected', (t) => {
  const refused = [
    ...['', ' ', '5', '1.5', 's', 'ms', '-1s', '+1s', '1e3s', '1,5s', '.5s', '1.s', '1 s s', '0x1s'],
    ...['1S', '1sec', '1hour', '1mins', '1w', '1y', '١s', '1234567890123s', '1.1234567s'],
    ...['1toString', 'NaNs', 'Infinitys', '1s2m', 'null'],
  ];
  for (const text of refused) {
    const parsed = parseDuration(text);
    t.match(parsed, { ok: false, error: /its unit/ }, JSON.stringify(text));
  }
  t.end();
});

t.test('duration: total, and whole milliseconds (property)', (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseDuration(text);
      return parsed.ok ? Number.isSafeInteger(parsed.value) && parsed.value >= 0 : true;
    }),
  );
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h'), (count, unit) => {
      const scale = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit];
      const parsed = parseDuration(`${count}${unit}`);
      return parsed.ok && parsed.value === count * scale;
    }),
  );
  t.end();
});

t.test('duration: said as a person says it', (t) => {
  const rows: readonly (readonly [number, string])[] = [
    [0, '0 ms'],
    [0.4, '0 ms'],
    [640, '640 ms'],
    [999, '999 ms'],
    [1_000, '1.00 s'],
    [1_400, '1.40 s'],
    [9_990, '9.99 s'],
    [10_000, '10.0 s'],
    [59_900, '59.9 s'],
    [60_000, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_540_000, '59 min 00 s'],
    [3_600_000, '1 h 00 min'],
    [11_400_000, '3 h 10 min'],
    [360_000_000, '100 h 00 min'],
  ];
  for (const [ms, text] of rows) t.equal(formatDuration(ms), text, `${ms} ms`);
  t.end();
});

t.test('duration: never goes back and never says 60 of something (property)', (t) => {
  const valueMs = (text: string): number => {
    const [first = 0, second = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
    if (text.includes('h')) return first * 3_600_000 + second * 60_000;
    if (text.includes('min')) return first * 60_000 + second * 1_000;
    return text.endsWith('ms') ? first : first * 1_000;
  };
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      const text = formatDuration(ms);
      const slackMs = ms >= 3_600_000 ? 60_000 : Math.max(1, ms / 60);
      return Math.abs(valueMs(text) - ms) <= slackMs && !/\b(60(\.0)? s|60 min|1000 ms)/.test(text);
    }),
    { examples: [[999.6], [9_999], [59_960], [59_999], [3_599_500], [119_600]] },
  );
  t.end();
});
