/**
 * The one way into the project from a fresh clone: `npm test`, `npm run demo`,
 * `npm run bench`, `npm run sim`.
 *
 *     check Node -> install what package-lock.json names (once) -> compile (incremental) -> command
 *
 * It runs before anything is installed, so it uses nothing but Node.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, URL } from 'node:url';
import { run, seconds } from './process.mjs';

const NODE_MIN = [20, 12];
const STAMP = 'node_modules/.tandem-stamp';
const LOCK = 'package-lock.json';

/** Installing takes a minute; a registry that does not answer must not hang a build for hours. */
const INSTALL_TIMEOUT_MS = 600_000;

/** What package.json names under `bin`: can be started by its path from a copied folder. */
const PROGRAMS = ['dist/src/cli/main.js', 'dist/src/daemon/main.js'];

const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;

const COMMANDS = {
  demo: (args) => program('dist/lab/demo.js', args),
  bench: (args) => benchmark(args),
  sim: (args) => program('dist/bench/sim.js', args),
  test: (args) => run(process.execPath, ['scripts/test.mjs', ...args]),
};

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]) {
  if (!Object.hasOwn(COMMANDS, command ?? '')) {
    console.error(`Usage: node scripts/setup.mjs ${Object.keys(COMMANDS).join('|')} [ARGUMENT...]`);
    return EXIT_USAGE;
  }
  const complaint = nodeComplaint(process.versions.node);
  if (complaint !== null) {
    console.error(complaint);
    return EXIT_UNAVAILABLE;
  }
  const installed = await install();
  if (installed !== 0) return installed;
  const built = await build();
  // The tests go on and report everything else too; nothing else may run on a stale build.
  if (built !== 0 && command !== 'test') return built;
  const code = await COMMANDS[command](args);
  return code === 0 ? built : code;
}

function nodeComplaint(version) {
  const [major, minor] = version.split('.').map(Number);
  const [needMajor, needMinor] = NODE_MIN;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return null;
  return `Node ${NODE_MIN.join('.')} or newer is needed; this is ${version}`;
}

async function install() {
  const stamp = createHash('sha256').update(readFileSync(LOCK)).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8').trim() === stamp) return 0;
  if (installedMatchesLock()) {
    writeFileSync(STAMP, `${stamp}\n`);
    return 0;
  }
  const startedMs = performance.now();
  console.log(`install: ${LOCK} changed or nothing is installed yet; running npm ci`);
  rmSync(STAMP, { force: true });
  const code = await npm(['ci', '--include=dev']);
  if (code === 0) writeFileSync(STAMP, `${stamp}\n`);
  console.log(`install: ${code === 0 ? 'done' : `npm ci failed (exit ${code})`} in ${seconds(startedMs)}`);
  return code;
}

/** True when someone ran npm himself: npm notes what it installed, to be compared with the lock. */
function installedMatchesLock() {
  try {
    const wanted = JSON.parse(readFileSync(LOCK, 'utf8')).packages;
    const present = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        path === '' ||
        (present[path] === undefined ? entry.optional === true : same(entry, present[path])),
    );
  } catch {
    return false;
  }
}

function same(wanted, present) {
  return wanted.version === present.version && wanted.integrity === present.integrity;
}

function npm(args) {
  const own = process.env['npm_execpath'];
  const options = { timeoutMs: INSTALL_TIMEOUT_MS };
  if (own?.endsWith('.js')) return run(process.execPath, [own, ...args], options);
  return run('npm', args, options);
}

async function build() {
  const startedMs = performance.now();
  const tsc = 'node_modules/typescript/bin/tsc';
  const code = await run(process.execPath, [tsc, '-p', 'tsconfig.build.json']);
  if (code === 0) for (const path of PROGRAMS) chmodSync(path, 0o755);
  console.log(`build: ${code === 0 ? 'done' : `failed (exit ${code})`} in ${seconds(startedMs)}`);
  return code;
}

async function program(path, args) {
  if (existsSync(path)) return run(process.execPath, ['--enable-source-maps', path, ...args]);
  console.error(`There is no ${path}: this tree does not have that program`);
  return EXIT_UNAVAILABLE;
}

/** `bench` alone runs the main program when there is one; `bench NAME` runs one measurement. */
async function benchmark([name, ...args]) {
  const names = benchNames();
  if (name !== undefined && names.includes(name)) return program(`dist/bench/${name}.js`, args);
  const wantsMain = name === undefined || name.startsWith('-');
  if (wantsMain && names.includes('main')) {
    return program('dist/bench/main.js', name === undefined ? [] : [name, ...args]);
  }
  const problem = name === undefined ? 'Name a measurement' : `There is no measurement "${name}"`;
  console.error(`${problem}; known: ${names.join(', ') || 'none'}`);
  return EXIT_USAGE;
}

function benchNames() {
  if (!existsSync('dist/bench')) return [];
  const compiled = readdirSync('dist/bench').filter((file) => file.endsWith('.js'));
  return compiled.map((file) => file.slice(0, -'.js'.length)).sort();
}
