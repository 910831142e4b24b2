/**
 * Reads a TAP stream (testanything.org, version 14, as tap prints it) line by line and says what a
 * person wants to know: one line a file, the whole story of a failure, the reason of each skip.
 *
 * The counts are those that tap itself prints at the end (`# { total: 3, pass: 2, fail: 1 }`): test
 * points without children; a file that crashed, timed out or ran nothing counts as one failure.
 */

const INDENT = 4;
const POINT = /^(not )?ok(?: \d+)?(?: - (.*?))?(?: # (SKIP|TODO|time=)\s*(.*))?$/;
const COMMENT = /^# (?!time=|Subtest$|no tests)/;

/** How a test file's process ended, when that is why it failed. */
const END_OF_PROCESS = /^ *(exitCode: [1-9]|signal: SIG|expired: )/;

const COUNTS = /^# \{ total: (\d+)(.*)\}$/;

/**
 * `say` gets each finished line. With `verbose` also passed tests and comments are told, for tests
 * that take minutes each.
 */
export function createTapReport({ say, verbose = false }) {
  // open: the subtests around the current line, outermost first; notes: what to tell of this file;
  // diagnostic: who hears the next YAML block; yamlEnd: the line that ends the current one.
  const state = { open: [], notes: [], diagnostic: null, yamlEnd: null, counts: null };
  const context = { state, say, verbose };
  return {
    line: (text) => readLine(context, text),
    /** The counts of tap, or null when the stream ended before tap could tell them. */
    counts: () => state.counts,
  };
}

function readLine(context, text) {
  const { state, say, verbose } = context;
  if (readYaml(state, text)) return;
  state.diagnostic = null;
  const trimmed = text.trimStart();
  const depth = Math.floor((text.length - trimmed.length) / INDENT);
  const counts = depth === 0 ? COUNTS.exec(trimmed) : null;
  const point = POINT.exec(trimmed);
  if (counts !== null) state.counts = parseCounts(counts);
  else if (trimmed.startsWith('# Subtest: ')) openSubtest(state, depth, trimmed);
  else if (point !== null) readPoint(context, depth, point);
  else if (verbose && depth > 0 && COMMENT.test(trimmed)) say(`    ${trimmed.slice('# '.length)}`);
}

/** Diagnostics may contain anything, also lines that look like results: they are only repeated. */
function readYaml(state, text) {
  if (state.yamlEnd !== null) {
    if (text === state.yamlEnd) state.yamlEnd = null;
    else state.diagnostic?.(text);
    return true;
  }
  const opening = /^( *)---$/.exec(text);
  if (opening === null) return false;
  state.yamlEnd = `${opening[1]}...`;
  return true;
}

function parseCounts([, total, rest]) {
  const of = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(rest)?.[1] ?? 0);
  return {
    total: Number(total),
    passed: of('pass'),
    failed: of('fail'),
    skipped: of('skip') + of('todo'),
  };
}

function openSubtest(state, depth, text) {
  state.open.length = Math.min(state.open.length, depth);
  state.open[depth] = { title: text.slice('# Subtest: '.length), told: false };
}

function readPoint(context, depth, [, not, description = '', directive, reason = '']) {
  const { state } = context;
  const own = state.open[depth]?.title === description ? state.open[depth] : null;
  const point = { failed: not !== undefined, description, directive, reason };
  const excused = directive === 'SKIP' || directive === 'TODO';
  const told = own?.told === true;
  state.open.length = Math.min(state.open.length, depth);
  if (depth === 0) return closeFile(context, point, told);
  const title = [...state.open.slice(1).map((test) => test.title), description].join(' > ');
  if (excused) state.notes.push(`  ${directive.toLowerCase()} ${title}: ${reason}`);
  else if (point.failed) {
    if (!told) {
      state.notes.push(`  FAILED ${title}`);
      state.diagnostic = (line) => state.notes.push(line);
    }
    for (const test of state.open) test.told = true;
  }
  if (depth === 1 && context.verbose) {
    context.say(`  ${point.failed && !excused ? 'FAILED' : 'ok'} ${description}`);
  }
}

function closeFile({ state, say }, { failed, description, directive, reason }, told) {
  if (directive === 'SKIP') say(`skip  ${description}: ${reason}`);
  else say(`${failed ? 'FAIL ' : 'ok   '} ${description}${timeText(directive, reason)}`);
  for (const note of state.notes) say(note);
  state.notes = [];
  if (failed && !told) state.diagnostic = (line) => END_OF_PROCESS.test(line) && say(`  ${line}`);
}

function timeText(directive, reason) {
  const ms = Number.parseFloat(reason);
  return directive === 'time=' && Number.isFinite(ms) ? ` (${(ms / 1_000).toFixed(1)} s)` : '';
}
