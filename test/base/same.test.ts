import t from 'tap';
import { haveSameEntries, isSameData } from '../../src/base/same.js';

t.test('same: plain data by its content', (t) => {
  const make = (): unknown => ({ a: [1, { b: null }], c: 'x', d: undefined });
  t.ok(isSameData(make(), make()));
  t.ok(isSameData([], []));
  const different: readonly [unknown, unknown][] = [
    [make(), { a: [1, { b: null }], c: 'x', e: undefined }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [[1, 2], [2, 1]],
    [[1], [1, 2]],
    [[], {}],
    [{}, null],
    [0, null],
    ['1', 1],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
  ];
  for (const [a, b] of different) {
    t.notOk(isSameData(a, b), `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
    t.notOk(isSameData(b, a), `${JSON.stringify(b)} is not ${JSON.stringify(a)}`);
  }
  t.end();
});

t.test('same: but for one entry', (t) => {
  t.ok(haveSameEntries({ n: 1, list: [1] }, { n: 2, list: [1] }, 'n'));
  t.notOk(haveSameEntries({ n: 1, list: [1] }, { n: 2, list: [1] }, 'list'));
  t.notOk(haveSameEntries({ n: 1, list: [1] }, { n: 1, list: [2] }, null));
  t.end();
});
