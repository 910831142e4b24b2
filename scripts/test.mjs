/**
 * All checks of the project, one after the other; a failing one does not hide those behind it.
 *
 *     node scripts/test.mjs          lint, type check, unit and property tests, lab tests
 *     node scripts/test.mjs --unit   without the lab
 *     node scripts/test.mjs --lab    the lab only
 *
 * The last line is `N passed, N failed, N skipped`: test points, and one each for lint and types.
 */
import { mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, URL } from 'node:url';
import { run, seconds } from './process.mjs';
import { createTapReport } from './tap-report.mjs';

const LAB_FOLDER = join('test', 'e2e');
const RESULTS_FOLDER = 'test-results';

/** Seconds for one file: unit tests take about one; the lab boots machines and cuts their power. */
const UNIT_TIMEOUT_S = 120;
const LAB_TIMEOUT_S = 1_800;

/** Labs at once: each is in namespaces of its own, and waits for most of its time. */
const LABS = 3;

/** Lines of standard error that are shown after a failure; all of them are kept in a file. */
const LAST_WORDS_MAX = 30;

const EXIT_USAGE = 64;
const OPTIONS = ['--unit', '--lab'];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  const unknown = args.find((arg) => !OPTIONS.includes(arg));
  if (unknown !== undefined) {
    console.error(`Unknown argument "${unknown}"; known: ${OPTIONS.join(', ')}`);
    return EXIT_USAGE;
  }
  const both = args.length === 0 || args.length === OPTIONS.length;
  const counts = [];
  if (both) await installTools();
  if (both || args.includes('--unit')) counts.push(...(await checks()), await unitTests());
  if (both || args.includes('--lab')) counts.push(await labTests());
  return conclude(counts);
}

/** What cannot be installed here is skipped by the tests that need it, with the reason. */
async function installTools() {
  const { installPackages, TEST_TOOLS } = await import('../dist/lab/packages.js');
  const log = (line) => console.log(line);
  await installPackages(log, TEST_TOOLS).catch((error) => console.log(`tools: ${error.message}`));
}

function conclude(counts) {
  const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
  const ranNothing = counts.some((count) => count.ranNothing) || passed + failed === 0;
  if (ranNothing) console.log('No test was run: that is a failure too');
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || ranNothing ? 1 : 0;
}

/** Lint and types use one processor each, so they run side by side. */
function checks() {
  return Promise.all([
    check('lint', ['node_modules/eslint/bin/eslint.js', '.']),
    check('types', [
      'node_modules/typescript/bin/tsc',
      ...['-p', 'tsconfig.json'],
      ...['--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo-check'],
    ]),
  ]);
}

async function check(name, argv) {
  const startedMs = performance.now();
  const lines = [];
  const code = await run(process.execPath, argv, { onLine: (line) => lines.push(line) });
  for (const line of lines) console.log(line);
  console.log(`${name}: ${code === 0 ? 'clean' : `FAILED (exit ${code})`} in ${seconds(startedMs)}`);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

async function unitTests() {
  const files = testFiles('test').filter((file) => !file.startsWith(LAB_FOLDER));
  const count = await tap('unit', files, { jobs: 2, timeoutS: UNIT_TIMEOUT_S, verbose: false });
  return { ...count, ranNothing: count.passed + count.failed === 0 };
}

function labTests() {
  return tap('lab', testFiles(LAB_FOLDER), { jobs: LABS, timeoutS: LAB_TIMEOUT_S, verbose: true });
}

function testFiles(folder) {
  const names = readdirSync(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(folder, name)).sort();
}

async function tap(name, files, { jobs, timeoutS, verbose }) {
  if (files.length === 0) {
    console.log(`${name}: there are no tests`);
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const startedMs = performance.now();
  const report = createTapReport({ say: (line) => console.log(line), verbose });
  const onLine = tee(join(RESULTS_FOLDER, `${name}.tap`), report.line);
  const lastWords = [];
  const onErrorLine = tee(join(RESULTS_FOLDER, `${name}.stderr`), (line) => {
    if (lastWords.push(line) > LAST_WORDS_MAX) lastWords.shift();
  });
  const argv = ['node_modules/tap/dist/esm/run.mjs', 'run', '--reporter=tap'];
  const limits = [`--jobs=${jobs}`, `--timeout=${timeoutS}`];
  const env = { NO_COLOR: '1', FORCE_COLOR: undefined };
  const code = await run(process.execPath, [...argv, ...limits, ...files], {
    onLine,
    onErrorLine,
    env,
  });
  const told = report.counts();
  if (code !== 0) for (const line of lastWords) console.log(`  stderr: ${line}`);
  if (told === null) console.log(`${name}: tap ended (exit ${code}) before it had counted`);
  const count = told ?? { passed: 0, failed: 1, skipped: 0 };
  const failed = code !== 0 && count.failed === 0 ? 1 : count.failed;
  const { passed, skipped } = count;
  console.log(
    `${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds(startedMs)}` +
      ` (whole output: ${join(RESULTS_FOLDER, `${name}.tap`)})`,
  );
  return { passed, failed, skipped };
}

/** Keeps the whole stream in a file, so that what the short report leaves out can be looked up. */
function tee(path, next) {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const file = openSync(path, 'w');
  return (line) => {
    writeSync(file, `${line}\n`);
    next(line);
  };
}
