import fc from 'fast-check';
import t from 'tap';
import { formatWallTime } from '../../src/base/wall-time.js';

t.test('wall time: RFC 3339 as the platform writes it (any second of 9999 years)', (t) => {
  const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
  const property = fc.property(seconds, fc.integer({ min: 0, max: 999 }), (second, ms) => {
    const atMs = second * 1_000 + ms;
    return formatWallTime(atMs) === new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  for (const day of ['1970-01-01', '2000-02-29', '2024-02-29', '2100-02-28', '2100-03-01']) {
    t.equal(formatWallTime(Date.parse(`${day}T23:59:59Z`)), `${day}T23:59:59Z`);
  }
  t.end();
});
