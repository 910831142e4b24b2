import t from 'tap';
import { parseByteSize } from '../../src/base/byte-size.js';

t.test('byte size: what people type, in powers of 1024', (t) => {
  const sizes: readonly (readonly [string, number])[] = [
    ['1', 1],
    ['512M', 536_870_912],
    ['2G', 2_147_483_648],
    ['1.5GiB', 1_610_612_736],
    ['10 kb', 10_240],
    ['3t', 3_298_534_883_328],
  ];
  for (const [text, bytes] of sizes) t.strictSame(parseByteSize(text), { ok: true, value: bytes }, text);
  for (const text of ['', '0', '-1', '1x', 'G', '1e3', '999999999999T', '1.2345G', 'lots']) {
    t.match(parseByteSize(text), { ok: false, error: /512M or 2G/ }, text);
  }
  t.end();
});
