import t from 'tap';

interface TapReport {
  line(text: string): void;
  counts(): unknown;
}
interface TapReportOptions {
  readonly say: (line: string) => void;
  readonly verbose?: boolean;
}
interface TapReportModule {
  readonly createTapReport: (options: TapReportOptions) => TapReport;
}

const path = new URL('../../scripts/tap-report.mjs', import.meta.url).href;
const { createTapReport } = (await import(path)) as TapReportModule;

function told(stream: string, verbose = false): { said: string[]; counts: unknown } {
  const said: string[] = [];
  const report = createTapReport({ say: (line) => said.push(line), verbose });
  for (const line of stream.split('\n')) report.line(line);
  return { said, counts: report.counts() };
}

const FINE = `TAP version 14
1..1
# Subtest: test/a.test.ts
    # Subtest: area: it works
        ok 1 - should be equal
        1..1
    ok 1 - area: it works # time=2.1ms
    # started in 40 ms
    1..1
ok 1 - test/a.test.ts # time=1520.828ms

# { total: 1, pass: 1 }
# time=93.691ms`;

t.test('tap report: a good file is one line', (t) => {
  t.strictSame(told(FINE), {
    said: ['ok    test/a.test.ts (1.5 s)'],
    counts: { total: 1, passed: 1, failed: 0, skipped: 0 },
  });
  t.end();
});

t.test('tap report: verbose tells tests and comments as they come', (t) => {
  t.strictSame(told(FINE, true).said, [
    '  ok area: it works',
    '    started in 40 ms',
    'ok    test/a.test.ts (1.5 s)',
  ]);
  t.end();
});

t.test('tap report: a failure is told once, with its diagnostics', (t) => {
  const stream = `# Subtest: test/b.test.ts
    # Subtest: outer
        # Subtest: inner
            not ok 1 - numbers
              ---
              not ok 9 - not a result
              diff: |
                -1
              ...
            1..1
        not ok 1 - inner # time=1ms
          ---
          at: here
          ...
        1..1
    not ok 1 - outer # time=2ms
    1..1
not ok 1 - test/b.test.ts # time=25ms
  ---
  exitCode: 1
  ...
# { total: 1, pass: 0, fail: 1 }`;
  t.strictSame(told(stream), {
    said: [
      'FAIL  test/b.test.ts (0.0 s)',
      '  FAILED outer > inner > numbers',
      '              not ok 9 - not a result',
      '              diff: |',
      '                -1',
    ],
    counts: { total: 1, passed: 0, failed: 1, skipped: 0 },
  });
  t.end();
});

t.test('tap report: a file that ends badly says how', (t) => {
  const stream = `# Subtest: test/d.test.ts
    1..0 # no tests found
not ok 4 - test/d.test.ts # time=2268.079ms
  ---
  stdio: pipe
  exitCode: 3
  signal: null
  ...
not ok 6 - timeout!
  ---
  expired: test/e.test.ts
  signal: SIGALRM
  ...
# { total: 2, pass: 0, fail: 2 }`;
  t.strictSame(told(stream).said, [
    'FAIL  test/d.test.ts (2.3 s)',
    '    exitCode: 3',
    'FAIL  timeout!',
    '    expired: test/e.test.ts',
    '    signal: SIGALRM',
  ]);
  t.end();
});

t.test('tap report: what was not run is told with its reason, and counted as skipped', (t) => {
  const stream = `# Subtest: test/c.test.ts
    1..0 # no user namespaces here
ok 1 - test/c.test.ts # SKIP no user namespaces here
# Subtest: test/a.test.ts
    ok 1 - part # SKIP no captures
    not ok 2 - idea # TODO later
    1..2
ok 2 - test/a.test.ts # time=5ms
# { total: 3, pass: 0, todo: 1, skip: 2 }`;
  t.strictSame(told(stream), {
    said: [
      'skip  test/c.test.ts: no user namespaces here',
      'ok    test/a.test.ts (0.0 s)',
      '  skip part: no captures',
      '  todo idea: later',
    ],
    counts: { total: 3, passed: 0, failed: 0, skipped: 3 },
  });
  t.end();
});

t.test('tap report: a stream that breaks off has no counts', (t) => {
  t.equal(told('TAP version 14\n# Subtest: x\n    ok 1 - y').counts, null);
  t.equal(told('').counts, null);
  t.end();
});
